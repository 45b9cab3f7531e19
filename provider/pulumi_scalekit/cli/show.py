"""`list` and `show`: what lives in an environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .console import Column, Screen, visible
from .texts import help_text

if TYPE_CHECKING:
    from pulumi_scalekit.api.client import Attributes

SEE: Final = "See"

LIST_HELP = """List the custom connectors of an environment.

[bold]Example[/bold]

  pulumi-scalekit list --env dev --json | jq -r '.[].identifier'
"""


SHOW_HELP: Final = help_text("""Show everything about connectors of an environment.

NAME is a display name or an identifier.

[bold]Example[/bold]

  pulumi-scalekit show "My Asana" --env dev
""")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list", help=LIST_HELP, rich_help_panel=SEE)(list_connectors)
    app.command("show", help=SHOW_HELP, rich_help_panel=SEE)(show)


def list_connectors(
    *, env: options.Env = None, json: options.Json = False, program: options.Program = Path()
) -> None:
    """List connectors."""
    screen = Screen()
    profile = options.profile_of(env, program)
    answers = options.connectors_of(profile, screen)
    if json:
        screen.json(answers)
        return
    columns = [
        Column("IDENTIFIER", style="cyan", keep=True),
        Column("NAME", wrap=True),
        Column("AUTH"),
        Column("URL", style="dim", fold=True),
    ]
    screen.table(columns, [_row(answer) for answer in answers])
    count = f"{len(answers)} connector{'' if len(answers) == 1 else 's'}"
    screen.note(f"{count} in {profile.url}", style="dim")


def _row(answer: Attributes) -> list[str]:
    from pulumi_scalekit.operations.selection import identifier_of, name_of

    return [identifier_of(answer), name_of(answer), auth_of(answer), str(answer.get("proxy_url") or "")]


def show(
    *,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Display names or identifiers.")],
    env: options.Env = None,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Show connectors."""
    screen = Screen()
    profile = options.profile_of(env, program)
    answers = options.connectors_of(profile, screen, names)
    if json:
        screen.json(answers[0] if len(names) == 1 else answers)
        return
    for number, answer in enumerate(answers):
        if number:
            screen.say()
        _show_one(screen, answer)


def _show_one(screen: Screen, answer: Attributes) -> None:
    """A connector as YAML: what the server made first, then the definition."""
    import yaml

    from pulumi_scalekit.definition.keys import DEFINITION_KEYS
    from pulumi_scalekit.definition.normalize import definition_of, plain
    from pulumi_scalekit.operations.selection import identifier_of, name_of

    made = {key: plain(value) for key, value in answer.items() if key not in DEFINITION_KEYS}
    width = screen.out.width if screen.rich else 10_000
    if screen.rich:
        screen.say(f"{name_of(answer)}  {identifier_of(answer)}", "bold")
    for part in (made, definition_of(answer)):
        text = yaml.safe_dump(part, sort_keys=False, allow_unicode=True, width=width)
        if visible(text) != text:
            text = yaml.safe_dump(part, sort_keys=False, width=width)
        screen.raw(text) if part else None


def auth_of(answer: dict[str, Any]) -> str:
    """How a connector's accounts authenticate, in a word or two: `OAUTH`, `BEARER, MCP`."""
    patterns = [p for p in answer.get("auth_patterns") or [] if isinstance(p, dict)]
    types = list(dict.fromkeys(str(p.get("type")) for p in patterns))
    mcp = ["MCP"] if any(p.get("is_mcp") is True for p in patterns) else []
    return ", ".join(types + mcp)
