"""`review`: what to look at before a definition goes anywhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from . import options
from .console import Column, Screen, counted, counted_kinds, help_text, visible
from .exit_codes import ATTENTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pulumi_scalekit.definition.finding import Finding
    from pulumi_scalekit.operations.review import Review, Subject

HELP: Final = help_text("""
Review connectors and connections: the documentation's review list and every rule, with reasons and fixes.

FILE is a JSON payload, a connection's arguments as an export writes them, a list of such, or the response
of Scalekit's list calls; - reads standard input. Without it, what lives in an environment is reviewed;
with --stack what a Pulumi stack declares; or with --program alone what a program declares, which needs
neither credentials nor an environment: the program runs with Pulumi's mocks.

Ends with exit code 3 when there are findings as severe as --fail-on says.

[bold]Examples[/bold]

  pulumi-scalekit review payload.json
  pulumi-scalekit review --env production --fail-on warning
  pulumi-scalekit review --program . --format sarif > review.sarif
""")
CHECKLISTS: Final = 3
"""Up to so many connectors, their review lists are shown without being asked for."""
_STYLES: Final = {
    "error": "bold red",
    "warning": "yellow",
    "hint": "cyan",
    "ok": "green",
    "not used": "dim",
}
_MARKS: Final = {"ok": "✓", "error": "✗", "warning": "!", "hint": "i", "not used": "–"}


Format = Literal["table", "json", "sarif"]
FailOn = Literal["error", "warning", "hint", "never"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("review", help=HELP, rich_help_panel="Compare and check")(review_definitions)


def review_definitions(
    *,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="A JSON file, or - .")] = None,
    env: options.Env = None,
    stack: Annotated[
        str | None, typer.Option("--stack", "-s", metavar="NAME", help="Review what this stack declares.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", "-f", help="What to print; table unless given.")
    ] = None,
    json: options.Json = False,
    fail_on: Annotated[FailOn, typer.Option(help="The severity from which on the exit code is 3.")] = "error",
    checklist: Annotated[
        bool | None,
        typer.Option(
            "--checklist/--no-checklist",
            help=f"Show the review list of each connector; by default for up to {CHECKLISTS} connectors.",
        ),
    ] = None,
    with_connections: options.WithConnections = True,
    program: Annotated[
        Path | None,
        typer.Option(
            "--program",
            metavar="DIR",
            help="The directory of the Pulumi program. Without --env and --stack, review what it declares.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option(
            "--config-file",
            metavar="FILE",
            help="With --program: the stack's configuration that it reads; the first Pulumi.*.yaml unless given.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Review definitions."""
    from pulumi_scalekit.operations.review import RANK, review

    if sum(source is not None for source in (file, env, stack)) > 1:
        raise typer.BadParameter("give only one of FILE, --env and --stack")
    if file is not None and program is not None:
        raise typer.BadParameter("give only one of FILE and --program")
    if config_file is not None and (program is None or env is not None or stack is not None):
        raise typer.BadParameter("--config-file goes with --program alone")
    if json and form not in (None, "json"):
        raise typer.BadParameter("give only one of --json and --format")
    screen = Screen()
    form = "json" if json else form
    lines: dict[str, int] | None = None
    if file is not None:
        subjects, lines = _from_file(file)
    elif stack is not None:
        subjects = _from_stack(stack, program or Path(), screen)
    elif program is not None and env is None:
        subjects, lines = _from_program(program, config_file, screen)
    else:
        subjects = _from_environment(env, program or Path(), screen, with_connections=with_connections)
    reviews = review([s for s in subjects if with_connections or not s.is_connection])
    if form == "sarif":
        from pulumi_scalekit.operations.sarif import sarif

        screen.json(sarif(reviews, lines))
    elif form == "json":
        screen.json([_as_json(reviewed) for reviewed in reviews])
    else:
        wanted = len(reviews) <= CHECKLISTS if checklist is None else checklist
        _show(screen, reviews, checklist=wanted)
    worst = max((RANK[r.worst] for r in reviews if r.worst), default=0)
    if fail_on != "never" and worst >= RANK[fail_on]:
        raise typer.Exit(ATTENTION)


def _from_file(file: str) -> tuple[list[Subject], dict[str, int]]:
    import json

    from pulumi_scalekit.definition.normalize import plain
    from pulumi_scalekit.errors import ScalekitError
    from pulumi_scalekit.operations.sarif import property_lines

    called = "standard input" if file == "-" else file
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ScalekitError(f"Cannot read {called}: {getattr(error, 'strerror', None) or error}") from None
    try:
        content: Any = plain(json.loads(text))
        lines = property_lines(text)
    except (ValueError, RecursionError) as error:
        raise ScalekitError(f"{called} is not valid JSON: {error}") from None
    source = "stdin" if file == "-" else Path(file).as_posix()
    entries = list(_payloads(content, called))
    if not entries:
        raise ScalekitError(
            f"{called} has no connector: give a payload, a list of payloads, or a response of the list call"
        )
    connectors = [payload for _, payload in entries if not _is_connection(payload)]
    return [
        _connection_subject(payload, source, path, connectors)
        if _is_connection(payload)
        else _subject(payload, source, path)
        for path, payload in entries
    ], lines


def _is_connection(payload: dict[str, Any]) -> bool:
    return bool({"connection_name", "key_id", "provider_key"} & payload.keys())


def _connection_subject(
    payload: dict[str, Any], source: str, path: str, connectors: Sequence[dict[str, Any]]
) -> Subject:
    """A connection, declared or as a response has it; its connector is looked for among those given."""
    from pulumi_scalekit.definition.connection import declaration_of, pattern_of
    from pulumi_scalekit.definition.keys import UNKNOWN
    from pulumi_scalekit.operations.review import Subject

    id_ = str(payload.get("id") or "")
    declared = payload
    if "connection_name" not in payload:
        of = [c for c in connectors if c.get("identifier") == payload.get("provider_key")]
        declared = declaration_of(payload, of[0] if of else {})
        if payload.get("status") != "DRAFT" and "oauth_app" not in declared:
            declared["oauth_app"] = UNKNOWN  # a list has no settings, and says that they are complete
    patterns = [pattern_of(c) for c in connectors if c.get("identifier") == declared.get("connector")]
    is_mcp = patterns[0].get("is_mcp") is True if patterns else None
    name = str(declared.get("connection_name") or path or source)
    return Subject(name, declared, id_, source, path, is_connection=True, is_mcp=is_mcp)


def _payloads(content: Any, called: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The payloads in a file's content, each with its path."""
    from pulumi_scalekit.errors import ScalekitError

    if isinstance(content, list):
        lists = {"": content}
    elif isinstance(content, dict):
        lists = {k: content[k] for k in ("providers", "connections") if isinstance(content.get(k), list)}
    else:
        return
    for key, items in lists.items():
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                raise ScalekitError(f"{called} has something else than a JSON object at {key}[{index}]")
            yield f"{key}[{index}]", item
    if lists:
        return
    single = next((key for key in ("provider", "connection") if isinstance(content.get(key), dict)), "")
    if single:
        yield single, content[single]
    elif content:
        yield "", content


def _subject(payload: dict[str, Any], source: str, path: str = "") -> Subject:
    from pulumi_scalekit.definition.keys import READ_ONLY_KEYS
    from pulumi_scalekit.operations.review import Subject

    # What the server makes is not a mistake in its response.
    live = isinstance(payload.get("identifier"), str)
    definition = {k: v for k, v in payload.items() if not (live and k in READ_ONLY_KEYS)}
    called = str(payload.get("display_name") or path or source)
    return Subject(called, definition, str(payload.get("identifier") or ""), source, path)


def _from_environment(
    env: str | None, program: Path, screen: Screen, *, with_connections: bool
) -> list[Subject]:
    from pulumi_scalekit.definition.keys import DEFINITION_KEYS

    profile = options.profile_of(env, program)
    connectors = options.connectors_of(profile, screen)
    subjects = [
        _subject({k: a[k] for k in (*DEFINITION_KEYS, "identifier") if k in a}, profile.url)
        for a in connectors
    ]
    if not with_connections:
        return subjects
    listed = options.listed_connections(profile, connectors, screen)
    return [*subjects, *(_connection_subject(c, profile.url, "", connectors) for c in listed)]


def _from_stack(stack: str, program: Path, screen: Screen) -> list[Subject]:
    from pulumi_scalekit.operations.pulumi_cli import Project
    from pulumi_scalekit.operations.state import declared_subjects

    project = Project.at(program)
    with screen.working(f"Reading the state of {stack}"):
        return declared_subjects(project.deployment(stack), stack)


def _from_program(
    program: Path, config_file: Path | None, screen: Screen
) -> tuple[list[Subject], dict[str, int]]:
    from pulumi_scalekit.operations.program import declared_subjects
    from pulumi_scalekit.operations.pulumi_cli import Project

    project = Project.at(program)
    with screen.working(f"Running {project.entry} with Pulumi's mocks"):
        return declared_subjects(project, config_file)


def _as_json(reviewed: Review) -> dict[str, Any]:
    subject = reviewed.subject
    return {
        "kind": "connection" if subject.is_connection else "connector",
        "name": subject.name,
        "identifier": subject.identifier or None,
        "source": subject.source,
        "findings": [
            {"severity": f.severity, "rule": f.rule, "path": f.path, "reason": f.message, "fix": f.fix}
            for f in reviewed.findings
        ],
        "checklist": [{"item": i.title, "value": i.value, "state": i.state} for i in reviewed.checklist],
    }


def _show(screen: Screen, reviews: list[Review], *, checklist: bool) -> None:
    from rich.text import Text

    shown = [reviewed for reviewed in reviews if checklist or reviewed.findings]
    for number, reviewed in enumerate(shown):
        if number:
            screen.say()
        called = reviewed.subject.identifier
        screen.say(reviewed.subject.name + (f"  {called}" if called else ""), style="bold")
        if checklist:
            screen.table(
                [Column(""), Column("REVIEW LIST"), Column("VALUE", fold=True)],
                [
                    [Text(_MARKS[i.state], _STYLES[i.state]), i.title, i.value or "–"]
                    for i in reviewed.checklist
                ],
            )
        if reviewed.findings:
            if checklist:
                screen.say()
            _show_findings(screen, reviewed.findings)
    counts = {
        severity: sum(f.severity == severity for r in reviews for f in r.findings)
        for severity in ("error", "warning", "hint")
    }
    said = ", ".join(counted(n, s) for s, n in counts.items() if n) or "nothing found"
    if shown:
        screen.say()
    connections = sum(reviewed.subject.is_connection for reviewed in reviews)
    what = counted_kinds(len(reviews) - connections, connections) or counted(0, "connector")
    screen.say(f"{what} reviewed: {said}.")


def _show_findings(screen: Screen, found: Sequence[Finding]) -> None:
    from rich.text import Text

    if not screen.rich:
        columns = [Column("SEVERITY"), Column("PROPERTY"), Column("REASON"), Column("FIX")]
        screen.table(columns, [[f.severity, f.path, f.message, f.fix] for f in found])
        return
    # Paths and reasons are long: one under the other they can be read in a narrow window too.
    screen.table(
        [Column("SEVERITY"), Column("FINDING", wrap=True)],
        [
            [
                Text(f.severity, _STYLES[f.severity]),
                Text.assemble(
                    (visible(f.path), "cyan"), f"\n{visible(f.message)}\n", ("fix: ", "dim"), visible(f.fix)
                ),
            ]
            for f in found
        ],
    )
