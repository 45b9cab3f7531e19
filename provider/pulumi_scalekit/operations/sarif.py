"""Reviews as SARIF 2.1.0, which code hosts show beside the lines of a change."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from pulumi_scalekit._version import __version__
from pulumi_scalekit.definition.finding import Finding, Severity
from pulumi_scalekit.definition.paths import Path, format_path

from .review import Review, rule_summaries

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final[Mapping[Severity, str]] = {"error": "error", "warning": "warning", "hint": "note"}


def sarif(reviews: Sequence[Review], lines: Mapping[str, int] | None = None) -> dict[str, Any]:
    """A SARIF log of reviews.

    Args:
        reviews: The reviews. The source of each subject that is a file is a path relative to the repository.
        lines: The line of each property of that file, by path, as `property_lines` finds them.
    """
    found = [finding for reviewed in reviews for finding in reviewed.findings]
    summaries = sorted(rule_summaries(finding.rule for finding in found).items())
    index = {name: position for position, (name, _) in enumerate(summaries)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pulumi-scalekit review",
                        "version": __version__,
                        "rules": [
                            {"id": name, "shortDescription": {"text": text}} for name, text in summaries
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(reviewed, finding, index[finding.rule], lines)
                    for reviewed in reviews
                    for finding in reviewed.findings
                ],
            }
        ],
    }


def _result(
    reviewed: Review, finding: Finding, rule_index: int, lines: Mapping[str, int] | None
) -> dict[str, Any]:
    subject = reviewed.subject
    location: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": f"{subject.name}: {finding.path}", "kind": "member"}]
    }
    if subject.source:
        location["physicalLocation"] = {"artifactLocation": {"uri": quote(subject.source, safe="/:")}}
        if lines is not None:
            line = nearest_line(join(subject.path, finding.path), lines)
            location["physicalLocation"]["region"] = {"startLine": line}
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{subject.name}: {finding.path} {finding}"},
        "locations": [location],
    }


def join(start: str, path: str) -> str:
    """A path below another one."""
    return f"{start}{'' if path.startswith('[') or not start else '.'}{path}" if path else start


def nearest_line(path: str, lines: Mapping[str, int]) -> int:
    """The line of a property, or of the closest one around it: a property that is missing has none."""
    while path:
        if path in lines:
            return lines[path]
        path = re.sub(r'(\.?[^.\[\]]+|\[(?:\d+|"(?:[^"\\]|\\.)*")\])$', "", path)
    return lines.get("", 1)


def property_lines(text: str) -> dict[str, int]:
    """The line of every property of a JSON text, by its path. "" is the whole document.

    Raises:
        ValueError: The text is not valid JSON.
    """
    json.loads(text)
    lines: dict[str, int] = {}
    starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def line_of(position: int) -> int:
        return bisect_right(starts, position)

    space = re.compile(r"[ \t\n\r]*")
    scan = json.JSONDecoder().raw_decode

    def skip(position: int) -> int:
        match = space.match(text, position)
        return match.end() if match else position

    def walk(position: int, path: Path, marked_at: int | None = None) -> int:
        position = skip(position)
        lines.setdefault(format_path(path), line_of(position if marked_at is None else marked_at))
        opening = text[position]
        if opening not in "{[":
            return scan(text, position)[1]
        closing, count = {"{": "}", "[": "]"}[opening], 0
        position = skip(position + 1)
        while text[position] != closing:
            step: str | int = count
            key_at: int | None = None
            if opening == "{":
                key_at = position
                step, position = scan(text, position)
                position = skip(position) + 1  # the colon
            position = skip(walk(position, (*path, step), key_at))
            if text[position] == ",":
                position = skip(position + 1)
            count += 1
        return position + 1

    walk(0, ())
    return lines
