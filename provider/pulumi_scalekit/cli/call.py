"""`call`: one request through a connector."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .console import Screen, help_text

if TYPE_CHECKING:
    import httpx

HELP: Final = help_text("""
Send one request through a connector, by Scalekit's Tool Proxy; or show what would be sent.

CONNECTOR is a display name, an identifier or, with --dry-run, a JSON payload file. PATH is relative to the
connector's proxy_url. With --field, a connected account is made for the call and removed afterwards, and a
connection too where the connector has none.

[bold]Examples[/bold]

  pulumi-scalekit call "My Freshdesk" /v2/tickets --dry-run \\
      --field domain=acme.freshdesk.com
  pulumi-scalekit call "My Freshdesk" /v2/tickets --account user_123
  pulumi-scalekit call "My Attention" /v1/teams --env dev \\
      --field api_key=@key.txt
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("call", help=HELP, rich_help_panel="Try")(call)


def call(
    *,
    connector: Annotated[
        str, typer.Argument(metavar="CONNECTOR", help="A display name, an identifier or a payload file.")
    ],
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The path below proxy_url, with its query.")
    ] = "/",
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            "-X",
            metavar="METHOD",
            help="The HTTP method; GET unless given, or POST where there is --data.",
        ),
    ] = None,
    field: options.Fields = None,
    account: Annotated[
        str | None,
        typer.Option("--account", "-a", metavar="IDENTIFIER", help="The connected account's identifier."),
    ] = None,
    connection: Annotated[
        str | None, typer.Option("--connection", "-c", metavar="NAME", help="The connection's name.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="NAME: VALUE", help="A further header.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", "-d", metavar="BODY", help="The body; @FILE reads it from a file, @- from stdin."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the upstream request, and send nothing.")
    ] = False,
    env: options.Env = None,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Call through a connector."""
    fields = options.fields_of(field)
    method = (method or ("GET" if data is None else "POST")).upper()
    screen = Screen()
    if json and not dry_run:
        raise typer.BadParameter("--json goes with --dry-run; the upstream's response is printed as it is")
    if dry_run and (account is not None or connection is not None):
        raise typer.BadParameter("--account and --connection are for a call that is sent, without --dry-run")
    body = _body(data) if data is not None else None
    headers = [_header(item) for item in header or ()]
    if dry_run:
        definition = _definition(connector, env, program, screen)
        _show(screen, definition, method, path, fields, headers, body, json=json)
        return
    _send(screen, connector, method, path, fields, account, connection, headers, body, env, program)


def _definition(source: str, env: str | None, program: Path, screen: Screen) -> dict[str, Any]:
    if source.endswith(".json") or Path(source).is_file():
        from pulumi_scalekit.operations.files import read_json_object

        return read_json_object(Path(source))
    return options.connectors_of(options.profile_of(env, program), screen, [source])[0]


def _show(
    screen: Screen,
    definition: dict[str, Any],
    method: str,
    path: str,
    fields: dict[str, str],
    headers: list[tuple[str, str]],
    body: bytes | None,
    *,
    json: bool,
) -> None:
    from pulumi_scalekit.tool_proxy.dry_run import check_fields, dry_run

    check_fields(definition, fields)
    shown = dry_run(definition, method, path, fields, headers)
    text = None if body is None else body.decode(errors="replace")
    if json:
        screen.json(
            {
                "method": shown.method,
                "url": shown.request.masked_url,
                "headers": dict(shown.headers),
                "body": text,
                "assumed": list(shown.assumed),
            }
        )
        return
    screen.say(f"{shown.method} {shown.request.masked_url}", "bold")
    for name, value in shown.headers:
        screen.say(f"{name}: {value}")
    if text is not None:
        screen.say(f"\n{text}")
    if shown.assumed:
        screen.note(f"Made up, since not given: {', '.join(shown.assumed)}.", style="dim")
    screen.note("Nothing was sent.", style="dim")


def _send(
    screen: Screen,
    name: str,
    method: str,
    path: str,
    fields: dict[str, str],
    account: str | None,
    connection: str | None,
    headers: list[tuple[str, str]],
    body: bytes | None,
    env: str | None,
    program: Path,
) -> None:
    from pulumi_scalekit.api.client import Client
    from pulumi_scalekit.tool_proxy.calls import ToolProxy
    from pulumi_scalekit.tool_proxy.dry_run import check_fields
    from pulumi_scalekit.tool_proxy.urls import split_target

    split_target(path)
    profile = options.profile_of(env, program)
    connector = options.connectors_of(profile, screen, [name])[0]
    check_fields(connector, fields)
    with Client(profile.settings) as client:
        proxy = ToolProxy(client)
        with proxy.route(connector, connection=connection, account=account, fields=fields) as (by, as_whom):
            only = "" if account or fields else ", its only connected account"
            screen.note(f"{method} {path} through connection {by} as {as_whom}{only}", style="dim")
            with proxy.call(by, as_whom, method, path, headers=headers, content=body) as response:
                succeeded = _print(screen, response)
    if not succeeded:
        raise typer.Exit(1)


def _print(screen: Screen, response: httpx.Response) -> bool:
    """Print a response: its status to standard error, its body, as it arrives, to standard output.

    Where a person reads it, the last line is ended; a file or another program gets the bytes as they are.
    """
    kind = response.headers.get("content-type", "no content type")
    status = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
    screen.note(f"{status} ({kind})", style="green" if response.is_success else "red")
    piece = b""
    for piece in response.iter_bytes():
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    if screen.rich and not piece.endswith(b"\n"):
        screen.say()
    return response.is_success


def _header(item: str) -> tuple[str, str]:
    from pulumi_scalekit.definition.urls import HEADER_NAME

    name, value = options.pair(item, ":", "--header")
    if not HEADER_NAME.fullmatch(name):
        raise typer.BadParameter(f"--header: {name!r} is not a header name")
    return name, value


def _body(data: str) -> bytes:
    if data == "@-":
        return sys.stdin.buffer.read()
    return options.read_bytes(data[1:]) if data.startswith("@") else data.encode()
