"""`compare` and `promote`: from one environment to another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .console import Column, Screen
from .texts import help_text

if TYPE_CHECKING:
    from pulumi_scalekit.operations.compare import Comparison
    from pulumi_scalekit.operations.environments import Profile
    from pulumi_scalekit.operations.ownership import Ownership
    from pulumi_scalekit.operations.promote import Blocked, Outcome

COMPARE_HELP: Final = help_text("""
Compare the connectors of two environments, in three columns: the source, the target now, and the target as
it would be after a promotion.

Connectors are matched by display name. With --exit-code it ends with 3 when there is something to promote.

[bold]Examples[/bold]

  pulumi-scalekit compare --from dev --to production
  pulumi-scalekit compare --from dev --to production "My Asana" --json
""")

PROMOTE_HELP: Final = help_text("""
Bring connectors from one environment to another, with the source as the source of truth: shows the
comparison, asks, creates or updates, and checks the result by reading it back. Never deletes.

Connectors that a stack of the Pulumi program here (or in --program) manages are left to `pulumi up`. Ends
with exit code 3 when there were such, and with 1 when a connector could not be promoted.

[bold]Examples[/bold]

  pulumi-scalekit promote --from dev --to production --dry-run
  pulumi-scalekit promote --from dev --to production "My Asana" --yes
""")
PANEL: Final = "Compare and check"

Source = Annotated[str, typer.Option("--from", metavar="ENV", help="The source environment.")]
Target = Annotated[str, typer.Option("--to", metavar="ENV", help="The target environment.")]

_MARKS: Final = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "same": ("=", "dim"),
    "only in target": ("?", "cyan"),
}


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("compare", help=COMPARE_HELP, rich_help_panel=PANEL)(compare_environments)
    app.command("promote", help=PROMOTE_HELP, rich_help_panel="Manage")(promote_connectors)


def compare_environments(
    *,
    source: Source,
    target: Target,
    names: options.Names = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 3 when there is something to promote.")
    ] = False,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Compare environments."""
    screen = Screen()
    pair = _Pair.of(source, target, program)
    comparisons = pair.compare(screen, names)
    if json:
        screen.json(
            {
                "source": pair.source.url,
                "target": pair.target.url,
                "connectors": [_as_json(comparison) for comparison in comparisons],
            }
        )
    else:
        _show(screen, comparisons, pair)
    if exit_code and any(c.action in ("create", "update") for c in comparisons):
        raise typer.Exit(3)


def promote_connectors(
    *,
    source: Source,
    target: Target,
    names: options.Names = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Promote connectors."""
    from pulumi_scalekit.operations.promote import divide

    screen = Screen()
    pair = _Pair.of(source, target, program)
    comparisons = pair.compare(screen, names)
    free, blocked = divide(comparisons, _ownership(program, screen), pair.source.url, pair.target.url)
    if not json:
        _show(screen, [c for c in comparisons if c.action in ("create", "update")], pair)
        _show_blocked(screen, blocked)
    outcomes: list[Outcome] = []
    if free and not dry_run:
        _ask(screen, free, pair, yes=yes, json=json)
        outcomes = _promote(screen, free, pair, names)
    if json:
        screen.json(_report(pair, comparisons, blocked, outcomes, dry_run=dry_run))
    else:
        _show_outcomes(screen, outcomes, pair, dry_run=dry_run)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)
    if blocked:
        raise typer.Exit(3)


@dataclass(frozen=True)
class _Pair:
    """Two environments, read afresh for each comparison."""

    source: Profile
    target: Profile

    @classmethod
    def of(cls, source: str, target: str, program: Path) -> _Pair:
        from pulumi_scalekit.errors import SettingsError

        pair = cls(options.profile_of(source, program), options.profile_of(target, program))
        if pair.source.url == pair.target.url:
            raise SettingsError(f"{source!r} and {target!r} are the same environment: {pair.source.url}")
        return pair

    def compare(self, screen: Screen, names: list[str] | None) -> list[Comparison]:
        from pulumi_scalekit.operations.compare import compare

        with screen.working(f"Reading {self.source.name} and {self.target.name}"):
            return compare(
                options.open_connectors(self.source).all(),
                options.open_connectors(self.target).all(),
                names or (),
                source_name=self.source.name,
                target_name=self.target.name,
            )


def _ownership(program: Path, screen: Screen) -> Ownership:
    from pulumi_scalekit.errors import EngineError
    from pulumi_scalekit.operations.ownership import Ownership, read_ownership

    project = options.project_at(program)
    if project is None:
        screen.note("No Pulumi program here: not checked whether a stack manages these connectors.", "dim")
        return Ownership()
    try:
        with screen.working(f"Reading the stacks of {project.directory}"):
            return read_ownership(project)
    except EngineError as error:
        raise EngineError(
            f"Nothing was changed: cannot tell whether a stack manages these connectors. {error}. "
            "To promote without a Pulumi program, run this outside of its directory"
        ) from None


def _ask(screen: Screen, free: list[Comparison], pair: _Pair, *, yes: bool, json: bool) -> None:
    import sys

    from pulumi_scalekit.errors import ScalekitError

    from .asking import agreed

    if yes:
        return
    if json or not sys.stdin.isatty():
        raise ScalekitError(
            "Nothing was changed: there is nobody to ask. Use --yes, or --dry-run to look first"
        )
    count = f"{len(free)} connector{'' if len(free) == 1 else 's'}"
    if not agreed(f"Promote {count} to {pair.target.name} ({pair.target.url})?"):
        screen.note("Nothing was changed.")
        raise typer.Exit(1)


def _promote(screen: Screen, free: list[Comparison], pair: _Pair, names: list[str] | None) -> list[Outcome]:
    from pulumi_scalekit.errors import ScalekitError
    from pulumi_scalekit.operations.promote import moved_meanwhile, promote

    # Somebody may have taken a long time to answer.
    again = pair.compare(screen, names)
    if moved := moved_meanwhile(free, again):
        raise ScalekitError(f"Nothing was changed: {', '.join(moved)} changed in the meantime. Look again")
    with screen.progress(len(free), f"Promoting to {pair.target.name}") as advance:
        return promote(free, options.open_connectors(pair.target), lambda c: advance(c.display_name))


# --- What is shown ------------------------------------------------------------------------------------------


def _show(screen: Screen, comparisons: list[Comparison], pair: _Pair) -> None:
    from rich.text import Text

    rows: list[list[str | Text]] = []
    for comparison in comparisons:
        mark, style = _MARKS[comparison.action]
        rows.append(
            [
                Text(mark, style),
                Text(comparison.action, style),
                comparison.display_name,
                comparison.identifier or "–",
            ]
        )
    if rows:
        title = f"IN {pair.target.name}"
        columns = [Column(""), Column("ACTION"), Column("NAME", wrap=True), Column(title, "cyan", keep=True)]
        screen.table(columns, rows)
    for comparison in comparisons:
        if comparison.action == "update":
            _show_changes(screen, comparison, pair)
        elif comparison.action == "create":
            _show_new(screen, comparison, pair)
    counts = {action: sum(c.action == action for c in comparisons) for action in _MARKS}
    said = ", ".join(f"{count} {action}" for action, count in counts.items() if count)
    screen.say()
    screen.say(f"{pair.source.name} → {pair.target.name}: {said or 'nothing to promote'}.")


def _show_changes(screen: Screen, comparison: Comparison, pair: _Pair) -> None:
    from pulumi_scalekit.definition.paths import format_path

    screen.say()
    screen.say(f"~ {comparison.display_name}", "bold yellow")
    screen.sections(
        [Column("PROPERTY", "cyan"), *_three_columns(pair)],
        [
            (format_path(change.path), [_text(change.new), _text(change.old), _text(change.new)])
            for change in comparison.changes
        ],
    )
    if comparison.authorization:
        screen.say(f"! {comparison.authorization}.", "yellow")


def _show_new(screen: Screen, comparison: Comparison, pair: _Pair) -> None:
    from pulumi_scalekit.operations.review import checklist

    screen.say()
    screen.say(f"+ {comparison.display_name}", "bold green")
    items = [i for i in checklist(comparison.payload, ()) if i.state != "not used"]
    screen.sections(
        [Column("PROPERTY", "cyan"), *_three_columns(pair)],
        [(i.title, [i.value or "–", "–", i.value or "–"]) for i in items],
    )


def _three_columns(pair: _Pair) -> list[Column]:
    """The source, the target as it is, and the target as it would be."""
    return [
        Column(pair.source.name),
        Column(f"{pair.target.name} now", "red"),
        Column(f"{pair.target.name} proposed", "green"),
    ]


def _text(value: Any) -> str:
    import json

    from pulumi_scalekit.definition.keys import ABSENT

    if value is ABSENT or value is None:
        return "–"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _show_blocked(screen: Screen, blocked: list[Blocked]) -> None:
    for entry in blocked:
        screen.say()
        screen.say(f"! {entry.comparison.display_name} is left alone: {entry.reason}.", "bold yellow")
        screen.say(f"  Run `pulumi up --stack {entry.stack}` instead.")


def _show_outcomes(screen: Screen, outcomes: list[Outcome], pair: _Pair, *, dry_run: bool) -> None:
    if dry_run:
        screen.say(f"Dry run: {pair.target.name} was not changed.", "yellow")
        return
    done = {"create": "created", "update": "updated"}
    for outcome in outcomes:
        name = outcome.comparison.display_name
        if outcome.error:
            screen.error(f"{name}: {outcome.error}")
        else:
            screen.say(
                f"✓ {name} {done[outcome.comparison.action]} and read back: {outcome.identifier}", "green"
            )


def _as_json(comparison: Comparison) -> dict[str, Any]:
    from pulumi_scalekit.definition.keys import ABSENT
    from pulumi_scalekit.definition.paths import format_path
    from pulumi_scalekit.operations.selection import identifier_of

    def side(value: Any) -> Any:
        return None if value is ABSENT else value

    return {
        "display_name": comparison.display_name,
        "action": comparison.action,
        "source_identifier": identifier_of(comparison.source) if comparison.source else None,
        "target_identifier": comparison.identifier or None,
        "changes": [
            {
                "path": format_path(change.path),
                "source": side(change.new),
                "target": side(change.old),
                "proposed": side(change.new),
            }
            for change in comparison.changes
        ],
        "authorization": comparison.authorization or None,
    }


def _report(
    pair: _Pair,
    comparisons: list[Comparison],
    blocked: list[Blocked],
    outcomes: list[Outcome],
    *,
    dry_run: bool,
) -> dict[str, Any]:
    left = {b.comparison.display_name: b for b in blocked}
    done = {o.comparison.display_name: o for o in outcomes}

    def entry(comparison: Comparison) -> dict[str, Any]:
        name = comparison.display_name
        outcome, block = done.get(name), left.get(name)
        return _as_json(comparison) | {
            "promoted": outcome is not None and not outcome.error,
            "target_identifier": (outcome.identifier if outcome else comparison.identifier) or None,
            "error": outcome.error or None if outcome else None,
            "left_to_stack": block.stack if block else None,
        }

    return {
        "source": pair.source.url,
        "target": pair.target.url,
        "dry_run": dry_run,
        "connectors": [entry(comparison) for comparison in comparisons],
    }
