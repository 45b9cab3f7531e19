"""Live definitions that break rules, which Pulumi refuses to preview: named before something brings them further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_scalekit.definition import connection
from pulumi_scalekit.definition.check import errors
from pulumi_scalekit.definition.normalize import definition_of
from pulumi_scalekit.errors import DefinitionError


def connector_errors(attributes: Mapping[str, Any]) -> list[str]:
    """The rules that a live connector breaks, each with its property path; without warnings and hints.

    Example:
        >>> connector_errors({"display_name": "CRM", "proxy_url": "https://crm.example.com", "auth_patterns": []})
        ['auth_patterns is required; give one auth pattern']
    """
    return [f"{finding.path} {finding}" for finding in errors(definition_of(attributes))]


def connection_errors(declaration: Mapping[str, Any]) -> list[str]:
    """The rules that a live connection breaks, each with its property path."""
    return [f"{finding.path} {finding}" for finding in connection.findings(declaration)]


def refuse_broken(broken: Sequence[tuple[str, Sequence[str]]], refused: str, ways_out: str) -> None:
    """Refuse what breaks rules.

    Args:
        broken: The name of each connector or connection that does, with its errors.
        refused: What was not done, and why: a clause.
        ways_out: What to do about it.

    Raises:
        DefinitionError: There are such; the message has each error on a line of its own.
    """
    if broken:
        lines = [f"  {name}: {error}" for name, found in broken for error in found]
        raise DefinitionError("\n".join([f"{refused}:", *lines, ways_out]))
