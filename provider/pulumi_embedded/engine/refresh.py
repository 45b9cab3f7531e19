"""Bringing the state in line with the live resources."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi_embedded.plugins.registry import Providers
from pulumi_embedded.state.resources import Resource

from .events import Options
from .inventory import Inventory
from .steps import RefreshStep


def plan_refresh(inventory: Inventory, providers: Providers, options: Options) -> list[RefreshStep]:
    """Plan to read every resource, or those that the targets name."""
    targets, added = options.targets, set[str]()
    steps = []
    for resource in inventory.base.resources:
        if resource.urn not in targets:
            needs_target = any(urn in targets or urn in added for urn in resource.depends_on())
            if not options.target_dependents or not needs_target:
                continue
            added.add(resource.urn)
        providers.ensure(resource.provider)
        steps.append(RefreshStep(resource, resource))
    return steps


def rebuilt_resources(
    resources: list[Resource], refreshed: Mapping[Resource, Resource | None]
) -> list[Resource]:
    """Return the resources after a refresh, without references to those that are gone.

    Args:
        resources: the resources before, in dependency order.
        refreshed: what was found of each that was read; None if it is gone.
    """
    found: list[Resource] = []
    kept_urns: set[str] = set()
    for old in resources:
        new = refreshed.get(old, old)
        if new is None:
            continue
        new.dependencies = [urn for urn in new.dependencies if urn in kept_urns]
        if new.property_dependencies:
            kept = {
                key: [urn for urn in urns if urn in kept_urns]
                for key, urns in new.property_dependencies.items()
            }
            new.property_dependencies = {key: urns for key, urns in kept.items() if urns}
        if new.deleted_with and new.deleted_with not in kept_urns:
            new.deleted_with = ""
        new.replace_with = [urn for urn in new.replace_with if urn in kept_urns]
        found.append(new)
        kept_urns.add(new.urn)
    for resource in found:
        if resource.parent not in kept_urns:
            resource.parent = ""
    return found
