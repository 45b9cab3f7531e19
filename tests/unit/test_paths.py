"""Property paths, as Pulumi writes them."""

from __future__ import annotations

import pytest

from pulumi_scalekit.definition.paths import Path, format_path

PATHS: dict[str, Path] = {
    "": (),
    "description": ("description",),
    "auth_patterns[0].oauth_config.token_uri": ("auth_patterns", 0, "oauth_config", "token_uri"),
    'metadata["cost-center"]': ("metadata", "cost-center"),
    'metadata["a.b"].c': ("metadata", "a.b", "c"),
    'metadata["say \\"hi\\""]': ("metadata", 'say "hi"'),
    "metadata.42nd": ("metadata", "42nd"),
    '["first key"]': ("first key",),
}


@pytest.mark.parametrize("text", PATHS)
def test_format_path(text: str) -> None:
    """Bare keys follow dots; positions and all other keys are in brackets."""
    assert format_path(PATHS[text]) == text
