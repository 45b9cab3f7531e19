"""A stack without an engine: drives the provider as Pulumi's host of dynamic providers does.

The host has a thread pool, one provider object for each process, and passes every property through protobuf. An
`up` here takes the steps of the engine's: check, diff, create or update, and delete what is no longer declared. It
writes the state down after each step, starts no new step after a failure, and lets those under way finish. This is
what makes thousands of operations under faults affordable; whole engines run a few of them too.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pulumi_scalekit.local import LocalScalekit

from ..support.host import Host, Resource


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
        quick = {
            "parallel": 32,
            "backoff": 0.002,
            "listDelay": 0.03,
            "timeout": 5.0,
            "attempts": 10,
            "rateLimitWait": 5.0,
        }
        self.settings = {**quick, **settings}
        self.state: dict[str, Resource] = {}
        self.operations: Counter[str] = Counter()
        """The creates, updates, deletes and reads that were begun, whatever became of them."""
        self._lock = threading.Lock()

    # --- Commands ------------------------------------------------------------------------------------------

    def up(self, declared: Mapping[str, Mapping[str, Any]]) -> Run:
        """Make the environment as declared, by resource names."""
        run, host = Run(), self._host()

        def deploy(name: str) -> None:
            old = self.state.get(name)
            inputs = host.checked(declared[name], old.inputs if old else None, name=name)
            if old is None:
                self._begin("create")
                self._keep(run, name, host.make(inputs, name=name))
            elif host.diff(old, inputs, name=name).changes is not False:
                self._begin("update")
                self._keep(run, name, host.change(old, inputs, name=name))

        def remove(name: str) -> None:
            self._begin("delete")
            host.delete(self.state[name], name=name)
            self._keep(run, name, None)

        self._each(run, declared, deploy)
        self._each(run, sorted(self.state.keys() - declared.keys()), remove)
        return run

    def refresh(self) -> Run:
        """Make the state as the environment is."""
        run, host = Run(), self._host()

        def read(name: str) -> None:
            self._begin("read")
            new = host.read(self.state[name], name=name)
            if new != self.state[name]:
                self._keep(run, name, new)

        self._each(run, sorted(self.state), read)
        return run

    def _host(self) -> Host:
        return Host(self.scalekit, **self.settings)

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
