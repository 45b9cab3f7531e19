"""A stack's state, in the CLI's own checkpoint format (version 3)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from typing import Any

from pulumi_embedded.errors import EmbeddedError, Unsupported
from pulumi_embedded.values import values
from pulumi_embedded.values.values import Properties, Secret

ROOT_STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"

VERSION = f"v{version('pulumi')}"
"""The version that manifests carry: that of the Pulumi SDK whose runtime this engine drives."""


# --- names ---------------------------------------------------------------------------------------------------


def make_urn(stack: str, project: str, parent: str, kind: str, name: str) -> str:
    """Build a resource's URN. `parent` is a URN or empty; a child of the stack has no parent types."""
    types = kind
    if parent and urn_type(parent) != ROOT_STACK_TYPE:
        types = f"{urn_qualified_type(parent)}${kind}"
    return f"urn:pulumi:{stack}::{project}::{types}::{name}"


def urn_qualified_type(urn: str) -> str:
    """Return the types of a URN, its parents' first, joined by `$`."""
    return urn.split("::", 3)[2]


def urn_type(urn: str) -> str:
    """Return a URN's own type."""
    return urn_qualified_type(urn).rsplit("$", 1)[-1]


def urn_name(urn: str) -> str:
    """Return a URN's resource name; it may hold anything, `::` included."""
    return urn.split("::", 3)[3]


def is_provider(kind: str) -> bool:
    """Whether a type is that of a provider."""
    return kind.startswith(PROVIDER_PREFIX)


def is_default_provider(urn: str) -> bool:
    """Whether a URN is that of a provider which the engine made by itself."""
    return is_provider(urn_type(urn)) and urn_name(urn).startswith("default")


def provider_reference(urn: str, identifier: str) -> str:
    """Name one provider instance, as resources do."""
    return f"{urn}::{identifier}"


def split_reference(reference: str) -> tuple[str, str]:
    """Split a provider reference into URN and id."""
    urn, _, identifier = reference.rpartition("::")
    if not urn.startswith("urn:"):
        raise EmbeddedError(f"{reference!r} is not a provider reference")
    return urn, identifier


def timestamp() -> str:
    """Return the time now, UTC, RFC 3339 with nanoseconds."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"


# --- resources -----------------------------------------------------------------------------------------------


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
    replacement_trigger: values.Value = None
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
                value = values.to_state(value, write_secret)
            elif attribute == "property_dependencies" and value:
                value = {key: sorted(set(value[key])) for key in sorted(value)}
            if always or value not in (None, "", False, [], {}):
                found[name] = value
        return found

    @classmethod
    def from_json(cls, stored: dict[str, Any], read_secret: Callable[[Any], Secret]) -> Resource:
        """Read a resource of a checkpoint.

        Raises:
            Unsupported: the resource has a feature that this engine would lose.
        """
        unknown = sorted(set(stored) - _KNOWN_FIELDS)
        if unknown:
            raise Unsupported(f"resource {stored.get('urn')!r} has `{unknown[0]}` in its state")
        resource = cls(stored["urn"], stored["type"])
        for name, attribute, _ in _FIELDS:
            if name not in stored:
                continue
            value = stored[name]
            if attribute in ("inputs", "outputs", "replacement_trigger"):
                value = values.from_state(value, read_secret)
            setattr(resource, attribute, value if value is not None else getattr(resource, attribute))
        return resource


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


# --- snapshots -----------------------------------------------------------------------------------------------


@dataclass
class Operation:
    """An operation that was begun and whose end is not known. `kind` is creating, updating, deleting, …."""

    resource: Resource
    kind: str


@dataclass
class Snapshot:
    """A stack's resources in dependency order, and the operations that were interrupted."""

    resources: list[Resource] = field(default_factory=list)
    pending: list[Operation] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    def outputs(self) -> Properties:
        """Return the stack's outputs."""
        for resource in self.resources:
            if resource.type == ROOT_STACK_TYPE and not resource.delete:
                return resource.outputs
        return {}

    def verify(self) -> None:
        """Check that every reference is to an earlier resource.

        Raises:
            EmbeddedError: the state is damaged; the message names the first resource that is wrong.
        """
        seen: set[str] = set()
        providers: set[str] = set()
        for resource in self.resources:
            if resource.is_provider:
                providers.add(provider_reference(resource.urn, resource.id))
            if resource.provider and resource.provider not in providers:
                raise EmbeddedError(
                    f"snapshot integrity failure; refusing to use it: resource {resource.urn} "
                    f"refers to unknown provider {resource.provider}"
                )
            for urn in resource.depends_on():
                if urn not in seen:
                    raise EmbeddedError(
                        f"snapshot integrity failure; refusing to use it: resource {resource.urn} "
                        f"refers to missing resource {urn}"
                    )
            seen.add(resource.urn)


def normalized(resources: list[Resource], pending: list[Operation]) -> tuple[list[Resource], list[Operation]]:
    """Rewrite references to resources that were renamed by an alias, and forget the aliases."""
    renamed: dict[str, str] = {}
    for resource in resources:
        renamed.update(dict.fromkeys(resource.aliases, resource.urn))
        parent = renamed.get(resource.parent)
        if parent and urn_type(parent) != ROOT_STACK_TYPE:
            stack, project = resource.urn.removeprefix("urn:pulumi:").split("::", 2)[:2]
            renamed[resource.urn] = make_urn(stack, project, parent, resource.type, resource.name)
    if not renamed:
        return resources, pending

    def fix(urn: str) -> str:
        return renamed.get(urn, urn)

    def fixed(resource: Resource) -> Resource:
        changed = resource.copy()
        changed.urn = fix(resource.urn)
        changed.parent = fix(resource.parent)
        changed.dependencies = [fix(urn) for urn in resource.dependencies]
        if resource.property_dependencies is not None:
            changed.property_dependencies = {
                key: [fix(urn) for urn in urns] for key, urns in resource.property_dependencies.items()
            }
        changed.deleted_with = fix(resource.deleted_with)
        changed.replace_with = [fix(urn) for urn in resource.replace_with]
        if resource.provider:
            urn, identifier = split_reference(resource.provider)
            changed.provider = provider_reference(fix(urn), identifier)
        changed.aliases = []
        return changed

    return [fixed(resource) for resource in resources], pending


def manifest() -> dict[str, str]:
    """Say when and by what version a checkpoint was written; the magic proves that the two were not edited."""
    return {
        "time": timestamp(),
        "magic": hashlib.sha256(VERSION.encode()).hexdigest(),
        "version": VERSION,
    }


def deployment(
    resources: list[dict[str, Any]],
    pending: list[dict[str, Any]],
    secrets_provider: dict[str, Any] | None,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Assemble a version 3 deployment from resources and operations that are JSON already."""
    found: dict[str, Any] = {"manifest": manifest()}
    if secrets_provider:
        found["secrets_providers"] = secrets_provider
    if resources:
        found["resources"] = resources
    if pending:
        found["pending_operations"] = pending
    found["metadata"] = metadata or {}
    return found


_FEATURES = {"refreshBeforeUpdate": "refreshBeforeUpdate", "taint": "taint", "replaceWith": "replaceWith"}
"""Properties of a resource that make a checkpoint one of version 4, and the feature that says so."""


def features_of(resources: Iterable[dict[str, Any]]) -> list[str]:
    """Return the features that the resources of a deployment use."""
    found = {feature for resource in resources for name, feature in _FEATURES.items() if resource.get(name)}
    return sorted(found)


def versioned(features: list[str]) -> dict[str, Any]:
    """Return the version of a document, and the features that make it one of version 4."""
    return {"version": 4, "features": features} if features else {"version": 3}


def check_version(document: dict[str, Any]) -> None:
    """Check that a checkpoint or a deployment is one that this engine can read and write.

    Raises:
        Unsupported: it is of another version, or it uses features that would be lost.
    """
    if document.get("version") not in (3, 4):
        raise Unsupported(f"version {document.get('version')} of the checkpoint format")
    for feature in document.get("features") or ():
        if feature not in _FEATURES.values():
            raise Unsupported(f"the checkpoint feature {feature!r}")


def checkpoint(
    stack: str, latest: dict[str, Any] | None, features: list[str] | None = None
) -> dict[str, Any]:
    """Assemble the content of a stack file.

    Args:
        stack: the full name, organization/project/stack.
        latest: the deployment; None for a stack that never had one.
        features: what the deployment uses; by default that is looked up in its resources.
    """
    body: dict[str, Any] = {"stack": stack}
    if latest is not None:
        body["latest"] = latest
    if features is None:
        features = features_of((latest or {}).get("resources") or [])
    return {**versioned(features), "checkpoint": body}


def read_snapshot(latest: dict[str, Any] | None, read_secret: Callable[[Any], Secret]) -> Snapshot:
    """Read a deployment.

    Raises:
        Unsupported: it uses a feature that this engine would lose.
    """
    if not latest:
        return Snapshot()
    for feature in ("snippets", "extensions"):
        if latest.get(feature):
            raise Unsupported(f"`{feature}` in the stack's state")
    return Snapshot(
        [Resource.from_json(stored, read_secret) for stored in latest.get("resources") or []],
        [
            Operation(Resource.from_json(stored["resource"], read_secret), stored["type"])
            for stored in latest.get("pending_operations") or []
        ],
        latest.get("metadata") or {},
    )


def dump(document: Any, indent: int | None = None) -> str:
    """Write JSON as the CLI does: compact, or indented for people; text is not escaped."""
    if indent is None:
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(document, indent=indent, ensure_ascii=False)
