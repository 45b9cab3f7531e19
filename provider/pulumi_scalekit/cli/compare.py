"""`compare`: two environments side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .changes import change_json, show_actions, show_changes, show_heading, show_sections, totals
from .console import Screen, help_text
from .exit_codes import ATTENTION

if TYPE_CHECKING:
    from pulumi_scalekit.operations.compare import Comparison
    from pulumi_scalekit.operations.compare_connections import ConnectionComparison
    from pulumi_scalekit.operations.environments import Profile

HELP: Final = help_text("""
Compare the connectors of two environments and their connections, in three columns: the source, the target
now, and the target as it would be after a promotion.

Connectors are matched by display name, and their connections by their names. Client ids and client
secrets belong to an environment, so they are not compared. With --exit-code it ends with 3 when there is
something to promote.

[bold]Examples[/bold]

  pulumi-scalekit compare --from dev --to production
  pulumi-scalekit compare --from dev --to production "My Asana" --json
""")


Source = Annotated[str, typer.Option("--from", metavar="ENV", help="The source environment.")]
Target = Annotated[str, typer.Option("--to", metavar="ENV", help="The target environment.")]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare", help=HELP, rich_help_panel="Compare and check")(compare_environments)


def compare_environments(
    *,
    source: Source,
    target: Target,
    names: options.Names = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 3 when there is something to promote.")
    ] = False,
    with_connections: options.WithConnections = True,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Compare environments."""
    from pulumi_scalekit.operations.promote import PROMOTED

    screen = Screen()
    pair = Pair.of(source, target, program)
    comparisons = pair.compare(screen, names)
    connections = pair.compare_connections(screen, comparisons) if with_connections else []
    if json:
        screen.json(
            {
                "source": pair.source.url,
                "target": pair.target.url,
                "connectors": [comparison_json(comparison) for comparison in comparisons],
                "connections": [connection_json(comparison) for comparison in connections],
            }
        )
    else:
        show_comparisons(screen, comparisons, pair)
        show_connections(screen, connections, pair)
    actions = [*(c.action for c in comparisons), *(c.action for c in connections)]
    if exit_code and any(action in PROMOTED for action in actions):
        raise typer.Exit(ATTENTION)


@dataclass(frozen=True)
class Pair:
    """Two environments, read again for each comparison."""

    source: Profile
    target: Profile

    @property
    def names(self) -> tuple[str, str]:
        """What the user calls them."""
        return self.source.name, self.target.name

    @classmethod
    def of(cls, source: str, target: str, program: Path) -> Pair:
        """The environments of `--from` and `--to`.

        Raises:
            SettingsError: Settings are missing, or both are one environment.
        """
        from pulumi_scalekit.errors import SettingsError

        pair = cls(options.profile_of(source, program), options.profile_of(target, program))
        if pair.source.url == pair.target.url:
            raise SettingsError(f"{source!r} and {target!r} are the same environment: {pair.source.url}")
        return pair

    def compare(self, screen: Screen, names: list[str] | None) -> list[Comparison]:
        """Read both environments, and compare the connectors that the names select."""
        from pulumi_scalekit.operations.compare import compare

        with screen.working(f"Reading {self.source.name} and {self.target.name}"):
            return compare(
                options.open_connectors(self.source).all(),
                options.open_connectors(self.target).all(),
                names or (),
                source_name=self.source.name,
                target_name=self.target.name,
            )

    def compare_connections(
        self, screen: Screen, comparisons: list[Comparison]
    ) -> list[ConnectionComparison]:
        """Read the connections of compared connectors, and compare them; none where a client may not read them."""
        from pulumi_scalekit.operations.compare_connections import compare_connections

        found = []
        for profile, connectors in (
            (self.source, [c.source for c in comparisons if c.source]),
            (self.target, [c.target for c in comparisons if c.target]),
        ):
            connections = options.connections_of(profile, connectors, screen)
            if connections is None:
                return []  # half a comparison would call all of the other side new
            found.append(connections)
        return compare_connections(*found, target_name=self.target.name)


# --- What is shown ------------------------------------------------------------------------------------------


def show_comparisons(screen: Screen, comparisons: list[Comparison], pair: Pair) -> None:
    """Show the actions as a table, then each change in three columns."""
    if comparisons:
        show_actions(screen, comparisons, ["NAME"], [[c.name] for c in comparisons], pair.target.name)
    for comparison in comparisons:
        if comparison.action in ("update", "replace"):
            _show_changes(screen, comparison, pair)
        elif comparison.action == "create":
            _show_new(screen, comparison, pair)
    screen.say()
    screen.say(f"{pair.source.name} → {pair.target.name}: {totals(comparisons) or 'nothing to promote'}.")


def _show_changes(screen: Screen, comparison: Comparison, pair: Pair) -> None:
    show_heading(screen, comparison)
    show_changes(screen, *pair.names, comparison.changes)
    if comparison.immutable:
        screen.say(
            f"! {', '.join(comparison.immutable)} cannot change in place: a new connector has to take its place, "
            "and the connections and connected accounts of the old one do not move to it.",
            "magenta",
        )
    if comparison.authorization:
        screen.say(f"! {comparison.authorization}.", "yellow")


def _show_new(screen: Screen, comparison: Comparison, pair: Pair) -> None:
    from pulumi_scalekit.operations.review import checklist

    show_heading(screen, comparison)
    items = [i for i in checklist(comparison.payload, ()) if i.state != "not used"]
    show_sections(screen, *pair.names, [(i.title, i.value or "–", "–") for i in items])


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as `--json` prints it."""
    return {
        "display_name": comparison.name,
        "action": comparison.action,
        "source_identifier": comparison.source_identifier or None,
        "target_identifier": comparison.identifier or None,
        "changes": [change_json(change) for change in comparison.changes],
        "immutable": list(comparison.immutable),
        "authorization": comparison.authorization or None,
    }


# --- Connections --------------------------------------------------------------------------------------------


def show_connections(screen: Screen, comparisons: list[ConnectionComparison], pair: Pair) -> None:
    """Show the actions as a table, then each change in three columns, and what is left to do."""
    if not comparisons:
        return
    screen.say()
    names = [[c.name, c.connector] for c in comparisons]
    show_actions(screen, comparisons, ["CONNECTION", "CONNECTOR"], names, pair.target.name)
    for comparison in comparisons:
        if comparison.changes or comparison.left:
            show_heading(screen, comparison)
        if comparison.changes:
            show_changes(screen, *pair.names, comparison.changes)
        if comparison.left:
            screen.say(f"! left to you: {comparison.left}.", "yellow")
    screen.say()
    said = totals(comparisons)
    screen.say(f"Connections: {said}. Client ids and client secrets belong to an environment: not compared.")


def connection_json(comparison: ConnectionComparison) -> dict[str, Any]:
    """A comparison as `--json` prints it."""
    return {
        "connection_name": comparison.name,
        "connector": comparison.connector,
        "action": comparison.action,
        "source_id": comparison.source_identifier or None,
        "target_id": comparison.identifier or None,
        "changes": [change_json(change) for change in comparison.changes],
        "left_to_do": comparison.left or None,
    }
