"""Bringing live connectors under Pulumi's management: what `pulumi import` cannot do for dynamic resources.

Pulumi reads a dynamic resource with the provider that its state holds, and what is to be imported has no state yet.
So the state is written here, exactly as the engine would have written it after creating the connector, and is given
to the engine's own `stack import`, which checks it and encrypts its secrets. Nothing is sent to Scalekit.

Everything here is a function from a deployment (the JSON of `stack export`) to a new one.
"""

from __future__ import annotations

import contextlib
import copy
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from pulumi_scalekit.api.responses import Attributes
from pulumi_scalekit.definition.normalize import definition_of, mapping
from pulumi_scalekit.errors import EngineError
from pulumi_scalekit.provider.values import server_outputs

if TYPE_CHECKING:
    from pulumi.dynamic import ResourceProvider

    from .connections import ConnectionEntry, LiveConnection
    from .pulumi_cli import ConfigValue
    from .review import Subject

Deployment = dict[str, Any]
"""What `stack export` prints: `{"version": 3, "deployment": {"resources": […], …}}`."""
Resource = dict[str, Any]

CONNECTOR_TYPE: Final = "pulumi-python:dynamic/scalekit:Connector"
CONNECTION_TYPE: Final = "pulumi-python:dynamic/scalekit:Connection"
CONNECTOR_TYPES: Final = (CONNECTOR_TYPE, "scalekit:index:Connector")
CONNECTION_TYPES: Final = (CONNECTION_TYPE, "scalekit:index:Connection")
"""What a stack manages through the dynamic provider, and through the native one: both keep the same state."""
PROVIDER_TYPE: Final = "pulumi:providers:pulumi-python"
ENVIRONMENT_KEYS: Final = {
    PROVIDER_TYPE: "scalekit:environmentUrl",
    "pulumi:providers:scalekit": "environmentUrl",
}
"""What the environment's URL is called among the inputs of either provider."""
STACK_TYPE: Final = "pulumi:pulumi:Stack"
DEPLOYMENT_VERSIONS: Final = (3, 4)
"""4 has further marks on resources, and is the same otherwise."""
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
"""Marks a secret among property values, under `SIGNATURE`."""


@dataclass(frozen=True)
class Managed:
    """A connector that a stack manages."""

    stack: str
    resource: str
    """The resource's name in the program."""
    identifier: str
    environment_url: str
    urn: str


@dataclass(frozen=True)
class Entry:
    """A connector to import, under the name that its resource has in the program."""

    resource: str
    attributes: Attributes


def resources_of(deployment: Deployment) -> list[Resource]:
    """The resources of a deployment.

    Raises:
        EngineError: It is of a version that this module does not know, or of another shape.
    """
    if deployment.get("version") not in DEPLOYMENT_VERSIONS:
        raise EngineError(
            f"The state has version {deployment.get('version')}, and this release knows 3 and 4 only"
        )
    resources = _objects(deployment, "resources")
    for resource in resources:
        named = isinstance(resource.get("urn"), str) and isinstance(resource.get("type"), str)
        if not (named and all(isinstance(resource.get(key) or {}, dict) for key in ("inputs", "outputs"))):
            raise EngineError(f"The state has a resource of an unknown form: {resource.get('urn')}")
    return resources


def _objects(deployment: Deployment, key: str) -> list[dict[str, Any]]:
    content = deployment.get("deployment")
    found = (content.get(key) or []) if isinstance(content, dict) else None
    if not (isinstance(found, list) and all(isinstance(item, dict) for item in found)):
        raise EngineError(f"The state has no list of {key} where it should be")
    return list(found)


def name_in(urn: str) -> str:
    """The name that a resource has in the program. It may have two colons in it.

    Example:
        >>> name_in("urn:pulumi:dev::shop::pulumi-python:dynamic/scalekit:Connector::crm::eu")
        'crm::eu'
    """
    return urn.split("::", 3)[-1]


def managed_connectors(deployment: Deployment, stack: str) -> list[Managed]:
    """The connectors that a stack manages: not those that it merely reads, nor those about to be deleted."""
    return [_as_managed(resource, stack, "identifier") for resource in _managed(deployment, CONNECTOR_TYPES)]


def managed_connections(deployment: Deployment, stack: str) -> list[Managed]:
    """The connections that a stack manages, by the same rule; `identifier` is the connection's id."""
    return [
        _as_managed(resource, stack, "connection_id") for resource in _managed(deployment, CONNECTION_TYPES)
    ]


def _as_managed(resource: Resource, stack: str, key: str) -> Managed:
    """A managed resource, with its identifier from the output of that name, else from the state's own."""
    outputs = plain_values(resource.get("outputs") or {})
    urn = str(resource["urn"])
    return Managed(
        stack=stack,
        resource=name_in(urn),
        identifier=str(outputs.get(key) or resource.get("id") or ""),
        environment_url=str(outputs.get("environment_url") or ""),
        urn=urn,
    )


def resource_names_in(deployment: Deployment, type_: str = CONNECTOR_TYPE) -> set[str]:
    """The names that a stack's resources of a type have in the program, those that it merely reads included."""
    found = (r for r in resources_of(deployment) if r.get("type") == type_)
    return {name_in(resource["urn"]) for resource in found}


def declared_subjects(deployment: Deployment, stack: str) -> list[Subject]:
    """The connectors and connections that a stack manages, as last applied, to be reviewed.

    What the stack keeps secret is `definition.UNKNOWN`, which the rules leave out. Whether a connection's connector is
    one over MCP is not known where the stack does not manage it, or keeps its auth pattern secret.
    """
    from pulumi_scalekit.definition.connection import pattern_of
    from pulumi_scalekit.definition.keys import DEFINITION_KEYS, has_unknown
    from pulumi_scalekit.provider.connection import DECLARED

    from .review import Subject

    source = f"stack {stack}"
    subjects = []
    mcp: dict[str, bool] = {}
    for resource in _managed(deployment, CONNECTOR_TYPES):
        definition = _declared(resource, DEFINITION_KEYS)
        subjects.append(Subject(name_in(resource["urn"]), definition, source=source))
        if not has_unknown(definition.get("auth_patterns")):
            mcp[str(resource.get("id"))] = pattern_of(definition).get("is_mcp") is True
    for resource in _managed(deployment, CONNECTION_TYPES):
        connection = _declared(resource, DECLARED)
        is_mcp = mcp.get(str(connection.get("connector")))
        name = name_in(resource["urn"])
        subjects.append(Subject(name, connection, source=source, is_connection=True, is_mcp=is_mcp))
    return subjects


def _declared(resource: Resource, keys: Iterable[str]) -> dict[str, Any]:
    """What a resource declares of some properties; `definition.UNKNOWN` where its stack keeps a value secret.

    That is what is encrypted, and what a program lists in `additional_secret_outputs`: such inputs are in plain text.
    """
    from pulumi_scalekit.definition.keys import UNKNOWN

    # Every connection lists `oauth_app`, for the sake of the secret in it. That has a mark of its own.
    hidden = set(resource.get("additionalSecretOutputs") or ()) - {"oauth_app"}
    inputs = resource.get("inputs") or {}
    return {
        key: UNKNOWN if key in hidden else plain_values(inputs[key], hidden=UNKNOWN)
        for key in keys
        if key in inputs
    }


def _managed(deployment: Deployment, types: tuple[str, str]) -> Iterator[Resource]:
    for resource in resources_of(deployment):
        if resource.get("type") not in types:
            continue
        if not (resource.get("delete") or resource.get("external")):
            yield resource


def environments_of(deployment: Deployment) -> set[str]:
    """The URLs of the environments that a stack is known to deploy to."""
    urls = {managed.environment_url for managed in managed_connectors(deployment, "")}
    for resource in resources_of(deployment):
        if key := ENVIRONMENT_KEYS.get(str(resource.get("type"))):
            urls |= environments_at(plain_values(resource.get("inputs") or {}).get(key))
    return urls - {""}


def environments_at(configured: object) -> set[str]:
    """The URL that a stack's `scalekit:environmentUrl` means, if it means one."""
    from pulumi_scalekit.errors import SettingsError
    from pulumi_scalekit.settings import environment_url

    if isinstance(configured, str) and configured:
        with contextlib.suppress(SettingsError):  # what is not a URL names no environment
            return {environment_url(configured)}
    return set()


def refuse_pending(deployment: Deployment, stack: str, refresh: str) -> None:
    """Refuse a state that an interrupted update left behind.

    Args:
        deployment: The stack's state.
        stack: The stack's name.
        refresh: The command that completes the state, for the message.

    Raises:
        EngineError: The stack has pending operations, or its state is of another shape.
    """
    if pending := _objects(deployment, "pending_operations"):
        urns = ", ".join(
            name_in(str(mapping(operation.get("resource")).get("urn", "?"))) for operation in pending[:5]
        )
        raise EngineError(
            f"The stack {stack!r} has pending operations of an interrupted update ({urns}). Nothing was changed. "
            f"Run `{refresh}` first, then import again"
        )


def add_connectors(
    deployment: Deployment,
    entries: Sequence[Entry],
    *,
    project: str,
    stack: str,
    environment_url: str,
    config: Mapping[str, ConfigValue],
    protect: bool,
    connections: Sequence[ConnectionEntry] = (),
    now: datetime | None = None,
) -> Deployment:
    """A deployment that manages further connectors and connections; the given one is left as it is.

    Args:
        deployment: The stack's state, without pending operations.
        entries: The connectors to add; none may be in the state already.
        project: The project's name.
        stack: The stack's name; with a backend's organization before it or not.
        environment_url: The environment that the connectors live in.
        config: The stack's configuration, for the default provider if the state has none.
        protect: Whether Pulumi refuses to delete them.
        connections: The connections to add; the connector of each is in the state then.
        now: The time of the import.

    Raises:
        EngineError: The state has an unknown version, or a resource of such a name.
    """
    stack = stack.rpartition("/")[2]
    existing = resources_of(deployment)
    time = (now or datetime.now(timezone.utc)).isoformat().replace("+00:00", "Z")
    root = next((r for r in existing if r.get("type") == STACK_TYPE), None)
    root_urn = str(root["urn"]) if root else _urn(stack, project, STACK_TYPE, f"{project}-{stack}")
    added: list[Resource] = []
    if root is None:
        added.append(
            {"urn": root_urn, "custom": False, "type": STACK_TYPE, "created": time, "modified": time}
        )
    provider_urn = _urn(stack, project, PROVIDER_TYPE, "default")
    provider = next((r for r in existing if r.get("urn") == provider_urn and not r.get("delete")), None)
    if provider is None:
        provider = _default_provider(provider_urn, config, time)
        added.append(provider)
    taken = {r.get("urn") for r in existing}
    shared = {
        "parent": root_urn,
        **({"protect": True} if protect else {}),
        "provider": f"{provider_urn}::{provider['id']}",
        "created": time,
        "modified": time,
    }

    def free(type_: str, noun: str, name: str) -> str:
        urn = _urn(stack, project, type_, name)
        if urn in taken:
            raise EngineError(f"The stack {stack!r} has a {noun} {name!r} already")
        taken.add(urn)
        return urn

    for entry in entries:
        urn = free(CONNECTOR_TYPE, "connector", entry.resource)
        added.append(_connector(urn, entry.attributes, environment_url) | shared)
    by_identifier = {m.identifier: m.urn for m in managed_connectors(deployment, stack)}
    by_identifier |= {str(r["id"]): str(r["urn"]) for r in added if r["type"] == CONNECTOR_TYPE}
    for connection in connections:
        urn = free(CONNECTION_TYPE, "connection", connection.resource)
        live = connection.connection
        added.append(
            _connection(urn, live, by_identifier[live.declaration["connector"]], environment_url) | shared
        )
    result = copy.deepcopy(deployment)
    # The root comes first, and every resource after the one it names.
    start = [r for r in added if r["type"] == STACK_TYPE]
    result["deployment"]["resources"] = [*start, *existing, *(r for r in added if r not in start)]
    return result


def _urn(stack: str, project: str, type_: str, name: str) -> str:
    return f"urn:pulumi:{stack}::{project}::{type_}::{name}"


def _default_provider(urn: str, config: Mapping[str, ConfigValue], time: str) -> Resource:
    # Pulumi gives a dynamic provider the whole configuration, as strings under their full keys.
    inputs = {
        key: secret(entry.value) if entry.secret else entry.value for key, entry in sorted(config.items())
    }
    return {
        "urn": urn,
        "custom": True,
        "id": str(uuid.uuid4()),
        "type": PROVIDER_TYPE,
        "inputs": inputs,
        "outputs": copy.deepcopy(inputs),
        "created": time,
        "modified": time,
    }


def _connector(urn: str, connector: Attributes, environment_url: str) -> Resource:
    from pulumi_scalekit.provider.connector import ConnectorProvider
    from pulumi_scalekit.provider.keys import CONTEXT_KEY, ENVIRONMENT, SERVER_FORM

    inputs = {**definition_of(connector), ENVIRONMENT: environment_url}
    outputs = {**inputs, **server_outputs(connector)}
    marked = _provider_of(ConnectorProvider())
    declared = [CONTEXT_KEY, *marked, *(key for key in inputs if key != ENVIRONMENT)]
    return {
        "urn": urn,
        "custom": True,
        "id": str(connector["identifier"]),
        "type": CONNECTOR_TYPE,
        "inputs": {**marked, **inputs},
        "outputs": {**marked, **outputs},
        "propertyDependencies": {key: [] for key in sorted(declared)},
        "additionalSecretOutputs": [SERVER_FORM],
    }


def _connection(urn: str, connection: LiveConnection, connector: str, environment_url: str) -> Resource:
    from pulumi_scalekit.provider.connection import ConnectionProvider, outputs_of
    from pulumi_scalekit.provider.keys import CONTEXT_KEY, ENVIRONMENT

    inputs = {**connection.declaration, ENVIRONMENT: environment_url}
    outputs = {**inputs, **outputs_of(connection.attributes)}
    if "oauth_app" in outputs:
        outputs["oauth_app"] = secret(outputs["oauth_app"])
    marked = _provider_of(ConnectionProvider())
    # What a program takes from the connector.
    taken = (CONTEXT_KEY, "auth_type", "connector")
    declared = [*taken, *marked, *(key for key in connection.declaration if key not in taken)]
    return {
        "urn": urn,
        "custom": True,
        "id": connection.id,
        "type": CONNECTION_TYPE,
        "inputs": {**marked, **inputs},
        "outputs": {**marked, **outputs},
        "dependencies": [connector],
        "propertyDependencies": {key: [connector] if key in taken else [] for key in sorted(declared)},
        "additionalSecretOutputs": ["oauth_app"],
    }


def _provider_of(provider: ResourceProvider) -> dict[str, str]:
    from pulumi.dynamic.dynamic import serialize_provider

    return {"__provider": serialize_provider(provider)}


def secret(value: Any) -> dict[str, Any]:
    """A secret property value in plain text: `stack import` encrypts it."""
    return {SIGNATURE: SECRET, "plaintext": json.dumps(value)}


def plain_values(value: Any, hidden: Any = None) -> Any:
    """Property values of a state without their secret marks.

    Args:
        value: The values.
        hidden: What stands for a value that is encrypted.
    """
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            text = value.get("plaintext")
            return plain_values(json.loads(text), hidden) if isinstance(text, str) else hidden
        return {key: plain_values(item, hidden) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_values(item, hidden) for item in value]
    return value
