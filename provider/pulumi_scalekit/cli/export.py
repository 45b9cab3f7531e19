"""`export`: live connectors as code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from . import options
from .console import Screen, counted, help_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pulumi_scalekit.api.responses import Attributes
    from pulumi_scalekit.operations.connections import ConnectionEntry
    from pulumi_scalekit.operations.environments import Profile

PYTHON_FILE: Final = "connectors.py"

HELP: Final = help_text(f"""Write live connectors and their connections as typed Python, or as JSON payloads.

Without --out the result is printed. With it, Python goes into one file, {PYTHON_FILE}, and each JSON
payload into a file of its own; a connection's has its arguments. Client secrets are not exported, which
Scalekit does not show: an environment variable stands for each. Exporting again overwrites what an export
has written, and nothing else unless --force is given.

[bold]Examples[/bold]

  pulumi-scalekit export --env dev > connectors.py
  pulumi-scalekit export "My Asana" --env dev --format json --out payloads
""")


Format = Literal["python", "json"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export", help=HELP, rich_help_panel="Write")(export)


def export(
    *,
    names: options.Names = None,
    env: options.Env = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The directory to write to.", file_okay=False)
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = "python",
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that no export has written.")
    ] = False,
    with_connections: options.WithConnections = True,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Export connectors."""
    from pulumi_scalekit.errors import AmbiguousConnector
    from pulumi_scalekit.operations.codegen import EXPORTED, module_source
    from pulumi_scalekit.operations.naming import resource_names
    from pulumi_scalekit.operations.selection import identifier_of, name_of, refuse_duplicates, select

    screen = Screen()
    profile = options.profile_of(env, program)
    everything = options.connectors_of(profile, screen)
    connectors = select(everything, names or (), profile.url)
    # Names are given with all connectors in view: an export of one calls it what an export of all does.
    chosen = {identifier_of(a) for a in connectors}
    try:
        refuse_duplicates(connectors)
    except AmbiguousConnector as error:
        screen.note(
            f"warning: {error}", "yellow"
        )  # the duplicates are all written: it is for the user to choose
    named = [(r, a) for r, a in resource_names(everything) if identifier_of(a) in chosen]
    connections = _connections(profile, named, screen) if with_connections else []
    if form == "python":
        contents = {PYTHON_FILE: module_source(EXPORTED, named, connections)}
    else:
        contents = {name: _json_text(value) for name, value in _payloads(named, connections).items()}
    files = _write(out, contents, form, force=force) if out else []
    if json:
        from pulumi_scalekit.definition.normalize import definition_of

        screen.json(
            {
                "environment_url": profile.url,
                "connectors": [
                    {
                        "identifier": identifier_of(a),
                        "display_name": name_of(a),
                        "resource": r,
                        "definition": definition_of(a),
                    }
                    for r, a in named
                ],
                "connections": [
                    {
                        "id": entry.connection.id,
                        "connection_name": entry.connection.name,
                        "resource": entry.resource,
                        "connector": identifier_of(entry.connection.connector),
                        "arguments": entry.connection.declaration,
                    }
                    for entry in connections
                ],
                "files": [str(file) for file in files],
            }
        )
    elif out:
        for file in files:
            screen.say(str(file))
        also = f" and {counted(len(connections), 'connection')}" if connections else ""
        screen.note(f"Exported {counted(len(named), 'connector')}{also} of {profile.url}", "dim")
    elif form == "python":
        screen.raw(contents[PYTHON_FILE])
    else:
        payloads = list(_payloads(named, ()).values())
        screen.json(payloads[0] if names and len(payloads) == 1 else payloads)
        if connections:
            screen.note(
                f"Not shown: {counted(len(connections), 'connection')}, which --out or --json writes", "dim"
            )


def _connections(
    profile: Profile, named: list[tuple[str, Attributes]], screen: Screen
) -> list[ConnectionEntry]:
    from pulumi_scalekit.operations.connections import connection_resources
    from pulumi_scalekit.operations.selection import identifier_of

    resources = {identifier_of(connector): resource for resource, connector in named}
    connectors = [connector for _, connector in named]
    return connection_resources(options.connections_of(profile, connectors, screen) or (), resources)


def _payloads(
    named: Iterable[tuple[str, Attributes]], connections: Iterable[ConnectionEntry]
) -> dict[str, dict[str, Any]]:
    """What goes into which file."""
    from pulumi_scalekit.definition.normalize import definition_of

    files = {f"{resource}.json": definition_of(connector) for resource, connector in named}
    return files | {
        f"{entry.resource}.connection.json": entry.connection.declaration for entry in connections
    }


def _json_text(value: Mapping[str, Any]) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _write(out: Path, contents: dict[str, str], form: Format, *, force: bool) -> list[Path]:
    from pulumi_scalekit.errors import ScalekitError
    from pulumi_scalekit.operations.files import write_text

    targets = {out / name: text for name, text in contents.items()}
    foreign = [str(path) for path, text in targets.items() if path.exists() and not _ours(path, text, form)]
    if foreign and not force:
        raise ScalekitError(
            f"{', '.join(foreign)} would be overwritten, and no export wrote it. Nothing was written. "
            "Choose another --out, or use --force"
        )
    for path, text in targets.items():
        write_text(path, text)
    return list(targets)


def _ours(path: Path, text: str, form: Format) -> bool:
    """Whether an earlier export wrote a file, as far as can be told."""
    import json

    from pulumi_scalekit.operations.codegen import EXPORTED

    try:
        before = path.read_text(encoding="utf-8")
        if form == "python":
            return before.startswith(EXPORTED) or not before.strip()
        payload: Any = json.loads(before)
        written = json.loads(text)
        key = "display_name" if "display_name" in written else "connection_name"
        return isinstance(payload, dict) and payload.get(key) == written[key]
    except (OSError, ValueError, RecursionError):
        return False
