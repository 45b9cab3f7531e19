"""Two environments side by side: what promoting the one's connectors to the other would do.

The connectors of both are matched by display name. The source's definition is proposed as it is: an update replaces
the whole definition, so every property that only the target has goes away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pulumi_scalekit.api.responses import Attributes
from pulumi_scalekit.definition.changes import Change, authorization_note, matched_changes, replacements
from pulumi_scalekit.definition.normalize import (
    create_payload,
    definition_of,
    normalize,
    normalize_live,
    update_payload,
)
from pulumi_scalekit.definition.paths import format_path
from pulumi_scalekit.errors import AmbiguousConnector

from .broken import connector_errors
from .selection import by_name, find, identifier_of, name_of

Action = Literal["create", "update", "replace", "same", "only in target"]


@dataclass(frozen=True)
class Comparison:
    """A connector of either environment, and what a promotion does with it."""

    name: str
    """The display name."""
    action: Action
    source: Attributes | None
    """The connector in the source; `None` where it is only in the target."""
    target: Attributes | None
    """The connector in the target, as it is now."""
    changes: tuple[Change, ...] = field(default=())
    """What an update changes in the target: from what it is now to what is proposed."""
    immutable: tuple[str, ...] = ()
    """The paths of the changes that Scalekit cannot make in place: the action is "replace" then."""
    authorization: str = ""
    """What the change means for those who have authorized already, or ""."""

    @property
    def identifier(self) -> str:
        """The identifier in the target, or ""."""
        return identifier_of(self.target) if self.target else ""

    @property
    def source_identifier(self) -> str:
        """The identifier in the source, or ""."""
        return identifier_of(self.source) if self.source else ""

    @property
    def errors(self) -> list[str]:
        """The rules that the source's definition breaks."""
        return connector_errors(self.source) if self.source else []

    @property
    def payload(self) -> dict[str, Any]:
        """What a promotion sends of a connector that the source has."""
        definition = definition_of(self.source or {})
        return update_payload(definition) if self.target else create_payload(definition)


def compare(
    source: Iterable[Attributes],
    target: Iterable[Attributes],
    names: Sequence[str] = (),
    *,
    source_name: str,
    target_name: str,
) -> list[Comparison]:
    """Compare the connectors of two environments, sorted by name.

    Args:
        source: The connectors of the source environment.
        target: The connectors of the target environment.
        names: Display names or identifiers, of the source first, else of the target; all without any.
        source_name: The source environment, for messages.
        target_name: The target environment, for messages.

    Raises:
        AmbiguousConnector: Two connectors of an environment have a name that is compared.
        ConnectorNotFound: A name means no connector of either.
    """
    sources, targets = by_name(source), by_name(target)
    wanted = _wanted(sources, targets, names, f"{source_name} or {target_name}")
    return [
        _compare_one(name, _only(sources, name, source_name), _only(targets, name, target_name))
        for name in wanted
    ]


def _wanted(
    sources: list[Attributes], targets: list[Attributes], names: Sequence[str], where: str
) -> list[str]:
    both = [*sources, *(t for t in targets if name_of(t) not in {name_of(s) for s in sources})]
    if not names:
        return [name_of(c) for c in by_name({name_of(c): c for c in both}.values())]
    identifiers = {identifier_of(c): name_of(c) for c in [*targets, *sources]}
    known = {name_of(c) for c in both}
    chosen = {n if n in known else identifiers.get(n) or name_of(find(both, n, where)) for n in names}
    return [name_of(c) for c in by_name({"display_name": name} for name in chosen)]


def _only(connectors: list[Attributes], name: str, where: str) -> Attributes | None:
    found = [c for c in connectors if name_of(c) == name]
    if len(found) > 1:
        identifiers = ", ".join(identifier_of(c) for c in found)
        raise AmbiguousConnector(
            f"{len(found)} connectors are named {name!r} in {where} ({identifiers}), and connectors are matched "
            "by their names. Rename or delete the duplicate, or leave that name out"
        )
    return found[0] if found else None


def _compare_one(name: str, source: Attributes | None, target: Attributes | None) -> Comparison:
    if source is None:
        return Comparison(name, "only in target", None, target)
    proposed = normalize(definition_of(source))
    if target is None:
        return Comparison(name, "create", source, None)
    now = normalize_live(target)
    differing = tuple(matched_changes(now, proposed))
    if not differing:
        return Comparison(name, "same", source, target)
    immutable = tuple(format_path(path) for path in replacements(now, proposed))
    action: Action = "replace" if immutable else "update"
    note = authorization_note(now, proposed)
    return Comparison(name, action, source, target, differing, immutable, note)
