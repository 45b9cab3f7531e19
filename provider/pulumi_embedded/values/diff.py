"""Differences between property values, and the detailed diff that plans carry.

A detailed diff maps property paths to the kind of change. Providers may give their own; when they only say
"unknown", the engine compares old and new inputs itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from .property_paths import InvalidPath, Path, covers_path, parse_path, render_path
from .values import Properties, Value, deep_equals, unwrap_secrets


class Kind(str, Enum):
    """What happens to one property. The values are the words of a JSON plan."""

    ADD = "add"
    ADD_REPLACE = "add-replace"
    DELETE = "delete"
    DELETE_REPLACE = "delete-replace"
    UPDATE = "update"
    UPDATE_REPLACE = "update-replace"

    @property
    def replaces(self) -> bool:
        """Whether the change needs a replacement."""
        return self.value.endswith("-replace")

    def to_replace(self) -> Kind:
        """The same change, needing a replacement."""
        return self if self.replaces else Kind(f"{self.value}-replace")

    def inverted(self) -> Kind:
        """The change that undoes this one."""
        if self.value.startswith("add"):
            return Kind(self.value.replace("add", "delete"))
        return Kind(self.value.replace("delete", "add"))


@dataclass(frozen=True)
class PropertyDiff:
    """One change. `input_diff` says that it compares inputs with inputs, not outputs with inputs."""

    kind: Kind
    input_diff: bool = False


class Changes(Enum):
    """A provider's verdict."""

    UNKNOWN = 0
    NONE = 1
    SOME = 2


@dataclass(frozen=True)
class DiffResult:
    """What differs between a resource's state and its goal.

    `replace_keys` are the top-level properties that force a replacement, `changed_keys` all that differ.
    """

    changes: Changes = Changes.UNKNOWN
    replace_keys: tuple[str, ...] = ()
    changed_keys: tuple[str, ...] = ()
    detailed: dict[str, PropertyDiff] | None = None
    delete_before_replace: bool = False

    @property
    def replaces(self) -> bool:
        """Whether the resource has to be replaced."""
        return bool(self.replace_keys) or any(diff.kind.replaces for diff in (self.detailed or {}).values())

    def inverted(self) -> DiffResult:
        """The diff that undoes this one."""
        if self.detailed is None:
            return self
        return replace(
            self,
            detailed={
                path: PropertyDiff(diff.kind.inverted(), diff.input_diff)
                for path, diff in self.detailed.items()
            },
        )


@dataclass
class ObjectDiff:
    """The difference between two objects, key by key. Keys of arrays are their indices."""

    adds: dict[Any, Value] = field(default_factory=dict)
    deletes: dict[Any, Value] = field(default_factory=dict)
    updates: dict[Any, ValueDiff] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.adds or self.deletes or self.updates)

    def changed_keys(self) -> list[Any]:
        """The keys that differ, sorted."""
        return sorted({*self.adds, *self.deletes, *self.updates})


@dataclass
class ValueDiff:
    """Two different values; `array` or `object` is set when both are of that kind."""

    old: Value
    new: Value
    array: ObjectDiff | None = None
    object: ObjectDiff | None = None


def diff_objects(old: Properties, new: Properties) -> ObjectDiff:
    """Compare two objects. A null property counts as an absent one."""
    result = ObjectDiff()
    for key, before in old.items():
        if key in new:
            change = diff_values(before, new[key])
            if change is None:
                continue
            if before is None:
                result.adds[key] = new[key]
            elif new[key] is None:
                result.deletes[key] = before
            else:
                result.updates[key] = change
        elif before is not None:
            result.deletes[key] = before
    for key, after in new.items():
        if key not in old and after is not None:
            result.adds[key] = after
    return result


def diff_values(old: Value, new: Value) -> ValueDiff | None:
    """Compare two values; None means equal."""
    if isinstance(old, list) and isinstance(new, list):
        array = ObjectDiff()
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            change = diff_values(before, after)
            if change is not None:
                array.updates[index] = change
        array.adds.update({index: new[index] for index in range(len(old), len(new))})
        array.deletes.update({index: old[index] for index in range(len(new), len(old))})
        return ValueDiff(old, new, array=array) if array else None
    if isinstance(old, dict) and isinstance(new, dict):
        change_of = diff_objects(old, new)
        return ValueDiff(old, new, object=change_of) if change_of else None
    return None if deep_equals(old, new) else ValueDiff(old, new)


def compare_inputs(old: Properties, new: Properties) -> DiffResult:
    """The engine's own diff, for providers that return "unknown": secrets are compared by their content."""
    difference = diff_objects(unwrap_secrets(old), unwrap_secrets(new))
    if not difference:
        return DiffResult(Changes.NONE)
    return DiffResult(
        Changes.SOME,
        changed_keys=tuple(difference.changed_keys()),
        detailed=detailed_diff(difference),
    )


def detailed_diff(difference: ObjectDiff) -> dict[str, PropertyDiff]:
    """Flatten an object difference into property paths."""
    found: dict[str, PropertyDiff] = {}

    def walk(prefix: Path, node: ObjectDiff) -> None:
        for key, change in node.updates.items():
            nested = change.object or change.array
            if nested is not None:
                walk((*prefix, key), nested)
            else:
                found[render_path((*prefix, key))] = PropertyDiff(_kind(change), input_diff=True)
        for key in node.adds:
            found[render_path((*prefix, key))] = PropertyDiff(Kind.ADD, input_diff=True)
        for key in node.deletes:
            found[render_path((*prefix, key))] = PropertyDiff(Kind.DELETE, input_diff=True)

    walk((), difference)
    return dict(sorted(found.items()))


def _kind(change: ValueDiff) -> Kind:
    if change.old is None:
        return Kind.ADD
    if change.new is None:
        return Kind.DELETE
    return Kind.UPDATE


INIT_ERROR_KEY = "#initerror"


def apply_replace_on_changes(result: DiffResult, patterns: list[str], *, init_errors: bool) -> DiffResult:
    """Turn changes below the `replace_on_changes` patterns into replacements.

    Errors of an earlier initialisation count as a change of the property `#initerror`.

    Raises:
        InvalidPath: a pattern, or the path of a change, is not a property path.
    """
    if result.changes is not Changes.SOME and not init_errors:
        return result
    parsed = [parse_path(pattern) for pattern in patterns]

    def replaced(path: Path) -> bool:
        return any(covers_path(pattern, path) for pattern in parsed)

    detailed = result.detailed
    if detailed is not None:
        detailed = {
            path: PropertyDiff(change.kind.to_replace(), change.input_diff)
            if replaced(parse_path(path))
            else change
            for path, change in detailed.items()
        }
    keys = dict.fromkeys(result.replace_keys)
    keys.update(dict.fromkeys(key for key in result.changed_keys if replaced(_key_path(key))))
    changes = result.changes
    if init_errors and replaced((INIT_ERROR_KEY,)):
        keys[INIT_ERROR_KEY] = None
        if detailed is not None:
            detailed[INIT_ERROR_KEY] = PropertyDiff(Kind.UPDATE_REPLACE)
        changes = Changes.SOME
    return replace(result, detailed=detailed, replace_keys=tuple(keys), changes=changes)


def _key_path(key: str) -> Path:
    """Return what is meant by a path which was made without regard for odd keys, such as an empty one."""
    try:
        return parse_path(key) or (key,)
    except InvalidPath:
        return (key,)


def translate(
    detailed: dict[str, PropertyDiff],
    old_inputs: Properties,
    old_outputs: Properties,
    new_inputs: Properties,
    new_outputs: Properties,
    *,
    refresh: bool = False,
) -> ObjectDiff:
    """Rebuild from property paths the tree that a display can show, with the values on both sides."""
    root = ValueDiff(None, None)
    for text, change in detailed.items():
        path = _key_path(text)
        old = old_inputs if change.input_diff else old_outputs
        new = new_outputs if refresh and not change.input_diff else new_inputs
        _add(path, change.kind, root, old, new)
    return root.object or ObjectDiff()


def _child(value: Value, key: str | int) -> Value:
    if isinstance(key, int):
        return value[key] if isinstance(value, list) and 0 <= key < len(value) else None
    return value.get(key) if isinstance(value, dict) else None


def _add(path: Path, kind: Kind, parent: ValueDiff, old_parent: Value, new_parent: Value) -> None:
    key = path[0]
    old, new = _child(old_parent, key), _child(new_parent, key)
    if isinstance(key, int):
        parent.array = node = parent.array or ObjectDiff()
    else:
        parent.object = node = parent.object or ObjectDiff()
    if len(path) > 1:
        if old is None and new is not None:
            node.adds[key] = new
        elif old is not None and new is None:
            node.deletes[key] = old
        else:
            nested = node.updates.setdefault(key, ValueDiff(old, new))
            _add(path[1:], kind, nested, old, new)
    elif kind in (Kind.ADD, Kind.ADD_REPLACE):
        node.adds[key] = new
    elif kind in (Kind.DELETE, Kind.DELETE_REPLACE):
        node.deletes[key] = old
    else:
        node.updates[key] = diff_values(old, new) or ValueDiff(old, new)
