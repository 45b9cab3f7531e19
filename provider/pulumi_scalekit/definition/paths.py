"""Property paths in Pulumi's notation: `auth_patterns[0].oauth_config.token_uri`, `metadata["a.b"]`."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]
"""A path as its steps: a string steps into a mapping, an integer into a list."""

_BARE = re.compile(r"[A-Za-z0-9_]+")


def format_path(path: Path) -> str:
    """Write a path as Pulumi does: bare keys after dots, positions and other keys in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _BARE.fullmatch(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
    return text
