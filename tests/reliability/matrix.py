"""The invariant as data: operations × faults × sizes, and what is expected of each."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import bearer
from . import invariant
from .stack import Run, Stack

Operation = Literal["create", "update", "delete", "read", "token"]
Outcome = Literal["succeeds", "fails, then succeeds", "fails, then adopts"]

OPERATIONS: Final[tuple[Operation, ...]] = ("create", "update", "delete", "read", "token")
SIZES: Final = (1, 5, 50)
THREADS: Final = (4, 32)
"""How many calls the host serves at once: as it comes, and as this provider widens it."""
_ON_WIRE: Final[Mapping[Operation, str]] = {"read": "list"}
_PASSING: Final[Mapping[int, str]] = {1: "*2", 5: "*3,every=2", 50: "*15,every=4"}
"""How often a passing fault strikes, by size: several calls, and the same call twice."""


@dataclass(frozen=True)
class Fault:
    """A way to fail, and what the user sees of it."""

    name: str
    specs: tuple[str, ...]
    """For the local Scalekit, `{op}` standing for the operation, `{times}` for how often a passing fault strikes."""
    meaning: str
    """What happens, for the table."""
    outcome: Outcome = "succeeds"
    says: str = ""
    """What the failing run's message holds, as a regular expression."""
    operations: tuple[Operation, ...] = OPERATIONS
    settings: tuple[tuple[str, float], ...] = ()
    """For the command that the fault strikes: before and after it, nothing is to run out of time."""


def _passing(name: str, spec: str, meaning: str, **more: Any) -> Fault:
    return Fault(name, (f"{{op}}:{spec}{{times}}",), meaning, **more)


_WRITES: Final[tuple[Operation, ...]] = ("create", "update", "delete")
_CALLS: Final[tuple[Operation, ...]] = (*_WRITES, "read")
_GIVING_UP: Final = (("attempts", 3),)
SHORT: Final = (("timeout", 2.0),)
"""A timeout that no other call exceeds on a slow machine, and that `LATE` does."""
LATE: Final = "latency=3*1"

FAULTS: Final = (
    _passing("slow response", "latency=0.03", "waited for"),
    _passing("429 without Retry-After", "rate-limited", "backed off from exponentially"),
    _passing("429 with Retry-After: 0", "rate-limited=0", "backed off from exponentially"),
    Fault("429 with Retry-After: 1", ("{op}:rate-limited=1*1",), "the time is kept by every thread"),
    Fault(
        "429 with Retry-After as a date", ("{op}:rate-limited=date:1*1",), "the time is kept by every thread"
    ),
    _passing("500, nothing done", "error=500", "tried again; a create looks first"),
    _passing("503, nothing done", "error=503", "tried again; a create looks first"),
    _passing("500, yet done", "error-after-commit=500", "tried again; a create finds its own"),
    _passing("503, yet done", "error-after-commit=503", "tried again; a create finds its own"),
    _passing("connection closed, nothing done", "drop", "tried again; a create looks first"),
    _passing("connection reset, nothing done", "drop=reset", "tried again; a create looks first"),
    _passing("connection closed, yet done", "drop-after-commit", "tried again; a create finds its own"),
    _passing("connection reset, yet done", "drop-after-commit=reset", "tried again; a create finds its own"),
    _passing("body cut short, yet done", "cut", "tried again; a create finds its own"),
    _passing("invalid JSON, yet done", "invalid-json", "tried again; a create finds its own"),
    Fault(
        "every response lost, yet done",
        ("{op}:drop-after-commit",),
        "the list tells that it was done",
        operations=_WRITES,
        settings=_GIVING_UP,
    ),
    Fault(
        "every response an error, yet done",
        ("{op}:error-after-commit=500",),
        "the list tells that it was done",
        operations=_WRITES,
        settings=_GIVING_UP,
    ),
    Fault(
        "update gives a new identifier, every response lost",
        ("update:new-identifier*1", "update:drop-after-commit"),
        "the list tells that it was done",
        operations=("update",),
        settings=_GIVING_UP,
    ),
    Fault(
        "response lost, and the list is late",
        ("create:drop-after-commit{times}", "list:stale=3"),
        "looked for again until the list shows it",
        operations=("create",),
    ),
    Fault(
        "response lost, and the list fails",
        ("create:drop-after-commit*1", "list:error=503*2,skip=1"),
        "looked for again; a create finds its own",
        operations=("create",),
    ),
    Fault(
        "list shows writes late",
        ("list:stale=3",),
        "nothing is taken for gone too early",
        operations=("create", "read"),
    ),
    Fault(
        "token revoked in use",
        ("{op}:token-revoked*1",),
        "a new one is got, once for all threads",
        operations=_CALLS,
    ),
    Fault(
        "tokens expire early",
        ("token:token-expires=0*1",),
        "a new one is got, once for all threads",
    ),
    Fault(
        "update gives a new identifier",
        ("update:new-identifier",),
        "followed from then on",
        operations=("update",),
    ),
    Fault(
        "update gives a new identifier, response lost",
        ("update:new-identifier*1", "update:drop-after-commit*1"),
        "recognised by its definition",
        operations=("update",),
    ),
    Fault(
        "update wipes what is left out",
        ("update:semantics=wiping",),
        "everything is always sent",
        operations=("update",),
    ),
    Fault(
        "identifiers of the other form",
        ("create:identifier-format=opaque",),
        "any form is taken",
        operations=("create",),
    ),
    Fault(
        "no response in time, done later",
        (f"{{op}}:{LATE}",),
        "tried again, but for a create: the next run names what it made, to be adopted",
        operations=("update", "delete", "read", "token"),
        settings=SHORT,
    ),
    Fault(
        "no response in time, done later",
        (f"{{op}}:{LATE}",),
        "tried again, but for a create: the next run names what it made, to be adopted",
        "fails, then adopts",
        says=r"sent no response within 2 seconds\. Run again",
        operations=("create",),
        settings=SHORT,
    ),
    Fault(
        "outage: 503 all the time",
        ("{op}:error=503",),
        "given up after `attempts`",
        "fails, then succeeds",
        says=r"HTTP 503.*Run again",
        settings=_GIVING_UP,
    ),
    Fault(
        "outage: no connection survives",
        ("{op}:drop",),
        "given up after `attempts`",
        "fails, then succeeds",
        says=r"broke off.*Run again",
        settings=_GIVING_UP,
    ),
    Fault(
        "outage: 429 all the time",
        ("{op}:rate-limited",),
        "given up after `rateLimitWait`",
        "fails, then succeeds",
        says=r"HTTP 429, RATE_LIMITED.*SCALEKIT_RATE_LIMIT_WAIT",
        settings=(("rateLimitWait", 0.2),),
    ),
    Fault(
        "429 with a long Retry-After",
        ("{op}:rate-limited=3600",),
        "given up at once",
        "fails, then succeeds",
        says=r"HTTP 429, RATE_LIMITED.*SCALEKIT_RATE_LIMIT_WAIT",
    ),
    Fault("400", ("{op}:error=400",), "shown at once", "fails, then succeeds", says=r"HTTP 400"),
    Fault(
        "403",
        ("{op}:error=403",),
        "shown at once, with the permission to give",
        "fails, then succeeds",
        says=r"HTTP 403",
    ),
    Fault(
        "401 in spite of a new token",
        ("{op}:error=401",),
        "shown after one new token",
        "fails, then succeeds",
        says=r"HTTP 401.*secret came from",
    ),
    Fault(
        "refusal that repeats the request",
        ("{op}:echo",),
        "shown at once, without secrets",
        "fails, then succeeds",
        says=r"HTTP 400",
        operations=("create", "update", "token"),
    ),
    Fault(
        "redirect to another host",
        ("{op}:redirect",),
        "not followed",
        "fails, then succeeds",
        says=r"redirects elsewhere",
    ),
    Fault(
        "listing without an end",
        ("list:repeat-page-token",),
        "noticed at its first repetition",
        "fails, then succeeds",
        says=r"repeats a page forever",
        operations=("read", "create"),
    ),
)


@dataclass(frozen=True)
class Cell:
    """One fault on one operation, at one size."""

    operation: Operation
    fault: Fault
    size: int
    threads: int

    def __str__(self) -> str:
        return f"{self.operation}-{self.fault.name.strip().replace(' ', '_')}-{self.size}x{self.threads}"


def cells(*, sizes: tuple[int, ...] = SIZES) -> Iterator[Cell]:
    """Every cell of the matrix: operation × fault × size, at one or the other number of threads in turn."""
    for row, fault in enumerate(FAULTS):
        for operation in fault.operations:
            for column, size in enumerate(sizes):
                yield Cell(operation, fault, size, THREADS[(row + column) % len(THREADS)])


def play(cell: Cell, scalekit: LocalScalekit) -> Outcome:
    """Play a cell until its command succeeds, check the invariant, and return how it went."""
    stack = Stack(scalekit, threads=cell.threads)
    before = {f"c{n}": bearer(f"Connector {n}", description="old") for n in range(cell.size)}
    after = {name: {**definition, "description": "new"} for name, definition in before.items()}
    declared = {"update": after, "delete": {}}.get(cell.operation, before)
    if cell.operation in ("update", "delete", "read"):
        assert stack.up(before).succeeded
    operation = _ON_WIRE.get(cell.operation, cell.operation)
    for spec in cell.fault.specs:
        scalekit.faults.add(spec.format(op=operation, times=_times(cell)))

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
        scalekit.faults.clear()
        settle(scalekit)
        run = command()
        if not run.succeeded:
            outcome = "fails, then adopts"
            run = adopt(stack, declared, run)
    assert run.succeeded, run.errors
    invariant.check(stack, declared)
    return outcome


def _times(cell: Cell) -> str:
    # However many connectors there are, they share one token request and one list.
    return _PASSING[1 if cell.operation in ("read", "token") else cell.size]


def settle(scalekit: LocalScalekit) -> None:
    """Let requests end that nobody waits for any more."""
    deadline = time.monotonic() + 5
    while any(request.duration is None for request in scalekit.requests) and time.monotonic() < deadline:
        time.sleep(0.01)


def adopt(stack: Stack, declared: Mapping[str, Mapping[str, Any]], run: Run) -> Run:
    """Do as the messages say: take over what an interrupted run made."""
    todo = {name: dict(definition) for name, definition in declared.items()}
    for _ in declared:
        for message in run.errors:
            found = re.search(r"named '(Connector \d+)' exists already in \S+: (\S+)\. .*adopt='\2'", message)
            assert found, message
            (name,) = [n for n, definition in declared.items() if definition["display_name"] == found[1]]
            todo[name]["adopt"] = found[2]
        run = stack.up(todo)
        if run.succeeded:
            break
    return run
