"""The example: connector and connection declared, a call by the official SDK, everything destroyed in order."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from pulumi_scalekit import local

from ..support.engines import Project
from ..support.live import live

pytestmark = pytest.mark.thorough

EXAMPLE = Path(__file__).parents[2] / "examples" / "connection"
pytest.importorskip("scalekit", reason="the official SDK is not installed: pip install scalekit-sdk-python")


class Echo(BaseHTTPRequestHandler):
    """Answers with the path and the credential that reached it."""

    def do_GET(self) -> None:
        """Respond to a call."""
        body = f"{self.path} {self.headers['x-api-key']}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def upstream() -> Iterator[str]:
    """A real upstream on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def scalekit(upstream: str) -> Iterator[local.LocalScalekit]:
    """An environment whose proxied calls for the example's upstream go to this machine."""
    with local.running() as running:
        running.settings.upstreams = {"https://echo.example.com": upstream}
        yield running


def test_example(project: Project, scalekit: local.LocalScalekit) -> None:
    """The upstream receives the mutated key in the overridden header, below the connector's own path."""
    shutil.copytree(EXAMPLE, project.directory, dirs_exist_ok=True)
    project.run("stack", "init", "example")
    project.env["PULUMI_STACK"] = "example"
    project.up()
    assert project.run("stack", "output", "connection_name").stdout.strip() == "echo"

    sign_in = {"grant_type": "client_credentials"}
    form = {**sign_in, "client_id": scalekit.client_id, "client_secret": scalekit.client_secret}
    token = httpx.post(f"{scalekit.url}/oauth/token", data=form).json()["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    account = {"connector": "echo", "identifier": "user_123"}
    details = {"authorization_details": {"static_auth": {"details": {"api_key": "42"}}}}
    accounts = f"{scalekit.url}/api/v1/connected_accounts"
    httpx.post(accounts, json={**account, "connected_account": details}, headers=bearer).raise_for_status()

    called = subprocess.run(
        [sys.executable, str(EXAMPLE / "call.py"), "echo", "user_123", "/hello"],
        env={**project.env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert called.stdout == "200\n/v1/hello key-42\n", called.stderr

    httpx.post(f"{accounts}:delete", json=account, headers=bearer).raise_for_status()
    project.destroy()
    assert live(scalekit) == {}
    deleted = [entry.path.split("/")[3] for entry in scalekit.requests if entry.method == "DELETE"]
    assert deleted == ["connections", "custom-providers"]
