"""The gRPC services that the program talks to: the resource monitor, and the engine's log."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from pulumi_embedded.errors import EmbeddedError, Unsupported
from pulumi_embedded.plugins.dynamic import CHANNEL_OPTIONS
from pulumi_embedded.plugins.registry import BUILTIN_PACKAGE, DYNAMIC_PACKAGE
from pulumi_embedded.project.run_info import RunInfo
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import PROVIDER_PREFIX, check_alias, is_provider, provider_reference
from pulumi_embedded.values.values import Properties, Secret, from_proto, from_struct, to_struct

from .requests import (
    Alias,
    AllRegistered,
    Event,
    Goal,
    OutputsRequest,
    ReadRequest,
    Refused,
    Registered,
    Registration,
)

_SHUT_DOWN = "resource monitor shut down"

_FEATURES = (
    "SECRETS",
    "RESOURCE_REFERENCES",
    "OUTPUT_VALUES",
    "ALIAS_SPECS",
    "REPLACEMENT_TRIGGER",
    "DELETED_WITH",
    "REPLACE_WITH",
    # Claimed so that the refusal is ours, by name, and not the SDK's advice to update the CLI.
    "TRANSFORMS",
    "INVOKE_TRANSFORMS",
    "PARAMETERIZATION",
    "RESOURCE_HOOKS",
    "ERROR_HOOKS",
    "STATE_MIGRATIONS",
)
_FEATURE_IDS = {
    "secrets",
    "resourceReferences",
    "outputValues",
    "aliasSpecs",
    "deletedWith",
    "replaceWith",
    "transforms",
    "invokeTransforms",
    "parameterization",
    "resourceHooks",
    "errorHooks",
}
_SEVERITIES = ("debug", "info", "warning", "error")

_DURATION_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Read a duration such as `1h30m` or `1.5s`; returns seconds.

    Raises:
        EmbeddedError: it is not a duration.
    """
    parts = re.findall(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise EmbeddedError(f"unable to parse customTimeout Value {text}")
    return float(sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts))


class Server:
    """Both services on one port of the loopback interface."""

    def __init__(
        self,
        info: RunInfo,
        put: Callable[[Event], None],
        *,
        find: Callable[[str], Resource | None],
        log: Callable[..., None],
    ) -> None:
        """Listen.

        Args:
            info: what the program is told.
            put: takes what the program asks for; its result is set once that is carried out.
            find: returns a resource that this run has dealt with.
            log: shows a message of the program or of a provider.
        """
        threads = info.parallel * 4 + 64
        self._server = grpc.server(ThreadPoolExecutor(threads), options=CHANNEL_OPTIONS)
        self._monitor = Monitor(info, put, find)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self._monitor, self._server)
        engine_pb2_grpc.add_EngineServicer_to_server(Engine(put, log), self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def abort(self) -> None:
        """End every waiting call with an error, and further ones, too."""
        self._monitor.abort()

    def release(self) -> None:
        """Let a program that has registered everything go on to its end."""
        self._monitor.shutdown.set()

    def close(self) -> None:
        """Stop listening."""
        self._monitor.abort()
        self._server.stop(0.5).wait()


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's log."""

    def __init__(self, put: Callable[[Event], None], log: Callable[..., None]) -> None:
        self._put = put
        self._log = log

    def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Show a message under its resource."""
        self._log(_SEVERITIES[request.severity], request.urn, request.message, ephemeral=request.ephemeral)
        return empty_pb2.Empty()

    def RequirePulumiVersion(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuse: the version asked for is that of the CLI, which is not here."""
        message = f"require_pulumi_version({request.pulumi_version_range!r})"
        self._put(Refused(Unsupported(message)))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, message)


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Takes what the program registers, and returns what became of it."""

    def __init__(
        self, info: RunInfo, put: Callable[[Event], None], find: Callable[[str], Resource | None]
    ) -> None:
        self._info = info
        self._put = put
        self._find = find
        self._goals: dict[str, Goal] = {}
        self._component_providers: dict[str, dict[str, str]] = {}
        self._default_providers: dict[str, str] = {}
        self._default_lock = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: set[Any] = set()
        self._aborted = False
        self.shutdown = threading.Event()

    def abort(self) -> None:
        """End every waiting call with an error."""
        with self._lock:
            self._aborted = True
            waiting = list(self._waiting)
        self.shutdown.set()
        for future in waiting:
            future.cancel()

    def _submit(self, request: Any, context: Any) -> Any:
        """Hand over a request and wait for its result."""
        with self._lock:
            if self._aborted:
                context.abort(grpc.StatusCode.UNAVAILABLE, _SHUT_DOWN)
            self._waiting.add(request.result)
        try:
            self._put(request)
            return request.result.result()
        except CancelledError:
            context.abort(grpc.StatusCode.UNAVAILABLE, _SHUT_DOWN)
        finally:
            with self._lock:
                self._waiting.discard(request.result)

    def _refuse(self, context: Any, error: EmbeddedError) -> NoReturn:
        """End the run, because the program asks for what this engine does not do."""
        self._put(Refused(error))
        context.abort(grpc.StatusCode.UNAVAILABLE, _SHUT_DOWN)
        raise AssertionError("unreachable") from error

    # -- about the deployment

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Say what is being deployed."""
        info = self._info
        features = [
            resource_pb2.ResourceMonitorFeature.Value(f"RESOURCE_MONITOR_FEATURE_{name}")
            for name in _FEATURES
        ]
        return resource_pb2.DeploymentInfo(
            project=info.project.name,
            stack=info.stack,
            organization="organization",
            config={key: value.text for key, value in info.config.items()},
            configSecretKeys=[key for key, value in info.config.items() if value.secret],
            dryRun=info.preview,
            parallel=info.parallel,
            supportedFeatures=features,
        )

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Say whether the monitor has a feature: an SDK from before `GetDeploymentInfo` asks for each."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURE_IDS)

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """The program has registered everything: wait until that is done."""
        self._put(AllRegistered())
        self.shutdown.wait()
        return empty_pb2.Empty()

    # -- resources

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Register a resource; returns when it is as the program wants it."""
        try:
            goal = self._goal(request)
            if goal.custom and not is_provider(goal.type):
                goal.provider = goal.provider or self._default_provider(_package(goal.type), context)
        except EmbeddedError as error:
            self._refuse(context, error)
        result: Registered = self._submit(Registration(goal), context)
        urn = result.resource.urn
        with self._lock:
            self._goals[urn] = goal
            if not goal.custom:
                self._component_providers[urn] = {
                    **self._component_providers.get(goal.parent, {}),
                    **dict(request.providers),
                }
        if result.failed and not request.supportsResultReporting:
            context.abort(grpc.StatusCode.INTERNAL, "resource registration failed")
        return resource_pb2.RegisterResourceResponse(
            urn=urn,
            id=result.resource.id,
            object=_to_program(result.resource.outputs if goal.custom else {}, request),
            result=resource_pb2.FAIL if result.failed else resource_pb2.SUCCESS,
            unknown=result.unknown,
        )

    def _goal(self, request: Any) -> Goal:
        label = f"the resource {request.name!r} of type {request.type}"
        if request.remote:
            raise Unsupported(f"{label}: a component of another package")
        if request.packageRef:
            raise Unsupported(f"{label}: a parameterized package")
        if request.transforms:
            raise Unsupported(f"{label}: resource transforms")
        if request.state_migrations:
            raise Unsupported(f"{label}: state migrations")
        if any(values for _, values in request.hooks.ListFields()):
            raise Unsupported(f"{label}: resource hooks")
        if request.custom:
            package = _package(request.type)
            if package not in (DYNAMIC_PACKAGE, BUILTIN_PACKAGE) or request.type.startswith("pulumi:pulumi:"):
                raise Unsupported(f"{label} (only dynamic resources of Python programs can be managed)")
        with self._lock:
            parent = self._goals.get(request.parent)
            inherited = self._component_providers.get(request.parent, {})
        properties = from_struct(request.object)
        dependencies = sorted(set(request.dependencies))
        if request.propertyDependencies:
            by_property = {
                key: sorted(set(found.urns)) for key, found in request.propertyDependencies.items()
            }
        else:
            by_property = dict.fromkeys(properties, dependencies)
        for key in properties:
            by_property.setdefault(key, [])
        provider = request.provider
        if request.custom and not provider:
            package = _package(request.type)
            provider = dict(request.providers).get(package) or inherited.get(package, "")
        trigger = None
        if request.HasField("replacement_trigger"):
            trigger = from_proto(request.replacement_trigger)
        timeouts = request.customTimeouts
        goal = Goal(
            type=request.type,
            name=request.name,
            custom=request.custom,
            properties=properties,
            parent=request.parent,
            dependencies=dependencies,
            property_dependencies=by_property if by_property else None,
            provider=provider,
            protect=request.protect if request.HasField("protect") else None,
            retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
            delete_before_replace=(
                request.deleteBeforeReplace
                if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace
                else None
            ),
            ignore_changes=list(request.ignoreChanges),
            replace_on_changes=list(request.replaceOnChanges),
            replacement_trigger=trigger,
            additional_secret_outputs=list(request.additionalSecretOutputs),
            aliases=[_alias(found) for found in request.aliases]
            + [Alias(urn=check_alias(urn)) for urn in request.aliasURNs],
            import_id=request.importId,
            custom_timeouts={
                name: parse_duration(getattr(timeouts, name))
                for name in ("create", "update", "delete", "read")
                if getattr(timeouts, name, "")
            },
            deleted_with=request.deletedWith,
            replace_with=list(request.replace_with),
            hide_diff=list(request.hideDiffs),
            source_position=self._position(request.sourcePosition),
            stack_trace=self._stack_trace(request.stackTrace),
        )
        if parent is not None:
            goal.deleted_with = goal.deleted_with or parent.deleted_with
            if goal.protect is None:
                goal.protect = parent.protect
            if goal.retain_on_delete is None:
                goal.retain_on_delete = parent.retain_on_delete
        return goal

    def _default_provider(self, package: str, context: Any) -> str:
        """Return the reference of the provider that the engine makes for a package, made at the first call."""
        with self._default_lock:
            if package not in self._default_providers:
                if package == DYNAMIC_PACKAGE:
                    self._check_default_allowed(package)
                    # A dynamic provider gets the whole configuration.
                    inputs: Properties = {
                        key: Secret(value.text) if value.secret else value.text
                        for key, value in self._info.config.items()
                    }
                else:
                    inputs = {
                        key.partition(":")[2]: value.text
                        for key, value in self._info.config.items()
                        if key.partition(":")[0] == package
                    }
                goal = Goal(f"{PROVIDER_PREFIX}{package}", "default", custom=True, properties=inputs)
                result: Registered = self._submit(Registration(goal), context)
                self._default_providers[package] = provider_reference(result.resource.urn, result.resource.id)
            return self._default_providers[package]

    def _check_default_allowed(self, package: str) -> None:
        if "pulumi:disable-default-providers" in self._info.config:
            text = self._info.config["pulumi:disable-default-providers"].text
            if package in text or "*" in text:
                raise Unsupported("the configuration `pulumi:disable-default-providers`")

    def ReadResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Read a resource that something else manages."""
        try:
            package = _package(request.type)
            if request.packageRef or package not in (DYNAMIC_PACKAGE, BUILTIN_PACKAGE):
                raise Unsupported(f"reading {request.name!r} of type {request.type}")
            goal = Goal(
                type=request.type,
                name=request.name,
                custom=True,
                properties=from_struct(request.properties),
                parent=request.parent,
                dependencies=sorted(set(request.dependencies)),
                provider=request.provider or self._default_provider(package, context),
                additional_secret_outputs=list(request.additionalSecretOutputs),
                source_position=self._position(request.sourcePosition),
                stack_trace=self._stack_trace(request.stackTrace),
            )
        except EmbeddedError as error:
            self._refuse(context, error)
        result: Registered = self._submit(ReadRequest(goal, request.id), context)
        return resource_pb2.ReadResourceResponse(
            urn=result.resource.urn,
            id=result.resource.id,
            properties=_to_program(result.resource.outputs, request),
            result=resource_pb2.FAIL if result.failed else resource_pb2.SUCCESS,
        )

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Set the outputs of a component."""
        self._submit(OutputsRequest(request.urn, from_struct(request.outputs)), context)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Look a resource up by its URN; other functions are refused."""
        arguments = from_struct(request.args)
        if request.tok != "pulumi:pulumi:getResource":
            self._refuse(context, Unsupported(f"calling the function {request.tok}"))
        found = self._find(str(arguments.get("urn")))
        if found is None:
            context.abort(grpc.StatusCode.UNKNOWN, f"unknown resource {arguments.get('urn')}")
            raise AssertionError("unreachable")
        result = {"urn": found.urn, "id": found.id, "provider": found.provider, "state": found.outputs}
        struct = to_struct(result, keep_secrets=True, keep_resources=True, keep_unknowns=True)
        return resource_pb2.ResourceInvokeResponse(**{"return": struct})

    # -- refused

    def Call(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuse: only components of other packages have methods."""
        self._refuse(context, Unsupported(f"calling the method {request.tok}"))

    def RegisterPackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuse a package."""
        self._refuse(context, Unsupported(f"the package {request.name}"))

    def RegisterStackTransform(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Refuse transforms."""
        self._refuse(context, Unsupported("resource transforms"))

    def RegisterStackInvokeTransform(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Refuse transforms."""
        self._refuse(context, Unsupported("invoke transforms"))

    def RegisterResourceHook(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Refuse hooks."""
        self._refuse(context, Unsupported("resource hooks"))

    def RegisterErrorHook(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Refuse hooks."""
        self._refuse(context, Unsupported("error hooks"))

    # -- source positions

    def _position(self, position: Any) -> str:
        parts = urlsplit(position.uri)
        if parts.scheme != "file" or not parts.path.startswith("/"):
            return ""
        relative = os.path.relpath(parts.path, self._info.project.root)
        column = f",{position.column}" if position.column else ""
        return f"project:///{quote(relative)}#{position.line}{column}"

    def _stack_trace(self, trace: Any) -> list[dict[str, str]]:
        found = [self._position(frame.pc) for frame in trace.frames]
        return [{"sourcePosition": position} if position else {} for position in found]


def _package(kind: str) -> str:
    return kind.split(":", 1)[0]


def _alias(message: Any) -> Alias:
    if message.WhichOneof("alias") == "urn":
        return Alias(urn=check_alias(message.urn))
    spec = message.spec
    return Alias("", spec.name, spec.type, spec.stack, spec.project, spec.parentUrn, spec.noParent)


def _to_program(outputs: Properties, request: Any) -> Any:
    return to_struct(
        outputs,
        keep_secrets=request.acceptSecrets,
        keep_resources=request.acceptResources,
        keep_unknowns=True,
    )
