"""Fixtures for all tests: a local Scalekit, and projects on both engines."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from pulumi_scalekit import local
from pulumi_scalekit.local import LocalScalekit

from .support.engines import Engine, Project, find_engines


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a property is tried on: more in the thorough suite."""
    quick = config.option.markexpr == "not thorough"
    # The profile "ci" plays the same examples each time.
    parent = hypothesis.settings.get_profile("ci" if os.environ.get("CI") else "default")
    # How long an example takes says more about the machine than about the code.
    hypothesis.settings.register_profile(
        "suite",
        parent,
        deadline=None,
        max_examples=25 if quick else 150,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("suite")


# A shell starts what runs in its background deaf to interrupts, and so would be all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop for the SDK's mocks, whatever earlier tests of this process did with theirs."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def scalekit() -> Iterator[LocalScalekit]:
    """An empty environment."""
    with local.running() as running:
        yield running


EMBEDDED, CLI = find_engines()
# The embedded engine is everywhere, and quicker. The same on the CLI belongs to the thorough tests.
ENGINES = [
    pytest.param(EMBEDDED, id=EMBEDDED.name),
    pytest.param(CLI, id=CLI.name, marks=[pytest.mark.thorough]),
]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn; skipped, with the reason, where one is not there."""
    engine: Engine = request.param
    if engine.missing:
        pytest.skip(engine.missing)
    return engine


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of Pulumi's for this test run."""
    return tmp_path_factory.mktemp("pulumi-home")


@pytest.fixture
def make_project(engine: Engine, pulumi_home: Path, tmp_path: Path) -> Callable[[LocalScalekit], Project]:
    """Makes a project whose settings point to an environment."""

    def make(scalekit: LocalScalekit) -> Project:
        directory = tmp_path / f"stack-{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        return Project(engine, directory, pulumi_home, scalekit.env)

    return make


@pytest.fixture
def project(make_project: Callable[[LocalScalekit], Project], scalekit: LocalScalekit) -> Project:
    """A project whose settings point to the environment `scalekit`."""
    return make_project(scalekit)
