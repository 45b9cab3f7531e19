"""The entry of the `pulumi-scalekit` command, which loads at once: an interrupt from then on shows no traceback.

It stands beside `pulumi_scalekit`, since Python imports a package, and with it Pulumi's SDK, before any module in it.
"""

import sys


def main() -> None:
    """Run the command with the arguments of this process, and end the process with its exit code."""
    try:
        from pulumi_scalekit.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)  # as everywhere in the command; what says so is not loaded
    run()
