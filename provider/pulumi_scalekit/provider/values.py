"""Between what Pulumi hands a dynamic provider, plain JSON values, and what the server returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.dynamic.dynamic import PROVIDER_KEY
from pulumi.output import UNKNOWN as PULUMI_UNKNOWN
from pulumi.output import Unknown as PulumiUnknown

from pulumi_scalekit.definition.changes import by_identity
from pulumi_scalekit.definition.keys import ABSENT, UNKNOWN
from pulumi_scalekit.definition.paths import Path, parse_path


def received(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON from properties of Pulumi's: numbers as declared, absent members gone, `UNKNOWN` marked.

    The pickled provider is left out; Pulumi's host puts it back itself.
    """
    return {key: _received(v) for key, v in properties.items() if v is not None and key != PROVIDER_KEY}


def _received(value: Any) -> Any:
    if isinstance(value, PulumiUnknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _received(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_received(item) for item in value]
    # Pulumi carries every number as a double.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def identical(old: Any, new: Any) -> bool:
    """Whether two received values are known and the same to the letter: unlike Python's, `True` is not `1`."""
    if isinstance(old, dict):
        return (
            isinstance(new, dict)
            and old.keys() == new.keys()
            and all(identical(item, new[key]) for key, item in old.items())
        )
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(identical, old, new))
    return type(old) is type(new) and bool(old == new) and old is not UNKNOWN


def server_outputs(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a server makes of a connector, by the names of the outputs: what a response leaves out is empty."""
    return {
        "identifier": attributes["identifier"],
        **({"provider_id": attributes["id"]} if attributes.get("id") else {}),
        "is_custom": attributes.get("is_custom") or False,
        "is_custom_mcp": attributes.get("is_custom_mcp") or False,
        "categories": attributes.get("categories") or [],
        "display_priority": attributes.get("display_priority") or 0,
        "coming_soon": attributes.get("coming_soon") or False,
    }


def sent(value: Any) -> Any:
    """The way back: plain JSON with Pulumi's own mark for what is not known."""
    if value is UNKNOWN:
        return PULUMI_UNKNOWN
    if isinstance(value, dict):
        return {key: sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sent(item) for item in value]
    return value


def replaced_at(value: Any, other: Any, *paths: str) -> Any:
    """A copy of a JSON value that has at property paths what another value has there.

    Args:
        value: The value.
        other: What it takes the part from.
        *paths: The paths in Pulumi's form, such as `auth_patterns[0].description`.

    Example:
        >>> replaced_at({"a": 1, "b": [1, 2]}, {"a": 3, "b": [4, 5]}, "b[1]")
        {'a': 1, 'b': [1, 5]}
    """
    for path in paths:
        value = _replaced(value, other, parse_path(path), ())
    return value


def overlap(one: str, other: str) -> bool:
    """Whether two property paths are the same, or one lies within the other."""
    return all(a == b for a, b in zip(parse_path(one), parse_path(other), strict=False))


def _replaced(value: Any, other: Any, steps: Sequence[Any], path: Path) -> Any:
    if not steps:
        return other
    step, *below = steps
    if step == "*" and isinstance(value, (Mapping, list)):
        for each in value if isinstance(value, Mapping) else range(len(value)):
            value = _replaced(value, other, [each, *below], path)
        return value
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        copy = dict(value)
        if step in other:
            copy[step] = _replaced(value.get(step), other[step], below, (*path, step))
        elif not below:
            copy.pop(step, None)
        elif step in value:
            # Scalekit keeps no empty objects: what was ignored may have been the last in this one.
            copy[step] = _replaced(value[step], {}, below, (*path, step))
        return copy
    if isinstance(value, list) and isinstance(other, list) and isinstance(step, int) and step < len(value):
        same = _counterpart(value, other, step, path)
        replaced = value[step] if same is ABSENT else _replaced(value[step], same, below, (*path, step))
        return [*value[:step], replaced, *value[step + 1 :]]
    return value


def _counterpart(value: list[Any], other: list[Any], index: int, path: Path) -> Any:
    """The element of another list that is the same one: by its name, where elements have one, or else by its place."""
    ours, theirs = by_identity(value, path), by_identity(other, path)
    if ours is not None and theirs is not None:
        if (name := [*ours][index]) in theirs:
            return theirs[name]
        names = [*theirs]
        is_renamed = index < len(names) and names[index] not in ours
        return other[index] if is_renamed else ABSENT
    return other[index] if index < len(other) else ABSENT
