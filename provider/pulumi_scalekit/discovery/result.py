"""A new definition, checked, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pulumi_scalekit.definition.account_values import account_values
from pulumi_scalekit.definition.check import findings
from pulumi_scalekit.definition.finding import Finding

from .notes import ORIGINS, Note, Notes
from .overrides import Overrides, lay_over
from .reading import Choice, Reading


@dataclass(frozen=True)
class Result:
    """A new definition, and what is known about it."""

    definition: dict[str, Any]
    notes: tuple[Note, ...]
    """Given, found, assumed, missing: in this order."""
    choices: tuple[Choice, ...]
    warnings: tuple[Finding, ...]
    """What the review says besides errors, which are among the missing notes."""

    @property
    def account_values(self) -> dict[str, list[str]]:
        """The names of the values that the definition collects, by where they go when an account is made."""
        return account_values(self.definition)

    @property
    def missing(self) -> list[Note]:
        """What has to be filled in or looked after before the definition can be used."""
        return [note for note in self.notes if note.origin == "missing"]

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {
            "definition": self.definition,
            "complete": not self.missing,
            "notes": [note.to_json() for note in self.notes],
            "choices": [choice.to_json() for choice in self.choices],
            "account_values": self.account_values,
            "warnings": [{"path": f.path, "rule": f.rule, "message": str(f)} for f in self.warnings],
        }


def conclude(reading: Reading, overrides: Overrides) -> Result:
    """Lay what the user says over a reading, write the definition and review it.

    Raises:
        DiscoveryError: What the user says cannot be, such as an unknown auth type.
    """
    notes = Notes(list(reading.notes.taken))
    blueprint = lay_over(reading.blueprint, overrides, notes)
    definition = blueprint.definition()
    reviewed = findings(definition)
    missing = [note.path for note in notes.taken if note.origin == "missing"]
    for finding in reviewed:
        if finding.severity == "error" and not any(_covers(path, finding.path) for path in missing):
            notes.missing(finding.path, finding.message, fix=finding.fix)
    ordered = sorted(_each_once(notes.taken), key=lambda note: ORIGINS.index(note.origin))
    warnings = tuple(finding for finding in reviewed if finding.severity != "error")
    return Result(definition, tuple(dict.fromkeys(ordered)), reading.choices, warnings)


def _each_once(taken: list[Note]) -> list[Note]:
    """The notes, where what is missing of a property begins with what was found of it, and takes its place."""
    found: dict[str, str] = {}
    for note in taken:
        if note.origin == "found":
            found[note.path] = f"{found[note.path]}; {note.text}" if note.path in found else note.text
    open_ = {note.path for note in taken if note.origin == "missing"}
    kept = []
    for note in taken:
        if note.origin == "found" and note.path in open_:
            continue
        if note.origin == "missing" and note.path in found:
            note = replace(note, text=f"{found.pop(note.path)}; {note.text}")
        kept.append(note)
    return kept


def _covers(path: str, place: str) -> bool:
    """Whether a note on a property says what a finding there would repeat."""
    return path == place or path.startswith((f"{place}.", f"{place}["))
