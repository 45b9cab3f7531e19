# ruff: noqa: ARG002, D102, N802 - the methods are those of the protocol, named and called as it says
"""The resource plugin: a gRPC server that hands Pulumi's calls to the lifecycle of the dynamic provider."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.dynamic import DiffResult, ResourceProvider
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.output import UNKNOWN, Unknown
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc

from pulumi_scalekit._version import __version__
from pulumi_scalekit.api import operation
from pulumi_scalekit.definition.changes import changes
from pulumi_scalekit.definition.info import GET_CONNECTORS, connector_infos
from pulumi_scalekit.definition.keys import ABSENT
from pulumi_scalekit.definition.normalize import plain
from pulumi_scalekit.definition.paths import Path, format_path
from pulumi_scalekit.provider import ConnectorProvider, engine_log
from pulumi_scalekit.provider.call import Call, serving
from pulumi_scalekit.provider.connection import ConnectionProvider
from pulumi_scalekit.provider.failures import Failure
from pulumi_scalekit.provider.keys import CONTEXT_KEY, SERVER_FORM, Level
from pulumi_scalekit.provider.session import begin_run
from pulumi_scalekit.settings import EXPLICIT

from .property_values import moved, received, sent
from .schema import package_schema

# Both define one message, and a process can load one definition only: the other package's wins where it is installed.
try:
    from google.rpc import status_pb2
except ImportError:
    from pulumi.runtime.proto import status_pb2

LIFECYCLES: Final[Mapping[str, type[ResourceProvider]]] = {
    "scalekit:index:Connector": ConnectorProvider,
    "scalekit:index:Connection": ConnectionProvider,
}
"""What carries out the calls for each resource type."""
_THREADS: Final = 64
"""Calls that are served at a time; more wait for a thread."""
_MAX_MESSAGE: Final = 400 * 1024 * 1024
"""Bytes of one message, as Pulumi's own servers allow."""
_SERVER_FORM: Final[frozenset[Path]] = frozenset({(SERVER_FORM,)})
"""Always secret, though it has the whole definition in it: that makes nothing of the definition secret."""
_ALWAYS_SECRET: Final[frozenset[Path]] = frozenset({("oauth_app", "client_secret")}) | _SERVER_FORM
"""What is marked as secret whatever the program says."""
_FILLED_FROM: Final[Mapping[str | int, Path]] = {
    "context": ("resolved_proxy_url",),
    "connection_name": ("mcp_server_url",),
}
"""By inputs of a connection: the URL that Scalekit fills in from it."""
_KINDS: Final = {
    (True, False): (pb.PropertyDiff.ADD, pb.PropertyDiff.ADD_REPLACE),
    (False, True): (pb.PropertyDiff.DELETE, pb.PropertyDiff.DELETE_REPLACE),
    (False, False): (pb.PropertyDiff.UPDATE, pb.PropertyDiff.UPDATE_REPLACE),
}

_F = TypeVar("_F", bound=Callable[..., Any])


def _fails_with_its_message(method: _F) -> _F:
    """End a failed call with the message of its exception alone; gRPC would prefix it and log a traceback."""

    @functools.wraps(method)
    def call(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            # The engine sends 0 where the program's `custom_timeouts` say nothing.
            with operation.bounded(getattr(request, "timeout", 0), self.cancelled):
                return method(self, request, context)
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine is to show it
            message = str(error) or type(error).__name__
        return context.abort(grpc.StatusCode.UNKNOWN, message)

    return call  # type: ignore[return-value]


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one Pulumi provider resource: one environment."""

    def __init__(self, engine: str = "") -> None:
        """Make one.

        Args:
            engine: The address of the engine, which shows messages; "" where `Attach` is to tell it.
        """
        self._engine = engine
        self._lifecycles: dict[str, ResourceProvider] = {}
        self._said: set[tuple[str, str]] = set()
        self.cancelled = Event()

    # --- The plugin itself -----------------------------------------------------------------------------------

    def Handshake(self, request: Any, context: Any) -> Any:
        return pb.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine = request.address
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        from pulumi.runtime.proto import plugin_pb2

        return plugin_pb2.PluginInfo(version=__version__)

    def GetSchema(self, request: Any, context: Any) -> Any:
        return pb.GetSchemaResponse(schema=json.dumps(package_schema()))

    def Cancel(self, request: Any, context: Any) -> Any:
        self.cancelled.set()
        return empty_pb2.Empty()

    # --- Configuration ---------------------------------------------------------------------------------------

    @_fails_with_its_message
    def CheckConfig(self, request: Any, context: Any) -> Any:
        news, _ = received(request.news)
        known = package_schema()["provider"]["inputProperties"]
        failures = [
            pb.CheckFailure(
                property=key, reason=f"the provider has no setting {key}; it has {', '.join(known)}"
            )
            for key in news
            if key not in known and key not in {"version", "pluginDownloadURL"}
        ]
        return pb.CheckResponse(inputs=request.news, failures=failures)

    @_fails_with_its_message
    def DiffConfig(self, request: Any, context: Any) -> Any:
        # Never a replacement: a resource that would go to another environment is refused with both URLs named.
        same = received(request.olds)[0] == received(request.news)[0]
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE if same else pb.DiffResponse.DIFF_SOME)

    @_fails_with_its_message
    def Configure(self, request: Any, context: Any) -> Any:
        settings, _ = received(request.args)
        settings = plain(settings)
        if _is_explicit(request.urn):
            settings[EXPLICIT] = "true"
        if not any(isinstance(value, Unknown) for value in settings.values()):
            config = SimpleNamespace(get=lambda key: settings.get(key.removeprefix("scalekit:")))
            begin_run()
            for token, lifecycle in LIFECYCLES.items():
                self._lifecycles[token] = lifecycle()
                _pickled(token)  # here, since that exchanges the process's pickler for a moment
                self._lifecycles[token].configure(SimpleNamespace(config=config))  # type: ignore[arg-type]
        return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @_fails_with_its_message
    def Invoke(self, request: Any, context: Any) -> Any:
        if request.tok != GET_CONNECTORS:
            raise ValueError(f"The scalekit provider has no function {request.tok}; it has getConnectors")
        lifecycle: Any = self._lifecycles.get("scalekit:index:Connector")
        if lifecycle is None:
            raise ValueError("The provider's settings are not known yet")
        infos = [dataclasses.asdict(info) for info in connector_infos(lifecycle.listed())]
        return pb.InvokeResponse(**{"return": sent({"connectors": infos})})

    # --- Resources -------------------------------------------------------------------------------------------

    @_fails_with_its_message
    def Check(self, request: Any, context: Any) -> Any:
        lifecycle = self._lifecycle(request)
        olds, old_secrets = received(request.olds)
        news, secrets = received(request.news)
        if lifecycle is None:
            return pb.CheckResponse(inputs=request.news)
        # Pulumi does not say whether this is a preview, so an update repeats what the preview said.
        news[CONTEXT_KEY] = {"preview": True}
        with self._serving(request, old_secrets | secrets):
            result = lifecycle.check(olds, news)
        failures = [pb.CheckFailure(property=f.property, reason=f.reason) for f in result.failures]
        return pb.CheckResponse(inputs=_marked(result.inputs, secrets), failures=failures)

    @_fails_with_its_message
    def Diff(self, request: Any, context: Any) -> Any:
        lifecycle = self._lifecycle(request)
        olds, old_secrets = received(request.olds)
        old_inputs, _ = received(request.old_inputs)
        news, secrets = received(request.news)
        if lifecycle is None:
            return pb.DiffResponse(changes=pb.DiffResponse.DIFF_UNKNOWN)
        with self._serving(request, old_secrets | secrets):
            result = lifecycle.diff(request.id, olds, news)
        if result.changes is False:
            return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)
        detailed = _detailed(old_inputs, news, result)
        return pb.DiffResponse(
            changes=pb.DiffResponse.DIFF_SOME,
            replaces=result.replaces or [],
            deleteBeforeReplace=bool(result.delete_before_replace),
            detailedDiff=detailed,
            hasDetailedDiff=bool(detailed),
        )

    @_fails_with_its_message
    def Create(self, request: Any, context: Any) -> Any:
        lifecycle = self._lifecycle(request)
        inputs, secrets = received(request.properties)
        if request.preview or lifecycle is None:
            return pb.CreateResponse(properties=_marked({**unknown_outputs(request), **inputs}, secrets))
        try:
            with self._serving(request, secrets):
                result = lifecycle.create(inputs)
        except Failure as failure:
            if failure.made is not None:
                context.set_trailing_metadata(
                    [_half_made(failure.made.id, str(failure), _outputs(request, failure.made.outs, secrets))]
                )
            raise
        return pb.CreateResponse(id=result.id, properties=_outputs(request, result.outs, secrets))

    @_fails_with_its_message
    def Read(self, request: Any, context: Any) -> Any:
        lifecycle = self._lifecycle(request)
        state, secrets = received(request.properties)
        old_inputs, secret_inputs = received(request.inputs)
        if lifecycle is None:
            return pb.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
        known = state or old_inputs
        if not known:
            # An import, or a read of what somebody else manages: that there is no such thing is a mistake.
            known[CONTEXT_KEY] = {"get": True}
        with self._serving(request, secrets | secret_inputs):
            result = lifecycle.read(request.id, known)
        inputs = old_inputs if result.inputs is None else result.inputs
        secrets |= secret_inputs
        told = secrets - _SERVER_FORM
        return pb.ReadResponse(
            id=result.id or "",
            properties=_outputs(request, result.outs, secrets | moved(known, told, result.outs or {})),
            inputs=_marked(inputs, secrets | moved(known, told, inputs)),
        )

    @_fails_with_its_message
    def Update(self, request: Any, context: Any) -> Any:
        lifecycle = self._lifecycle(request)
        olds, old_secrets = received(request.olds)
        news, secrets = received(request.news)
        if request.preview or lifecycle is None:
            # An update keeps what the server has made.
            known = {key: olds[key] for key in unknown_outputs(request) if key in olds}
            return pb.UpdateResponse(properties=_marked({**known, **news}, secrets))
        with self._serving(request, old_secrets | secrets):
            result = lifecycle.update(request.id, olds, news)
        return pb.UpdateResponse(properties=_outputs(request, result.outs, secrets))

    @_fails_with_its_message
    def Delete(self, request: Any, context: Any) -> Any:
        lifecycle = self._lifecycle(request)
        state, secrets = received(request.properties)
        if lifecycle is None:
            raise RuntimeError("The provider's settings are not known")
        with self._serving(request, secrets):
            lifecycle.delete(request.id, state)
        return empty_pb2.Empty()

    def _lifecycle(self, request: Any) -> ResourceProvider | None:
        """What carries out a call; `None` while a preview does not know the provider's settings yet."""
        token = _type_of(request.urn)
        if token not in LIFECYCLES:
            raise ValueError(f"The scalekit provider has no resource {token}; it has {', '.join(LIFECYCLES)}")
        return self._lifecycles.get(token)

    def _serving(self, request: Any, secrets: set[Path]) -> AbstractContextManager[None]:
        """Carry out a block for a call about a resource, whose properties have secrets at these paths."""
        return serving(
            Call(
                urn=request.urn,
                ignored_paths=tuple(getattr(request, "ignoreChanges", ())),
                secret_paths=tuple(map(format_path, secrets - _SERVER_FORM)),
                log=functools.partial(self._log, request.urn),
            )
        )

    def _log(self, urn: str, level: Level, message: str) -> None:
        """Show a message, once: Pulumi checks what it replaces several times."""
        if (urn, message) not in self._said:
            self._said.add((urn, message))
            engine_log.send(self._engine, level, message, urn)


def _outputs(request: Any, outputs: Mapping[str, Any] | None, secrets: set[Path]) -> Any:
    """What the state is to have of a resource, if it is there.

    With it goes what the dynamic host looks for in a state, so that a stack can move to the dynamic face, and the very
    next refresh or destroy works there.
    """
    if not outputs:
        return sent({})
    return _marked({**outputs, PROVIDER_KEY: _pickled(_type_of(request.urn))}, secrets)


@functools.cache
def _pickled(token: str) -> str:
    pickled: str = serialize_provider(LIFECYCLES[token]())
    return pickled


def _marked(properties: Mapping[str, Any], secrets: set[Path]) -> Any:
    """Properties for the engine, with what came in as secret, and what always is, marked so."""
    filled = {_FILLED_FROM[key] for key, *_ in secrets if key in _FILLED_FROM}
    return sent(properties, secrets | _ALWAYS_SECRET | filled)


def _type_of(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


_DEFAULT: Final = re.compile(r"default(_[0-9]+_[0-9]+_[0-9]+|_(https?|github|gitlab|file)_|$)")
"""What Pulumi calls a default provider: by its version, its download URL, or neither.

Source: pulumi/pulumi, pkg/resource/deploy/providers/provider.go, `DefaultName`.
"""


def _is_explicit(urn: str) -> bool:
    """Whether a provider is one of the program, and not the default one with the stack's own configuration."""
    name = urn.rpartition("::")[2]
    return bool(name) and not _DEFAULT.match(name)


def _half_made(id_: str, reason: str, properties: Any) -> tuple[str, bytes]:
    """The metadata of a failed create that has made something: Pulumi keeps that, and goes on with an update.

    Source: pulumi/pulumi, proto/pulumi/provider.proto, `ErrorResourceInitFailed`.
    """
    detail = any_pb2.Any()
    detail.Pack(pb.ErrorResourceInitFailed(id=id_, properties=properties, reasons=[reason]))
    code = grpc.StatusCode.UNKNOWN.value[0]
    status = status_pb2.Status(code=code, message=reason, details=[detail])
    return "grpc-status-details-bin", status.SerializeToString()


def unknown_outputs(request: Any) -> dict[str, Any]:
    """The outputs that the server makes of a resource, all unknown."""
    resource = package_schema()["resources"][_type_of(request.urn)]
    return {key: UNKNOWN for key in resource["properties"] if key not in resource["inputProperties"]}


def _detailed(old: Mapping[str, Any], new: Mapping[str, Any], result: DiffResult) -> dict[str, Any]:
    """Each property that differs, by its path, and whether it makes a replacement."""
    replaced = result.replaces or []
    detailed = {}
    for change in changes(plain(old), plain(new)):
        path = format_path(change.path)
        kinds = _KINDS[(change.old is ABSENT, change.new is ABSENT)]
        is_replaced = any(_contains(path, other) or _contains(other, path) for other in replaced)
        detailed[path] = pb.PropertyDiff(kind=kinds[is_replaced], inputDiff=True)
    return detailed


def _contains(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))


def main() -> None:
    """Serve until Pulumi ends the process: the `pulumi-resource-scalekit` that it starts with its own address."""
    server = grpc.server(
        ThreadPoolExecutor(_THREADS),
        options=[("grpc.max_receive_message_length", _MAX_MESSAGE)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(*sys.argv[1:2]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()
