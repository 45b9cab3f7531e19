"""An environment with a rate limit slows a run down; it does not fail it."""

from __future__ import annotations

import pytest

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.local import environment as local_environment

from ..support.definitions import bearer
from . import invariant
from .stack import Stack


@pytest.mark.parametrize("threads", [4, 32])
def test_a_limited_environment_is_slow_and_nothing_else(
    environment: LocalScalekit, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    """Forty creates where eight requests a second are let in: all succeed, without hammering at the door."""
    monkeypatch.setattr(local_environment, "WINDOW", 1.0)
    environment.settings.requests_per_minute = 8
    declared = {f"c{n}": bearer(f"Connector {n}") for n in range(40)}
    stack = Stack(environment, threads=threads, backoff=0.05, rateLimitWait=3)
    run = stack.up(declared)
    assert run.errors == []
    refused = sum(request.status == 429 for request in environment.requests)
    assert 0 < refused < 60
    environment.settings.requests_per_minute = None
    invariant.check(stack, declared)


def test_a_limit_that_lets_nothing_in_ends_the_run(environment: LocalScalekit) -> None:
    """Where the wait for the next call is longer than the cap, the run fails at once, and says what to do."""
    environment.settings.requests_per_minute = 1  # the token request is the one
    stack = Stack(environment, threads=32, rateLimitWait=0.5)
    run = stack.up({f"c{n}": bearer(f"Connector {n}") for n in range(50)})
    assert run.errors
    assert len(environment.requests) < 25, "a thread tries on after another has been refused"
    assert all("Run again in a minute" in message for message in run.errors), run.errors
    environment.settings.requests_per_minute = None
    declared = {f"c{n}": bearer(f"Connector {n}") for n in range(50)}
    assert stack.up(declared).succeeded
    invariant.check(stack, declared)
