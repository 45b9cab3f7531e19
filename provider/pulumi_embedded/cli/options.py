"""The options that several commands have, and those that are refused."""

from __future__ import annotations

import os
from typing import Annotated, Any

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

PolicyPackOption = Annotated[list[str] | None, typer.Option("--policy-pack", hidden=True)]

ConfigOption = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", help="Set a configuration value, key=value, and keep it."),
]

ExcludeOption = Annotated[list[str] | None, typer.Option("--exclude", "-x", hidden=True)]

SavePlanOption = Annotated[str | None, typer.Option("--save-plan", hidden=True)]

PlanOption = Annotated[str | None, typer.Option("--plan", hidden=True)]

RunProgramOption = Annotated[bool, typer.Option("--run-program", hidden=True)]

ImportFileOption = Annotated[str | None, typer.Option("--import-file", hidden=True)]

SecretsProviderOption = Annotated[
    str, typer.Option("--secrets-provider", help="How secrets are encrypted: only `passphrase`.")
]

DEFAULT_PARALLEL = 4 * (os.cpu_count() or 1)


def refuse_options(flags: dict[str, Any]) -> None:
    """Refuse the options that were given, and variables that ask for the same.

    Args:
        flags: each option that this engine does not have, and its value.

    Raises:
        Unsupported: one of them was given.
    """
    for flag, value in flags.items():
        if value:
            raise Unsupported(f"the option {flag}")
    for name in ("PULUMI_RUN_PROGRAM", "PULUMI_PARALLEL_DIFF", "PULUMI_OPTION_POLICY_PACK"):
        if is_set(name):
            raise Unsupported(f"the environment variable {name}")


def is_set(name: str) -> bool:
    """Whether an environment variable says yes."""
    return os.environ.get(name, "").lower() in ("1", "true")
