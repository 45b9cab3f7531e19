"""The `pulumi-scalekit` command."""

import sys

from .exit_codes import INTERRUPTED


def main() -> None:
    """Run the command with the arguments of this process, and end the process with its exit code."""
    try:
        from .app import run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()
