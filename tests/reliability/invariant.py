"""What must hold whenever an `up` has succeeded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pulumi_scalekit.definition.normalize import normalize, normalize_live, plain
from pulumi_scalekit.local import LocalScalekit

from .stack import Stack


def check(stack: Stack, declared: Mapping[str, Mapping[str, Any]]) -> None:
    """Exactly the declared connectors live, each once; the state equals them; and there is nothing left to do."""
    scalekit = stack.scalekit
    scalekit.faults.clear()
    assert duplicates(scalekit) == {}
    live = {provider.identifier: provider.payload for provider in scalekit.store.providers()}
    names = Counter(payload["display_name"] for payload in live.values())
    wanted = Counter(d["display_name"] for d in declared.values())
    assert (wanted - names, names - wanted) == (Counter(), Counter()), "lost, or left over"
    assert stack.state.keys() == declared.keys()
    for name, definition in declared.items():
        resource = stack.state[name]
        identifier = resource.outputs["identifier"]
        assert normalize_live(plain(live[identifier])) == normalize(plain(definition)), name
        assert normalize(plain(resource.inputs)) == normalize(plain(definition)), name
    again = stack.up(declared)
    assert (again.errors, again.changes) == ([], 0), "the next run finds something to do"


def duplicates(scalekit: LocalScalekit) -> dict[str, int]:
    """The display names that exist more than once."""
    names = Counter(provider.payload["display_name"] for provider in scalekit.store.providers())
    return {name: count for name, count in names.items() if count > 1}
