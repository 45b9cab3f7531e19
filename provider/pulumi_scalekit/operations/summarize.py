"""A preview as a comment for a pull request: only what changes, the most drastic first.

Reads what `pulumi preview --json` prints. The text is Markdown as GitHub and GitLab show it, and whatever stands in a
definition is escaped: it can neither format the comment nor mention anybody.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pulumi_scalekit.definition.normalize import mapping
from pulumi_scalekit.definition.paths import value_at
from pulumi_scalekit.errors import ScalekitError

from .state import CONNECTION_TYPES, CONNECTOR_TYPES, SECRET, SIGNATURE, name_in

ROWS: Final = 25
"""Up to so many rows are shown at once; more are folded, but for replacements and deletions."""
LONGEST: Final = 60_000
"""Characters of a comment at most: GitHub takes 65,536."""
VALUE: Final = 60
"""Characters of a value at most."""
PATHS: Final = 6
"""Properties of a resource that are shown at most."""
_ORDER: Final = ("replace", "delete", "create", "update", "import", "read")
_SIGNS: Final = {
    "replace": "± replace",
    "delete": "− delete",
    "create": "+ create",
    "update": "~ update",
    "import": "↓ import",
    "read": "› read",
}
_UNKNOWN: Final = {
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}
"""What Pulumi writes for a value that only the deployment will know: a string, boolean, number, list or object."""
_KINDS: Final = dict.fromkeys(CONNECTOR_TYPES, "connector") | dict.fromkeys(CONNECTION_TYPES, "connection")


@dataclass(frozen=True)
class Change:
    """A resource that a deployment would change."""

    action: str
    kind: str
    """`connector`, `connection`, or the resource's own type."""
    name: str
    """The display name, the connection's name, or the resource's name."""
    identifier: str
    properties: tuple[tuple[str, str], ...]
    """The path of each property that differs, and what becomes of it."""


@dataclass(frozen=True)
class Summary:
    """What a preview says."""

    stack: str
    changes: tuple[Change, ...]
    unchanged: int
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def read_preview(plan: Mapping[str, Any]) -> Summary:
    """What changes, by a preview.

    Args:
        plan: What `pulumi preview --json` printed.

    Raises:
        ScalekitError: It is something else.
    """
    steps, counts = plan.get("steps", []), plan.get("changeSummary") or {}
    said, same = plan.get("diagnostics") or [], mapping(counts).get("same", 0)
    if not (
        _are_objects(steps)
        and isinstance(counts, Mapping)
        and isinstance(same, int)
        and _are_objects(said)
        and ("steps" in plan or "diagnostics" in plan)
    ):
        raise ScalekitError("That is not what `pulumi preview --json` prints: it has no steps")
    # Of a refresh Pulumi prints what was declared as both states, whatever it found; the step that follows has that.
    steps = [step for step in steps if step.get("op") != "refresh"]
    by_urn: dict[str, list[Mapping[str, Any]]] = {}
    for step in steps:
        if not _is_internal(str(step.get("urn", ""))):
            by_urn.setdefault(str(step.get("urn", "")), []).append(step)
    changes = [change for urn, all_of in by_urn.items() if (change := _change(urn, all_of))]
    changes.sort(key=lambda change: (_ORDER.index(change.action), change.kind, change.name.casefold()))
    said = [diagnostic for diagnostic in said if diagnostic.get("message")]
    urns = [str(step.get("urn", "")) for step in steps] + [str(d.get("urn", "")) for d in said]
    internal = sum(step.get("op") == "same" and _is_internal(str(step.get("urn", ""))) for step in steps)
    return Summary(
        stack=next((found[1] for urn in urns if (found := re.match(r"urn:pulumi:(.+?)::", urn))), ""),
        changes=tuple(changes),
        unchanged=same - internal,
        errors=tuple(_messages(said, "error")),
        warnings=tuple(_messages(said, "warning")),
    )


def _are_objects(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, Mapping) for item in items)


def _is_internal(urn: str) -> bool:
    kind = urn.split("::")[2] if urn.count("::") >= 3 else ""
    return kind.startswith(("pulumi:pulumi:Stack", "pulumi:providers:"))


def _change(urn: str, steps: Sequence[Mapping[str, Any]]) -> Change | None:
    operations = {str(step.get("op")) for step in steps}
    if any("replace" in operation for operation in operations):
        action = "replace"
    else:
        action = next((name for name in _ORDER if name in operations), "")
    if not action:
        return None
    old = _state(steps, "oldState")
    new = _state(steps, "newState")
    before, after, outputs = (mapping(v) for v in (old.get("inputs"), new.get("inputs"), old.get("outputs")))
    type_ = urn.split("::")[2].rpartition("$")[2] if urn.count("::") >= 3 else ""
    kind = _KINDS.get(type_, type_)
    names = {**before, **after}
    paths = dict.fromkeys(path for step in steps for path in mapping(step.get("detailedDiff")))
    return Change(
        action=action,
        kind=kind,
        name=str(names.get("display_name") or names.get("connection_name") or name_in(urn)),
        identifier=str(outputs.get("identifier") or old.get("id") or ""),
        properties=tuple((path, f"{_brief(before, path)} → {_brief(after, path)}") for path in paths),
    )


def _state(steps: Sequence[Mapping[str, Any]], side: str) -> dict[str, Any]:
    return next((state for step in steps if isinstance(state := step.get(side), dict)), {})


def _brief(inputs: Any, path: str) -> str:
    value = value_at(inputs, path)
    if value is None:
        return "nothing"
    if isinstance(value, str) and value in _UNKNOWN:
        return "known after the deployment"
    if isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET:
        return "[secret]"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE else f"{text[: VALUE - 1]}…"


def _messages(said: Iterable[Mapping[str, Any]], severity: str) -> Iterator[str]:
    for diagnostic in said:
        if str(diagnostic.get("severity", "")).startswith(severity):
            message = re.sub(r"\x1b\[[0-9;]*m|<\{%.*?%\}>", "", str(diagnostic["message"]))
            yield " ".join(message.split()).removeprefix(f"{severity}: ")


def to_markdown(summaries: Sequence[Summary]) -> str:
    """One comment about the previews of several stacks. Its first line tells an earlier comment of this kind."""
    parts = ["<!-- pulumi-scalekit summarize -->", "## Scalekit connectors"]
    for summary in summaries:
        parts += ["", *_section(summary)]
    text = "\n".join(parts)
    if len(text) > LONGEST:
        kept = text[:LONGEST].rpartition("\n")[0]
        closing = "\n\n</details>" if kept.count("<details>") > kept.count("</details>") else ""
        text = f"{kept}{closing}\n\n… and more: the whole preview is in the log of this run."
    return f"{text}\n"


def _section(summary: Summary) -> Iterator[str]:
    counts = Counter(change.action for change in summary.changes)
    said = ", ".join(f"**{counts[action]} to {action}**" for action in _ORDER if counts[action])
    unchanged = f", {summary.unchanged} unchanged" if summary.unchanged else ""
    yield f"### {_code(summary.stack or 'preview')}: {said or 'no changes'}{unchanged}"
    for error in summary.errors:
        yield from ("", f"> ❌ {_text(error)}")
    grave = [c for c in summary.changes if c.action in ("replace", "delete")]
    other = [c for c in summary.changes if c.action not in ("replace", "delete")]
    if any(c.action == "replace" and c.kind == "connector" for c in grave):
        yield from (
            "",
            "> ⚠️ A replaced connector gets a new identifier: its connections and connected accounts go.",
        )
    shown = len(other) if len(summary.changes) <= ROWS else max(0, ROWS - len(grave))
    yield from _table([*grave, *other[:shown]])
    if hidden := other[shown:]:
        yield from ("", f"<details><summary>{len(hidden)} more</summary>")
        yield from _table(hidden)
        yield from ("", "</details>")
    if summary.warnings:
        yield from ("", f"<details><summary>Warnings: {len(summary.warnings)}</summary>", "")
        yield from (f"- {_text(warning)}" for warning in summary.warnings)
        yield from ("", "</details>")


def _table(changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        return
    yield from ("", "| | | name | identifier | what changes |", "| --- | --- | --- | --- | --- |")
    for change in changes:
        properties = [f"{_code(path)}: {_code(what)}" for path, what in change.properties[:PATHS]]
        if (more := len(change.properties) - PATHS) > 0:
            properties.append(f"and {more} more")
        cells = [
            _SIGNS[change.action],
            _text(change.kind),
            f"**{_text(change.name)}**",
            _code(change.identifier) if change.identifier else "",
            "<br>".join(properties),
        ]
        yield f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _text(text: str) -> str:
    """Text that Markdown takes as it is: every character that could mean something is written as an entity."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return re.sub(r"[&<>\\`*_{}\[\]()#+!|~@:]|(?<=www)\.", lambda match: f"&#{ord(match.group())};", plain)
