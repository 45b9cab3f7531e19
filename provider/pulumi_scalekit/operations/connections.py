"""The connections of an environment's connectors, with their settings, as a program would declare them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.responses import Attributes
from pulumi_scalekit.definition.connection import declaration_of

from .naming import distinct, slug
from .selection import identifier_of

_AT_ONCE: Final = 4
"""How many are read at a time: each is a request of its own."""


@dataclass(frozen=True)
class LiveConnection:
    """A connection of an environment."""

    id: str
    name: str
    """What Tool Proxy calls it, once in an environment."""
    attributes: Attributes
    """The response to a read; secrets are masked."""
    connector: Attributes
    """Its connector's attributes."""
    declaration: dict[str, Any]
    """The arguments that declare it. A client secret that is stored is an environment variable to be set."""


@dataclass(frozen=True)
class ConnectionEntry:
    """A connection, under the name that its resource has in a program."""

    resource: str
    connection: LiveConnection
    connector: str
    """The resource name of its connector."""


def list_connections(api: Connections, connectors: Container[str]) -> list[Attributes]:
    """The app connections of connectors, given by identifiers, sorted by name: by one list, without settings.

    Raises:
        ScalekitError: They cannot be listed.
    """
    listed = [entry for entry in api.listed() if entry.get("provider_key") in connectors]
    return sorted(listed, key=lambda entry: str(entry.get("key_id")))


def read_connections(client: Client, connectors: Iterable[Attributes]) -> tuple[LiveConnection, ...]:
    """Read the app connections of connectors, sorted by name, each with its settings.

    Args:
        client: The environment.
        connectors: The connectors.

    Raises:
        ScalekitError: They cannot be read.
    """
    by_identifier = {identifier_of(connector): connector for connector in connectors}
    api = Connections(client)
    listed = list_connections(api, by_identifier)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        read = list(pool.map(lambda entry: _read(api, entry), listed))
    there = [attributes for attributes in read if attributes is not None]  # the others were deleted just now
    variables = secret_variables([str(attributes.get("key_id")) for attributes in there])
    return tuple(_live(a, by_identifier, variable) for a, variable in zip(there, variables, strict=True))


def _read(api: Connections, entry: Attributes) -> Attributes | None:
    """A listed connection with its settings; what a read leaves out is as the list has it."""
    attributes = api.get(entry["id"])
    if attributes is None:
        return None
    return {**entry, **{key: value for key, value in attributes.items() if value not in (None, "")}}


def _live(attributes: Attributes, connectors: Mapping[str, Attributes], variable: str) -> LiveConnection:
    connector = connectors.get(str(attributes.get("provider_key")), {})
    return LiveConnection(
        attributes["id"],
        str(attributes.get("key_id") or ""),
        attributes,
        connector,
        declaration_of(attributes, connector, variable),
    )


def secret_variables(names: Sequence[str]) -> list[str]:
    """An environment variable for the client secret of each connection: `CRM_CLIENT_SECRET` for `crm`."""

    def variable(name: str) -> str:
        word = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "CONNECTION"
        return f"{f'CONNECTION_{word}' if word[0].isdigit() else word}_CLIENT_SECRET"

    return distinct(map(variable, names), "_")


def connection_resources(
    connections: Iterable[LiveConnection], connectors: Mapping[str, str], taken: Iterable[str] = ()
) -> list[ConnectionEntry]:
    """Name connections by their own names: those that are alike, or taken, are numbered.

    Args:
        connections: The connections.
        connectors: The resource names of connectors, those of the connections among them, by identifier.
        taken: Names that are taken.
    """
    ordered = list(connections)
    names = distinct((slug(c.name, "connection") for c in ordered), "-", taken)
    return [
        ConnectionEntry(name, c, connectors[c.declaration["connector"]])
        for name, c in zip(names, ordered, strict=True)
    ]
