"""What differs between two definitions, property by property."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi_scalekit.auth import Auth, Definition, Field, Scope
from pulumi_scalekit.payload import Payload, Property, properties_by_key, properties_of

from .keys import ABSENT, DEFINITION_KEYS, FIELD_KEYS, UNKNOWN, has_unknown
from .normalize import Json, mappings, normal_member, normalize, normalize_live
from .paths import Path, format_path


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
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield Change(path, old, new)


def same(old: Json, new: Json) -> bool:
    """Equality of JSON values, such as normal forms: unlike Python's, `True` is not `1` at any depth."""
    return next(changes(old, new), None) is None


def is_as_declared(declared: Mapping[str, Json], live: Mapping[str, Json]) -> bool:
    """Whether a connector's attributes, as the server returns them, mean just what was declared."""
    return same(normalize(declared), normalize_live(live))


def align(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """The new properties, with those that mean the same as before in their old form.

    So a comparison that knows nothing of defaults, such as Pulumi's own, finds just what really differs.
    Properties that do not belong to a definition are taken as they are in `new`.
    """
    aligned = {key: value for key, value in new.items() if key not in DEFINITION_KEYS}
    old_normal, new_normal = normalize(old), normalize(new)
    for key in DEFINITION_KEYS:
        before, after = old.get(key, ABSENT), new.get(key, ABSENT)
        if same(old_normal[key], new_normal[key]):
            value = before
        else:
            value = _align(before, after, properties_by_key(Definition)[key])
        if value is not ABSENT:
            aligned[key] = value
    return aligned


def _align(old: Json, new: Json, declared: Property | None) -> Json:
    of = declared.of if declared else None
    if declared is None or of is None:
        return new
    if declared.kind == "object":
        return _align_object(old, new, of)
    if declared.kind == "map" and isinstance(old, Mapping) and isinstance(new, Mapping):
        return {key: _align_object(old.get(key, ABSENT), item, of) for key, item in new.items()}
    if declared.kind == "list" and isinstance(old, list) and isinstance(new, list):
        kept = [_align_object(o, n, of) for o, n in zip(old, new, strict=False)]
        return kept + new[len(kept) :]
    return new


def _align_object(old: Json, new: Json, of: type[Payload]) -> Json:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    known = properties_by_key(of)
    aligned = {}
    for key in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(key, ABSENT), new.get(key, ABSENT)
        declared = known.get(key)
        forms = [v if v is ABSENT else normal_member(v, declared) for v in (before, after)]
        if same(*forms):
            value = before
        elif ABSENT in (before, after):
            value = after
        else:
            value = _align(before, after, declared)
        if value is not ABSENT:
            aligned[key] = value
    return aligned


IMMUTABLE: Final = tuple(declared.key for declared in properties_of(Auth) if declared.spec.is_immutable)
"""The properties of an auth pattern that Scalekit cannot change in place."""


def replacements(old: Mapping[str, Json], new: Mapping[str, Json]) -> list[Path]:
    """The properties that differ and that Scalekit cannot change in place: such a change takes a new connector.

    Source: the Node SDK 2.18 and the Java SDK 2.6, which call a pattern's `type` and `is_mcp` immutable.

    Args:
        old: A definition, or a connector's attributes.
        new: The definition that is to take its place. What is `UNKNOWN` in it is left out.

    Example:
        >>> replacements({"auth_patterns": [{"type": "BEARER"}]}, {"auth_patterns": [{"type": "API_KEY"}]})
        [('auth_patterns', 0, 'type')]
    """
    before, after = (mappings(normalize(definition)["auth_patterns"]) for definition in (old, new))
    return [
        ("auth_patterns", index, key)
        for index, (one, other) in enumerate(zip(before, after, strict=False))
        for key in IMMUTABLE
        if UNKNOWN not in (one.get(key), other.get(key)) and not same(one.get(key), other.get(key))
    ]


def authorization_note(old: Mapping[str, Json], new: Mapping[str, Json]) -> str:
    """What a change means for those who have authorized already, or "" where it means nothing to them.

    Both are normal forms. What is not known yet in the new one is not called removed.
    """
    parts = []
    for noun, listed, identity in (("scope", _scopes, Scope.IDENTITY), ("field", _fields, Field.IDENTITY)):
        before, after = (
            {name for item in mappings(listed(form)) if isinstance(name := item.get(identity), str)}
            for form in (old, new)
        )
        removed = set() if has_unknown(listed(new)) else before - after
        for verb, names in (("adds", after - before), ("removes", removed)):
            if names:
                parts.append(f"{verb} {noun}{'s' if len(names) > 1 else ''} {', '.join(sorted(names))}")
    if not parts:
        return ""
    return (
        f"{'; '.join(parts)}: existing connections and connected accounts keep the old settings "
        "until they are made again or re-authorized"
    )


def _fields(normal: Mapping[str, Json]) -> list[Json]:
    """The inputs of all patterns, in which a list that is not known yet is one unknown input."""
    return _members(_members([normal], "auth_patterns"), *FIELD_KEYS)


def _scopes(normal: Mapping[str, Json]) -> list[Json]:
    return _members(_members(_members([normal], "auth_patterns"), "oauth_config"), "available_scopes")


def _members(parents: list[Json], *keys: str) -> list[Json]:
    found: list[Json] = []
    for parent in parents:
        if parent is UNKNOWN:
            found.append(UNKNOWN)
        elif isinstance(parent, Mapping):
            for value in (parent.get(key) for key in keys):
                found += value if isinstance(value, list) else [value]
    return found


def _identities(of: type[Payload]) -> dict[str, str]:
    found = {}
    for declared in properties_of(of):
        if declared.of is not None:
            if declared.kind == "list" and declared.of.IDENTITY:
                found[declared.key] = declared.of.IDENTITY
            found |= _identities(declared.of)
    return found


IDENTITY: Final[Mapping[str, str]] = _identities(Definition)
"""What tells the elements of these lists apart: fields, scopes and options, by the key of their list."""


def matched_changes(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """The properties that differ, with fields, scopes and options matched by name rather than by position.

    So one that is inserted is one change, not one in everything after it. Paths have the name in the position's
    place; a different order of the same elements is a change of its own, of the list of names.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from matched_changes(old.get(key, ABSENT), new.get(key, ABSENT), (*path, key))
        return
    before, after = by_identity(old, path), by_identity(new, path)
    if before is not None and after is not None:
        kept_before = [name for name in before if name in after]
        kept_after = [name for name in after if name in before]
        if kept_before != kept_after:
            yield Change(path, kept_before, kept_after)
        yield from matched_changes(before, after, path)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from matched_changes(a, b, (*path, index))
    else:
        yield from changes(old, new, path)


def by_identity(value: Json, path: Path) -> dict[str, Json] | None:
    """The elements of the list at a path by what tells them apart; `None` where they cannot be told apart so."""
    identity = IDENTITY.get(str(path[-1])) if path else None
    if identity is None:
        return None
    if value is ABSENT:
        return {}
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return None
    named = {name: item for item in value if isinstance(name := item.get(identity), str)}
    return named if len(named) == len(value) else None
