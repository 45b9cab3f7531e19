"""How changes between two environments look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .console import Column

if TYPE_CHECKING:
    from pulumi_scalekit.definition.changes import Change

MARKS: Final = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "magenta"),
    "same": ("=", "dim"),
    "only in target": ("?", "cyan"),
}
"""The mark and the style of each action of a comparison."""


def three_columns(source: str, target: str) -> list[Column]:
    """The source, the target as it is, and the target as it would be."""
    return [
        Column(source),
        Column(f"{target} now", "red"),
        Column(f"{target} proposed", "green"),
    ]


def text_of(value: Any) -> str:
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
