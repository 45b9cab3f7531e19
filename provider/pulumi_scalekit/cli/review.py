"""`review`: what to look at before a definition goes anywhere."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .console import Column, Screen, help_text, visible
from .exit_codes import ATTENTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi_scalekit.definition.finding import Finding
    from pulumi_scalekit.operations.review import Review, Subject

HELP: Final = help_text("""
Review connector definitions: the documentation's review list and every rule, with reasons and fixes.

FILE is a JSON payload, a list of them, or the response of Scalekit's list call; - reads standard input.
Without it, the connectors of an environment are reviewed; with --stack those that a Pulumi stack
declares; or with --program alone those that a program declares, which needs neither credentials nor an environment:
the program runs with Pulumi's mocks.

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


class Format(str, enum.Enum):
    """What `review` prints."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"


class FailOn(str, enum.Enum):
    """From which severity on the exit code is 3."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"
    NEVER = "never"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("review", help=HELP, rich_help_panel="Compare and check")(review_definitions)


def review_definitions(
    *,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="A JSON file, or - .")] = None,
    env: options.Env = None,
    stack: Annotated[
        str | None, typer.Option("--stack", "-s", help="Review what this stack declares.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="What to print.")] = Format.TABLE,
    json: options.Json = False,
    fail_on: Annotated[
        FailOn, typer.Option(help="The severity from which on the exit code is 3.")
    ] = FailOn.ERROR,
    checklist: Annotated[
        bool | None,
        options.flag(
            "--checklist/--no-checklist",
            help=f"Show the review list of each connector; by default for up to {CHECKLISTS} connectors.",
        ),
    ] = None,
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
    screen = Screen()
    form = Format.JSON if json else form
    lines: dict[str, int] | None = None
    if file is not None:
        subjects, lines = _from_file(file)
    elif stack is not None:
        subjects = _from_stack(stack, program or Path(), screen)
    elif program is not None and env is None:
        subjects, lines = _from_program(program, config_file, screen)
    else:
        subjects = _from_environment(env, program or Path(), screen)
    reviews = review(subjects)
    if form is Format.SARIF:
        from pulumi_scalekit.operations.sarif import sarif

        screen.json(sarif(reviews, lines))
    elif form is Format.JSON:
        screen.json([_as_json(reviewed) for reviewed in reviews])
    else:
        wanted = len(reviews) <= CHECKLISTS if checklist is None else checklist
        _show(screen, reviews, checklist=wanted)
    worst = max((RANK[r.worst] for r in reviews if r.worst), default=0)
    if fail_on is not FailOn.NEVER and worst >= RANK[fail_on.value]:
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
    entries = list(_payloads(content))
    if not entries:
        raise ScalekitError(
            f"{called} has no connector: give a payload, a list of payloads, or a response of the list call"
        )
    return [_subject(payload, source, path) for path, payload in entries], lines


def _payloads(content: Any) -> Any:
    """The payloads in a file's content, each with its path."""
    if isinstance(content, list):
        yield from ((f"[{index}]", item) for index, item in enumerate(content) if isinstance(item, dict))
    elif isinstance(content, dict) and isinstance(content.get("providers"), list):
        listed = content["providers"]
        yield from (
            (f"providers[{index}]", item) for index, item in enumerate(listed) if isinstance(item, dict)
        )
    elif isinstance(content, dict) and isinstance(content.get("provider"), dict):
        yield "provider", content["provider"]
    elif isinstance(content, dict) and content:
        yield "", content


def _subject(payload: dict[str, Any], source: str, path: str = "", name: str = "") -> Subject:
    from pulumi_scalekit.definition.keys import READ_ONLY_KEYS
    from pulumi_scalekit.operations.review import Subject

    # What the server makes is not a mistake in its response.
    live = isinstance(payload.get("identifier"), str)
    definition = {k: v for k, v in payload.items() if not (live and k in READ_ONLY_KEYS)}
    called = name or str(payload.get("display_name") or path or source)
    return Subject(called, definition, str(payload.get("identifier") or ""), source, path)


def _from_environment(env: str | None, program: Path, screen: Screen) -> list[Subject]:
    from pulumi_scalekit.definition.keys import DEFINITION_KEYS

    profile = options.profile_of(env, program)
    return [
        _subject({k: a[k] for k in (*DEFINITION_KEYS, "identifier") if k in a}, profile.url)
        for a in options.connectors_of(profile, screen)
    ]


def _from_stack(stack: str, program: Path, screen: Screen) -> list[Subject]:
    from pulumi_scalekit.operations.pulumi_cli import Project
    from pulumi_scalekit.operations.review import Subject
    from pulumi_scalekit.operations.state import declared_definitions

    project = Project.at(program)
    with screen.working(f"Reading the state of {stack}"):
        deployment = project.deployment(stack)
    return [
        Subject(name, definition, source=f"stack {stack}")
        for name, definition in declared_definitions(deployment)
    ]


def _from_program(
    program: Path, config_file: Path | None, screen: Screen
) -> tuple[list[Subject], dict[str, int]]:
    from pulumi_scalekit.operations.program import declared_connectors
    from pulumi_scalekit.operations.pulumi_cli import Project
    from pulumi_scalekit.operations.review import Subject
    from pulumi_scalekit.operations.sarif import join

    project = Project.at(program)
    with screen.working(f"Running {project.main} with Pulumi's mocks"):
        declared = declared_connectors(project, config_file)
    subjects: list[Subject] = []
    lines: dict[str, int] = {}
    for number, connector in enumerate(declared):
        source = options.short_path(connector.file or project.main)
        place = f"[{number}]"
        lines |= {join(place, path): line for path, line in connector.lines.items()}
        name = str(connector.definition.get("display_name") or connector.resource)
        subject = Subject(name, connector.definition, source=source, path=place, written=connector.written)
        subjects.append(subject)
    return subjects, lines


def _as_json(reviewed: Review) -> dict[str, Any]:
    subject = reviewed.subject
    return {
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
    said = ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n) or "nothing found"
    if shown:
        screen.say()
    screen.say(f"{len(reviews)} connector{'' if len(reviews) == 1 else 's'} reviewed: {said}.")


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
