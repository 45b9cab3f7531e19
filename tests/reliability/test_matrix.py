"""Every operation under every fault, with 1, 5 and 50 connectors: `up` until it succeeds, and nothing is wrong."""

from __future__ import annotations

import pytest

from pulumi_scalekit.local import LocalScalekit

from .matrix import Cell, cells, play
from .table import CONNECTIONS, CONNECTORS, PAGE, Table

CELLS = [
    pytest.param(cell, id=str(cell), marks=[] if cell.size == 5 else [pytest.mark.thorough])
    for cell in cells()
]


@pytest.mark.parametrize("cell", CELLS)
def test_the_invariant_holds(environment: LocalScalekit, cell: Cell) -> None:
    """Exactly the declared connectors, each once, state as live, nothing left to do; in as many runs as told."""
    assert play(cell, environment) == cell.fault.outcome


@pytest.mark.parametrize("table", [CONNECTORS, CONNECTIONS], ids=lambda table: table.subject)
def test_the_documented_table_is_current(table: Table) -> None:
    """The tables in the documentation say what each matrix says, whose cells say what happens."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == table.put_into(page, table.expected()), "run: python -m tests.reliability.table"
