"""`promote`: connectors of one environment, created or updated in another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .compare import (
    Pair,
    Source,
    Target,
    comparison_json,
    connection_json,
    show_comparisons,
    show_connections,
)
from .console import Screen, confirm, counted_kinds, help_text
from .exit_codes import ATTENTION

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias, TypeVar

    from pulumi_scalekit.operations.compare import Comparison
    from pulumi_scalekit.operations.compare_connections import ConnectionComparison
    from pulumi_scalekit.operations.ownership import Ownership
    from pulumi_scalekit.operations.promote import Blocked, Outcome

    _C = TypeVar("_C", Comparison, ConnectionComparison)
    AnyBlocked: TypeAlias = Blocked[Comparison] | Blocked[ConnectionComparison]
    AnyOutcome: TypeAlias = Outcome[Comparison] | Outcome[ConnectionComparison]

HELP: Final = help_text("""
Bring connectors from one environment to another, with the source as the source of truth: shows the
comparison, asks, creates or updates, and checks the result by reading it back. Never deletes.

The connections of the connectors come after them, without their client ids and secrets, which belong to
an environment: what cannot be done without those is named, and left to you.

What a stack of the Pulumi program here (or in --program) manages is left to `pulumi up`. Ends
with exit code 3 when something is left to do, and with 1 when something could not be promoted.

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
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Promote connectors, too, whose definitions break rules.")
    ] = False,
    with_connections: options.WithConnections = True,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Promote connectors."""
    from pulumi_scalekit.operations.broken import refuse_broken
    from pulumi_scalekit.operations.promote import (
        PROMOTED,
        divide,
        divide_connections,
        refuse_replacements,
    )

    screen = Screen()
    pair = Pair.of(source, target, program)
    comparisons = pair.compare(screen, names)
    connections = pair.compare_connections(screen, comparisons) if with_connections else []
    ownership, urls = _ownership(program, screen), (pair.source.url, pair.target.url)
    free, blocked = divide(comparisons, ownership, *urls)
    free_connections, blocked_connections = divide_connections(connections, ownership, *urls, blocked)
    every_blocked: list[AnyBlocked] = [*blocked, *blocked_connections]
    if not json:
        show_comparisons(screen, [c for c in comparisons if c.action in PROMOTED], pair)
        show_connections(screen, [c for c in connections if c.action in PROMOTED], pair)
        _show_blocked(screen, every_blocked, program)
    refuse_replacements(free)
    broken = [(c.name, c.errors) for c in free if c.errors]
    broken += [(c.name, c.errors) for c in free_connections if c.errors]
    if not (force or dry_run):
        refuse_broken(
            broken,
            f"Nothing was changed, since Pulumi would refuse what {pair.source.name} has",
            f"Correct it in {pair.source.name} first, name the connectors to promote without it, or use --force",
        )
    outcomes: list[Outcome[Comparison]] = []
    connection_outcomes: list[Outcome[ConnectionComparison]] = []
    if (free or free_connections) and not dry_run:
        _ask(screen, free, free_connections, pair, yes=yes, json=json)
        outcomes, connection_outcomes = _promote(screen, free, free_connections, pair, names)
    every_outcome: list[AnyOutcome] = [*outcomes, *connection_outcomes]
    if json:
        screen.json(
            {
                "source": pair.source.url,
                "target": pair.target.url,
                "dry_run": dry_run,
                "connectors": _report(comparisons, comparison_json, blocked, outcomes, "target_identifier"),
                "connections": _report(
                    connections, connection_json, blocked_connections, connection_outcomes, "target_id"
                ),
            }
        )
    else:
        for name, found in broken:
            for error in found:
                screen.say(f"! {name}: {error}.", "bold yellow")
        _show_outcomes(screen, every_outcome, pair, dry_run=dry_run)
    if any(outcome.error for outcome in every_outcome):
        raise typer.Exit(1)
    if broken or every_blocked or any(c.left for c in connections):
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


def _ask(
    screen: Screen,
    free: list[Comparison],
    connections: list[ConnectionComparison],
    pair: Pair,
    *,
    yes: bool,
    json: bool,
) -> None:
    from pulumi_scalekit.errors import ScalekitError

    if yes:
        return
    if json or not sys.stdin.isatty():
        raise ScalekitError(
            "Nothing was changed: there is nobody to ask. Use --yes, or --dry-run to look first"
        )
    what = counted_kinds(len(free), len(connections))
    if not confirm(f"Promote {what} to {pair.target.name} ({pair.target.url})?"):
        screen.note("Nothing was changed.")
        raise typer.Exit(1)


def _promote(
    screen: Screen,
    free: list[Comparison],
    free_connections: list[ConnectionComparison],
    pair: Pair,
    names: list[str] | None,
) -> tuple[list[Outcome[Comparison]], list[Outcome[ConnectionComparison]]]:
    from pulumi_scalekit.api.connections import Connections
    from pulumi_scalekit.errors import ScalekitError
    from pulumi_scalekit.operations.promote import (
        moved_meanwhile,
        promote,
        promote_connections,
    )

    # Somebody may have taken a long time to answer.
    again = pair.compare(screen, names)
    moved = moved_meanwhile(free, again)
    if free_connections:
        moved += moved_meanwhile(free_connections, pair.compare_connections(screen, again))
    if moved:
        raise ScalekitError(f"Nothing was changed: {', '.join(moved)} changed in the meantime. Look again")
    count = len(free) + len(free_connections)
    with screen.progress(count, f"Promoting to {pair.target.name}") as advance:
        connectors = options.open_connectors(pair.target)
        outcomes = promote(free, connectors, lambda c: advance(c.name))
        # An update may have given a connector another identifier, and a failed create has none.
        identifiers = {c.name: c.identifier for c in again if c.target}
        identifiers |= {o.comparison.name: o.identifier for o in outcomes if o.identifier}
        connections = Connections(connectors.client)
        return outcomes, promote_connections(
            free_connections, connections, identifiers, lambda c: advance(c.name)
        )


def _show_blocked(screen: Screen, blocked: list[AnyBlocked], program: Path) -> None:
    from pulumi_scalekit.operations.pulumi_cli import Project

    for entry in blocked:
        screen.say()
        screen.say(f"! {entry.comparison.name} is left alone: {entry.reason}.", "bold yellow")
        project = Project.at(program)
        screen.say(f"  Run `{project.command('up', '--stack', entry.stack)}` instead.")


def _show_outcomes(screen: Screen, outcomes: list[AnyOutcome], pair: Pair, *, dry_run: bool) -> None:
    if dry_run:
        screen.say(f"Dry run: {pair.target.name} was not changed.", "yellow")
        return
    done = {"create": "created", "update": "updated"}
    for outcome in outcomes:
        name = outcome.comparison.name
        if outcome.error:
            screen.error(f"{name}: {outcome.error}")
        else:
            screen.say(
                f"✓ {name} {done[outcome.comparison.action]} and read back: {outcome.identifier}", "green"
            )


def _report(
    comparisons: list[_C],
    as_json: Callable[[_C], dict[str, Any]],
    blocked: list[Blocked[_C]],
    outcomes: list[Outcome[_C]],
    identifier: str,
) -> list[dict[str, Any]]:
    left = {b.comparison.name: b for b in blocked}
    done = {o.comparison.name: o for o in outcomes}

    def entry(comparison: _C) -> dict[str, Any]:
        outcome, block = done.get(comparison.name), left.get(comparison.name)
        return as_json(comparison) | {
            "promoted": outcome is not None and not outcome.error,
            "errors": list(comparison.errors),
            identifier: (outcome.identifier if outcome else comparison.identifier) or None,
            "error": outcome.error or None if outcome else None,
            "left_to_stack": block.stack if block else None,
        }

    return [entry(comparison) for comparison in comparisons]
