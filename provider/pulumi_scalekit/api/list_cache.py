"""One list of everything, shared by many reads, and never older than what this process has written."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from pulumi_scalekit.errors import Cancelled, ScalekitError

from .responses import Attributes
from .retries import look_again

MAX_AGE: Final = 30.0
"""Seconds after which a list is no longer used, written or not."""
_MAX_PAUSE: Final = 4.0
"""Seconds between two looks at most."""
_T = TypeVar("_T")


class Index:
    """What was listed, by its key, which is unique, and by their name, which need not be."""

    def __init__(self, key: str, name: str) -> None:
        self._key = key
        self._name = name
        self._by_key: dict[str, Attributes] = {}
        self._by_name: defaultdict[str, dict[str, Attributes]] = defaultdict(dict)

    def put(self, attributes: Attributes) -> None:
        """Add something listed, or replace that of its key."""
        key = str(attributes.get(self._key, ""))
        self.drop(key)
        self._by_key[key] = attributes
        self._by_name[str(attributes.get(self._name, ""))][key] = attributes

    def drop(self, key: str) -> None:
        """Remove what is listed under a key, if there is anything."""
        if (known := self._by_key.pop(key, None)) is not None:
            del self._by_name[str(known.get(self._name, ""))][key]

    def get(self, key: str) -> Attributes | None:
        """What is listed under a key."""
        return self._by_key.get(key)

    def named(self, name: str) -> list[Attributes]:
        """What is listed under a name."""
        return list(self._by_name[name].values()) if name in self._by_name else []

    def all(self) -> list[Attributes]:
        """Everything: what this process has written last, and before that the rest in the server's order."""
        return list(self._by_key.values())


class ListCache:
    """What a list call returned. Threads may share it: those that need a list at one time share one.

    Args:
        load: Makes the list call.
        key: The property that is unique, and addresses what is listed in further calls.
        name: The property that people name it by.
        pause: Seconds before the second look for something; each further one waits twice as long.
        delay: Seconds by which a list may show a write late: what is not there is looked for as long.
    """

    def __init__(
        self,
        load: Callable[[], Iterable[Attributes]],
        *,
        key: str,
        name: str,
        pause: float = 0.25,
        delay: float = 10.0,
    ) -> None:
        self._load = load
        self._key, self._name = key, name
        self.pauses = _pauses(pause, delay)
        """Seconds between the looks for something that is not there, as late as a list may be."""
        self._delay = delay
        self._listing = threading.Lock()
        self._state = threading.Lock()
        self._listed = Index(key, name)
        self._known = Index(key, name)
        self._takes = 0
        self._first_asked_at = float("inf")
        self._asked_at = float("-inf")
        self._taken_at = float("-inf")
        # Writes are counted when they begin and when they end; a snapshot is newer than the count it has.
        self._writes = 0
        self._taken_after = -1
        self._written: dict[str, tuple[Attributes | None, float]] = {}
        self._failure: ScalekitError | None = None
        self._failed_at = float("-inf")

    # --- Reading -------------------------------------------------------------------------------------------

    def current(self) -> Index:
        """Everything, no older than this process's own last write."""
        return self._where(
            lambda: self._taken_after == self._writes and time.monotonic() - self._asked_at < MAX_AGE
        )

    def known(self, name: str) -> list[Attributes]:
        """What is listed under a name, by the latest list and this process's own writes.

        Unlike `current`, this does not list again after each write: a thousand creates must not list a thousand times.
        """
        self._where(lambda: time.monotonic() - self._taken_at < MAX_AGE)
        with self._state:
            return self._known.named(name)

    def newer_than(self, moment: float) -> Index:
        """Everything, by a list that was requested after a moment of `time.monotonic()`."""
        return self._where(lambda: self._asked_at >= moment)

    def get(self, key: str) -> Attributes | None:
        """What is listed under a key, or `None` where nothing is.

        To take something for gone that is there would make Pulumi forget it. So what a list does not show is
        looked for again for as long as a list may be late; lists that others needed count too.
        """
        began = time.monotonic()
        found = self.current().get(key)
        if found is not None or self._surely_gone(key):
            return found
        return self._look(lambda index: index.get(key), after=began, enough=lambda: self._surely_gone(key))

    def search(self, name: str, match: Callable[[Attributes], bool]) -> list[Attributes]:
        """What is listed under a name and matches, by lists requested from now on; looks again while nothing is."""
        return self.look(lambda index: [a for a in index.named(name) if match(a)] or None) or []

    def look(self, find: Callable[[Index], _T | None]) -> _T | None:
        """What is found in a list requested from now on; looks again while that is nothing."""
        return self._look(find, after=time.monotonic())

    def _look(
        self,
        find: Callable[[Index], _T | None],
        *,
        after: float,
        enough: Callable[[], bool] = lambda: False,
    ) -> _T | None:
        looks = 0

        def look() -> tuple[_T | None] | None:
            nonlocal after, looks
            if looks:
                # Half a pause of grace lets threads that look at about the same time share a list.
                after = time.monotonic() - self.pauses[looks - 1] / 2
            looks += 1
            found = find(self.newer_than(after))
            return None if found is None and not enough() else (found,)

        found = look_again(look, self.pauses)
        return found[0] if found else None

    def _surely_gone(self, key: str) -> bool:
        """Whether something that the last list did not show is gone, and not just late."""
        with self._state:
            deleted_here = key in self._written and self._written[key][0] is None
            looked = self._takes > len(self.pauses) and self._asked_at - self._first_asked_at >= self._delay
            return deleted_here or looked

    # --- Writing -------------------------------------------------------------------------------------------

    @contextmanager
    def write(self) -> Iterator[dict[str, Attributes | None]]:
        """A write under way. What it did goes into the mapping: what is stored, or `None` when deleted."""
        done: dict[str, Attributes | None] = {}
        with self._state:
            self._writes += 1
        try:
            yield done
        finally:
            with self._state:
                self._writes += 1
                now = time.monotonic()
                for key, stored in done.items():
                    self._written[key] = (stored, now)
                    self._note(self._known, key, stored)

    # --- The list itself -----------------------------------------------------------------------------------

    def _where(self, fresh: Callable[[], bool]) -> Index:
        """The list as soon as it is fresh enough, with this process's own late writes put in."""
        came_at = time.monotonic()
        with self._listing:
            with self._state:
                if fresh():
                    return self._listed
            if self._failure is not None and self._failed_at > came_at:
                # It failed while this thread waited for it: were each to try by itself, they would take turns
                # to wait for an environment that is down.
                raise self._failure.with_traceback(None)
            try:
                self._take()
            except Cancelled:
                raise  # it is about the operation of this thread alone
            except ScalekitError as error:
                self._failure, self._failed_at = error, time.monotonic()
                raise
            return self._listed

    def _take(self) -> None:
        with self._state:
            writes, asked_at = self._writes, time.monotonic()
        listed = list(self._load())
        with self._state:
            self._takes += 1
            self._taken_at = time.monotonic()
            self._asked_at, self._taken_after = asked_at, writes
            self._first_asked_at = min(self._first_asked_at, asked_at)
            self._listed, self._known = self._indexed(listed), self._indexed(listed)

    def _indexed(self, listed: Iterable[Attributes]) -> Index:
        index = Index(self._key, self._name)
        for attributes in listed:
            index.put(attributes)
        for key, (written, at) in self._written.items():
            # A list may be late. After a while it is believed: somebody else may have changed things.
            if written is None or self._asked_at < at + self._delay:
                self._note(index, key, written)
        return index

    @staticmethod
    def _note(index: Index, key: str, stored: Attributes | None) -> None:
        if stored is None:
            index.drop(key)
        else:
            index.put(stored)


def _pauses(first: float, delay: float) -> list[float]:
    """The pauses between looks, in seconds: each twice as long as the one before, `delay` altogether."""
    pauses: list[float] = []
    pause, left = max(first, delay / 100), delay
    while left > 0:
        pauses.append(min(pause, left))
        left -= pauses[-1]
        pause = min(2 * pause, _MAX_PAUSE)
    return pauses
