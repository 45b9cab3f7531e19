"""What several tests of the embedded engine share."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_embedded.state.backend import Backend, StackFile, StackReference
from pulumi_embedded.state.checkpoint import make_deployment
from pulumi_embedded.state.secrets import SecretsManager

from ..support.stacks import PASSPHRASE, SALT


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFile:
    """An empty stack without an engine."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    backend = Backend(f"file://{tmp_path}")
    secrets = SecretsManager.open(PASSPHRASE, SALT)
    return backend.create(StackReference("bench", "dev"), make_deployment([], [], secrets.provider_state()))
