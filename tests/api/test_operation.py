"""Operations that are bounded in time, or cancelled."""

from __future__ import annotations

import threading

import httpx
import pytest

from pulumi_scalekit.api.operation import bounded
from pulumi_scalekit.errors import Cancelled, OutOfTime, RateLimited, ServerError

from .apps import App, client


def test_a_bounded_operation_is_not_repeated_beyond_its_end() -> None:
    """A call is not made again when the wait before that would outlast the operation."""
    app = App(lambda request: httpx.Response(503, headers={"retry-after": "60"}))
    api = client(app, rate_limit_wait=300)
    with bounded(5, threading.Event()), pytest.raises(ServerError):
        api.call("x", "GET", "/x")


def test_a_cancelled_operation_ends_its_waits() -> None:
    """A call that waits for a rate limit ends when its operation is cancelled, and none is made afterwards."""
    cancelled = threading.Event()

    def refuse(request: httpx.Request) -> httpx.Response:
        cancelled.set()
        return httpx.Response(429, headers={"retry-after": "60"}, json={"code": 8})

    api = client(App(refuse), rate_limit_wait=300)
    with bounded(0, cancelled), pytest.raises(Cancelled):
        api.call("x", "GET", "/x")
    with bounded(0, cancelled), pytest.raises(Cancelled):
        api.call("x", "GET", "/x")


def test_no_call_is_made_when_the_time_is_over() -> None:
    """What waited for a rate limit until its operation ended is not sent any more, and the message says why."""
    app = App(lambda request: httpx.Response(429, headers={"retry-after": "60"}, json={"code": 8}))
    api = client(app, rate_limit_wait=300)
    with bounded(0.2, threading.Event()), pytest.raises(RateLimited):
        api.call("x", "GET", "/x")
    with bounded(0.2, threading.Event()), pytest.raises(OutOfTime, match="custom_timeouts"):
        api.call("x", "GET", "/x")  # all calls wait until the limit is over
    assert app.count("/x") == 1


def test_without_a_bound_nothing_changes() -> None:
    """An operation that nobody bounds gets as many attempts as the settings say."""
    app = App(lambda request: httpx.Response(429, json={"code": 8}))
    with pytest.raises(RateLimited):
        client(app, rate_limit_wait=0).call("x", "GET", "/x")
