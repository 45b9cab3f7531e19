"""When a call may start, and when it is worth making again: one limit for a whole environment."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from stamina import instrumentation

from pulumi_scalekit.errors import RateLimited, Redirected, ServerError, TransportError
from pulumi_scalekit.settings import Settings

MAX_PAUSE: Final = 20.0
"""Seconds between two attempts at most, where the server names no time itself."""


def _keep_to_itself(hook: instrumentation.RetryHook) -> instrumentation.RetryHook:
    def report(details: instrumentation.RetryDetails) -> AbstractContextManager[None] | None:
        own = type(details.caused_by).__module__.startswith("pulumi_scalekit.")
        return None if own else hook(details)

    return report


# stamina reports each repetition: on standard error, or with structlog installed on standard output. Inside Pulumi
# both are the user's screen, and an error may name what is secret. Others who use stamina keep their reports.
instrumentation.set_on_retry_hooks([_keep_to_itself(hook) for hook in instrumentation.get_on_retry_hooks()])


class ConcurrencyLimit:
    """A limit on concurrent calls that steps down when the environment answers 429, and recovers slowly.

    All threads share one limit: what one of them learns about the rate limit holds back the others too.
    """

    _RECOVERY = 20
    """How many calls must succeed before one more may be under way at once."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._limit = most
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
                self._changed.wait(pause if pause > 0 else None)
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
            if self._limit == self._most:
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

    def __call__(self, error: Exception) -> bool | float:
        """What stamina asks: `False` to give up, `True` for the usual back-off, or seconds to wait."""
        if isinstance(error, RateLimited):
            return self._wait_for_rate_limit(error)
        if not isinstance(error, (TransportError, ServerError)) or isinstance(error, Redirected):
            return False
        wait = error.retry_after if isinstance(error, ServerError) else None
        if wait is not None:
            self._told_to_wait += wait
            if self._told_to_wait > self._settings.rate_limit_wait:
                return False
            self._concurrency.hold(wait)
        if error.ambiguous and not self._repeatable:
            return False
        self._failures += 1
        if self._failures >= self._settings.attempts:
            return False
        return True if wait is None else max(wait, self._backoff(self._failures))

    def _wait_for_rate_limit(self, error: RateLimited) -> bool | float:
        if error.error_code == "TOOL_ERROR":
            return False  # the limit of the service behind a connector, which says nothing about Scalekit's
        now = time.monotonic()
        if self._refused_at is None:
            self._refused_at = now
        self._refusals += 1
        left = max(self._refused_at, self._concurrency.progress_at) + self._settings.rate_limit_wait - now
        wait = error.retry_after or 0.0
        if left <= 0 or wait > left:
            self._concurrency.rate_limited()
            return False
        self._concurrency.rate_limited(wait)
        if wait < 1:
            wait = max(wait, min(left, self._backoff(self._refusals)))
        # Those who were refused together should not come back together.
        return wait + random.uniform(0, min(1.0, wait / 4 + self._settings.backoff))  # noqa: S311

    def _backoff(self, count: int) -> float:
        return min(MAX_PAUSE, max(self._settings.backoff, 0.05) * 2.0 ** min(count - 1, 10))
