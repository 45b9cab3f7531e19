"""Property values between Pulumi's protocol and Python, with their secret marks.

The protocol carries JSON in protobuf structs. Two things in it are not JSON: a secret is an object with a signature
around the value, and an unknown value is a string that nobody would write. Source: pulumi/pulumi,
sdk/go/common/resource/plugin/rpc.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from google.protobuf import json_format, struct_pb2
from pulumi.output import UNKNOWN, Unknown

from pulumi_scalekit.definition.paths import Path

_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"


def received(struct: struct_pb2.Struct) -> tuple[dict[str, Any], set[Path]]:
    """Read properties that the engine sent.

    Returns:
        The properties, with `pulumi.output.UNKNOWN` where a value is not known yet; and the paths of the values that
        are marked as secret, the outermost only.
    """
    secrets: set[Path] = set()
    return {
        key: _received(v, (key,), secrets) for key, v in json_format.MessageToDict(struct).items()
    }, secrets


def _received(value: Any, path: Path, secrets: set[Path]) -> Any:
    if isinstance(value, str):
        return UNKNOWN if value == _UNKNOWN else value
    if isinstance(value, list):
        return [_received(item, (*path, index), secrets) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if value.get(_SIGNATURE) == _SECRET:
        secrets.add(path)
        return _received(value.get("value", _UNKNOWN), path, set())
    return {key: _received(item, (*path, key), secrets) for key, item in value.items()}


def moved(before: Mapping[str, Any], secrets: Collection[Path], now: Mapping[str, Any]) -> set[Path]:
    """The paths of texts that were secret at another position of a list before.

    Args:
        before: The properties before.
        secrets: The paths of what is secret in them.
        now: The properties now.

    Example:
        >>> moved({"list": ["a", "b"]}, {("list", 1)}, {"list": ["b"]})
        {('list', 0)}
    """
    hidden = {
        (_without_positions(path), text)
        for path, text in _texts(before)
        if any(path[: len(secret)] == secret for secret in secrets)
    }
    return {path for path, text in _texts(now) if (_without_positions(path), text) in hidden}


def _without_positions(path: Path) -> Path:
    return tuple(step for step in path if isinstance(step, str))


def _texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str) and value:
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def sent(properties: Mapping[str, Any], secrets: Collection[Path] = ()) -> struct_pb2.Struct:
    """Write properties for the engine, and mark the values at the paths of `secrets`, where there are such."""
    struct = struct_pb2.Struct()
    struct.update({key: _sent(value, (key,), secrets) for key, value in properties.items()})
    return struct


def _sent(value: Any, path: Path, secrets: Collection[Path]) -> Any:
    plain: Any = value
    if isinstance(value, Unknown):
        plain = _UNKNOWN
    elif isinstance(value, Mapping):
        plain = {key: _sent(item, (*path, key), secrets) for key, item in value.items()}
    elif isinstance(value, (list, tuple)):
        plain = [_sent(item, (*path, index), secrets) for index, item in enumerate(value)]
    return {_SIGNATURE: _SECRET, "value": plain} if path in secrets else plain
