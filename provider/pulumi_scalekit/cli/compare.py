"""`compare`: two environments side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .console import Column, Screen, help_text
from .exit_codes import ATTENTION

if TYPE_CHECKING:
    from pulumi_scalekit.operations.compare import Comparison
    from pulumi_scalekit.operations.environments import Profile

HELP: Final = help_text("""
Compare the connectors of two environments, in three columns: the source, the target now, and the target as
it would be after a promotion.

Connectors are matched by display name. With --exit-code it ends with 3 when there is something to promote.

[bold]Examples[/bold]

  pulumi-scalekit compare --from dev --to production
  pulumi-scalekit compare --from dev --to production "My Asana" --json
""")


Source = Annotated[str, typer.Option("--from", metavar="ENV", help="The source environment.")]
Target = Annotated[str, typer.Option("--to", metavar="ENV", help="The target environment.")]

_MARKS: Final = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "magenta"),
    "same": ("=", "dim"),
    "only in target": ("?", "cyan"),
}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare", help=HELP, rich_help_panel="Compare and check")(compare_environments)


def compare_environments(
    *,
    source: Source,
    target: Target,
    names: options.Names = None,
    exit_code: Annotated[
        bool, options.flag("--exit-code", help="End with 3 when there is something to promote.")
    ] = False,
    json: options.Json = False,
    program: options.Program = Path(),
) -> None:
    """Compare environments."""
    from pulumi_scalekit.operations.promote import PROMOTED

    screen = Screen()
    pair = Pair.of(source, target, program)
    comparisons = pair.compare(screen, names)
    if json:
        screen.json(
            {
                "source": pair.source.url,
                "target": pair.target.url,
                "connectors": [comparison_json(comparison) for comparison in comparisons],
            }
        )
    else:
        show_comparisons(screen, comparisons, pair)
    if exit_code and any(c.action in PROMOTED for c in comparisons):
        raise typer.Exit(ATTENTION)


@dataclass(frozen=True)
class Pair:
    """Two environments, read again for each comparison."""

    source: Profile
    target: Profile

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


# --- What is shown ------------------------------------------------------------------------------------------


def show_comparisons(screen: Screen, comparisons: list[Comparison], pair: Pair) -> None:
    """Show the actions as a table, then each change in three columns."""
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
        if comparison.action in ("update", "replace"):
            _show_changes(screen, comparison, pair)
        elif comparison.action == "create":
            _show_new(screen, comparison, pair)
    counts = {action: sum(c.action == action for c in comparisons) for action in _MARKS}
    said = ", ".join(f"{count} {action}" for action, count in counts.items() if count)
    screen.say()
    screen.say(f"{pair.source.name} → {pair.target.name}: {said or 'nothing to promote'}.")


def _show_changes(screen: Screen, comparison: Comparison, pair: Pair) -> None:
    from pulumi_scalekit.definition.paths import format_path

    screen.say()
    mark, style = _MARKS[comparison.action]
    screen.say(f"{mark} {comparison.display_name}", f"bold {style}")
    screen.sections(
        [Column("PROPERTY", "cyan"), *_three_columns(pair)],
        [
            (format_path(change.path), [_text(change.new), _text(change.old), _text(change.new)])
            for change in comparison.changes
        ],
    )
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

    screen.say()
    screen.say(f"+ {comparison.display_name}", "bold green")
    items = [i for i in checklist(comparison.payload, ()) if i.state != "not used"]
    screen.sections(
        [Column("PROPERTY", "cyan"), *_three_columns(pair)],
        [(i.title, [i.value or "–", "–", i.value or "–"]) for i in items],
    )


def _three_columns(pair: Pair) -> list[Column]:
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


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as `--json` prints it."""
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
        "immutable": list(comparison.immutable),
        "authorization": comparison.authorization or None,
    }
