"""One resource of a stack's state, in the form of the CLI's checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from pulumi_embedded.errors import EmbeddedError, Unsupported
from pulumi_embedded.values.values import Properties, Secret, Value, from_state, to_state

from .urns import is_provider, split_reference, urn_name


def timestamp() -> str:
    """Return the time now, UTC, RFC 3339 with nanoseconds."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"


@dataclass(eq=False)
class Resource:
    """One resource in a state. Two are the same only if they are one object: URNs repeat during a replacement."""

    urn: str
    type: str
    custom: bool = False
    delete: bool = False
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    taint: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] | None = None
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[dict[str, str]] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    replacement_trigger: Value = None
    refresh_before_update: bool = False

    @property
    def name(self) -> str:
        """The name in the program."""
        return urn_name(self.urn)

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider."""
        return is_provider(self.type)

    def copy(self) -> Resource:
        """Return a shallow copy: the same properties, another resource."""
        duplicate = Resource(self.urn, self.type)
        for spec in fields(self):
            setattr(duplicate, spec.name, getattr(self, spec.name))
        duplicate.dependencies = list(self.dependencies)
        if self.property_dependencies is not None:
            duplicate.property_dependencies = dict(self.property_dependencies)
        return duplicate

    def depends_on(self, *, parent: bool = True) -> Iterator[str]:
        """Yield the URNs that this resource needs, its provider's excluded."""
        if parent and self.parent:
            yield self.parent
        yield from self.dependencies
        for urns in (self.property_dependencies or {}).values():
            yield from urns
        if self.deleted_with:
            yield self.deleted_with
        yield from self.replace_with

    @property
    def provider_urn(self) -> str:
        """The URN of the provider, or empty."""
        return split_reference(self.provider)[0] if self.provider else ""

    def to_json(self, write_secret: Callable[[Secret], Any]) -> dict[str, Any]:
        """Write the resource in the order and with the omissions of the checkpoint format."""
        found: dict[str, Any] = {}
        for name, attribute, always in _FIELDS:
            value = getattr(self, attribute)
            if attribute in ("inputs", "outputs", "replacement_trigger"):
                value = to_state(value, write_secret)
            elif attribute == "property_dependencies" and value:
                value = {key: sorted(set(value[key])) for key in sorted(value)}
            if always or value not in (None, "", False, [], {}):
                found[name] = value
        return found

    @classmethod
    def from_json(cls, stored: dict[str, Any], read_secret: Callable[[Any], Secret]) -> Resource:
        """Read a resource of a checkpoint that `check_resource` has passed.

        Raises:
            DamagedState: it does not have the form of one.
            Unsupported: the resource has a feature that this engine would lose.
        """
        unknown = sorted(set(stored) - _KNOWN_FIELDS)
        if unknown:
            raise Unsupported(f"resource {stored['urn']!r} has `{unknown[0]}` in its state")
        resource = cls(stored["urn"], stored["type"])
        for name, attribute, _ in _FIELDS:
            value = stored.get(name)
            if value is None:
                continue
            default = getattr(resource, attribute)
            if not _fits(attribute, value, default):
                raise DamagedState(f"resource {resource.urn!r} has a `{name}` of the wrong type")
            if attribute in ("inputs", "outputs", "replacement_trigger"):
                value = from_state(value, read_secret)
            setattr(resource, attribute, value)
        return resource


class DamagedState(EmbeddedError):
    """The state is not one that an engine wrote."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"snapshot integrity failure; refusing to use it: {reason}")


def check_resource(stored: dict[str, Any]) -> None:
    """Check that a resource of a checkpoint says what and which it is.

    Raises:
        DamagedState: it does not.
    """
    for name in ("urn", "type"):
        if not isinstance(stored.get(name), str) or not stored[name]:
            raise DamagedState(f"resource {stored.get('urn') or ''!r} lacks its `{name}`")
    if stored["urn"].count("::") < 3:
        raise DamagedState(f"{stored['urn']!r} is not a URN")


def _fits(attribute: str, value: Any, default: Any) -> bool:
    """Whether a value is of the type of an attribute whose default is given."""
    if attribute == "property_dependencies":
        return isinstance(value, dict) and all(_are_texts(urns) for urns in value.values())
    if attribute == "stack_trace":
        return isinstance(value, list) and all(isinstance(frame, dict) for frame in value)
    if isinstance(default, list):
        return _are_texts(value)
    return default is None or isinstance(value, type(default))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_FIELDS: tuple[tuple[str, str, bool], ...] = (
    ("urn", "urn", True),
    ("custom", "custom", True),
    ("delete", "delete", False),
    ("id", "id", False),
    ("type", "type", True),
    ("inputs", "inputs", False),
    ("outputs", "outputs", False),
    ("parent", "parent", False),
    ("protect", "protect", False),
    ("taint", "taint", False),
    ("external", "external", False),
    ("dependencies", "dependencies", False),
    ("initErrors", "init_errors", False),
    ("provider", "provider", False),
    ("propertyDependencies", "property_dependencies", False),
    ("pendingReplacement", "pending_replacement", False),
    ("additionalSecretOutputs", "additional_secret_outputs", False),
    ("aliases", "aliases", False),
    ("customTimeouts", "custom_timeouts", False),
    ("importID", "import_id", False),
    ("retainOnDelete", "retain_on_delete", False),
    ("deletedWith", "deleted_with", False),
    ("replaceWith", "replace_with", False),
    ("created", "created", False),
    ("modified", "modified", False),
    ("sourcePosition", "source_position", False),
    ("stackTrace", "stack_trace", False),
    ("ignoreChanges", "ignore_changes", False),
    ("hideDiff", "hide_diff", False),
    ("replaceOnChanges", "replace_on_changes", False),
    ("replacementTrigger", "replacement_trigger", False),
    ("refreshBeforeUpdate", "refresh_before_update", False),
)
"""Name in state, attribute here, and whether it is written even when empty; in the order of the format."""

_KNOWN_FIELDS = {name for name, _, _ in _FIELDS}
