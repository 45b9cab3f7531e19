"""The schema of a definition: pydantic models, read off the typed classes, and their errors as findings."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from pulumi_scalekit.auth import Definition
from pulumi_scalekit.payload import Payload, Spec, properties_of

from .finding import Finding
from .keys import UNKNOWN
from .paths import Path, format_path


@functools.cache
def model_of(of: type[Payload]) -> type[BaseModel]:
    """The model of a JSON object: the types and bounds of its properties."""
    members: dict[str, Any] = {
        declared.key: (
            _constrained(_model_type(declared.type), declared.spec),
            ... if declared.is_required else None,
        )
        for declared in properties_of(of)
    }
    # Unknown keys survive: the server keeps patterns as free-form JSON.
    return create_model(of.__name__, __config__=ConfigDict(extra="allow", strict=True), **members)


def _model_type(hint: Any) -> Any:
    """A declared type in the words of pydantic: models for typed classes, `list` and `dict` for what JSON has."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _constrained(_model_type(arguments[0]), arguments[1])
    if origin in (Union, types.UnionType):
        typed = [part for part in arguments if _is_payload(part)]
        parts = typed or [part for part in arguments if part is not type(None)]
        optional = [None] if type(None) in arguments else []
        return Union[(*map(_model_type, parts), *optional)]
    if origin is Sequence:
        return list[_model_type(arguments[0])]  # type: ignore[misc]  # made at run time
    if origin is Mapping:
        return dict[_model_type(arguments[0]), _model_type(arguments[1])]  # type: ignore[misc]
    return model_of(hint) if _is_payload(hint) else hint


def _is_payload(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Payload)


def _constrained(hint: Any, spec: Spec) -> Any:
    bounds = {"min_length": spec.min_length, "max_length": spec.max_length, "pattern": spec.pattern}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return Annotated[hint, Field(**given)] if given else hint  # type: ignore[call-overload]


_SCHEMA_ADVICE: Final[Mapping[str, tuple[str, str]]] = {
    "display_name:string_pattern_mismatch": (
        "may hold only letters, digits and spaces (ASCII), and at least one letter or digit",
        "drop the other characters",
    ),
    "proxy_url:string_pattern_mismatch": (
        "must start with https://",
        "give the upstream's https base URL",
    ),
    "icon_src:string_pattern_mismatch": ("must start with https://", "give an https URL or leave it out"),
    "auth_patterns:too_short": ("needs an entry", "add one authentication pattern"),
    "metadata:too_long": ("may hold at most 20 pairs", "remove some"),
}
_JSON_TYPES: Final[Mapping[type, str]] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    dict: "a mapping",
    list: "a list",
    type(None): "null",
}


def schema_findings(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """What the schema finds wrong, but for values that are not known yet."""
    try:
        model_of(Definition).model_validate(definition)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=True):
            if detail["input"] is UNKNOWN:
                continue
            yield _schema_finding(detail)


def _schema_finding(detail: ErrorDetails) -> Finding:
    # pydantic marks the key of a mapping with "[key]"; the path is then that of the entry.
    key_at_fault = "[key]" in detail["loc"]
    location: Path = tuple(part for part in detail["loc"] if part != "[key]")
    kind = detail["type"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    top = str(location[0]) if location else ""
    if advice := _SCHEMA_ADVICE.get(f"{top}:{kind}") if len(location) == 1 else None:
        message, fix = advice
    elif kind == "missing":
        message, fix = "is required", "add it"
    elif kind in {"string_too_short", "too_short"}:
        minimum = context.get("min_length", 1)
        message = f"must have at least {minimum} character{'s' if minimum != 1 else ''}"
        fix = "give a value" if minimum == 1 else "make it longer"
    elif kind in {"string_too_long", "too_long"}:
        message, fix = f"must have at most {context.get('max_length')} characters", "make it shorter"
    else:
        wanted = {
            "string_type": "a string",
            "bool_type": "true or false",
            "list_type": "a list",
            "dict_type": "a mapping",
            "model_type": "a mapping",
            "model_attributes_type": "a mapping",
        }.get(kind)
        message = f"must be {wanted}" if wanted else "is not valid"
        given = type(detail["input"])
        fix = f"it is {_JSON_TYPES.get(given, f'a {given.__name__}')} now" if wanted else detail["msg"]
    if key_at_fault:
        message = f"has a key that {message}"
    return Finding(
        rule=f"schema-{kind.replace('_', '-')}",
        path=format_path(location),
        message=message,
        fix=fix,
    )
