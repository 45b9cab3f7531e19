"""Property values: what flows between program, engine, provider and state.

A value is plain Python (None, bool, number, str, list, dict) plus three kinds of its own: `Secret`,
`UNKNOWN` and `ResourceReference`. Assets and archives are refused.

On the wire and in state the special kinds are objects with a signature key; the constants are part of
Pulumi's protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from google.protobuf import struct_pb2

from pulumi_embedded.errors import EmbeddedError, Unsupported

Value: TypeAlias = Any
"""None | bool | int | float | str | list[Value] | dict[str, Value] | Secret | Unknown | ResourceReference"""

Properties: TypeAlias = dict[str, Value]

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7"

UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_STRINGS = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class Unknown:
    """A value that only an update can tell. There is one, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(eq=False)
class Secret:
    """A value to keep encrypted in state and hidden in output.

    `ciphertext` is what stands for it in state already, sealed under `salt`. While `element` is untouched it is written
    again as it is to a state under that salt, so an unchanged resource stays byte for byte the same.
    """

    element: Value
    ciphertext: str | None = field(default=None, repr=False)
    plaintext: str | None = field(default=None, repr=False)
    salt: str | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True)
class ResourceReference:
    """A resource used as a value. `id` is None for a component and UNKNOWN in a preview."""

    urn: str
    id: Value = None
    package_version: str = ""


def make_secret(value: Value) -> Secret:
    """Wrap a value once: a secret stays what it is."""
    return value if isinstance(value, Secret) else Secret(value)


def contains(value: Value, test: Callable[[Value], bool]) -> bool:
    """Whether `test` holds for the value or anything inside it."""
    if test(value):
        return True
    if isinstance(value, Secret):
        return contains(value.element, test)
    if isinstance(value, ResourceReference):
        return contains(value.id, test)
    if isinstance(value, list):
        return any(contains(item, test) for item in value)
    if isinstance(value, dict):
        return any(contains(item, test) for item in value.values())
    return False


def contains_unknown(value: Value) -> bool:
    """Whether anything in the value is unknown."""
    return contains(value, lambda item: item is UNKNOWN)


def contains_secret(value: Value) -> bool:
    """Whether anything in the value is secret."""
    return contains(value, lambda item: isinstance(item, Secret))


def unwrap_secrets(value: Value) -> Value:
    """Return a deep copy without the secret wrappers."""
    if isinstance(value, Secret):
        return unwrap_secrets(value.element)
    if isinstance(value, list):
        return [unwrap_secrets(item) for item in value]
    if isinstance(value, dict):
        return {key: unwrap_secrets(item) for key, item in value.items()}
    return value


def copy(value: Value) -> Value:
    """Return a copy whose lists and dicts can be changed; secrets keep their identity."""
    if isinstance(value, list):
        return [copy(item) for item in value]
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    return value


def deep_equals(left: Value, right: Value) -> bool:
    """Compare two values as the engine does: an absent property equals a null one."""
    if isinstance(left, Secret) or isinstance(right, Secret):
        return (
            isinstance(left, Secret)
            and isinstance(right, Secret)
            and deep_equals(left.element, right.element)
        )
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(deep_equals(a, b) for a, b in zip(left, right, strict=True))
        )
    if isinstance(left, dict):
        return isinstance(right, dict) and all(
            deep_equals(left.get(key), right.get(key)) for key in {*left, *right}
        )
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, ResourceReference) and isinstance(right, ResourceReference):
        return left.urn == right.urn and deep_equals(left.id, right.id)
    if isinstance(right, (list, dict)):
        return False
    return bool(left == right)


def annotate_secrets(outs: Properties | None, ins: Properties | None) -> None:
    """Mark in place what a provider that takes no secrets gave back in the clear.

    An output is secret when the input at the same place is. Objects are matched key by key; anything else
    that holds a secret makes the whole output at its key secret.
    """
    if outs is None or ins is None:
        return
    for key, value in ins.items():
        if key not in outs:
            continue
        out = outs[key]
        if isinstance(out, dict) and isinstance(value, dict):
            annotate_secrets(out, value)
        elif not isinstance(out, Secret) and contains_secret(value):
            outs[key] = Secret(out)


# --- protobuf ------------------------------------------------------------------------------------------------


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Read the properties of an RPC message."""
    return {key: from_proto(value) for key, value in sorted(struct.fields.items())}


def from_proto(value: struct_pb2.Value) -> Value:
    """Read one value of an RPC message.

    Raises:
        Unsupported: the value is an asset or an archive.
    """
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _from_signed(from_struct(value.struct_value))
    if kind == "list_value":
        return [from_proto(item) for item in value.list_value.values]
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWN_STRINGS else value.string_value
    if kind == "number_value":
        return _plain_number(value.number_value)
    if kind == "bool_value":
        return value.bool_value
    return None


def _plain_number(number: float) -> int | float:
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _from_signed(fields: Properties) -> Value:
    signature = fields.get(SIGNATURE)
    if signature is None:
        return fields
    if signature == SECRET_SIGNATURE:
        return make_secret(fields.get("value"))
    if signature == OUTPUT_SIGNATURE:
        value = fields.get("value", UNKNOWN)
        return make_secret(value) if fields.get("secret") else value
    if signature == RESOURCE_SIGNATURE:
        if not isinstance(fields.get("urn"), str):
            raise EmbeddedError("a property value is a reference to a resource, and lacks its `urn`")
        identifier = fields.get("id")
        return ResourceReference(
            fields["urn"], UNKNOWN if identifier == "" else identifier, fields.get("packageVersion") or ""
        )
    if signature in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
        raise Unsupported("an asset or archive as a property value")
    raise EmbeddedError(f"a property value has the signature {signature!r}, which is not known")


def to_struct(
    properties: Mapping[str, Value],
    *,
    keep_secrets: bool = False,
    keep_resources: bool = False,
    keep_unknowns: bool = False,
) -> struct_pb2.Struct:
    """Write properties for an RPC message. What is not kept is unwrapped, unknowns are left out."""
    struct = struct_pb2.Struct()
    _fill_struct(struct, properties, _Kept(keep_secrets, keep_resources, keep_unknowns))
    return struct


class _Kept(NamedTuple):
    secrets: bool
    resources: bool
    unknowns: bool


def _fill_struct(struct: struct_pb2.Struct, properties: Mapping[str, Value], kept: _Kept) -> None:
    for key, value in properties.items():
        if kept.unknowns or not _is_unknown(value):
            _fill(struct.fields[key], value, kept)


def _is_unknown(value: Value) -> bool:
    while isinstance(value, Secret):
        value = value.element
    return value is UNKNOWN


def _fill(target: struct_pb2.Value, value: Value, kept: _Kept) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, list):
        target.list_value.SetInParent()
        for item in value:
            if kept.unknowns or not _is_unknown(item):
                _fill(target.list_value.values.add(), item, kept)
    elif isinstance(value, dict):
        target.struct_value.SetInParent()
        _fill_struct(target.struct_value, value, kept)
    elif isinstance(value, Secret):
        if kept.secrets:
            _fill_struct(target.struct_value, {SIGNATURE: SECRET_SIGNATURE, "value": value.element}, kept)
        else:
            _fill(target, value.element, kept)
    elif value is UNKNOWN:
        target.string_value = UNKNOWN_STRING
    elif isinstance(value, ResourceReference):
        if kept.resources:
            _fill_struct(target.struct_value, _reference_fields(value), kept)
        else:
            _fill(target, value.urn if value.id is None else value.id, kept)
    else:
        raise TypeError(f"not a property value: {type(value).__name__}")


def _reference_fields(reference: ResourceReference) -> Properties:
    fields: Properties = {SIGNATURE: RESOURCE_SIGNATURE, "urn": reference.urn}
    if reference.id is not None:
        fields["id"] = "" if reference.id is UNKNOWN else reference.id
    if reference.package_version:
        fields["packageVersion"] = reference.package_version
    return fields


# --- state ---------------------------------------------------------------------------------------------------


def to_state(value: Value, secret: Callable[[Secret], Any]) -> Any:
    """Turn a value into the JSON that stands for it in state; `secret` writes the secret ones."""
    if isinstance(value, list):
        return [to_state(item, secret) for item in value]
    if isinstance(value, dict):
        return {key: to_state(value[key], secret) for key in sorted(value)}
    if isinstance(value, Secret):
        return secret(value)
    if value is UNKNOWN:
        return UNKNOWN_STRING
    if isinstance(value, ResourceReference):
        return dict(sorted({"packageVersion": "", **_reference_fields(value)}.items()))
    return value


def from_state(value: Any, secret: Callable[[Mapping[str, Any]], Secret]) -> Value:
    """Read a value from the JSON of a state file; `secret` reads the secret ones."""
    if isinstance(value, list):
        return [from_state(item, secret) for item in value]
    if isinstance(value, float):
        return _plain_number(value)
    if isinstance(value, str):
        return UNKNOWN if value == UNKNOWN_STRING else value
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET_SIGNATURE:
        return secret(value)
    return _from_signed({key: from_state(item, secret) for key, item in value.items()})
