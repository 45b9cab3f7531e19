"""A local Scalekit that many small tests share, emptied for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pulumi_scalekit import local
from pulumi_scalekit.local import LocalScalekit, Settings


@pytest.fixture(scope="session")
def _shared() -> Iterator[LocalScalekit]:
    with local.running() as scalekit:
        yield scalekit


@pytest.fixture
def environment(_shared: LocalScalekit) -> LocalScalekit:
    """An empty environment. Its server goes on from test to test: it takes longer to start than most tests."""
    empty(_shared)
    return _shared


def empty(scalekit: LocalScalekit) -> None:
    """Make a running environment as good as new."""
    scalekit.faults.clear()
    for provider in scalekit.store.providers():
        scalekit.store.delete_provider(provider.identifier, lambda _users: None)
    for _ in range(10):
        scalekit.store.providers()  # a list that is late by some lists must not show an earlier test's
    scalekit.requests.clear()
    vars(scalekit.settings).update(vars(Settings()))
