"""The console that everything for people is written to."""

from __future__ import annotations

import sys

from rich.console import Console


def make_console(color: str) -> Console:
    """Return a console for a `--color` choice: always, never, raw or auto."""
    if color == "always":
        return Console(force_terminal=True, highlight=False, markup=False, emoji=False)
    plain = color in ("never", "raw") or not sys.stdout.isatty()
    return Console(no_color=plain, highlight=False, markup=False, emoji=False)
