"""The upstream request that Tool Proxy makes of a definition and a connected account.

Pure functions: no network, no store. The local Scalekit sends with them, and a dry run shows what would be
sent, with credentials masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pulumi_scalekit.definition.keys import CREDENTIALS, FIELD_KEYS
from pulumi_scalekit.definition.normalize import mappings
from pulumi_scalekit.definition.urls import placeholders

from .account import MASK, AccountValues, InjectionError, auth_pattern
from .credentials import Injected, credential_headers
from .urls import check_destination, fill, join, placeholder_value

NOT_FORWARDED: Final = frozenset(
    (
        "authorization",
        "connection_name",
        "content-length",
        "expect",
        "host",
        "identifier",
        "x-api-version",
        "x-sdk-version",
    )
)
"""Headers of a call that are for Scalekit, or are made again for the upstream. In lower case."""


@dataclass(frozen=True)
class UpstreamRequest:
    """What goes to the upstream: its URL and the headers that are injected."""

    url: str = field(repr=False)
    headers: tuple[Injected, ...]
    masked_url: str
    """The URL with values of credentials and password fields masked."""

    def masked(self) -> dict[str, str]:
        """Return the injected headers with their credentials masked, by name."""
        return {header.name: header.masked for header in self.headers}


def upstream_request(
    definition: Mapping[str, Any], account: AccountValues, path: str = "", query: str = ""
) -> UpstreamRequest:
    """Return the upstream request for a call through a connector.

    `path` is relative to `proxy_url` and starts with a slash; it and `query` (without `?`) are taken as they
    are, percent-encoding and all. Raises `InjectionError` when the proxy is switched off, a placeholder has
    no value, a credential is missing or a value cannot be sent, and `ForbiddenDomain`.
    """
    if definition.get("proxy_enabled") is False:
        raise InjectionError("the connector's proxy_enabled is false, so it takes no proxied calls")
    pattern = auth_pattern(definition)
    template = definition.get("proxy_url")
    if not isinstance(template, str) or not template:
        raise InjectionError("the connector has no proxy_url")
    values = {name: placeholder_value(name, account, pattern) for name in placeholders(template)}
    url = join(fill(template, values), path, query)
    shown = {name: MASK if name in _secret_fields(pattern) else text for name, text in values.items()}
    masked_url = join(fill(template, shown, check=False), path, query)
    check_destination(url, pattern, account, masked_url)
    return UpstreamRequest(
        url=url, headers=tuple(credential_headers(pattern, account)), masked_url=masked_url
    )


def _secret_fields(pattern: Mapping[str, Any]) -> set[str]:
    return {
        *CREDENTIALS.get(str(pattern.get("type")), ()),
        *(
            str(spec.get("field_name"))
            for key in FIELD_KEYS
            for spec in mappings(pattern.get(key))
            if spec.get("input_type") == "password" or spec.get("header_name")
        ),
    }
