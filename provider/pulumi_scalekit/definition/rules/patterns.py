"""Rules about a pattern as a whole: its type, OAuth configuration, MCP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from ..finding import Finding
from ..keys import AUTH_TYPES, CATALOGUE_TYPES, FIELD_KEYS, UNKNOWN
from ..paths import Path, format_path
from .rule import rule
from .shapes import patterns, type_of

_MCP_URL: Final = re.compile(r"(?i)https://(mcp\.|[^/?#]*/(?:[^?#]*/)?mcp/?(?:[?#]|$))")


@rule("one-auth-pattern", contract=True)
def one_auth_pattern(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A connector has exactly one auth pattern: the list is there for later versions of the API."""
    listed = definition.get("auth_patterns")
    if isinstance(listed, list) and len(listed) > 1:
        yield Finding(
            "one-auth-pattern",
            "auth_patterns",
            f"has {len(listed)} patterns, and Scalekit takes exactly one",
            "make one connector for each way to authenticate",
        )


@rule("auth-type", contract=True)
def auth_type(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """`type` is OAUTH, BASIC, BEARER, API_KEY or NO_AUTH; other types of the catalogue are warned about."""
    for where, pattern in patterns(definition):
        name = type_of(pattern)
        if not name or name in AUTH_TYPES:
            continue
        path = format_path((*where, "type"))
        if name in CATALOGUE_TYPES:
            yield Finding(
                "auth-type",
                path,
                "is a type of Scalekit's own catalogue that is not documented for custom connectors",
                "expect that it cannot be created or changed by the API",
                severity="warning",
            )
            continue
        close = get_close_matches(name.upper().replace("-", "_").replace(" ", "_"), AUTH_TYPES, 1, 0.5)
        yield Finding(
            "auth-type",
            path,
            "is not an auth type of Scalekit",
            f"did you mean {close[0]}?" if close else f"use one of {', '.join(AUTH_TYPES)}",
        )


@rule("oauth-config-missing", "oauth-config-unexpected", "oauth-endpoint-missing", "mcp-oauth-config")
def oauth_config(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """`oauth_config` stands exactly where it belongs: OAUTH has one, with endpoints; over MCP with PKCE at most."""
    for where, pattern in patterns(definition):
        kind, config = type_of(pattern), pattern.get("oauth_config")
        path = (*where, "oauth_config")
        is_mcp = pattern.get("is_mcp")
        if kind is None or kind in CATALOGUE_TYPES or config is UNKNOWN or is_mcp is UNKNOWN:
            continue
        if kind != "OAUTH":
            if "oauth_config" in pattern:
                yield Finding(
                    "oauth-config-unexpected",
                    format_path(path),
                    f"does not belong to a pattern of type {kind}",
                    "remove it, or make the type OAUTH",
                )
            continue
        if not isinstance(config, Mapping):
            if config is None:
                example = '{"pkce_enabled": true}' if is_mcp else "authorize_uri and token_uri"
                yield Finding("oauth-config-missing", format_path(path), "is required", f"add {example}")
            continue
        if is_mcp is True:
            yield from _mcp_oauth_config(path, config)
            continue
        for key in ("authorize_uri", "token_uri"):
            if not config.get(key):
                yield Finding(
                    "oauth-endpoint-missing",
                    format_path((*path, key)),
                    "is required",
                    "give the endpoint from the upstream's OAuth documentation",
                )


def _mcp_oauth_config(path: Path, config: Mapping[str, Any]) -> Iterator[Finding]:
    for key in config:
        if key != "pkce_enabled":
            yield Finding(
                "mcp-oauth-config",
                format_path((*path, key)),
                "does not belong to OAUTH over MCP: the server tells it by Dynamic Client Registration",
                'remove it; oauth_config is {"pkce_enabled": true}, or {} for a server without PKCE',
            )


@rule("no-auth-outside-mcp", "no-auth-with-fields")
def no_auth(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """NO_AUTH is for public MCP servers, and collects nothing."""
    for where, pattern in patterns(definition):
        if type_of(pattern) != "NO_AUTH":
            continue
        if pattern.get("is_mcp") in (None, False):
            yield Finding(
                "no-auth-outside-mcp",
                format_path((*where, "type")),
                "is NO_AUTH, which is for public MCP servers only",
                "set is_mcp to true, or choose another auth type",
            )
        for key in (*FIELD_KEYS, "auth_field_mutations", "auth_header_key_override"):
            if (value := pattern.get(key)) and value is not UNKNOWN:
                yield Finding(
                    "no-auth-with-fields",
                    format_path((*where, key)),
                    "does not belong to NO_AUTH, which collects and sends nothing",
                    "remove it",
                )


@rule("mcp-mixed")
def mcp_on_every_pattern(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """`is_mcp` is true on every pattern of an MCP connector, or on none."""
    found = patterns(definition)
    flags = [pattern.get("is_mcp") for _, pattern in found]
    if any(flag is UNKNOWN for flag in flags) or not any(flag is True for flag in flags):
        return
    for where, pattern in found:
        if pattern.get("is_mcp") is not True:
            yield Finding(
                "mcp-mixed",
                format_path((*where, "is_mcp")),
                "must be true on every pattern of an MCP connector",
                "set it to true",
            )


@rule("mcp-url")
def mcp_url(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A `proxy_url` that looks like an MCP server's (host `mcp.…`, path `/mcp`) goes with `is_mcp`: else a hint."""
    url = definition.get("proxy_url")
    if not isinstance(url, str) or not _MCP_URL.match(url):
        return
    for where, pattern in patterns(definition):
        # Of NO_AUTH the rule above says that it takes MCP.
        if pattern.get("is_mcp") in (None, False) and type_of(pattern) != "NO_AUTH":
            yield Finding(
                "mcp-url",
                format_path((*where, "is_mcp")),
                "is not set, and proxy_url looks like that of an MCP server",
                "set it to true if it is one; it cannot be changed later without a new connector",
                severity="hint",
            )
