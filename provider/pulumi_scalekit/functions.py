"""What lives in the environment, for programs that want to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi


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


def get_connectors() -> list[ConnectorInfo]:
    """The custom connectors of the environment that this stack is deployed to, sorted by name.

    The list is read once when the program runs; it does not see what the same run creates.

    Raises:
        pulumi.RunError: The environment cannot be read; the message says why.
    """
    from pulumi_scalekit.api.client import Client
    from pulumi_scalekit.api.connectors import Connectors
    from pulumi_scalekit.definition.normalize import definition_of

    from .errors import ScalekitError
    from .settings import read_settings

    def configured(key: str) -> str | None:
        namespace, _, name = key.partition(":")
        return pulumi.Config(namespace).get(name)

    try:
        with Client(read_settings(configured)) as client:
            connectors = Connectors(client).listed()
    except ScalekitError as error:
        raise pulumi.RunError(str(error)) from None
    infos = []
    for attributes in connectors:
        definition = definition_of(attributes)
        first = next((p for p in definition.get("auth_patterns") or [] if isinstance(p, dict)), {})
        infos.append(
            ConnectorInfo(
                identifier=str(attributes.get("identifier", "")),
                display_name=str(attributes.get("display_name", "")),
                description=str(attributes.get("description") or ""),
                proxy_url=str(attributes.get("proxy_url") or ""),
                auth_type=str(first.get("type", "")),
                is_mcp=first.get("is_mcp") is True,
                definition=definition,
            )
        )
    return sorted(infos, key=lambda info: (info.display_name, info.identifier))
