"""What happens to the resources that the program did not register."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pulumi_embedded.errors import Bail
from pulumi_embedded.plugins.registry import Providers

from .dependents import Dependents, delete_op
from .events import Options
from .graph import DependencyGraph
from .inventory import Inventory
from .plan import Plan
from .reporter import Reporter
from .steps import DeleteStep, RemovePendingReplaceStep, SameStep, Step


@dataclass
class Deletions:
    """Plans the deletion of what is left when the program has registered everything."""

    inventory: Inventory
    plan: Plan
    dependents: Dependents
    providers: Providers
    reporter: Reporter
    options: Options
    preview: bool

    def steps(self) -> tuple[list[Step], list[Step]]:
        """Plan what happens to the resources that the program did not register.

        Returns:
            Steps that keep what the targets leave out, and steps that delete the rest.

        Raises:
            Bail: something would be deleted that is not among the targets.
        """
        plan = self.plan
        allowed = self._deletable() if self.options.targets.constrained else None
        sames: list[Step] = []
        deletes: list[Step] = []
        for resource in self.inventory.base.resources:
            if allowed is not None and resource.urn not in allowed:
                if not plan.was_operated_on(resource.urn):
                    new = resource.copy()
                    new.id = ""
                    sames.append(SameStep(resource, new, untargeted=True))
                continue
            if resource.delete:
                if resource in plan.pending_deletes:
                    continue
                plan.deletes.add(resource.urn)
                op = delete_op(resource, replacing=True)
                deletes.append(DeleteStep(resource, None, op=op, logical=False, replacing=True))
            elif not plan.was_operated_on(resource.urn):
                plan.deletes.add(resource.urn)
                if resource.pending_replacement:
                    deletes.append(RemovePendingReplaceStep(resource))
                else:
                    deletes.append(DeleteStep(resource, None, op=delete_op(resource, replacing=False)))
            if resource.urn in plan.deletes:
                self.providers.ensure(resource.provider)
        self._check_targets(deletes)
        return sames, deletes

    def _check_targets(self, deletes: Iterable[Step]) -> None:
        targets = self.options.targets
        if not targets.constrained or self.options.target_dependents:
            return
        untargeted = [step for step in deletes if step.urn not in targets]
        for step in untargeted:
            self.reporter.error(
                step.urn,
                f"Resource '{step.urn}' will be destroyed but was not specified in --target list.\n"
                f"Either include resource in --target list or pass --target-dependents to proceed.",
            )
        if untargeted:
            self.plan.errored = True
            if not self.preview:
                raise Bail("delete untargeted resource")

    def _deletable(self) -> set[str]:
        targets, graph, resources = (
            self.options.targets,
            self.inventory.graph,
            self.inventory.base.resources,
        )
        found: set[str] = set()
        frontier = [resource for resource in resources if resource.urn in targets]
        while frontier:
            resource = frontier.pop(0)
            if resource.urn in found:
                continue
            found.add(resource.urn)
            frontier += graph.depending_on(resource, found, include_children=True)
        replaced: set[str] = set()
        for resource in resources:
            if resource.urn in found:
                replaced.update(dependent.urn for dependent, _ in self.dependents.replaced_along(resource))
                replaced.update(dependent.urn for dependent in self.dependents.cascading(resource.urn))
        return found | replaced


def schedule_deletions(steps: Iterable[Step], graph: DependencyGraph) -> list[list[Step]]:
    """Order deletions: lists to be done one after another, the steps in each at once."""
    left = {step.resource: step for step in steps}
    batches: list[list[Step]] = []
    while left:
        batch = [
            resource
            for resource in left
            if not any(needed in left for needed in graph.dependencies_of(resource))
        ]
        batches.append([left[resource] for resource in batch])
        for resource in batch:
            del left[resource]
    batches.reverse()
    return batches
