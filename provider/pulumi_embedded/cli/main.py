"""The `pulumi-embedded` command: a module that loads at once, so that an interrupt finds it ready."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""The exit code of a command that an interrupt ended: 128 and the number of the signal."""

EXTRA = ("cryptography",)
"""The modules that only the extra `embedded` installs."""


def main() -> None:
    """Run the command with the arguments of this process, and end the process with its exit code."""
    try:
        # Each of these adds its commands to the app.
        from . import config, deploy, stack  # noqa: F401
        from .app import main as run
    except ModuleNotFoundError as error:
        if (module := (error.name or "").partition(".")[0]) not in EXTRA:
            raise
        sys.exit(
            f"error: pulumi-embedded needs the module {module}, which is in the extra `embedded`: "
            'pip install "pulumi-scalekit[embedded]"'
        )
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()
