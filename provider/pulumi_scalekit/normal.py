"""The normal form of a definition, and what differs between two of them.

Two definitions that mean the same have the same normal form: key order, `None`, defaults written out or left
out, empty lists and mappings, and `3.0` for `3` make no difference. Keys that nobody documents keep their
values, whatever those are; only `None` counts as absent there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from .definition import AuthPattern, FieldSpec, Mutation, OAuthConfig, Option, Scope
from .paths import Path, format_path
from .properties import DEFINITION_KEYS, UNKNOWN

Json: TypeAlias = Any
"""A JSON value: `dict[str, Json]`, `list[Json]`, `str`, `int`, `float`, `bool` or `None`."""

ABSENT: Final = type("Absent", (), {"__repr__": lambda _: "ABSENT"})()
"""Stands for a property that is not there, where `None` could be a value."""

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


def normalise(definition: Mapping[str, Json]) -> dict[str, Json]:
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


def normalise_live(answer: Mapping[str, Json]) -> dict[str, Json]:
    """The normal form of what the server answers.

    An absent `proxy_enabled` means false here: the API's contract makes it a plain boolean, and such fields
    are left out of an answer when they are false.
    """
    return normalise({"proxy_enabled": False, **{k: v for k, v in answer.items() if v is not None}})


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
    kept = without_defaults(normalise_live(answer))
    patterns = answer.get("auth_patterns")
    # The patterns go out as they came in: what looks like a default here may be written out for a reason.
    return {**kept, "auth_patterns": plain(patterns)} if patterns is not None else kept


def without_defaults(normal: Mapping[str, Json]) -> dict[str, Json]:
    """A normal form without the optional properties that are empty: the way a program would write it."""
    always = {"display_name", "auth_patterns", "proxy_url", "proxy_enabled"}
    return {k: v for k, v in normal.items() if k in always or v != _EMPTY.get(k, ABSENT)}


@dataclass(frozen=True)
class Change:
    """One property that differs: `ABSENT` stands for a side where it is not there."""

    path: Path
    old: Json
    new: Json

    def __str__(self) -> str:
        return format_path(self.path)

    def describe(self) -> str:
        """The path with both values, shortened: `description: "a" → "b"`."""
        return f"{self}: {_brief(self.old)} → {_brief(self.new)}"


def _brief(value: Json) -> str:
    if value is ABSENT or value is None:
        return "nothing"
    if value is UNKNOWN:
        return "a value not known yet"
    text = json.dumps(value, ensure_ascii=False, default=str)
    # JSON leaves some characters as they are that drive a terminal, or turn the direction of a line.
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return text if len(text) <= 80 else f"{text[:77]}..."


def changes(old: Json, new: Json, path: Path = ()) -> Iterator[Change]:
    """The properties that differ between two JSON values, outermost first, as deep as both sides go."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from changes(old.get(key, ABSENT), new.get(key, ABSENT), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from changes(
                old[index] if index < len(old) else ABSENT,
                new[index] if index < len(new) else ABSENT,
                (*path, index),
            )
    elif not same(old, new):
        yield Change(path, old, new)


def same(old: Json, new: Json) -> bool:
    """Equality as JSON has it: unlike Python's, `True` is not `1`."""
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def same_definition(old: Mapping[str, Json], new: Mapping[str, Json]) -> bool:
    """Whether two normal forms are equal."""
    return next(changes(old, new), None) is None


def align(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """The new properties, with those that mean the same as before in their old form.

    So a comparison that knows nothing of defaults, such as Pulumi's own, finds just what really differs.
    Properties that are no part of a definition are taken as they are in `new`.
    """
    aligned = {key: value for key, value in new.items() if key not in DEFINITION_KEYS}
    old_normal, new_normal = normalise(old), normalise(new)
    for key in DEFINITION_KEYS:
        before, after = old.get(key, ABSENT), new.get(key, ABSENT)
        if next(changes(old_normal[key], new_normal[key]), None) is None:
            value = before
        elif key == "auth_patterns":
            value = _align(before, after, ())
        else:
            value = after
        if value is not ABSENT:
            aligned[key] = value
    return aligned


def _align(old: Json, new: Json, place: tuple[str, ...]) -> Json:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        aligned = {}
        for key in [*new, *(key for key in old if key not in new)]:
            before, after = old.get(key, ABSENT), new.get(key, ABSENT)
            old_normal = _normal({key: before} if before is not ABSENT else {}, place)
            new_normal = _normal({key: after} if after is not ABSENT else {}, place)
            if next(changes(old_normal, new_normal), None) is None:
                value = before
            elif before is not ABSENT and after is not ABSENT:
                value = _align(before, after, (*place, _step(place, key)))
            else:
                value = after
            if value is not ABSENT:
                aligned[key] = value
        return aligned
    if isinstance(old, list) and isinstance(new, list):
        below = (*place, "[]")
        kept = [_align(o, n, below) for o, n in zip(old, new, strict=False)]
        return kept + new[len(kept) :]
    return new


def merge_drift(declared: Json, stored: Json, live: Json) -> Json:
    """What is live, in the words of the declaration.

    A server may store a definition in a form of its own, for instance with keys that it adds. `stored` is the
    form it answered to the last write. Where `live` still equals that, nobody changed anything, and the
    declared value is kept; elsewhere the live value is taken. All three are normal forms.
    """
    if not list(changes(stored, live)):
        return declared
    if isinstance(declared, Mapping) and isinstance(stored, Mapping) and isinstance(live, Mapping):
        merged = {}
        for key in [*declared, *(key for key in live if key not in declared)]:
            value = merge_drift(declared.get(key, ABSENT), stored.get(key, ABSENT), live.get(key, ABSENT))
            if value is not ABSENT:
                merged[key] = value
        return merged
    if isinstance(declared, list) and isinstance(stored, list) and isinstance(live, list):
        if len(declared) == len(stored) == len(live):
            return [merge_drift(d, s, v) for d, s, v in zip(declared, stored, live, strict=True)]
        # An inserted or removed element shifts the rest: keep the declared form of those that still stand.
        forms = list(zip(stored, declared, strict=False)) if len(stored) == len(declared) else []
        return [next((d for s, d in forms if not list(changes(s, item))), item) for item in live]
    return live


def scopes_and_fields(normal: Mapping[str, Json]) -> tuple[set[str], set[str]]:
    """The OAuth scopes and the input names of all patterns: what connected accounts have agreed to."""
    scopes: set[str] = set()
    fields: set[str] = set()
    for pattern in _mappings(normal.get("auth_patterns")):
        config = pattern.get("oauth_config")
        listed = config.get("available_scopes") if isinstance(config, Mapping) else None
        scopes.update(
            str(scope["scope"]) for scope in _mappings(listed) if isinstance(scope.get("scope"), str)
        )
        for key in ("fields", "account_fields"):
            fields.update(
                field["field_name"]
                for field in _mappings(pattern.get(key))
                if isinstance(field.get("field_name"), str)
            )
    return scopes, fields


def _mappings(value: Json) -> list[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def authorization_note(old: Mapping[str, Json], new: Mapping[str, Json]) -> str:
    """What a change means for those who have authorized already, or "" where it means nothing to them."""
    parts = []
    for noun, before, after in zip(
        ("scope", "field"), scopes_and_fields(old), scopes_and_fields(new), strict=True
    ):
        for verb, names in (("adds", after - before), ("removes", before - after)):
            if names:
                parts.append(f"{verb} {noun}{'s' if len(names) > 1 else ''} {', '.join(sorted(names))}")
    if not parts:
        return ""
    return (
        f"{'; '.join(parts)}: existing connections and connected accounts keep the old settings "
        "until they are made again or re-authorized"
    )
