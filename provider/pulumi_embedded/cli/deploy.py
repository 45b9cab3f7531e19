# ruff: noqa: FBT002 - boolean parameters are the flags of the command line
"""`pulumi-embedded up`, `preview`, `refresh`, `destroy` and `cancel`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pulumi_embedded.engine.events import Options
from pulumi_embedded.engine.targets import Targets
from pulumi_embedded.errors import Cancelled, ConfigurationError
from pulumi_embedded.state.journal import recover

from .app import app
from .operation import Request, execute, preview_json
from .options import (
    DEFAULT_PARALLEL,
    ConfigFileOption,
    ConfigOption,
    ContinueOption,
    DiffOption,
    ExpectOption,
    IgnoreProtectOption,
    JsonOption,
    MessageOption,
    ParallelOption,
    PreviewOnlyOption,
    RefreshOption,
    ReplaceOption,
    ShowSamesOption,
    ShowSecretsOption,
    SkipPreviewOption,
    StackOption,
    SuppressOutputsOption,
    TargetDependentsOption,
    TargetOption,
    TargetReplaceOption,
    YesOption,
    is_set,
    refuse_variables,
)
from .session import Stack, current_context, is_confirmed
from .stack import remove_stack


def _open(command: str, name: str | None, config_file: str | None, pairs: list[str] | None) -> Stack:
    """Open the stack that a program is to run on, and set the configuration that was given with the command."""
    refuse_variables(command)
    context = current_context()
    stack = context.stack(name, config_file)
    context.check_project(stack.file.reference)
    config = stack.config()
    for pair in pairs or ():
        key, separator, value = pair.partition("=")
        if not separator:
            raise ConfigurationError(f"config value {pair!r} must be of the form key=value")
        config.set(context.project.qualified_key(key), value)
    return stack


@app.command()
def up(
    stack: StackOption = None,
    yes: YesOption = False,
    skip_preview: SkipPreviewOption = False,
    diff: DiffOption = False,
    expect_no_changes: ExpectOption = False,
    refresh: RefreshOption = None,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    replace: ReplaceOption = None,
    target_replace: TargetReplaceOption = None,
    parallel: ParallelOption = DEFAULT_PARALLEL,
    message: MessageOption = "",
    config: ConfigOption = None,
    config_file: ConfigFileOption = None,
    show_secrets: ShowSecretsOption = False,
    show_sames: ShowSamesOption = False,
    suppress_outputs: SuppressOutputsOption = False,
    continue_on_error: ContinueOption = False,
    ignore_protect: IgnoreProtectOption = False,
) -> None:
    """Create or update the resources of a stack."""
    opened = _open("up", stack, config_file, config)
    options = Options(
        parallel=parallel,
        refresh=opened.context.project.always_refreshes if refresh is None else refresh,
        targets=Targets([*(target or ()), *(target_replace or ())]),
        target_dependents=target_dependents,
        replace_targets=Targets([*(replace or ()), *(target_replace or ())]),
        continue_on_error=continue_on_error or is_set("PULUMI_CONTINUE_ON_ERROR"),
        ignore_protect=ignore_protect,
    )
    execute(
        opened,
        Request(
            "update",
            options,
            yes=yes,
            skip_preview=skip_preview,
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
    refresh: RefreshOption = None,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    replace: ReplaceOption = None,
    target_replace: TargetReplaceOption = None,
    parallel: ParallelOption = DEFAULT_PARALLEL,
    message: MessageOption = "",
    config: ConfigOption = None,
    config_file: ConfigFileOption = None,
    show_secrets: ShowSecretsOption = False,
    show_sames: ShowSamesOption = False,
    suppress_outputs: SuppressOutputsOption = False,
    ignore_protect: IgnoreProtectOption = False,
) -> None:
    """Show what an update would do."""
    opened = _open("preview", stack, config_file, config)
    options = Options(
        parallel=parallel,
        refresh=opened.context.project.always_refreshes if refresh is None else refresh,
        targets=Targets([*(target or ()), *(target_replace or ())]),
        target_dependents=target_dependents,
        replace_targets=Targets([*(replace or ()), *(target_replace or ())]),
        ignore_protect=ignore_protect,
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
    result, document = preview_json(opened, request)
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
    parallel: ParallelOption = DEFAULT_PARALLEL,
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
) -> None:
    """Bring the state in line with the live resources. The program does not run."""
    del skip_pending_creates  # which is what happens unless they are cleared
    opened = _open("refresh", stack, config_file, config)
    options = Options(
        parallel=parallel,
        refresh=True,
        refresh_only=True,
        targets=Targets(target or ()),
        target_dependents=target_dependents,
    )
    execute(
        opened,
        Request(
            "refresh",
            options,
            yes=yes,
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
    refresh: RefreshOption = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the stack afterwards.")] = False,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
    message: MessageOption = "",
    config: ConfigOption = None,
    config_file: ConfigFileOption = None,
    show_sames: ShowSamesOption = False,
    suppress_outputs: SuppressOutputsOption = False,
    continue_on_error: ContinueOption = False,
    ignore_protect: IgnoreProtectOption = False,
) -> None:
    """Delete the resources of a stack. The program does not run."""
    opened = _open("destroy", stack, config_file, config)
    options = Options(
        parallel=parallel,
        destroy=True,
        refresh=opened.context.project.always_refreshes if refresh is None else refresh,
        targets=Targets(target or ()),
        target_dependents=target_dependents,
        continue_on_error=continue_on_error or is_set("PULUMI_CONTINUE_ON_ERROR"),
        ignore_protect=ignore_protect,
    )
    execute(
        opened,
        Request(
            "destroy",
            options,
            yes=yes,
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
        remove_stack(opened, force=False, preserve_config=False, backups=False)
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
    """Remove the locks that a killed run left behind. Make sure that it no longer runs."""
    context = current_context()
    opened = context.stack(name or stack)
    if not yes and not is_confirmed(
        context, f"This will remove the locks of stack '{opened.name}'. Continue?"
    ):
        raise Cancelled("confirmation declined")
    opened.file.cancel()
    with opened.file.locked():
        recover(opened.file)
    typer.echo(f"The currently running update for '{opened.name}' has been canceled!")
