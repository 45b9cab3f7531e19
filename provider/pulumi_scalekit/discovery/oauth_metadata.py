"""Where the metadata of protected resources and of authorization servers is, and what a challenge says about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from pulumi_scalekit.definition.urls import HEADER_NAME


@dataclass(frozen=True)
class Challenge:
    """One challenge of a `WWW-Authenticate` header (RFC 9110, section 11.6.1)."""

    scheme: str
    """In lower case."""
    parameters: Mapping[str, str]
    """By name in lower case."""


_TOKEN: Final = HEADER_NAME.pattern
# Double quotes are the standard's; servers write single ones, and none around URLs, as well.
_PARAMETER: Final = re.compile(
    rf"""\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s,"']+))\s*(?:,|$)""",
)
_SCHEME: Final = re.compile(rf"\s*({_TOKEN})(?:\s+|\s*(?:,|$))")


def parse_challenges(values: list[str]) -> list[Challenge]:
    """The challenges of `WWW-Authenticate` headers. What follows a syntax error is left out."""
    found: list[Challenge] = []
    for value in values:
        position = 0
        parameters: dict[str, str] | None = None
        while position < len(value):
            match = _PARAMETER.match(value, position)
            if match and parameters is not None:
                quoted = match.group(2)
                text = (
                    re.sub(r"\\(.)", r"\1", quoted)
                    if quoted is not None
                    else match.group(3) or match.group(4) or ""
                )
                parameters.setdefault(match.group(1).lower(), text)
            elif match is None and (match := _SCHEME.match(value, position)):
                parameters = {}
                found.append(Challenge(match.group(1).lower(), parameters))
            else:
                break
            position = match.end()
    return found


def origin(url: str) -> str:
    """The scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def well_known(url: str, suffix: str) -> list[str]:
    """Where metadata of a resource is (RFC 9728, section 3.1): its path inserted, then at the root."""
    path = urlsplit(url).path.rstrip("/")
    inserted = f"{origin(url)}/.well-known/{suffix}{path}"
    return list(dict.fromkeys([inserted, f"{origin(url)}/.well-known/{suffix}"]))


def authorization_metadata_urls(issuer: str) -> list[str]:
    """Where metadata of an authorization server is, in the order of the MCP specification.

    Empty where the issuer is not a URL.

    RFC 8414, section 3.1 inserts the issuer's path behind the well-known one; OpenID Connect discovery appends the
    well-known one to it, and is looked for in both ways.
    """
    try:
        path = urlsplit(issuer).path.rstrip("/")
    except ValueError:
        return []
    root = origin(issuer)
    if not path:
        return [f"{root}/.well-known/oauth-authorization-server", f"{root}/.well-known/openid-configuration"]
    return [
        f"{root}/.well-known/oauth-authorization-server{path}",
        f"{root}/.well-known/openid-configuration{path}",
        f"{root}{path}/.well-known/openid-configuration",
    ]


def covers(resource: str, url: str) -> bool:
    """Whether a resource identifier is that of a server: the same origin, and its path or one above.

    RFC 9728 asks for the same identifier; MCP lets a server be known by a less specific one.
    """
    try:
        ours, theirs = urlsplit(url), urlsplit(resource)
        if (ours.scheme, ours.hostname, _port(ours)) != (
            theirs.scheme.lower(),
            theirs.hostname,
            _port(theirs),
        ):
            return False
    except ValueError:
        return False
    path = theirs.path.rstrip("/")
    return ours.path.rstrip("/") == path or ours.path.startswith(f"{path}/")


def _port(parts: Any) -> int | None:
    port: int | None = parts.port
    return port if port is not None else {"https": 443, "http": 80}.get(parts.scheme)
