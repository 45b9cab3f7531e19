"""Promotion: the definitions of one environment, created or updated in another, and checked by reading them back.

Nothing is ever deleted. A connector that a Pulumi stack manages is left to that stack: a write behind its back would
show up as drift, and be undone or repeated by the next `pulumi up`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.api.retries import look_again
from pulumi_scalekit.definition.changes import changes
from pulumi_scalekit.definition.normalize import normalize, normalize_live
from pulumi_scalekit.errors import ScalekitError

from .compare import Comparison
from .ownership import Ownership
from .selection import Attributes, identifier_of

PROMOTED: Final = ("create", "update", "replace")
"""The actions of a comparison that a promotion is about."""


@dataclass(frozen=True)
class Blocked:
    """A connector that Pulumi is to promote."""

    comparison: Comparison
    stack: str
    """The stack to run `pulumi up` on."""
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of one connector."""

    comparison: Comparison
    identifier: str = ""
    """Its identifier in the target."""
    error: str = ""
    """Why it was not promoted, or how what is stored differs; "" when all is well."""


def divide(
    comparisons: Sequence[Comparison], ownership: Ownership, source_url: str, target_url: str
) -> tuple[list[Comparison], list[Blocked]]:
    """What a promotion may write, and what is a stack's to do.

    Args:
        comparisons: The comparison of both environments.
        ownership: What the stacks of the program manage.
        source_url: The source environment.
        target_url: The target environment.
    """
    free: list[Comparison] = []
    blocked: list[Blocked] = []
    for comparison in comparisons:
        if comparison.action not in PROMOTED:
            continue
        owner = ownership.owner(target_url, comparison.identifier) if comparison.target else None
        declared = ownership.owner(source_url, identifier_of(comparison.source or {}))
        stacks = sorted(ownership.stacks.get(target_url, ()))
        if owner is not None:
            blocked.append(
                Blocked(comparison, owner.stack, f"managed by the stack {owner.stack} as {owner.resource!r}")
            )
        elif comparison.action == "create" and declared is not None and stacks:
            # The program declares it, so the stack of the target would make it, or now find an unmanaged connector.
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
        f"{comparison.display_name!r} ({comparison.identifier}: {', '.join(comparison.immutable)})"
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
) -> list[Outcome]:
    """Create or update connectors in the target, and read them back. One that fails does not stop the rest.

    Args:
        comparisons: Creates and updates.
        connectors: The target. It has been read just now, so that nothing is overwritten unseen.
        progress: Called before each write.
    """
    written: list[Outcome] = []
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


def _read_back(written: list[Outcome], connectors: Connectors) -> list[Outcome]:
    """Look at what the environment now lists. A list may show a write late, so it gets several looks."""
    checked = written
    if all(outcome.error for outcome in written):
        return checked

    def look() -> list[Outcome] | None:
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


def _checked(outcome: Outcome, live: Attributes | None) -> Outcome:
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


def moved_meanwhile(before: Sequence[Comparison], after: Sequence[Comparison]) -> list[str]:
    """The connectors that somebody changed between two comparisons, by display name."""
    now = {c.display_name: c for c in after}

    def state(comparison: Comparison | None) -> Any:
        if comparison is None:
            return None
        sides = (comparison.source, comparison.target)
        return [None if s is None else (identifier_of(s), normalize_live(s)) for s in sides]

    return [c.display_name for c in before if state(c) != state(now.get(c.display_name))]
