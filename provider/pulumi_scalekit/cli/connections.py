"""How `compare` and `promote` show connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .changes import MARKS, change_json, show_changes, show_heading, totals
from .console import Column, Screen

if TYPE_CHECKING:
    from pulumi_scalekit.operations.compare_connections import ConnectionComparison


def show_connections(
    screen: Screen, comparisons: list[ConnectionComparison], source: str, target: str
) -> None:
    """Show the actions as a table, then each change in three columns, and what is left to do."""
    from rich.text import Text

    if not comparisons:
        return
    screen.say()
    rows: list[list[str | Text]] = []
    for comparison in comparisons:
        mark, style = MARKS[comparison.action]
        marked = [Text(mark, style), Text(comparison.action, style)]
        rows.append([*marked, comparison.name, comparison.connector, comparison.identifier or "–"])
    title = f"IN {target}"
    screen.table(
        [
            Column(""),
            Column("ACTION"),
            Column("CONNECTION", wrap=True),
            Column("CONNECTOR", wrap=True),
            Column(title, "cyan", keep=True),
        ],
        rows,
    )
    for comparison in comparisons:
        if comparison.changes or comparison.left:
            show_heading(screen, comparison)
        if comparison.changes:
            show_changes(screen, source, target, comparison.changes)
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
