"""A connection of a connector, as a resource (preview: Scalekit marks this part of its API so)."""

from __future__ import annotations

from typing import Any, Final

import pulumi
import pulumi.dynamic

from pulumi_scalekit.provider.connection import ConnectionProvider
from pulumi_scalekit.provider.connector import CONTEXT_KEY

from .arguments import ArgumentsChecked
from .connector import Connector, context_of

OUTPUTS: Final = ("status", "enabled", "environment_url")


class Connection(ArgumentsChecked, pulumi.dynamic.Resource, module="scalekit", name="Connection"):
    """A connection of a connector: what connected accounts are made under, and Tool Proxy calls go through.

    Preview: Scalekit marks the calls behind it as a preview, so they may change. Nothing of a connection can be
    changed in place; another value makes another connection.

    Example:
        >>> desk = scalekit.Connector.from_json("desk", "connectors/desk.json")
        >>> support = scalekit.Connection("support", connector=desk, connection_name="support")
    """

    connector: pulumi.Output[str]
    """The identifier of the connector."""
    connection_name: pulumi.Output[str]
    """The name that Tool Proxy calls use."""
    auth_type: pulumi.Output[str]
    """The type of the connector's auth pattern."""
    status: pulumi.Output[str | None]
    """Scalekit's own word for its state."""
    enabled: pulumi.Output[bool | None]
    """Whether it can be used."""
    environment_url: pulumi.Output[str]
    """The environment that the connection lives in."""

    def __init__(
        self,
        resource_name: str,
        *,
        connector: Connector | pulumi.Input[str],
        connection_name: pulumi.Input[str],
        auth_type: pulumi.Input[str] | None = None,
        adopt: bool | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a connection.

        Args:
            resource_name: The name in the Pulumi program; it appears in no environment.
            connector: A `Connector`, or the identifier of one.
            connection_name: The name that Tool Proxy calls use. An environment has it once.
            auth_type: The type of the connector's auth pattern; taken from a `Connector` where not given.
            adopt: Take over the existing connection of that name instead of creating one.
            opts: Pulumi's resource options.
        """
        if isinstance(connector, Connector):
            auth_type = connector.auth_patterns.apply(_type_of) if auth_type is None else auth_type
            connector = connector.identifier
        declared: dict[str, Any] = {
            "connector": connector,
            "connection_name": connection_name,
            "auth_type": auth_type,
            "adopt": adopt or None,
        }
        context = {} if opts is None or opts.id is None else {"get": True}
        props = {**dict.fromkeys(OUTPUTS), **declared, CONTEXT_KEY: context_of(declared, context)}
        super().__init__(ConnectionProvider(), resource_name, props, opts)

    @classmethod
    def get(
        cls,
        resource_name: str,
        connection_id: pulumi.Input[str],
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> Connection:
        """Read a connection of the environment without managing it. Fails where there is none.

        Example:
            >>> shared = scalekit.Connection.get("shared", "conn_12345")
        """
        existing = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=connection_id))
        nothing: Any = None
        return cls(resource_name, connector=nothing, connection_name=nothing, opts=existing)


def _type_of(auth_patterns: Any) -> Any:
    return auth_patterns[0]["type"] if auth_patterns else None
