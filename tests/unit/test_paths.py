"""Property paths, as Pulumi writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit.definition.paths import Path, format_path, parse_path, value_at

PATHS: dict[str, Path] = {
    "": (),
    "description": ("description",),
    "auth_patterns[0].oauth_config.token_uri": ("auth_patterns", 0, "oauth_config", "token_uri"),
    'metadata["cost-center"]': ("metadata", "cost-center"),
    'metadata["a.b"].c': ("metadata", "a.b", "c"),
    'metadata["say \\"hi\\""]': ("metadata", 'say "hi"'),
    'metadata["back\\slash"]': ("metadata", "back\\slash"),
    'metadata["ends so\\"]': ("metadata", "ends so\\"),
    'metadata["ends so\\"].below[0]["and so\\"]': ("metadata", "ends so\\", "below", 0, "and so\\"),
    'metadata["\\\\"a\\"].b"]': ("metadata", '\\"a"].b'),
    "metadata.42nd": ("metadata", "42nd"),
    '["first key"]': ("first key",),
}


@pytest.mark.parametrize("text", PATHS)
def test_format_path(text: str) -> None:
    """Bare keys follow dots; positions and all other keys are in brackets."""
    assert format_path(PATHS[text]) == text


@given(st.lists(st.text(r"a\". ", min_size=1) | st.integers(0, 3), min_size=1, max_size=4).map(tuple))
def test_any_path_is_read_as_it_was_written(path: Path) -> None:
    """Quotes and backslashes are a part of a key wherever they stand."""
    assert parse_path(format_path(path)) == path


@pytest.mark.parametrize("text", PATHS)
def test_a_path_leads_to_its_value(text: str) -> None:
    """What a path names is found by it, whatever its keys hold."""
    value: Any = "found"
    for step in reversed(PATHS[text]):
        value = [value] if isinstance(step, int) else {step: value}
    assert value_at(value, text) == "found"
