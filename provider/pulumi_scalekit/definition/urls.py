"""URLs with `{{name}}` placeholders, and the header names and domains around them."""

from __future__ import annotations

import functools
import re
from typing import Final
from urllib.parse import urlsplit

PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")
"""A `{{name}}` template inside a URL."""
_PARTS: Final = re.compile(rf"({PLACEHOLDER.pattern.replace('(', '(?:')})")


HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""The name of a header: a token of RFC 9110, section 5.6.2."""


HOST_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
"""A label of a domain name; underscores, which hosts have in practice, are let through."""


CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
"""A control character."""


def placeholders(url: object) -> list[str]:
    """The names of the `{{name}}` placeholders in a URL, in order, without repeats."""
    return list(dict.fromkeys(PLACEHOLDER.findall(url))) if isinstance(url, str) else []


@functools.lru_cache(maxsize=64)  # several rules ask about the same URL
def url_fault(url: str) -> str | None:
    """What is wrong with an https URL whose placeholders stand for single words, or `None`."""
    filled = PLACEHOLDER.sub("x", url)
    if CONTROL.search(filled) or any(char.isspace() for char in filled) or "\\" in filled:
        return "has white space, a backslash or a control character"
    if "{{" in filled or "}}" in filled:
        return "has a malformed placeholder"
    if "{" in filled or "}" in filled:
        return "has single braces, and a placeholder has two on each side"
    try:
        parts = urlsplit(filled)
        port = parts.port
    except ValueError:
        return "is not a URL"
    host = parts.hostname
    if parts.scheme != "https":
        return "must start with https://"
    if not host:
        return "has no host"
    if parts.username is not None or parts.password is not None:
        return "has credentials before the host"
    if port == 0:
        return "has no valid port"
    # A literal IPv6 address has no labels to look at.
    if ":" not in host and not all(HOST_LABEL.fullmatch(label) for label in host.rstrip(".").split(".")):
        return "has a host that is not a domain name"
    return None


def same_url(one: str, other: str) -> bool:
    """Whether two URLs differ at most in the case of scheme and host, the default port, and slashes at the end."""
    return _canonical(one) == _canonical(other)


def _canonical(url: str) -> str:
    match = re.match(r"(?i)(https?)://([^/?#]*)([^?#]*)", url.strip())
    if not match:
        return url
    scheme, host, path = match.groups()
    # The name in a placeholder is that of a field, and those have a case.
    lowered = "".join(
        part if PLACEHOLDER.fullmatch(part) else part.lower() for part in _PARTS.split(host) if part
    )
    return f"{scheme.lower()}://{lowered.removesuffix(':443')}{path.rstrip('/')}{url.strip()[match.end() :]}"


def domain_allows(domain: str, host: str) -> bool:
    """Whether an entry of `allowed_proxy_domains` lets a host through: itself and its subdomains."""
    bare = domain.removeprefix("*.").rstrip(".").lower()
    return host.lower() == bare or host.lower().endswith(f".{bare}")
