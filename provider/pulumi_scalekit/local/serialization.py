"""Requests parsed and responses formatted, the way the gRPC gateway in front of Scalekit does it.

JSON names are snake_case; lowerCamelCase is read too. Unknown top-level keys are ignored, as the gateway
does. `auth_patterns` is a protobuf ListValue: free-form JSON whose numbers are doubles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from pulumi_scalekit.definition.check import contract_violations
from pulumi_scalekit.definition.keys import DEFINITION_KEYS
from pulumi_scalekit.definition.normalize import plain

from .errors import InvalidArgument, Violation
from .store import Provider

MAX_DEPTH = 100
"""How deep JSON may be nested. The real limit is not documented; this one is protobuf's own default."""

IDENTIFIER_MAX_LENGTH = 255
_IDENTIFIER = re.compile(r"[a-zA-Z0-9_:-]*")


def parse_json(body: bytes) -> object:
    """Decode a request body; an empty one is an empty object.

    Raises :class:`InvalidArgument` for anything that is not strict JSON in UTF-8.
    """
    if not body:
        return {}
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        _check(value, MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidArgument(f"the body is not valid JSON: {reason}") from None
    return value


def parse_object(body: bytes) -> dict[str, object]:
    """Decode a request body that must be a JSON object, its keys in snake_case."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise InvalidArgument("the body must be a JSON object")
    return {snake_case(key): item for key, item in value.items()}


def parse_payload(body: bytes) -> dict[str, object]:
    """Decode the body of a create or an update: the properties of a definition that are present.

    A null counts as absent. Whether they are valid is for :func:`check_definition` to say.
    """
    given = parse_object(body)
    payload = {key: given[key] for key in DEFINITION_KEYS if given.get(key) is not None}
    if "auth_patterns" in payload:
        payload["auth_patterns"] = _doubles(payload["auth_patterns"])
    return payload


def check_definition(payload: Mapping[str, object]) -> None:
    """Refuse a definition that breaks a rule of the API's contract, with every violation at once."""
    broken = [
        Violation(finding.path, finding.message, finding.rule)
        for finding in contract_violations(plain(payload))
    ]
    if broken:
        raise InvalidArgument("Validation error", broken)


_EMPTY: Mapping[str, object] = {"auth_patterns": [], "proxy_enabled": False, "metadata": {}}
"""What stands for a property that is not set, where that is not an empty string."""


def format_provider(provider: Provider) -> dict[str, object]:
    """Return a provider as responses show it: every field, empty ones too, as the gateway prints them."""
    patterns = provider.payload.get("auth_patterns") or []
    is_mcp = bool(
        isinstance(patterns, list)
        and any(isinstance(pattern, dict) and pattern.get("is_mcp") is True for pattern in patterns)
    )
    return {
        "id": provider.id,
        "identifier": provider.identifier,
        **{key: provider.payload.get(key, _EMPTY.get(key, "")) for key in DEFINITION_KEYS},
        "categories": list(provider.categories),
        "display_priority": 0,
        "coming_soon": False,
        "is_custom": provider.is_custom,
        "is_custom_mcp": provider.is_custom and is_mcp,
    }


def text(given: Mapping[str, object], key: str) -> str:
    """Return a string of a request, empty when it is left out. Raises :class:`InvalidArgument`."""
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{key} is not valid", [Violation(key, "must be a string", "type")])
    return value or ""


def flag(query: Mapping[str, str], key: str) -> bool | None:
    """Return a boolean query parameter; None when it is left out. Raises :class:`InvalidArgument`."""
    value = query.get(key, "")
    if value in ("", "true", "false", "1", "0"):
        return value in ("true", "1") if value else None
    raise InvalidArgument(f"{key} is not valid", [Violation(key, "must be true or false", "type")])


def check_identifier(identifier: str) -> None:
    """Refuse an identifier that the API's pattern does not allow."""
    if len(identifier) > IDENTIFIER_MAX_LENGTH or not _IDENTIFIER.fullmatch(identifier):
        raise InvalidArgument(
            "identifier is not valid",
            [
                Violation(
                    "identifier",
                    f"must match ^{_IDENTIFIER.pattern}$ and have at most {IDENTIFIER_MAX_LENGTH} characters",
                    "string.pattern",
                )
            ],
        )


PROVIDER_TYPES = ("DEFAULT", "CUSTOM", "ALL")


def parse_provider_type(text: str) -> str:
    """Read a `provider_type` filter: a name or its enum number; DEFAULT when empty."""
    if not text:
        return PROVIDER_TYPES[0]
    if re.fullmatch(r"[0-9]{1,10}", text) and int(text) < len(PROVIDER_TYPES):
        return PROVIDER_TYPES[int(text)]
    if text in PROVIDER_TYPES:
        return text
    raise InvalidArgument(
        "provider_type is not valid",
        [
            Violation(
                "filter.provider_type", f"must be one of {', '.join(PROVIDER_TYPES)}", "enum.defined_only"
            )
        ],
    )


def query(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return query parameters with snake_case names; of a repeated one the last counts."""
    return {".".join(snake_case(part) for part in key.split(".")): value for key, value in pairs}


def snake_case(name: str) -> str:
    """Return a JSON name in snake_case: `displayName` and `display_name` mean the same field."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def _doubles(value: object) -> object:
    # A protobuf Struct holds nothing but doubles; its JSON prints the integral ones without a fraction.
    if isinstance(value, dict):
        return {key: _doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        if number in (float("inf"), float("-inf")):
            raise InvalidArgument("auth_patterns contains a number that is out of range")
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
    return value


def _check(value: object, depth: int) -> None:
    """Refuse nesting beyond ``depth`` and text that is not Unicode (lone surrogates)."""
    if depth < 0:
        raise RecursionError
    if isinstance(value, dict):
        for key, item in value.items():
            key.encode()
            _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
    elif isinstance(value, str):
        value.encode()


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not valid JSON")
