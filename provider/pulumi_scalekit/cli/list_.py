"""`list`: what lives in an environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from . import options
from .console import Column, Screen, counted

if TYPE_CHECKING:
    from pulumi_scalekit.api.responses import Attributes

HELP: Final = """List the custom connectors of an environment.

[bold]Example[/bold]

  pulumi-scalekit list --env dev --json | jq -r '.[].identifier'
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list", help=HELP, rich_help_panel="See")(list_connectors)


def list_connectors(
    *, env: options.Env = None, json: options.Json = False, program: options.Program = Path()
) -> None:
    """List connectors."""
    screen = Screen()
    profile = options.profile_of(env, program)
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
    patterns = [p for p in connector.get("auth_patterns") or [] if isinstance(p, dict)]
    types = list(dict.fromkeys(str(p.get("type")) for p in patterns))
    mcp = ["MCP"] if any(p.get("is_mcp") is True for p in patterns) else []
    return ", ".join(types + mcp)
