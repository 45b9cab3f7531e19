"""An engine that keeps states and configurations in a JSON file: what the command needs of one, and nothing more.

Run as a script: `fake_engine.py FILE COMMAND…`. The file holds `{"stacks": {name: deployment}, "config": {…}}`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(file: Path, arguments: list[str]) -> int:
    """Run one engine command; answers the exit code."""
    kept: dict[str, Any] = json.loads(file.read_text())
    words = [word for word in arguments if not word.startswith("--")]
    stack = arguments[arguments.index("--stack") + 1] if "--stack" in arguments else ""
    if words[:2] == ["stack", "ls"]:
        print(json.dumps([{"name": name} for name in kept["stacks"]]))  # noqa: T201
        return 0
    if stack not in kept["stacks"]:
        print(f"error: no stack named '{stack}' found", file=sys.stderr)  # noqa: T201
        return 6
    if words[:1] == ["config"]:
        print(json.dumps(kept["config"].get(stack, {})))  # noqa: T201
    elif words[:2] == ["stack", "export"]:
        print(json.dumps(kept["stacks"][stack]))  # noqa: T201
    elif words[:2] == ["stack", "import"]:
        kept["stacks"][stack] = json.load(sys.stdin)
        file.write_text(json.dumps(kept))
    else:
        print(f"error: unknown command {arguments}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
