"""The errors that end a command, each with the exit code that the Pulumi CLI uses for it.

EmbeddedError                 1   anything else that is the user's to fix
├── Unsupported               1   a feature that this engine does not have, refused by name
├── ConfigurationError        2   a flag, an argument or a project file is wrong
├── StackNotFound             6   the named stack, or a selected one, does not exist
├── ChangesNotExpected        7   `--expect-no-changes`, and there were some
├── Cancelled                 8   the user said no, or pressed Ctrl-C
└── Bail                      1   the failure has been shown already; print nothing more
"""

from __future__ import annotations


class EmbeddedError(Exception):
    """A failure with a message for the user. `exit_code` is what the process returns."""

    exit_code = 1


class Unsupported(EmbeddedError):
    """The program or the command asks for something that this engine refuses to guess at."""

    def __init__(self, feature: str, advice: str = "") -> None:
        advice = advice or "Install the Pulumi CLI to use it: https://www.pulumi.com/docs/install/"
        super().__init__(f"{feature}: not supported by the embedded engine. {advice}")


class ConfigurationError(EmbeddedError):
    """A flag, an argument, the project file or the stack configuration is wrong."""

    exit_code = 2


class StackNotFound(EmbeddedError):
    """No such stack, or none is selected."""

    exit_code = 6


class ChangesNotExpected(EmbeddedError):
    """`--expect-no-changes` was given and the operation has changes."""

    exit_code = 7


class Cancelled(EmbeddedError):
    """The user declined the operation or interrupted it."""

    exit_code = 8


class Bail(EmbeddedError):
    """The failure has been reported already, under the resource that caused it."""
