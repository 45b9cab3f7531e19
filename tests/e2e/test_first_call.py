"""`examples/first-call`: one command from an OpenAPI document to a first call."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pulumi_scalekit.operations.pulumi_cli import ENGINE_VARIABLE

from ..support.engines import Engine

EXAMPLE = Path(__file__).parents[2] / "examples" / "first-call" / "run.py"


@pytest.mark.thorough
def test_the_example_gets_a_response(engine: Engine) -> None:
    """The definition, the connection, the account and the call work, and the application's secret is not shown."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SCALEKIT_", "PULUMI_"))}
    environ[ENGINE_VARIABLE] = engine.command
    done = subprocess.run(
        [sys.executable, EXAMPLE], env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith('{"notes": ["Buy milk"]}')
    assert "+ 3 created" in done.stdout
    assert "a-secret-of-the-application" not in done.stdout + done.stderr
