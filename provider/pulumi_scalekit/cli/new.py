"""`new`: a definition from flags, questions, an OpenAPI file, an MCP server or a catalogue."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, get_args

import typer

from .console import Screen, ask, help_text
from .exit_codes import ATTENTION

if TYPE_CHECKING:
    from pulumi_scalekit.discovery import Overrides, Reading, Result, Source

_STYLES: Final = {"given": "cyan", "found": "green", "assumed": "yellow", "missing": "bold red"}

HELP: Final = help_text("""Make a connector definition from flags, questions, an OpenAPI file or an MCP server.

The definition goes to standard output or --out; what was found, what was assumed and what is missing goes to
standard error. Flags go before whatever is found. In a terminal, what is missing is asked for. Placeholders such as
{{domain}} in a URL become fields that the account holder fills in.

[bold]Examples[/bold]

  pulumi-scalekit new --openapi openapi.yaml --out connectors.py
  pulumi-scalekit new --mcp https://mcp.example.com/mcp --format json
  pulumi-scalekit new --nango providers.yaml --provider freshdesk
  pulumi-scalekit new --name "My Desk" --auth basic \\
      --proxy-url "https://{{domain}}/api"

Exit codes: 0 the definition passes review; 1 failed; 2 wrong usage; 3 something has to be filled in.
""")


Auth = Literal["oauth", "basic", "bearer", "api_key", "no_auth"]
"""Auth types, as a command line writes them."""
Format = Literal["python", "json"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    summary = "Make a definition from answers or an API's documents."
    app.command("new", help=HELP, short_help=summary, rich_help_panel="Write")(new)


def new(
    *,
    openapi: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="An OpenAPI 3 or Swagger 2.0 document, JSON or YAML; - for standard input."
        ),
    ] = None,
    mcp: Annotated[
        str | None, typer.Option(metavar="URL", help="An MCP server; it is asked for its metadata.")
    ] = None,
    nango: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A providers.yaml of Nango; --provider names the entry."),
    ] = None,
    provider: Annotated[str, typer.Option(metavar="KEY", help="The entry of the --nango file to take.")] = "",
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The display name: letters, digits and spaces.")
    ] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the connector connects to.")
    ] = None,
    auth: Annotated[
        Auth | None, typer.Option(help="How accounts authenticate.", case_sensitive=False)
    ] = None,
    scheme: Annotated[
        str, typer.Option(metavar="NAME", help="The document's security scheme to use; join several by +.")
    ] = "",
    server: Annotated[
        str,
        typer.Option(metavar="TEXT", help="The document's server to use: its number, or a part of its URL."),
    ] = "",
    proxy_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The upstream's base URL, with {{name}} placeholders.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="The header of the credential; give several for several API keys."),
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What goes before the credential, such as 'Token '.")
    ] = None,
    authorize_url: Annotated[
        str | None, typer.Option(metavar="URL", help="OAuth: the authorization endpoint.")
    ] = None,
    token_url: Annotated[str | None, typer.Option(metavar="URL", help="OAuth: the token endpoint.")] = None,
    user_info_url: Annotated[str | None, typer.Option(metavar="URL", help="OAuth: who authorized.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPE", help="OAuth: a scope on offer; give it several times."),
    ] = None,
    pkce: Annotated[bool | None, typer.Option("--pkce/--no-pkce", help="OAuth: whether to use PKCE.")] = None,
    icon: Annotated[str | None, typer.Option(metavar="URL", help="An https URL of an icon.")] = None,
    resource: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Python: the resource name; made from the name without it."),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="What to write; python, unless --out ends in .json."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write to.", dir_okay=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the definition and the report as one JSON object.")
    ] = False,
    questions: Annotated[
        bool, typer.Option("--input/--no-input", help="In a terminal, ask for what is missing.")
    ] = True,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="MCP: how long one request may take.", min=0.1, max=120)
    ] = 10.0,
) -> None:
    """Make a definition."""
    from pulumi_scalekit.discovery import Overrides, Source, conclude, load_document, read

    if sum(source is not None for source in (openapi, mcp, nango)) > 1:
        raise typer.BadParameter("give one of --openapi, --mcp and --nango")
    if (nango is None) != (not provider):
        raise typer.BadParameter("--nango and --provider go together")
    if out is not None and out.exists() and not force:
        raise typer.BadParameter(f"{out} exists: choose another file, or use --force", param_hint="--out")
    is_json = form == "json" or (form is None and out is not None and out.suffix == ".json")
    if resource is not None and is_json:
        raise typer.BadParameter("names a resource in Python, and JSON has none", param_hint="--resource")
    screen = Screen()
    interactive = questions and openapi != "-" and sys.stdin.isatty() and screen.err.is_terminal
    overrides = Overrides(
        display_name=name,
        description=description,
        icon_src=icon,
        proxy_url=proxy_url,
        auth=auth.upper() if auth else None,
        headers=tuple(header or ()),
        prefix=prefix,
        authorize_uri=authorize_url,
        token_uri=token_url,
        user_info_uri=user_info_url,
        scopes=tuple(scope or ()),
        pkce=pkce,
    )
    if openapi is None and (scheme or server):
        raise typer.BadParameter("--scheme and --server choose from a document: give --openapi")
    source = Source(
        scheme=scheme, server=server, mcp=mcp or "", timeout=timeout, catalogue=nango or "", provider=provider
    )
    if openapi is None and mcp is None and nango is None:
        if interactive:
            source, overrides = _questionnaire(source, overrides)
        elif overrides == Overrides():
            raise typer.BadParameter(
                "give --openapi FILE, --mcp URL, --nango FILE, or at least --name, --auth and --proxy-url"
            )
    elif openapi is not None:
        with screen.working(f"Reading {openapi}"):
            source = replace(source, document=load_document(openapi))
    with screen.working(f"Asking {source.mcp}" if source.mcp else "Reading"):
        reading = read(source, overrides)
    result = conclude(reading, overrides)
    if interactive:
        result = _completed(screen, reading, overrides, result)
    text = _json(result) if is_json else _python(result, resource)
    if out is not None:
        from pulumi_scalekit.operations.files import write_text

        write_text(out, text)
    if json:
        screen.json({**result.to_json(), "file": str(out) if out else None})
    elif out is None:
        screen.raw(text)
    if not json:
        _report(screen, result)
    if result.missing:
        raise typer.Exit(ATTENTION)


# --- Output -------------------------------------------------------------------------------------------------


def _json(result: Result) -> str:
    import json

    return json.dumps(result.definition, indent=2, ensure_ascii=False) + "\n"


def _python(result: Result, resource: str | None) -> str:
    from pulumi_scalekit.operations.codegen import module_source
    from pulumi_scalekit.operations.naming import slug

    name = resource or slug(result.definition["display_name"])
    return module_source("", [(name, result.definition)])


def _report(screen: Screen, result: Result) -> None:
    for note in result.notes:
        source = f" ({note.source})" if note.source else ""
        screen.note(f"{note.origin:<8} {note.path}: {note.text}{source}", _STYLES[note.origin])
        if note.fix:
            screen.note(f"{'':<8} → {note.fix}", "dim")
    for finding in result.warnings:
        screen.note(f"{finding.severity:<8} {finding.path}: {finding}", "yellow")
    for place, names in result.account_values.items():
        screen.note(f"A connected account takes {', '.join(names)} in {place}", "dim")
    others = [choice for choice in result.choices if choice.type and not choice.chosen]
    if others:
        listed = ", ".join(f"{choice.name} ({choice.type})" for choice in others)
        screen.note(f"Other ways to authenticate, for --scheme: {listed}", "dim")
    if result.missing:
        paths = ", ".join(dict.fromkeys(note.path for note in result.missing))
        screen.note(f"Look after: {paths}", "bold")
    else:
        screen.note("The definition passes review.", "dim")


# --- Questions ----------------------------------------------------------------------------------------------


_PREFIX_QUESTION: Final = "Text before the key, such as 'Token '"


def _ask(question: str, default: str | None = None) -> str:
    return ask(question, default).strip()


def _ask_type(known: str | None = None) -> str:
    kinds = get_args(Auth)
    question = f"How do accounts authenticate ({', '.join(kinds)})"
    while (answer := _ask(question, known and known.lower()).lower()) not in kinds:
        typer.echo(f"Choose one of {', '.join(kinds)}", err=True)
    return answer.upper()


def _questionnaire(source: Source, overrides: Overrides) -> tuple[Source, Overrides]:
    """Ask where to read from, or for what makes a connector."""
    from pulumi_scalekit.discovery import load_document

    by_hand = overrides.proxy_url or overrides.auth or overrides.headers or overrides.authorize_uri
    place = "" if by_hand else _ask("An OpenAPI file, or the URL of an MCP server (empty for neither)", "")
    if place.startswith(("https://", "http://")):
        return replace(source, mcp=place), overrides
    if place:
        return replace(source, document=load_document(place)), overrides
    if overrides.display_name is None:
        overrides = replace(overrides, display_name=_ask("Name"))
    if overrides.description is None:
        overrides = replace(overrides, description=_ask("Description (may be empty)", "") or None)
    if overrides.proxy_url is None:
        overrides = replace(overrides, proxy_url=_ask("Base URL of the API, such as https://{{domain}}/api"))
    if overrides.auth is None:
        overrides = replace(overrides, auth=_ask_type())
    if overrides.auth in {"API_KEY", "BEARER"} and not overrides.headers:
        header = _ask("Header of the credential", "Authorization")
        overrides = replace(overrides, headers=(header,))
        if overrides.auth == "API_KEY" and overrides.prefix is None:
            overrides = replace(overrides, prefix=ask(f"{_PREFIX_QUESTION} (may be empty)", ""))
    if overrides.auth == "OAUTH" and not overrides.scopes:
        scopes = _ask("Scopes, with spaces between them (may be empty)", "").split()
        overrides = replace(overrides, scopes=tuple(scopes))
    return source, overrides


def _type_of(result: Result) -> str | None:
    """The auth type that was written, in doubt or not."""
    return next((pattern["type"] for pattern in result.definition["auth_patterns"]), None)


def _completed(screen: Screen, reading: Reading, overrides: Overrides, result: Result) -> Result:
    """Ask for what is missing, once each; what is doubted is the answer that Enter gives."""
    from pulumi_scalekit.discovery import DiscoveryError, conclude

    pattern = "auth_patterns[0]"
    questions: dict[str, Callable[[Overrides], Overrides]] = {
        "display_name": lambda a: replace(a, display_name=_ask("Name")),
        "proxy_url": lambda a: replace(
            a, proxy_url=_ask("Base URL of the API", result.definition["proxy_url"] or None)
        ),
        f"{pattern}.type": lambda a: replace(a, auth=_ask_type(_type_of(result))),
        f"{pattern}.oauth_config.authorize_uri": lambda a: replace(
            a, authorize_uri=_ask("Authorization endpoint")
        ),
        f"{pattern}.oauth_config.token_uri": lambda a: replace(a, token_uri=_ask("Token endpoint")),
        f"{pattern}.auth_field_mutations.api_key.prefix": lambda a: replace(
            a, prefix=ask(_PREFIX_QUESTION, "")
        ),
    }
    # In this order: what goes before a credential depends on the type.
    for path, answered in questions.items():
        if not (open_ := [note for note in result.missing if note.path == path]):
            continue
        for note in open_:
            screen.note(f"{path}: {note.text}", "yellow")
        answers = answered(overrides)
        try:
            result, overrides = conclude(reading, answers), answers
        except DiscoveryError as error:
            screen.error(str(error))
    return result
