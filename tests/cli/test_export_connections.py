"""`export` of connections: beside their connectors, and never a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pulumi_scalekit.local import LocalScalekit

from .conftest import Result, connect, seed, writes
from .samples import ASANA, FRESHDESK, GITHUB, TAVILY

Run = Callable[..., Result]
APP = {"client_id": "asana-app", "client_secret": "canary-secret", "scopes": ["email"], "prompt": "consent"}


@pytest.fixture(autouse=True)
def identifiers(dev: LocalScalekit) -> list[str]:
    """Four connectors, each with a connection; one of them has an OAuth application of its own."""
    found = seed(dev, ASANA, FRESHDESK, GITHUB, TAVILY)
    asana, freshdesk, github, tavily = found
    connect(dev, "asana", asana, app=APP, auth_mode="ORG_WIDE")
    connect(dev, "Support desk", freshdesk, "BASIC", context={"domain": "acme.freshdesk.com"})
    connect(dev, "github", github)
    connect(dev, "tavily", tavily, "BEARER")
    return found


def test_connections_stand_below_their_connectors(command: Run, dev: LocalScalekit) -> None:
    """Only what differs from the connector and the defaults is written; the secret is a variable, with a comment."""
    before = writes(dev)
    source = command("export", "--env", "dev").out
    assert source.index("my_asana = ") < source.index("asana_connection = ") < source.index("my_freshdesk = ")
    assert (
        """asana_connection = scalekit.Connection(
    "asana",
    connector=my_asana,
    connection_name="asana",
    auth_mode="ORG_WIDE",
    oauth_app=scalekit.OAuthApp(
        client_id="asana-app",
        client_secret_variable="ASANA_CLIENT_SECRET",
        scopes=["email"],
        prompt="consent",
    ),
)
"""
        in source
    )
    assert "# Scalekit does not show client secrets." in source
    assert (
        """support_desk_connection = scalekit.Connection(
    "support-desk",
    connector=my_freshdesk,
    connection_name="Support desk",
    context={"domain": "acme.freshdesk.com"},
)
"""
        in source
    )
    # Over MCP, the application is Dynamic Client Registration's.
    declared = '    "github",\n    connector=github_mcp,\n    connection_name="github",\n)\n'
    assert f"github_connection = scalekit.Connection(\n{declared}" in source
    assert "canary" not in source
    assert "***" not in source
    assert writes(dev) == before


def test_arguments_go_into_a_file_each(command: Run, identifiers: list[str]) -> None:
    """As JSON, a connection has the arguments of `Connection`; exporting again may overwrite them."""
    arguments = ("export", "My Asana", "--env", "dev", "--format", "json", "--out", "out")
    assert command(*arguments).out.split() == ["out/my-asana.json", "out/asana.connection.json"]
    written = json.loads(Path("out/asana.connection.json").read_text())
    assert written == {
        "connector": identifiers[0],
        "connection_name": "asana",
        "auth_type": "OAUTH",
        "auth_mode": "ORG_WIDE",
        "oauth_app": {
            "client_id": "asana-app",
            "client_secret_variable": "ASANA_CLIENT_SECRET",
            "scopes": ["email"],
            "prompt": "consent",
        },
    }
    assert command(*arguments).code == 0
    report = command("export", "My Asana", "--env", "dev", "--json").json
    assert [c["arguments"] for c in report["connections"]] == [written]


def test_connections_can_be_left_out(command: Run) -> None:
    """`--no-connections` exports connectors alone; a printed payload is one, with a note on the rest."""
    assert "Connection(" not in command("export", "--env", "dev", "--no-connections").out
    one = command("export", "My Asana", "--env", "dev", "--format", "json")
    assert one.json["display_name"] == "My Asana"
    assert "Not shown: 1 connection, which --out or --json writes" in one.err


def test_a_client_without_the_permission_exports_connectors(command: Run, dev: LocalScalekit) -> None:
    """Where connections may not be read, a note says so, and the connectors are exported."""
    dev.faults.add("connection-get:error=403")
    result = command("export", "--env", "dev")
    assert result.code == 0
    assert "Without connections, which may not be read: " in result.err
    assert "Connection(" not in result.out
