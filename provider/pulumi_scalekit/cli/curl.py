"""`curl`: the exact command for those who run a change by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .console import Screen, counted, help_text

if TYPE_CHECKING:
    from pulumi_scalekit.operations.curl import Command
    from pulumi_scalekit.operations.environments import Profile

HELP: Final = help_text("""
Print the curl commands for a change: one that gets a token, and the change itself, with the identifier
resolved and the payload quoted for the shell.

Nothing is changed. The credentials stay in shell variables, and no token is printed.

[bold]Examples[/bold]

  pulumi-scalekit curl create "My Asana" --from dev --env production
  pulumi-scalekit curl update "My Asana" --file payload.json
  pulumi-scalekit curl delete "My Asana" --env production
""")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A display name or an identifier.")]
File = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="The JSON payload to send.", exists=True, dir_okay=False),
]
Origin = Annotated[
    str | None,
    typer.Option("--from", metavar="ENV", help="The environment whose definition is sent."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help=HELP, no_args_is_help=True, rich_markup_mode="rich", context_settings=options.HELP_OPTIONS
    )
    group.command("create", help=_help("create", '"My Asana" --from dev --env production'))(create)
    group.command("update", help=_help("update", '"My Asana" --file payload.json --env production'))(update)
    group.command("delete", help=_help("delete", "ASANA:12345 --env production"))(delete)
    app.add_typer(group, name="curl", rich_help_panel="Write")


def _help(verb: str, example: str) -> str:
    about = {
        "create": "Print how to create a connector in --env, from a file or another environment's definition.",
        "update": "Print how to update a connector in --env: with a file, another environment's definition, or its own "
        "as it is, to be edited.",
        "delete": "Print how to delete a connector from --env. Remove its connections and connected accounts first.",
    }
    return help_text(f"{about[verb]}\n\n[bold]Example[/bold]\n\n  pulumi-scalekit curl {verb} {example}")


def create(
    *,
    name: Name,
    env: options.Env = None,
    origin: Origin = None,
    file: File = None,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Print a create."""
    from pulumi_scalekit.definition.normalize import create_payload
    from pulumi_scalekit.errors import ConnectorExists
    from pulumi_scalekit.operations.curl import Command
    from pulumi_scalekit.operations.selection import identifier_of, name_of

    screen = Screen()
    if file is None and origin is None:
        raise typer.BadParameter("say where the definition comes from: --file FILE or --from ENV")
    profile = options.profile_of(env, program)
    definition = _definition(screen, name, origin, file, program)
    if file is not None and name != definition["display_name"]:
        raise typer.BadParameter(f"{file} defines {definition['display_name']!r}", param_hint="NAME")
    taken = [
        identifier_of(c)
        for c in options.connectors_of(profile, screen)
        if name_of(c) == definition["display_name"]
    ]
    if taken:
        raise ConnectorExists(
            f"A connector named {definition['display_name']!r} already exists in {profile.url}: {taken[0]}. "
            "Use `pulumi-scalekit curl update`"
        )
    _print(screen, profile, Command.of("POST", profile.url, payload=create_payload(definition)), json=json)


def update(
    *,
    name: Name,
    env: options.Env = None,
    origin: Origin = None,
    file: File = None,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Print an update."""
    from pulumi_scalekit.definition.normalize import definition_of, update_payload
    from pulumi_scalekit.operations.curl import Command
    from pulumi_scalekit.operations.selection import find, identifier_of, name_of

    screen = Screen()
    profile = options.profile_of(env, program)
    connectors = options.connectors_of(profile, screen)
    if file is None and origin is None:
        live = find(connectors, name, profile.url)
        definition = definition_of(live)
    else:
        definition = _definition(screen, name, origin, file, program)
        # An identifier means the target's own; a name that only the source knows means the same name there.
        known = file is not None or any(name in (identifier_of(c), name_of(c)) for c in connectors)
        live = find(connectors, name if known else definition["display_name"], profile.url)
    command = Command.of("PUT", profile.url, identifier_of(live), update_payload(definition))
    _print(screen, profile, command, json=json)


def delete(
    *,
    name: Name,
    env: options.Env = None,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Print a delete."""
    from pulumi_scalekit.operations.curl import Command
    from pulumi_scalekit.operations.selection import identifier_of

    screen = Screen()
    profile = options.profile_of(env, program)
    live = options.connectors_of(profile, screen, [name])[0]
    _print(screen, profile, Command.of("DELETE", profile.url, identifier_of(live)), json=json)


def _definition(
    screen: Screen, name: str, origin: str | None, file: Path | None, program: Path
) -> dict[str, Any]:
    from pulumi_scalekit.definition.keys import DEFINITION_KEYS
    from pulumi_scalekit.definition.normalize import definition_of
    from pulumi_scalekit.operations.files import read_json_object

    if file is not None and origin is not None:
        raise typer.BadParameter("give only one of --file and --from")
    if file is None:
        profile = options.profile_of(origin, program)
        return definition_of(options.connectors_of(profile, screen, [name])[0])
    payload = read_json_object(file)
    _refuse_wrong(payload, file)
    return {key: payload[key] for key in DEFINITION_KEYS if key in payload}


def _refuse_wrong(payload: dict[str, Any], file: Path) -> None:
    from pulumi_scalekit.definition.check import errors
    from pulumi_scalekit.definition.keys import READ_ONLY_KEYS
    from pulumi_scalekit.errors import DefinitionError

    found = errors({key: value for key, value in payload.items() if key not in READ_ONLY_KEYS})
    if found:
        listed = "; ".join(f"{finding.path} {finding}" for finding in found)
        raise DefinitionError(f"{file} has {counted(len(found), 'error')}: {listed}")


def _print(screen: Screen, profile: Profile, command: Command, *, json: bool) -> None:
    from pulumi_scalekit.operations.curl import token_command
    from pulumi_scalekit.operations.environments import credentials_prefix

    token = token_command(profile.url, credentials_prefix(profile))
    if json:
        screen.json(
            {
                "method": command.method,
                "url": command.url,
                "body": command.body,
                "token_command": token,
                "command": command.text,
            }
        )
        return
    screen.raw(f"{token} &&\n\n{command.text}")
