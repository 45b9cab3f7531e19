"""A stack's whole state, in the CLI's own checkpoint format (version 3, or 4 where the CLI makes it so)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from pulumi_embedded.errors import Unsupported
from pulumi_embedded.values.values import Properties, Secret

from .resources import DamagedState, Resource, check_resource, timestamp
from .urns import ROOT_STACK_TYPE, make_urn, provider_reference, split_reference, urn_name, urn_type

VERSION = f"v{version('pulumi')}"
"""The version that manifests carry: that of the Pulumi SDK whose runtime this engine drives."""


@dataclass(eq=False)
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
    manifest: dict[str, Any] = field(default_factory=dict)

    def outputs(self) -> Properties:
        """Return the stack's outputs."""
        for resource in self.resources:
            if resource.type == ROOT_STACK_TYPE and not resource.delete:
                return resource.outputs
        return {}

    def verify(self) -> None:
        """Check that the state is what an engine wrote: no other hand, and every reference to an earlier resource.

        Raises:
            DamagedState: the message names the first thing that is wrong.
        """
        version = self.manifest.get("version") or ""
        if (self.manifest.get("magic") or "") != _magic(version):
            raise DamagedState("magic cookie mismatch; possible tampering/corruption detected")
        seen: dict[str, list[Resource]] = {}
        providers: set[str] = set()
        for resource in self.resources:
            if not resource.custom and resource.id:
                raise DamagedState(f"resource '{resource.urn}' has 'custom' false but an id")
            if resource.is_provider:
                providers.add(provider_reference(resource.urn, resource.id))
            if resource.provider and resource.provider not in providers and not resource.pending_replacement:
                raise DamagedState(f"resource {resource.urn} refers to unknown provider {resource.provider}")
            for urn in resource.depends_on():
                if urn not in seen:
                    raise DamagedState(f"resource {resource.urn} refers to missing resource {urn}")
            seen.setdefault(resource.urn, []).append(resource)
        for urn, found in seen.items():
            if sum(not resource.delete for resource in found) > 1:
                raise DamagedState(f"duplicate resource {urn} (not marked for deletion)")


def normalized(
    resources: list[dict[str, Any]], known: Mapping[str, str]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rewrite references to resources that were renamed by an alias, and forget the aliases.

    Args:
        resources: the resources of a state, in its JSON and its order.
        known: which URNs are others by now, old to new, though no alias in `resources` says so any more.

    Returns:
        The resources, and all that is known now.
    """
    renamed = dict(known)
    for resource in resources:
        urn = resource["urn"]
        renamed.update(dict.fromkeys(resource.get("aliases", ()), urn))
        parent = renamed.get(resource.get("parent", ""))
        if parent and urn_type(parent) != ROOT_STACK_TYPE:
            stack, project = urn.removeprefix("urn:pulumi:").split("::", 2)[:2]
            renamed[urn] = make_urn(stack, project, parent, resource["type"], urn_name(urn))
    if not renamed:
        return resources, renamed

    def fix(urn: str) -> str:
        return renamed.get(urn, urn)

    def fixed(resource: dict[str, Any]) -> dict[str, Any]:
        changed = {key: value for key, value in resource.items() if key != "aliases"}
        for key in ("urn", "parent", "deletedWith"):
            if key in changed:
                changed[key] = fix(changed[key])
        for key in ("dependencies", "replaceWith"):
            if key in changed:
                changed[key] = [fix(urn) for urn in changed[key]]
        if "propertyDependencies" in changed:
            changed["propertyDependencies"] = {
                key: [fix(urn) for urn in urns] for key, urns in changed["propertyDependencies"].items()
            }
        if "provider" in changed:
            urn, identifier = split_reference(changed["provider"])
            changed["provider"] = provider_reference(fix(urn), identifier)
        return changed

    return [fixed(resource) for resource in resources], renamed


def _magic(version: str) -> str:
    return hashlib.sha256(version.encode()).hexdigest() if version else ""


def make_manifest() -> dict[str, str]:
    """Say when and by what version a checkpoint was written; the magic proves that the two were not edited."""
    return {
        "time": timestamp(),
        "magic": _magic(VERSION),
        "version": VERSION,
    }


def make_deployment(
    resources: list[dict[str, Any]],
    pending: list[dict[str, Any]],
    secrets_provider: dict[str, Any] | None,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Assemble a version 3 deployment from resources and operations that are JSON already."""
    found: dict[str, Any] = {"manifest": make_manifest()}
    if secrets_provider:
        found["secrets_providers"] = secrets_provider
    if resources:
        found["resources"] = resources
    if pending:
        found["pending_operations"] = pending
    found["metadata"] = metadata or {}
    return found


_FEATURES = ("refreshBeforeUpdate", "taint", "replaceWith")
"""Properties of a resource that make a checkpoint one of version 4, and the names of the features that say so."""


def features_of(resources: Iterable[dict[str, Any]]) -> list[str]:
    """Return the features that the resources of a deployment use."""
    return sorted({name for resource in resources for name in _FEATURES if resource.get(name)})


def versioned(features: list[str]) -> dict[str, Any]:
    """Return the version of a document, and the features that make it one of version 4."""
    return {"version": 4, "features": features} if features else {"version": 3}


def check_version(document: dict[str, Any]) -> None:
    """Check that a checkpoint or a deployment is one that this engine can read and write.

    Raises:
        Unsupported: it is of another version, or it uses features that would be lost.
        DamagedState: its features are not a list.
    """
    if document.get("version") not in (3, 4):
        raise Unsupported(f"version {document.get('version')} of the checkpoint format")
    for feature in _part(document, "features", list, []):
        if feature not in _FEATURES:
            raise Unsupported(f"the checkpoint feature {feature!r}")


def make_checkpoint(stack: str, latest: dict[str, Any] | None) -> dict[str, Any]:
    """Assemble the content of a stack file.

    Args:
        stack: the full name, organization/project/stack.
        latest: the deployment; None for a stack that never had one.
    """
    body: dict[str, Any] = {"stack": stack}
    if latest is not None:
        body["latest"] = latest
    return {**versioned(features_of((latest or {}).get("resources") or [])), "checkpoint": body}


def check_form(latest: Any) -> dict[str, Any]:
    """Return a deployment, which has the form of one as far as every command relies on it.

    Raises:
        DamagedState: it does not; the message names the first thing that is wrong.
    """
    if not isinstance(latest, dict):
        raise DamagedState("the deployment is not an object")
    manifest = _part(latest, "manifest", dict, {})
    for key in ("time", "version", "magic"):
        _part(manifest, key, str, "")
    secrets_provider = _part(latest, "secrets_providers", dict, {})
    _part(secrets_provider, "type", str, "")
    _part(_part(secrets_provider, "state", dict, {}), "salt", str, "")
    _part(latest, "metadata", dict, {})
    operations = _objects(latest, "pending_operations")
    for operation in operations:
        _part(operation, "type", str)
    for stored in _objects(latest, "resources"):
        check_resource(stored)
    for operation in operations:
        check_resource(_part(operation, "resource", dict))
    return latest


def _objects(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries: list[Any] = _part(document, key, list, [])
    if not all(isinstance(entry, dict) for entry in entries):
        raise DamagedState(f"`{key}` has an entry that is not an object")
    return entries


def _part(document: dict[str, Any], key: str, kind: type[Any], default: Any = None) -> Any:
    found = document.get(key)
    if found is None:
        found = default
    if not isinstance(found, kind):
        raise DamagedState(f"`{key}` is {'missing' if found is None else 'not of the right type'}")
    return found


def read_snapshot(latest: dict[str, Any] | None, read_secret: Callable[[Any], Secret]) -> Snapshot:
    """Read a deployment that has the form of one.

    Raises:
        DamagedState: a property of a resource is of the wrong type.
        Unsupported: it uses a feature that this engine would lose.
    """
    if not latest:
        return Snapshot()
    for feature in ("snippets", "extensions"):
        if latest.get(feature):
            raise Unsupported(f"`{feature}` in the stack's state")
    try:
        resources = [Resource.from_json(stored, read_secret) for stored in latest.get("resources") or ()]
        pending = [
            Operation(Resource.from_json(stored["resource"], read_secret), stored["type"])
            for stored in latest.get("pending_operations") or ()
        ]
    except RecursionError:
        raise DamagedState("a property is nested too deeply") from None
    return Snapshot(resources, pending, latest.get("metadata") or {}, latest.get("manifest") or {})


def dump_json(document: Any, indent: int | None = None) -> str:
    """Write JSON as the CLI does: compact, or indented for people; text is not escaped."""
    if indent is None:
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(document, indent=indent, ensure_ascii=False)
