"""The resources that a deployment knows: those of the state before it, and those that it has dealt with."""

from __future__ import annotations

from pulumi_embedded.state.checkpoint import Snapshot
from pulumi_embedded.state.resources import Resource

from .graph import DependencyGraph


class Inventory:
    """Resources by URN. A refresh replaces the base; every step that is done adds to the others."""

    def __init__(self, base: Snapshot) -> None:
        self.base = base
        self.news: dict[str, Resource] = {}
        self._index()

    def _index(self) -> None:
        self.olds = {resource.urn: resource for resource in self.base.resources if not resource.delete}
        self.graph = DependencyGraph(self.base.resources)

    def replace_base(self, resources: list[Resource]) -> None:
        """Replace the resources of the state before, as a refresh does."""
        self.base.resources = resources
        self._index()

    def find(self, urn: str) -> Resource | None:
        """Return a resource that this deployment has dealt with."""
        return self.news.get(urn)
