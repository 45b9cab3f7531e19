"""The workspace of a project: which stack is selected."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from .project import Project, pulumi_home
from .stack_config import write_atomically


class Workspace:
    """Which stack is selected, per project and backend; kept where the CLI keeps it."""

    def __init__(self, project: Project) -> None:
        digest = hashlib.sha1(str(project.path).encode(), usedforsecurity=False).hexdigest()
        self._path = pulumi_home() / "workspaces" / f"{project.name}-{digest}-workspace.json"

    def selected(self, backend_url: str) -> str | None:
        """Return the selected stack, by PULUMI_STACK first."""
        if name := os.environ.get("PULUMI_STACK"):
            return name
        document = self._load()
        if document.get("stacks"):
            name = document["stacks"].get(backend_url)
            return name if isinstance(name, str) else None
        name = document.get("stack")
        return name if isinstance(name, str) else None

    def select(self, backend_url: str, name: str | None) -> None:
        """Select a stack by its full name, or none."""
        document = self._load()
        document.pop("stack", None)
        stacks = document.setdefault("stacks", {})
        if name is None:
            stacks.pop(backend_url, None)
        else:
            stacks[backend_url] = name
        write_atomically(self._path, json.dumps(document, indent=4).encode())

    def _load(self) -> dict[str, Any]:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}
