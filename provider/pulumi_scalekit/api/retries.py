"""When a request may start, and when a call is worth making again: one limit for a whole environment."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import tenacity

from pulumi_scalekit.errors import RateLimited, Redirected, ServerError, TransportError
from pulumi_scalekit.settings import Settings

from . import operation

MAX_PAUSE: Final = 20.0
"""Seconds between two attempts at most, where the server names no time itself."""
_CANCELLATION: Final = 0.5
"""Seconds after which a call that waits for its turn looks whether its operation is cancelled."""
_T = TypeVar("_T")


def repeat(call: Callable[[], _T], policy: RetryPolicy) -> _T:
    """Make a call, again and again while its failures are worth that, and return its result or raise its last error."""
    # Bounds and pauses are the policy's: they differ between failures and rate limits.
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(policy.is_worth_repeating),
        wait=lambda _: policy.pause,
        sleep=operation.pause,
        reraise=True,
    )
    return retrying(call)


def look_again(find: Callable[[], _T | None], pauses: Sequence[float]) -> _T | None:
    """What is found at once, or after one of the pauses (in seconds); `None` if nothing ever is."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda found: found is None),
        wait=tenacity.wait_chain(*map(tenacity.wait_fixed, pauses or [0])),
        stop=tenacity.stop_after_attempt(len(pauses) + 1),
        sleep=operation.pause,
        retry_error_callback=lambda _: None,
    )
    return retrying(find)


class Budget:
    """So many requests in any minute at most, evenly spread. Threads share it.

    Args:
        requests_per_minute: The budget; 0 for none.
        clock: What time it is, in seconds.
        sleep: Waits for so many seconds.
    """

    _MINUTE = 61.0
    """Seconds; one more than sixty, since requests that start evenly do not arrive so."""

    def __init__(
        self,
        requests_per_minute: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = operation.pause,
    ) -> None:
        self._interval = self._MINUTE / requests_per_minute if requests_per_minute else 0.0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = float("-inf")

    def wait(self) -> None:
        """Wait until the next request may start."""
        # A turn counts from when it is taken, not from when it was due: a thread that wakes up late must not be
        # followed by the next one at once.
        while self._interval:
            with self._lock:
                now = self._clock()
                pause = self._next_at - now
                if pause <= 0:
                    self._next_at = now + self._interval
                    return
            self._sleep(pause)


class ConcurrencyLimit:
    """A limit on concurrent calls that steps down when the environment returns 429, and recovers slowly.

    All threads share one limit: what one of them learns about the rate limit holds back the others too.
    """

    _RECOVERY = 20
    """How many calls must succeed before one more may be under way at once."""

    def __init__(self, maximum: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._maximum = maximum
        self._limit = maximum
        self._running = 0
        self._successes = 0
        self._not_before = float("-inf")
        self._shrunk_at = float("-inf")
        self._progress_at = float("-inf")
        self._clock = clock
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many calls may be under way at once now."""
        return self._limit

    @property
    def progress_at(self) -> float:
        """When a call last succeeded, by the clock; minus infinity before the first."""
        return self._progress_at

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and hold it."""
        with self._changed:
            while True:
                pause = self._not_before - self._clock()
                if pause <= 0 and self._running < self._limit:
                    break
                # A cancellation does not notify: it is asked for from time to time.
                self._changed.wait(min(pause, _CANCELLATION) if pause > 0 else _CANCELLATION)
                operation.check()
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def rate_limited(self, pause: float = 0.0) -> None:
        """Note a 429: halve the limit, and start no call for `pause` seconds.

        The calls that were under way together are all refused together; the limit is halved once for them.
        """
        with self._changed:
            now = self._clock()
            if now >= max(self._not_before, self._shrunk_at + 1.0):
                self._limit = max(1, self._limit // 2)
                self._shrunk_at = now
            self._successes = 0
        self.hold(pause)

    def hold(self, pause: float) -> None:
        """Start no call for `pause` seconds."""
        with self._changed:
            self._not_before = max(self._not_before, self._clock() + pause)
            self._changed.notify_all()

    def succeeded(self) -> None:
        """Note a success."""
        with self._changed:
            self._progress_at = self._clock()
            if self._limit == self._maximum:
                return
            self._successes += 1
            if self._successes >= self._RECOVERY:
                self._limit += 1
                self._successes = 0
                self._changed.notify_all()


class RetryPolicy:
    """Decides for one call whether a failure is worth another attempt, and after how many seconds.

    Failures are counted: `Settings.attempts` in all. Refusals by the rate limit are timed: they may go on for
    `Settings.rate_limit_wait` seconds during which no call at all came through, from the first refusal of this
    call. So a run that gets on slowly gets on, and one that does not get on at all ends.
    """

    def __init__(self, settings: Settings, concurrency: ConcurrencyLimit, *, repeatable: bool) -> None:
        self._settings = settings
        self._concurrency = concurrency
        self._repeatable = repeatable
        self._failures = 0
        self._refusals = 0
        self._refused_at: float | None = None
        self._told_to_wait = 0.0

    pause = 0.0
    """Seconds to wait before the next attempt."""

    def is_worth_repeating(self, error: BaseException) -> bool:
        """Whether a failed call is to be made again, after `pause` seconds."""
        pause = self._pause_after(error)
        if pause is None or pause >= operation.seconds_left():
            return False
        # Those who failed together should not come back together.
        self.pause = pause + random.uniform(0, min(1.0, pause / 4 + self._settings.backoff))  # noqa: S311
        return True

    def _pause_after(self, error: BaseException) -> float | None:
        if isinstance(error, RateLimited):
            return self._pause_for_rate_limit(error)
        if not isinstance(error, (TransportError, ServerError)) or isinstance(error, Redirected):
            return None
        wait = error.retry_after if isinstance(error, ServerError) else None
        if wait is not None:
            self._told_to_wait += wait
            if self._told_to_wait > self._settings.rate_limit_wait:
                return None
            self._concurrency.hold(wait)
        if error.ambiguous and not self._repeatable:
            return None
        self._failures += 1
        if self._failures >= self._settings.attempts:
            return None
        return max(wait or 0.0, self._backoff(self._failures))

    def _pause_for_rate_limit(self, error: RateLimited) -> float | None:
        if error.error_code == "TOOL_ERROR":
            return None  # the limit of the service behind a connector, which says nothing about Scalekit's
        now = time.monotonic()
        if self._refused_at is None:
            self._refused_at = now
        self._refusals += 1
        left = max(self._refused_at, self._concurrency.progress_at) + self._settings.rate_limit_wait - now
        wait = error.retry_after or 0.0
        if left <= 0 or wait > left:
            self._concurrency.rate_limited()
            return None
        self._concurrency.rate_limited(wait)
        return wait if wait >= 1 else max(wait, min(left, self._backoff(self._refusals)))

    def _backoff(self, count: int) -> float:
        return min(MAX_PAUSE, max(self._settings.backoff, 0.05) * 2.0 ** min(count - 1, 10))
