"""From the bytes of a response to JSON that can be worked with, or to the error that it reports."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pulumi_scalekit.definition.normalize import mapping, mappings, plain
from pulumi_scalekit.errors import (
    CHECK_URL,
    ApiError,
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Redirected,
    ServerError,
    Unauthenticated,
    Unrouted,
    Violation,
)
from pulumi_scalekit.redaction import printable

if TYPE_CHECKING:
    import httpx

Attributes: TypeAlias = dict[str, Any]
"""A JSON object as the server returned it."""

MAX_DEPTH: Final = 100
"""Levels of nesting in a response at most. Definitions have fewer than ten."""
MAX_VALUES: Final = 2_000_000
"""JSON values in a response at most: a thousand large connectors have fewer, and reading takes about two seconds."""


def read_response(
    action: str, where: str, response: httpx.Response, content: bytes, redact: Callable[[str], str]
) -> Attributes:
    """The JSON object of a response; `{}` where a success has no body.

    Args:
        action: What was being done, for messages.
        where: The environment's URL, for messages.
        response: The response: its status and headers.
        content: Its body.
        redact: As in `api_error`.

    Raises:
        ApiError: The status reports a failure.
        Redirected: The response points elsewhere.
        ProtocolError: The body is not a JSON object that Pulumi could carry.
    """
    status = response.status_code
    if 300 <= status < 400:
        raise Redirected(
            f"{action} failed: {where} redirects elsewhere (HTTP {status}), which is not "
            "followed. Set SCALEKIT_ENVIRONMENT_URL to the environment's own URL"
        )
    try:
        value = parse_json(content) if content.strip() else {}
    except ValueError:
        value = None
    if not response.is_success:
        raise api_error(action, status, response.headers, value, redact)
    if not isinstance(value, dict):
        error = ProtocolError(
            f"{action} failed: {where} returned HTTP {status} with something that is not a usable JSON object. "
            f"{CHECK_URL}"
        )
        error.accepted = True
        raise error
    return value


def parse_json(content: bytes) -> Any:
    """Read JSON, more strictly than Python does: what Pulumi could not carry either is refused here.

    Raises:
        ValueError: It is not valid JSON, nests deeper than `MAX_DEPTH`, has more than `MAX_VALUES` values, a
            number beyond a double's range, or text that is not valid Unicode.
    """
    # Each value but the first comes after one of these. A count is quick; small values take fifty times their size.
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MAX_VALUES:
        raise ValueError("it has too many values")
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_in_range)
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    # What has no more brackets than that cannot nest deeper, and most responses have fewer.
    if content.count(b"{") + content.count(b"[") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise ValueError("it nests too deeply")
    if b"\\u" in content:
        # Half of a surrogate pair, escaped, is the one text that JSON can hold and UTF-8 cannot.
        json.dumps(value, ensure_ascii=False).encode()
    return plain(value)


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
    value: object,
    redact: Callable[[str], str] = str,
) -> ApiError:
    """The error for a response of any shape: gRPC-gateway's, Tool Proxy's, OAuth's, or none at all.

    Args:
        action: What was being done, for the message.
        status: The HTTP status.
        headers: The response's headers, by lower-case names.
        value: The parsed body, or `None`.
        redact: Takes what must stay secret out of a server's words, which may repeat what was sent.
    """

    def text(said: object) -> str:
        return printable(redact(said)) if isinstance(said, str) else ""

    body = mapping(value)
    words = (text(body.get(key)) for key in ("message", "detail", "error_description", "error"))
    detail = next(filter(None, words), "")
    # Tool Proxy's errors have their code, a word, where the gateway's have gRPC's, a number.
    code, request_id = text(body.get("code")), text(headers.get("x-request-id"))
    violations: list[Violation] = []
    permissions: list[str] = []
    for info in mappings(body.get("details"))[:20]:
        code = code or text(info.get("error_code"))
        request_id = text(mapping(info.get("request_info")).get("request_id")) or request_id
        violations += [
            Violation(text(violation.get("field")), text(violation.get("description")))
            for violation in mappings(mapping(info.get("validation_error_info")).get("field_violations"))[:50]
        ]
        required = mapping(info.get("resource_info")).get("required_permissions")
        permissions += map(text, required[:20] if isinstance(required, list) else [])
    kind = _ERRORS.get(status, ServerError if status >= 500 else ApiError)
    if kind is NotFound and not isinstance(body.get("code"), int):
        kind = Unrouted
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
