# ruff: noqa: FBT002 - boolean parameters are the flags of the command line
"""The `pulumi-embedded` command: the part of the Pulumi CLI that stacks of Python dynamic resources need.

Commands, flags and exit codes are the CLI's own.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from . import configpath, state, values
from .backend import StackFile, StackReference, parse_stack
from .config import ConfigValue, StackConfig, Workspace, resolve
from .deployment import Options
from .display import make_console
from .errors import Bail, Cancelled, ConfigurationError, EmbeddedError, Unsupported
from .operations import Context, Request, Stack, execute
from .operations import preview as run_preview
from .secrets import SecretsManager, read_passphrase, write_plain
from .snapshot import recover
from .state import Snapshot
from .targets import Targets

_NOTICE = (
    "This is the embedded engine, for trying out and for tests. "
    "For real work install the Pulumi CLI: https://www.pulumi.com/docs/install/"
)

app = typer.Typer(
    name="pulumi-embedded",
    help="Run Pulumi programs with Python dynamic resources where the Pulumi CLI is not installed.",
    epilog=_NOTICE,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
stack_app = typer.Typer(help="Manage stacks.", no_args_is_help=False, rich_markup_mode=None)
config_app = typer.Typer(help="Manage configuration.", rich_markup_mode=None)
app.add_typer(stack_app, name="stack")
app.add_typer(config_app, name="config")

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

_DEFAULT_PARALLEL = 4 * (os.cpu_count() or 1)


@app.callback()
def root(
    cwd: Annotated[str, typer.Option("--cwd", "-C", help="Run as if started in this folder.")] = "",
    color: Annotated[str, typer.Option("--color", help="always, never, raw or auto.")] = "auto",
    non_interactive: Annotated[bool, typer.Option("--non-interactive", help="Never ask.")] = False,
    fully_qualify_stack_names: Annotated[
        bool, typer.Option("--fully-qualify-stack-names", "-Q", hidden=True)
    ] = False,
    verbose: Annotated[int, typer.Option("--verbose", "-v", hidden=True)] = 0,
    emoji: Annotated[bool, typer.Option("--emoji", "-e", hidden=True)] = False,
    logtostderr: Annotated[bool, typer.Option("--logtostderr", hidden=True)] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Set up what all commands share."""
    del fully_qualify_stack_names, verbose, emoji, logtostderr
    if show_version:
        version()
        raise typer.Exit
    if color not in ("always", "never", "raw", "auto"):
        raise ConfigurationError(
            f"unsupported color option: '{color}'. Supported values are: always, never, raw, auto"
        )
    if cwd:
        try:
            os.chdir(cwd)
        except OSError as error:
            raise ConfigurationError(f"could not change to {cwd}: {error.strerror}") from None
    interactive = not non_interactive and sys.stdin.isatty() and sys.stdout.isatty()
    _group.clear()
    _current[:] = [Context(make_console(color), Path.cwd(), interactive)]


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


def _set_config(stack: Stack, pairs: list[str] | None) -> None:
    config = stack.config()
    for pair in pairs or ():
        key, separator, value = pair.partition("=")
        if not separator:
            raise ConfigurationError(f"config value {pair!r} must be of the form key=value")
        config.set(stack.context.project.qualified_key(key), value)


# --- deployments ----------------------------------------------------------------------------------------------


@app.command()
def up(
    stack: StackOption = None,
    yes: YesOption = False,
    skip_preview: SkipPreviewOption = False,
    diff: DiffOption = False,
    expect_no_changes: ExpectOption = False,
    as_json: JsonOption = False,
    refresh: RefreshOption = False,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    replace: ReplaceOption = None,
    target_replace: TargetReplaceOption = None,
    parallel: ParallelOption = _DEFAULT_PARALLEL,
    message: MessageOption = "",
    config: ConfigOption = None,
    config_file: ConfigFileOption = None,
    show_secrets: ShowSecretsOption = False,
    show_sames: ShowSamesOption = False,
    suppress_outputs: SuppressOutputsOption = False,
    continue_on_error: ContinueOption = False,
    ignore_protect: IgnoreProtectOption = False,
    exclude: ExcludeOption = None,
    policy_pack: PolicyPackOption = None,
    plan: PlanOption = None,
    run_program: RunProgramOption = False,
) -> None:
    """Create or update the resources of a stack."""
    _refuse(
        {
            "--json of up": as_json,
            "--exclude": exclude,
            "--policy-pack": policy_pack,
            "--plan": plan,
            "--run-program": run_program,
        }
    )
    opened = _context().stack(stack, config_file)
    _set_config(opened, config)
    options = Options(
        parallel=max(parallel, 1),
        refresh=refresh,
        targets=Targets([*(target or ()), *(target_replace or ())]),
        target_dependents=target_dependents,
        replace_targets=Targets([*(replace or ()), *(target_replace or ())]),
        continue_on_error=continue_on_error or _truthy("PULUMI_CONTINUE_ON_ERROR"),
        ignore_protect=ignore_protect,
        show_secrets=show_secrets,
    )
    execute(
        opened,
        Request(
            "update",
            options,
            yes=yes or (skip_preview and not opened.context.interactive),
            skip_preview=skip_preview or _truthy("PULUMI_SKIP_PREVIEW"),
            diff=diff,
            expect_no_changes=expect_no_changes,
            message=message,
            show_secrets=show_secrets,
            show_sames=show_sames,
            suppress_outputs=suppress_outputs,
        ),
    )


@app.command()
def preview(
    stack: StackOption = None,
    diff: DiffOption = False,
    expect_no_changes: ExpectOption = False,
    as_json: JsonOption = False,
    refresh: RefreshOption = False,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    replace: ReplaceOption = None,
    target_replace: TargetReplaceOption = None,
    parallel: ParallelOption = _DEFAULT_PARALLEL,
    message: MessageOption = "",
    config: ConfigOption = None,
    config_file: ConfigFileOption = None,
    show_secrets: ShowSecretsOption = False,
    show_sames: ShowSamesOption = False,
    suppress_outputs: SuppressOutputsOption = False,
    ignore_protect: IgnoreProtectOption = False,
    exclude: ExcludeOption = None,
    policy_pack: PolicyPackOption = None,
    save_plan: SavePlanOption = None,
    import_file: ImportFileOption = None,
    run_program: RunProgramOption = False,
) -> None:
    """Show what an update would do."""
    _refuse(
        {
            "--exclude": exclude,
            "--policy-pack": policy_pack,
            "--save-plan": save_plan,
            "--import-file": import_file,
            "--run-program": run_program,
        }
    )
    opened = _context().stack(stack, config_file)
    _set_config(opened, config)
    options = Options(
        parallel=max(parallel, 1),
        refresh=refresh,
        targets=Targets([*(target or ()), *(target_replace or ())]),
        target_dependents=target_dependents,
        replace_targets=Targets([*(replace or ()), *(target_replace or ())]),
        ignore_protect=ignore_protect,
        show_secrets=show_secrets,
    )
    request = Request(
        "update",
        options,
        preview_only=True,
        diff=diff,
        expect_no_changes=expect_no_changes,
        message=message,
        show_secrets=show_secrets,
        show_sames=show_sames,
        suppress_outputs=suppress_outputs,
    )
    if not as_json:
        execute(opened, request)
        return
    result, document = run_preview(opened, request, as_json=True)
    typer.echo(json.dumps(document, indent=4, ensure_ascii=False))
    if not result.succeeded:
        raise typer.Exit(1)
    if expect_no_changes and result.has_changes:
        raise typer.Exit(7)


@app.command()
def refresh(
    stack: StackOption = None,
    yes: YesOption = False,
    skip_preview: SkipPreviewOption = False,
    preview_only: PreviewOnlyOption = False,
    diff: DiffOption = False,
    expect_no_changes: ExpectOption = False,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    parallel: ParallelOption = _DEFAULT_PARALLEL,
    message: MessageOption = "",
    config: ConfigOption = None,
    config_file: ConfigFileOption = None,
    show_secrets: ShowSecretsOption = False,
    show_sames: ShowSamesOption = False,
    suppress_outputs: SuppressOutputsOption = False,
    clear_pending_creates: Annotated[
        bool, typer.Option("--clear-pending-creates", help="Drop interrupted creations from the state.")
    ] = False,
    skip_pending_creates: Annotated[
        bool, typer.Option("--skip-pending-creates", help="Leave interrupted creations in the state.")
    ] = False,
    import_pending_creates: Annotated[
        list[str] | None, typer.Option("--import-pending-creates", hidden=True)
    ] = None,
    exclude: ExcludeOption = None,
    as_json: Annotated[bool, typer.Option("--json", "-j", hidden=True)] = False,
    run_program: RunProgramOption = False,
) -> None:
    """Bring the state in line with the live resources. The program does not run."""
    _refuse(
        {
            "--exclude": exclude,
            "--json of refresh": as_json,
            "--run-program": run_program,
            "--import-pending-creates": import_pending_creates,
        }
    )
    del skip_pending_creates  # which is what happens unless they are cleared
    opened = _context().stack(stack, config_file)
    _set_config(opened, config)
    options = Options(
        parallel=max(parallel, 1),
        refresh=True,
        refresh_only=True,
        targets=Targets(target or ()),
        target_dependents=target_dependents,
        show_secrets=show_secrets,
    )
    execute(
        opened,
        Request(
            "refresh",
            options,
            yes=yes or (skip_preview and not opened.context.interactive),
            skip_preview=skip_preview,
            preview_only=preview_only,
            diff=diff,
            expect_no_changes=expect_no_changes,
            message=message,
            show_secrets=show_secrets,
            show_sames=show_sames,
            suppress_outputs=suppress_outputs,
            clear_pending_creates=clear_pending_creates,
        ),
    )


@app.command()
def destroy(
    stack: StackOption = None,
    yes: YesOption = False,
    skip_preview: SkipPreviewOption = False,
    preview_only: PreviewOnlyOption = False,
    diff: DiffOption = False,
    refresh: RefreshOption = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the stack afterwards.")] = False,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    parallel: ParallelOption = _DEFAULT_PARALLEL,
    message: MessageOption = "",
    config: ConfigOption = None,
    config_file: ConfigFileOption = None,
    show_sames: ShowSamesOption = False,
    suppress_outputs: SuppressOutputsOption = False,
    continue_on_error: ContinueOption = False,
    ignore_protect: IgnoreProtectOption = False,
    exclude: ExcludeOption = None,
    exclude_protected: Annotated[bool, typer.Option("--exclude-protected", hidden=True)] = False,
    as_json: Annotated[bool, typer.Option("--json", "-j", hidden=True)] = False,
    run_program: RunProgramOption = False,
) -> None:
    """Delete the resources of a stack. The program does not run."""
    _refuse(
        {
            "--exclude": exclude,
            "--exclude-protected": exclude_protected,
            "--json of destroy": as_json,
            "--run-program": run_program,
        }
    )
    opened = _context().stack(stack, config_file)
    _set_config(opened, config)
    options = Options(
        parallel=max(parallel, 1),
        destroy=True,
        refresh=refresh,
        targets=Targets(target or ()),
        target_dependents=target_dependents,
        continue_on_error=continue_on_error or _truthy("PULUMI_CONTINUE_ON_ERROR"),
        ignore_protect=ignore_protect,
    )
    execute(
        opened,
        Request(
            "destroy",
            options,
            yes=yes or (skip_preview and not opened.context.interactive),
            skip_preview=skip_preview,
            preview_only=preview_only,
            diff=diff,
            message=message,
            show_sames=show_sames,
            suppress_outputs=suppress_outputs,
        ),
    )
    if preview_only or target:
        return
    if remove:
        _remove_stack(opened, preserve_config=False, backups=False)
        typer.echo(
            "The resources in the stack have been deleted, but the history and configuration associated with "
            f"the stack are gone, too: stack '{opened.name}' has been removed!"
        )
    else:
        typer.echo(
            "The resources in the stack have been deleted, but the history and configuration associated with "
            "the stack are still maintained.\n"
            f"If you want to remove the stack completely, run `pulumi-embedded stack rm {opened.name}`."
        )


@app.command()
def cancel(
    name: Annotated[str | None, typer.Argument(metavar="[STACK]")] = None,
    stack: StackOption = None,
    yes: YesOption = False,
) -> None:
    """Remove the locks that a killed run left behind. Make sure that it does not run any more."""
    context = _context()
    opened = context.stack(name or stack)
    if not yes and not _agreed(context, f"This will remove the locks of stack '{opened.name}'. Continue?"):
        raise Cancelled("confirmation declined")
    opened.file.cancel()
    with opened.file.locked():
        recover(opened.file)
    typer.echo(f"The currently running update for '{opened.name}' has been canceled!")


# --- stacks ---------------------------------------------------------------------------------------------------


@stack_app.callback(invoke_without_command=True)
def stack_show(
    context: typer.Context,
    stack: StackOption = None,
    show_name: Annotated[bool, typer.Option("--show-name", help="Show only the stack's name.")] = False,
) -> None:
    """Show the selected stack, or manage stacks."""
    if context.invoked_subcommand is not None:
        _group.update(stack=stack)
        return
    opened = _context().stack(stack)
    if show_name:
        typer.echo(opened.name)
        return
    latest = opened.file.load() or {}
    resources = latest.get("resources") or []
    typer.echo(f"Current stack is {opened.name}:")
    if manifest := latest.get("manifest"):
        typer.echo(f"    Last updated: {manifest['time']}")
        typer.echo(f"    Pulumi version used: {manifest['version']}")
    typer.echo(f"Current stack resources ({len(resources)}):")
    for resource in resources:
        typer.echo(f"    {resource['type']}  {state.urn_name(resource['urn'])}")
    typer.echo("")
    _print_outputs(opened, show_secrets=False)


@stack_app.command("init")
def stack_init(
    name: Annotated[str | None, typer.Argument(metavar="[STACK]")] = None,
    stack: Annotated[str | None, typer.Option("--stack", "-s", help="The name of the stack.")] = None,
    no_select: Annotated[bool, typer.Option("--no-select", help="Do not select the stack.")] = False,
    secrets_provider: SecretsProviderOption = "default",
    copy_config_from: Annotated[str | None, typer.Option("--copy-config-from", hidden=True)] = None,
) -> None:
    """Create a stack without resources, and select it."""
    _refuse({"--copy-config-from": copy_config_from})
    if name and stack:
        raise ConfigurationError("only one of --stack or argument stack name may be specified, not both")
    _create_stack(_context(), name or stack, secrets_provider, select=not no_select)


def _create_stack(context: Context, name: str | None, secrets_provider: str, *, select: bool) -> None:
    if secrets_provider not in ("default", "passphrase"):
        raise Unsupported(f"the secrets provider {secrets_provider.split('://')[0]!r}")
    if not name:
        raise ConfigurationError("missing stack name")
    reference = parse_stack(name, context.project)
    if reference.project != context.project.name:
        raise ConfigurationError(f'provided project name "{reference.project}" doesn\'t match Pulumi.yaml')
    config = StackConfig.load(context.project.config_file(reference.name))
    if reference in context.backend.list(reference.project):
        raise EmbeddedError(f"stack '{reference.full_name}' already exists")
    stack = Stack(context, _file_of(context, reference))
    salt = config.salt
    manager = stack.manager(salt) if salt else _new_manager(stack, config)
    latest = state.deployment([], [], manager.provider_state())
    context.backend.create(reference, latest)
    if select:
        Workspace(context.project).select(context.backend.url, reference.full_name)
    typer.echo(f"Created stack '{reference.name}'")


def _file_of(context: Context, reference: StackReference) -> StackFile:
    return StackFile(context.backend, reference)


def _new_manager(stack: Stack, config: StackConfig) -> SecretsManager:
    passphrase = read_passphrase(
        "Enter your passphrase to protect config/secrets", interactive=stack.context.interactive
    )
    manager = SecretsManager.new(passphrase)
    config.set_salt(manager.salt)
    return manager


@stack_app.command("select")
def stack_select(
    name: Annotated[str | None, typer.Argument(metavar="[STACK]")] = None,
    stack: StackOption = None,
    create: Annotated[bool, typer.Option("--create", "-c", help="Create it if it does not exist.")] = False,
    secrets_provider: SecretsProviderOption = "default",
) -> None:
    """Select the stack that further commands work on."""
    context = _context()
    chosen = name or stack
    if not chosen:
        raise ConfigurationError("no stack provided; use `stack select <name>`")
    reference = parse_stack(chosen, context.project)
    if create and reference not in context.backend.list(reference.project):
        _create_stack(context, chosen, secrets_provider, select=True)
        return
    context.backend.stack(reference)
    Workspace(context.project).select(context.backend.url, reference.full_name)


@stack_app.command("ls")
def stack_ls(
    all_stacks: Annotated[bool, typer.Option("--all", "-a", help="Stacks of every project.")] = False,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Stacks of this project.")] = None,
    as_json: JsonOption = False,
    output: Annotated[str, typer.Option("--output", help="default or json.")] = "default",
) -> None:
    """List stacks."""
    context = _context()
    if not all_stacks and project is None:
        project = context.project.name
    current = context.optional_project()
    selected = Workspace(current).selected(context.backend.url) if current else None
    rows = []
    for reference in context.backend.list(None if all_stacks else project):
        latest = context.backend.stack(reference).load() or {}
        rows.append(
            {
                "name": reference.full_name if all_stacks else reference.name,
                "current": selected in (reference.full_name, reference.name),
                "lastUpdate": (latest.get("manifest") or {}).get("time", ""),
                "resourceCount": len(latest.get("resources") or []),
            }
        )
    if as_json or output == "json":
        typer.echo(json.dumps(rows, indent=2))
        return
    _print_table(
        ("NAME", "LAST UPDATE", "RESOURCE COUNT"),
        [
            (
                f"{row['name']}*" if row["current"] else str(row["name"]),
                row["lastUpdate"] or "n/a",
                str(row["resourceCount"]),
            )
            for row in rows
        ],
    )


def _print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], indent: str = "") -> None:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo(indent + "  ".join(cells).rstrip())


@stack_app.command("output")
def stack_output(
    name: Annotated[str | None, typer.Argument(metavar="[PROPERTY]")] = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
    shell: Annotated[bool, typer.Option("--shell", help="Write a shell script.")] = False,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Show the outputs of a stack."""
    opened = _context().stack(stack or _group.get("stack"))
    outputs = _shown_outputs(opened, show_secrets=show_secrets)
    if name is not None:
        if name not in outputs:
            raise EmbeddedError(f"current stack does not have output property '{name}'")
        value = outputs[name]
        if shell:
            typer.echo(f"{name}={_shell_value(value)}")
        elif as_json or not isinstance(value, str):
            typer.echo(
                json.dumps(
                    value,
                    indent=2 if as_json else None,
                    ensure_ascii=False,
                    separators=None if as_json else (",", ":"),
                )
            )
        else:
            typer.echo(value)
        return
    if as_json:
        typer.echo(json.dumps(outputs, indent=2, ensure_ascii=False))
    elif shell:
        for key, value in outputs.items():
            typer.echo(f"{key}={_shell_value(value)}")
    else:
        _print_outputs(opened, show_secrets=show_secrets)


def _shell_value(value: Any) -> str:
    return shlex.quote(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _shown_outputs(stack: Stack, *, show_secrets: bool) -> dict[str, Any]:
    def secret(found: values.Secret) -> Any:
        return values.to_state(found.element, secret) if show_secrets else "[secret]"

    outputs = stack.outputs()
    return {key: values.to_state(outputs[key], secret) for key in sorted(outputs) if outputs[key] is not None}


def _print_outputs(stack: Stack, *, show_secrets: bool) -> None:
    outputs = _shown_outputs(stack, show_secrets=show_secrets)
    if not outputs:
        typer.echo("No output values currently in this stack")
        return
    typer.echo(f"Current stack outputs ({len(outputs)}):")
    rows = [
        (
            key,
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":")),
        )
        for key, value in outputs.items()
    ]
    _print_table(("OUTPUT", "VALUE"), rows, "    ")


@stack_app.command("export")
def stack_export(
    stack: StackOption = None,
    file: Annotated[str | None, typer.Option("--file", help="Write to this file.")] = None,
    show_secrets: ShowSecretsOption = False,
    version: Annotated[str | None, typer.Option("--version", hidden=True)] = None,
) -> None:
    """Write a stack's state as JSON."""
    _refuse({"--version": version})
    opened = _context().stack(stack or _group.get("stack"))
    latest = opened.file.load()
    if latest is not None and show_secrets:
        snapshot = opened.snapshot(latest)
        latest = {**latest, "resources": [found.to_json(write_plain) for found in snapshot.resources]}
        if snapshot.pending:
            latest["pending_operations"] = [
                {"resource": found.resource.to_json(write_plain), "type": found.kind}
                for found in snapshot.pending
            ]
    text = state.dump(
        {**state.versioned(state.features_of((latest or {}).get("resources") or [])), "deployment": latest},
        indent=4,
    )
    if file:
        Path(file).write_text(f"{text}\n", encoding="utf-8")
    else:
        typer.echo(text)


@stack_app.command("import")
def stack_import(
    stack: StackOption = None,
    file: Annotated[str | None, typer.Option("--file", help="Read from this file.")] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Import despite apparent errors.")] = False,
) -> None:
    """Replace a stack's state by one that was exported."""
    opened = _context().stack(stack or _group.get("stack"))
    text = Path(file).read_text(encoding="utf-8") if file else sys.stdin.read()
    try:
        document = json.loads(text)
    except ValueError as error:
        raise EmbeddedError(f"could not read the deployment: {error}") from None
    if not isinstance(document, dict):
        raise EmbeddedError("could not read the deployment: it is not an object")
    state.check_version(document)
    latest = document.get("deployment") or {}
    snapshot = _imported(opened, latest, force=force)
    manager = opened.ensure_secrets(opened.config())
    written = state.deployment(
        [found.to_json(manager.write) for found in snapshot.resources],
        [],  # what was interrupted elsewhere is settled by whoever imports
        manager.provider_state(),
        latest.get("metadata"),
    )
    with opened.file.locked():
        recover(opened.file)
        opened.file.save(state.checkpoint(opened.file.reference.full_name, written))
    typer.echo("Import complete.")


def _imported(stack: Stack, latest: dict[str, Any], *, force: bool) -> Snapshot:
    snapshot = stack.snapshot(latest)
    expected = f"urn:pulumi:{stack.name}::{stack.file.reference.project}::"
    for resource in snapshot.resources:
        if not resource.urn.startswith(expected) and not force:
            raise EmbeddedError(
                f"resource '{resource.urn}' is from a different stack; to import it nevertheless, pass --force"
            )
    if not force:
        snapshot.verify()
    return snapshot


@stack_app.command("rm")
def stack_rm(
    name: Annotated[str | None, typer.Argument(metavar="[STACK]")] = None,
    stack: StackOption = None,
    yes: YesOption = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Remove the stack and leave its resources behind.")
    ] = False,
    preserve_config: Annotated[
        bool, typer.Option("--preserve-config", help="Keep the stack's configuration file.")
    ] = False,
    remove_backups: Annotated[bool, typer.Option("--remove-backups", help="Remove backups, too.")] = False,
) -> None:
    """Remove a stack and its configuration."""
    context = _context()
    opened = context.stack(name or stack)
    if not yes and not _agreed(context, f"This will permanently remove the '{opened.name}' stack! Continue?"):
        raise Cancelled("confirmation declined")
    resources = (opened.file.load() or {}).get("resources") or []
    left = [found for found in resources if found["type"] != state.ROOT_STACK_TYPE]
    if left and not force:
        raise EmbeddedError(
            f"'{opened.name}' still has resources; removal rejected. Possible actions:\n"
            "- Make sure that the stack does not contain any resources: run `pulumi-embedded destroy`\n"
            "- Run the removal with --force"
        )
    _remove_stack(opened, preserve_config=preserve_config, backups=remove_backups)
    typer.echo(f"Stack '{opened.name}' has been removed!")


def _remove_stack(stack: Stack, *, preserve_config: bool, backups: bool) -> None:
    with stack.file.locked():
        stack.file.remove(backups=backups)
    project = stack.context.optional_project()
    if project is None:
        return
    if not preserve_config:
        project.config_file(stack.name).unlink(missing_ok=True)
    workspace = Workspace(project)
    if workspace.selected(stack.context.backend.url) in (stack.name, stack.file.reference.full_name):
        workspace.select(stack.context.backend.url, None)


def _agreed(context: Context, question: str) -> bool:
    if not context.interactive:
        raise EmbeddedError("non-interactive mode requires --yes flag")
    return typer.confirm(question)


# --- configuration --------------------------------------------------------------------------------------------


@config_app.callback(invoke_without_command=True)
def config_show(
    context: typer.Context,
    stack: StackOption = None,
    config_file: ConfigFileOption = None,
    show_secrets: ShowSecretsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the configuration of a stack, or manage it."""
    if context.invoked_subcommand is not None:
        _group.update(stack=stack, config_file=config_file)
        return
    opened = _context().stack(stack, config_file)
    found = _config_values(opened, show_secrets=show_secrets)
    if as_json:
        typer.echo(
            json.dumps(
                {key: _config_json(value, show_secrets=show_secrets) for key, value in found.items()},
                indent=2,
            )
        )
        return
    prefix = f"{opened.context.project.name}:"
    rows = [
        (key.removeprefix(prefix), value.text if show_secrets or not value.secret else "[secret]")
        for key, value in found.items()
    ]
    _print_table(("KEY", "VALUE"), rows)


def _config_json(value: ConfigValue, *, show_secrets: bool) -> dict[str, Any]:
    if value.secret and not show_secrets:
        return {"secret": True}
    found: dict[str, Any] = {"value": value.text}
    if value.structured:
        found["objectValue"] = json.loads(value.text)
    return {**found, "secret": value.secret}


def _config_stack(stack: str | None, config_file: str | None) -> Stack:
    return _context().stack(stack or _group.get("stack"), config_file or _group.get("config_file"))


def _config_values(stack: Stack, *, show_secrets: bool) -> dict[str, ConfigValue]:
    config = stack.config()

    def decrypt(sealed: str) -> str:
        # What is not shown needs no passphrase.
        return stack.decrypt(config, sealed) if show_secrets else "[secret]"

    return resolve(stack.context.project, config, decrypt, validate=False)


@config_app.command("set")
def config_set(
    key: str,
    value: Annotated[str | None, typer.Argument(metavar="[VALUE]")] = None,
    stack: StackOption = None,
    config_file: ConfigFileOption = None,
    secret: Annotated[bool, typer.Option("--secret", help="Encrypt the value.")] = False,
    plaintext: Annotated[bool, typer.Option("--plaintext", help="Do not encrypt the value.")] = False,
    path: Annotated[bool, typer.Option("--path", help="The key is a path into an object or a list.")] = False,
    kind: Annotated[str | None, typer.Option("--type", help="string, bool, int or float.")] = None,
    raw: Annotated[bool, typer.Option("--raw", hidden=True)] = False,
) -> None:
    """Set a configuration value; it is read from the standard input if it is not given."""
    if secret and plaintext:
        raise ConfigurationError("only one of --secret or --plaintext may be given")
    opened = _config_stack(stack, config_file)
    if value is None:
        value = sys.stdin.read()
        value = value if raw else value.rstrip("\r\n")
    config = opened.config()
    new: Any = _typed(value, kind)
    if secret:
        new = {"secure": opened.ensure_secrets(config).crypter.encrypt(value)}
    if path:
        name, merged = configpath.set_path(
            opened.context.project, config.values, key, new, typed=kind is not None
        )
        config.set(name, merged)
    else:
        config.set(opened.context.project.qualified_key(key), new)


def _typed(value: str, kind: str | None) -> Any:
    try:
        if kind in (None, "string"):
            return value
        if kind == "int":
            return int(value)
        if kind == "float":
            return float(value)
        if kind == "bool":
            return {"true": True, "false": False}[value.lower()]
    except (ValueError, KeyError):
        raise ConfigurationError(f"{value!r} is not of the type {kind}") from None
    raise ConfigurationError(f"unknown type {kind!r}: allowed values are string, bool, int, and float")


@config_app.command("get")
def config_get(
    key: str,
    stack: StackOption = None,
    config_file: ConfigFileOption = None,
    as_json: JsonOption = False,
    path: Annotated[bool, typer.Option("--path", help="The key is a path into an object or a list.")] = False,
) -> None:
    """Show one configuration value, in the clear."""
    opened = _config_stack(stack, config_file)

    def look_up(*, show_secrets: bool) -> ConfigValue | None:
        found = _config_values(opened, show_secrets=show_secrets)
        if path:
            return configpath.get_path(opened.context.project, found, key)
        return found.get(opened.context.project.qualified_key(key))

    value = look_up(show_secrets=False)
    if value is not None and value.secret:
        value = look_up(show_secrets=True)
    if value is None:
        raise EmbeddedError(f"configuration key '{key}' not found for stack '{opened.name}'")
    if as_json:
        typer.echo(json.dumps(_config_json(value, show_secrets=True), indent=2))
    else:
        typer.echo(value.text)


@config_app.command("rm")
def config_rm(
    key: str,
    stack: StackOption = None,
    config_file: ConfigFileOption = None,
    path: Annotated[bool, typer.Option("--path", help="The key is a path into an object or a list.")] = False,
) -> None:
    """Remove a configuration value."""
    opened = _config_stack(stack, config_file)
    config = opened.config()
    if path:
        name, merged = configpath.remove_path(opened.context.project, config.values, key)
        if merged is None:
            config.remove(name)
        else:
            config.set(name, merged)
    else:
        config.remove(opened.context.project.qualified_key(key))


# --- about ----------------------------------------------------------------------------------------------------


@app.command()
def version() -> None:
    """Show the version of the Pulumi SDK whose runtime this engine drives."""
    typer.echo(f"{state.VERSION} (embedded)")


@app.command()
def about() -> None:
    """Show what is in use."""
    context = _context()
    typer.echo(f"Engine        embedded ({state.VERSION})")
    typer.echo(f"Python        {platform.python_version()} ({sys.executable})")
    typer.echo(f"Host          {platform.system()} {platform.release()} {platform.machine()}")
    project = context.optional_project()
    if project is not None:
        typer.echo(f"Project       {project.name} ({project.path})")
    typer.echo(f"Backend       {context.backend.url}")
    if project is not None:
        typer.echo(f"Stack         {Workspace(project).selected(context.backend.url) or 'none selected'}")
    typer.echo("")
    typer.echo(_NOTICE)


_UsageError: Any = next(found for found in typer.BadParameter.__mro__ if found.__name__ == "ClickException")
"""The base of typer's own errors; it is not the same class in all of its versions."""


def _fail(error: EmbeddedError) -> NoReturn:
    if not isinstance(error, Bail):
        typer.echo(f"error: {error}", err=True)
    sys.exit(error.exit_code)


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


def main() -> None:
    """Run the command line."""
    # The state that a run holds lives until its end: it need not be looked through for garbage all the time.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    try:
        code = app(hoist_global_options(sys.argv[1:]), standalone_mode=False)
    except EmbeddedError as error:
        _fail(error)
    except typer.Abort:
        sys.exit(Cancelled.exit_code)
    except _UsageError as error:
        error.show()
        sys.exit(ConfigurationError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
