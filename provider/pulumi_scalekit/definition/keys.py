"""Names and marks that everything about definitions needs, without the model behind them.

Programs, and runs that find nothing to change, need no more than these, and the model takes long to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pulumi_scalekit.auth import AUTH_CLASSES, Definition
from pulumi_scalekit.payload import properties_of

DEFINITION_KEYS: Final[tuple[str, ...]] = tuple(declared.key for declared in properties_of(Definition))
"""The top-level properties of a definition, in the documentation's order."""
READ_ONLY_KEYS: Final[tuple[str, ...]] = (
    "identifier",
    "id",
    "is_custom",
    "is_custom_mcp",
    "categories",
    "display_priority",
    "coming_soon",
)
"""Properties that the server makes: part of a connector's attributes, never of a definition."""
AUTH_TYPES: Final = tuple(kind.TYPE for kind in AUTH_CLASSES)
"""Auth types that a definition may declare."""
STATIC_TYPES: Final = ("BASIC", "BEARER", "API_KEY")
"""Auth types whose credentials the account holder types in."""
CATALOGUE_TYPES: Final = ("OAUTH_M2M", "GOOGLE_DWD", "TRELLO_OAUTH1", "TRUSTED_IDP", "SMART_FHIR")
"""Further types of Scalekit's own catalogue, undocumented for custom connectors: read, and warned about."""
FIELD_KEYS: Final = ("fields", "account_fields")
"""The lists of inputs that an auth pattern may have."""
CREDENTIALS: Final = {kind.TYPE: kind.CREDENTIALS for kind in AUTH_CLASSES}
"""The credential fields of each auth type: what mutations apply to."""

MAX_EXACT: Final = 2**53
"""Up to here a double, which Pulumi and Scalekit both keep numbers as, is exact for every integer."""
CONTEXT_KEYS: Final = ("domain", "version")
"""What a connection's `context` fills in a connector's templated `proxy_url`, at its creation only."""


class _Unknown:
    """The type of `UNKNOWN`: a value that only the next `pulumi up` will know."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        # A copy is this very object: it is compared by identity.
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


def has_unknown(value: object) -> bool:
    """Whether any value at or below this one is not known yet."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


ABSENT: Final = type("Absent", (), {"__repr__": lambda _: "ABSENT"})()
"""Stands for a property that is not there, where `None` could be a value."""
