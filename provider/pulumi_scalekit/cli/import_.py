"""`import`: live connectors under Pulumi's management, code and state together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .console import Column, Screen, counted_kinds, help_text
from .exit_codes import ATTENTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi_scalekit.api.responses import Attributes
    from pulumi_scalekit.operations.connections import LiveConnection
    from pulumi_scalekit.operations.import_ import ImportPlan

HELP: Final = help_text("""
Bring live connectors and their connections under Pulumi's management: the state of a stack, and the code
that declares them.

Scalekit is only read. The state goes through the engine's own stack export and stack import; a copy from
before is kept. What the stack manages already is left alone, so running it again is harmless. Client
secrets stay in Scalekit: in the code, an environment variable stands for each.

[bold]Examples[/bold]

  pulumi-scalekit import --stack dev
  pulumi-scalekit import "My Asana" SLACK:81734 --stack dev \\
      --out connectors.py
  pulumi-scalekit import "My Freshdesk" --stack dev --as freshdesk --no-code
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", help=HELP, rich_help_panel="Manage")(import_connectors)


def import_connectors(
    *,
    stack: Annotated[
        str, typer.Option("--stack", "-s", metavar="NAME", help="The stack that is to manage them.")
    ],
    names: options.Names = None,
    program: options.Program = Path(),
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The Python file to add the code to; by default imported_connectors.py beside __main__.py, "
            "or __main__.py where there is none yet, or the file that `main` of Pulumi.yaml names.",
            dir_okay=False,
        ),
    ] = None,
    code: Annotated[
        bool, typer.Option("--code/--no-code", help="Whether to write code, besides the state.")
    ] = True,
    resource: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="The resource's name in the program, for one connector."),
    ] = None,
    with_connections: Annotated[
        bool | None,
        typer.Option(
            "--connections/--no-connections",
            help="Whether the connectors' connections are imported, too; by default where code is written.",
        ),
    ] = None,
    protect: Annotated[
        bool,
        typer.Option(
            "--protect/--no-protect",
            help="Whether Pulumi refuses to delete what was imported, as `pulumi import` has it.",
        ),
    ] = True,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Import connectors, too, whose definitions break rules; their code has to be corrected before "
            "the next preview.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Import connectors."""
    from pulumi_scalekit.operations.broken import refuse_broken
    from pulumi_scalekit.operations.environments import stack_profile
    from pulumi_scalekit.operations.import_ import apply_import, plan_import
    from pulumi_scalekit.operations.pulumi_cli import Project
    from pulumi_scalekit.operations.selection import identifier_of, name_of

    if resource is not None and len(names or ()) != 1:
        raise typer.BadParameter("names the resource of one connector: give one NAME", param_hint="--as")
    if out is not None and not code:
        raise typer.BadParameter("--out and --no-code exclude each other")
    screen = Screen()
    project = Project.at(program)
    profile = stack_profile(stack, project)
    connectors = options.connectors_of(profile, screen)
    wanted = code if with_connections is None else with_connections

    def read_connections(chosen: Sequence[Attributes]) -> Sequence[LiveConnection]:
        return (options.connections_of(profile, chosen, screen) if wanted else ()) or ()

    with screen.working(f"Reading the state of {stack}"):
        plan = plan_import(
            project,
            stack,
            connectors,
            names or (),
            environment_url=profile.url,
            resource=resource,
            code=code,
            out=out,
            protect=protect,
            read_connections=read_connections,
        )
    report: dict[str, Any] = {
        "stack": stack,
        "environment_url": profile.url,
        "dry_run": dry_run,
        "imported": [
            {
                "identifier": identifier_of(entry.attributes),
                "display_name": name_of(entry.attributes),
                "resource": entry.resource,
                "errors": plan.errors(entry),
            }
            for entry in plan.entries
        ],
        "already_managed": list(plan.already_managed),
        "connections": [
            {
                "id": entry.connection.id,
                "connection_name": entry.connection.name,
                "connector": entry.connection.declaration["connector"],
                "resource": entry.resource,
                "errors": plan.errors(entry),
            }
            for entry in plan.connections
        ],
        "connections_already_managed": list(plan.connections_managed),
        "code": str(plan.target) if plan.target else None,
        "backup": None,
    }
    broken = [
        (str(entry[key]), entry["errors"])
        for part, key in (("imported", "display_name"), ("connections", "connection_name"))
        for entry in report[part]
        if entry["errors"]
    ]
    if not (force or dry_run):
        refuse_broken(
            broken,
            "Nothing was imported, since Pulumi would refuse what is live",
            "Correct it in Scalekit first, name the connectors to import without it, or use --force and correct the "
            "code afterwards",
        )
    if (plan.entries or plan.connections) and not dry_run:
        with screen.working(f"Writing the state of {stack}"):
            report["backup"] = str(apply_import(plan))
    if json:
        screen.json(report)
    else:
        _show(screen, report, plan, broken)
    if broken:
        raise typer.Exit(ATTENTION)


def _show(
    screen: Screen, report: dict[str, Any], plan: ImportPlan, broken: list[tuple[str, list[str]]]
) -> None:
    from pulumi_scalekit.operations.files import short_path

    project, target, stack = plan.project, plan.target, report["stack"]
    if known := len(report["already_managed"]) + len(report["connections_already_managed"]):
        screen.note(f"{known} managed already.", style="dim")
    if not (plan.entries or plan.connections):
        screen.say("Nothing to import: all that was asked for is managed.")
        return
    rows = [[e["identifier"], e["display_name"], e["resource"]] for e in report["imported"]]
    rows += [[c["id"], c["connection_name"], c["resource"]] for c in report["connections"]]
    screen.table(
        [Column("IDENTIFIER", "cyan", keep=True), Column("NAME", wrap=True), Column("RESOURCE", fold=True)],
        rows,
    )
    imported = counted_kinds(len(plan.entries), len(plan.connections))
    errors = [f"! {name}: {error}." for name, found in broken for error in found]
    if report["dry_run"]:
        screen.say(f"Would import {imported} into {stack}.", style="yellow")
        if target:
            screen.say(f"Would write to {short_path(target)}:\n")
            screen.raw(plan.source)
        for error in errors:
            screen.say(error, "bold yellow")
        return
    screen.say(f"Imported {imported} into {stack}.", style="green")
    screen.say(f"State before:  {short_path(Path(report['backup']))}")
    steps = []
    if target:
        screen.say(f"Code:          {short_path(target)}")
        if plan.import_statement:
            steps.append(f"add `{plan.import_statement}` to {short_path(project.entry)}")
    else:
        steps.append("declare them in the program, under the resource names above")
    steps.append(f"run `{project.command('preview', '--stack', stack, '--expect-no-changes')}`")
    for error in errors:
        screen.say(error, "bold yellow")
    if errors:
        steps.insert(
            len(steps) - 1, "correct the declarations as said above, which Pulumi refuses as they are"
        )
    screen.say("Next: " + "; then ".join(steps) + ".")
