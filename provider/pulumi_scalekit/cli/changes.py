"""How changes between two environments look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .console import Column, Screen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from pulumi_scalekit.definition.changes import Change
    from pulumi_scalekit.operations.compare import Comparison
    from pulumi_scalekit.operations.compare_connections import ConnectionComparison

    AnyComparison: TypeAlias = Comparison | ConnectionComparison

MARKS: Final = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "magenta"),
    "same": ("=", "dim"),
    "only in target": ("?", "cyan"),
}
"""The mark and the style of each action of a comparison."""


def show_actions(
    screen: Screen,
    comparisons: Sequence[AnyComparison],
    titles: Sequence[str],
    names: Iterable[Sequence[str]],
    target: str,
) -> None:
    """Show what becomes of each of several as a table.

    Args:
        screen: Where to.
        comparisons: What is compared.
        titles: What the columns are called that name one.
        names: What is in these columns, for each comparison.
        target: The target environment's name.
    """
    from rich.text import Text

    columns = [Column(""), Column("ACTION"), *(Column(title, wrap=True) for title in titles)]
    rows: list[list[str | Text]] = []
    for comparison, named in zip(comparisons, names, strict=True):
        mark, style = MARKS[comparison.action]
        marked = [Text(mark, style), Text(comparison.action, style)]
        rows.append([*marked, *named, comparison.identifier or "–"])
    screen.table([*columns, Column(f"IN {target}", "cyan", keep=True)], rows)


def show_heading(screen: Screen, comparison: AnyComparison) -> None:
    """Show what a section is about, below an empty line."""
    mark, style = MARKS[comparison.action]
    screen.say()
    screen.say(f"{mark} {comparison.name}", f"bold {style}")


def show_sections(screen: Screen, source: str, target: str, sections: Iterable[tuple[str, str, str]]) -> None:
    """Show properties in three columns: the source, the target as it is, and the target as it would be.

    Args:
        screen: Where to.
        source: The source environment's name.
        target: The target environment's name.
        sections: The title of each, its text in the source, and that in the target now.
    """
    columns = [Column(source), Column(f"{target} now", "red"), Column(f"{target} proposed", "green")]
    screen.sections(
        [Column("PROPERTY", "cyan"), *columns], [(title, [new, old, new]) for title, new, old in sections]
    )


def show_changes(screen: Screen, source: str, target: str, changes: Sequence[Change]) -> None:
    """Show changes so."""
    from pulumi_scalekit.definition.paths import format_path

    sections = [(format_path(c.path), _text_of(c.new), _text_of(c.old)) for c in changes]
    show_sections(screen, source, target, sections)


def totals(comparisons: Sequence[AnyComparison]) -> str:
    """How many comparisons there are of each action, such as `1 create, 2 same`."""
    counts = {action: sum(c.action == action for c in comparisons) for action in MARKS}
    return ", ".join(f"{count} {action}" for action, count in counts.items() if count)


def _text_of(value: Any) -> str:
    """A side of a change, in a cell."""
    import json

    from pulumi_scalekit.definition.keys import ABSENT

    if value is ABSENT or value is None:
        return "–"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def change_json(change: Change) -> dict[str, Any]:
    """A change as `--json` prints it."""
    from pulumi_scalekit.definition.keys import ABSENT
    from pulumi_scalekit.definition.paths import format_path

    def side(value: Any) -> Any:
        return None if value is ABSENT else value

    return {
        "path": format_path(change.path),
        "source": side(change.new),
        "target": side(change.old),
        "proposed": side(change.new),
    }
