"""Property paths: `a.b[0]["key with dots"]`, and `*` for every element.

The notation is Pulumi's own; it names properties in `ignore_changes`, `replace_on_changes` and in the
detailed diff of a plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from pulumi_embedded.errors import EmbeddedError

from .values import Properties, Secret, Value, copy, make_secret

Path: TypeAlias = tuple[str | int, ...]
_Taken: TypeAlias = Callable[[Value], Value]
_Deeper: TypeAlias = Callable[[Value, Value], bool]

_PLAIN = re.compile(r"[A-Za-z0-9_]*\Z")


class InvalidPath(EmbeddedError):
    """A text is not a property path."""


def parse_path(text: str) -> Path:
    """Read a path.

    Raises:
        InvalidPath: the text is not one.
    """
    if text.startswith("."):
        raise InvalidPath("a property path must start with a name or an index")
    elements: list[str | int] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == ".":
            position += 1
            if position == len(text):
                raise InvalidPath("a property path must end with a name or an index")
        elif character == "[":
            element, position = _parse_bracket(text, position)
            elements.append(element)
        else:
            end = position
            while end < len(text) and text[end] not in ".[":
                end += 1
            elements.append(text[position:end])
            position = end
    return tuple(elements)


def _parse_bracket(text: str, start: int) -> tuple[str | int, int]:
    if text.startswith('["', start):
        key: list[str] = []
        position = start + 2
        while True:
            if position >= len(text):
                raise InvalidPath("a property name lacks its closing quote")
            if text[position] == '"':
                break
            if text.startswith('\\"', position):
                position += 1
            key.append(text[position])
            position += 1
        if not text.startswith("]", position + 1):
            raise InvalidPath("a property name lacks its closing bracket")
        return "".join(key), position + 2
    end = text.find("]", start)
    if end < 0:
        raise InvalidPath("an index lacks its closing bracket")
    segment = text[start + 1 : end]
    if segment == "*":
        return "*", end + 1
    try:
        return int(segment), end + 1
    except ValueError:
        raise InvalidPath(f"invalid array index: {segment!r}") from None


def render_path(path: Path) -> str:
    """Write a path in Pulumi's notation."""
    parts: list[str] = []
    for element in path:
        if isinstance(element, int):
            parts.append(f"[{element}]")
        elif _PLAIN.match(element):
            parts.append(f".{element}" if parts else element)
        else:
            escaped = element.replace('"', '\\"')
            parts.append(f'["{escaped}"]')
    return "".join(parts)


def covers_path(pattern: Path, path: Path) -> bool:
    """Whether the path is the pattern or lies below it."""
    if len(path) < len(pattern):
        return False
    for expected, actual in zip(pattern, path, strict=False):
        if expected == "*" and isinstance(expected, str):
            continue
        if type(expected) is not type(actual) or expected != actual:
            return False
    return True


def ignore_changes(patterns: Iterable[str], old: Properties, new: Properties) -> tuple[Properties, list[str]]:
    """Return new properties as they are without the changes below some paths, and the paths where that cannot be.

    What is not a property path is skipped.
    """
    result: Properties = copy(new)
    impossible = []
    for pattern in patterns:
        try:
            path = parse_path(pattern)
        except InvalidPath:
            continue
        if not reset_path(path, old, result):
            impossible.append(pattern)
    return result, impossible


def reset_path(path: Path, old: Properties, new: Properties) -> bool:
    """Set in `new`, in place, the value that `old` has at the path: this is what ignoring a change means.

    Nothing is created on the way and arrays keep their length. Returns False when the path exists on one
    side only, so that the change cannot be ignored.
    """
    return _reset(path, old, new, old_secret=False, new_secret=False)


def _open(value: Value) -> tuple[Value, bool]:
    secret = False
    while isinstance(value, Secret):
        value, secret = value.element, True
    return value, secret


def _reset(path: Path, old: Value, new: Value, *, old_secret: bool, new_secret: bool) -> bool:
    if not path:
        return False
    old, wrapped = _open(old)
    old_secret = old_secret or wrapped
    new, wrapped = _open(new)
    new_secret = new_secret or wrapped

    def taken(value: Value) -> Value:
        return make_secret(value) if old_secret and not new_secret else value

    def deeper(before: Value, after: Value) -> bool:
        return _reset(path[1:], before, after, old_secret=old_secret, new_secret=new_secret)

    key, last = path[0], len(path) == 1
    if isinstance(key, int):
        return _reset_index(key, old, new, taken, deeper, last=last)
    if key == "*":
        return _reset_all(old, new, taken, deeper, last=last)
    if last:
        if isinstance(new, dict):
            if isinstance(old, dict) and key in old:
                new[key] = taken(old[key])
            else:
                new.pop(key, None)
            return True
        return not (isinstance(old, dict) and key in old)
    if not isinstance(old, dict) or not isinstance(new, dict):
        return not isinstance(old, dict) and not isinstance(new, dict)
    if key not in new:
        return key not in old
    return deeper(old.get(key), new[key])


def _reset_index(key: int, old: Value, new: Value, taken: _Taken, deeper: _Deeper, *, last: bool) -> bool:
    if key < 0:
        return False
    if not isinstance(old, list) or not isinstance(new, list):
        return not isinstance(old, list) and not isinstance(new, list)
    if key >= len(old) or key >= len(new):
        return last and key >= len(old) and key >= len(new)
    if last:
        new[key] = taken(old[key])
        return True
    return deeper(old[key], new[key])


def _reset_all(old: Value, new: Value, taken: _Taken, deeper: _Deeper, *, last: bool) -> bool:
    if last:
        if isinstance(new, dict):
            if isinstance(old, dict):
                for key in [key for key in new if key not in old]:
                    del new[key]
                new.update({key: taken(value) for key, value in old.items()})
            return True
        if isinstance(new, list):
            if isinstance(old, list):
                for index in range(min(len(old), len(new))):
                    new[index] = taken(old[index])
                return len(old) == len(new)
            return True
        return False
    if isinstance(old, dict) and isinstance(new, dict):
        return all(key in new and deeper(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return all(deeper(a, b) for a, b in zip(old, new, strict=False)) and len(old) == len(new)
    return False
