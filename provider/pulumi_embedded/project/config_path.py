"""Configuration keys that are paths into objects and lists: `config set --path a.b[0]`."""

from __future__ import annotations

import json
import re
from typing import Any

from pulumi_embedded.errors import ConfigurationError
from pulumi_embedded.values.property_paths import InvalidPath, Path, parse_path

from .project import Project
from .stack_config import ConfigValue, is_secure, text_of

_INTEGER = re.compile(r"(0|-?[1-9][0-9]{0,18})\Z")

_LONGEST = 10_000
"""The length that a list may get by an index: a typing error does not fill the memory."""


def _split(project: Project, key: str) -> tuple[str, Path]:
    """Return the top-level key, qualified, and the path inside its value."""
    namespace, separator, rest = key.partition(":")
    text = rest if separator else key
    try:
        path = parse_path(text)
    except InvalidPath as error:
        raise ConfigurationError(f"invalid configuration key path {key!r}: {error}") from None
    if not path or not isinstance(path[0], str):
        raise ConfigurationError(f"invalid configuration key path {key!r}: it must start with a name")
    top = f"{namespace}:{path[0]}" if separator else path[0]
    return project.qualified_key(top), path[1:]


def _guess(value: Any, *, typed: bool) -> Any:
    """Give a plain text the type that it looks like, which is what a path's value gets."""
    if typed or not isinstance(value, str):
        return value
    if value in ("true", "false"):
        return value == "true"
    if not _INTEGER.match(value):
        return value
    number = int(value)
    return number if -(2**63) <= number < 2**63 else value


def set_path(
    project: Project, values: dict[str, Any], key: str, value: Any, *, typed: bool
) -> tuple[str, Any]:
    """Return the top-level key and its new whole value.

    Raises:
        ConfigurationError: the path goes through something that is not an object or a list.
    """
    name, path = _split(project, key)
    if not path:
        return name, _guess(value, typed=typed)
    top = json.loads(json.dumps(values.get(name)))
    top = _put(top, path, _guess(value, typed=typed), key)
    return name, top


def _put(container: Any, path: Path, value: Any, key: str) -> Any:
    if not path:
        return value
    head = path[0]
    if isinstance(head, int):
        items = [None] * min(head, _LONGEST) if container is None else container
        if not isinstance(items, list):
            raise ConfigurationError(f"{key}: an index was given for something that is not a list")
        if not 0 <= head <= len(items):
            raise ConfigurationError(f"{key}: array index out of range")
        if head == len(items):
            items.append(None)
        items[head] = _put(items[head], path[1:], value, key)
        return items
    mapping = {} if container is None else container
    if not isinstance(mapping, dict) or is_secure(mapping):
        raise ConfigurationError(f"{key}: a name was given for something that is not an object")
    mapping[head] = _put(mapping.get(head), path[1:], value, key)
    if set(mapping) == {"secure"}:
        raise ConfigurationError(f'{key}: an object with the single key "secure" is an encrypted value')
    return mapping


def _has(node: Any, element: str | int) -> bool:
    """Whether an element of a path leads on from here. An index does not count from the end."""
    if isinstance(element, int):
        return isinstance(node, list) and 0 <= element < len(node)
    return isinstance(node, dict) and element in node and not is_secure(node)


def get_path(project: Project, values: dict[str, ConfigValue], key: str) -> ConfigValue | None:
    """Return the value at a path, if there is one."""
    name, path = _split(project, key)
    found = values.get(name)
    if found is None or not path:
        return found
    if not found.structured:
        return None
    node = json.loads(found.text)
    for element in path:
        if not _has(node, element):
            return None
        node = node[element]
    return ConfigValue(text_of(node), found.secret, isinstance(node, (dict, list)))


def remove_path(project: Project, values: dict[str, Any], key: str) -> tuple[str, Any]:
    """Return the top-level key and what is left of its value; None when nothing is."""
    name, path = _split(project, key)
    if not path or name not in values:
        return name, None
    top = json.loads(json.dumps(values[name]))
    node = top
    for element in path[:-1]:
        if not _has(node, element):
            return name, top
        node = node[element]
    if _has(node, path[-1]):
        del node[path[-1]]
    return name, top
