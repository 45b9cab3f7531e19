"""Randomly made definitions on both engines: straight after `up` there is nothing to do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pulumi_scalekit.definition.normalize import normalize, normalize_live, plain
from pulumi_scalekit.local import LocalScalekit

from ..support.engines import Project
from ..support.live import live
from ..support.strategies import definitions

MANY = st.lists(definitions(), min_size=25, max_size=25)
"""One run of an engine takes seconds: many definitions share it."""


@pytest.mark.thorough
@given(declared=MANY)
@settings(
    max_examples=1,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_random_definitions(
    project: Project, scalekit: LocalScalekit, declared: list[dict[str, Any]]
) -> None:
    """After `up`, live is as declared, and neither a preview nor a refresh finds a change."""
    connectors = {
        f"random-{number}": {**definition, "display_name": f"Random {number}"}
        for number, definition in enumerate(declared)
    }
    project.declare(connectors)
    project.up()
    stored = {name: normalize_live(plain(definition)) for name, definition in live(scalekit).items()}
    assert stored == {d["display_name"]: normalize(plain(d)) for d in connectors.values()}
    project.nothing_to_do()
