"""Every scenario on both engines, compared with what was recorded from the CLI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .harness import Scenario, all_scenarios, cli, differences, embedded, play, recording_path

SCENARIOS = [
    pytest.param(found, id=found.name, marks=[] if found.first else [pytest.mark.thorough])
    for found in all_scenarios()
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_embedded_does_what_the_cli_did(scenario: Scenario, tmp_path: Path) -> None:
    """The embedded engine does what was recorded from the CLI."""
    expected = json.loads(recording_path(scenario).read_text())
    found = differences(expected, play(scenario, embedded(), tmp_path))
    assert not found, "\n".join(found[:40])


@pytest.mark.thorough
@pytest.mark.parametrize("scenario", [pytest.param(found, id=found.name) for found in all_scenarios()])
def test_cli_still_does_it(scenario: Scenario, tmp_path: Path) -> None:
    """The CLI on PATH does what was recorded from it, so the recordings are not out of date."""
    engine = cli()
    if engine is None:
        pytest.skip("`pulumi` is not on PATH")
    expected = json.loads(recording_path(scenario).read_text())
    found = differences(expected, play(scenario, engine, tmp_path))
    assert not found, "\n".join(found[:40])
