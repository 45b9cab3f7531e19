"""What lives in a local Scalekit, as tests look at it and change it behind Pulumi's back."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Mapping
from typing import Any, Final

from pulumi_scalekit.local import LocalScalekit

Definition = dict[str, Any]

ABSENT: Final = object()
"""In an edit: the property is taken away."""


def live(scalekit: LocalScalekit) -> dict[str, Definition]:
    """The stored definitions, by display name. Duplicates are an error."""
    found: dict[str, Definition] = {}
    for provider in scalekit.store.providers():
        name = provider.payload["display_name"]
        assert name not in found, f"{name} exists twice"
        found[name] = provider.payload
    return found


def identifier_of(scalekit: LocalScalekit, display_name: str) -> str:
    """The identifier of the only connector of a display name."""
    (found,) = [p for p in scalekit.store.providers() if p.payload["display_name"] == display_name]
    return found.identifier


def create(scalekit: LocalScalekit, definition: Mapping[str, Any], identifier: str) -> None:
    """Create a connector behind Pulumi's back, with an identifier of one's own."""
    scalekit.store.create_provider({"proxy_enabled": True, **definition}, lambda _display_name: identifier)


def change(scalekit: LocalScalekit, display_name: str, edits: Mapping[str, Any]) -> None:
    """Change a connector behind Pulumi's back."""
    identifier = identifier_of(scalekit, display_name)
    assert scalekit.store.update_provider(identifier, lambda stored: edit(stored, edits))


def remove(scalekit: LocalScalekit, display_name: str) -> None:
    """Delete a connector behind Pulumi's back."""
    assert scalekit.store.delete_provider(identifier_of(scalekit, display_name), lambda _users: None)


def edit(definition: Mapping[str, Any], edits: Mapping[str, Any]) -> Definition:
    """A copy of a definition with the values at some property paths replaced, added or, by `ABSENT`, removed.

    A position at the end of a list appends.
    """
    edited = copy.deepcopy(dict(definition))
    for path, value in edits.items():
        steps = [
            int(index) if index else quoted or name
            for index, quoted, name in re.findall(r'\[(\d+)\]|\["([^"]+)"\]|([^.\[\]]+)', path)
        ]
        parent: Any = edited
        for step, following in itertools.pairwise(steps):
            if isinstance(parent, dict) and step not in parent:
                parent[step] = [] if isinstance(following, int) else {}
            parent = parent[step]
        last: Any = steps[-1]
        if value is ABSENT:
            del parent[last]
        elif isinstance(parent, list) and last == len(parent):
            parent.append(value)
        else:
            parent[last] = value
    return edited
