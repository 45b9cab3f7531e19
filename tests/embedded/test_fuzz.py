"""Random sequences whose course on the CLI is recorded; see `fuzz.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fuzz import RECORDINGS, compare, load, record
from .harness import cli, differences

PATHS = [
    pytest.param(path, id=path.stem, marks=[] if number < 3 else [pytest.mark.thorough])
    for number, path in enumerate(sorted(RECORDINGS.glob("*.json")))
]


@pytest.mark.parametrize("path", PATHS)
def test_embedded_does_what_the_cli_did(path: Path) -> None:
    """The embedded engine does in each step of a random sequence what was recorded from the CLI."""
    found = compare(path)
    assert not found, "\n".join(found[:40])


@pytest.mark.thorough
@pytest.mark.parametrize("path", PATHS)
def test_cli_still_does_it(path: Path, tmp_path: Path) -> None:
    """The CLI on PATH does what was recorded from it."""
    if cli() is None:
        pytest.skip("`pulumi` is not on PATH")
    scenario, recorded = load(path)
    again = tmp_path / "again.json"
    record(scenario, again)
    found = differences(recorded, load(again)[1])
    assert not found, "\n".join(found[:40])
