"""The walk in docs/connections.md, line by line, as a reader would type it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ..support.engines import Engine

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.thorough
def test_the_walk(tmp_path: Path, engine: Engine) -> None:
    """From an empty folder to a call with the command and with the SDK, and back to nothing."""
    shutil.copytree(ROOT / "examples" / "connection", tmp_path / "examples" / "connection")
    page = (ROOT / "docs" / "connections.md").read_text()
    block = re.search(r"<!-- walk -->\n```console\n(.*?)```", page, re.DOTALL)
    assert block
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "pulumi").symlink_to(engine.command)
    waits = "until python -c \"import socket; socket.create_connection(('127.0.0.1', {}))\" 2>&-; do :; done"
    lines = ["trap 'kill $(jobs -p)' EXIT"]
    for line in block[1].splitlines():
        command = line.removeprefix("$ ")
        if command.startswith("pip "):
            continue  # installed already
        lines.append(command)
        if re.search(r"&\s*(#.*)?$", command):
            ports = re.findall(r"(?:--port|http.server) (\d+)", command)
            lines.append(waits.format(ports[0]))
    script = "\n".join(lines).replace("8790", str(free_port())).replace("9000", str(free_port()))
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SCALEKIT_", "PULUMI_"))}
    environ["PATH"] = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "+ 3 created" in done.stdout
    assert done.stdout.count("\nhello\n") == 2, done.stdout
    assert "- 3 deleted" in done.stdout
