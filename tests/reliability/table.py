"""The tables of faults × operations in `docs/reliability.md`, made from a run of each matrix.

`python -m tests.reliability.table` plays every cell and writes the tables; tests play them too, and another compares
the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pulumi_scalekit import local
from pulumi_scalekit.local import LocalScalekit

from . import connection_matrix, matrix
from .conftest import empty
from .matrix import Fault, Operation, Outcome

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- begin: {}, made by python -m tests.reliability.table -->\n", "<!-- end -->\n"
_SIGNS: Final[Mapping[Outcome | None, str]] = {
    "succeeds": "✓",
    "fails, then succeeds": "next run",
    "fails, then adopts": "adopt",
    None: "",
}
Outcomes = Mapping[tuple[str, Operation], Outcome]


@dataclass(frozen=True)
class Table:
    """One table of the page."""

    subject: str
    faults: Sequence[Fault]
    operations: Sequence[Operation]

    def expected(self) -> Outcomes:
        """What the matrix says that happens; its tests fail wherever it does not."""
        return {
            (fault.name, operation): fault.outcome for fault in self.faults for operation in fault.operations
        }

    def render(self, outcomes: Outcomes) -> str:
        """The table in Markdown, between its marks."""
        meanings = {fault.name: fault.meaning for fault in self.faults}
        lines = [
            f"| Fault | {' | '.join(self.operations)} | What happens |",
            f"| --- |{' --- |' * len(self.operations)} --- |",
            *(
                f"| {name} | {' | '.join(_SIGNS[outcomes.get((name, op))] for op in self.operations)} | {meaning} |"
                for name, meaning in meanings.items()
            ),
        ]
        return _BEGIN.format(self.subject) + "\n".join(lines) + "\n" + _END

    def put_into(self, page: str, outcomes: Outcomes) -> str:
        """The page, with this table in place of the one that it has."""
        before, _, rest = page.partition(_BEGIN.format(self.subject))
        _, _, after = rest.partition(_END)
        return before + self.render(outcomes) + after


CONNECTORS: Final = Table("connectors", matrix.FAULTS, matrix.OPERATIONS)
CONNECTIONS: Final = Table("connections", connection_matrix.FAULTS, connection_matrix.OPERATIONS)


def _observed_connectors(scalekit: LocalScalekit) -> Outcomes:
    """What happens with five connectors."""
    outcomes = {}
    for cell in matrix.cells(sizes=(5,)):
        empty(scalekit)
        outcomes[cell.fault.name, cell.operation] = matrix.play(cell, scalekit)
    return outcomes


def _observed_connections(scalekit: LocalScalekit) -> Outcomes:
    """What happens with a few connections."""
    return {
        (cell.fault.name, cell.operation): connection_matrix.play(cell, scalekit)
        for cell in connection_matrix.cells()
    }


if __name__ == "__main__":
    with local.running() as scalekit:
        text = PAGE.read_text(encoding="utf-8")
        text = CONNECTORS.put_into(text, _observed_connectors(scalekit))
        text = CONNECTIONS.put_into(text, _observed_connections(scalekit))
        PAGE.write_text(text, encoding="utf-8")
