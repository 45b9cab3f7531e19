"""The native plugin in this process: the calls of the engine, through the same messages, without an engine.

`Native` is one run of the plugin's process. What it logs goes through the engine's own protocol, to a server here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as pb

from pulumi_scalekit.definition.paths import Path
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider import session
from pulumi_scalekit.provider.plugin.property_values import received, sent
from pulumi_scalekit.provider.plugin.server import Plugin

Properties = dict[str, Any]
CONNECTOR = "scalekit:index:Connector"
CONNECTION = "scalekit:index:Connection"


class Failed(Exception):
    """A call that failed.

    Attributes:
        half_made: What it made before that: the id, and the properties; `None` for nothing.
    """

    def __init__(self, message: str, half_made: tuple[str, Properties] | None) -> None:
        self.half_made = half_made
        super().__init__(message)


class _Context:
    """What a servicer needs of gRPC's context."""

    def __init__(self) -> None:
        self._metadata: dict[str, bytes] = {}

    def set_trailing_metadata(self, metadata: list[tuple[str, bytes]]) -> None:
        self._metadata.update(metadata)

    def abort(self, code: grpc.StatusCode, message: str) -> None:
        half_made = None
        if "grpc-status-details-bin" in self._metadata:
            status = status_pb2.Status.FromString(self._metadata["grpc-status-details-bin"])
            assert (status.code, status.message) == (code.value[0], message)
            detail = pb.ErrorResourceInitFailed()
            assert status.details[0].Unpack(detail)
            assert list(detail.reasons) == [message]
            half_made = detail.id, received(detail.properties)[0]
        raise Failed(message, half_made)


@dataclass
class Resource:
    """A resource as the state has it."""

    id: str
    inputs: Properties
    outputs: Properties


class Native:
    """One run of the plugin against an environment."""

    def __init__(
        self,
        scalekit: LocalScalekit,
        *,
        provider: str = "default",
        engine: str = "",
        **settings: object,
    ) -> None:
        # A new process: nothing is known of what an earlier one has seen.
        session.begin_run()
        self.plugin = Plugin(engine)
        config = {
            "environmentUrl": scalekit.url,
            "clientId": scalekit.client_id,
            "clientSecret": scalekit.client_secret,
            # What is not there is looked for several times: no need to wait in between.
            "backoff": 0,
            "listDelay": 0.01,
            **settings,
        }
        urn = f"urn:pulumi:dev::scenario::pulumi:providers:scalekit::{provider}"
        checked = self.call("CheckConfig", pb.CheckRequest(urn=urn, news=sent(config)))
        assert list(checked.failures) == []
        self.call("Configure", pb.ConfigureRequest(urn=urn, args=checked.inputs))

    def call(self, method: str, request: Any) -> Any:
        """Make a call, and return its response.

        Raises:
            Failed: It failed.
        """
        return getattr(self.plugin, method)(request, _Context())

    def check(
        self,
        news: Mapping[str, Any],
        olds: Mapping[str, Any] | None = None,
        *,
        of: str = CONNECTOR,
        name: str = "one",
        secrets: Collection[Path] = (),
    ) -> tuple[Properties, list[str]]:
        """The inputs that the engine goes on with, and the mistakes."""
        request = pb.CheckRequest(urn=urn_of(of, name), olds=sent(olds or {}), news=sent(news, secrets))
        response = self.call("Check", request)
        return received(response.inputs)[0], [failure.reason for failure in response.failures]

    def diff(
        self, resource: Resource, inputs: Properties, *, of: str = CONNECTOR, name: str = "one"
    ) -> pb.DiffResponse:
        """What differs."""
        request = pb.DiffRequest(
            urn=urn_of(of, name),
            id=resource.id,
            olds=sent(resource.outputs),
            old_inputs=sent(resource.inputs),
            news=sent(inputs),
        )
        response: pb.DiffResponse = self.call("Diff", request)
        return response

    def create(
        self,
        declared: Mapping[str, Any],
        *,
        of: str = CONNECTOR,
        name: str = "one",
        secrets: Collection[Path] = (),
    ) -> Resource:
        """Check and create."""
        inputs, mistakes = self.check(declared, of=of, name=name, secrets=secrets)
        assert mistakes == []
        request = pb.CreateRequest(urn=urn_of(of, name), properties=sent(inputs, secrets))
        response = self.call("Create", request)
        return Resource(response.id, inputs, received(response.properties)[0])

    def update(
        self, resource: Resource, declared: Mapping[str, Any], *, of: str = CONNECTOR, name: str = "one"
    ) -> Resource:
        """Check and update."""
        inputs, mistakes = self.check(declared, resource.inputs, of=of, name=name)
        assert mistakes == []
        request = pb.UpdateRequest(
            urn=urn_of(of, name), id=resource.id, olds=sent(resource.outputs), news=sent(inputs)
        )
        response = self.call("Update", request)
        return Resource(resource.id, inputs, received(response.properties)[0])


def urn_of(of: str, name: str) -> str:
    """The URN of a resource of a type."""
    return f"urn:pulumi:dev::scenario::{of}::{name}"


@contextmanager
def engine() -> Iterator[tuple[str, list[str]]]:
    """An engine that takes messages, and nothing else: its address, and what it was told, each with its severity."""
    told: list[str] = []

    class Engine(engine_pb2_grpc.EngineServicer):
        def Log(self, request: Any, context: object) -> Any:  # noqa: N802 - the protocol's name
            severity = engine_pb2.LogSeverity.Name(request.severity).lower()
            told.append(f"{severity}: {request.urn.rpartition('::')[2]}: {request.message}")
            return empty_pb2.Empty()

    server = grpc.server(ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", told
    finally:
        server.stop(None)
