"""The connections of one environment: what a connector needs before accounts can use it.

Scalekit marks this part of its API as a preview. The facts come from the vendor's SDKs (Python 2.21, Node 2.18,
Java 2.6). A name is given once in an environment, so a create can be sent again: Scalekit refuses a second one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping
from typing import Any, Final

from pulumi_scalekit.definition.connection import (
    RESPONSE_KEYS,
    SECRET,
    differing_settings,
    oauth_config,
    shown_settings,
)
from pulumi_scalekit.errors import (
    ApiError,
    Conflict,
    ConnectorExists,
    InUse,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    ProtocolError,
    ScalekitError,
)
from pulumi_scalekit.redaction import printable

from . import paths
from .accounts import Accounts
from .client import Client
from .list_cache import ListCache
from .pages import SilentPage, read_list
from .responses import Attributes
from .safe_writes import create_once, delete_once, failing_as

PAGE_SIZE: Final = 30
"""The largest page of the connection list, as documented."""
DUPLICATE: Final = "DUPLICATE_IDENTIFIER"
"""The error code of a create whose name another connection has."""
RESTRICTED: Final = "RESTRICTED_CONNECTION_NAME"
"""The error code of a create whose name Scalekit keeps for itself."""
_LIST: Final = "list connections"


class Connections:
    """The connections of one environment. Threads may share it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._list_cache = ListCache(
            self.listed,
            key="id",
            name="key_id",
            pause=client.settings.backoff,
            delay=client.settings.list_delay,
        )

    # --- Reading -------------------------------------------------------------------------------------------

    def listed(self) -> list[Attributes]:
        """All app connections, from the server, without their settings.

        A page that says nothing is an empty list here: no connection is forgotten by it (`get` asks for each by its
        id), and none duplicated, since Scalekit itself refuses a second connection of a name.
        """
        params: dict[str, str | int] = {"page_size": PAGE_SIZE}
        try:
            return read_list(self.client, _LIST, paths.APP_CONNECTIONS, params, "connections", "id")
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
        """The connection of an id with its settings, secrets masked; `None` where Scalekit says there is none.

        Raises:
            ScalekitError: It could not be read.
        """
        action = f"read connection {printable(connection_id)}"
        try:
            response = self.client.call(action, "GET", paths.connection_path(connection_id))
        except NotFound:
            return None
        return self._connection(response, action)

    def named(self, name: str) -> list[Attributes]:
        """The connections of a name, no older than this process's own last write."""
        return self._list_cache.current().named(name)

    def known(self, name: str) -> list[Attributes]:
        """The connections of a name by the first list and this process's own writes."""
        return self._list_cache.known(name)

    # --- Writing -------------------------------------------------------------------------------------------

    def create(
        self,
        *,
        name: str,
        connector: str,
        auth_type: str,
        auth_mode: str | None = None,
        context: Mapping[str, str] | None = None,
        replaces: Container[str] = (),
        may_be_own: Callable[[Attributes], bool] = lambda _: True,
    ) -> Attributes:
        """Create an app connection, exactly once, and return it as stored.

        Args:
            name: Its name, by which Tool Proxy calls address it (`key_id`).
            connector: The connector's identifier (`provider_key`).
            auth_type: The type of the connector's auth pattern.
            auth_mode: `USER` (Scalekit's default) or `ORG_WIDE`.
            context: `domain` and `version`, which fill a templated `proxy_url`.
            replaces: The ids of those that are about to be deleted for it.
            may_be_own: Whether an attempt of unknown outcome may have made a connection, as read. What somebody else
                has made meanwhile is not taken over.

        Raises:
            ConnectorExists: A connection of that name exists already.
            ScalekitError: It could not be created.
        """
        if existing := self.known(name):
            if all(connection["id"] in replaces for connection in existing):
                raise ConnectorExists(
                    f"The connection {name!r} has its name until it is deleted: the resource needs the option "
                    "delete_before_replace=True, so that the old one goes first. Nothing was changed"
                )
            raise self._exists(name, existing)
        body: dict[str, Any] = {
            "provider": "CUSTOM",
            "type": auth_type,
            "provider_key": connector,
            "key_id": name,
        }
        if auth_mode:
            body["auth_mode"] = auth_mode
        if context:
            body["context"] = dict(context)
        action = f"create connection {name!r} of connector {connector}"
        with self._list_cache.write() as written:
            attributes = self._create_once(action, body, may_be_own)
            written[attributes["id"]] = attributes
            return attributes

    def _create_once(
        self, action: str, body: Mapping[str, Any], may_be_own: Callable[[Attributes], bool]
    ) -> Attributes:
        name = body["key_id"]

        def find(error: ScalekitError) -> Attributes | None:
            with failing_as(error):
                found = self._list_cache.search(
                    name, lambda c: c.get("provider_key") in (None, body["provider_key"])
                )
                live = self.get(found[0]["id"]) if found else None
                is_own = live is None or may_be_own(live)
            if not is_own:
                raise self._exists(name, found)
            return live

        return create_once(
            lambda: self._post(action, body),
            attempts=self.client.settings.attempts,
            find=find,
            refused=lambda error: self._refused(error, name),
        )

    def _post(self, action: str, body: Mapping[str, Any]) -> Attributes:
        # Without the flag it is not an app connection: it could have no accounts, and no list would show it.
        response = self.client.call(
            action,
            "POST",
            paths.CONNECTIONS,
            params={"flags.is_app": "true"},
            body=body,
            repeatable=False,
        )
        return {**body, **self._connection(response, action)}

    def _refused(self, error: ApiError, name: str) -> ScalekitError:
        """The error for a create that Scalekit refused, with what the name has to do with it."""
        if error.error_code == RESTRICTED:
            error.remedy = f"Scalekit keeps the name {name!r} for itself: choose another connection_name"
        elif error.error_code == DUPLICATE:
            try:
                found = self._list_cache.newer_than(time.monotonic()).named(name)
            except ScalekitError:
                found = []  # Scalekit's own words must do
            if found:
                return self._exists(name, found)
            error.remedy = (
                f"Another connection has the name {name!r}; it may not be an app connection, which lists show. "
                "Choose another connection_name"
            )
        return error

    def _exists(self, name: str, existing: list[Attributes]) -> ConnectorExists:
        return exists_error(name, existing, self.client.settings.environment_url)

    def update(
        self,
        connection_id: str,
        *,
        name: str,
        connector: str,
        auth_type: str,
        oauth_config: Mapping[str, Any] | None = None,
    ) -> Attributes:
        """Change a connection, and return it as stored. Safe to repeat.

        Args:
            connection_id: Its id.
            name: Its name from now on.
            connector: The connector's identifier.
            auth_type: Its type from now on. Another type resets the settings.
            oauth_config: The settings of its OAuth application, in the API's own form.

        Raises:
            ScalekitError: It could not be changed.
        """
        body: dict[str, Any] = {"key_id": name, "provider_key": connector, "type": auth_type}
        if oauth_config is not None:
            body["oauth_config"] = dict(oauth_config)
        action = f"update connection {name!r} ({printable(connection_id)})"
        with self._list_cache.write() as written:
            response = self.client.call(action, "PATCH", paths.connection_path(connection_id), body=body)
            attributes = self._connection(response, action)
            written[connection_id] = attributes
            return attributes

    def apply(
        self,
        connection_id: str,
        *,
        before: Mapping[str, Any],
        declared: Mapping[str, Any],
        secret: Callable[[], str | None] = lambda: None,
        is_rotated: bool = False,
    ) -> Attributes:
        """Make a live connection what is declared, and return it as stored; nothing where it is gone.

        What is live already is not sent again, so that a run can go on where an earlier one stopped.

        Args:
            connection_id: Its id.
            before: The OAuth application as it was declared; its settings that are no longer declared are emptied.
            declared: The connection, in the words of a program.
            secret: Gives the client secret, where it has to be sent.
            is_rotated: Whether it has to be in any case; else the stored one is kept.

        Raises:
            ScalekitError: It could not be changed.
        """
        live = self.get(connection_id)
        if live is None:
            return {}
        name, app = declared["connection_name"], declared.get("oauth_app") or {}
        shown = shown_settings(live)
        is_named = all(
            live.get(RESPONSE_KEYS[key]) in (None, declared[key]) for key in ("connection_name", "auth_type")
        )
        if is_rotated or not is_named or differing_settings(shown, app, {**before, **app}):
            # The masked secret keeps the stored one.
            to_send = secret() if is_rotated or not shown.get(SECRET) else shown[SECRET]
            self.update(
                connection_id,
                name=name,
                connector=declared["connector"],
                auth_type=declared["auth_type"],
                oauth_config=oauth_config(before, app, to_send, shown) if before or app else None,
            )
        enabled = declared.get("enabled")
        if enabled is not None and live.get("enabled") is not enabled:
            self.set_enabled(connection_id, name=name, enabled=enabled)
        return self.get(connection_id) or {}

    def set_enabled(self, connection_id: str, *, name: str, enabled: bool) -> None:
        """Enable or disable a connection. Safe to repeat.

        Raises:
            ScalekitError: It could not be done.
        """
        verb = "enable" if enabled else "disable"
        action = f"{verb} connection {name!r} ({printable(connection_id)})"
        with self._list_cache.write():
            self.client.call(action, "PATCH", paths.connection_path(connection_id, verb=verb))

    def delete(self, connection_id: str) -> bool:
        """Delete a connection, and return whether it was still there.

        Whether Scalekit refuses that while there are connected accounts is not documented, so it is looked at first.
        It is read for that, since accounts are listed by its name, which may be another one by now.

        Raises:
            ScalekitError: It has connected accounts, which the message names, or could not be deleted.
        """
        live = self.get(connection_id)
        if live is None:
            with self._list_cache.write() as written:
                written[connection_id] = None
            return False
        action = f"delete connection {live.get('key_id')!r} ({printable(connection_id)})"
        try:
            accounts = self.accounts_of(live)
        except (PermissionDenied, NotFound):
            accounts = []
        if accounts:
            raise ScalekitError(
                f"{action}: not sent, since its connected accounts would be lost with it. {_remove_first(accounts)}"
            )
        with self._list_cache.write() as written:
            try:
                there = delete_once(
                    lambda: self.client.call(action, "DELETE", paths.connection_path(connection_id)),
                    is_gone=lambda: self.get(connection_id) is None,
                )
            except (InvalidRequest, Conflict) as error:
                raise self._in_use(error, live) from None
            written[connection_id] = None
            return there

    def accounts_of(self, live: Attributes) -> list[Attributes]:
        """The connected accounts of a connection as read, or about a hundred of them.

        Raises:
            ScalekitError: They could not be listed.
        """
        return Accounts(self.client).under(live)

    def _in_use(self, error: ApiError, live: Attributes) -> ApiError:
        try:
            accounts = self.accounts_of(live)
        except ScalekitError:
            accounts = []  # the server's own words must do
        return error.as_kind(InUse, remedy=_remove_first(accounts)) if accounts else error

    def _connection(self, response: Attributes, action: str) -> Attributes:
        connection = response.get("connection")
        if not isinstance(connection, dict) or not isinstance(connection.get("id"), str):
            error = ProtocolError(
                f"{action} failed: {self.client.settings.environment_url} returned no connection"
            )
            error.accepted = True
            raise error
        return connection


def _remove_first(accounts: list[Attributes]) -> str:
    identifiers = ", ".join(printable(account.get("identifier")) for account in accounts)
    return f"Remove these connected accounts first, then run again: {identifiers}"


def exists_error(name: str, existing: list[Attributes], where: str) -> ConnectorExists:
    """The error for a create that finds its name taken."""
    ids = [printable(connection.get("id")) for connection in existing]
    return ConnectorExists(
        f"A connection named {name!r} exists already in {where}: {' and '.join(ids)}. Nothing was created. "
        "If a run that was stopped made it, run once with SCALEKIT_ADOPT_IDENTICAL=true, which takes over what is as "
        "declared. Otherwise take it over with adopt=True on the Connection, bring it into the stack with "
        "`pulumi-scalekit import`, or choose another name"
    )
