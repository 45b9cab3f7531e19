"""The engine in process: whatever ends a deployment, what is under way is finished and saved."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock, Mock

from pulumi_embedded.engine.events import Options
from pulumi_embedded.engine.executor import Executor
from pulumi_embedded.engine.steps import CreateStep, Op, RefreshStep, StepContext
from pulumi_embedded.plugins.provider import Provider, ReadResult
from pulumi_embedded.plugins.registry import Providers
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.values.diff import Changes, DiffResult


class Made(CreateStep):
    """A creation that calls a function in place of a provider."""

    def __init__(self, name: str, apply: Callable[[], None]) -> None:
        resource = Resource(f"urn:pulumi:dev::bench::boxes:Box::{name}", "boxes:Box", custom=True)
        super().__init__(None, resource, op=Op.CREATE)
        self._apply = apply

    def apply(self, context: StepContext) -> None:
        """Make it."""
        self._apply()


def executor(snapshot: Any) -> Executor:
    """Return an executor of one step at a time, without a provider or a display."""
    providers = Mock(spec=Providers)
    context = StepContext(providers, False, False, set())
    return Executor(context, MagicMock(), Mock(), snapshot, Options(parallel=1), on_stop=Mock())


def test_a_fault_of_the_engine_lets_what_is_under_way_end() -> None:
    """If planning raises, the step in flight is awaited and saved, and the one behind it does not begin."""
    began, go = threading.Event(), threading.Event()

    def create() -> None:
        began.set()
        assert go.wait(60)

    snapshot = Mock()
    first, second = Made("a", create), Made("b", Mock())
    running = executor(snapshot)
    futures = [running.run([first]), running.run([second])]
    assert began.wait(60)
    leave = threading.Thread(target=running.__exit__, args=(KeyError, KeyError(), None))
    leave.start()
    while leave.is_alive() and not running.is_stopped:
        leave.join(0.01)
    assert not futures[0].done()
    go.set()
    leave.join(60)
    assert all(future.done() for future in futures)
    assert [call.kwargs["new"] for call in snapshot.end.call_args_list] == [first.new]


def test_a_refresh_compares_what_it_found() -> None:
    """If a read finds a resource under another id, it is that one which is compared with the inputs of the state."""
    found = ReadResult("new-id", {"size": 2}, {"size": 2})
    provider = Mock(spec=Provider)
    provider.read.return_value = found
    provider.diff.return_value = DiffResult(Changes.NONE)
    old = Resource("urn:pulumi:dev::bench::boxes:Box::a", "boxes:Box", custom=True, id="old-id")
    step = RefreshStep(old, old, op=Op.REFRESH, logical=False)
    step.apply(StepContext(Mock(spec=Providers, for_resource=lambda _: provider), False, False, set()))
    assert (provider.read.call_args.args[0].id, provider.diff.call_args.args[0].id) == ("old-id", "new-id")
    assert step.new is not None
    assert step.new.id == "new-id"


def test_a_second_interrupt_does_not_wait_for_its_own_thread() -> None:
    """The handler of a signal, which runs in the planning thread, may end the providers in the middle of a look-up."""
    providers = Providers(Mock(), Mock(), list)

    class Interrupted(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            providers.kill()
            return default

    providers._instances = Interrupted()
    planner = threading.Thread(target=providers.find, args=("x",), daemon=True)
    planner.start()
    planner.join(60)
    assert not planner.is_alive()
