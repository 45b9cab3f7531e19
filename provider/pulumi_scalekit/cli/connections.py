"""How `compare` and `promote` show connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .changes import MARKS, change_json, text_of, three_columns
from .console import Column, Screen

if TYPE_CHECKING:
    from pulumi_scalekit.operations.compare_connections import ConnectionComparison


def show_connections(
    screen: Screen, comparisons: list[ConnectionComparison], source: str, target: str
) -> None:
    """Show the actions as a table, then each change in three columns, and what is left to do."""
    from rich.text import Text

    from pulumi_scalekit.definition.paths import format_path

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
        mark, style = MARKS[comparison.action]
        if comparison.changes or comparison.left:
            screen.say()
            screen.say(f"{mark} {comparison.name}", f"bold {style}")
        if comparison.changes:
            screen.sections(
                [Column("PROPERTY", "cyan"), *three_columns(source, target)],
                [
                    (
                        format_path(change.path),
                        [text_of(change.new), text_of(change.old), text_of(change.new)],
                    )
                    for change in comparison.changes
                ],
            )
        if comparison.left:
            screen.say(f"! left to you: {comparison.left}.", "yellow")
    counts = {action: sum(c.action == action for c in comparisons) for action in MARKS}
    said = ", ".join(f"{count} {action}" for action, count in counts.items() if count)
    screen.say()
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
