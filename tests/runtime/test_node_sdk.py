"""The official Node SDK, unchanged, against the local Scalekit: HTTP/2 in clear text, and TLS with ALPN."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from pulumi_scalekit import local

from .conftest import upstream_server

pytest.importorskip("scalekit", reason="the gRPC front needs it: pip install scalekit-sdk-python")

PACKAGE = "@scalekit-sdk/node@2.11.0"
PATTERN = {"type": "BEARER", "display_name": "Token", "fields": [{"field_name": "token", "required": True}]}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SDK and the program of this test."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js is not installed")
    directory = tmp_path_factory.mktemp("node")
    (directory / "package.json").write_text('{"private": true, "type": "module"}')
    install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
    try:
        made = subprocess.run(install, cwd=directory, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not respond")
    if made.returncode:
        pytest.skip(f"the npm registry is not reachable: {made.stderr.strip().splitlines()[-1]}")
    shutil.copy(Path(__file__).parent / "node" / "flow.mjs", directory)
    return directory


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_from_an_authorization_link_to_a_call(project: Path, scheme: str) -> None:
    """Accounts, magic link, verification, Tool Proxy and lists work as the SDK's documentation has them."""
    with (
        upstream_server() as upstream,
        local.running(upstreams={"*": upstream.url}, grpc=True) as scalekit,
    ):
        payload = {"display_name": "My Bearer", "proxy_url": "https://api.example.com", "proxy_enabled": True}
        identifier = scalekit.store.create_provider({**payload, "auth_patterns": [PATTERN]}).identifier
        scalekit.store.create_connection("support", identifier, "BEARER")
        env = {
            **os.environ,
            **scalekit.env,
            "SCALEKIT_ENV_URL": scalekit.url.replace("http", scheme),
            "NODE_EXTRA_CA_CERTS": str(scalekit.grpc_roots),
        }
        with subprocess.Popen(
            ["node", "flow.mjs"],
            cwd=project,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            said: dict[str, Any] = {}
            assert process.stdout is not None
            for line in process.stdout:
                entry = json.loads(line)
                said[entry["step"]] = entry["value"]
                if entry["step"] == "link":
                    approve(process, entry["value"])
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        calls = [(each.method, each.target, each.header("authorization")) for each in upstream.received]
    assert said.pop("link").startswith(env["SCALEKIT_ENV_URL"].replace("https", "http"))
    assert said == {
        "get or create": {"same": True, "status": 3},
        "request": {"status": 200},
        "request after update": {"status": 200},
        "accounts": ["user_123"],
        "connections": ["support"],
        "accounts after delete": 0,
        "refusal": "ScalekitNotFoundException",
    }
    assert calls == [("GET", "/v1/customers", ["Bearer typed"]), ("POST", "/v2", ["Bearer second"])]


def approve(process: subprocess.Popen[str], link: str) -> None:
    """Do what a person does: type the token in, and go on to the application."""
    page = httpx.post(link, data={"token": "typed"}).text
    found = re.search(r"auth_request_id=([\w-]+)", page)
    assert found
    assert process.stdin is not None
    process.stdin.write(f"{found[1]}\n")
    process.stdin.flush()
