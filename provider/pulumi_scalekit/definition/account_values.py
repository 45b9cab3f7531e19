"""Where each value that a definition collects goes when a connected account is made.

Source: the vendor's guide for authoring connectors, and the SDKs' models of a connected account (2.21.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .keys import CONTEXT_KEYS, STATIC_TYPES
from .rules.shapes import field_names, fields_of, patterns, type_of
from .urls import placeholders

DETAILS: Final = "authorization_details.static_auth.details"
"""Where the static types have the values of their `fields`."""
PATH_VARIABLES: Final = f"{DETAILS}.path_variables"
"""Where they have those that go into the URL."""
API_CONFIG: Final = "api_config.path_variables"
"""Where an account of an OAUTH connector has what goes into the URL."""
CONTEXT: Final = "context"
"""Where a connection of an OAUTH MCP connector has what goes into the URL."""


def account_values(definition: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names of the values that a definition collects, by the place in the request that takes them.

    The places are keys of `POST /api/v1/connected_accounts`, below `connected_account`; only `CONTEXT` is one of
    `POST /api/v1/connections`. An input of an OAUTH connector that does not go into the URL is left out: where it
    goes is not documented.

    Example:
        >>> account_values({"proxy_url": "https://api.example.com", "auth_patterns": [
        ...     {"type": "BEARER", "fields": [{"field_name": "token"}]}]})
        {'authorization_details.static_auth.details': ['token']}
    """
    places: dict[str, list[str]] = {}
    used = placeholders(definition.get("proxy_url"))
    for _, pattern in patterns(definition):
        if type_of(pattern) in STATIC_TYPES:
            for _, field in fields_of(pattern, "fields"):
                place = PATH_VARIABLES if field.get("is_path_param") is True else DETAILS
                _add(places, place, field.get("field_name"))
        elif type_of(pattern) == "OAUTH":
            for _, field in fields_of(pattern, "account_fields"):
                if field.get("is_path_param") is True or field.get("field_name") in used:
                    _add(places, API_CONFIG, field.get("field_name"))
            if pattern.get("is_mcp") is True:
                for name in used:
                    if name in CONTEXT_KEYS and name not in field_names(pattern, "account_fields"):
                        _add(places, CONTEXT, name)
    return places


def _add(places: dict[str, list[str]], place: str, name: object) -> None:
    if isinstance(name, str):
        places.setdefault(place, []).append(name)
