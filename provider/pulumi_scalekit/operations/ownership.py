"""Which stack of a Pulumi project manages which connector, and which stacks deploy to an environment."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .pulumi_cli import Project
from .state import (
    Deployment,
    Managed,
    environments_at,
    environments_of,
    managed_connections,
    managed_connectors,
)

_AT_ONCE = 4
"""How many states are exported at a time: each is a process of its own."""


@dataclass(frozen=True)
class Ownership:
    """What the states of a project's stacks say."""

    managed: dict[tuple[str, str], Managed] = field(default_factory=dict)
    """The managing resource, by environment URL and identifier."""
    stacks: dict[str, set[str]] = field(default_factory=dict)
    """The stacks that deploy to an environment, by its URL."""
    connections: dict[tuple[str, str], Managed] = field(default_factory=dict)
    """The resource that manages a connection, by environment URL and the connection's id."""

    def owner(self, environment_url: str, identifier: str) -> Managed | None:
        """The resource that manages a connector, if one does."""
        return self.managed.get((environment_url, identifier))


def read_ownership(project: Project, *, without: Iterable[str] = ()) -> Ownership:
    """Read the states of all stacks of a project, except for those named.

    Raises:
        EngineError: One cannot be read.
    """
    # A backend may list a stack with its organization, where the user has typed the bare name.
    skipped = {stack.rpartition("/")[2] for stack in without}
    names = [stack for stack in project.stacks if stack.rpartition("/")[2] not in skipped]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        states = list(pool.map(lambda stack: _state(project, stack), names))
    found = Ownership()
    for stack, (deployment, urls) in zip(names, states, strict=True):
        for managed in managed_connectors(deployment, stack):
            found.managed[managed.environment_url, managed.identifier] = managed
        for managed in managed_connections(deployment, stack):
            found.connections[managed.environment_url, managed.identifier] = managed
        for url in urls:
            found.stacks.setdefault(url, set()).add(stack)
    return found


def _state(project: Project, stack: str) -> tuple[Deployment, set[str]]:
    """A stack's state, and the environments that it deploys to."""
    deployment = project.deployment(stack)
    if urls := environments_of(deployment):
        return deployment, urls
    # No update yet: only its configuration tells where the first will go.
    configured = project.config(stack, decrypted=False).get("scalekit:environmentUrl")
    return deployment, environments_at(configured.value if configured else None)
