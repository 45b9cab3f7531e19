"""Calls through Tool Proxy: does a connector get requests to its upstream, with the right credentials?

A dry run computes the upstream request from the definition alone. A real call goes through a connection and a
connected account, which can be made for the one call and are then removed again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from pulumi_scalekit.api import paths
from pulumi_scalekit.api.accounts import Accounts
from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.responses import Attributes
from pulumi_scalekit.errors import (
    AmbiguousConnector,
    Conflict,
    ConnectorNotFound,
    InvalidRequest,
    PermissionDenied,
    ScalekitError,
    ServerError,
    TransportError,
    did_you_mean,
)

from .account import auth_pattern, connected_account
from .urls import split_target


class ToolProxy:
    """Calls through the Tool Proxy of one environment."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.connections = Connections(client)
        self.accounts = Accounts(client)

    @contextmanager
    def call(
        self,
        connection: str,
        account: str,
        method: str,
        target: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
    ) -> Iterator[httpx.Response]:
        """One call: yields the response, whose body is to be streamed. It is not repeated, whatever happens.

        Args:
            connection: The connection's name.
            account: The connected account's identifier.
            method: The HTTP method.
            target: The path below the connector's `proxy_url`, with its query if it has one.
            headers: Further headers for the upstream.
            content: The request's body.

        Raises:
            InjectionError: The path would not stay below `proxy_url`. Nothing was sent.
            ScalekitError: No response came.
        """
        path, query = split_target(target)
        addressed = [*headers, ("connection_name", connection), ("identifier", account)]
        with self.client.stream(
            f"call through connection {connection!r}",
            method,
            f"{paths.TOOL_PROXY}{path}?{query}" if query else f"{paths.TOOL_PROXY}{path}",
            headers=addressed,
            content=content,
        ) as response:
            yield response

    @contextmanager
    def route(
        self,
        connector: Mapping[str, Any],
        *,
        connection: str | None,
        account: str | None,
        fields: Mapping[str, str],
    ) -> Iterator[tuple[str, str]]:
        """A connection's name and an account's identifier for a call to a connector.

        With `fields`, a connected account is made for the call, and a connection where the connector has none;
        both are removed afterwards.

        Raises:
            ConnectorNotFound: There is no connection or account to call through, or the connection is another
                connector's.
            AmbiguousConnector: There are several connections, and none was chosen.
            ScalekitError: They cannot be listed, made or removed.
        """
        identifier, name = str(connector["identifier"]), str(connector.get("display_name"))
        with ExitStack() as made:
            if connection is None:
                connection = self._connection_of(identifier, name)
            else:
                self._refuse_other(connection, identifier, name)
            temporary = connection is None
            if connection is None:
                if not fields:
                    raise ConnectorNotFound(
                        f"Connector {name!r} has no connection to call through. Make one in the Scalekit "
                        "Dashboard or with scalekit.Connection, or give the account's values with --field "
                        "to try it with a connection and an account for this one call"
                    )
                connection = made.enter_context(self._temporary_connection(connector))
            if fields:
                # In a connection of somebody else, an account of a given name may have been there before.
                ours = temporary or account is None
                account = account or _temporary_name()
                temporary_account = self._temporary_account(connector, connection, account, fields, ours=ours)
                made.enter_context(temporary_account)
            elif account is None:
                account = self._account_of(connection)
            yield connection, account

    def _connection_of(self, identifier: str, name: str) -> str | None:
        names = [
            str(c.get("key_id")) for c in self.connections.listed() if c.get("provider_key") == identifier
        ]
        if len(names) > 1:
            raise AmbiguousConnector(
                f"Connector {name!r} has several connections: say which one with --connection, "
                f"one of {', '.join(sorted(names))}"
            )
        return names[0] if names else None

    def _refuse_other(self, connection: str, identifier: str, name: str) -> None:
        try:
            found = self.connections.named(connection)
        except PermissionDenied:
            return  # the call itself tells whether there is such a connection
        if not found:
            raise ConnectorNotFound(no_connection(self.connections, connection))
        if all(c.get("provider_key") not in (None, identifier) for c in found):
            raise ConnectorNotFound(
                f"The connection {connection!r} is not one of {name!r}, but of {found[0].get('provider_key')}"
            )

    def _account_of(self, connection: str) -> str:
        accounts = [str(account.get("identifier")) for account in self.accounts.of(connection)]
        if len(accounts) == 1:
            return accounts[0]
        if not accounts:
            raise ConnectorNotFound(
                f"Connection {connection!r} has no connected account. Make one, or give its values with --field"
            )
        raise AmbiguousConnector(
            f"Connection {connection!r} has {len(accounts)} connected accounts: say which one with --account, "
            f"such as {accounts[0]}"
        )

    @contextmanager
    def _temporary_connection(self, connector: Mapping[str, Any]) -> Iterator[str]:
        name = _temporary_name()
        auth_type = str(auth_pattern(connector).get("type"))
        try:
            made = self.connections.create(
                name=name, connector=str(connector["identifier"]), auth_type=auth_type
            )
        except (TransportError, ServerError) as error:
            if error.ambiguous:
                self._remove_after(error, lambda: self._delete_connections(name))
            raise
        try:
            yield name
        finally:
            self.connections.delete(str(made["id"]))

    def _delete_connections(self, name: str) -> None:
        for connection in self.connections.named(name):
            self.connections.delete(str(connection["id"]))

    @contextmanager
    def _temporary_account(
        self,
        connector: Mapping[str, Any],
        connection: str,
        identifier: str,
        fields: Mapping[str, str],
        *,
        ours: bool,
    ) -> Iterator[None]:
        try:
            values = connected_account(connector, fields)
            exists = "Leave --field out to call as this one, or --account to call as a new one"
            create_account_once(self.accounts, connection, identifier, values, exists)
        except (TransportError, ServerError) as error:
            if error.ambiguous and ours:
                self._remove_after(error, lambda: self.accounts.delete(connection, identifier))
            elif error.ambiguous:
                raise ScalekitError(
                    f"{error}. If the account was made, it stays: look with `pulumi-scalekit accounts list "
                    f"{connection}`, and delete it with `pulumi-scalekit accounts delete {connection} {identifier}`"
                ) from None
            raise
        try:
            yield
        finally:
            self.accounts.delete(connection, identifier)

    @staticmethod
    def _remove_after(error: Exception, remove: Callable[[], object]) -> None:
        """Remove what a write may have made whose response was lost."""
        try:
            remove()
        except ScalekitError as failure:
            raise ScalekitError(f"{error}. What it may have made was not removed: {failure}") from None


def no_connection(connections: Connections, name: str) -> str:
    """The message for a connection's name that the environment does not have; it names a similar one."""
    where = connections.client.settings.environment_url
    advice = did_you_mean(
        name,
        (str(c.get("key_id")) for c in connections.listed()),
        "Declare one with scalekit.Connection, or make one in the Scalekit Dashboard",
    )
    return f"There is no connection named {name!r} in {where}. {advice}"


def create_account_once(
    accounts: Accounts, connection: str, identifier: str, account: Mapping[str, Any], exists: str
) -> Attributes:
    """Create a connected account, and return it as stored.

    Args:
        accounts: The accounts of the environment.
        connection: The connection's name.
        identifier: The account's identifier.
        account: Its values, in the API's own form.
        exists: What to do where there is an account of that identifier.

    Raises:
        ScalekitError: Scalekit refuses it; where it is because there is one, the message says so.
    """
    try:
        return accounts.create(connection, identifier, account)
    except (InvalidRequest, Conflict) as error:
        try:
            taken = any(a.get("identifier") == identifier for a in accounts.listed(connection))
        except ScalekitError:
            raise error from None
        if not taken:
            raise
    raise ScalekitError(
        f"The connection {connection!r} has a connected account {identifier!r} already. {exists}"
    )


def _temporary_name() -> str:
    return f"pulumi-scalekit-call-{secrets.token_hex(4)}"
