# ruff: noqa: FBT002 - boolean parameters are the flags of the command line
"""`pulumi-embedded stack`: the stacks of a project."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pulumi_embedded.errors import Cancelled, ConfigurationError, EmbeddedError, Unsupported
from pulumi_embedded.project.stack_config import StackConfig
from pulumi_embedded.project.workspace import Workspace
from pulumi_embedded.state.backend import StackFile, parse_stack
from pulumi_embedded.state.checkpoint import (
    Snapshot,
    check_form,
    check_version,
    dump_json,
    features_of,
    make_checkpoint,
    make_deployment,
    versioned,
)
from pulumi_embedded.state.journal import recover
from pulumi_embedded.state.secrets import write_plain
from pulumi_embedded.state.urns import ROOT_STACK_TYPE, urn_name
from pulumi_embedded.values.values import Secret, to_state

from .app import stack_app
from .options import (
    JsonOption,
    SecretsProviderOption,
    ShowSecretsOption,
    StackOption,
    YesOption,
    refuse_variables,
)
from .session import Context, Stack, current_context, is_confirmed


@stack_app.callback(invoke_without_command=True)
def stack_show(
    context: typer.Context,
    stack: StackOption = None,
    show_name: Annotated[bool, typer.Option("--show-name", help="Show only the stack's name.")] = False,
) -> None:
    """Show the selected stack, or manage stacks."""
    if context.invoked_subcommand is not None:
        current_context().group_options.update(stack=stack)
        return
    opened = current_context().stack(stack)
    if show_name:
        typer.echo(opened.name)
        return
    latest = opened.file.load() or {}
    resources = latest.get("resources") or []
    typer.echo(f"Current stack is {opened.name}:")
    if manifest := latest.get("manifest"):
        typer.echo(f"    Last updated: {manifest.get('time') or 'n/a'}")
        typer.echo(f"    Pulumi version used: {manifest.get('version') or 'n/a'}")
    typer.echo(f"Current stack resources ({len(resources)}):")
    for resource in resources:
        typer.echo(f"    {resource['type']}  {urn_name(resource['urn'])}")
    typer.echo("")
    _print_outputs(opened, show_secrets=False)


@stack_app.command("init")
def stack_init(
    name: Annotated[str | None, typer.Argument(metavar="[STACK]")] = None,
    stack: Annotated[str | None, typer.Option("--stack", "-s", help="The name of the stack.")] = None,
    no_select: Annotated[bool, typer.Option("--no-select", help="Do not select the stack.")] = False,
    secrets_provider: SecretsProviderOption = "default",
) -> None:
    """Create a stack without resources, and select it."""
    if name and stack:
        raise ConfigurationError("only one of --stack or argument stack name may be specified, not both")
    refuse_variables("stack init")
    _create_stack(current_context(), name or stack, secrets_provider, select=not no_select)


def _create_stack(context: Context, name: str | None, secrets_provider: str, *, select: bool) -> None:
    if secrets_provider not in ("default", "passphrase"):
        raise Unsupported(f"the secrets provider {secrets_provider.split('://')[0]!r}")
    if not name:
        raise ConfigurationError("missing stack name")
    reference = parse_stack(name, context.project)
    context.check_project(reference)
    config = StackConfig.load(context.project.config_file(reference.name))
    if reference in context.backend.list(reference.project):
        raise EmbeddedError(f"stack '{reference.full_name}' already exists")
    stack = Stack(context, StackFile(context.backend, reference))
    manager = stack.manager(config.salt) if config.salt else stack.new_secrets(config)
    latest = make_deployment([], [], manager.provider_state())
    context.backend.create(reference, latest)
    if select:
        Workspace(context.project).select(context.backend.url, reference.full_name)
    typer.echo(f"Created stack '{reference.name}'")


@stack_app.command("select")
def stack_select(
    name: Annotated[str | None, typer.Argument(metavar="[STACK]")] = None,
    stack: StackOption = None,
    create: Annotated[bool, typer.Option("--create", "-c", help="Create it if it does not exist.")] = False,
    secrets_provider: SecretsProviderOption = "default",
) -> None:
    """Select the stack that further commands work on."""
    context = current_context()
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
    context = current_context()
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
    print_table(
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


def print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], indent: str = "") -> None:
    """Print rows below a header, each column as wide as its widest cell."""
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
    opened = current_context().stack(stack)
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
    def secret(found: Secret) -> Any:
        return to_state(found.element, secret) if show_secrets else "[secret]"

    outputs = stack.outputs()
    return {key: to_state(outputs[key], secret) for key in sorted(outputs) if outputs[key] is not None}


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
    print_table(("OUTPUT", "VALUE"), rows, "    ")


@stack_app.command("export")
def stack_export(
    stack: StackOption = None,
    file: Annotated[str | None, typer.Option("--file", help="Write to this file.")] = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Write a stack's state as JSON."""
    opened = current_context().stack(stack)
    latest = opened.file.load()
    if latest is not None and show_secrets:
        snapshot = opened.snapshot(latest)
        latest = {**latest, "resources": [found.to_json(write_plain) for found in snapshot.resources]}
        if snapshot.pending:
            latest["pending_operations"] = [
                {"resource": found.resource.to_json(write_plain), "type": found.kind}
                for found in snapshot.pending
            ]
    text = dump_json(
        {**versioned(features_of((latest or {}).get("resources") or [])), "deployment": latest},
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
    opened = current_context().stack(stack)
    try:
        document = json.loads(Path(file).read_text(encoding="utf-8") if file else sys.stdin.read())
    except (ValueError, RecursionError) as error:
        raise EmbeddedError(f"could not read the deployment: {error}") from None
    if not isinstance(document, dict):
        raise EmbeddedError("could not read the deployment: it is not an object")
    check_version(document)
    latest = check_form(document.get("deployment") or {})
    snapshot = _imported(opened, latest, force=force)
    manager = opened.ensure_secrets(opened.config()) if opened.is_of_project else opened.state_secrets()
    if manager is None:
        raise EmbeddedError(
            f"stack '{opened.file.reference.full_name}' has no secrets provider yet; import it in its project's folder"
        )
    written = make_deployment(
        [found.to_json(manager.write) for found in snapshot.resources],
        [],  # what was interrupted elsewhere is settled by whoever imports
        manager.provider_state(),
        latest.get("metadata"),
    )
    with opened.file.locked():
        recover(opened.file)
        opened.file.save(dump_json(make_checkpoint(opened.file.reference.full_name, written)).encode())
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
    context = current_context()
    opened = context.stack(name or stack)
    if not yes and not is_confirmed(
        context, f"This will permanently remove the '{opened.name}' stack! Continue?"
    ):
        raise Cancelled("confirmation declined")
    remove_stack(opened, force=force, preserve_config=preserve_config, backups=remove_backups)
    typer.echo(f"Stack '{opened.name}' has been removed!")


def remove_stack(stack: Stack, *, force: bool, preserve_config: bool, backups: bool) -> None:
    """Remove a stack, its configuration unless `preserve_config`, and its backups if `backups`.

    Raises:
        EmbeddedError: it has resources, and it is not to be removed by `force`.
    """
    with stack.file.locked():
        recover(stack.file)
        resources = [] if force else (stack.file.load() or {}).get("resources") or []
        if any(found["type"] != ROOT_STACK_TYPE for found in resources):
            raise EmbeddedError(
                f"'{stack.name}' still has resources; removal rejected. Possible actions:\n"
                "- Make sure that the stack does not contain any resources: run `pulumi-embedded destroy`\n"
                "- Run the removal with --force"
            )
        stack.file.remove(backups=backups)
    project = stack.context.optional_project()
    if project is None:
        return
    names = [stack.file.reference.full_name]
    if stack.is_of_project:
        names.append(stack.name)  # which means a stack of the project here
        if not preserve_config:
            project.config_file(stack.name).unlink(missing_ok=True)
    workspace = Workspace(project)
    if workspace.selected(stack.context.backend.url) in names:
        workspace.select(stack.context.backend.url, None)
