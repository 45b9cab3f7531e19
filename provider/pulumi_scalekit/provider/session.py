"""What one provider process knows: the settings, the client, and what this run has seen so far."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

from pulumi_scalekit.errors import ConnectorNotFound, WrongEnvironment
from pulumi_scalekit.settings import ConfigGetter, Settings, read_settings

from . import sdk
from .call import log
from .failures import redacting
from .keys import Inputs, Level
from .ownership import Ownership

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from pulumi_scalekit.api.connections import Connections
    from pulumi_scalekit.api.connectors import Connectors


class Session:
    """One run of the provider against one environment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.previewing = False
        """Whether this run is a preview, as the program says in each check."""
        self._widened = False
        self._opening = threading.Lock()
        self._opened: tuple[Connectors, Connections] | None = None
        # By resource, what its program tells of it.
        self._secret_paths: dict[str, frozenset[str]] = {}
        self._written_names: dict[str, Mapping[str, str]] = {}
        self._connector_urns: dict[str, object] = {}
        self.leaves_enabled: set[str] = set()
        """The connections whose program does not say whether they are enabled: that stays as it is."""
        self.connector_owners = Ownership("connector", "display name")
        self.connection_owners = Ownership("connection", "connection name")

    def note(self, urn: str, told: Mapping[str, Any]) -> None:
        """Note what the program tells a `check` of itself and of the resource.

        Args:
            urn: The resource.
            told: The input `CONTEXT_KEY`. Of its members this keeps `preview`, whether the run is one; `secret`, the
                paths of secret values; `written`, the paths that the program wrote otherwise than the payload has
                them, by those of the payload; and `connector_urn`, the resource that declares a connection's connector.
        """
        self.previewing = bool(told.get("preview"))
        self._secret_paths[urn] = self.secret_paths_of(urn).union(told.get("secret") or ())
        self._written_names[urn] = told.get("written") or {}
        self._connector_urns[urn] = told.get("connector_urn")

    def connector_urn_of(self, urn: str) -> object:
        """The resource that declares a connection's connector, where the program says it."""
        return self._connector_urns.get(urn)

    def secret_paths_of(self, urn: str) -> frozenset[str]:
        """The paths of a resource's values that the program has said to be secret in this run."""
        return self._secret_paths.get(urn, frozenset())

    def redacting(self, urn: str, *properties: Inputs) -> AbstractContextManager[Callable[[str], str]]:
        """Keep out of messages what the program has said to be secret in this run, and what the state knows to be."""
        names = self._written_names.get(urn)
        return redacting(*properties, secret=self.secret_paths_of(urn), names=names)

    def tell(self, level: Level, message: str) -> None:
        """Say something at preview; the update that follows would only repeat it."""
        if self.previewing:
            log(level, message)

    @property
    def connectors(self) -> Connectors:
        """The environment's connectors. One list serves all reads, so only writes need `widen`."""
        return self._open()[0]

    @property
    def connections(self) -> Connections:
        """The environment's connections. Each has a request of its own, for a read as for a write."""
        self.widen()
        return self._open()[1]

    def widen(self) -> None:
        """Let as many calls wait for Scalekit at a time as the settings say.

        Not before there are requests to wait for: until then, more threads are only in each other's way.
        """
        if not self._widened:
            self._widened = sdk.widen_thread_pool(self.settings.parallel) > 0

    def _open(self) -> tuple[Connectors, Connections]:
        # A run that finds nothing to change makes no call: it does not load the HTTP client either.
        with self._opening:
            if self._opened is None:
                from pulumi_scalekit.api.client import Client
                from pulumi_scalekit.api.connections import Connections
                from pulumi_scalekit.api.connectors import Connectors

                client = Client(self.settings)
                self._opened = Connectors(client), Connections(client)
            return self._opened

    def guard(self, what: str, recorded: Any) -> None:
        """Refuse to work on what lives in another environment than the settings name.

        Raises:
            WrongEnvironment: It does; the message has both URLs.
        """
        if not isinstance(recorded, str) or not recorded:
            return  # not created yet, or written before this was recorded
        if recorded not in (self.settings.environment_url, self.settings.former_environment_url):
            raise WrongEnvironment(what=what, recorded=recorded, current=self.settings.environment_url)

    def missing(self, what: str, recorded: Any) -> None:
        """Refuse to forget what is not there, where only the settings say that this is its environment.

        Raises:
            ConnectorNotFound: It was recorded under the former URL; the message has both.
        """
        current, former = self.settings.environment_url, self.settings.former_environment_url
        if recorded != current and recorded == former:
            raise ConnectorNotFound(
                f"{what} lives in {former}, and is not in {current}, which the settings of this run call the same "
                "environment under a new URL. Nothing was changed. If it is another one, use the settings of the "
                "stack's own environment; if it was deleted, remove it with `pulumi state delete`"
            )

    def guard_empty(self, what: str) -> None:
        """Refuse to forget a connector where the environment shows no custom connector at all.

        Pulumi reads resource by resource, so a provider cannot see that all of a stack are gone. That the list of
        the environment is empty is what it can see, and what credentials of a wrong workspace or a fault of
        Scalekit's look like.

        Raises:
            ConnectorNotFound: The list is empty, and the setting does not allow that.
        """
        if not self.settings.allow_empty_environment and not self.connectors.all():
            raise ConnectorNotFound(
                f"{what} is gone from {self.settings.environment_url}, and so is every other custom connector: the "
                "environment has none. Nothing was forgotten. If they were deleted on purpose, run once with "
                "SCALEKIT_ALLOW_EMPTY_ENVIRONMENT=true"
            )


@functools.cache
def _session(settings: Settings) -> Session:
    return Session(settings)


def open_session(config: ConfigGetter) -> Session:
    """The session of this provider process: all its resources share one token and one concurrency limit.

    Raises:
        SettingsError: A setting is missing or malformed.
    """
    return _session(read_settings(config))


def begin_run() -> None:
    """Forget what this process has seen: another run begins, as in a plugin that the engine attaches to."""
    _session.cache_clear()
