"""Help texts."""

from __future__ import annotations

import re


def help_text(text: str) -> str:
    """A help text whose paragraphs are one line each, for typer to wrap; indented lines stay as they are."""
    return re.sub(r"(?<=\S)\n(?=[^\s])", " ", text.strip())
