"""The URL of an upstream request: `proxy_url` with its placeholders filled, and the path of the call.

Documented: where the values of placeholders come from. Inferred: how they are escaped in a URL, and that a value
which would change the URL's host is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from pulumi_scalekit.definition.urls import PLACEHOLDER, domain_allows

from .account import AccountValues, ForbiddenDomain, InjectionError

_HOST_VALUE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_PATH: Final = re.compile(r"[\x21-\x7e]*")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_AS_IT_IS: Final = "%:/?#[]@!$&'()*+,;=|^`{}\"<>\\"
"""Beside letters and digits: percent-encoding and what delimits; what is not allowed is then refused, not hidden."""


def split_target(target: str) -> tuple[str, str]:
    """The path and the query of a call, with what no URL can hold percent-encoded.

    Raises:
        InjectionError: It would not stay below `proxy_url`.
    """
    if _ABSOLUTE.match(target):
        raise InjectionError("the path is relative to proxy_url: give it without scheme and host")
    path, _, query = quote(target, safe=_AS_IT_IS).partition("?")
    path = path if path.startswith("/") else f"/{path}"
    check_target(path, query)
    return path, query


def check_target(path: str, query: str) -> None:
    """Check that a call's path and query can be sent as they are, and stay below `proxy_url`.

    Raises `InjectionError`.
    """
    if path and not path.startswith("/"):
        raise InjectionError("the path must start with a slash: it is relative to proxy_url")
    if not _PATH.fullmatch(path + query) or "\\" in path or "#" in path + query or "?" in path:
        raise InjectionError("the path holds characters that must be percent-encoded")
    if any(segment in {".", ".."} for segment in re.split(r"[/\\]", unquote(path))):
        raise InjectionError("the path holds a dot segment, which would leave proxy_url")


def placeholder_value(name: str, account: AccountValues, pattern: Mapping[str, Any]) -> str:
    """Return what fills a placeholder. Raises `InjectionError` where the account has no value for it."""
    if text := account.variable(name):
        return text
    where = "api_config" if pattern.get("type") == "OAUTH" else "authorization_details.static_auth.details"
    raise InjectionError(
        f"proxy_url has the placeholder {{{{{name}}}}}, and the connected account has no value for it: "
        f"set path_variables.{name} in its {where}"
    )


def fill(template: str, values: Mapping[str, str], *, check: bool = True) -> str:
    """Return `proxy_url` with its placeholders filled, refusing what would leave its host unless `check` is off."""
    # What fills the authority must stay inside it; what fills the path or the query is escaped.
    scheme, separator, rest = template.partition("://")
    end = min((at for at in (rest.find(char) for char in "/?#") if at >= 0), default=len(rest))

    def authority(match: re.Match[str]) -> str:
        value = values[match[1]]
        if check and (not _HOST_VALUE.fullmatch(value) or ".." in value):
            raise InjectionError(
                f"the value of {{{{{match[1]}}}}} is not a host name: give it without scheme and path, "
                "such as example.com"
            )
        return value

    def escaped(match: re.Match[str]) -> str:
        value = values[match[1]]
        if value in {".", ".."}:
            raise InjectionError(f"the value of {{{{{match[1]}}}}} is a dot segment")
        return quote(value, safe="" if check else "*")

    return scheme + separator + PLACEHOLDER.sub(authority, rest[:end]) + PLACEHOLDER.sub(escaped, rest[end:])


def join(base: str, path: str, query: str) -> str:
    """Return the URL of a call: the filled `proxy_url`, the path below it and both queries."""
    check_target(path, query)
    base, _, base_query = base.partition("#")[0].partition("?")
    queries = "&".join(part for part in (base_query, query) if part)
    joined = base.rstrip("/") + path if path else base
    return f"{joined}?{queries}" if queries else joined


def check_destination(url: str, pattern: Mapping[str, Any], account: AccountValues, masked_url: str) -> None:
    """Check that a filled URL leads where the definition allows.

    Args:
        url: The URL.
        pattern: The definition's auth pattern.
        account: What fills the placeholders of the domains that are allowed.
        masked_url: The URL as messages may show it.

    Raises:
        InjectionError: It is not an https URL of a host.
        ForbiddenDomain: The definition does not allow its host.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InjectionError("proxy_url, filled, is not a URL") from None
    if parts.scheme != "https" or not host or "@" in parts.netloc:
        raise InjectionError("proxy_url, filled, is not an https URL of a host")
    allowed = pattern.get("allowed_proxy_domains")
    domains = [domain for domain in allowed if isinstance(domain, str)] if isinstance(allowed, list) else []
    filled = [
        PLACEHOLDER.sub(lambda match: placeholder_value(match[1], account, pattern), domain)
        for domain in domains
    ]
    if filled and not any(domain_allows(domain, host) for domain in filled):
        shown = urlsplit(masked_url).hostname
        raise ForbiddenDomain(f"the connector's allowed_proxy_domains do not let requests to {shown} through")
