"""The `pulumi-scalekit` command."""

import sys
from typing import Final

INTERRUPTED: Final = 130
"""The exit code of a command that an interrupt ended: 128 and the number of the signal."""


def main() -> None:
    """Run the command with the arguments of this process, and end the process with its exit code."""
    try:
        from .app import run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()
