"""From the bytes of an answer to JSON that can be worked with, and to the error that it reports.

A server's words are unmanaged' words: before they are shown they become one printable line of bounded length, so
that they can neither drive a terminal nor fill it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeAlias

from pulumi_scalekit.errors import (
    ApiError,
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    Unauthenticated,
    Violation,
)

Attributes: TypeAlias = dict[str, Any]
"""A JSON object as the server answered it."""

MAX_DEPTH: Final = 100
"""Levels of nesting in an answer at most. Definitions have fewer than ten."""
MAX_TEXT: Final = 500
"""Characters of a server's message that are shown at most."""
_WORD = r"[\w.:/+=%~-]+"


def parse_json(content: bytes) -> Any:
    """Read JSON, more strictly than Python does: what Pulumi could not carry either is refused here.

    Raises:
        ValueError: It is no JSON, nests deeper than `MAX_DEPTH`, holds a number beyond a double's range, or
            text that is no Unicode.
    """
    try:
        value = json.loads(content, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_in_range)
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    # What has no more brackets than that cannot nest deeper, and most answers have fewer.
    if content.count(b"{") + content.count(b"[") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise ValueError("it nests too deeply")
    if b"\\u" in content:
        # Half of a surrogate pair, escaped, is the one text that JSON can hold and UTF-8 cannot.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def depth(value: Any) -> int:
    """How many levels of mappings and lists a JSON value has, up to a few more than `MAX_DEPTH`."""
    levels, level = 0, [value]
    while level and levels <= MAX_DEPTH:
        inside = [
            item.values() if isinstance(item, dict) else item
            for item in level
            if isinstance(item, (dict, list))
        ]
        level = [item for items in inside for item in items]
        levels += bool(inside)
    return levels


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is out of range")
    return number


def _in_range(text: str) -> int:
    _finite(text)
    return int(text)


def printable(value: object, *, most: int = MAX_TEXT) -> str:
    """One printable line of bounded length from whatever a server said; "" from what is no text."""
    if not isinstance(value, str):
        return ""
    line = "".join(char if char.isprintable() else " " for char in value[: 4 * most])
    line = " ".join(line.split())
    if len(value) <= 4 * most and len(line) <= most:
        return line
    # Never cut inside a word: half of a secret value would not be recognised as one.
    return re.sub(f"{_WORD}$", "", line[:most]).rstrip() + "…"


_ERRORS: Final[Mapping[int, type[ApiError]]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    408: ServerError,
    409: Conflict,
    429: RateLimited,
}


def api_error(
    action: str,
    status: int,
    headers: Mapping[str, str],
    answer: object,
    redact: Callable[[str], str] = str,
) -> ApiError:
    """The error for an answer of any shape: gRPC-gateway's, OAuth's, or none at all.

    Args:
        action: What was being done, for the message.
        status: The HTTP status.
        headers: The answer's headers, by lower-case names.
        answer: The parsed body, or `None`.
        redact: Takes what must stay secret out of a server's words, which may repeat what was sent.
    """

    def text(value: object) -> str:
        return printable(redact(value)) if isinstance(value, str) else ""

    body = _map(answer)
    detail = text(body.get("message")) or text(body.get("error_description")) or text(body.get("error"))
    code, request_id = "", text(headers.get("x-request-id"))
    violations: list[Violation] = []
    permissions: list[str] = []
    for item in _list(body.get("details"))[:20]:
        info = _map(item)
        code = code or text(info.get("error_code"))
        request_id = text(_map(info.get("request_info")).get("request_id")) or request_id
        violations += [
            Violation(text(_map(v).get("field")), text(_map(v).get("description")))
            for v in _list(_map(info.get("validation_error_info")).get("field_violations"))[:50]
        ]
        permissions += [
            text(p) for p in _list(_map(info.get("resource_info")).get("required_permissions"))[:20]
        ]
    kind = _ERRORS.get(status, ServerError if status >= 500 else ApiError)
    return kind(
        action,
        status=status,
        detail=detail,
        error_code=code,
        request_id=request_id,
        violations=[v for v in violations if v.field or v.description][:50],
        required_permissions=[p for p in permissions if p][:20],
        retry_after=retry_after(headers),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a `Retry-After` header asks for, in either form of RFC 9110; `None` without a usable one."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", value):
        return float(value)
    until = _date(value)
    if until is None:
        return None
    # The server's own clock counts, where it says what time it has.
    now = _date(headers.get("date", ""))
    return max(0.0, until - (time.time() if now is None else now))


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
