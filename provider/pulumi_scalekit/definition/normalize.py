"""The normal form of a definition, and the bodies that are sent.

Two definitions that mean the same have the same normal form: key order, defaults written out or left out, and empty
lists and mappings make no difference. Keys that nobody documents keep their values.

All functions here but `plain` take what `plain` makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from pulumi_scalekit.auth import Definition
from pulumi_scalekit.payload import Payload, Property, properties_by_key, properties_of

from .keys import ABSENT, DEFINITION_KEYS

Json: TypeAlias = Any
"""A JSON value: `dict[str, Json]`, `list[Json]`, `str`, `int`, `float`, `bool` or `None`."""

_EMPTY: Final[Mapping[str, Json]] = {
    declared.key: declared.empty for declared in properties_of(Definition) if not declared.is_required
}
"""What an absent top-level property of a declaration means."""


def plain(value: Json) -> Json:
    """A JSON value with whole numbers as integers, and without the members of mappings that are `None`.

    It is called once, where a value comes in: from Pulumi, from a file, from the server. Pulumi carries every number
    as a double, and so does the server inside auth patterns.

    Example:
        >>> plain({"a": 3.0, "b": [2.5], "c": None})
        {'a': 3, 'b': [2.5]}
    """
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def normalize(definition: Mapping[str, Json]) -> dict[str, Json]:
    """The normal form of what a program declares: every property of a definition, and no other.

    Leaves values in place that are not known yet, and values of the wrong type.
    """
    normal: dict[str, Json] = {}
    for declared in properties_of(Definition):
        value = definition.get(declared.key)
        if value is None:
            value = _EMPTY.get(declared.key)
        normal[declared.key] = _normal_value(value, declared)
    return normal


def normalize_live(attributes: Mapping[str, Json]) -> dict[str, Json]:
    """The normal form of a connector's attributes, as the server returns them.

    An absent `proxy_enabled` means false here: the API's contract makes it a plain boolean, and such fields
    are left out of a response when they are false.
    """
    return normalize({"proxy_enabled": False, **attributes})


def normal_member(value: Json, declared: Property | None) -> Json:
    """The normal form of a member of an object; `ABSENT` where it says no more than its absence would.

    Args:
        value: The member's value.
        declared: Its declaration; `None` for a key that nobody documents.
    """
    if declared is None:
        return value
    normal = _normal_value(value, declared)
    # False, "" and nothing at all are the defaults of the API's contract. A number is not a default: it is wrong here.
    is_default = normal in (False, "", [], {}) and (
        isinstance(normal, bool) or not isinstance(normal, (int, float))
    )
    return ABSENT if is_default and not declared.is_required else normal


def _normal_value(value: Json, declared: Property) -> Json:
    of = declared.of
    if of is None:
        return value
    if declared.kind == "list" and isinstance(value, list):
        return [normal_object(item, of) for item in value]
    if declared.kind == "map" and isinstance(value, Mapping):
        members = {key: normal_object(item, of) for key, item in value.items()}
        return {key: item for key, item in members.items() if item not in ({}, "", [])}
    return normal_object(value, of) if declared.kind == "object" else value


def normal_object(value: Json, of: type[Payload]) -> Json:
    """The normal form of a JSON object of a declared class."""
    if not isinstance(value, Mapping):
        return value
    known = properties_by_key(of)
    members = ((key, normal_member(item, known.get(key))) for key, item in value.items())
    return {key: item for key, item in members if item is not ABSENT}


def create_payload(definition: Mapping[str, Json]) -> dict[str, Json]:
    """The body of a create: what was declared, and `proxy_enabled`, which is mandatory."""
    body = {key: definition[key] for key in DEFINITION_KEYS if definition.get(key) is not None}
    body.setdefault("proxy_enabled", True)
    return body


def update_payload(definition: Mapping[str, Json]) -> dict[str, Json]:
    """The body of an update: every property.

    So it means the same whether the server keeps what is left out or wipes it; the sources disagree.
    """
    return {**_EMPTY, **create_payload(definition)}


def definition_of(attributes: Mapping[str, Json]) -> dict[str, Json]:
    """The definition in a connector's attributes: without what the server makes, and without empty defaults."""
    kept = without_defaults(normalize_live(attributes))
    patterns = attributes.get("auth_patterns")
    # The patterns go out as they came in: what looks like a default here may be written out for a reason.
    return {**kept, "auth_patterns": patterns} if patterns is not None else kept


def without_defaults(normal: Mapping[str, Json]) -> dict[str, Json]:
    """A normal form without the optional properties that are empty: the way a program would write it."""
    always = {
        "proxy_enabled",
        *(declared.key for declared in properties_of(Definition) if declared.is_required),
    }
    return {k: v for k, v in normal.items() if k in always or v != _EMPTY.get(k, ABSENT)}


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Json) -> list[Mapping[str, Json]]:
    """The mappings in a list; none where it is not a list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
