"""Rules about properties that Scalekit does not know, and one that switches it off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pulumi_scalekit.auth import Auth
from pulumi_scalekit.payload import Payload, properties_by_key

from ..finding import Finding
from ..keys import DEFINITION_KEYS, READ_ONLY_KEYS
from ..paths import Path, format_path
from .rule import rule
from .shapes import patterns


@rule("proxy-disabled")
def proxy_disabled(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """With `proxy_enabled` false, tool calling does not work: allowed, with a warning."""
    if definition.get("proxy_enabled") is False:
        yield Finding(
            "proxy-disabled",
            "proxy_enabled",
            "is false: tool calling through this connector will not work",
            "set it to true unless that is what you want",
            severity="warning",
        )


@rule("display-name-blanks")
def display_name_blanks(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A connector's name neither begins nor ends with a blank, which nobody sees: else a warning."""
    name = definition.get("display_name")
    if isinstance(name, str) and name.strip() and name != name.strip(" "):
        yield Finding(
            "display-name-blanks",
            "display_name",
            "begins or ends with a blank, so two names may look alike",
            "remove it",
            severity="warning",
        )


@rule("unknown-property", "unknown-key")
def unknown_properties(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """An unknown top-level property is an error; an unknown key in a pattern passes, with a hint at typos."""
    for key in definition:
        if key in DEFINITION_KEYS:
            continue
        if key in READ_ONLY_KEYS:
            message, fix = "is made by the server", "remove it"
        else:
            message = "is not a property of a connector"
            close = get_close_matches(str(key), DEFINITION_KEYS, 1, 0.6)
            fix = f"did you mean {close[0]}?" if close else "remove it"
        yield Finding("unknown-property", format_path((key,)), message, fix)
    for where, pattern in patterns(definition):
        yield from _typos(where, pattern, Auth)


def _meant(key: str, known: Sequence[str]) -> str | None:
    """The known key that another one looks like: misspelled, in another case, or just its end, or `None`."""
    plain = {name.replace("_", ""): name for name in known}
    bare = re.sub(r"[^a-z0-9]", "", key.lower())
    if close := get_close_matches(bare, plain, 1, 0.8):
        return plain[close[0]]
    # Such as `scopes` for `available_scopes`.
    ends = [name for name in known if name.endswith(f"_{key}")]
    return ends[0] if len(ends) == 1 else None


def _typos(where: Path, value: object, of: type[Payload]) -> Iterator[Finding]:
    if not isinstance(value, Mapping):
        return
    known = properties_by_key(of)
    for key, item in value.items():
        path = (*where, key)
        if key not in known:
            # A known key that is present already is not what was meant.
            if meant := _meant(str(key), [name for name in known if name not in value]):
                yield Finding(
                    "unknown-key",
                    format_path(path),
                    f"is not a key that Scalekit documents, but looks like {meant}",
                    f"rename it to {meant} if that was meant; unknown keys are sent as they are",
                    severity="hint",
                )
            continue
        nested = known[key].of
        if nested is None:
            continue
        if known[key].kind == "object":
            yield from _typos(path, item, nested)
        elif isinstance(item, Mapping):
            for name, member in item.items():
                yield from _typos((*path, name), member, nested)
        elif isinstance(item, list):
            for index, element in enumerate(item):
                yield from _typos((*path, index), element, nested)
