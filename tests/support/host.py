"""The dynamic provider's process in this one: the same calls, through the same serialisation.

Pulumi's own host (`python -m pulumi.dynamic`) starts a server when it is imported. This does what it does with each
request, without one, and what the engine does around it: what is checked is what is planned and made.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from google.protobuf import struct_pb2
from pulumi.dynamic import Config, ConfigureRequest, DiffResult
from pulumi.runtime import rpc

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider import session
from pulumi_scalekit.provider.connection import ConnectionProvider
from pulumi_scalekit.provider.connector import ConnectorProvider
from pulumi_scalekit.provider.keys import CONTEXT_KEY

Properties = dict[str, Any]
NAME = "one"
"""The name of a resource where a test has no other."""

PICKLED = "gASVNQAAAAAAAACMGHB1bHVtaV9zY2FsZWtpdC5wcm92aWRlcpSMEUNvbm5lY3RvclByb3ZpZGVylJOUKYGULg=="
"""The provider as it is in every state file ever written: it may never change."""


def over_the_wire(properties: Mapping[str, Any] | None, *, keep_unknowns: bool = False) -> Properties:
    """What arrives of properties on the other side of Pulumi's RPC."""
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        sent: struct_pb2.Struct = loop.run_until_complete(rpc.serialize_properties(properties or {}, {}))
    parsed = struct_pb2.Struct()
    parsed.ParseFromString(sent.SerializeToString())
    received: Properties = rpc.deserialize_properties(parsed, keep_unknowns)
    return received


@dataclass
class Resource:
    """A connector as the state holds it."""

    id: str
    inputs: Properties
    outputs: Properties


class Host:
    """One run of the provider's process against an environment. Threads may share it, as those of Pulumi's host do."""

    def __init__(
        self,
        scalekit: LocalScalekit,
        kind: type[ConnectorProvider | ConnectionProvider] = ConnectorProvider,
        **settings: object,
    ) -> None:
        self.ignored: tuple[str, ...] = ()
        """The option `ignore_changes` of the resource."""
        # A new process: nothing is known of what an earlier one has seen.
        session.begin_run()
        self.provider = kind()
        config = {
            "environmentUrl": scalekit.url,
            "clientId": scalekit.client_id,
            "clientSecret": scalekit.client_secret,
            # What is not there is looked for several times: no need to wait in between.
            "backoff": 0,
            "listDelay": 0.01,
            **settings,
        }
        raw = {f"scalekit:{key}": str(value) for key, value in config.items()}
        self.provider.configure(ConfigureRequest(Config(raw, "scenario")))

    def _call(self, method: str, name: str, *arguments: Any) -> Any:
        """Call the provider as Pulumi's host does: its method has the request, which names the resource."""
        urn = f"urn:pulumi:dev::scenario::pulumi-python:dynamic/scalekit:Connector::{name}"

        def call(self: Host, request: object, context: object) -> Any:
            return getattr(self.provider, method)(*arguments)

        return call(self, SimpleNamespace(urn=urn, ignoreChanges=self.ignored), None)

    def check(
        self,
        news: Mapping[str, Any],
        olds: Properties | None = None,
        *,
        preview: bool = True,
        name: str = NAME,
    ) -> tuple[Properties, list[str]]:
        """The inputs that the engine goes on with, and the mistakes."""
        told = {**news, CONTEXT_KEY: {"preview": preview, **news.get(CONTEXT_KEY, {})}}
        sent = (over_the_wire(olds, keep_unknowns=True), over_the_wire(told, keep_unknowns=True))
        result = self._call("check", name, *sent)
        inputs = over_the_wire(result.inputs, keep_unknowns=True)
        return inputs, [failure.reason for failure in result.failures]

    def checked(
        self, news: Mapping[str, Any], olds: Properties | None = None, *, name: str = NAME
    ) -> Properties:
        """The inputs that an update goes on with; there are no mistakes in them."""
        inputs, mistakes = self.check(news, olds, preview=False, name=name)
        assert mistakes == [], mistakes
        return inputs

    def diff(self, resource: Resource, inputs: Properties, *, name: str = NAME) -> DiffResult:
        """What differs. `changes=None` leaves it to the engine to compare."""
        olds, news = (over_the_wire(bag, keep_unknowns=True) for bag in (resource.outputs, inputs))
        result: DiffResult = self._call("diff", name, resource.id, olds, news)
        return result

    def changes(self, resource: Resource, definition: Properties) -> bool:
        """Whether a plan would have an update: as the provider says, or else by comparing the inputs."""
        inputs, mistakes = self.check(definition, resource.inputs)
        assert mistakes == []
        says = self.diff(resource, inputs).changes
        return bool(says) if says is not None else inputs != resource.inputs

    def create(self, definition: Mapping[str, Any], *, name: str = NAME) -> Resource:
        """Check and create."""
        return self.make(self.checked(definition, name=name), name=name)

    def update(self, resource: Resource, definition: Mapping[str, Any]) -> Resource:
        """Check and update."""
        return self.change(resource, self.checked(definition, resource.inputs))

    def make(self, inputs: Properties, *, name: str = NAME) -> Resource:
        """Create what was checked."""
        made = self._call("create", name, over_the_wire(inputs))
        return Resource(made.id, inputs, over_the_wire(made.outs))

    def change(self, resource: Resource, inputs: Properties, *, name: str = NAME) -> Resource:
        """Update to what was checked."""
        sent = (over_the_wire(resource.outputs), over_the_wire(inputs))
        made = self._call("update", name, resource.id, *sent)
        return Resource(resource.id, inputs, over_the_wire(made.outs))

    def read(self, resource: Resource, *, name: str = NAME) -> Resource | None:
        """Refresh; `None` when the connector is gone."""
        result = self._call("read", name, resource.id, over_the_wire(resource.outputs))
        if not result.id:
            return None
        # An engine keeps the inputs that it has where the answer holds none.
        inputs = resource.inputs if result.inputs is None else over_the_wire(result.inputs)
        return Resource(result.id, inputs, over_the_wire(result.outs))

    def delete(self, resource: Resource, *, name: str = NAME) -> None:
        """Delete."""
        self._call("delete", name, resource.id, over_the_wire(resource.outputs))
