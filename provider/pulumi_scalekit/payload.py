"""JSON objects of the payload as typed classes.

A class of `Payload` is the one declaration of its properties: the name, the type and the default of each are those
of a dataclass field, its bounds stand beside the type as a `Spec`, and what it is says the docstring below it.
All else is read off that by `properties_of`: the checks, the normal form, code generation, the reference, the JSON
Schema, and what the local server takes.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import pulumi

from .arguments import ArgumentsChecked, argument_error

JsonObject: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str | int, ...]
Kind = Literal["string", "bool", "list", "map", "object"]
"""What a property holds. A map has keys that the user chooses, an object those of a `Payload` class."""


@dataclass(frozen=True)
class Spec:
    """What is known of a property beyond its type; stands in `Annotated[type, Spec(...)]`.

    Source of the bounds: the field constraints of the official Python SDK 2.21.
    """

    min_length: int | None = None
    """The minimum of characters, or of entries."""
    max_length: int | None = None
    """The maximum of characters, or of entries."""
    pattern: str | None = None
    """A regular expression that a string must match."""
    known_values: tuple[str, ...] = ()
    """The values that are documented, where others may come."""
    key: str = ""
    """The key in the payload, where it is not the attribute's name."""
    is_immutable: bool = False
    """Whether Scalekit cannot change it in place."""
    is_url: bool = False
    """Whether it is a URL."""


@dataclass(frozen=True)
class Property:
    """A property of a JSON object, read off its class."""

    attribute: str
    """Its name in Python."""
    key: str
    """Its name in the payload."""
    kind: Kind
    of: type[Payload] | None
    """The class of the object, or of the objects in the list or the map."""
    is_required: bool
    is_constant: bool
    """Whether the class decides its value."""
    default: Any
    spec: Spec
    type: Any
    """Its type without Pulumi's `Input`."""

    @property
    def empty(self) -> Any:
        """What it means that the property is absent."""
        return self.default or {"string": "", "bool": False, "list": [], "map": {}, "object": {}}[self.kind]


@dataclass(frozen=True)
class Payload(ArgumentsChecked):
    """A JSON object of the payload: what all the classes here have in common.

    Raises:
        ArgumentError: An argument is missing, is of the wrong kind, or does not exist.
    """

    IDENTITY: ClassVar[str] = ""
    """The key that tells the objects of a list apart; "" where their position does."""

    def __post_init__(self) -> None:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        check_values(type(self), type(self).__name__, values)
        for name, value in values.items():
            # What is awaited can be awaited once, and this object may be used more often.
            object.__setattr__(self, name, reusable(value))

    def to_payload(self) -> dict[str, Any]:
        """The JSON object: attributes that are `None` left out, `extra` merged in."""
        payload: dict[str, Any] = {}
        for declared in properties_of(type(self)):
            value = getattr(self, declared.attribute)
            if value is not None:
                payload[declared.key] = to_payload(value)
        return {**payload, **to_payload(getattr(self, "extra", None) or {})}


def check_values(of: type[Payload], called: str, values: Mapping[str, Any]) -> None:
    """Refuse values that cannot be those of an object's properties, as far as a program can be told at once.

    Args:
        of: The class of the object.
        called: What the user called with these values.
        values: The values, by the properties' attributes.

    Raises:
        ArgumentError: A value is of the wrong kind; the message says what to write.
    """
    for declared in properties_of(of):
        if not declared.is_constant and (wrong := what_is_wrong(declared, values.get(declared.attribute))):
            raise argument_error(f"{called}({declared.attribute}=...) {wrong}")


def to_payload(value: Any) -> Any:
    """Replace typed objects by their JSON objects, at any depth, inside outputs and awaitables too."""
    if isinstance(value, Payload):
        return value.to_payload()
    if isinstance(value, pulumi.Output):
        return value.apply(to_payload)
    if isinstance(value, Awaitable):
        return pulumi.Output.from_input(value).apply(to_payload)
    if isinstance(value, Mapping):
        return {key: to_payload(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_payload(item) for item in value]
    return value


async def written_paths(value: Any, path: Path = (), written: Path = ()) -> list[tuple[Path, Path]]:
    """The paths that a program wrote otherwise than the payload has them: an argument of another name, and `extra`.

    Args:
        value: What the program wrote, with nothing in it that can be awaited only once (see `reusable`).
        path: Its path in the payload.
        written: Its path in the program.

    Returns:
        Pairs of a path in the payload and that in the program. What is not known yet has none.
    """
    if isinstance(value, pulumi.Output):
        value = await value.future()
    if isinstance(value, Payload):
        found = []
        for declared in properties_of(type(value)):
            below = (*path, declared.key), (*written, declared.attribute)
            item = None if declared.is_constant else getattr(value, declared.attribute)
            if item is not None and declared.attribute != declared.key:
                found.append(below)
            found += await written_paths(item, *below)
        further = getattr(value, "extra", None) or {}
        return found + [((*path, key), (*written, "extra", key)) for key in further]
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    return [
        pair for step, item in items for pair in await written_paths(item, (*path, step), (*written, step))
    ]


def reusable(value: Any) -> Any:
    """A value in which what can be awaited only once is an output, at any depth."""
    if isinstance(value, (pulumi.Output, Payload)):
        return value
    if isinstance(value, Awaitable):
        return pulumi.Output.from_input(value)
    if isinstance(value, Mapping):
        return {key: reusable(item) for key, item in value.items()}
    return [reusable(item) for item in value] if isinstance(value, (list, tuple)) else value


# --- What is wrong with an argument -------------------------------------------------------------------------


def what_is_wrong(declared: Property, value: Any) -> str:
    """What keeps a value from being that of a property, as far as its kind tells; "" for nothing.

    The words complete the name of the argument: "takes a list, not a Field: write fields=[...]".
    """
    if value is None or _is_later(value):
        return ""
    if declared.kind == "list":
        return _wrong_list(declared, value)
    if declared.kind == "map" and not isinstance(value, Mapping):
        return f"takes a dict, not {_a(value)}"
    if declared.kind == "map" and declared.of is not None:
        return next(filter(None, (_wrong_object(declared.of, item) for item in value.values())), "")
    if declared.kind == "object" and declared.of is not None:
        return _wrong_object(declared.of, value)
    if declared.kind in ("string", "bool") and isinstance(value, (Payload, Mapping, list, tuple)):
        return f"takes a {declared.kind}, not {_a(value)}"
    return ""


def _wrong_list(declared: Property, value: Any) -> str:
    if isinstance(value, (Payload, Mapping, str)):
        return f"takes a list, not {_a(value)}: write {declared.attribute}=[...]"
    if not isinstance(value, (list, tuple)):
        if isinstance(value, Iterable):
            return f"takes a list, not {_a(value)}: write {declared.attribute}=list(...)"
        return f"takes a list, not {_a(value)}"
    if declared.of is None:
        return ""
    return next(filter(None, (_wrong_object(declared.of, item) for item in value)), "")


def _wrong_object(of: type[Payload], value: Any) -> str:
    if _is_later(value) or isinstance(value, (of, Mapping)):
        return ""
    names = ", ".join(f"{kind.__name__}(...)" for kind in of.__subclasses__() or [of])
    if isinstance(value, type):
        return f"has the class {value.__name__}: make an object, {value.__name__}(...)"
    return f"has {_a(value)} where {names} or a dict belongs"


def _is_later(value: Any) -> bool:
    return isinstance(value, (pulumi.Output, Awaitable))


def _a(value: Any) -> str:
    name = {"str": "string", "NoneType": "None"}.get(type(value).__name__, type(value).__name__)
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


# --- What a class declares ----------------------------------------------------------------------------------


class _Input:
    """Stands for `pulumi.Input` where annotations are read: `Input[T]` is `T`."""

    def __class_getitem__(cls, item: Any) -> Any:
        return item


_AS_VALUES: Final = {"pulumi": types.SimpleNamespace(Input=_Input)}


@functools.cache
def properties_of(of: type[Payload]) -> tuple[Property, ...]:
    """The properties of a JSON object in the documentation's order, those of its base classes first.

    A class variable with a `Spec` is a property whose value the class decides.

    Example:
        >>> [p.key for p in properties_of(Mutation)]
        ['prefix', 'suffix', 'default']
    """
    fields = {field.name: field for field in dataclasses.fields(of)}
    found = []
    for name, hint in get_type_hints(of, localns=_AS_VALUES, include_extras=True).items():
        is_constant = get_origin(hint) is ClassVar
        if name == "extra" or (is_constant and get_origin(get_args(hint)[0]) is not Annotated):
            continue
        hint = get_args(hint)[0] if is_constant else hint
        spec = Spec()
        if get_origin(hint) is Annotated:
            hint, spec = get_args(hint)
        default = dataclasses.MISSING if is_constant else fields[name].default
        kind, inner = _kind_of(hint)
        found.append(
            Property(
                attribute=name,
                key=spec.key or name,
                kind=kind,
                of=inner,
                is_constant=is_constant,
                is_required=default is dataclasses.MISSING,
                default=None if default is dataclasses.MISSING else default,
                spec=spec,
                type=hint,
            )
        )
    return tuple(found)


@functools.cache
def properties_by_key(of: type[Payload]) -> Mapping[str, Property]:
    """The properties of a JSON object by their keys in the payload."""
    return {declared.key: declared for declared in properties_of(of)}


def _kind_of(hint: Any) -> tuple[Kind, type[Payload] | None]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _kind_of(arguments[0])
    if origin in (Union, types.UnionType):
        # Beside a typed class stands the plain mapping, and `None`.
        kinds = [_kind_of(part) for part in arguments if part is not type(None)]
        return next((kind for kind in kinds if kind[1] is not None), kinds[0])
    if origin is Sequence:
        return "list", _kind_of(arguments[0])[1]
    if origin is Mapping:
        return "map", _kind_of(arguments[1])[1]
    if isinstance(hint, type) and issubclass(hint, Payload):
        return "object", hint
    plain: dict[Any, Kind] = {str: "string", bool: "bool"}
    return plain.get(hint, "map"), None
