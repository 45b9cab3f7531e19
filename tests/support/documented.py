"""The nine connectors of Scalekit's documentation, as the vendor publishes their payloads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"

DOCUMENTED: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((DATA / "documented").glob("*.json"))
}
"""The payloads, by the names that the quickstart gives its resources."""
