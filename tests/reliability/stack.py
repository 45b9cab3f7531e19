"""A stack without an engine: drives the provider as Pulumi's host of dynamic providers does.

The host has a thread pool, one provider object for each process, and passes every property through protobuf. An
`up` here takes the steps of the engine's: check, diff, create, update or replace, and delete what is no longer
declared. It writes the state down after each step, starts no new step after a failure, and lets those under way
finish. This is what makes thousands of operations under faults affordable; whole engines run a few of them too.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pulumi_scalekit.local import LocalScalekit

from ..support.host import Host, Resource


class Killed(Exception):
    """What a step did reaches no state."""


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
        self.doomed: list[tuple[str, Resource]] = []
        """What a replacement has superseded and not deleted yet."""
        self.results_until_kill: int | None = None
        """After how many results of steps the next run is killed: later ones reach no state."""
        self.operations: Counter[str] = Counter()
        """The creates, updates, deletes and reads that were begun, whatever became of them."""
        self._lock = threading.Lock()

    @contextmanager
    def under(self, settings: Iterable[tuple[str, float]]) -> Iterator[None]:
        """Run the block's commands under other settings."""
        before = self.settings
        self.settings = {**before, **dict(settings)}
        try:
            yield
        finally:
            self.settings = before

    # --- Commands ------------------------------------------------------------------------------------------

    def up(
        self,
        declared: Mapping[str, Mapping[str, Any]],
        *,
        aliases: Mapping[str, str] | None = None,
        delete_before_replace: bool | None = None,
    ) -> Run:
        """Make the environment as declared, by resource names.

        Args:
            declared: The definitions.
            aliases: The former names of resources, by their new ones.
            delete_before_replace: What the resource option of that name says; `None` leaves it to the provider.
        """
        run, host = Run(), self._host()
        for name, former in (aliases or {}).items():
            if former in self.state and name not in self.state:
                self.state[name] = self.state.pop(former)

        def deploy(name: str) -> None:
            old = self.state.get(name)
            inputs = host.checked(declared[name], old.inputs if old else None, name=name)
            if old is None:
                self._begin("create")
                self._keep(run, name, host.make(inputs, name=name))
                return
            diff = host.diff(old, inputs, name=name)
            if diff.replaces:
                before = (
                    diff.delete_before_replace if delete_before_replace is None else delete_before_replace
                )
                replace(name, old, before=bool(before))
            elif diff.changes is not False:
                self._begin("update")
                self._keep(run, name, host.change(old, inputs, name=name))

        def replace(name: str, old: Resource, *, before: bool) -> None:
            inputs = host.checked(declared[name], name=name)
            if before:
                remove(name)
            self._begin("create")
            new = host.make(inputs, name=name)
            self._keep(run, name, new)
            if not before:
                self.doomed.append((name, old))

        def remove(name: str) -> None:
            self._begin("delete")
            host.delete(self.state[name], name=name)
            self._keep(run, name, None)

        def finish(number: str) -> None:
            name, old = doomed[int(number)]
            self._begin("delete")
            host.delete(old, name=name)
            self.doomed.remove((name, old))
            run.changes += 1

        self._each(run, declared, deploy)
        doomed = list(self.doomed)
        self._each(run, map(str, range(len(doomed))), finish)
        self._each(run, sorted(self.state.keys() - declared.keys()), remove)
        self.results_until_kill = None
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
            if self.results_until_kill is not None:
                if not self.results_until_kill:
                    raise Killed
                self.results_until_kill -= 1
            run.changes += 1
            if resource is None:
                del self.state[name]
            else:
                self.state[name] = resource
