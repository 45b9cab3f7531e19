"""What has been decided so far in a deployment, by URN."""

from __future__ import annotations

from pulumi_embedded.state.resources import Resource


class Plan:
    """The resources that the program registered, and what is to happen to each.

    `errored`: something cannot be done, and that has been reported. `skipped_creates`: resources that are not made
    because the targets leave them out. `aliased`: old URNs and the new ones that took them over.
    """

    def __init__(self) -> None:
        self.errored = False
        self.urns: set[str] = set()
        self.creates: set[str] = set()
        self.sames: set[str] = set()
        self.updates: set[str] = set()
        self.replaces: set[str] = set()
        self.deletes: set[str] = set()
        self.reads: set[str] = set()
        self.skipped_creates: set[str] = set()
        self.pending_deletes: set[Resource] = set()
        self.dependent_keys: dict[str, tuple[str, ...]] = {}
        self.aliased: dict[str, str] = {}

    def was_operated_on(self, urn: str) -> bool:
        """Whether the resource is kept, by this URN or the one that it has now."""
        urn = self.aliased.get(urn, urn)
        return urn in self.sames or urn in self.updates or urn in self.replaces or urn in self.reads

    def is_planned(self, urn: str) -> bool:
        """Whether anything has been decided about a resource."""
        return any(urn in decided for decided in self._all())

    def planned_urns(self) -> set[str]:
        """Return the URNs about which anything has been decided."""
        return set().union(*self._all())

    def _all(self) -> tuple[set[str], ...]:
        return (self.creates, self.sames, self.updates, self.deletes, self.replaces, self.reads)
