"""Random sequences in which names move, connectors change hands, and runs are killed."""

from __future__ import annotations

import pytest

from pulumi_scalekit.local import LocalScalekit

from .sequences import Sequence

SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(2, 60))]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_sequence(environment: LocalScalekit, seed: int) -> None:
    """After each run that succeeds: live is as declared, one owner each, and nobody else's is touched."""
    sequence = Sequence(environment, seed)
    try:
        sequence.play()
    except AssertionError:
        print(*sequence.journal, sep="\n")  # noqa: T201 - shown with a failure
        raise
