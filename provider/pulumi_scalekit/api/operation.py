"""What bounds a whole operation, such as one create with all its calls and waits: its time, and a cancellation.

Pulumi gives a native provider both; where nobody does, an operation has all the time that its calls take.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Event

from pulumi_scalekit.errors import Cancelled, OutOfTime


@dataclass(frozen=True)
class Operation:
    """The bounds of the operation that a thread carries out."""

    ends_at: float = float("inf")
    """When it must be over, by `time.monotonic()`."""
    cancelled: Event = field(default_factory=Event)
    """Set by somebody else to end its waits at once."""


_current: ContextVar[Operation] = ContextVar("operation", default=Operation())  # noqa: B039 - nobody sets its event


@contextmanager
def bounded(seconds: float, cancelled: Event) -> Iterator[None]:
    """Carry out the block within so many seconds (0 for any number), until it is cancelled.

    Example:
        >>> with bounded(60, Event()):
        ...     pass
    """
    token = _current.set(Operation(time.monotonic() + seconds if seconds else float("inf"), cancelled))
    try:
        yield
    finally:
        _current.reset(token)


def seconds_left() -> float:
    """The seconds that are left of the operation; infinity without a bound."""
    return _current.get().ends_at - time.monotonic()


def pause(seconds: float) -> None:
    """Wait, but not for longer than the operation has.

    Raises:
        Cancelled: The operation is cancelled, now or meanwhile.
        OutOfTime: Its time is over.
    """
    if _current.get().cancelled.wait(max(0.0, min(seconds, seconds_left()))):
        raise Cancelled
    if seconds_left() <= 0:
        raise OutOfTime


def check() -> None:
    """Go on, or not.

    Raises:
        Cancelled: The operation is cancelled.
        OutOfTime: Its time is over.
    """
    pause(0)
