"""The call of Pulumi's that a thread carries out: the resource that it is for, and where messages about it go.

The native face knows both, and says so with `serving`. The dynamic host tells a provider neither: there, `sdk` finds
them. What is above this module asks here, and need not know which face it is called by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from . import sdk
from .keys import Level


@dataclass(frozen=True)
class Call:
    """What the native face knows of a call."""

    urn: str
    ignored_paths: tuple[str, ...]
    """The property paths of the resource's option `ignore_changes`."""
    secret_paths: tuple[str, ...]
    """The paths of the values that Pulumi marks as secret, in the old properties and in the new ones."""
    log: Callable[[Level, str], None]
    """Shows a message in the engine's diagnostics."""


_served: ContextVar[Call | None] = ContextVar("call", default=None)


@contextmanager
def serving(call: Call) -> Iterator[None]:
    """Carry out the block for a call of the native face."""
    token = _served.set(call)
    try:
        yield
    finally:
        _served.reset(token)


def current_urn() -> str:
    """The URN of the resource that the call is for, or "" where nobody knows.

    Without it, two resources that claim one connector cannot be told apart.
    """
    call = _served.get()
    return sdk.current_urn() if call is None else call.urn


def ignored_paths() -> tuple[str, ...]:
    """The property paths of the resource's option `ignore_changes`, in an update.

    Without them, an update sends what the state has of an ignored property, not what lives there.
    """
    call = _served.get()
    return sdk.ignored_paths() if call is None else call.ignored_paths


def secret_paths() -> tuple[str, ...]:
    """The paths of what Pulumi marks as secret; a dynamic provider gets its properties without the marks."""
    call = _served.get()
    return () if call is None else call.secret_paths


def show_message_alone(message: str) -> None:
    """Let the call, which is about to fail, fail with a message and no traceback."""
    if _served.get() is None:
        sdk.show_message_alone(message)  # the native face shows none


def log(level: Level, message: str) -> None:
    """Show a message in the engine's diagnostics, where the user of `pulumi preview` and `up` reads it."""
    call = _served.get()
    if call is None:
        sdk.log(level, message)
    else:
        call.log(level, message)
