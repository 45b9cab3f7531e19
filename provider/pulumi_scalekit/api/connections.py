"""The connections of one environment: what a connector needs before accounts can use it.

Scalekit marks this part of its API as a preview; the documented way to make a connection is the dashboard.
"""

from __future__ import annotations

from typing import Final

from pulumi_scalekit.errors import (
    ApiError,
    Conflict,
    ConnectorExists,
    InUse,
    InvalidRequest,
    NotFound,
    ProtocolError,
    ScalekitError,
    ServerError,
    TransportError,
)
from pulumi_scalekit.redaction import printable

from . import paths
from .accounts import Accounts
from .client import Client
from .list_cache import ListCache
from .pages import SilentPage, read_list
from .responses import Attributes

PAGE_SIZE: Final = 30
"""The largest page of the connection list, as documented."""
_LIST: Final = "list connections"


class Connections:
    """The connections of one environment. Threads may share it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._deleted: set[str] = set()
        self._list_cache = ListCache(
            self.listed,
            key="id",
            name="key_id",
            pause=client.settings.backoff,
            delay=client.settings.list_delay,
        )

    def listed(self) -> list[Attributes]:
        """All connections, from the server.

        A page that says nothing is an empty list here: Scalekit itself refuses a second connection of a name.
        """
        params: dict[str, str | int] = {"page_size": PAGE_SIZE}
        try:
            return list(
                read_list(self.client, _LIST, paths.APP_CONNECTIONS, params, "connections", _is_connection)
            )
        except SilentPage:
            return []

    def of(self, connector: str, *, maximum: int) -> tuple[list[Attributes], bool]:
        """The connections of a connector, by its identifier, `maximum` of them at most; and whether there are more.

        Raises:
            ScalekitError: They could not be listed.
        """
        params: dict[str, str | int] = {"provider": connector, "page_size": min(maximum, PAGE_SIZE)}
        page = self.client.call(_LIST, "GET", paths.APP_CONNECTIONS, params=params)
        entries = page.get("connections")
        connections = [
            entry
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict) and entry.get("provider_key") in (None, connector)
        ]
        return connections[:maximum], len(connections) > maximum or bool(page.get("next_page_token"))

    def get(self, connection_id: str) -> Attributes | None:
        """The connection of an id, or `None` where the environment has none."""
        return self._list_cache.get(connection_id)

    def named(self, name: str) -> list[Attributes]:
        """The connections of a name, no older than this process's own last write."""
        return self._list_cache.current().named(name)

    def known(self, name: str) -> list[Attributes]:
        """The connections of a name by the first list and this process's own writes."""
        return self._list_cache.known(name)

    def create(self, *, name: str, connector: str, auth_type: str) -> Attributes:
        """Create a connection, exactly once.

        Args:
            name: Its name, by which Tool Proxy calls address it (`key_id`).
            connector: The connector's identifier (`provider_key`).
            auth_type: The type of the connector's auth pattern.

        Raises:
            ConnectorExists: A connection of that name exists already.
            ScalekitError: It could not be created.
        """
        if existing := self.known(name):
            raise exists_error(name, existing, self.client.settings.environment_url)
        body = {"provider": "CUSTOM", "type": auth_type, "provider_key": connector, "key_id": name}
        what = f"create connection {name!r} of connector {connector}"
        with self._list_cache.write() as written:
            attributes = self._create_once(what, body)
            written[attributes["id"]] = attributes
            return attributes

    def _create_once(self, what: str, body: dict[str, str]) -> Attributes:
        def is_mine(connection: Attributes) -> bool:
            return connection.get("provider_key") in (None, body["provider_key"])

        for attempts_left in reversed(range(self.client.settings.attempts)):
            try:
                return self._made(what, body)
            except (TransportError, ServerError) as error:
                if not error.ambiguous:
                    raise
                try:
                    # A name is given once in an environment: what is there under it now was made here.
                    found = self._list_cache.search(body["key_id"], is_mine)
                except ScalekitError:
                    raise error from None
                if found:
                    return found[0]
                # What may still take effect is not sent a second time.
                if error.pending or not attempts_left:
                    raise
        raise AssertionError("unreachable: the last attempt raises")  # pragma: no cover

    def _made(self, what: str, body: dict[str, str]) -> Attributes:
        # Without the flag it is not an app connection: it could have no accounts, and no list would show it.
        response = self.client.call(
            what,
            "POST",
            paths.CONNECTIONS,
            params={"flags.is_app": "true"},
            body=body,
            repeatable=False,
        )
        connection = response.get("connection")
        if not isinstance(connection, dict) or not isinstance(connection.get("id"), str):
            raise ProtocolError(f"{what} failed: no connection was returned")
        return {**body, **connection}

    def delete(self, connection_id: str, *, name: str = "") -> bool:
        """Delete a connection, and return whether it was still there.

        Raises:
            InUse: Connected accounts still use it; the message names them.
            ScalekitError: It could not be deleted.
        """
        path = paths.connection_path(connection_id)
        what = (
            f"delete connection {name!r} ({connection_id})" if name else f"delete connection {connection_id}"
        )
        with self._list_cache.write() as written:
            there = True
            try:
                self.client.call(what, "DELETE", path)
            except NotFound:
                there = False
            except (InvalidRequest, Conflict) as error:
                raise self._in_use(error, name) from None
            written[connection_id] = None
            self._deleted.add(name)
            return there

    def deleted(self, name: str) -> bool:
        """Whether this process has deleted a connection of that name."""
        return name in self._deleted

    def _in_use(self, error: ApiError, name: str) -> ApiError:
        try:
            accounts = Accounts(self.client).of(name) if name else []
        except ScalekitError:
            accounts = []  # the server's own words must do
        if not accounts:
            return error
        return InUse(
            error.action,
            status=error.status,
            detail=error.detail,
            error_code=error.error_code,
            request_id=error.request_id,
            remedy="Remove these connected accounts first, then run again: "
            + ", ".join(printable(account.get("identifier")) for account in accounts),
        )


def exists_error(name: str, existing: list[Attributes], where: str) -> ConnectorExists:
    """The error for a create that finds its name taken."""
    ids = [printable(connection.get("id")) for connection in existing]
    return ConnectorExists(
        f"A connection named {name!r} exists already in {where}: {' and '.join(ids)}. Nothing was created. "
        f"Take it over with adopt=True on the Connection, or choose another name",
        ids,
    )


def _is_connection(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("id"), str)
