"""`promote`: connectors of one environment, created or updated in another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .compare import Pair, Source, Target, comparison_json, show_comparisons
from .console import Screen, confirm, counted, help_text
from .exit_codes import ATTENTION

if TYPE_CHECKING:
    from pulumi_scalekit.operations.compare import Comparison
    from pulumi_scalekit.operations.ownership import Ownership
    from pulumi_scalekit.operations.promote import Blocked, Outcome

HELP: Final = help_text("""
Bring connectors from one environment to another, with the source as the source of truth: shows the
comparison, asks, creates or updates, and checks the result by reading it back. Never deletes.

Connectors that a stack of the Pulumi program here (or in --program) manages are left to `pulumi up`. Ends
with exit code 3 when there were such, and with 1 when a connector could not be promoted.

[bold]Examples[/bold]

  pulumi-scalekit promote --from dev --to production --dry-run
  pulumi-scalekit promote --from dev --to production "My Asana" --yes
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("promote", help=HELP, rich_help_panel="Manage")(promote_connectors)


def promote_connectors(
    *,
    source: Source,
    target: Target,
    names: options.Names = None,
    dry_run: Annotated[
        bool, options.flag("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, options.flag("--yes", "-y", help="Do not ask.")] = False,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Promote connectors."""
    from pulumi_scalekit.operations.promote import PROMOTED, divide, refuse_replacements

    screen = Screen()
    pair = Pair.of(source, target, program)
    comparisons = pair.compare(screen, names)
    free, blocked = divide(comparisons, _ownership(program, screen), pair.source.url, pair.target.url)
    if not json:
        show_comparisons(screen, [c for c in comparisons if c.action in PROMOTED], pair)
        _show_blocked(screen, blocked)
    refuse_replacements(free)
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
        raise typer.Exit(ATTENTION)


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


def _ask(screen: Screen, free: list[Comparison], pair: Pair, *, yes: bool, json: bool) -> None:
    from pulumi_scalekit.errors import ScalekitError

    if yes:
        return
    if json or not sys.stdin.isatty():
        raise ScalekitError(
            "Nothing was changed: there is nobody to ask. Use --yes, or --dry-run to look first"
        )
    count = counted(len(free), "connector")
    if not confirm(f"Promote {count} to {pair.target.name} ({pair.target.url})?"):
        screen.note("Nothing was changed.")
        raise typer.Exit(1)


def _promote(screen: Screen, free: list[Comparison], pair: Pair, names: list[str] | None) -> list[Outcome]:
    from pulumi_scalekit.errors import ScalekitError
    from pulumi_scalekit.operations.promote import moved_meanwhile, promote

    # Somebody may have taken a long time to answer.
    again = pair.compare(screen, names)
    if moved := moved_meanwhile(free, again):
        raise ScalekitError(f"Nothing was changed: {', '.join(moved)} changed in the meantime. Look again")
    with screen.progress(len(free), f"Promoting to {pair.target.name}") as advance:
        return promote(free, options.open_connectors(pair.target), lambda c: advance(c.display_name))


def _show_blocked(screen: Screen, blocked: list[Blocked]) -> None:
    for entry in blocked:
        screen.say()
        screen.say(f"! {entry.comparison.display_name} is left alone: {entry.reason}.", "bold yellow")
        screen.say(f"  Run `pulumi up --stack {entry.stack}` instead.")


def _show_outcomes(screen: Screen, outcomes: list[Outcome], pair: Pair, *, dry_run: bool) -> None:
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


def _report(
    pair: Pair,
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
        return comparison_json(comparison) | {
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
