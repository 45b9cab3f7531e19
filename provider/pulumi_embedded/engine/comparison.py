"""Comparing a resource with what it is to be: by the provider, or by the engine where the provider cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pulumi_embedded.plugins.provider import Provider
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.values.diff import Changes, DiffResult, compare_inputs
from pulumi_embedded.values.property_paths import ignore_changes
from pulumi_embedded.values.values import Properties


def compare(
    provider: Provider,
    resource: Resource,
    new_inputs: Properties,
    *,
    preview: bool,
    urn: str = "",
    ignored: Sequence[str] | None = None,
) -> DiffResult:
    """Ask a provider what differs; if it cannot tell, compare the inputs.

    Args:
        provider: the provider of the resource.
        resource: the resource as it is.
        new_inputs: the inputs that it is to have.
        preview: whether the new inputs may have unknown values.
        urn: its URN now, if an alias has changed that.
        ignored: property paths whose changes do not count; by default the resource's own.
    """
    patterns = resource.ignore_changes if ignored is None else ignored
    result = provider.diff(resource, new_inputs, patterns, urn=urn or resource.urn, preview=preview)
    if result.changes is not Changes.UNKNOWN:
        return result
    news, _ = ignore_changes(patterns, resource.inputs, new_inputs)
    own = compare_inputs(resource.inputs, news)
    if own.changes is Changes.NONE:
        return replace(result, changes=Changes.NONE)
    return replace(result, changes=Changes.SOME, changed_keys=own.changed_keys, detailed=own.detailed)
