"""The names of a connector's properties, without the model behind them.

Programs, and runs that find nothing to change, need no more than these, and the model takes long to import.
"""

from __future__ import annotations

from typing import Final

DEFINITION_KEYS: Final[tuple[str, ...]] = (
    "display_name",
    "description",
    "auth_patterns",
    "proxy_url",
    "proxy_enabled",
    "icon_src",
    "metadata",
)
"""The top-level properties of a definition, in the documentation's order: those of `definition.Definition`."""
ANSWER_ONLY: Final[tuple[str, ...]] = (
    "identifier",
    "id",
    "is_custom",
    "is_custom_mcp",
    "categories",
    "display_priority",
    "coming_soon",
)
"""Properties that the server makes: part of an answer, never of a definition."""


class _Unknown:
    """The type of `UNKNOWN`: a value that only the next `pulumi up` will know."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        # A copy is this very object: it is compared by identity.
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


ABSENT: Final = type("Absent", (), {"__repr__": lambda _: "ABSENT"})()
"""Stands for a property that is not there, where `None` could be a value."""
