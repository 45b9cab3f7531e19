"""`list`: what lives in an environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .console import Column, Screen, counted, help_text
from .exit_codes import ATTENTION

if TYPE_CHECKING:
    from pulumi_scalekit.api.responses import Attributes
    from pulumi_scalekit.operations.environments import Profile

HELP: Final = help_text("""
List the custom connectors of an environment.

With --unmanaged, list the connectors and connections that no stack of the Pulumi program here (or in --program)
manages, and the share that is managed; it ends with exit code 3 when there are such.

[bold]Examples[/bold]

  pulumi-scalekit list --env dev --json | jq -r '.[].identifier'
  pulumi-scalekit list --env production --unmanaged --program infrastructure
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list", help=HELP, rich_help_panel="See")(list_connectors)


def list_connectors(
    *,
    env: options.Env = None,
    unmanaged: Annotated[
        bool, typer.Option("--unmanaged", help="Only what no stack of the program manages.")
    ] = False,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """List connectors."""
    screen = Screen()
    profile = options.profile_of(env, program)
    if unmanaged:
        _list_unmanaged(screen, profile, program, json=json)
        return
    connectors = options.connectors_of(profile, screen)
    if json:
        screen.json(connectors)
        return
    columns = [
        Column("IDENTIFIER", style="cyan", keep=True),
        Column("NAME", wrap=True),
        Column("AUTH"),
        Column("URL", style="dim", below=True),
    ]
    screen.table(columns, [_row(connector) for connector in connectors])
    screen.note(f"{counted(len(connectors), 'connector')} in {profile.url}", style="dim")


def _list_unmanaged(screen: Screen, profile: Profile, program: Path, *, json: bool) -> None:
    from pulumi_scalekit.api.client import Client
    from pulumi_scalekit.operations.ownership import read_ownership
    from pulumi_scalekit.operations.pulumi_cli import Project
    from pulumi_scalekit.operations.unmanaged import find_unmanaged

    project = Project.at(program)
    with screen.working(f"Reading the stacks of {project.directory}"):
        ownership = read_ownership(project)
    with screen.working(f"Reading {profile.url}"), Client(profile.settings) as client:
        found = find_unmanaged(client, ownership)
    managed = found.total - found.count
    if json:
        screen.json(
            {
                "environment_url": profile.url,
                "managed": managed,
                "total": found.total,
                "connectors": list(found.connectors),
                "connections": list(found.connections),
            }
        )
    else:
        rows = [["connector", *_row(connector)[:2]] for connector in found.connectors]
        rows += [["connection", str(c.get("id")), str(c.get("key_id"))] for c in found.connections]
        if rows:
            columns = [Column("KIND"), Column("IDENTIFIER", "cyan", keep=True), Column("NAME", wrap=True)]
            screen.table(columns, rows)
        share = f" ({100 * managed // found.total} %)" if found.total else ""
        screen.note(
            f"{managed} of {found.total}{share} in {profile.url} are managed by {project.name}.", "dim"
        )
        if found.without_connections:
            screen.note("Connections were left out: this client may not list them.", "yellow")
    if found.count:
        raise typer.Exit(ATTENTION)


def _row(connector: Attributes) -> list[str]:
    from pulumi_scalekit.operations.selection import identifier_of, name_of

    return [
        identifier_of(connector),
        name_of(connector),
        auth_of(connector),
        str(connector.get("proxy_url") or ""),
    ]


def auth_of(connector: dict[str, Any]) -> str:
    """How a connector's accounts authenticate, in a word or two: `OAUTH`, `BEARER, MCP`."""
    from pulumi_scalekit.definition.normalize import mappings

    patterns = mappings(connector.get("auth_patterns"))
    types = list(dict.fromkeys(str(p.get("type")) for p in patterns))
    mcp = ["MCP"] if any(p.get("is_mcp") is True for p in patterns) else []
    return ", ".join(types + mcp)
