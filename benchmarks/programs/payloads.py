"""The connectors that every benchmark program declares: the documented ones in turn, under names of their own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_DOCUMENTED = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[2] / "tests" / "data" / "documented").glob("*.json"))
]


def payloads() -> dict[str, dict[str, Any]]:
    """As many definitions as `BENCH_CONNECTORS` says, in the version that `BENCH_VERSION` names."""
    version = os.environ["BENCH_VERSION"]
    return {
        f"connector-{number:05}": {
            **_DOCUMENTED[number % len(_DOCUMENTED)],
            "display_name": f"Connector {number:05}",
            "description": f"Version {version}",
        }
        for number in range(int(os.environ["BENCH_CONNECTORS"]))
    }
