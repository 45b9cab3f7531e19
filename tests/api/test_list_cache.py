"""One list for many reads, never older than this process's own writes, and never too sure that something is gone."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pulumi_scalekit.api.list_cache import MAX_AGE, ListCache
from pulumi_scalekit.errors import OutOfTime, ScalekitError, Unreachable

from .apps import at_once

LOOKS = 5
"""How often something is looked for that is not there: at once, and after each of four pauses."""


class Source:
    """A list call: answers what is there, except what it shows too late."""

    def __init__(self, *names: str) -> None:
        self.items: dict[str, dict[str, Any]] = {f"C:{n}": {"id": f"C:{n}", "name": n} for n in names}
        self.calls = 0
        self.late: dict[str, int] = {}
        """By how many more calls something is not shown."""
        self.fails: ScalekitError | None = None
        self.takes = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> Iterable[dict[str, Any]]:
        """Return one list."""
        with self._lock:
            self.calls += 1
        time.sleep(self.takes)
        if self.fails:
            raise self.fails
        shown = [item for key, item in self.items.items() if self.late.get(key, 0) <= 0]
        self.late = {key: left - 1 for key, left in self.late.items()}
        return shown


def listing(source: Callable[[], Iterable[dict[str, Any]]], *, pause: float = 0.002) -> ListCache:
    """A cache that does not wait long."""
    return ListCache(source, key="id", name="name", pause=pause, delay=15 * pause)


def test_threads_share_one_list() -> None:
    """A hundred reads at once make one call."""
    source = Source("a", "b")
    source.takes = 0.02
    cache = listing(source)
    found = at_once(100, lambda n: cache.get(f"C:{'ab'[n % 2]}"))
    assert [f["name"] for f in found if isinstance(f, dict)] == ["a", "b"] * 50
    assert source.calls == 1


def test_a_write_makes_the_list_old() -> None:
    """The first read after a write lists again, the second does not."""
    source = Source("a")
    cache = listing(source)
    cache.current()
    with cache.write():
        source.items["C:b"] = {"id": "C:b", "name": "b"}
    assert {item["name"] for item in cache.current().all()} == {"a", "b"}
    cache.current()
    assert source.calls == 2


def test_a_list_that_was_asked_for_before_a_write_ended_is_not_trusted() -> None:
    """A write that is under way while the list is taken may or may not be in it."""
    source = Source("a")
    cache = listing(source)
    with cache.write():
        cache.current()
    cache.current()
    assert source.calls == 2


def test_creates_do_not_list_again() -> None:
    """What is known by name comes from the first list and this process's own writes."""
    source = Source("a")
    cache = listing(source)
    for name in "bcd":
        assert cache.known(name) == []
        with cache.write() as written:
            written[f"C:{name}"] = {"id": f"C:{name}", "name": name}
        assert [item["id"] for item in cache.known(name)] == [f"C:{name}"]
    with cache.write() as written:
        written["C:a"] = None
    assert cache.known("a") == []
    assert source.calls == 1


def test_an_own_write_is_seen_before_the_list_shows_it() -> None:
    """A list that is behind does not hide what this process has just made, nor bring back what it deleted."""
    source = Source("gone")
    cache = listing(source, pause=1.0)
    cache.current()
    with cache.write() as written:
        written["C:new"] = {"id": "C:new", "name": "new"}
        written["C:gone"] = None
    assert [item["name"] for item in cache.current().all()] == ["new"]
    assert cache.known("gone") == []


def test_an_own_write_is_not_believed_for_ever() -> None:
    """After a while the list is right: somebody else may have deleted it."""
    source = Source()
    cache = listing(source)
    with cache.write() as written:
        written["C:new"] = {"id": "C:new", "name": "new"}
    time.sleep(0.05)
    assert cache.get("C:new") is None
    assert cache.known("new") == []


def test_a_failed_write_makes_the_list_old_too() -> None:
    """It may have taken effect all the same."""
    source = Source("a")
    cache = listing(source)
    cache.current()
    with contextlib.suppress(Unreachable), cache.write():
        raise Unreachable("down")
    cache.current()
    assert source.calls == 2


@pytest.mark.parametrize("late", range(LOOKS))
def test_what_the_list_shows_late_is_found(late: int) -> None:
    """Something that several lists miss is not taken for gone."""
    source = Source("a")
    source.late["C:a"] = late
    assert listing(source).get("C:a") == {"id": "C:a", "name": "a"}
    assert source.calls == late + 1


def test_what_no_list_shows_is_gone() -> None:
    """After as many looks as it takes; and the next that is gone costs no further wait."""
    source = Source("a")
    cache = listing(source)
    assert cache.get("C:x") is None
    assert source.calls == LOOKS
    assert [cache.get(f"C:{n}") for n in range(50)] == [None] * 50
    assert source.calls == LOOKS


def test_threads_look_together() -> None:
    """Thirty threads that miss something share their looks."""
    source = Source()
    source.takes = 0.05  # none may come so late that the list of the others is too old for it
    cache = listing(source, pause=0.1)
    assert at_once(30, lambda n: cache.get(f"C:{n}")) == [None] * 30
    assert source.calls <= 2 * LOOKS


def test_search_looks_again_until_something_matches() -> None:
    """By lists asked for after the search began, never by an old one."""
    source = Source("a")
    cache = listing(source)
    cache.current()
    source.items["C:b"] = {"id": "C:b", "name": "b"}
    source.late["C:b"] = 2
    assert [item["id"] for item in cache.search("b", lambda _: True)] == ["C:b"]
    assert source.calls == 4
    assert cache.search("b", lambda item: item["id"] == "C:z") == []


def test_waiting_threads_share_a_failure() -> None:
    """When the list fails, those who waited for it fail too, instead of each trying in turn."""
    source = Source()
    source.fails, source.takes = Unreachable("down"), 0.03
    cache = listing(source)
    assert all(isinstance(result, Unreachable) for result in at_once(20, lambda _: cache.current()))
    assert source.calls <= 2
    source.fails = None
    assert cache.current().all() == []


def test_what_is_known_by_name_is_not_as_old_as_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A create that comes late in a long run sees what somebody else has made since it began."""
    source = Source("a")
    cache = listing(source)
    assert cache.known("b") == []
    source.items["C:b"] = {"id": "C:b", "name": "b"}
    assert cache.known("b") == []
    now = time.monotonic() + MAX_AGE
    monkeypatch.setattr("pulumi_scalekit.api.list_cache.time.monotonic", lambda: now)
    assert [item["id"] for item in cache.known("b")] == ["C:b"]
    assert source.calls == 2


def test_an_operation_without_time_left_ends_alone() -> None:
    """Those who waited for the list that it was to take are not out of time: one of them takes it."""
    source = Source("a")
    source.takes = 0.02

    def load() -> Iterable[dict[str, Any]]:
        items = source()
        if source.calls == 1:
            raise OutOfTime
        return items

    cache = listing(load)
    results = at_once(10, lambda _: cache.current())
    assert sum(isinstance(result, OutOfTime) for result in results) == 1
    assert source.calls == 2
