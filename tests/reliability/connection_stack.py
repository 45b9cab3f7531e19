"""Connections under faults: a stack of them, a process that dies, and what must hold in the end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider.connection import ConnectionProvider

from ..support.definitions import OAUTH, bearer, named
from ..support.host import Host
from .conftest import empty
from .stack import Run, Stack

Declared = Mapping[str, Mapping[str, Any]]


class Died(BaseException):
    """The process is gone: nothing catches that."""


class ConnectionStack(Stack):
    """The state of a stack of connections. Its process may die at a request."""

    def __init__(self, scalekit: LocalScalekit, *, threads: int = 4, **settings: float) -> None:
        super().__init__(scalekit, threads=threads, **settings)
        self.requests_until_death: int | None = None
        """After how many requests the process of the next run dies: the last one takes effect, unheard."""
        self._dying = threading.Lock()

    def run_until_death(self, command: Callable[[], Run], requests: int) -> bool:
        """Run a command in a process that dies after so many requests; returns whether it did."""
        self.requests_until_death = requests
        try:
            with contextlib.suppress(Died):
                command()
                return False
            return True
        finally:
            self.requests_until_death = None

    def _host(self) -> Host:
        host = Host(self.scalekit, ConnectionProvider, **self.settings)
        if self.requests_until_death is not None:
            client = host.provider._session.connections.client
            client.call = self._mortal(client.call)  # type: ignore[method-assign]
        return host

    def _mortal(self, call: Callable[..., Any]) -> Callable[..., Any]:
        left = self.requests_until_death or 0

        def mortal(*arguments: Any, **more: Any) -> Any:
            nonlocal left
            with self._dying:
                left -= 1
                is_last = left == 0
                if left < 0:
                    raise Died
            response = call(*arguments, **more)
            if is_last:
                raise Died
            return response

        return mortal


def empty_with_connectors(scalekit: LocalScalekit) -> dict[str, str]:
    """An environment with two connectors and nothing else; returns their identifiers by auth type."""
    for connection in scalekit.store.connections():
        scalekit.store.delete_connection(connection.id, lambda _accounts: None)
    for _ in range(10):
        scalekit.store.listed_connections()  # a list that is late by some lists must not show an earlier test's
    empty(scalekit)
    made = {
        "OAUTH": scalekit.store.create_provider(named(OAUTH, "OAuth")),
        "BEARER": scalekit.store.create_provider(bearer("Static")),
    }
    return {auth_type: provider.identifier for auth_type, provider in made.items()}


def oauth(identifiers: Mapping[str, str], name: str, **app: Any) -> dict[str, Any]:
    """A connection with an OAuth application."""
    settings = {"client_id": f"app-{name}", "client_secret": f"canary-{name}", "scopes": ["read"], **app}
    connector = identifiers["OAUTH"]
    return {"connector": connector, "connection_name": name, "auth_type": "OAUTH", "oauth_app": settings}


def static(identifiers: Mapping[str, str], name: str, **more: Any) -> dict[str, Any]:
    """A connection of a static type."""
    return {"connector": identifiers["BEARER"], "connection_name": name, "auth_type": "BEARER", **more}


def check(stack: ConnectionStack, declared: Declared) -> None:
    """Exactly the declared connections live, each once and complete; the state has them; nothing is left to do."""
    scalekit = stack.scalekit
    scalekit.faults.clear()
    live = {connection.name: connection for connection in scalekit.store.connections()}
    assert len(live) == len(scalekit.store.connections())
    assert sorted(live) == sorted(inputs["connection_name"] for inputs in declared.values())
    assert stack.state.keys() == declared.keys()
    for name, inputs in declared.items():
        connection = live[inputs["connection_name"]]
        assert stack.state[name].id == connection.id
        assert (connection.provider_key, connection.type) == (inputs["connector"], inputs["auth_type"])
        assert connection.auth_mode == inputs.get("auth_mode", "USER")
        assert connection.is_app
        assert inputs.get("enabled") in (None, connection.enabled)
        stored = connection.settings.get("oauth_config", {})
        for key, value in inputs.get("oauth_app", {}).items():
            # The order of scopes means nothing.
            now, wanted = (sorted(v) if isinstance(v, list) else v for v in (stored.get(key), value))
            assert now == wanted, (name, key)
    before = scalekit.requests.count("connection-update")
    again = stack.up(declared)
    assert (again.errors, again.changes) == ([], 0), "the next run finds something to do"
    assert scalekit.requests.count("connection-update") == before
