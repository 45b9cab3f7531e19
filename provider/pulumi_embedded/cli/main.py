"""The `pulumi-embedded` command: a module that loads at once, so that an interrupt finds it ready."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""The exit code of a command that an interrupt ended: 128 and the number of the signal."""


def main() -> None:
    """Run the command with the arguments of this process, and end the process with its exit code."""
    try:
        # Each of these adds its commands to the app.
        from . import config, deploy, stack  # noqa: F401
        from .app import main as run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()
