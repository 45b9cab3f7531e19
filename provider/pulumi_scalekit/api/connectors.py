"""The custom connectors of one environment: many reads from one list call, and writes that can be repeated.

Scalekit has no call that gets a single custom connector, and counts requests per minute. So reads are served from
one list of all, which is read again as soon as this process has written anything newer.
"""

from __future__ import annotations

import time
from collections.abc import Container, Mapping
from typing import Any, Final

from pulumi_scalekit.definition.stored import unapplied
from pulumi_scalekit.errors import (
    ApiError,
    Conflict,
    ConnectorExists,
    InUse,
    InvalidRequest,
    NotFound,
    NotSent,
    ProtocolError,
    ScalekitError,
    ServerError,
    TransportError,
)
from pulumi_scalekit.redaction import printable

from . import paths
from .accounts import Accounts
from .client import Client
from .connections import Connections
from .list_cache import Index, ListCache
from .pages import SilentPage, read_list
from .responses import Attributes, depth
from .safe_writes import create_once, delete_once, failing_as

PAGE_SIZE: Final = 1000
"""The largest page of the list call, as documented."""
MAX_DEPTH: Final = 28
"""Levels of nesting of a connector at most: Pulumi's messages hold few more."""
MAX_USERS: Final = 30
"""How many of the connections that use a connector are looked into when a delete is refused."""
IN_USE: Final = "PROVIDER_HAS_EXISTING_CONNECTIONS"
"""The error code of a delete that is refused because connections still use the connector."""
_LIST: Final = "list connectors"


class Connectors:
    """The custom connectors of one environment. Threads may share it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._list_cache = ListCache(
            self.listed,
            key="identifier",
            name="display_name",
            pause=client.settings.backoff,
            delay=client.settings.list_delay,
        )

        self.pauses = self._list_cache.pauses
        """Seconds between looks at a list that may be late."""

    # --- Reading -------------------------------------------------------------------------------------------

    def listed(self) -> list[Attributes]:
        """Every custom connector, from the server.

        Raises:
            ProtocolError: What came back is not a list of connectors, or has no end.
            ScalekitError: As `Client.call`.
        """
        try:
            return self._pages("CUSTOM")
        except SilentPage:
            # No environment is without built-in connectors: a list of all of them can be told from nothing.
            return [connector for connector in self._pages("ALL") if connector.get("is_custom")]

    def _pages(self, provider_type: str) -> list[Attributes]:
        params: dict[str, str | int] = {"filter.provider_type": provider_type, "page_size": PAGE_SIZE}
        return read_list(self.client, _LIST, paths.PROVIDERS, params, "providers", "identifier")

    def all(self) -> list[Attributes]:
        """Every custom connector, no older than this process's own last write."""
        return self._list_cache.current().all()

    def get(self, identifier: str) -> Attributes | None:
        """The connector of an identifier, or `None` where the environment has none.

        A list may show a write late: `None` means that several lists did not show it.
        """
        found = self._list_cache.get(paths.checked_identifier(identifier))
        return None if found is None else self._usable(found, _LIST)

    def named(self, display_name: str) -> list[Attributes]:
        """The connectors of a display name, no older than this process's own last write."""
        return [self._usable(c, _LIST) for c in self._list_cache.current().named(display_name)]

    def known(self, display_name: str) -> list[Attributes]:
        """The connectors of a display name by the latest list and this process's own writes.

        Unlike `named`, this does not list again after each write: creating a thousand connectors must not list them a
        thousand times.
        """
        return self._list_cache.known(display_name)

    def _usable(self, connector: object, action: str) -> Attributes:
        """The connector itself, if it can be addressed, and Pulumi can carry it.

        Raises:
            ProtocolError: It has no usable identifier, or nests too deeply.
        """
        if not isinstance(connector, dict) or not paths.is_identifier(connector.get("identifier")):
            error = ProtocolError(
                f"{action} failed: {self.client.settings.environment_url} returned no usable identifier"
            )
            error.accepted = True
            raise error
        if depth(connector) > MAX_DEPTH:
            raise ProtocolError(
                f"{action} failed: the connector {connector['identifier']} nests deeper than "
                f"{MAX_DEPTH} levels, which Pulumi cannot hold"
            )
        return connector

    # --- Writing -------------------------------------------------------------------------------------------

    def create(self, payload: Mapping[str, Any], *, replaces: Container[str] = ()) -> Attributes:
        """Create a connector, exactly once, and return it as stored.

        Where the outcome of an attempt is not known, the list is looked at before anything else is sent: the
        connector that this call made is found there by its name and its definition.

        Args:
            payload: The body.
            replaces: Identifiers that may have the same display name, because they are about to be deleted.

        Raises:
            ConnectorExists: A connector of that display name exists already.
            ScalekitError: It could not be created, or whether it was is not known.
        """
        name = str(payload.get("display_name", ""))
        known = self.known(name)
        existing = [c for c in known if c["identifier"] not in replaces]
        if existing:
            raise exists_error(name, existing, self.client.settings.environment_url)
        before = {c["identifier"] for c in known}
        with self._list_cache.write() as written:
            attributes = self._create_once(name, payload, before, replaces)
            written[attributes["identifier"]] = attributes
            return attributes

    def _create_once(
        self, name: str, payload: Mapping[str, Any], before: set[str], replaces: Container[str]
    ) -> Attributes:
        def is_new(connector: Attributes) -> bool:
            return connector["identifier"] not in before

        where = self.client.settings.environment_url

        def find(error: ScalekitError) -> Attributes | None:
            with failing_as(error):
                new = [self._usable(c, _LIST) for c in self._list_cache.search(name, is_new)]
            if len(new) == 1 and not unapplied(payload, new[0]):
                return new[0]
            if isinstance(error, (TransportError, ServerError)):
                if new:
                    raise exists_error(name, new, where, unsure=True)
                if error.accepted:
                    raise self._not_shown(error)
            return None

        def check(made: Attributes) -> None:
            # An attempt that counted as not done may have been done after all, and show only now.
            try:
                now = self._list_cache.newer_than(time.monotonic()).named(name)
            except ScalekitError:
                return  # what was made is certain; only whether there is a second one is not
            both = {c["identifier"]: c for c in (made, *filter(is_new, now))}
            if len(both) > 1:
                raise exists_error(name, list(both.values()), where, unsure=True)

        return create_once(
            lambda: self._post(name, payload),
            attempts=self.client.settings.attempts,
            find=find,
            refused=lambda error: self._name_refused(error, name, replaces),
            check=check,
        )

    def _post(self, name: str, payload: Mapping[str, Any]) -> Attributes:
        action = f"create connector {name!r}"
        # An attempt with an unknown outcome is not repeated before the list was looked at.
        response = self.client.call(action, "POST", paths.CUSTOM_PROVIDERS, body=payload, repeatable=False)
        return self._usable(response.get("provider"), action)

    def _not_shown(self, error: ScalekitError) -> ProtocolError:
        """The error for a create that Scalekit accepted, and no list shows."""
        return ProtocolError(
            f"{error}. Scalekit accepted the create, but no list has shown the connector within "
            f"{self.client.settings.list_delay:g} seconds, so it was not sent again. Run again in a minute: what was "
            "created is recognised by its name. A longer scalekit:listDelay (SCALEKIT_LIST_DELAY) waits longer"
        )

    def _name_refused(self, error: ApiError, name: str, replaces: Container[str]) -> ScalekitError:
        """The error for a create that was refused, with the connector that has the name, if that is why.

        Scalekit returns 400 for the name of a built-in connector, in words that are not documented, and 409 for one
        that was just made.
        """
        fields = {violation.field.rpartition(".")[2] for violation in error.violations}
        about_name = isinstance(error, Conflict) or error.error_code.endswith("ALREADY_EXISTS")
        if isinstance(error, NotSent) or not (about_name or fields <= {"display_name"}):
            return error
        try:
            if custom := self._list_cache.newer_than(time.monotonic()).named(name):
                if all(connector["identifier"] in replaces for connector in custom):
                    if not (about_name or fields):
                        return error
                    error.remedy = (
                        "Scalekit does not let a connector have the name of the one that it replaces: take "
                        "delete_before_replace=False out of the resource's options, so that the old one goes first"
                    )
                    return error
                return exists_error(name, custom, self.client.settings.environment_url)
            same = [c for c in self._pages("ALL") if _plain(c.get("display_name")) == _plain(name)]
        except ScalekitError:
            return error  # Scalekit's own words must do
        if same:
            kind = "custom" if same[0].get("is_custom") else "built-in"
            error.remedy = (
                f"The name is taken by the {kind} connector {same[0]['identifier']}: choose another display_name, "
                f"such as 'Custom {name}'"
            )
        elif isinstance(error, Conflict):
            error.remedy = "No list shows a connector of that name yet: run again in a minute"
        return error

    def update(self, identifier: str, payload: Mapping[str, Any]) -> Attributes:
        """Replace a definition, and return it as stored.

        Raises:
            NotFound: The connector is gone.
            ScalekitError: It could not be updated.
        """
        name = str(payload.get("display_name", ""))
        action = f"update connector {name!r} ({identifier})"
        with self._list_cache.write() as written:
            try:
                response = self.client.call(
                    action, "PUT", paths.custom_provider_path(identifier), body=payload
                )
                attributes = self._usable(response.get("provider"), action)
            except NotFound as error:
                done = self._updated(name, payload, identifier, error) if error.repeated else None
                if done is None:
                    error.remedy = (
                        "It was deleted outside of Pulumi. "
                        "Run `pulumi refresh`, then `pulumi up` makes it again"
                    )
                    raise
                attributes = done
            except (TransportError, ServerError) as error:
                done = self._updated(name, payload, identifier, error) if error.ambiguous else None
                if done is None:
                    raise
                attributes = done
            if attributes["identifier"] != identifier:
                written[identifier] = None
            written[attributes["identifier"]] = attributes
            return attributes

    def _updated(
        self, name: str, payload: Mapping[str, Any], identifier: str, error: ScalekitError
    ) -> Attributes | None:
        """The connector as an update of unknown outcome left it, where a list shows that it was done.

        The update may have given it a new identifier.
        """

        def find(index: Index) -> Attributes | None:
            live = index.get(identifier)
            # A late list may still show what the server has just called gone.
            if live is not None and not isinstance(error, NotFound):
                return None if unapplied(payload, live) else live
            moved = [
                c for c in index.named(name) if c["identifier"] != identifier and not unapplied(payload, c)
            ]
            return moved[0] if len(moved) == 1 else None

        with failing_as(error):
            found = self._list_cache.look(find)
        return None if found is None else self._usable(found, _LIST)

    def delete(self, identifier: str, *, name: str = "") -> bool:
        """Delete a connector, and return whether it was still there.

        Raises:
            InUse: Connections or connected accounts still use it; the message names them.
            ScalekitError: It could not be deleted.
        """
        action = f"delete connector {name!r} ({identifier})" if name else f"delete connector {identifier}"
        with self._list_cache.write() as written:
            try:
                there = delete_once(
                    lambda: self.client.call(action, "DELETE", paths.custom_provider_path(identifier)),
                    is_gone=lambda: self._list_cache.get(identifier) is None,
                )
            except (InvalidRequest, Conflict) as error:
                if not _is_in_use(error):
                    raise
                raise self._in_use(error, identifier) from None
            written[identifier] = None
            return there

    def _in_use(self, error: ApiError, identifier: str) -> InUse:
        try:
            users = self.users_of(identifier)
        except ScalekitError:
            users = []  # the server's own words must do
        remedy = f"Remove these first, then run again: {', '.join(users)}" if users else ""
        return error.as_kind(InUse, remedy=remedy)

    def users_of(self, identifier: str) -> list[str]:
        """The connections of a connector and their connected accounts, each named as the dashboard does.

        Raises:
            ScalekitError: They could not be listed.
        """
        accounts = Accounts(self.client)
        connections, more = Connections(self.client).of(identifier, maximum=MAX_USERS)
        users: list[str] = []
        for connection in connections:
            name = str(connection.get("key_id") or connection.get("id"))
            users.append(f"connection {printable(name)}")
            users += [
                f"connected account {printable(account.get('identifier'))} of {printable(name)}"
                for account in accounts.of(name, maximum=MAX_USERS)
            ]
        if more:
            users.append("more that are not named here")
        return users


def exists_error(
    name: str,
    existing: list[Attributes],
    where: str,
    *,
    unsure: bool = False,
    manager: str = "",
    identical: bool = False,
    renamed: bool = False,
) -> ConnectorExists:
    """The error for a name that is taken: with the identifiers and the ways out.

    Args:
        name: The display name.
        existing: The connectors that have it.
        where: The environment's URL.
        unsure: Whether they may be of this run's own making.
        manager: The name of the resource of this stack that manages the first of them, or "".
        identical: Whether there is one, and it is as declared.
        renamed: Whether it is a connector of the stack that is to get the name.
    """
    identifiers = [printable(c.get("identifier")) for c in existing]
    known = " and ".join(identifiers)
    if unsure:
        verb = "was" if len(identifiers) == 1 else "were"
        start = f"Connector {name!r} may have been created in {where}: {known} {verb} not there before"
    elif len(identifiers) == 1:
        start = f"A connector named {name!r} exists already in {where}: {known}"
    else:
        start = f"{len(identifiers)} connectors named {name!r} exist already in {where}: {known}"
    if manager:
        ways = (
            f"The resource {manager!r} of this stack manages it. If that was renamed in the program, give the new "
            f"name an alias: opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name={manager!r})]). If it gives "
            "the name up, let `pulumi up` do that first, and take the name in a second run"
        )
    elif renamed:
        ways = (
            "Choose another display_name, or rename or remove that connector first. If it belongs to a resource that "
            "has left the program, let `pulumi up` delete that first, and take the name in a second run"
        )
    else:
        ways = "If the resource was renamed in the program, give it an alias. "
        if identical:
            ways += (
                "If a run that was stopped made it, run once with SCALEKIT_ADOPT_IDENTICAL=true, which takes over "
                "every connector that is as declared, as this one is. "
            )
        ways += (
            f"Otherwise take the connector over with adopt={identifiers[0]!r} on the Connector, or bring it into the "
            "stack with `pulumi-scalekit import`"
        )
        if not unsure:
            ways += (
                "; to replace it, use the option replacement_trigger, not --replace or a taint. `pulumi-scalekit list "
                "--unmanaged` shows all that no stack of the program manages"
            )
    return ConnectorExists(f"{start}. {'' if unsure else 'Nothing was changed. '}{ways}")


_GENERAL_CODES: Final = ("", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "ABORTED")
"""Codes that repeat the status: they do not tell why."""
_IN_USE_WORDS: Final = ("in use", "still use", "being used", "existing connection")


def _is_in_use(error: ApiError) -> bool:
    """Whether a refused delete was refused because something uses the connector: by its code, if it has one."""
    if error.error_code not in _GENERAL_CODES:
        return error.error_code == IN_USE
    return any(word in error.detail.lower() for word in _IN_USE_WORDS)


def _plain(name: object) -> str:
    """What Scalekit makes identifiers of: a name's letters and digits, whatever their case."""
    return "".join(char for char in str(name).upper() if char.isalnum())
