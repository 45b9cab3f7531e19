"""Write the package schema of the plugin, from the classes that declare the properties."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import pulumi
from reference import attributes, declaring, described_arguments

from pulumi_scalekit import settings
from pulumi_scalekit._version import __version__
from pulumi_scalekit.auth import AUTH_CLASSES, Auth
from pulumi_scalekit.connection import Connection
from pulumi_scalekit.connector import Connector
from pulumi_scalekit.definition.info import GET_CONNECTORS, ConnectorInfo
from pulumi_scalekit.functions import get_connectors
from pulumi_scalekit.payload import Payload, properties_of
from pulumi_scalekit.provider.plugin import schema

TARGET: Final = Path(schema.__file__).with_name(schema.FILE)
RESOURCES: Final[Mapping[str, type[pulumi.CustomResource]]] = {
    "scalekit:index:Connector": Connector,
    "scalekit:index:Connection": Connection,
}
"""The resources of the package: their types, and the classes that declare their properties."""
_ANY: Final = {"$ref": "pulumi.json#/Any"}
_PLAIN: Final[Mapping[Any, dict[str, Any]]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Any: _ANY,
}
_OPTIONS: Final = frozenset({"opts", "resource_name", "return"})


def build() -> dict[str, Any]:
    """The schema, made from the classes that declare the properties."""
    found: dict[str, dict[str, Any]] = {}
    made = {token: _resource(of, found) for token, of in RESOURCES.items()}
    connectors = {"type": "array", "items": _type(ConnectorInfo, found)}
    variables = _settings()
    return {
        "name": "scalekit",
        "displayName": "Scalekit",
        "version": __version__,
        "description": "Scalekit custom connectors as code.",
        "keywords": ["pulumi", "scalekit", "mcp", "connectors"],
        "license": "Apache-2.0",
        "language": {
            # `pulumi_scalekit` is the package that this module belongs to.
            "python": {"packageName": "pulumi_scalekit_native", "pyproject": {"enabled": True}},
            "nodejs": {"packageName": "pulumi-scalekit", "respectSchemaVersion": True},
        },
        "config": {"variables": variables},
        "provider": {"description": "One Scalekit environment.", "inputProperties": variables},
        "types": dict(sorted(found.items())),
        "resources": made,
        "functions": {
            GET_CONNECTORS: {
                "description": _summary(get_connectors),
                "outputs": {"properties": {"connectors": connectors}, "required": ["connectors"]},
            }
        },
    }


def _settings() -> dict[str, dict[str, Any]]:
    """The provider's settings, by the names that they have in a stack's configuration."""
    made: dict[str, dict[str, Any]] = {
        "environmentUrl": {"type": "string", "description": "The environment's base URL."},
        "clientId": {"type": "string", "description": "The API client's id."},
        "clientSecret": {"type": "string", "description": "The API client's secret.", "secret": True},
        "formerEnvironmentUrl": {
            "type": "string",
            "description": "The URL by which this environment was known before.",
        },
    }
    for number in settings.NUMBERS:
        made[number.key] = {**_PLAIN[type(number.default)], "description": number.meaning}
    for flag in settings.FLAGS:
        made[flag.key] = {**_PLAIN[bool], "description": flag.meaning}
    return made


def _resource(of: type[pulumi.CustomResource], found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A resource: its inputs are the constructor's arguments, its outputs the class's annotations."""
    written = {name: said.text for by in declaring(of) for name, said in attributes(by).items()}
    arguments = described_arguments(of.__init__.__doc__ or "")
    declared = {name: hint for by in declaring(of) for name, hint in _hints(by).items()}
    outputs = {
        name: {**_type(_unwrapped(hint), found), **_described(written.get(name))}
        for name, hint in declared.items()
        if get_origin(hint) is pulumi.Output
    }
    hints = {
        name: hint
        for name, hint in _hints(of.__init__).items()
        if name not in _OPTIONS and not name.startswith("_")
    }
    inputs = {
        name: {**_type(hint, found), **_described(arguments.get(name) or written.get(name))}
        for name, hint in hints.items()
    }
    parameters = inspect.signature(of.__init__).parameters
    required = [name for name in inputs if parameters[name].default is inspect.Parameter.empty]
    return {
        "description": _summary(of),
        "inputProperties": inputs,
        "requiredInputs": required,
        "properties": {**inputs, **outputs},
        "required": [name for name, hint in declared.items() if name in outputs and not _is_optional(hint)],
    }


def _type(hint: Any, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A type in the words of the schema; the object types that it mentions are added to `found`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(arguments[0], found)
    if origin in (Union, types.UnionType):
        parts = [part for part in arguments if part is not type(None)]
        objects = [part for part in parts if _is_object(part)]
        if objects:
            # Beside a typed class stands the plain mapping.
            return _type(objects[0], found)
        members = list(
            {json.dumps(member): member for member in (_type(part, found) for part in parts)}.values()
        )
        return members[0] if len(members) == 1 else {"oneOf": members}
    if origin in (list, tuple, Sequence):
        return {"type": "array", "items": _type(arguments[0], found)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _type(arguments[1], found)}
    if isinstance(hint, type) and issubclass(hint, pulumi.CustomResource):
        return _PLAIN[str]
    if _is_object(hint):
        return {"$ref": f"#/types/{_object(hint, found)}"}
    return _PLAIN.get(hint, _ANY)


def _is_object(hint: Any) -> bool:
    return isinstance(hint, type) and (issubclass(hint, Payload) or dataclasses.is_dataclass(hint))


def _object(of: type[Any], found: dict[str, dict[str, Any]]) -> str:
    """The name of an object type, after it has been added to `found`."""
    token = f"scalekit:index:{of.__name__}"
    if token in found:
        return token
    properties: dict[str, Any] = {}
    found[token] = {
        "type": "object",
        "description": _summary(of),
        "properties": properties,
    }
    written = {name: declared.text for name, declared in attributes(of).items()}
    if not issubclass(of, Payload):
        for name, hint in _hints(of).items():
            properties[name] = {**_type(hint, found), **_described(written.get(name))}
        if "client_secret" in properties:
            properties["client_secret"]["secret"] = True
        found[token]["required"] = [
            field.name
            for field in dataclasses.fields(of)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        return token
    declared = properties_of(of)
    for one in declared:
        properties[one.key] = {**_type(one.type, found), **_described(written.get(one.attribute))}
        if one.spec.is_immutable:
            properties[one.key]["replaceOnChanges"] = True
    if of is Auth:
        values = [{"value": auth.TYPE, "description": _summary(auth)} for auth in AUTH_CLASSES]
        found["scalekit:index:AuthType"] = {"type": "string", "enum": values}
        properties["type"] |= {"$ref": "#/types/scalekit:index:AuthType"}
        del properties["type"]["type"]
    found[token]["required"] = [one.key for one in declared if one.is_required]
    return token


# --- What the source says -------------------------------------------------------------------------------------


class _Same:
    """Stands for `pulumi.Input` where annotations are read: `Input[T]` is `T`."""

    def __class_getitem__(cls, item: Any) -> Any:
        return item


def _hints(of: Any) -> dict[str, Any]:
    """The types of a function's arguments, or of the attributes that a class itself declares."""
    own = types.SimpleNamespace(
        __annotations__=vars(of).get("__annotations__", {}) if isinstance(of, type) else of.__annotations__
    )
    names = types.SimpleNamespace(Input=_Same, Output=pulumi.Output, ResourceOptions=pulumi.ResourceOptions)
    module = vars(sys.modules[of.__module__])
    return get_type_hints(own, globalns=module, localns={"pulumi": names}, include_extras=True)


def _unwrapped(output: Any) -> Any:
    return get_args(output)[0]


def _is_optional(output: Any) -> bool:
    return type(None) in get_args(_unwrapped(output))


def _summary(of: Any) -> str:
    """The first paragraph of a docstring."""
    return " ".join((inspect.getdoc(of) or "").partition("\n\n")[0].split())


def _described(text: str | None) -> dict[str, str]:
    return {"description": text} if text else {}


def text() -> str:
    """The whole file."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    print(f"wrote {TARGET}", file=sys.stderr)
