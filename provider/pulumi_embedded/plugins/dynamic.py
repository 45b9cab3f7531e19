"""The SDK's dynamic provider process, and the calls to it.

One process serves one provider instance. It is started at the first call that needs it, in the program's
folder, and gets the stack's configuration as the inputs of its provider resource.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from pulumi_embedded.errors import EmbeddedError
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import PROVIDER_PREFIX, urn_name, urn_type
from pulumi_embedded.values.diff import Changes, DiffResult, Kind, PropertyDiff
from pulumi_embedded.values.values import (
    Properties,
    annotate_secrets,
    contains_unknown,
    from_struct,
    to_struct,
    unwrap_secrets,
)

from .provider import CheckFailure, Provider, ReadResult

CHANNEL_OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]

_START_TIMEOUT = 60.0
"""Seconds that a provider process has to say where it listens."""


class ProviderError(EmbeddedError):
    """A call to a provider failed."""


class ProviderProcess:
    """A child process that serves gRPC on the port that it prints first."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
    ) -> None:
        """Start the process and connect.

        Args:
            command: what to run.
            folder: where to run it.
            environment: its environment.
            on_line: called with each further line it prints.

        Raises:
            EmbeddedError: it ended, or said nothing, before it was ready.
        """
        self._process = subprocess.Popen(  # noqa: S603 - the command is the interpreter with our own arguments
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,  # kept open and empty: when the engine dies it closes, and the process ends
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is the engine's to handle
        )
        self._on_line = on_line
        self._readers = [threading.Thread(target=self._pump, args=(self._process.stderr,), daemon=True)]
        self._readers[0].start()
        timer = threading.Timer(_START_TIMEOUT, self._process.kill)
        timer.start()
        try:
            port = self._read_port()
        finally:
            timer.cancel()
        self._readers.append(threading.Thread(target=self._pump, args=(self._process.stdout,), daemon=True))
        self._readers[1].start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)

    def _read_port(self) -> int:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - asked for above
        for line in iter(stdout.readline, b""):
            text = line.decode(errors="replace").strip()
            if text.isdigit():
                return int(text)
            self._on_line(text)
        self._process.wait()
        self._readers[0].join(1)
        raise EmbeddedError(
            f"the dynamic provider process ended with code {self._process.returncode} before it was ready"
        )

    def _pump(self, stream: Any) -> None:
        for line in iter(stream.readline, b""):
            self._on_line(line.decode(errors="replace").rstrip("\n"))
        stream.close()

    def close(self) -> None:
        """End the process, gently at first."""
        self.channel.close()
        self.stop(signal.SIGINT)

    def stop(self, by: signal.Signals = signal.SIGKILL) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.send_signal(by)
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for reader in self._readers:
            reader.join(1)


class DynamicProvider(Provider):
    """A configured instance of the `pulumi-python` provider.

    In a preview, `create` and `update` do not reach it: it has no preview of its own, so the inputs stand in
    for the outputs.
    """

    def __init__(
        self, urn: str, identifier: str, config: Properties, start: Callable[[], ProviderProcess]
    ) -> None:
        """Describe the instance; the process starts later.

        Args:
            urn: of the provider resource.
            identifier: its id.
            config: the provider resource's inputs: the stack's configuration.
            start: starts the process.
        """
        self._urn = urn
        self._id = identifier
        self._config = {key: value for key, value in config.items() if key != "__internal"}
        self._start = start
        self._process: ProviderProcess | None = None
        self._stub: Any = None
        self._lock = threading.Lock()

    def _client(self) -> Any:
        with self._lock:
            if self._stub is None:
                self._process = self._start()
                stub = provider_pb2_grpc.ResourceProviderStub(self._process.channel)
                self._configure(stub)
                self._stub = stub
            return self._stub

    def _configure(self, stub: Any) -> None:
        package = urn_type(self._urn).removeprefix(PROVIDER_PREFIX)
        request = provider_pb2.ConfigureRequest(
            urn=self._urn,
            name=urn_name(self._urn),
            type=urn_type(self._urn),
            id=self._id,
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            variables={
                f"{package}:config:{key}": str(unwrap_secrets(value))
                for key, value in self._config.items()
                if key != "version"
            },
            args=to_struct(self._config, keep_secrets=True, keep_resources=True, keep_unknowns=True),
        )
        self._call(stub.Configure, request)

    @staticmethod
    def _call(method: Any, request: Any) -> Any:
        try:
            return method(request)
        except grpc.RpcError as error:
            status: Any = error
            raise ProviderError(status.details() or str(status.code())) from None

    def close(self) -> None:
        """End the process, if one was started."""
        with self._lock:
            if self._process is not None:
                self._process.close()
                self._process = None

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.stop()

    # -- calls

    def check(
        self, urn: str, olds: Properties, news: Properties, *, preview: bool
    ) -> tuple[Properties, list[CheckFailure]]:
        """Validate inputs and fill in defaults; returns the inputs to use and what is wrong with them."""
        request = provider_pb2.CheckRequest(
            urn=urn,
            name=urn_name(urn),
            type=urn_type(urn),
            olds=to_struct(olds, keep_unknowns=preview),
            news=to_struct(news, keep_unknowns=preview),
            randomSeed=secrets.token_bytes(32),
        )
        response = self._call(self._client().Check, request)
        inputs = from_struct(response.inputs)
        annotate_secrets(inputs, news)
        return inputs, [CheckFailure(failure.property, failure.reason) for failure in response.failures]

    def diff(
        self, old: Resource, news: Properties, ignored: Sequence[str], *, urn: str, preview: bool
    ) -> DiffResult:
        """Ask what differs between a resource and its new inputs."""
        request = provider_pb2.DiffRequest(
            id=old.id,
            urn=urn,
            name=urn_name(urn),
            type=urn_type(urn),
            old_inputs=to_struct(old.inputs, keep_unknowns=preview),
            olds=to_struct(old.outputs, keep_unknowns=preview),
            news=to_struct(news, keep_unknowns=preview),
            ignoreChanges=ignored,
        )
        response = self._call(self._client().Diff, request)
        detailed = None
        if response.hasDetailedDiff:
            names = {
                value: Kind(name.lower().replace("_", "-"))
                for name, value in provider_pb2.PropertyDiff.Kind.items()
            }
            detailed = {
                path: PropertyDiff(names[change.kind], change.inputDiff)
                for path, change in response.detailedDiff.items()
            }
        return DiffResult(
            Changes(response.changes),
            tuple(response.replaces),
            tuple(response.diffs),
            detailed,
            response.deleteBeforeReplace,
        )

    def create(self, new: Resource, *, preview: bool) -> tuple[str, Properties]:
        """Create a resource; returns its id and outputs. In a preview the id is empty."""
        if preview:
            return "", new.inputs
        request = provider_pb2.CreateRequest(**_named(new, "create"), properties=to_struct(new.inputs))
        response = self._call(self._client().Create, request)
        if not response.id:
            raise ProviderError(f"plugin returned empty resource.ID from create '{new.urn}'")
        return response.id, _outputs(response.properties, new.inputs)

    def read(self, resource: Resource, outputs: Properties) -> ReadResult:
        """Read the live state of a resource."""
        request = provider_pb2.ReadRequest(
            **_named(resource, "read"),
            id=resource.id,
            properties=to_struct(outputs),
            inputs=to_struct(resource.inputs),
        )
        response = self._call(self._client().Read, request)
        live_inputs = None
        if response.HasField("inputs"):
            live_inputs = from_struct(response.inputs)
            annotate_secrets(live_inputs, resource.inputs)
        live = from_struct(response.properties) if response.HasField("properties") else None
        annotate_secrets(live, outputs)
        for found in (live_inputs, live):
            if found is not None and contains_unknown(found):
                raise ProviderError("the provider returned an unknown value from a read")
        return ReadResult(response.id, live, live_inputs)

    def update(self, old: Resource, new: Resource, ignored: Sequence[str], *, preview: bool) -> Properties:
        """Update a resource; returns its outputs."""
        if preview:
            return new.inputs
        request = provider_pb2.UpdateRequest(
            **_named(new, "update"),
            id=old.id,
            olds=to_struct(old.outputs),
            news=to_struct(new.inputs),
            ignoreChanges=ignored,
            old_inputs=to_struct(old.inputs),
        )
        response = self._call(self._client().Update, request)
        return _outputs(response.properties, new.inputs)

    def delete(self, old: Resource) -> None:
        """Delete a resource."""
        request = provider_pb2.DeleteRequest(
            **_named(old, "delete"),
            id=old.id,
            properties=to_struct(old.outputs),
            old_inputs=to_struct(old.inputs),
        )
        self._call(self._client().Delete, request)


def _named(resource: Resource, operation: str) -> dict[str, Any]:
    """Return what every request says: which resource it is about, and how long the operation may take."""
    return {
        "urn": resource.urn,
        "name": resource.name,
        "type": resource.type,
        "timeout": resource.custom_timeouts.get(operation, 0),
    }


def _outputs(properties: Any, inputs: Properties) -> Properties:
    outputs = from_struct(properties)
    if contains_unknown(outputs):
        raise ProviderError("the provider returned an unknown value")
    annotate_secrets(outputs, inputs)
    return outputs
