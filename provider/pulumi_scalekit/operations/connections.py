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
from pulumi_scalekit.errors import PermissionDenied

from .naming import free_name, slug
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
class Found:
    """What was found of the connections."""

    connections: tuple[LiveConnection, ...]
    denied: str = ""
    """Why they were left out: the client may not read them."""


def list_connections(api: Connections, connectors: Container[str]) -> list[Attributes]:
    """The app connections of connectors, given by identifiers, sorted by name: by one list, without settings.

    Raises:
        ScalekitError: They cannot be listed.
    """
    listed = [entry for entry in api.listed() if entry.get("provider_key") in connectors]
    return sorted(listed, key=lambda entry: str(entry.get("key_id")))


def read_connections(client: Client, connectors: Iterable[Attributes]) -> Found:
    """Read the app connections of connectors, sorted by name, each with its settings.

    Args:
        client: The environment.
        connectors: The connectors.

    Raises:
        ScalekitError: They cannot be read, for another reason than a missing permission.
    """
    by_identifier = {identifier_of(connector): connector for connector in connectors}
    api = Connections(client)
    try:
        listed = list_connections(api, by_identifier)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            read = list(pool.map(lambda entry: _read(api, entry), listed))
    except PermissionDenied as error:
        return Found((), str(error))
    there = [attributes for attributes in read if attributes is not None]  # the others were deleted just now
    variables = secret_variables([str(attributes.get("key_id")) for attributes in there])
    return Found(
        tuple(
            _live(attributes, by_identifier, variable)
            for attributes, variable in zip(there, variables, strict=True)
        )
    )


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
    used: set[str] = set()
    variables = []
    for name in names:
        word = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "CONNECTION"
        word = f"CONNECTION_{word}" if word[0].isdigit() else word
        variables.append(free_name(f"{word}_CLIENT_SECRET", used, "_"))
        used.add(variables[-1])
    return variables


def connection_resources(
    connections: Iterable[LiveConnection], taken: Iterable[str] = ()
) -> list[tuple[str, LiveConnection]]:
    """A resource name for each connection, in the order given.

    Args:
        connections: The connections.
        taken: Names that are taken.
    """
    used = set(taken)
    named = []
    for connection in connections:
        name = free_name(slug(connection.name, "connection"), used, "-")
        used.add(name)
        named.append((name, connection))
    return named
