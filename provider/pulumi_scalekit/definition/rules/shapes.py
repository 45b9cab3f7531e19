"""Ways into a definition of any shape: what is not of the right type is the schema's business, and left out here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..keys import FIELD_KEYS, UNKNOWN
from ..paths import Path


def items(parent: object, key: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The mappings in the list `parent[key]`, with their positions; other items are the schema's business."""
    value = parent.get(key) if isinstance(parent, Mapping) else None
    if not isinstance(value, list):
        return []
    return [(index, item) for index, item in enumerate(value) if isinstance(item, Mapping)]


def patterns(definition: Mapping[str, Any]) -> list[tuple[Path, Mapping[str, Any]]]:
    """The patterns of a definition, with their paths."""
    return [(("auth_patterns", index), pattern) for index, pattern in items(definition, "auth_patterns")]


def fields_of(pattern: Mapping[str, Any], *keys: str) -> list[tuple[Path, Mapping[str, Any]]]:
    """The inputs in these lists of a pattern, with their paths below it."""
    return [((key, index), field) for key in keys for index, field in items(pattern, key)]


def field_names(pattern: Mapping[str, Any], *keys: str) -> set[str]:
    """The names of the inputs in these lists of a pattern."""
    return {
        field["field_name"]
        for _, field in fields_of(pattern, *keys)
        if isinstance(field.get("field_name"), str)
    }


def has_unknown_names(pattern: Mapping[str, Any]) -> bool:
    """Whether the set of declared field names is not known yet."""
    return any(
        value is UNKNOWN
        or (
            isinstance(value, list)
            and any(
                item is UNKNOWN or (isinstance(item, Mapping) and item.get("field_name") is UNKNOWN)
                for item in value
            )
        )
        for value in (pattern.get(key) for key in FIELD_KEYS)
    )


def type_of(pattern: Mapping[str, Any]) -> str | None:
    """The auth type of a pattern, if it is a string."""
    value = pattern.get("type")
    return value if isinstance(value, str) else None
