"""The options that several commands have."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from pulumi_embedded.errors import EmbeddedError, Unsupported

from .session import Context

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
    bool, typer.Option("--refresh", "-r", help="Bring the state in line with the live resources first.")
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


_current: list[Context] = []


_group: dict[str, str | None] = {}
"""Options given before a subcommand: `stack --stack dev output`."""


def _context() -> Context:
    return _current[-1]


def _refuse(flags: dict[str, Any]) -> None:
    for flag, value in flags.items():
        if value:
            raise Unsupported(f"the option {flag}")
    for name in ("PULUMI_RUN_PROGRAM", "PULUMI_PARALLEL_DIFF", "PULUMI_OPTION_POLICY_PACK"):
        if os.environ.get(name, "").lower() in ("1", "true"):
            raise Unsupported(f"the environment variable {name}")


def _truthy(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true")


def _agreed(context: Context, question: str) -> bool:
    if not context.interactive:
        raise EmbeddedError("non-interactive mode requires --yes flag")
    return typer.confirm(question)


_GLOBAL_FLAGS = {"--non-interactive", "--fully-qualify-stack-names", "-Q", "--emoji", "-e", "--logtostderr"}


_GLOBAL_OPTIONS = {"--cwd", "-C", "--color", "--verbose", "-v"}


_WITHOUT_EFFECT = {"--suppress-permalink", "--suppress-progress", "--skip-plugin-pre-install"}
"""Options of the CLI about things that there are none of here."""


def hoist_global_options(arguments: list[str]) -> list[str]:
    """Move the global options to the front: the CLI takes them after the command as well.

    `--refresh` may have a value there, and some options mean nothing here.
    """
    arguments = [
        argument.partition("=")[0] if argument in ("--refresh=true", "-r=true") else argument
        for argument in arguments
        if argument.partition("=")[0] not in _WITHOUT_EFFECT
        and argument not in ("--refresh=false", "-r=false")
    ]
    first: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument == "--":
            rest += arguments[position:]
            break
        if argument in _GLOBAL_FLAGS or argument.partition("=")[0] in ("--cwd", "--color", "--verbose"):
            first.append(argument)
            if "=" not in argument and argument in _GLOBAL_OPTIONS and position + 1 < len(arguments):
                position += 1
                first.append(arguments[position])
        elif argument in _GLOBAL_OPTIONS and position + 1 < len(arguments):
            position += 1
            first += [argument, arguments[position]]
        else:
            rest.append(argument)
        position += 1
    return first + rest
