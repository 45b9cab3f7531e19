"""What must be replaced or deleted along with a resource: those that need it."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi_embedded.errors import Bail
from pulumi_embedded.plugins.registry import Providers
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.values.diff import apply_replace_on_changes
from pulumi_embedded.values.values import UNKNOWN, Properties

from .comparison import compare
from .inventory import Inventory
from .plan import Plan
from .reporter import Reporter
from .steps import DeleteStep, Op, Step


def delete_op(resource: Resource, *, replacing: bool) -> Op:
    """Return the kind of step that removes a resource; what something else manages is only discarded."""
    if resource.external:
        return Op.DISCARD_REPLACED if replacing else Op.DISCARD
    return Op.DELETE_REPLACED if replacing else Op.DELETE


@dataclass
class Dependents:
    """Finds what needs a resource, and plans its deletion before the resource's own."""

    inventory: Inventory
    plan: Plan
    providers: Providers
    reporter: Reporter
    ignore_protect: bool

    def delete_first(self, old: Resource) -> list[Step]:
        """Plan the deletions that must come before a resource's own, when that comes before its replacement.

        Raises:
            Bail: one of them is protected; that has been reported.
        """
        plan = self.plan
        to_delete: list[tuple[Resource, tuple[str, ...]]] = []
        if old in self.inventory.graph:
            to_delete = self.replaced_along(old)
        to_delete += [(resource, ()) for resource in self.cascading(old.urn)]
        steps: list[Step] = []
        for resource, keys in reversed(to_delete):
            if resource in plan.pending_deletes:
                continue
            plan.dependent_keys[resource.urn] = keys
            self.providers.ensure(resource.provider)
            if resource.delete:
                steps.append(DeleteStep(resource, None, op=delete_op(resource, replacing=False)))
            else:
                self._check_protection(resource, old)
                steps.append(replacing_delete(resource))
            plan.deletes.add(resource.urn)
            plan.pending_deletes.add(resource)
        return steps

    def _check_protection(self, resource: Resource, old: Resource) -> None:
        if not resource.protect or self.ignore_protect:
            return
        self.reporter.error(
            old.urn,
            f'unable to replace resource "{resource.urn}" as part of replacing "{old.urn}" as it is '
            "currently marked for protection. To unprotect the resource, remove the `protect` flag "
            "from the resource in your Pulumi program and run `pulumi up`, or use the command:\n"
            f"`pulumi state unprotect '{resource.urn}'`",
        )
        raise Bail(old.urn)

    def replaced_along(self, root: Resource) -> list[tuple[Resource, tuple[str, ...]]]:
        """Return the resources that a replacement of one would have replaced, too, with the reasons."""
        replaced = {root.urn}
        found = []
        graph = self.inventory.graph
        for resource in graph.depending_on(root, self.plan.planned_urns(), include_children=False):
            keys = self._replaced_with(resource, replaced)
            if keys is not None:
                found.append((resource, keys))
                replaced.add(resource.urn)
        return found

    def _replaced_with(self, resource: Resource, replaced: set[str]) -> tuple[str, ...] | None:
        if not resource.custom or resource.external:
            return None
        if resource.provider_urn in replaced:
            self.providers.ensure(resource.provider)
            return ()
        if resource.deleted_with and resource.deleted_with in replaced:
            return ()
        inputs: Properties = {}
        depends = False
        for key, value in resource.inputs.items():
            if any(urn in replaced for urn in (resource.property_dependencies or {}).get(key, ())):
                depends = True
                value = UNKNOWN
            inputs[key] = value
        if not depends:
            return None
        if resource.is_provider:
            self.providers.load(resource.urn, resource.id, resource.inputs)
        else:
            self.providers.ensure(resource.provider)
        diff = compare(self.providers.for_resource(resource), resource, inputs, preview=True)
        diff = apply_replace_on_changes(diff, resource.replace_on_changes, init_errors=False)
        return diff.replace_keys if diff.replaces else None

    def cascading(self, urn: str) -> list[Resource]:
        """Return the resources that say themselves that they go with another: `replace_with`, `deleted_with`."""
        found: dict[str, Resource] = {}
        for resource in [*self.inventory.news.values(), *self.inventory.olds.values()]:
            if resource.urn not in found and (urn in resource.replace_with or resource.deleted_with == urn):
                found[resource.urn] = resource
        return list(found.values())


def replacing_delete(resource: Resource) -> Step:
    """Plan to delete a resource before its replacement is made."""
    return DeleteStep(
        resource,
        None,
        op=delete_op(resource, replacing=True),
        logical=False,
        replacing=True,
        pending_replacement=True,
    )
