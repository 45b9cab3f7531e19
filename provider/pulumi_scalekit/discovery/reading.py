"""What was read out of a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .blueprint import Blueprint
from .notes import Notes


@dataclass(frozen=True)
class Choice:
    """A way to authenticate that a document offers."""

    name: str
    """The scheme's name in the document; several that go together are joined by `+`."""
    type: str
    """The auth type that it would become, or the empty string where a connector cannot do it."""
    summary: str
    chosen: bool = False

    def to_json(self) -> dict[str, Any]:
        """The choice as a JSON object."""
        return {"name": self.name, "type": self.type or None, "summary": self.summary, "chosen": self.chosen}


@dataclass(frozen=True)
class Reading:
    """What was read out of a source."""

    blueprint: Blueprint
    notes: Notes
    choices: tuple[Choice, ...] = ()
    """The ways to authenticate that the source offers."""
