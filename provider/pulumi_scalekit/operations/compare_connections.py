"""The connections of two environments side by side, matched by their names.

What belongs to an environment is not compared: the client id and the client secret of an OAuth application, which the
upstream gives for each, and whether a connection is enabled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi_scalekit.definition.changes import Change
from pulumi_scalekit.definition.connection import (
    AUTH_MODES,
    OAUTH_SETTINGS,
    pattern_of,
    same_setting,
)
from pulumi_scalekit.definition.keys import ABSENT

from .broken import connection_errors
from .compare import Action
from .connections import LiveConnection
from .selection import name_of

OWN: Final = ("client_id",)
"""The shown settings that belong to an environment, as the client secret does."""
IN_PLACE: Final = "oauth_app"
"""The only part of a connection that a promotion changes; Scalekit makes another connection of the rest."""


@dataclass(frozen=True)
class ConnectionComparison:
    """A connection of either environment, and what a promotion does with it."""

    name: str
    connector: str
    """The display name of its connector."""
    action: Action
    source: LiveConnection | None
    """The connection in the source; `None` where it is only in the target."""
    target: LiveConnection | None
    """The connection in the target, as it is now."""
    changes: tuple[Change, ...] = ()
    """What differs: from what the target has to what the source has."""
    left: str = ""
    """Why a promotion leaves it to a person, and what is to be done; "" where it does not."""

    @property
    def identifier(self) -> str:
        """The id in the target, or ""."""
        return self.target.id if self.target else ""

    @property
    def source_identifier(self) -> str:
        """The id in the source, or ""."""
        return self.source.id if self.source else ""

    @property
    def errors(self) -> list[str]:
        """The rules that the source's connection breaks."""
        return connection_errors(self.source.declaration) if self.source else []

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the OAuth application that a promotion gives the target.

        What only the target sets is the connector's again, where that has it.
        """
        wanted = portable_app(self.source) if self.source else {}
        pattern = pattern_of(self.source.connector) if self.source else {}
        inherited = pattern.get("oauth_config") or {}
        removed = [key for key in self.settings_before if key not in wanted and key in inherited]
        return {**{key: inherited[key] for key in removed}, **wanted}

    @property
    def own_settings(self) -> dict[str, Any]:
        """The shown settings of the target that stay as they are, since they belong to the environment."""
        app = (self.target.declaration.get("oauth_app") or {}) if self.target else {}
        return {key: app[key] for key in OWN if key in app}

    @property
    def settings_before(self) -> dict[str, Any]:
        """Those that the target has now."""
        return portable_app(self.target) if self.target else {}


def compare_connections(
    source: Iterable[LiveConnection], target: Iterable[LiveConnection], *, target_name: str
) -> list[ConnectionComparison]:
    """Compare the connections of two environments, sorted by name.

    Args:
        source: The connections of the source environment.
        target: The connections of the target environment.
        target_name: The target environment, for what is left to do.
    """
    sources, targets = ({c.name: c for c in side} for side in (source, target))
    return [
        _compare_one(name, sources.get(name), targets.get(name), target_name)
        for name in sorted(sources.keys() | targets.keys())
    ]


def _compare_one(
    name: str, source: LiveConnection | None, target: LiveConnection | None, where: str
) -> ConnectionComparison:
    if source is None:
        connector = name_of(target.connector) if target else ""
        return ConnectionComparison(name, connector, "only in target", None, target)
    connector = name_of(source.connector)
    if target is None:
        left = _application_to_give(where) if _needs_application(source) else ""
        return ConnectionComparison(name, connector, "create", source, None, left=left)
    differing = tuple(_changes(source, target))
    if not differing:
        return ConnectionComparison(name, connector, "same", source, target)
    fixed = [str(change) for change in differing if change.path[0] != IN_PLACE]
    if not fixed:
        return ConnectionComparison(name, connector, "update", source, target, differing)
    left = f"{', '.join(fixed)} cannot change in place: delete it in {where} first, once no connected account needs it"
    return ConnectionComparison(name, connector, "replace", source, target, differing, left)


def _application_to_give(where: str) -> str:
    return (
        f"it needs an OAuth application of {where}, whose client id and secret are not those of the source: create it "
        "with them, in a Pulumi program or in the dashboard"
    )


def _needs_application(connection: LiveConnection) -> bool:
    """Whether a connection works with a client id and a secret only."""
    is_oauth = connection.declaration.get("auth_type") == "OAUTH"
    is_mcp = pattern_of(connection.connector).get("is_mcp") is True
    app = connection.declaration.get("oauth_app") or {}
    return is_oauth and not is_mcp and not app.get("use_platform_creds")


def portable_app(connection: LiveConnection) -> dict[str, Any]:
    """The settings of a connection's OAuth application that another environment may have, too."""
    app = connection.declaration.get("oauth_app") or {}
    return {key: value for key, value in app.items() if key in OAUTH_SETTINGS and key not in OWN}


def _changes(source: LiveConnection, target: LiveConnection) -> Iterator[Change]:
    now, proposed = _fixed(target), _fixed(source)
    for key in proposed:
        if now[key] != proposed[key]:
            yield Change((key,), now[key] or ABSENT, proposed[key] or ABSENT)
    before, after = portable_app(target), portable_app(source)
    for key in OAUTH_SETTINGS:
        if not same_setting(key, before.get(key), after.get(key)):
            yield Change((IN_PLACE, key), before.get(key, ABSENT), after.get(key, ABSENT))


def _fixed(connection: LiveConnection) -> Mapping[str, Any]:
    declared = connection.declaration
    return {
        # Identifiers differ from environment to environment.
        "connector": name_of(connection.connector),
        "auth_type": declared.get("auth_type"),
        "auth_mode": declared.get("auth_mode", AUTH_MODES[0]),
        "context": declared.get("context"),
    }
