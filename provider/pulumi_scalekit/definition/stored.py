"""What a server stored of a declaration: a form of its own, or something else than was declared.

A server may write what it was sent in its own way: a URL with a lower-cased host or another slash at its end, a
header name in another case, scopes, fields and options in another order, a key that it adds to an auth pattern.
That does not count as a difference. A value that it kept or dropped does: Scalekit keeps a `description` and an
`icon_src` that an update leaves out, and may merge `metadata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pulumi_scalekit.auth import Definition, OAuthConfig
from pulumi_scalekit.payload import properties_of

from .changes import IDENTITY, IMMUTABLE, Change, by_identity, same
from .keys import ABSENT, UNKNOWN
from .normalize import Json, normalize, normalize_live
from .paths import Path
from .urls import same_url

_URLS: Final = frozenset(
    declared.key for of in (Definition, OAuthConfig) for declared in properties_of(of) if declared.spec.is_url
)
_HEADERS: Final = frozenset({"auth_header_key_override", "header_name"})
_PROSE: Final = frozenset({"display_name", "description"})
_NAMED: Final = frozenset({"metadata", "auth_field_mutations"})
"""Mappings whose keys are names that the declaration chose: a server adds none."""


def unapplied(
    declared: Mapping[str, Json], stored: Mapping[str, Json], before: Mapping[str, Json] | None = None
) -> list[Change]:
    """What is not stored as it was declared, by path: `old` is declared, `new` is stored.

    Fields, scopes and options have their name in the position's place, as in `matched_changes`.

    Args:
        declared: The definition that was sent.
        stored: The connector's attributes, as the server returns them.
        before: The definition that was declared before. With it a key that a pattern no longer declares, and that
            the server kept, is told from one that the server adds.

    Example:
        >>> unapplied({"proxy_url": "https://API.example.com"},
        ...           {"proxy_url": "https://api.example.com/", "proxy_enabled": True, "description": "Old"})
        [Change(path=('description',), old='', new='Old')]
    """
    found: list[Change] = []
    _accept(normalize(declared), normalize_live(stored), normalize(before or {}), (), found)
    return found


def accepted_form(
    declared: Mapping[str, Json], stored: Mapping[str, Json], before: Mapping[str, Json] | None = None
) -> dict[str, Json]:
    """The server's own form of a declaration, as a normal form: as it is stored, but as declared where `unapplied`.

    It is the base of `merge_drift`: what the server did not apply differs from it, and so goes on to show.
    The arguments are those of `unapplied`.
    """
    form: dict[str, Json] = _accept(
        normalize(declared), normalize_live(stored), normalize(before or {}), (), []
    )
    return form


def merge_drift(declared: Json, accepted: Json, live: Json, path: Path = ()) -> Json:
    """What is live, in the words of the declaration.

    Where `live` still is the form that the server gave the declaration, nobody changed anything, and the declared
    value is kept; elsewhere the live value is taken. All three are normal forms, `accepted` that of `accepted_form`.
    """
    if same(accepted, live) or _means_the_same(accepted, live, path):
        return declared
    if isinstance(declared, Mapping) and isinstance(accepted, Mapping) and isinstance(live, Mapping):
        return _merge_members(declared, accepted, live, path)
    ours, form, theirs = (by_identity(value, path) for value in (declared, accepted, live))
    if ours is not None and form is not None and theirs is not None:
        merged = _merge_members(ours, form, theirs, path)
        return [merged[name] for name in _in_declared_order(ours, theirs)]
    if isinstance(declared, list) and isinstance(accepted, list) and isinstance(live, list):
        if len(declared) == len(accepted) == len(live):
            items = zip(declared, accepted, live, strict=True)
            return [merge_drift(*item, (*path, index)) for index, item in enumerate(items)]
        # An inserted or removed element shifts the rest: keep the declared form of those that still stand.
        forms = list(zip(accepted, declared, strict=False)) if len(accepted) == len(declared) else []
        return [next((d for a, d in forms if same(a, item)), item) for item in live]
    return live


def _in_declared_order(declared: Mapping[str, Json], live: Mapping[str, Json]) -> list[str]:
    """The names of what is live, as they are declared: a new one stands where one is gone, or at the end."""
    new = iter([name for name in live if name not in declared])
    places = [name if name in live else next(new, None) for name in declared]
    return [name for name in places if name is not None] + list(new)


def _merge_members(
    declared: Mapping[str, Json], accepted: Mapping[str, Json], live: Mapping[str, Json], path: Path
) -> dict[str, Json]:
    merged = {}
    for key in [*declared, *(key for key in live if key not in declared)]:
        value = merge_drift(
            declared.get(key, ABSENT), accepted.get(key, ABSENT), live.get(key, ABSENT), (*path, key)
        )
        if value is not ABSENT:
            merged[key] = value
    return merged


def _accept(declared: Json, stored: Json, before: Json, path: Path, found: list[Change]) -> Json:
    """The accepted form of a value; what is not applied in it goes into `found`."""
    if declared is UNKNOWN:
        return stored
    if isinstance(declared, Mapping) and isinstance(stored, Mapping):
        return _accept_members(declared, stored, before, path, found)
    ours, theirs = by_identity(declared, path), by_identity(stored, path)
    if ours is not None and theirs is not None:
        accepted = _accept_members(ours, theirs, by_identity(before, path), path, found)
        return list(accepted.values()) or ABSENT
    if isinstance(declared, list) and isinstance(stored, list) and len(declared) == len(stored):
        if _means_the_same(declared, stored, path):
            return stored
        befores = (
            before if isinstance(before, list) and len(before) == len(declared) else [None] * len(stored)
        )
        return [
            _accept(d, s, b, (*path, index), found)
            for index, (d, s, b) in enumerate(zip(declared, stored, befores, strict=True))
        ]
    if _means_the_same(declared, stored, path):
        return stored
    found.append(Change(path, declared, stored))
    return declared


def _accept_members(
    declared: Mapping[str, Json], stored: Mapping[str, Json], before: Json, path: Path, found: list[Change]
) -> dict[str, Json]:
    former: Mapping[str, Json] = before if isinstance(before, Mapping) else {}
    members = {}
    for key in [*declared, *(key for key in stored if key not in declared)]:
        ours, theirs = declared.get(key, ABSENT), stored.get(key, ABSENT)
        below = (*path, key)
        if ours is ABSENT and not (_is_chosen(path, key) or _means_the_same(former.get(key), theirs, below)):
            members[key] = theirs  # the server's own addition
            continue
        accepted = _accept(ours, theirs, former.get(key), below, found)
        if accepted is not ABSENT:
            members[key] = accepted
    return members


def _is_chosen(path: Path, key: str) -> bool:
    """Whether a member is there only when somebody asked for it: a server adds no such thing by itself."""
    names = {*IDENTITY, *_NAMED}
    # Below such a key the members are the named elements themselves.
    return key in names or key in IMMUTABLE or (bool(path) and path[-1] in names)


def _means_the_same(one: Json, other: Json, path: Path) -> bool:
    """Whether two values differ in their form at most."""
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    if isinstance(one, str) and isinstance(other, str):
        if key in _URLS:
            return same_url(one, other)
        if key in _HEADERS or key == "allowed_proxy_domains":
            return one.lower() == other.lower()
        return one == other or (key in _PROSE and one.strip() == other.strip())
    if key == "allowed_proxy_domains" and isinstance(one, list) and isinstance(other, list):
        return sorted(str(item).lower() for item in one) == sorted(str(item).lower() for item in other)
    return not isinstance(one, (Mapping, list)) and same(one, other)
