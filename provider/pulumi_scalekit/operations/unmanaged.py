"""What lives in an environment, and no stack of a program manages."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.api.responses import Attributes
from pulumi_scalekit.errors import PermissionDenied

from .connections import list_connections
from .ownership import Ownership
from .selection import by_name, identifier_of


@dataclass(frozen=True)
class Unmanaged:
    """What nobody manages."""

    connectors: tuple[Attributes, ...]
    connections: tuple[Attributes, ...]
    """Connections of custom connectors."""
    total: int
    """How many connectors and connections there are."""
    without_connections: bool
    """Whether connections were left out, since the client may not list them."""

    @property
    def count(self) -> int:
        """How many connectors and connections nobody manages."""
        return len(self.connectors) + len(self.connections)


def find_unmanaged(client: Client, ownership: Ownership) -> Unmanaged:
    """Find the connectors and connections of an environment that no stack manages.

    Args:
        client: The environment.
        ownership: What the stacks of a program manage.

    Raises:
        ScalekitError: They cannot be listed.
    """
    url = client.settings.environment_url
    connectors = by_name(Connectors(client).all())
    custom = {identifier_of(connector) for connector in connectors}
    try:
        connections, denied = list_connections(Connections(client), custom), False
    except PermissionDenied:
        connections, denied = [], True
    return Unmanaged(
        connectors=tuple(c for c in connectors if ownership.owner(url, identifier_of(c)) is None),
        connections=tuple(c for c in connections if (url, str(c.get("id"))) not in ownership.connections),
        total=len(connectors) + len(connections),
        without_connections=denied,
    )
