"""A stack without an engine: drives the provider as Pulumi's host of dynamic providers does.

The host has a thread pool, one provider object for each process, and passes every property through protobuf. An
`up` here takes the steps of the engine's: check, diff, create or update, and delete what is no longer declared. It
writes the state down after each step, starts no new step after a failure, and lets those under way finish. This is
what makes thousands of operations under faults affordable; whole engines run a few of them too.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.dynamic import Config, ConfigureRequest

from pulumi_scalekit import session
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider import ConnectorProvider

Inputs = dict[str, Any]


@dataclass
class Resource:
    """What the state holds of one connector."""

    id: str
    inputs: Inputs
    outputs: Inputs


@dataclass
class Run:
    """How one `up`, `refresh` or `destroy` went."""

    errors: list[str] = field(default_factory=list)
    changes: int = 0
    """How many steps changed something."""

    @property
    def succeeded(self) -> bool:
        """Whether no step failed."""
        return not self.errors


class Stack:
    """The state of one stack, and the commands that change it."""

    def __init__(self, scalekit: LocalScalekit, *, threads: int = 4, **settings: float) -> None:
        self.scalekit = scalekit
        self.threads = threads
        quick = {"parallel": 32, "backoff": 0.002, "timeout": 5.0, "attempts": 10, "rateLimitWait": 5.0}
        self.config: dict[str, str] = {
            "scalekit:environmentUrl": scalekit.url,
            "scalekit:clientId": scalekit.client_id,
            "scalekit:clientSecret": scalekit.client_secret,
            **{f"scalekit:{key}": str(value) for key, value in {**quick, **settings}.items()},
        }
        self.state: dict[str, Resource] = {}
        self.operations: Counter[str] = Counter()
        """The creates, updates, deletes and reads that were begun, whatever became of them."""
        self._lock = threading.Lock()

    # --- Commands ------------------------------------------------------------------------------------------

    def up(self, declared: Mapping[str, Mapping[str, Any]]) -> Run:
        """Make the environment as declared, by resource names."""
        run, provider = Run(), self._process()

        def deploy(name: str) -> None:
            old = self.state.get(name)
            news = {**declared[name], "__context": {"preview": False, "name": name}}
            checked = provider.check(dict(old.inputs) if old else {}, wire(news))
            assert not checked.failures, checked.failures
            inputs = wire(checked.inputs)
            if old is None:
                self._begin("create")
                created = provider.create(wire(inputs))
                self._keep(run, name, Resource(created.id, inputs, wire(created.outs)))
            elif provider.diff(old.id, wire(old.outputs), wire(inputs)).changes is not False:
                self._begin("update")
                updated = provider.update(old.id, wire(old.outputs), wire(inputs))
                self._keep(run, name, Resource(old.id, inputs, wire(updated.outs)))

        def remove(name: str) -> None:
            old = self.state[name]
            self._begin("delete")
            provider.delete(old.id, wire(old.outputs))
            self._keep(run, name, None)

        self._each(run, declared, deploy)
        self._each(run, sorted(self.state.keys() - declared.keys()), remove)
        return run

    def refresh(self) -> Run:
        """Make the state as the environment is."""
        run, provider = Run(), self._process()

        def read(name: str) -> None:
            old = self.state[name]
            self._begin("read")
            result = provider.read(old.id, wire(old.outputs))
            if not result.id:
                self._keep(run, name, None)
                return
            # An engine keeps the inputs that it has where the answer holds none.
            inputs = old.inputs if result.inputs is None else wire(result.inputs)
            new = Resource(result.id, inputs, wire(result.outs))
            if new != old:
                self._keep(run, name, new)

        self._each(run, sorted(self.state), read)
        return run

    def _process(self) -> ConnectorProvider:
        """A provider as a process of its own would have it: it knows nothing of earlier runs."""
        session._session.cache_clear()
        provider = ConnectorProvider()
        limit = getattr(sys, "tracebacklimit", None)
        provider.configure(ConfigureRequest(Config(raw_config=self.config, project_name="test")))
        # The host's process shows no tracebacks; the tests' own process does.
        if limit is None:
            del sys.tracebacklimit
        return provider

    def _each(self, run: Run, names: Iterable[str], step: Callable[[str], None]) -> None:
        def guarded(name: str) -> None:
            if run.errors:
                return
            try:
                step(name)
            except Exception as error:  # noqa: BLE001 - as the host catches all
                with self._lock:
                    run.errors.append(str(error))

        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(guarded, names))

    def _begin(self, operation: str) -> None:
        with self._lock:
            self.operations[operation] += 1

    def _keep(self, run: Run, name: str, resource: Resource | None) -> None:
        with self._lock:
            run.changes += 1
            if resource is None:
                del self.state[name]
            else:
                self.state[name] = resource


def wire(properties: Mapping[str, Any] | None) -> Inputs:
    """What is left of properties that went through a protobuf message, as they do on their way to the provider."""
    message = struct_pb2.Struct()
    message.update(json_safe(properties or {}))
    received: Inputs = json_format.MessageToDict(struct_pb2.Struct.FromString(message.SerializeToString()))
    return received


def json_safe(value: Any) -> Any:
    """Plain containers, without the members that are `None`: the SDK's serialiser leaves those out."""
    if isinstance(value, Mapping):
        return {key: json_safe(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [json_safe(item) for item in value]
    return value
