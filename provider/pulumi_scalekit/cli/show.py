"""`show`: everything about connectors of an environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from . import options
from .console import Screen, help_text, visible

if TYPE_CHECKING:
    from pulumi_scalekit.api.responses import Attributes

HELP: Final = help_text("""Show everything about connectors of an environment.

NAME is a display name or an identifier.

[bold]Example[/bold]

  pulumi-scalekit show "My Asana" --env dev
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("show", help=HELP, rich_help_panel="See")(show)


def show(
    *,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Display names or identifiers.")],
    env: options.Env = None,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Show connectors."""
    screen = Screen()
    profile = options.profile_of(env, program)
    connectors = options.connectors_of(profile, screen, names)
    if json:
        screen.json(connectors[0] if len(names) == 1 else connectors)
        return
    for number, connector in enumerate(connectors):
        if number:
            screen.say()
        _show_one(screen, connector)


def _show_one(screen: Screen, connector: Attributes) -> None:
    """A connector as YAML: the definition first, then what the server made."""
    import yaml

    from pulumi_scalekit.definition.keys import DEFINITION_KEYS
    from pulumi_scalekit.definition.normalize import definition_of, plain
    from pulumi_scalekit.operations.selection import identifier_of, name_of

    made = {key: plain(value) for key, value in connector.items() if key not in DEFINITION_KEYS}
    width = screen.out.width if screen.rich else 10_000
    if screen.rich:
        screen.say(f"{name_of(connector)}  {identifier_of(connector)}", "bold")
    for part in (definition_of(connector), made):
        text = yaml.safe_dump(part, sort_keys=False, allow_unicode=True, width=width)
        if visible(text) != text:
            text = yaml.safe_dump(part, sort_keys=False, width=width)
        screen.raw(text) if part else None
