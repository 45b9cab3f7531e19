"""What a program asks of the engine: to register a resource, to read one, to set outputs."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from pulumi_embedded.errors import EmbeddedError
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.values.values import Properties, Value


@dataclass(frozen=True)
class Alias:
    """Another identity that a resource may have had: a URN, or what differs from the present one."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass
class Registered:
    """What a program gets back for a registration. `unknown` says that the resource does not exist yet."""

    resource: Resource
    failed: bool = False
    unknown: bool = False


@dataclass
class Goal:
    """A resource as the program wants it."""

    type: str
    name: str
    custom: bool
    properties: Properties
    parent: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] | None = None
    provider: str = ""
    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    replacement_trigger: Value = None
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    import_id: str = ""
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    source_position: str = ""
    stack_trace: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Registration:
    """A goal, and the program's call that waits for it."""

    goal: Goal
    result: Future[Registered] = field(default_factory=Future, kw_only=True)

    def done(self, result: Registered) -> None:
        """Let the program go on; the first result counts."""
        if not self.result.done():
            self.result.set_result(result)


@dataclass
class ReadRequest(Registration):
    """A program's request to read a resource that it does not manage."""

    id: str


@dataclass
class OutputsRequest:
    """A component's outputs."""

    urn: str
    outputs: Properties
    result: Future[None] = field(default_factory=Future)


@dataclass
class Refused:
    """The program asks for what this engine does not do, which ends the run."""

    error: EmbeddedError


class AllRegistered:
    """The program will register nothing more."""


Event: TypeAlias = Registration | OutputsRequest | Refused | AllRegistered
"""Anything that a program asks for or says."""
