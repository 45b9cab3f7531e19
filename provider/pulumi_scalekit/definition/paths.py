"""Property paths in Pulumi's notation: `auth_patterns[0].oauth_config.token_uri`, `metadata["a.b"]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Path = tuple[str | int, ...]
"""A path as its steps: a string steps into a mapping, an integer into a list."""

_BARE = re.compile(r"[A-Za-z0-9_]+")
# Pulumi escapes quotes and not backslashes: what looks like an escaped quote ends a key that ends in a backslash.
_STEP = re.compile(r'\[(\d+)\]|\["((?:\\"|[^"])*)"\](?=[.\[]|$)|([^.\[\]]+)')


def format_path(path: Path) -> str:
    """Write a path as Pulumi does: bare keys after dots, positions and other keys in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _BARE.fullmatch(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def parse_path(text: str) -> Path:
    """The steps of a path as Pulumi writes it.

    Example:
        >>> parse_path('auth_patterns[0].metadata["a.b"]')
        ('auth_patterns', 0, 'metadata', 'a.b')
    """
    return tuple(
        int(index) if index else quoted.replace('\\"', '"') if quoted else bare
        for index, quoted, bare in _STEP.findall(text)
    )


def value_at(value: Any, path: str) -> Any:
    """What a JSON value has at a property path; `None` where it has nothing there."""
    for step in parse_path(path):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def as_written(text: str, names: Mapping[str, str]) -> str:
    """A message about a definition, in the names that its program wrote.

    Args:
        text: The message, with paths of the payload in it.
        names: The paths as the program wrote them, by those of the payload.

    Example:
        >>> as_written("auth_patterns[0].auth_field_mutations.key is wrong", {
        ...     "auth_patterns[0].auth_field_mutations": "auth_patterns[0].mutations"})
        'auth_patterns[0].mutations.key is wrong'
    """
    if not names:
        return text
    paths = "|".join(re.escape(path) for path in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?:{paths})(?!\w)", lambda found: names[found.group()], text)
