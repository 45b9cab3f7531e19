"""What is known about each property of a new definition, and from where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from .text import CONTROL

Origin = Literal["given", "found", "assumed", "missing"]
"""`given` by the user; `found` in a document; `assumed` for the reason given; `missing`: to be filled in."""
ORIGINS: Final[tuple[Origin, ...]] = get_args(Origin)


@dataclass(frozen=True)
class Note:
    """Where the value of one property comes from."""

    origin: Origin
    path: str
    """The property, such as `auth_patterns[0].type`."""
    text: str
    """The value and the reason for it; of a missing one, why it is not known."""
    source: str = ""
    """Where in the document (a JSON pointer such as `#/servers/0`), or the URL of the metadata."""
    fix: str = ""
    """What to do about it, if anything is to be done."""

    def __post_init__(self) -> None:
        """Take out control characters: documents and servers could steer a terminal with them."""
        for name in ("path", "text", "source", "fix"):
            object.__setattr__(self, name, CONTROL.sub(" ", getattr(self, name)))

    def to_json(self) -> dict[str, str]:
        """The note as a JSON object, without empty members."""
        members = {"origin": self.origin, "path": self.path, "text": self.text, "source": self.source}
        return {key: value for key, value in {**members, "fix": self.fix}.items() if value}


@dataclass
class Notes:
    """Notes as they are taken."""

    taken: list[Note] = field(default_factory=list)

    def given(self, path: str, text: str) -> None:
        """Note a value that the user gave: it takes the place of what was known about the property."""
        self.drop(path)
        self.taken.append(Note("given", path, text))

    def drop(self, path: str) -> None:
        """Forget what was known about a property and what is in it."""
        self.taken = [
            note for note in self.taken if note.path != path and not note.path.startswith(f"{path}.")
        ]

    def found(self, path: str, text: str, source: str = "") -> None:
        """Note a value that a document states."""
        self.taken.append(Note("found", path, text, source))

    def assumed(self, path: str, text: str, source: str = "", fix: str = "") -> None:
        """Note a value that no document states."""
        self.taken.append(Note("assumed", path, text, source, fix))

    def missing(self, path: str, text: str, source: str = "", fix: str = "") -> None:
        """Note a value that has to be filled in, or a thing that does not work as it is."""
        self.taken.append(Note("missing", path, text, source, fix))
