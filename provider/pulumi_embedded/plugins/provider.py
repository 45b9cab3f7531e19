# ruff: noqa: ARG002 - not every provider minds every argument
"""The life cycle of a resource, as any provider has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi_embedded.errors import Unsupported
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.values.diff import DiffResult
from pulumi_embedded.values.values import Properties


@dataclass(frozen=True)
class CheckFailure:
    """One thing wrong with a resource's inputs. `property` may be empty."""

    property: str
    reason: str


@dataclass(frozen=True)
class ReadResult:
    """What a provider found. `outputs` is None when there is nothing of that id."""

    id: str
    outputs: Properties | None
    inputs: Properties | None


class Provider:
    """Manages resources. What a provider does not override is refused, or nothing to do."""

    def check(
        self, urn: str, olds: Properties, news: Properties, *, preview: bool
    ) -> tuple[Properties, list[CheckFailure]]:
        """Validate inputs and fill in defaults; returns the inputs to use and what is wrong with them."""
        return news, []

    def diff(
        self, old: Resource, news: Properties, ignored: Sequence[str], *, urn: str, preview: bool
    ) -> DiffResult:
        """Ask what differs between a resource and its new inputs; `urn` is the one that it has now."""
        raise NotImplementedError

    def create(self, new: Resource, *, preview: bool) -> tuple[str, Properties]:
        """Create a resource; returns its id and outputs. In a preview the id is empty."""
        raise Unsupported(f"creating {new.urn}")

    def read(self, resource: Resource, outputs: Properties) -> ReadResult:
        """Read the live state of a resource; `outputs` is what is known of it."""
        raise Unsupported(f"reading {resource.urn}")

    def update(self, old: Resource, new: Resource, ignored: Sequence[str], *, preview: bool) -> Properties:
        """Update a resource; returns its outputs."""
        raise Unsupported(f"updating {new.urn}")

    def delete(self, old: Resource) -> None:
        """Delete a resource."""
