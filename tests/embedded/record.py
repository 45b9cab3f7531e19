"""Records what the CLI does: `python -m tests.embedded.record [name …]`. It takes `pulumi` from PATH."""

from __future__ import annotations

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .harness import RECORDINGS, Scenario, all_scenarios, cli, play, recording_path


def record(scenario: Scenario) -> str:
    """Play one scenario on the CLI and keep what it did."""
    engine = cli()
    assert engine is not None, "pulumi is not on PATH"
    with tempfile.TemporaryDirectory() as folder:
        try:
            played = play(scenario, engine, Path(folder))
        except AssertionError as error:
            return f"{scenario.name}: NOT RECORDED: {error}"
    recording_path(scenario).write_text(json.dumps(played, indent=1, sort_keys=True) + "\n")
    return scenario.name


def main(names: list[str]) -> None:
    """Record the scenarios whose name starts with one of the names; all without any."""
    scenarios = [
        found for found in all_scenarios() if not names or any(found.name.startswith(name) for name in names)
    ]
    with ThreadPoolExecutor(2) as pool:
        for name in pool.map(record, scenarios):
            print(name)  # noqa: T201 - a script
    known = {recording_path(found) for found in all_scenarios()}
    for path in RECORDINGS.glob("*.json"):
        if path not in known:
            path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
