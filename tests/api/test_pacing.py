"""One concurrency limit for all threads."""

from __future__ import annotations

import itertools
import random
import threading
import time

import pytest

from pulumi_scalekit.api.retries import Budget, ConcurrencyLimit

from .apps import App, at_once, client, ok, refusal


class Clock:
    """Time that passes when told to."""

    now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_the_limit_halves_once_for_a_burst_of_refusals() -> None:
    """Calls that were under way together are refused together: that is one piece of news."""
    clock = Clock()
    concurrency = ConcurrencyLimit(32, clock=clock)
    for _ in range(32):
        concurrency.rate_limited()
    assert concurrency.limit == 16
    clock.now += 1.5
    concurrency.rate_limited()
    assert concurrency.limit == 8


def test_the_limit_never_reaches_zero() -> None:
    """One call at a time is always possible."""
    clock = Clock()
    concurrency = ConcurrencyLimit(2, clock=clock)
    for _ in range(10):
        clock.now += 2
        concurrency.rate_limited()
    assert concurrency.limit == 1
    with concurrency.turn():
        pass


def test_the_limit_recovers_step_by_step() -> None:
    """Twenty successes allow one more call at once, up to what was configured."""
    clock = Clock()
    concurrency = ConcurrencyLimit(4, clock=clock)
    concurrency.rate_limited()
    assert concurrency.limit == 2
    for _ in range(20):
        concurrency.succeeded()
    assert concurrency.limit == 3
    for _ in range(100):
        concurrency.succeeded()
    assert concurrency.limit == 4


def test_no_more_run_at_once_than_the_limit() -> None:
    """64 threads take turns by threes, and all get theirs."""
    concurrency = ConcurrencyLimit(3)
    lock = threading.Lock()
    running = most = 0

    def work(_index: int) -> None:
        nonlocal running, most
        with concurrency.turn():
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.002)
            with lock:
                running -= 1

    assert at_once(64, work) == [None] * 64
    assert most == 3


def test_a_pause_holds_every_thread_back() -> None:
    """What one thread learns from `Retry-After`, all keep."""
    concurrency = ConcurrencyLimit(8)
    concurrency.rate_limited(0.3)
    began = time.monotonic()

    def work(_index: int) -> float:
        with concurrency.turn():
            return time.monotonic() - began

    assert all(isinstance(waited, float) and waited >= 0.28 for waited in at_once(4, work))


def test_a_turn_is_given_back_when_its_call_fails() -> None:
    """Failures do not use the limit up."""
    app = App(lambda r: ok() if r.url.path == "/y" else refusal(400))
    api = client(app, parallel=2)
    at_once(16, lambda _: api.call("x", "GET", "/x"))
    assert at_once(4, lambda _: api.call("y", "GET", "/y")) == [{}] * 4


def test_a_budget_is_spread_and_never_exceeded() -> None:
    """In any minute there are at most so many requests, evenly apart, also after a rest."""
    clock = Clock()
    starts: list[float] = []

    def sleep(seconds: float) -> None:
        clock.now += seconds

    budget = Budget(30, clock=clock, sleep=sleep)
    for rest in [0.0] * 90 + [300.0] + [0.0] * 90:
        clock.now += rest
        budget.wait()
        starts.append(clock.now)
    for begin in starts:
        assert sum(begin <= start < begin + 60 for start in starts) <= 30
    assert min(later - earlier for earlier, later in itertools.pairwise(starts)) > 2


class Timeline:
    """Time for several threads: it goes on when all of them sleep, and some wake up late."""

    def __init__(self, threads: int, seed: int) -> None:
        self.now = 1000.0
        self._awake = threads
        self._wakes: list[float] = []
        self._changed = threading.Condition()
        self._random = random.Random(seed)

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let so many seconds go by, and sometimes many more."""
        with self._changed:
            late = self._random.choice((0.0, 0.0, 0.3, 20.0))
            wakes_at = self.now + seconds + late
            self._wakes.append(wakes_at)
            self.leave()
            self._changed.wait_for(lambda: self.now >= wakes_at)
            self._wakes.remove(wakes_at)
            self._awake += 1

    def leave(self) -> None:
        """One thread less is awake."""
        with self._changed:
            self._awake -= 1
            self._go_on()

    def _go_on(self) -> None:
        due = [wakes_at for wakes_at in self._wakes if wakes_at > self.now]
        if not self._awake and due and len(due) == len(self._wakes):
            self.now = min(due)
            self._changed.notify_all()


@pytest.mark.parametrize("seed", range(3))
def test_threads_that_wake_up_late_never_exceed_a_budget(seed: int) -> None:
    """Over any minute, eight threads together start no more requests than the budget has, evenly apart."""
    per_minute, threads = 30, 8
    timeline = Timeline(threads, seed)
    budget = Budget(per_minute, clock=timeline, sleep=timeline.sleep)
    starts: list[float] = []

    def work(_index: int) -> None:
        for _ in range(25):
            budget.wait()
            starts.append(timeline.now)
        timeline.leave()

    assert at_once(threads, work) == [None] * threads
    assert len(starts) == threads * 25
    starts.sort()
    assert max(sum(begin <= start < begin + 60 for start in starts) for begin in starts) <= per_minute
    assert min(later - earlier for earlier, later in itertools.pairwise(starts)) > 60 / per_minute


def test_a_budget_holds_for_all_threads_and_token_requests() -> None:
    """Every request waits for its turn, whoever makes it."""
    times: list[float] = []
    app = App(lambda _r: ok())
    api = client(lambda request: (times.append(time.monotonic()), app(request))[1], requests_per_minute=600.0)
    assert at_once(8, lambda _: api.call("x", "GET", "/x")) == [{}] * 8
    assert len(times) == 9
    assert max(times) - min(times) > 8 * 0.1


def test_without_a_budget_nothing_waits() -> None:
    """Which is the default."""
    budget = Budget(0, sleep=lambda _: (_ for _ in ()).throw(AssertionError("it waited")))
    for _ in range(100):
        budget.wait()
