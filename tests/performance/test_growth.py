"""The cost of one call does not depend on how many connectors there are. Counted, not timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pulumi_scalekit.api.list_cache import ListCache


class Counted(dict[str, Any]):
    """An answer that counts how often any of its kind is looked at."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        """Count, and look."""
        Counted.looks += 1
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        Counted.looks += 1
        return super().__getitem__(key)


@contextmanager
def at_most(looks: int) -> Iterator[None]:
    """Check that the block looks at few answers."""
    before = Counted.looks
    yield
    assert Counted.looks - before <= looks


@pytest.mark.parametrize("count", [10, 1000])
def test_looking_something_up_does_not_scan(count: int) -> None:
    """Finding an answer by key or by name looks at a few answers, however many were listed."""
    listed = [Counted(identifier=f"C:{n}", display_name=f"Connector {n}") for n in range(count)]
    snapshot = ListCache(lambda: listed, key="identifier", name="display_name")
    assert len(snapshot.current().all()) == count
    with at_most(5):
        assert snapshot.get("C:7") is listed[7]
        assert snapshot.current().named("Connector 7") == [listed[7]]
        assert snapshot.known("Connector 7") == [listed[7]]
        assert snapshot.known("Connector x") == []


@pytest.mark.parametrize("count", [10, 1000])
def test_a_write_does_not_scan(count: int) -> None:
    """Noting a write, and looking whether a name is free before the next, looks at a few answers."""
    listed = [Counted(identifier=f"C:{n}", display_name=f"Connector {n}") for n in range(count)]
    snapshot = ListCache(lambda: listed, key="identifier", name="display_name")
    assert snapshot.known("New") == []
    with at_most(10):
        with snapshot.write() as written:
            written["C:new"] = Counted(identifier="C:new", display_name="New")
        assert [a["identifier"] for a in snapshot.known("New")] == ["C:new"]


def test_a_write_makes_the_next_read_list_again() -> None:
    """What was listed before a write of this process never answers a read after it."""
    lists: list[list[Counted]] = [
        [Counted(identifier="C:1", display_name="One", description=text)] for text in ("old", "new")
    ]
    snapshot = ListCache(lambda: lists.pop(0), key="identifier", name="display_name")
    assert (snapshot.get("C:1") or {})["description"] == "old"
    assert (snapshot.get("C:1") or {})["description"] == "old", "a second read shares the list"
    with snapshot.write():
        pass  # whatever it did: its outcome may be unknown
    assert (snapshot.get("C:1") or {})["description"] == "new"
