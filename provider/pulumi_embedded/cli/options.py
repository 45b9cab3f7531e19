"""The options that several commands have, and those that are refused."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from pulumi_embedded.errors import Unsupported

StackOption = Annotated[
    str | None, typer.Option("--stack", "-s", help="The stack to operate on; the selected one by default.")
]

ConfigFileOption = Annotated[
    str | None,
    typer.Option("--config-file", help="Use this configuration file instead of the stack's own."),
]

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Approve after the preview without asking.")]

SkipPreviewOption = Annotated[bool, typer.Option("--skip-preview", "-f", help="Do not preview first.")]

DiffOption = Annotated[bool, typer.Option("--diff", help="Show every property that changes.")]

ExpectOption = Annotated[
    bool, typer.Option("--expect-no-changes", help="Return an error if there are any changes.")
]

JsonOption = Annotated[bool, typer.Option("--json", "-j", help="Write JSON.")]

RefreshOption = Annotated[
    bool | None,
    typer.Option(
        "--refresh/--no-refresh",
        "-r",
        help="Bring the state in line with the live resources first.",
        show_default=False,
    ),
]

TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target", "-t", help="Only this resource, by URN; may be given again; `*` and `**` match."
    ),
]

TargetDependentsOption = Annotated[
    bool, typer.Option("--target-dependents", help="Also the resources that need the targets.")
]

ParallelOption = Annotated[
    int,
    typer.Option(
        "--parallel",
        "-p",
        envvar="PULUMI_PARALLEL",
        min=1,
        clamp=True,
        help="How many operations run at once.",
        show_default=False,
    ),
]

MessageOption = Annotated[str, typer.Option("--message", "-m", help="A message for the history.")]

ShowSecretsOption = Annotated[bool, typer.Option("--show-secrets", help="Show secrets in the clear.")]

ShowSamesOption = Annotated[bool, typer.Option("--show-sames", help="Show unchanged resources, too.")]

SuppressOutputsOption = Annotated[
    bool, typer.Option("--suppress-outputs", help="Do not show the stack's outputs.")
]

ContinueOption = Annotated[
    bool, typer.Option("--continue-on-error", help="Go on with what does not need a failed resource.")
]

IgnoreProtectOption = Annotated[
    bool, typer.Option("--ignore-protect", help="Delete and replace protected resources, too.")
]

PreviewOnlyOption = Annotated[bool, typer.Option("--preview-only", help="Only preview.")]

ReplaceOption = Annotated[
    list[str] | None, typer.Option("--replace", help="Replace this resource, by URN; may be given again.")
]

TargetReplaceOption = Annotated[
    list[str] | None, typer.Option("--target-replace", help="The same as --target and --replace together.")
]

ConfigOption = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", help="Set a configuration value, key=value, and keep it."),
]

SecretsProviderOption = Annotated[
    str, typer.Option("--secrets-provider", help="How secrets are encrypted: only `passphrase`.")
]

DEFAULT_PARALLEL = 4 * (os.cpu_count() or 1)


_REFUSED = {
    "up": ("--exclude", "--json", "--plan", "--policy-pack", "--run-program"),
    "preview": ("--exclude", "--import-file", "--policy-pack", "--run-program", "--save-plan"),
    "refresh": ("--exclude", "--import-pending-creates", "--json", "--run-program"),
    "destroy": ("--exclude", "--exclude-protected", "--json", "--run-program"),
    "stack init": ("--copy-config-from",),
    "stack export": ("--version",),
}
"""By command: the options of the CLI that it does not have here."""
_LONG = {"-j": "--json", "-x": "--exclude"}


def refuse_option(command: str, name: str) -> None:
    """Refuse an option that a command does not have here, if it is one that the CLI's has.

    Raises:
        Unsupported: it is.
    """
    option = _LONG.get(name, name)
    if option in _REFUSED.get(command, ()):
        raise Unsupported(f"the option {option} of {command}")


def refuse_variables(command: str) -> None:
    """Refuse the variables that ask a command for what this engine does not do.

    Raises:
        Unsupported: one of them is set.
    """
    for name in ("PULUMI_RUN_PROGRAM", "PULUMI_PARALLEL_DIFF"):
        if is_set(name):
            raise Unsupported(f"the environment variable {name}")
    for option in _REFUSED.get(command, ()):
        if os.environ.get(variable_of(option), "").lower() not in ("", "0", "false"):
            refuse_option(command, option)


def variable_of(option: str) -> str:
    """Return the environment variable that gives an option: PULUMI_OPTION_TARGET is that of `--target`."""
    return f"PULUMI_OPTION_{option.removeprefix('--').replace('-', '_').upper()}"


def is_set(name: str) -> bool:
    """Whether an environment variable says yes."""
    return os.environ.get(name, "").lower() in ("1", "true")
