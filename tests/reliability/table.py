"""The table of faults × operations in `docs/reliability.md`, made from a run of the matrix.

`python -m tests.reliability.table` plays every cell and writes the table; a test plays them too, and another
compares the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pulumi_scalekit import local

from .conftest import empty
from .matrix import FAULTS, OPERATIONS, Operation, Outcome, cells, play

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- begin: made by python -m tests.reliability.table -->\n", "<!-- end -->\n"
_SIGNS: Final[Mapping[Outcome | None, str]] = {
    "succeeds": "✓",
    "fails, then succeeds": "next run",
    "fails, then adopts": "adopt",
    None: "",
}
Outcomes = Mapping[tuple[str, Operation], Outcome]


def expected() -> Outcomes:
    """What the matrix says that happens; its tests fail wherever it does not."""
    return {(fault.name, operation): fault.outcome for fault in FAULTS for operation in fault.operations}


def observed() -> Outcomes:
    """What happens with five connectors."""
    with local.running() as scalekit:
        outcomes = {}
        for cell in cells(sizes=(5,)):
            empty(scalekit)
            outcomes[cell.fault.name, cell.operation] = play(cell, scalekit)
        return outcomes


def render(outcomes: Outcomes) -> str:
    """The table in Markdown, between its marks."""
    meanings = {fault.name: fault.meaning for fault in FAULTS}
    lines = [
        f"| Fault | {' | '.join(OPERATIONS)} | What happens |",
        f"| --- |{' --- |' * len(OPERATIONS)} --- |",
        *(
            f"| {name} | {' | '.join(_SIGNS[outcomes.get((name, op))] for op in OPERATIONS)} | {meaning} |"
            for name, meaning in meanings.items()
        ),
    ]
    return _BEGIN + "\n".join(lines) + "\n" + _END


def page_with(table: str) -> str:
    """The page, with this table in place of the one that it has."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return before + table + after


if __name__ == "__main__":
    PAGE.write_text(page_with(render(observed())), encoding="utf-8")
