"""A stack that is laid out as files, as `stack init` would: that saves a process for each scenario."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

PASSPHRASE = "correct horse"
SALT = "v1:2d8DE7jkY3g=:v1:6WetFlcGA678Wrpt:m7bTHFPMuqUEQjBFxLsjWhEcj+/Mzw=="
"""A salt made for that passphrase."""
STACK = "dev"


def lay_out_stack(project: Path, backend: Path, *, name: str, stack: str = STACK) -> None:
    """Make an empty stack of a project in a file backend; any engine goes on from there.

    Args:
        project: The folder with Pulumi.yaml.
        backend: The folder of the backend, empty as yet.
        name: The project's name.
        stack: The stack's name.
    """
    version = "v3.260.0"
    manifest = {
        "time": "2026-01-01T00:00:00Z",
        "magic": hashlib.sha256(version.encode()).hexdigest(),
        "version": version,
    }
    secrets = {"type": "passphrase", "state": {"salt": SALT}}
    latest = {"manifest": manifest, "secrets_providers": secrets, "metadata": {}}
    checkpoint = {"stack": f"organization/{name}/{stack}", "latest": latest}
    path = backend / ".pulumi" / "stacks" / name / f"{stack}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": checkpoint}))
    (backend / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    (project / f"Pulumi.{stack}.yaml").write_text(f"encryptionsalt: {SALT}\n")
