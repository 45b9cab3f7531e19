"""What a fault is: a small class whose hooks change one exchange."""

# ruff: noqa: ARG002 - every hook takes what any of them may need

from __future__ import annotations

from typing import ClassVar

from pulumi_scalekit.local.exchange import Exchange, Reply


class FaultError(ValueError):
    """A specification that cannot be read; the message names what is known."""


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
    choices: ClassVar[tuple[str, ...]] = ()
    """The values that it takes; none where any will do, or :meth:`check` says."""
    rewrites: ClassVar[bool] = False
    """Whether :meth:`reply` needs the whole response before any of it is sent."""

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
        if self.choices and self.value not in self.choices:
            raise ValueError(f"use one of {', '.join(self.choices)}")

    async def before(self, exchange: Exchange) -> None:
        """Act before the operation runs: wait, raise an ``ApiError`` or ``Break``."""

    def shape(self, exchange: Exchange) -> None:
        """Change how the operation itself behaves."""

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Act after the operation committed: change the response or raise ``Break``."""
        return reply


def seconds(text: str) -> float:
    """Read a number of seconds. Raises ValueError."""
    number = float(text)
    if not 0 <= number < 1e6:
        raise ValueError("use a number of seconds, 0 or more")
    return number


def natural(text: str) -> int:
    """Read a whole number. Raises ValueError."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("use a whole number, 0 or more")
    return int(text)
