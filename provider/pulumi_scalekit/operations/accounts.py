"""Connected accounts of a connection: list them, connect one, delete one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi_scalekit.api.accounts import Accounts
from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.api.responses import Attributes
from pulumi_scalekit.errors import ConnectorNotFound
from pulumi_scalekit.tool_proxy.account import connected_account
from pulumi_scalekit.tool_proxy.calls import create_account_once, no_connection
from pulumi_scalekit.tool_proxy.dry_run import check_fields


@dataclass(frozen=True)
class Invitation:
    """What the holder of an account needs to connect it."""

    link: str
    expiry: str


def list_accounts(client: Client, connection: str) -> list[Attributes]:
    """The connected accounts of a connection, sorted by identifier; without their credentials.

    Raises:
        ConnectorNotFound: There is no connection of that name.
        ScalekitError: They cannot be listed.
    """
    _connection(client, connection)
    shown = ("identifier", "id", "status", "authorization_type", "provider", "updated_at", "last_used_at")
    accounts = [{k: a[k] for k in shown if k in a} for a in Accounts(client).listed(connection)]
    return sorted(accounts, key=lambda account: str(account["identifier"]))


def invite(client: Client, connection: str, identifier: str) -> Invitation:
    """A link by which somebody connects an account; it is made where there is none yet.

    Raises:
        ConnectorNotFound: There is no connection of that name.
        ScalekitError: Scalekit refuses it.
    """
    _connection(client, connection)
    made = Accounts(client).magic_link(connection, identifier)
    return Invitation(str(made["link"]), str(made.get("expiry") or ""))


def create_account(client: Client, connection: str, identifier: str, fields: Mapping[str, str]) -> Attributes:
    """Create an account with values that are known already.

    Raises:
        ConnectorNotFound: There is no connection of that name, or its connector is not a custom one.
        InjectionError: The connector has no such field, or only the account's holder can authorize it.
        ScalekitError: There is such an account already, or Scalekit refuses it for another reason.
    """
    key = str(_connection(client, connection).get("provider_key"))
    connector = Connectors(client).get(key)
    if connector is None:
        raise ConnectorNotFound(
            f"The connection {connection!r} belongs to {key}, which is not a custom connector of "
            f"{client.settings.environment_url}: make its accounts by link, without --field"
        )
    check_fields(connector, fields)
    exists = (
        f"For other values, delete it first: `pulumi-scalekit accounts delete {connection} {identifier}`. Or let its "
        "holder enter them: without --field, a link is printed"
    )
    account = connected_account(connector, fields)
    return create_account_once(Accounts(client), connection, identifier, account, exists)


def delete_account(client: Client, connection: str, identifier: str) -> None:
    """Delete an account with its credentials.

    Raises:
        ConnectorNotFound: There is no such connection or account.
        ScalekitError: Scalekit refuses it.
    """
    _connection(client, connection)
    if not Accounts(client).delete(connection, identifier):
        raise ConnectorNotFound(
            f"The connection {connection!r} has no connected account {identifier!r}: "
            f"`pulumi-scalekit accounts list {connection}` shows those that exist"
        )


def _connection(client: Client, name: str) -> Attributes:
    connections = Connections(client)
    named = connections.named(name)
    if not named:
        raise ConnectorNotFound(no_connection(connections, name))
    return named[0]
