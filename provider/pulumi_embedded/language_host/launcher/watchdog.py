"""Ends a process when the engine that started it does. Stands alone, as do the launchers that import it."""

from __future__ import annotations

import os
import threading


def end_with_the_engine() -> None:
    """End when the engine does, even by a kill -9; the SDK would wait for it forever.

    The engine holds the other end of the standard input. What runs in this process has an empty one.
    """
    lifeline = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)

    def watch() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
