"""The connections of one environment: what a connector needs before accounts can use it.

Scalekit marks this part of its API as a preview; the documented way to make a connection is the dashboard.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from pulumi_scalekit.errors import (
    ApiError,
    ConnectorExists,
    InUse,
    InvalidRequest,
    NotFound,
    ProtocolError,
    ScalekitError,
    ServerError,
    TransportError,
)
from pulumi_scalekit.errors import Conflict as Refused

from .client import Attributes, Client
from .list_cache import ListCache

PAGE_SIZE: Final = 30
"""The largest page of the connection list, as documented."""
MAX_ID: Final = 255
"""Characters of a connection's id at most."""


class Connections:
    """The connections of one environment. Threads may share it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._deleted: set[str] = set()
        self._list_cache = ListCache(self.listed, key="id", name="key_id", pause=client.settings.backoff)

    def listed(self) -> Iterator[Attributes]:
        """All connections, page by page, from the server."""
        return self.client.listed(
            "list connections",
            "/api/v1/connections/app",
            {"page_size": PAGE_SIZE},
            "connections",
            lambda item: isinstance(item, dict) and isinstance(item.get("id"), str),
        )

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
            answer = self._create_once(what, body)
            written[answer["id"]] = answer
            return answer

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
        # Without the flag it is no app connection: it could have no accounts, and no list would show it.
        answer = self.client.call(
            what,
            "POST",
            "/api/v1/connections",
            params={"flags.is_app": "true"},
            body=body,
            repeatable=False,
        )
        connection = answer.get("connection")
        if not isinstance(connection, dict) or not isinstance(connection.get("id"), str):
            raise ProtocolError(f"{what} failed: the answer holds no connection")
        return {**body, **connection}

    def delete(self, connection_id: str, *, name: str = "") -> bool:
        """Delete a connection; answers whether it was still there.

        Raises:
            InUse: Connected accounts still use it; the message names them.
            ScalekitError: It could not be deleted.
        """
        if not connection_id.isprintable() or len(connection_id) > MAX_ID or connection_id in {"", ".", ".."}:
            raise InvalidRequest(
                "delete connection", status=400, detail="that is no connection id (not sent)"
            )
        what = (
            f"delete connection {name!r} ({connection_id})" if name else f"delete connection {connection_id}"
        )
        with self._list_cache.write() as written:
            there = True
            try:
                self.client.call(what, "DELETE", f"/api/v1/connections/{quote(connection_id, safe='')}")
            except NotFound:
                there = False
            except (InvalidRequest, Refused) as error:
                raise self._in_use(error, name) from None
            written[connection_id] = None
            self._deleted.add(name)
            return there

    def deleted(self, name: str) -> bool:
        """Whether this process has deleted a connection of that name."""
        return name in self._deleted

    def _in_use(self, error: ApiError, name: str) -> ApiError:
        try:
            accounts = self.accounts_of(name) if name else []
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
            remedy=f"Remove these connected accounts first, then run again: {', '.join(accounts)}",
        )

    def accounts_of(self, name: str) -> list[str]:
        """The identifiers of the connected accounts of a connection, by its name."""
        answer = self.client.call(
            "list connected accounts", "GET", "/api/v1/connected_accounts", params={"connector": name}
        )
        accounts = answer.get("connected_accounts")
        listed = accounts if isinstance(accounts, list) else []
        return [str(account.get("identifier")) for account in listed if isinstance(account, dict)]


def exists_error(name: str, existing: list[Attributes], where: str) -> ConnectorExists:
    """The error for a create that finds its name taken."""
    ids = [str(connection.get("id")) for connection in existing]
    return ConnectorExists(
        f"A connection named {name!r} exists already in {where}: {' and '.join(ids)}. Nothing was created. "
        f"Take it over with adopt=True on the Connection, or choose another name",
        ids,
    )
