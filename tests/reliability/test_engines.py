"""Whole engines under the faults that tell the most, and engines that are stopped in the middle of a create."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_scalekit.definition.normalize import normalize, normalize_live, plain
from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import bearer
from ..support.engines import Project
from ..support.live import live
from .matrix import settle

QUICK = {"SCALEKIT_BACKOFF": "0.01", "SCALEKIT_LIST_DELAY": "0.2", "SCALEKIT_RATE_LIMIT_WAIT": "20"}


def declared(description: str) -> dict[str, Any]:
    """Four connectors."""
    return {f"c{n}": bearer(f"Connector {n}", description=description) for n in range(4)}


def is_as_declared(project: Project, scalekit: LocalScalekit, connectors: dict[str, Any]) -> None:
    """Exactly these connectors live, the state equals them, and there is nothing to do."""
    scalekit.faults.clear()
    assert {n: normalize_live(plain(d)) for n, d in live(scalekit).items()} == {
        d["display_name"]: normalize(plain(d)) for d in connectors.values()
    }
    states = project.resources()
    assert {name: normalize(plain(state["inputs"])) for name, state in states.items()} == {
        name: normalize(plain(d)) for name, d in connectors.items()
    }
    identifiers = {provider.identifier for provider in scalekit.store.providers()}
    assert {state["id"] for state in states.values()} == identifiers
    project.run("preview", "--expect-no-changes")


@pytest.mark.thorough
def test_a_stack_lives_through_faults(project: Project, scalekit: LocalScalekit) -> None:
    """Lost answers, hidden successes, rate limits and revoked tokens: each command succeeds at its first try."""
    project.env.update(QUICK)
    project.declare(declared("old"))
    for spec in ("create:drop-after-commit*3", "create:rate-limited*5,skip=3", "list:error=503*1"):
        scalekit.faults.add(spec)
    project.up()
    assert len(live(scalekit)) == 4
    scalekit.faults.clear()

    project.declare(declared("new"))
    for spec in ("update:error-after-commit=500*3", "any:token-revoked*1,skip=2", "update:cut*1,skip=3"):
        scalekit.faults.add(spec)
    project.up()
    is_as_declared(project, scalekit, declared("new"))

    for spec in (
        "any:rate-limited=1*3",
        "list:invalid-json*1",
        "delete:drop-after-commit*2",
        "delete:error=502*2",
    ):
        scalekit.faults.add(spec)
    project.refresh("--expect-no-changes")
    project.destroy()
    assert live(scalekit) == {}


@pytest.mark.thorough
def test_a_failed_run_says_what_to_do_and_the_next_one_does_it(
    project: Project, scalekit: LocalScalekit
) -> None:
    """An outage ends a run with one message for each connector that it stopped; then `up` goes on from there."""
    project.env.update(QUICK, SCALEKIT_ATTEMPTS="2")
    project.declare(declared("old"))
    scalekit.faults.add("create:error=503,skip=1")
    result = project.up(code=None)
    assert re.search(
        r"create connector 'Connector \d' failed: Scalekit returned .*HTTP 503.*Run again", result.text
    )
    scalekit.faults.clear()
    project.up()
    is_as_declared(project, scalekit, declared("old"))


def until(condition: Callable[[], object]) -> None:
    """Wait for something that is about to happen."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
def test_an_engine_stopped_in_the_middle_of_a_create(
    project: Project, scalekit: LocalScalekit, number: signal.Signals
) -> None:
    """The next `up` ends with exactly one connector, or names the one to adopt, which then works."""
    connectors = {"c0": bearer("Connector 0")}
    project.declare(connectors)
    scalekit.faults.add("create:latency=1.5*1")
    process = subprocess.Popen(
        [project.engine.command, "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=project.directory,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        until(lambda: scalekit.requests.count("create"))
        # A terminal sends Ctrl+C to all of them: the engine, the program and the provider.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "Traceback (most recent call last)" not in output, output
    settle(scalekit)
    assert len(scalekit.store.providers()) == 1

    # A killed engine leaves its lock behind.
    project.run("cancel", "--yes")
    result = project.run("up", "--yes", "--skip-preview", code=None if number == signal.SIGKILL else 0)
    if result.code:
        (found,) = scalekit.store.providers()
        assert f"adopt='{found.identifier}'" in result.text, result.text
        connectors["c0"]["adopt"] = found.identifier
        project.declare(connectors)
        project.up()
        del connectors["c0"]["adopt"]
    is_as_declared(project, scalekit, connectors)
