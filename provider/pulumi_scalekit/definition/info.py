"""What programs learn of connectors that exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .connection import pattern_of
from .normalize import definition_of

GET_CONNECTORS: Final = "scalekit:index:getConnectors"
"""What the function is called where it is asked for by name: by mocks, and of the native provider."""


@dataclass(frozen=True)
class ConnectorInfo:
    """A connector that exists in the environment."""

    identifier: str
    """What updates, deletes and connections name it by."""
    display_name: str
    description: str
    proxy_url: str
    auth_type: str
    """The type of its auth pattern, or ""."""
    is_mcp: bool
    definition: dict[str, Any]
    """The whole definition, as a payload."""


def connector_infos(connectors: Iterable[Mapping[str, Any]]) -> list[ConnectorInfo]:
    """What programs learn of connectors, sorted by name, from what the list call returned."""
    infos = []
    for attributes in connectors:
        definition = definition_of(attributes)
        pattern = pattern_of(definition)
        infos.append(
            ConnectorInfo(
                identifier=str(attributes.get("identifier", "")),
                display_name=str(attributes.get("display_name", "")),
                description=str(attributes.get("description") or ""),
                proxy_url=str(attributes.get("proxy_url") or ""),
                auth_type=str(pattern.get("type", "")),
                is_mcp=pattern.get("is_mcp") is True,
                definition=definition,
            )
        )
    return sorted(infos, key=lambda info: (info.display_name, info.identifier))
