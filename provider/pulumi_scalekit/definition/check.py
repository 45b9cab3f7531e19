"""Every finding of a definition: what the schema says and what the rules say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .finding import Finding
from .rules import RULES, Rule
from .schema import schema_findings


def findings(definition: Mapping[str, Any]) -> list[Finding]:
    """Every finding of a definition, errors first.

    Takes what `plain` makes, in which any value may be `UNKNOWN`.
    """
    rank = {"error": 0, "warning": 1, "hint": 2}
    return sorted(_found(definition, RULES), key=lambda finding: rank[finding.severity])


def errors(definition: Mapping[str, Any]) -> list[Finding]:
    """The findings that stop a deployment."""
    return [finding for finding in findings(definition) if finding.severity == "error"]


def contract_violations(definition: Mapping[str, Any]) -> list[Finding]:
    """What Scalekit's API itself refuses a definition for, as far as its contract tells."""
    found = _found(definition, [rule for rule in RULES if rule.contract])
    return [finding for finding in found if finding.severity == "error"]


def _found(definition: Mapping[str, Any], rules: Iterable[Rule]) -> Iterable[Finding]:
    """What the schema and the rules find, each once."""
    found = [*schema_findings(definition)]
    for rule in rules:
        found.extend(rule.check(definition))
    return dict.fromkeys(found)
