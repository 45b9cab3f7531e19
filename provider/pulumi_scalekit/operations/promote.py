"""Promotion: the definitions of one environment, created or updated in another, and checked by reading them back.

Nothing is ever deleted. A connector that a Pulumi stack manages is left to that stack: a write behind its back would
show up as drift, and be undone or repeated by the next `pulumi up`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.api.responses import Attributes
from pulumi_scalekit.api.retries import look_again
from pulumi_scalekit.definition.changes import changes
from pulumi_scalekit.definition.connection import differing_settings, shown_settings
from pulumi_scalekit.definition.normalize import normalize, normalize_live
from pulumi_scalekit.errors import ScalekitError

from .compare import Comparison
from .compare_connections import ConnectionComparison
from .connections import LiveConnection
from .ownership import Ownership
from .selection import identifier_of
from .state import Managed

PROMOTED: Final = ("create", "update", "replace")
"""The actions of a comparison that a promotion is about."""
DRAFT: Final = "DRAFT"
"""The status of a connection that lacks an OAuth application."""
_C = TypeVar("_C", Comparison, ConnectionComparison)


@dataclass(frozen=True)
class Blocked(Generic[_C]):
    """A connector or connection that Pulumi is to promote."""

    comparison: _C
    stack: str
    """The stack to run `pulumi up` on."""
    reason: str


@dataclass(frozen=True)
class Outcome(Generic[_C]):
    """What became of one connector or connection."""

    comparison: _C
    identifier: str = ""
    """Its identifier, or id, in the target."""
    error: str = ""
    """Why it was not promoted, or how what is stored differs; "" when all is well."""


def divide(
    comparisons: Sequence[Comparison], ownership: Ownership, source_url: str, target_url: str
) -> tuple[list[Comparison], list[Blocked[Comparison]]]:
    """What a promotion of connectors may write, and what is a stack's to do.

    Args:
        comparisons: The comparison of both environments.
        ownership: What the stacks of the program manage.
        source_url: The source environment.
        target_url: The target environment.
    """
    return _divide(comparisons, ownership.managed, ownership, source_url, target_url)


def divide_connections(
    comparisons: Sequence[ConnectionComparison],
    ownership: Ownership,
    source_url: str,
    target_url: str,
    connectors: Sequence[Blocked[Comparison]] = (),
) -> tuple[list[ConnectionComparison], list[Blocked[ConnectionComparison]]]:
    """The same for connections. What is left to a person is in neither.

    Args:
        comparisons: The comparison of both environments.
        ownership: What the stacks of the program manage.
        source_url: The source environment.
        target_url: The target environment.
        connectors: The connectors that are a stack's to make: their connections cannot come before them.
    """
    stacks = {b.comparison.name: b.stack for b in connectors if b.comparison.action == "create"}
    able, blocked = _divide(comparisons, ownership.connections, ownership, source_url, target_url)
    free = []
    for comparison in able:
        if comparison.connector in stacks:
            blocked.append(
                Blocked(comparison, stacks[comparison.connector], "its connector is made by the stack")
            )
        elif not comparison.left:
            free.append(comparison)
    return free, blocked


def _divide(
    comparisons: Sequence[_C],
    managed: Mapping[tuple[str, str], Managed],
    ownership: Ownership,
    source_url: str,
    target_url: str,
) -> tuple[list[_C], list[Blocked[_C]]]:
    free: list[_C] = []
    blocked: list[Blocked[_C]] = []
    for comparison in comparisons:
        if comparison.action not in PROMOTED:
            continue
        owner = managed.get((target_url, comparison.identifier)) if comparison.target else None
        declared = managed.get((source_url, comparison.source_identifier))
        stacks = sorted(ownership.stacks.get(target_url, ()))
        if owner is not None:
            blocked.append(
                Blocked(comparison, owner.stack, f"managed by the stack {owner.stack} as {owner.resource!r}")
            )
        elif comparison.action == "create" and declared is not None and stacks:
            # The program declares it, so the stack of the target would make it, or now find an unmanaged one.
            reason = f"declared by the program as {declared.resource!r} (stack {declared.stack})"
            blocked.append(Blocked(comparison, stacks[0], reason))
        else:
            free.append(comparison)
    return free, blocked


def refuse_replacements(comparisons: Sequence[Comparison]) -> None:
    """Refuse connectors that only a replacement could promote: it would take connections and accounts with it.

    Raises:
        ScalekitError: There are such; the message names them, and what to do.
    """
    named = [
        f"{comparison.name!r} ({comparison.identifier}: {', '.join(comparison.immutable)})"
        for comparison in comparisons
        if comparison.action == "replace"
    ]
    if named:
        raise ScalekitError(
            "Nothing was changed: Scalekit cannot change an auth pattern's type or is_mcp in place, so a new connector "
            f"has to take the place of {', '.join(named)}. Its connections and connected accounts do not move to the "
            "new one. Delete it in the target first, once nothing needs them, or name the connectors to promote "
            "without it"
        )


def promote(
    comparisons: Sequence[Comparison],
    connectors: Connectors,
    progress: Callable[[Comparison], None] = lambda _: None,
) -> list[Outcome[Comparison]]:
    """Create or update connectors in the target, and read them back. One that fails does not stop the rest.

    Args:
        comparisons: Creates and updates.
        connectors: The target. It has been read just now, so that nothing is overwritten unseen.
        progress: Called before each write.
    """
    written: list[Outcome[Comparison]] = []
    for comparison in comparisons:
        progress(comparison)
        try:
            if comparison.target is None:
                stored = connectors.create(comparison.payload)
            else:
                stored = connectors.update(comparison.identifier, comparison.payload)
            written.append(Outcome(comparison, identifier_of(stored)))
        except ScalekitError as error:
            written.append(Outcome(comparison, comparison.identifier, str(error)))
    return _read_back(written, connectors)


def _read_back(written: list[Outcome[Comparison]], connectors: Connectors) -> list[Outcome[Comparison]]:
    """Look at what the environment now lists. A list may show a write late, so it gets several looks."""
    checked = written
    if all(outcome.error for outcome in written):
        return checked

    def look() -> list[Outcome[Comparison]] | None:
        nonlocal checked
        # From the server: the connectors' own list knows the writes without being told.
        live = {identifier_of(attributes): attributes for attributes in connectors.listed()}
        checked = [o if o.error else _checked(o, live.get(o.identifier)) for o in written]
        return checked if [o.error for o in checked] == [o.error for o in written] else None

    try:
        look_again(look, connectors.pauses)
    except ScalekitError as error:
        return [
            o if o.error else Outcome(o.comparison, o.identifier, f"not checked: {error}") for o in written
        ]
    return checked


def _checked(outcome: Outcome[Comparison], live: Attributes | None) -> Outcome[Comparison]:
    comparison = outcome.comparison
    if live is None:
        said = f"the write was accepted, but the list does not show {outcome.identifier}. Compare again in a minute"
        return Outcome(comparison, outcome.identifier, said)
    differing = list(changes(normalize(comparison.payload), normalize_live(live)))
    if differing:
        properties = "; ".join(change.describe() for change in differing[:5])
        said = f"the write was accepted, but Scalekit stored it differently: {properties}"
        return Outcome(comparison, outcome.identifier, said)
    return outcome


def promote_connections(
    comparisons: Sequence[ConnectionComparison],
    connections: Connections,
    identifiers: Mapping[str, str],
    progress: Callable[[ConnectionComparison], None] = lambda _: None,
) -> list[Outcome[ConnectionComparison]]:
    """Create or update connections in the target, after their connectors. One that fails does not stop the rest.

    Client ids and client secrets are neither read nor sent: an update leaves those that the target has.

    Args:
        comparisons: Creates and updates.
        connections: The target.
        identifiers: The identifiers of the target's connectors, by display name.
        progress: Called before each write.
    """
    outcomes = []
    for comparison in comparisons:
        progress(comparison)
        id_, error = comparison.identifier, ""
        try:
            connector = identifiers.get(comparison.connector)
            if connector is None:
                raise ScalekitError(
                    f"the target has no connector {comparison.connector!r}: promote that first"
                )
            id_ = id_ or _create(comparison, connections, connector)
            error = _set(id_, comparison, connections, connector)
        except ScalekitError as raised:
            error = str(raised)
        outcomes.append(Outcome(comparison, id_, error))
    return outcomes


def _create(comparison: ConnectionComparison, connections: Connections, connector: str) -> str:
    declared = comparison.source.declaration if comparison.source else {}
    made = connections.create(
        name=comparison.name,
        connector=connector,
        auth_type=declared["auth_type"],
        auth_mode=declared.get("auth_mode"),
        context=declared.get("context"),
    )
    return str(made["id"])


def _set(id_: str, comparison: ConnectionComparison, connections: Connections, connector: str) -> str:
    """Make the settings those of the source; returns what is wrong with what is stored then, or ""."""
    declared = {
        "connection_name": comparison.name,
        "connector": connector,
        "auth_type": comparison.source.declaration["auth_type"] if comparison.source else "",
        "oauth_app": {**comparison.own_settings, **comparison.settings},
    }
    stored = connections.apply(id_, before=comparison.settings_before, declared=declared)
    if not stored:
        return f"it was deleted in the meantime ({id_})"
    wanted = comparison.settings
    if differing := differing_settings(shown_settings(stored), wanted, wanted):
        return f"the write was accepted, but Scalekit stored other settings than sent: {', '.join(differing)}"
    if stored.get("status") == DRAFT and comparison.action == "create":
        return "it is a draft: give it an OAuth application"
    return ""


def moved_meanwhile(before: Sequence[_C], after: Sequence[_C]) -> list[str]:
    """The connectors or connections that somebody changed between two comparisons, by name."""
    now = {c.name: c for c in after}

    def sides(comparison: _C | None) -> Any:
        return [_state(side) for side in (comparison.source, comparison.target)] if comparison else []

    return [c.name for c in before if sides(c) != sides(now.get(c.name))]


def _state(side: Attributes | LiveConnection | None) -> Any:
    """What a side of a comparison is, as far as a promotion minds."""
    if isinstance(side, LiveConnection):
        return side.id, side.declaration
    return side and (identifier_of(side), normalize_live(side))
