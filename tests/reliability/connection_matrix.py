"""The same invariant for connections: operations × faults, and what is expected of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pulumi_scalekit.local import LocalScalekit

from . import matrix
from .connection_stack import ConnectionStack, check, empty_with_connectors, oauth
from .matrix import LATE, SHORT, Fault, Operation, Outcome, settle
from .stack import Run

OPERATIONS: Final[tuple[Operation, ...]] = ("create", "update", "delete", "read")
SIZE: Final = 3
_ON_WIRE: Final[Mapping[Operation, str]] = {"read": "get"}
_WRITES: Final[tuple[Operation, ...]] = ("create", "update", "delete")
AS_FOR_CONNECTORS: Final = (
    "slow response",
    "429 without Retry-After",
    "429 with Retry-After: 0",
    "500, nothing done",
    "503, nothing done",
    "500, yet done",
    "503, yet done",
    "connection closed, nothing done",
    "connection reset, nothing done",
    "connection closed, yet done",
    "connection reset, yet done",
    "body cut short, yet done",
    "invalid JSON, yet done",
    "token revoked in use",
    "outage: 503 all the time",
    "outage: no connection survives",
    "outage: 429 all the time",
    "429 with a long Retry-After",
    "400",
    "403",
    "401 in spite of a new token",
    "refusal that repeats the request",
    "redirect to another host",
)
"""Faults of the other matrix that mean the same for connections."""


def _same() -> Iterator[Fault]:
    for fault in matrix.FAULTS:
        if fault.name in AS_FOR_CONNECTORS:
            operations = tuple(o for o in OPERATIONS if o in fault.operations)
            yield replace(fault, operations=operations)


FAULTS: Final = (
    *_same(),
    Fault(
        "every response lost, yet done",
        ("{op}:drop-after-commit",),
        "the list tells of a create, a read of a delete",
        operations=("create", "delete"),
        settings=(("attempts", 3),),
    ),
    Fault(
        "every response lost, yet done",
        ("{op}:drop-after-commit",),
        "the list tells of a create, a read of a delete",
        "fails, then succeeds",
        says=r"broke off.*Run again",
        operations=("update",),
        settings=(("attempts", 3),),
    ),
    Fault(
        "response lost, and the list is late",
        ("{op}:drop-after-commit*1", "connection-list:stale=3"),
        "looked for again until the list shows it",
        operations=("create",),
    ),
    Fault(
        "response lost, and the list fails",
        ("{op}:drop-after-commit*1", "connection-list:error=503*2,skip=1"),
        "looked for again until the list shows it",
        operations=("create",),
    ),
    Fault(
        "no response in time, done later",
        (f"{{op}}:{LATE}",),
        "tried again, but for a create: the next run goes on with the draft",
        "fails, then succeeds",
        says=r"sent no response within 2 seconds\. Run again",
        operations=("create",),
        settings=SHORT,
    ),
    Fault(
        "no response in time, done later",
        (f"{{op}}:{LATE}",),
        "tried again, but for a create: the next run goes on with the draft",
        operations=("update", "delete", "read"),
        settings=SHORT,
    ),
    Fault(
        "created, and the settings refused",
        ("connection-update:error=400*1",),
        "the next run goes on with the draft",
        "fails, then succeeds",
        says=r"The connection itself exists \(conn_.*the next run goes on with it",
        operations=("create",),
    ),
    Fault(
        "created, and the settings never arrive",
        ("connection-update:error=503",),
        "the next run goes on with the draft",
        "fails, then succeeds",
        says=r"HTTP 503.*the next run goes on with it",
        operations=("create",),
        settings=(("attempts", 3),),
    ),
    Fault(
        "created, and not read back",
        ("connection-get:error=503",),
        "the next run goes on with the draft",
        "fails, then succeeds",
        says=r"HTTP 503.*the next run goes on with it",
        operations=("create",),
        settings=(("attempts", 3),),
    ),
)


@dataclass(frozen=True)
class Cell:
    """One fault on one operation."""

    operation: Operation
    fault: Fault

    def __str__(self) -> str:
        return f"{self.operation}-{self.fault.name.replace(' ', '_')}"


def cells() -> Iterator[Cell]:
    """Every cell of the matrix."""
    for fault in FAULTS:
        for operation in fault.operations:
            yield Cell(operation, fault)


def play(cell: Cell, scalekit: LocalScalekit) -> Outcome:
    """Play a cell until its command succeeds, check the invariant, and return how it went."""
    identifiers = empty_with_connectors(scalekit)
    stack = ConnectionStack(scalekit)
    before: dict[str, dict[str, Any]] = {f"c{n}": oauth(identifiers, f"c{n}") for n in range(SIZE)}
    after = {name: oauth(identifiers, name, prompt="consent") for name in before}
    declared = {"update": after, "delete": {}}.get(cell.operation, before)
    if cell.operation != "create":
        assert stack.up(before).succeeded
    operation = f"connection-{_ON_WIRE.get(cell.operation, cell.operation)}"
    for spec in cell.fault.specs:
        scalekit.faults.add(spec.format(op=operation, times="*2"))

    def command() -> Run:
        return stack.refresh() if cell.operation == "read" else stack.up(declared)

    outcome: Outcome = "succeeds"
    with stack.under(cell.fault.settings):
        run = command()
    assert scalekit.faults.drawn, "the fault never struck"
    if not run.succeeded:
        outcome = "fails, then succeeds"
        for message in run.errors:
            assert re.search(cell.fault.says or "$^", message), message
            assert "canary" not in message
        scalekit.faults.clear()
        settle(scalekit)
        run = command()
    assert run.succeeded, run.errors
    settle(scalekit)
    check(stack, declared)
    return outcome
