"""Widening the thread pool that calls of a provider run in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from pulumi_scalekit.provider import sdk as host


def run_together(pool: ThreadPoolExecutor, count: int) -> list[int]:
    """Run tasks that all wait for each other; it fails where they do not all run at once."""
    barrier = threading.Barrier(count)
    futures: list[Future[int]] = [pool.submit(barrier.wait, 10) for _ in range(count)]
    return [future.result() for future in futures]


def test_a_pool_that_is_ending_gets_no_more_threads() -> None:
    """A task that widens its pool while that shuts down adds no thread to those that are waited for."""
    go = threading.Event()

    def task() -> int:
        go.wait(10)
        return host.widen_thread_pool(16)

    pool = ThreadPoolExecutor(1)
    widened = [pool.submit(task) for _ in range(4)]
    pool.shutdown(wait=False)
    go.set()
    assert [future.result(10) for future in widened] == [16] * 4
    assert len(pool._threads) == 1


def test_a_widened_pool_runs_more_at_once() -> None:
    """After a task has widened its pool, as many tasks run at once as it asked for."""
    with ThreadPoolExecutor(4) as pool:
        assert pool.submit(host.widen_thread_pool, 16).result() == 16
        assert sorted(run_together(pool, 16)) == list(range(16))


def test_tasks_that_wait_already_run_too() -> None:
    """Tasks that were handed over before the pool was widened get threads as well."""
    barrier = threading.Barrier(16)

    def task(widens: bool) -> int:
        if widens:
            host.widen_thread_pool(16)
        return barrier.wait(10)

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(task, index == 3) for index in range(16)]
        assert sorted(future.result() for future in futures) == list(range(16))


def test_a_pool_is_never_narrowed() -> None:
    """A pool that is wide already stays as it is."""
    with ThreadPoolExecutor(8) as pool:
        assert pool.submit(host.widen_thread_pool, 2).result() == 8
        assert sorted(run_together(pool, 8)) == list(range(8))


def test_from_far_below() -> None:
    """The pool is found from inside several calls too, as a provider's is."""

    def deep(levels: int) -> int:
        return deep(levels - 1) if levels else host.widen_thread_pool(6)

    with ThreadPoolExecutor(4) as pool:
        assert pool.submit(deep, 20).result() == 6


def test_outside_of_a_pool() -> None:
    """In a thread that is no pool's there is nothing to widen, and nothing happens."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(host.widen_thread_pool(16)))
    thread.start()
    thread.join()
    assert [*answers, host.widen_thread_pool(16)] == [0, 0]


def lookalike(local: object, name: str = "concurrent.futures.thread") -> Callable[[], int]:
    """A function with the name, module and local variable of a pool's own, that asks for a wider pool."""
    namespace = {"__name__": name, "widen": host.widen_thread_pool, "local": local}
    exec("def _worker():\n    executor_reference = local\n    return widen(16)", namespace)
    worker: Callable[[], int] = namespace["_worker"]  # type: ignore[assignment]
    return worker


@pytest.mark.parametrize(
    "local",
    [
        None,
        lambda: SimpleNamespace(_max_workers=4),
        "a string",
    ],
    ids=["nothing", "no weak reference", "something else"],
)
def test_a_pool_that_looks_different(local: object) -> None:
    """Where a future Python keeps its pool otherwise, the process stays at its default."""
    assert lookalike(local)() == 0
