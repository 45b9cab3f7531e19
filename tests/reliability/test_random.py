"""Random schedules: programs that change from run to run, under faults that strike by chance."""

from __future__ import annotations

import itertools
import os
import random
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import bearer
from . import invariant
from .conftest import empty
from .matrix import adopt, settle
from .stack import Run, Stack

LEAST = 2000
"""Creates, updates, deletes and reads that a run of the suite makes at the least: more requests than that."""
SHARDS = 4
EACH = LEAST // SHARDS // 20
"""How many of each kind a shard makes at the least."""
SEED = int(os.environ.get("RELIABILITY_SEED", 0 if os.environ.get("CI") else random.randrange(2**32)))
"""Set RELIABILITY_SEED to a printed seed to see the same schedules again.

As Hypothesis itself does, a run of continuous integration plays the same ones each time.
"""

PASSING = (
    "rate-limited",
    "rate-limited=0",
    "error=500",
    "error=503",
    "error=504",
    "error-after-commit=500",
    "error-after-commit=503",
    "error-after-commit=504",
    "drop",
    "drop=reset",
    "drop-after-commit",
    "drop-after-commit=reset",
    "cut",
    "invalid-json",
    "latency=0.02",
    "token-revoked",
)
BY_CHANCE = st.builds(
    "{}:{},p={},seed={}".format,
    st.sampled_from(["any", "create", "update", "delete", "list"]),
    st.sampled_from(PASSING),
    st.sampled_from([0.1, 0.3, 0.6]),
    st.integers(0, 999),
)
ODD = st.sampled_from(
    [
        *["update:new-identifier,p=0.3", "token:token-expires=0,p=0.5,seed=1"] * 2,
        "create:latency=1.4*1,skip=2",
    ]
)
FAULT = st.one_of(*[BY_CHANCE] * 7, ODD)
PROGRAM = st.dictionaries(
    st.integers(0, 11).map("c{}".format), st.sampled_from(["red", "green", "blue"]), min_size=4, max_size=12
)
STEP = st.tuples(
    st.sampled_from(["up", "up", "up", "refresh"]),
    st.one_of(*[PROGRAM] * 6, st.just({})),
    st.lists(FAULT, max_size=3),
)


@pytest.mark.thorough
@pytest.mark.parametrize("shard", range(SHARDS))
def test_random_schedules(environment: LocalScalekit, shard: int) -> None:
    """After any schedule an undisturbed `up` ends with exactly what is declared; there never is a duplicate."""
    operations: Counter[str] = Counter()

    @hypothesis.settings(
        max_examples=12,
        deadline=None,
        database=None,
        print_blob=True,
        # To make a failing schedule smaller takes minutes; its seed is printed.
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(schedule=st.lists(STEP, min_size=4, max_size=6), threads=st.sampled_from([4, 32]))
    def play(schedule: list[tuple[str, dict[str, str], list[str]]], threads: int) -> None:
        empty(environment)
        stack = Stack(
            environment,
            threads=threads,
            timeout=1.0,
            attempts=4,
            rateLimitWait=0.2,
            allowEmptyEnvironment=True,  # a program without connectors empties it
        )
        colours: dict[str, str] = {}
        declared: Mapping[str, Mapping[str, Any]] = {}
        run = Run()
        for command, program, faults in schedule:
            environment.faults.clear()
            for fault in faults:
                environment.faults.add(fault)
            if command == "refresh":
                stack.refresh()
            else:
                # What failed with an unknown outcome is finished before it is changed or dropped, as its message
                # says: no state knows of what a create may have made, or an update changed.
                unfinished = {
                    name: colour
                    for name, colour in colours.items()
                    if name not in stack.state or any(f"'Connector {name[1:]}'" in e for e in run.errors)
                }
                colours = {**program, **unfinished}
                declared = {
                    name: bearer(f"Connector {name[1:]}", description=colour)
                    for name, colour in colours.items()
                }
                run = stack.up(declared)
            settle(environment)
            assert invariant.duplicates(environment) == {}
        environment.faults.clear()
        run = _until_it_succeeds(stack, declared)
        assert run.succeeded, run.errors
        invariant.check(stack, declared)
        operations.update(stack.operations)

    for seed in itertools.count(SEED + shard, SHARDS):
        print(f"RELIABILITY_SEED={seed - shard}, shard {shard}")  # noqa: T201 - shown with a failure
        hypothesis.seed(seed)(play)()
        print(f"{operations.total()} operations: {dict(operations)}")  # noqa: T201
        fewest = min(operations[kind] for kind in ("create", "update", "delete", "read"))
        if operations.total() >= LEAST / SHARDS and fewest >= EACH:
            break


def _until_it_succeeds(stack: Stack, declared: Mapping[str, Mapping[str, Any]]) -> Run:
    """Run `up`, doing as its messages say."""
    run = Run()
    for _ in range(4):
        run = stack.up(declared)
        if run.succeeded:
            break
        if any(re.search(r"Run `pulumi refresh`", message) for message in run.errors):
            stack.refresh()
        else:
            run = adopt(stack, declared, run)
            if run.succeeded:
                break
    return run
