"""`accounts`: the connected accounts of a connection."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from . import options
from .console import Column, Screen, confirm, counted, help_text

if TYPE_CHECKING:
    from pulumi_scalekit.api.client import Client

HELP: Final = help_text("""
List, create and delete the connected accounts of a connection.

A connected account holds the credentials that one user has given to a connection. None of them is ever shown.

[bold]Examples[/bold]

  pulumi-scalekit accounts list freshdesk --env dev
  pulumi-scalekit accounts create freshdesk user_123 --env dev
  pulumi-scalekit accounts delete freshdesk user_123 --env dev
""")
CREATE_HELP: Final = help_text("""
Create a connected account: prints a link that its holder opens to enter credentials or to authorize.

With --field the account is made with values that you have, and no link is needed.

[bold]Examples[/bold]

  pulumi-scalekit accounts create freshdesk user_123 --env dev
  pulumi-scalekit accounts create attention user_123 --env dev \\
      --field api_key=@key.txt
""")

Connection = Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's name.")]
Identifier = Annotated[
    str, typer.Argument(metavar="IDENTIFIER", help="The account's identifier, such as a user's id.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help=HELP, no_args_is_help=True, rich_markup_mode="rich", context_settings=options.HELP_OPTIONS
    )
    group.command("list", help=_help("List the connected accounts of a connection.", "list freshdesk"))(list_)
    group.command("create", help=CREATE_HELP)(create)
    group.command(
        "delete", help=_help("Delete a connected account with its credentials.", "delete freshdesk user_123")
    )(delete)
    app.add_typer(group, name="accounts", rich_help_panel="Manage")


def _help(about: str, example: str) -> str:
    return help_text(f"{about}\n\n[bold]Example[/bold]\n\n  pulumi-scalekit accounts {example} --env dev")


def list_(
    *,
    connection: Connection,
    env: options.Env = None,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """List accounts."""
    from pulumi_scalekit.operations.accounts import list_accounts

    screen = Screen()
    with _client(env, program) as client, screen.working(f"Reading the accounts of {connection}"):
        accounts = list_accounts(client, connection)
    if json:
        screen.json(accounts)
        return
    columns = [Column("IDENTIFIER", "cyan", keep=True), Column("STATUS"), Column("ID", "dim", below=True)]
    screen.table(
        columns, [[str(a.get(key) or "") for key in ("identifier", "status", "id")] for a in accounts]
    )
    screen.note(f"{counted(len(accounts), 'connected account')} of {connection}", style="dim")


def create(
    *,
    connection: Connection,
    identifier: Identifier,
    field: options.Fields = None,
    env: options.Env = None,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Create an account."""
    from pulumi_scalekit.operations.accounts import create_account, invite

    screen = Screen()
    fields = options.fields_of(field)
    with _client(env, program) as client:
        if not fields:
            invitation = invite(client, connection, identifier)
            if json:
                screen.json({"link": invitation.link, "expiry": invitation.expiry})
                return
            screen.raw(invitation.link)
            until = f", until {invitation.expiry}" if invitation.expiry else ""
            screen.note(f"Give this link to the holder of {identifier}{until}.", "dim")
            return
        made = create_account(client, connection, identifier, fields)
    account = {key: made.get(key) for key in ("id", "identifier", "status")}
    if json:
        screen.json(account)
    else:
        status = f": {account['status']}" if account["status"] else ""
        screen.say(f"Created {identifier} in {connection}{status}.", "green")


def delete(
    *,
    connection: Connection,
    identifier: Identifier,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    env: options.Env = None,
    program: options.Program = Path(),
) -> None:
    """Delete an account."""
    from pulumi_scalekit.errors import ScalekitError
    from pulumi_scalekit.operations.accounts import delete_account

    screen = Screen()
    with _client(env, program) as client:
        if not yes:
            if not sys.stdin.isatty():
                raise ScalekitError("Nothing was deleted: there is nobody to ask. Use --yes")
            where = client.settings.environment_url
            if not confirm(f"Delete the connected account {identifier} of {connection} in {where}?"):
                screen.note("Nothing was deleted.")
                raise typer.Exit(1)
        delete_account(client, connection, identifier)
    screen.say(f"Deleted {identifier} from {connection}.", "green")


def _client(env: str | None, program: Path) -> Client:
    from pulumi_scalekit.api.client import Client

    return Client(options.profile_of(env, program).settings)
