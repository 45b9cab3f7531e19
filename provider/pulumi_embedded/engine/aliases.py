"""Finding the resource of the state that a registration is about, by its URN or by an alias."""

from __future__ import annotations

from dataclasses import dataclass, field

from pulumi_embedded.language_host.requests import Alias, Goal
from pulumi_embedded.plugins.registry import Providers
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import make_urn, urn_name, urn_type

from .inventory import Inventory
from .plan import Plan
from .reporter import Reporter


@dataclass
class Aliases:
    """Which resource of the state has which URN now."""

    stack: str
    project: str
    inventory: Inventory
    plan: Plan
    providers: Providers
    reporter: Reporter
    old_urns: dict[str, str] = field(default_factory=dict, init=False)
    """New URN to the old one."""

    def find_old(self, urn: str, goal: Goal) -> tuple[Resource | None, bool, str]:
        """Return the resource of before, whether the aliases clash, and the alias that found it."""
        aliased, invalid = self.plan.aliased, False
        if urn in aliased:
            invalid = True
            self.reporter.error(
                urn,
                f"Duplicate resource URN '{urn}' conflicting with alias on resource with URN '{aliased[urn]}'",
            )
        for candidate in [urn, *self._candidates(goal)]:
            old = self.inventory.olds.get(candidate)
            if old is None:
                continue
            if candidate == urn:
                return old, invalid, ""
            clash = urn if candidate in self.plan.urns else aliased.get(candidate)
            if clash:
                invalid = True
                self.reporter.error(
                    urn,
                    f"Duplicate resource alias '{candidate}' applied to resource with URN '{urn}' conflicting "
                    f"with resource with URN '{clash}'",
                )
            aliased[candidate] = urn
            self.old_urns[urn] = candidate
            self.providers.alias(urn, candidate)
            return old, invalid, candidate
        return None, invalid, ""

    def _candidates(self, goal: Goal) -> list[str]:
        found: dict[str, None] = {}
        for alias in goal.aliases:
            found[self._collapse(goal, alias)] = None
        if goal.parent in self.old_urns:
            old_parent = self.old_urns[goal.parent]
            found[self._inherited(goal.type, goal.name, goal.parent, old_parent)] = None
            for alias in goal.aliases:
                urn = self._collapse(goal, alias)
                found[self._inherited(urn_type(urn), urn_name(urn), goal.parent, old_parent)] = None
        return list(found)

    def _collapse(self, goal: Goal, alias: Alias) -> str:
        if alias.urn:
            return alias.urn
        parent = self.old_urns.get(alias.parent, alias.parent) if alias.parent else goal.parent
        if alias.no_parent:
            parent = ""
        return make_urn(
            alias.stack or self.stack,
            alias.project or self.project,
            parent,
            alias.type or goal.type,
            alias.name or goal.name,
        )

    def _inherited(self, kind: str, name: str, parent: str, old_parent: str) -> str:
        parent_name = urn_name(parent)
        if name.startswith(parent_name):
            name = urn_name(old_parent) + name[len(parent_name) :]
        return make_urn(self.stack, self.project, old_parent, kind, name)
