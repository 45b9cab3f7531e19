"""Requests parsed and answers formatted, the way the gRPC gateway in front of Scalekit does it.

JSON names are snake_case; lowerCamelCase is read too. Unknown top-level keys are ignored, as the gateway
does. `auth_patterns` is a protobuf ListValue: free-form JSON whose numbers are doubles.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from pulumi_scalekit.definition.check import contract_violations

from .errors import InvalidArgument, Violation
from .store import Provider

Kind = Literal["string", "bool", "list", "map"]

PAYLOAD: Mapping[str, Kind] = {
    "display_name": "string",
    "description": "string",
    "auth_patterns": "list",
    "proxy_url": "string",
    "proxy_enabled": "bool",
    "icon_src": "string",
    "metadata": "map",
}
"""The fields of a definition as they go over the wire, with their protobuf kinds."""

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
    """Decode the body of a create or an update: the known fields that are present, types checked.

    A null counts as absent. Raises :class:`InvalidArgument` with one violation for each field of a
    wrong type.
    """
    given = parse_object(body)
    payload: dict[str, object] = {}
    violations = []
    for name, kind in PAYLOAD.items():
        value = given.get(name)
        if value is None:
            continue
        if _is_kind(value, kind):
            payload[name] = _doubles(value) if kind == "list" else value
        else:
            wanted = {"string": "a string", "bool": "a boolean", "list": "a list", "map": "a map of strings"}
            violations.append(Violation(name, f"must be {wanted[kind]}", "type"))
    if violations:
        raise InvalidArgument("the definition does not have the right types", violations)
    return payload


def check_definition(payload: Mapping[str, object]) -> None:
    """Refuse a definition that breaks a rule of the API's contract, with every violation at once."""
    broken = [
        Violation(finding.path, finding.message, finding.rule) for finding in contract_violations(payload)
    ]
    if broken:
        raise InvalidArgument(f"validation failed: {_count(len(broken), 'violation')}", broken)


def format_provider(provider: Provider) -> dict[str, object]:
    """Return a provider as answers show it: every field, empty ones too, as the gateway prints them."""
    patterns = provider.payload.get("auth_patterns") or []
    is_mcp = bool(
        isinstance(patterns, list)
        and any(isinstance(pattern, dict) and pattern.get("is_mcp") is True for pattern in patterns)
    )
    return {
        "id": provider.id,
        "identifier": provider.identifier,
        "display_name": provider.payload.get("display_name", ""),
        "description": provider.payload.get("description", ""),
        "categories": list(provider.categories),
        "auth_patterns": patterns,
        "icon_src": provider.payload.get("icon_src", ""),
        "display_priority": 0,
        "coming_soon": False,
        "proxy_url": provider.payload.get("proxy_url", ""),
        "proxy_enabled": provider.payload.get("proxy_enabled", False),
        "is_custom": provider.is_custom,
        "is_custom_mcp": provider.is_custom and is_mcp,
        "metadata": provider.payload.get("metadata", {}),
    }


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
    if text.isascii() and text.isdigit() and int(text) < len(PROVIDER_TYPES):
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


def parse_page_size(text: str, *, default: int, maximum: int) -> int:
    """Read `page_size`: 0 and none mean the default, larger ones are cut to the maximum."""
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) < 2**32):
        raise InvalidArgument(
            "page_size is not valid", [Violation("page_size", "must be an unsigned number", "uint32")]
        )
    return min(int(text), maximum) or default


Direction = Literal["after", "before"]


def page_token(direction: Direction, seq: int) -> str:
    """Return the opaque token of the page after, or before, the row ``seq``."""
    return base64.urlsafe_b64encode(f"{direction}:{seq}".encode()).decode().rstrip("=")


def parse_page_token(token: str) -> tuple[Direction, int]:
    """Read a token made by :func:`page_token`; none is the first page."""
    if not token:
        return "after", 0
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        direction, _, seq = text.partition(":")
        number = int(seq)
    except (ValueError, binascii.Error):
        direction, number = "", 0
    if direction == "after":
        return "after", number
    if direction == "before":
        return "before", number
    raise InvalidArgument(
        "page_token is not valid", [Violation("page_token", "must come from an earlier answer", "page_token")]
    )


class _Row(Protocol):
    @property
    def seq(self) -> int: ...


Row = TypeVar("Row", bound=_Row)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list, with the tokens of its neighbours; an empty token means there is none."""

    items: Sequence[Row]
    next_token: str
    previous_token: str
    total: int

    def as_json(self) -> dict[str, object]:
        """Return what every list answers beside its items."""
        return {
            "next_page_token": self.next_token,
            "total_size": self.total,
            "prev_page_token": self.previous_token,
        }


def paginate(found: Sequence[Row], token: str, size: int) -> Page[Row]:
    """Cut the page that a token names out of rows in ascending order."""
    direction, seq = parse_page_token(token)
    if direction == "after":
        start = next((at for at, row in enumerate(found) if row.seq > seq), len(found))
        end = start + size
    else:
        end = next((at for at, row in enumerate(found) if row.seq >= seq), len(found))
        start = max(0, end - size)
    items = found[start:end]
    return Page(
        items,
        page_token("after", items[-1].seq) if items and end < len(found) else "",
        page_token("before", items[0].seq) if items and start > 0 else "",
        len(found),
    )


def query(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return query parameters with snake_case names; of a repeated one the last counts."""
    return {".".join(snake_case(part) for part in key.split(".")): value for key, value in pairs}


def snake_case(name: str) -> str:
    """Return a JSON name in snake_case: `displayName` and `display_name` mean the same field."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def _is_kind(value: object, kind: Kind) -> bool:
    if kind == "map":
        return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return isinstance(value, {"string": str, "bool": bool, "list": list}[kind])


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
            raise InvalidArgument("auth_patterns holds a number that is out of range")
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
    raise ValueError(f"{name} is not JSON")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
