"""The textual form that selects faults, and when each of them strikes.

A specification reads ``OPERATION:FAULT[=VALUE][*TIMES][,OPTION=VALUE]…``::

    create:drop-after-commit*1        the first create commits, and its connection is dropped
    any:rate-limited=2,every=3        each third request gets a 429 with Retry-After: 2
    list:latency=0.5,p=0.2,seed=7     one list in five takes half a second longer, reproducibly
    update:error=503*2,skip=1         the second and the third update get a 503

Options: ``times`` (how often at most; ``*N`` is the short form), ``skip`` (how many matching requests pass
first), ``every`` (only each n-th of the rest), ``p`` (only with this probability) and ``seed`` (of the
probability's generator). A fault is used up by the request it is drawn for, whatever becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from pulumi_scalekit.local.operations import OPERATIONS

from .behaviour import (
    IdentifierFormatFault,
    LateList,
    NewIdentifier,
    RepeatPageToken,
    SameNameFault,
    TokenExpires,
    TokenRevoked,
    UpdateSemanticsFault,
)
from .content import Empty, Missing, Normalize, Reorder
from .fault import Fault, FaultError, natural
from .responses import Echo, Error, ErrorAfterCommit, InvalidJson, RateLimit, Redirect
from .transport import Cut, Drop, DropAfterCommit, Latency

KINDS: Mapping[str, type[Fault]] = {
    kind.name: kind
    for kind in (
        Latency,
        RateLimit,
        Error,
        ErrorAfterCommit,
        Drop,
        DropAfterCommit,
        Cut,
        InvalidJson,
        Empty,
        Reorder,
        Normalize,
        Missing,
        TokenExpires,
        TokenRevoked,
        LateList,
        UpdateSemanticsFault,
        SameNameFault,
        IdentifierFormatFault,
        NewIdentifier,
        Redirect,
        RepeatPageToken,
        Echo,
    )
}
"""Every fault by its name in specifications."""


@dataclass
class Armed:
    """A fault that is switched on, with when it strikes and how often it has."""

    fault: Fault
    operation: str
    spec: str
    times: int | None = None
    skip: int = 0
    every: int = 1
    probability: float = 1.0
    seen: int = 0
    drawn: int = 0
    number: int = 0
    random: Random = field(default_factory=Random, repr=False)

    def draw(self, operation: str) -> bool:
        """Count a request of an operation; whether the fault strikes it."""
        if self.operation not in ("any", operation) or (self.times is not None and self.drawn >= self.times):
            return False
        if self.fault.only and operation not in self.fault.only:
            return False
        self.seen += 1
        late = self.seen - self.skip
        if late <= 0 or late % self.every or self.random.random() >= self.probability:
            return False
        self.drawn += 1
        return True

    def as_json(self) -> dict[str, object]:
        """Return the fault as the admin endpoint shows it."""
        return {"id": self.number, "spec": self.spec, "seen": self.seen, "drawn": self.drawn}


_SPEC = re.compile(
    r"(?P<operation>[a-z-]+):(?P<name>[a-z-]+)(?:=(?P<value>.*?))?(?:\*(?P<times>\d+))?", re.DOTALL
)


def parse(spec: str) -> Armed:
    """Read a specification. Raises :class:`FaultError`, which names what is known."""
    head, *options = spec.strip().split(",")
    match = _SPEC.fullmatch(head)
    if not match:
        raise FaultError(
            f"{spec!r} is not OPERATION:FAULT[=VALUE][*TIMES][,OPTION=VALUE]…, "
            "for example create:drop-after-commit*1"
        )
    operation, kind = match["operation"], KINDS.get(match["name"])
    if operation not in OPERATIONS:
        raise FaultError(f"{spec!r}: no operation {operation!r}; known: {', '.join(OPERATIONS)}")
    if kind is None:
        raise FaultError(f"{spec!r}: no fault {match['name']!r}; known: {', '.join(KINDS)}")
    if kind.only and operation not in ("any", *kind.only):
        raise FaultError(f"{spec!r}: {kind.name} is for {' and '.join(kind.only)} only")
    armed = Armed(kind(match["value"]), operation, spec.strip())
    if match["times"]:
        armed.times = int(match["times"])
    for option in options:
        _apply(armed, option, spec)
    return armed


def _probability(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError("use a number from 0 to 1")
    return number


def _apply(armed: Armed, option: str, spec: str) -> None:
    name, _, value = option.partition("=")
    try:
        if name == "times":
            armed.times = natural(value)
        elif name == "skip":
            armed.skip = natural(value)
        elif name == "every":
            armed.every = natural(value) or 1
        elif name == "p":
            armed.probability = _probability(value)
        elif name == "seed":
            armed.random.seed(int(value))
        else:
            raise FaultError(f"{spec!r}: no option {name!r}; known: times, skip, every, p, seed")
    except ValueError as error:
        if isinstance(error, FaultError):
            raise
        raise FaultError(f"{spec!r}: {option!r} is not valid: {error}") from None
