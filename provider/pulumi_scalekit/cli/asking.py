"""Questions in a terminal. Whoever interrupts one ends the command, with the exit code of an interruption."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from . import INTERRUPTED


def ask(question: str, default: str | None = None) -> str:
    """The answer to a question, as it was typed; one without a default has to be answered."""
    with _interruptible():
        return str(typer.prompt(question, default=default, err=True, show_default=bool(default)))


def agreed(question: str) -> bool:
    """Whether the answer to a question is yes."""
    with _interruptible():
        return typer.confirm(question, err=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except typer.Abort:  # Ctrl-C, or the end of the input
        typer.echo(err=True)
        raise typer.Exit(INTERRUPTED) from None
