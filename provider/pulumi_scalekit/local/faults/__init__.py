"""Failures on purpose: one small class for each, and what switches them on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable

from pulumi_scalekit.local.operations import OPERATIONS

from .fault import Fault, FaultError
from .specification import KINDS, Armed, parse

__all__ = ["KINDS", "Armed", "Fault", "FaultError", "Faults", "parse"]


class Faults:
    """The faults that are switched on in a server. Safe to use while it runs."""

    def __init__(self, specs: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._armed: list[Armed] = []
        self._numbers = itertools.count(1)
        for spec in specs:
            self.add(spec)

    def add(self, *specs: str) -> list[Armed]:
        """Switch faults on. Raises :class:`FaultError` for a specification it cannot read, and switches none on."""
        added = [parse(spec) for spec in specs]
        for armed in added:
            armed.number = next(self._numbers)
        with self._lock:
            self._armed += added
        return added

    def remove(self, number: int) -> bool:
        """Switch off the fault of a number; False when there is none."""
        with self._lock:
            before = len(self._armed)
            self._armed = [armed for armed in self._armed if armed.number != number]
            return len(self._armed) < before

    def clear(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self._armed.clear()

    def draw(self, operation: str) -> list[Armed]:
        """Return the faults that strike a request of this operation, and count it."""
        if operation not in OPERATIONS:
            return []
        with self._lock:
            return [armed for armed in self._armed if armed.draw(operation)]

    @property
    def drawn(self) -> int:
        """How many times any of the faults struck."""
        with self._lock:
            return sum(armed.drawn for armed in self._armed)

    def as_json(self) -> list[dict[str, object]]:
        """Return the faults as the admin endpoint shows them."""
        with self._lock:
            return [armed.as_json() for armed in self._armed]
