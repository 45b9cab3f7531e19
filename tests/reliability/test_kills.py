"""Runs that are killed at random moments."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.engines import Engine
from .kills import Kills


@pytest.mark.thorough
def test_the_run_after_a_kill_ends_as_declared(
    engine: Engine, tmp_path: Path, scalekit: LocalScalekit
) -> None:
    """With `adoptIdentical`, the next `up` after a `kill -9` takes over what is left: no edit, no duplicate."""
    kills = Kills(engine, tmp_path, scalekit, seed=1)
    # A run that has fewer writes than its kill waits for ends by itself.
    while kills.seen["killed"] < 2 and kills.seen["rounds"] < 20:
        kills.round()
    assert kills.seen["killed"] == 2
    kills.project.nothing_to_do()
