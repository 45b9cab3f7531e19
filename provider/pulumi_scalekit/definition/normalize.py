"""The normal form of a definition, and what differs between two of them.

Two definitions that mean the same have the same normal form: key order, `None`, defaults written out or left
out, empty lists and mappings, and `3.0` for `3` make no difference. Keys that nobody documents keep their
values, whatever those are; only `None` counts as absent there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from .keys import ABSENT, DEFINITION_KEYS
from .schema import AuthPattern, FieldSpec, Mutation, OAuthConfig, Option, Scope

Json: TypeAlias = Any
"""A JSON value: `dict[str, Json]`, `list[Json]`, `str`, `int`, `float`, `bool` or `None`."""


_EMPTY: Final[Mapping[str, Json]] = {
    "description": "",
    "proxy_enabled": True,
    "icon_src": "",
    "metadata": {},
}
"""What an absent top-level property of a declaration means."""

# Which model documents the keys at a place; "[]" steps into a list or a mapping's values.
_MODELS: Final[Mapping[tuple[str, ...], type[Any]]] = {
    ("[]",): AuthPattern,
    ("[]", "fields", "[]"): FieldSpec,
    ("[]", "account_fields", "[]"): FieldSpec,
    ("[]", "fields", "[]", "options", "[]"): Option,
    ("[]", "account_fields", "[]", "options", "[]"): Option,
    ("[]", "oauth_config"): OAuthConfig,
    ("[]", "oauth_config", "available_scopes", "[]"): Scope,
    ("[]", "auth_field_mutations", "[]"): Mutation,
}


def normalize(definition: Mapping[str, Json]) -> dict[str, Json]:
    """The normal form of what a program declares: every property of a definition, and no other.

    Leaves values in place that are not known yet, and values of the wrong type.
    """
    normal: dict[str, Json] = {}
    for key in DEFINITION_KEYS:
        value = definition.get(key)
        if value is None:
            value = _EMPTY.get(key)
        if key == "auth_patterns":
            value = _normal(value, ())
        elif key == "metadata" and isinstance(value, Mapping):
            value = {name: plain(item) for name, item in value.items() if item is not None}
        normal[key] = value
    return normal


def normalize_live(answer: Mapping[str, Json]) -> dict[str, Json]:
    """The normal form of what the server answers.

    An absent `proxy_enabled` means false here: the API's contract makes it a plain boolean, and such fields
    are left out of an answer when they are false.
    """
    return normalize({"proxy_enabled": False, **{k: v for k, v in answer.items() if v is not None}})


def _normal(value: Json, place: tuple[str, ...]) -> Json:
    if isinstance(value, str):
        return value  # most are, and this is much cheaper to ask than whether it is a mapping
    if isinstance(value, Mapping):
        model = _MODELS.get(place)
        known = model.model_fields if model else {}
        mapping: dict[str, Json] = {}
        for key, item in value.items():
            inside_mutations = place[-1:] == ("auth_field_mutations",)
            normal = _normal(item, (*place, _step(place, key)))
            # For documented keys false, "" and nothing at all are the defaults of the API's contract.
            if normal is None or (
                (key in known or inside_mutations)
                and normal in (False, "", [], {})
                and not _is_number(normal)
            ):
                continue
            mapping[key] = normal
        return mapping
    if isinstance(value, (list, tuple)):
        return [_normal(item, (*place, "[]")) for item in value]
    return plain(value)


def _step(place: tuple[str, ...], key: str) -> str:
    # The keys of auth_field_mutations are field names: which one makes no difference to what is below.
    return "[]" if place[-1:] == ("auth_field_mutations",) else key


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def plain(value: Json) -> Json:
    """A JSON value with integral floats as integers and `None` members of mappings left out.

    Pulumi carries every number as a double, and so does the server inside auth patterns.
    """
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def create_payload(definition: Mapping[str, Json]) -> dict[str, Json]:
    """The body of a create: what was declared, and `proxy_enabled`, which is mandatory."""
    body = {key: plain(definition[key]) for key in DEFINITION_KEYS if definition.get(key) is not None}
    body.setdefault("proxy_enabled", True)
    return body


def update_payload(definition: Mapping[str, Json]) -> dict[str, Json]:
    """The body of an update: every property.

    So it means the same whether the server keeps what is left out or wipes it; the sources disagree.
    """
    return {**{key: plain(value) for key, value in _EMPTY.items()}, **create_payload(definition)}


def definition_of(answer: Mapping[str, Json]) -> dict[str, Json]:
    """The definition inside a server's answer: without what the server makes, and without empty defaults."""
    kept = without_defaults(normalize_live(answer))
    patterns = answer.get("auth_patterns")
    # The patterns go out as they came in: what looks like a default here may be written out for a reason.
    return {**kept, "auth_patterns": plain(patterns)} if patterns is not None else kept


def without_defaults(normal: Mapping[str, Json]) -> dict[str, Json]:
    """A normal form without the optional properties that are empty: the way a program would write it."""
    always = {"display_name", "auth_patterns", "proxy_url", "proxy_enabled"}
    return {k: v for k, v in normal.items() if k in always or v != _EMPTY.get(k, ABSENT)}


def _mappings(value: Json) -> list[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
