"""Random `kill -9` during `up`, with `adoptIdentical`: the next `up` ends as declared, with nothing to type.

Each round changes the program, starts `pulumi up`, kills the engine (alone, or with the processes it started) at a
random moment, removes the lock, and runs `pulumi up` again, which has to succeed. Then exactly the declared connectors
live, each in the state once. The suite plays a few; by hand as many as you like:

    python -m tests.reliability.kills --engine embedded --kills 200
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pulumi_scalekit import local
from pulumi_scalekit.definition.normalize import normalize, normalize_live, plain
from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import Definition, bearer
from ..support.engines import Engine, Project, find_engines
from .matrix import settle

NAMES = 8
"""Connectors that the program may declare."""
START = 20.0
"""Seconds that an engine may take to make its first write."""
SETTINGS = {
    "SCALEKIT_ADOPT_IDENTICAL": "true",
    "SCALEKIT_ALLOW_EMPTY_ENVIRONMENT": "true",
    "SCALEKIT_LIST_DELAY": "0.2",
}


class Kills:
    """One stack whose runs are killed again and again."""

    def __init__(self, engine: Engine, folder: Path, scalekit: LocalScalekit, seed: int) -> None:
        home = folder / "home"
        home.mkdir()
        self.scalekit = scalekit
        self.project = Project(engine, folder, home, {**scalekit.env, **SETTINGS})
        # Beside each state file the CLI keeps another one, which it does not write atomically, unless told not to.
        self.project.env["PULUMI_BACKEND_URL"] += "?metadata=skip"
        self.random = random.Random(seed)
        self.seen: Counter[str] = Counter()
        """How many runs were killed, how many left connectors that no state knew, and how many such connectors."""

    def round(self) -> None:
        """Kill one run, and check that the next one ends as declared."""
        declared = self._program()
        self.project.declare(declared)
        self._run_and_kill()
        settle(self.scalekit)
        left = self._identifiers() - {r["id"] for r in self.project.resources().values()}
        self.seen.update(rounds=1, with_leftovers=int(bool(left)), leftovers=len(left))
        self.project.run("cancel", "--yes")
        self.project.up()
        self._check(declared)

    def _program(self) -> dict[str, Definition]:
        """Some of the connectors, each of one of several definitions: what is new, changed and gone is up to chance."""
        numbers = self.random.sample(range(NAMES), self.random.randint(NAMES // 2, NAMES))
        return {
            f"c{number}": bearer(f"Connector {number}", description=self.random.choice(("red", "green")))
            for number in sorted(numbers)
        }

    def _run_and_kill(self) -> None:
        """Start `up`, and kill it after a random number of writes and a random time."""
        self.scalekit.faults.clear()
        latency = self.random.choice((0.1, 0.5, 1.5))
        for operation in ("create", "update", "delete"):
            # Each takes a while, so that many moments lie in the middle of one.
            self.scalekit.faults.add(f"{operation}:latency={latency}")
        before, wanted = self._writes(), self.random.randint(0, NAMES // 2)
        process = subprocess.Popen(
            [self.project.engine.command, "up", "--yes", "--skip-preview", "--non-interactive"],
            cwd=self.project.directory,
            env=self.project.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + (START if wanted else self.random.uniform(0, 3))
            while (
                process.poll() is None
                and time.monotonic() < deadline
                and (not wanted or self._writes() - before < wanted)
            ):
                time.sleep(0.005)
            time.sleep(self.random.uniform(0, 1.2 * latency))
            if process.poll() is None:
                self.seen["killed"] += 1
                (os.killpg if self.random.random() < 0.7 else os.kill)(process.pid, signal.SIGKILL)
        finally:
            process.kill()
            process.wait()
        # What the engine started may outlive it for a moment; a person does not start the next run within it.
        time.sleep(0.5)
        self.scalekit.faults.clear()

    def _writes(self) -> int:
        return sum(self.scalekit.requests.count(operation) for operation in ("create", "update", "delete"))

    def _identifiers(self) -> set[str]:
        return {provider.identifier for provider in self.scalekit.store.providers()}

    def _check(self, declared: dict[str, Definition]) -> None:
        live = {p.identifier: p.payload for p in self.scalekit.store.providers()}
        resources = self.project.resources()
        assert resources.keys() == declared.keys()
        ids = {name: resource["outputs"]["identifier"] for name, resource in resources.items()}
        assert sorted(ids.values()) == sorted(live), "lost, left over, or twice"
        for name, definition in declared.items():
            assert normalize_live(plain(live[ids[name]])) == normalize(plain(definition)), name


def main() -> int:
    """Kill so many runs; return 1 if one could not be repaired by the next."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    engines = {engine.name: engine for engine in find_engines()}
    parser.add_argument("--engine", choices=engines, default="embedded")
    parser.add_argument("--kills", type=int, default=200, help="how many runs are killed")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with local.running() as scalekit, tempfile.TemporaryDirectory() as folder:
        kills = Kills(engines[arguments.engine], Path(folder), scalekit, arguments.seed)
        while kills.seen["killed"] < arguments.kills:
            kills.round()
            print(dict(kills.seen), flush=True)  # noqa: T201 - a script
        kills.project.nothing_to_do()
    print(f"{arguments.engine}: {arguments.kills} killed, each repaired by the next run")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
