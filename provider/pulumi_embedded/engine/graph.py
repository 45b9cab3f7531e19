"""Who needs whom, by the order of a state and the references in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pulumi_embedded.state.resources import Resource


class DependencyGraph:
    """The dependencies among the resources of a state, which come in dependency order."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._resources = list(resources)
        self._index = {resource: position for position, resource in enumerate(self._resources)}
        self._children: dict[str, list[Resource]] = {}
        for resource in self._resources:
            if resource.parent:
                self._children.setdefault(resource.parent, []).append(resource)
        self._by_urn: dict[str, list[Resource]] = {}
        for resource in self._resources:
            self._by_urn.setdefault(resource.urn, []).append(resource)

    def __contains__(self, resource: Resource) -> bool:
        return resource in self._index

    def depending_on(
        self, root: Resource, ignore: Collection[str], *, include_children: bool
    ) -> list[Resource]:
        """Return what needs a resource, directly or not, in order. Resources of the `ignore`d URNs do not."""
        found: list[Resource] = []
        urns = {root.urn}
        for candidate in self._resources[self._index[root] + 1 :]:
            if candidate.urn in ignore:
                continue
            needs = {*candidate.depends_on(parent=include_children), candidate.provider_urn}
            if not urns.isdisjoint(needs):
                found.append(candidate)
                urns.add(candidate.urn)
        return found

    def dependencies_of(self, resource: Resource) -> set[Resource]:
        """Return what a resource needs directly.

        To need a component is to need its children too, those that came before.
        """
        position = self._index[resource]
        urns = {*resource.depends_on(parent=False), resource.provider_urn} - {""}
        found: set[Resource] = set()
        for urn in urns:
            for candidate in self._by_urn.get(urn, ()):
                if self._index[candidate] < position:
                    found.add(candidate)
                    if not candidate.custom:
                        found.update(self._earlier_descendants(candidate, position))
        for candidate in self._by_urn.get(resource.parent, ()):
            if self._index[candidate] < position:
                found.add(candidate)
        return found

    def _earlier_descendants(self, component: Resource, position: int) -> set[Resource]:
        found: set[Resource] = set()
        frontier = [component]
        while frontier:
            for child in self._children.get(frontier.pop().urn, ()):
                if child not in found:
                    found.add(child)
                    frontier.append(child)
        return {child for child in found if self._index[child] < position}

    def transitive_dependencies_of(self, resource: Resource) -> set[Resource]:
        """Return everything that a resource needs, directly or not."""
        found: set[Resource] = set()
        frontier = [resource]
        while frontier:
            for needed in self.dependencies_of(frontier.pop()):
                if needed not in found:
                    found.add(needed)
                    frontier.append(needed)
        return found
