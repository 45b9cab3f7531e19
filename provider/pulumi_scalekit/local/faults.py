"""Failures that are switched on: one small class for each, and the textual form that selects them.

A specification reads ``OPERATION:FAULT[=VALUE][*TIMES][,OPTION=VALUE]…``::

    create:drop-after-commit*1        the first create commits, and its connection is dropped
    any:rate-limited=2,every=3        each third request gets a 429 with Retry-After: 2
    list:latency=0.5,p=0.2,seed=7     one list in five takes half a second longer, reproducibly
    update:error=503*2,skip=1         the second and the third update get a 503

Options: ``times`` (how often at most; ``*N`` is the short form), ``skip`` (how many matching requests pass
first), ``every`` (only each n-th of the rest), ``p`` (only with this probability) and ``seed`` (of the
probability's generator). A fault is used up by the request it is drawn for, whatever becomes of it.
"""

# ruff: noqa: ARG002 - every hook takes what any of them may need

from __future__ import annotations

import asyncio
import itertools
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from random import Random
from typing import ClassVar

from .errors import InvalidArgument, RateLimited, TooLarge, for_status
from .exchange import Break, Exchange, Reply
from .operations import OPERATIONS
from .settings import IDENTIFIER_FORMATS, UPDATE_SEMANTICS
from .store import Lag


class FaultError(ValueError):
    """A specification that says nothing we know; the message names what is known."""


class Fault:
    """A failure. Subclasses override the hooks that they need; the default does nothing.

    ``value`` is the text after ``=`` in the specification, or None.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    """The fault's line in the reference."""
    default: ClassVar[str | None] = None
    """The value when the specification gives none; None where the fault takes none."""
    only: ClassVar[tuple[str, ...]] = ()
    """The operations that the fault makes sense for; none for all."""
    rewrites: ClassVar[bool] = False
    """Whether :meth:`reply` needs the whole answer before any of it is sent."""

    def __init__(self, value: str | None = None) -> None:
        if value is not None and self.default is None:
            raise FaultError(f"{self.name} takes no value")
        self.value = value if value is not None else self.default or ""
        try:
            self.check()
        except ValueError as error:
            raise FaultError(f"{self.name}={self.value}: {error}") from None

    def check(self) -> None:
        """Raise ValueError when the value is not valid."""

    async def before(self, exchange: Exchange) -> None:
        """Act before the operation runs: wait, raise an ``ApiError`` or :class:`Break`."""

    def shape(self, exchange: Exchange) -> None:
        """Change how the operation itself behaves."""

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Act after the operation committed: change the answer or raise :class:`Break`."""
        return reply


class Latency(Fault):
    """The answer takes longer."""

    name = "latency"
    help = "wait this many seconds before the operation runs"
    default = "1"

    def check(self) -> None:
        """The value is a number of seconds."""
        _seconds(self.value)

    async def before(self, exchange: Exchange) -> None:
        """Sleep in real time: the client's deadlines are real, too."""
        if exchange.log.operation != "proxy":
            # The request has arrived: a client that is tired of waiting does not stop the operation.
            await exchange.body()
        await asyncio.sleep(_seconds(self.value))


class RateLimit(Fault):
    """Scalekit's own 429."""

    name = "rate-limited"
    help = (
        "429 RATE_LIMITED before the operation; a value is sent as Retry-After in seconds, "
        "`date:SECONDS` as an HTTP date, `none` (the default) sends no such header"
    )
    default = "none"

    def check(self) -> None:
        """The value is `none`, seconds, or `date:` and seconds."""
        if self.value != "none":
            _seconds(self.value.removeprefix("date:"))

    async def before(self, exchange: Exchange) -> None:
        """Refuse the request."""
        raise RateLimited("too many requests in this environment", retry_after=self._header(exchange))

    def _header(self, exchange: Exchange) -> str | None:
        if self.value == "none":
            return None
        if self.value.startswith("date:"):
            return formatdate(exchange.now + _seconds(self.value.removeprefix("date:")), usegmt=True)
        return self.value


class Error(Fault):
    """A failure before anything happened."""

    name = "error"
    help = "answer with this HTTP status; nothing was committed"
    default = "500"

    def check(self) -> None:
        """The value is a status that has a failure class."""
        for_status(int(self.value), "")

    async def before(self, exchange: Exchange) -> None:
        """Refuse the request."""
        raise for_status(int(self.value), "the request failed before it was carried out (fault)")


class ErrorAfterCommit(Error):
    """A failure that hides a success."""

    name = "error-after-commit"
    help = "carry the operation out, then answer with this HTTP status"
    rewrites = True

    async def before(self, exchange: Exchange) -> None:
        """Let the operation run."""

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Replace the answer."""
        failure = for_status(int(self.value), "the request failed after it was carried out (fault)")
        return Reply.json(failure.body(exchange.request_id), failure.status, failure.headers)


class Drop(Fault):
    """A connection that ends before anything happened."""

    name = "drop"
    help = "close the connection without an answer; nothing was committed. `reset` closes it with a TCP reset"
    default = "close"

    def check(self) -> None:
        """The value is `close` or `reset`."""
        if self.value not in {"close", "reset"}:
            raise ValueError("use close or reset")

    async def before(self, exchange: Exchange) -> None:
        """Close the connection."""
        # A client that is still sending would notice the end in other ways than one that waits.
        with suppress(TooLarge):
            await exchange.body()
        raise Break(reset=self.value == "reset")


class DropAfterCommit(Drop):
    """A connection that ends before the answer: the client cannot know what happened."""

    name = "drop-after-commit"
    help = "carry the operation out, then close the connection without an answer (`reset` as for `drop`)"
    rewrites = True

    async def before(self, exchange: Exchange) -> None:
        """Let the operation run."""

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Close the connection."""
        raise Break(reset=self.value == "reset")


class Cut(Fault):
    """A body that ends early."""

    name = "cut"
    help = "carry the operation out, send the head and half of the body, then close the connection"
    rewrites = True

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Close the connection in the middle of the body."""
        raise Break(after=reply, keep=len(reply.body) // 2)


class InvalidJson(Fault):
    """A complete answer that is not JSON."""

    name = "invalid-json"
    help = "carry the operation out, then send a complete body that is not valid JSON"
    rewrites = True

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Spoil the body, and keep the status."""
        return Reply(reply.status, reply.headers, b'{"provider": {"identifier": "')


class TokenExpires(Fault):
    """A token that dies before its time."""

    name = "token-expires"
    help = "issue a token that is valid for this many seconds while `expires_in` promises the usual"
    default = "0"
    only = ("token",)

    def check(self) -> None:
        """The value is a number of seconds."""
        _seconds(self.value)

    def shape(self, exchange: Exchange) -> None:
        """Shorten the token's life."""
        exchange.behaviour.token_lifetime = _seconds(self.value)


class TokenRevoked(Fault):
    """A token that is revoked while it is in use."""

    name = "token-revoked"
    help = "revoke the token that the request carries, so that this request and later ones get a 401"

    def shape(self, exchange: Exchange) -> None:
        """Have the token revoked before it is checked."""
        exchange.behaviour.revoke_token = True


class LateList(Fault):
    """A list that does not show recent writes yet."""

    name = "stale"
    help = "show a write only after this many lists have missed it, or (`2.5s`) after this many seconds"
    default = "1"
    only = ("list",)

    def check(self) -> None:
        """The value is a count, or seconds with an `s`."""
        self._lag()

    def shape(self, exchange: Exchange) -> None:
        """Attributes from the past."""
        exchange.behaviour.lag = self._lag()

    def _lag(self) -> Lag:
        if self.value.endswith("s"):
            return Lag(seconds=_seconds(self.value[:-1]))
        return Lag(lists=_natural(self.value))


class UpdateSemanticsFault(Fault):
    """The other reading of what an update does with fields that are left out."""

    name = "semantics"
    help = f"what an update does with fields left out: {', '.join(UPDATE_SEMANTICS)}"
    default = "wiping"
    only = ("update",)

    def check(self) -> None:
        """The value is one of the semantics."""
        if self.value not in UPDATE_SEMANTICS:
            raise ValueError(f"use one of {', '.join(UPDATE_SEMANTICS)}")

    def shape(self, exchange: Exchange) -> None:
        """Override the setting."""
        exchange.behaviour.update_semantics = self.value


class IdentifierFormatFault(Fault):
    """Identifiers of another form."""

    name = "identifier-format"
    help = f"the form of new identifiers: {', '.join(IDENTIFIER_FORMATS)}"
    default = "opaque"
    only = ("create", "update")

    def check(self) -> None:
        """The value is one of the formats."""
        if self.value not in IDENTIFIER_FORMATS:
            raise ValueError(f"use one of {', '.join(IDENTIFIER_FORMATS)}")

    def shape(self, exchange: Exchange) -> None:
        """Override the setting."""
        exchange.behaviour.identifier_format = self.value


class NewIdentifier(Fault):
    """An update that gives the connector another identifier."""

    name = "new-identifier"
    help = "give the connector a new identifier, as a rename might"
    only = ("update",)

    def shape(self, exchange: Exchange) -> None:
        """Ask the operation for a new identifier."""
        exchange.behaviour.new_identifier = True


class Redirect(Fault):
    """An answer that points to another host."""

    name = "redirect"
    help = "answer 307 to the same path and query at this origin; nothing was committed"
    default = "https://elsewhere.invalid"

    def check(self) -> None:
        """The value is an origin."""
        if not self.value.startswith(("http://", "https://")):
            raise ValueError("use an origin such as https://elsewhere.invalid")

    async def before(self, exchange: Exchange) -> None:
        """Redirect the request."""
        location = self.value.rstrip("/") + exchange.target
        raise Break(instead=Reply(307, (("location", location),), b""))


class RepeatPageToken(Fault):
    """A listing without an end."""

    name = "repeat-page-token"
    help = "send the first page again and again, always with the same `next_page_token`"
    only = ("list",)

    def shape(self, exchange: Exchange) -> None:
        """Ask the operation never to end."""
        exchange.behaviour.repeat_page_token = True


class Echo(Fault):
    """A refusal whose message repeats what was submitted."""

    name = "echo"
    help = "refuse with 400 and repeat the submitted body, a token request's secret too, in the message"

    async def before(self, exchange: Exchange) -> None:
        """Refuse the request."""
        text = (await exchange.body()).decode("utf-8", "replace")
        raise InvalidArgument(f"the server did not accept: {text}")


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
        TokenExpires,
        TokenRevoked,
        LateList,
        UpdateSemanticsFault,
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


def _apply(armed: Armed, option: str, spec: str) -> None:
    name, _, value = option.partition("=")
    try:
        if name == "times":
            armed.times = _natural(value)
        elif name == "skip":
            armed.skip = _natural(value)
        elif name == "every":
            armed.every = _natural(value) or 1
        elif name == "p":
            armed.probability = float(value)
        elif name == "seed":
            armed.random.seed(int(value))
        else:
            raise FaultError(f"{spec!r}: no option {name!r}; known: times, skip, every, p, seed")
    except ValueError as error:
        if isinstance(error, FaultError):
            raise
        raise FaultError(f"{spec!r}: {option!r} is not valid: {error}") from None


class Faults:
    """The faults that are switched on in a server. Safe to use while it runs."""

    def __init__(self, specs: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._armed: list[Armed] = []
        self._numbers = itertools.count(1)
        for spec in specs:
            self.add(spec)

    def add(self, spec: str) -> Armed:
        """Switch a fault on. Raises :class:`FaultError` for a specification it cannot read."""
        armed = parse(spec)
        armed.number = next(self._numbers)
        with self._lock:
            self._armed.append(armed)
        return armed

    def remove(self, number: int) -> bool:
        """Switch off the fault of a number; False when there is none."""
        with self._lock:
            before = len(self._armed)
            self._armed = [armed for armed in self._armed if armed.number != number]
            return len(self._armed) < before

    def clear(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self._armed.clear()

    def draw(self, operation: str) -> list[Armed]:
        """Return the faults that strike a request of this operation, and count it."""
        if operation not in OPERATIONS:
            return []
        with self._lock:
            return [armed for armed in self._armed if armed.draw(operation)]

    @property
    def drawn(self) -> int:
        """How many times any of the faults struck."""
        with self._lock:
            return sum(armed.drawn for armed in self._armed)

    def as_json(self) -> list[dict[str, object]]:
        """Return the faults as the admin endpoint shows them."""
        with self._lock:
            return [armed.as_json() for armed in self._armed]


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1e6:
        raise ValueError("use a number of seconds, 0 or more")
    return seconds


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("use a whole number, 0 or more")
    return int(text)
