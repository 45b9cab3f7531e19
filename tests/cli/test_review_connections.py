"""`review` of connections: in an environment, in files, in a stack's state and in a program."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit.definition.keys import UNKNOWN
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.operations.state import (
    CONNECTION_TYPE,
    CONNECTOR_TYPE,
    SECRET,
    SIGNATURE,
    declared_subjects,
)

from .conftest import Result, connect, seed
from .samples import ASANA, FRESHDESK, GITHUB
from .test_program import line, results

Run = Callable[..., Result]
APP = {"client_id": "asana-app", "client_secret": "canary-secret", "scopes": ["email"]}


def rules(result: Result) -> dict[str, list[str]]:
    """The rules that connections break, by their names."""
    return {
        reviewed["name"]: [finding["rule"] for finding in reviewed["findings"]]
        for reviewed in result.json
        if reviewed["kind"] == "connection"
    }


@pytest.fixture
def identifiers(dev: LocalScalekit) -> list[str]:
    """Connectors over REST and MCP, with drafts and complete connections."""
    found = seed(dev, ASANA, GITHUB, FRESHDESK)
    connect(dev, "draft", found[0])
    connect(dev, "asana", found[0], app=APP)
    connect(dev, "github", found[1])
    connect(dev, "desk", found[2], "BASIC")
    return found


def test_drafts_of_an_environment(command: Run, dev: LocalScalekit, identifiers: list[str]) -> None:
    """A hint names the draft of an OAuth connector over REST; one list tells, no connection is read."""
    dev.requests.clear()
    result = command("review", "--env", "dev", "--json")
    assert rules(result) == {"asana": [], "desk": [], "draft": ["connection-draft"], "github": []}
    assert dev.requests.count("connection-list") == 1
    assert dev.requests.count("connection-get") == 0
    assert command("review", "--env", "dev", "--fail-on", "hint").code == 3
    assert "3 connectors and 4 connections reviewed" in command("review", "--env", "dev").out
    assert rules(command("review", "--env", "dev", "--no-connections", "--json")) == {}


def test_a_client_that_may_not_list_connections(
    command: Run, dev: LocalScalekit, identifiers: list[str]
) -> None:
    """The connectors are reviewed, with a note."""
    dev.faults.add("connection-list:error=403")
    result = command("review", "--env", "dev", "--json")
    assert [reviewed["kind"] for reviewed in result.json] == ["connector"] * 3
    assert "Without connections, which may not be read" in result.err


def test_what_an_export_wrote(command: Run, identifiers: list[str]) -> None:
    """Files of an export have no findings; a mistake in one has its path and its line."""
    command("export", "--env", "dev", "--format", "json", "--out", "out")
    file = Path("out/asana.connection.json")
    assert rules(command("review", str(file), "--json")) == {"asana": []}
    written = json.loads(file.read_text())
    written["oauth_app"]["required_scopes"] = ["profile"]
    written["auth_mode"] = "EVERYBODY"
    file.write_text(json.dumps(written, indent=2))
    result = command("review", str(file), "--json")
    assert result.code == 3
    assert rules(result) == {"asana": ["connection-auth-mode", "connection-oauth-app"]}
    log = command("review", str(file), "--format", "sarif").json
    assert {(rule, place) for rule, _, place in results(log)} >= {
        ("connection-auth-mode", line(file, "EVERYBODY"))
    }


def test_responses_of_the_api(command: Run, identifiers: list[str]) -> None:
    """The responses of both list calls in one file tell of drafts; a read says what is set."""
    listed = [
        {"id": f"conn_{n}", "key_id": name, "provider_key": key, "type": "OAUTH", "status": status}
        for n, (name, key, status) in enumerate(
            [("one", "X:1", "DRAFT"), ("two", "X:1", "COMPLETED"), ("three", "X:2", "DRAFT")]
        )
    ]
    connectors = [{**ASANA, "identifier": "X:1"}, {**GITHUB, "identifier": "X:2"}]
    both = json.dumps({"providers": connectors, "connections": listed})
    assert rules(command("review", "-", "--json", stdin=both)) == {
        "one": ["connection-draft"],
        "two": [],
        "three": [],
    }
    single = {"connection": {**listed[1], "oauth_config": {"client_id": "app", "scopes": ["email"]}}}
    text = command("review", "-", stdin=json.dumps(single)).out
    assert "OAuth application" in text
    assert "app" in text
    assert "1 connection reviewed: nothing found." in text


PROGRAM = """
    import pulumi
    import pulumi_scalekit as scalekit

    crm = scalekit.Connector(
        "crm",
        display_name="CRM",
        description="Customers",
        proxy_url="https://api.example.com",
        auth_patterns=[
            scalekit.OAuth(
                display_name="OAuth",
                oauth_config=scalekit.OAuthConfig(
                    authorize_uri="https://example.com/authorize",
                    token_uri="https://example.com/token",
                ),
            )
        ],
    )
    scalekit.Connection("crm", connector=crm, connection_name="crm")
    scalekit.Connection(
        "second",
        connector=crm,
        connection_name="second",
        auth_mode="EVERYBODY",
        oauth_app=scalekit.OAuthApp(
            client_id="app",
            client_secret=pulumi.Output.secret("canary-secret"),
        ),
    )
    scalekit.Connection("bare", connector="OTHER:1", connection_name="bare", auth_type="OAUTH")
"""


@pytest.mark.parametrize("app", [{"scopes": ["read", 3]}, {"scopes": 3}, {"client_id": ["a"]}, 5])
def test_values_of_a_wrong_kind_are_findings(command: Run, app: object) -> None:
    """What is of the wrong kind in a connection's file is shown, and reported as a mistake."""
    wrong = {
        "connection_name": "crm",
        "connector": "CRM:1",
        "auth_type": "OAUTH",
        "oauth_app": app,
        "context": 5,
    }
    Path("wrong.json").write_text(json.dumps(wrong))
    result = command("review", "wrong.json", "--json")
    assert result.code == 3
    assert {finding["path"].partition(".")[0] for finding in result.json[0]["findings"]} >= {
        "context",
        "oauth_app",
    }
    assert command("review", "wrong.json").code == 3


def test_a_program(command: Run) -> None:
    """What a program declares is reviewed without credentials, with the lines of the Python file."""
    file = Path("__main__.py")
    file.write_text(textwrap.dedent(PROGRAM).lstrip())
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    result = command("review", "--program", ".", "--json", environ={})
    assert rules(result) == {"crm": ["connection-draft"], "second": ["connection-auth-mode"], "bare": []}
    assert "canary" not in result.text
    log = command("review", "--program", ".", "--format", "sarif", environ={}).json
    places = {(rule, place) for rule, _, place in results(log) if rule.startswith("connection-")}
    assert places == {
        ("connection-draft", line(file, 'Connection("crm"')),
        ("connection-auth-mode", line(file, "EVERYBODY")),
    }


def resource(type_: str, name: str, id_: str, inputs: dict[str, Any], *secret_outputs: str) -> dict[str, Any]:
    """A resource of a state."""
    urn = f"urn:pulumi:dev::shop::{type_}::{name}"
    hidden = list(secret_outputs)
    return {"urn": urn, "type": type_, "id": id_, "inputs": inputs, "additionalSecretOutputs": hidden}


def state_of(*resources: dict[str, Any]) -> dict[str, Any]:
    """A stack's state, as `stack export` gives it."""
    return {"version": 3, "deployment": {"resources": list(resources)}}


def test_a_state_tells_of_the_connector() -> None:
    """A connection of a stack is reviewed with its connector, where the stack manages that."""
    named = (("asana", "X:1"), ("github", "X:2"), ("other", "X:3"))
    state = state_of(
        resource(CONNECTOR_TYPE, "asana", "X:1", ASANA),
        resource(CONNECTOR_TYPE, "github", "X:2", GITHUB),
        *(
            resource(CONNECTION_TYPE, name, f"conn_{name}", {"connector": key, "connection_name": name})
            for name, key in named
        ),
    )
    found = {s.name: s.is_mcp for s in declared_subjects(state, "dev") if s.is_connection}
    assert found == {"asana": False, "github": True, "other": None}


def test_what_a_state_keeps_secret_is_not_reviewed() -> None:
    """Neither what is encrypted, nor what the program lists in `additional_secret_outputs`; the rest is."""
    encrypted = {SIGNATURE: SECRET, "ciphertext": "v1:abc"}
    app = {"client_id": "seen", "client_secret": encrypted}
    state = state_of(
        resource(
            CONNECTOR_TYPE, "asana", "X:1", ASANA | {"metadata": {"hush": "x"}}, "metadata", "server_form"
        ),
        resource(CONNECTOR_TYPE, "github", "X:2", GITHUB | {"proxy_url": encrypted}, "auth_patterns"),
        resource(
            CONNECTION_TYPE,
            "github",
            "conn_2",
            {"connector": "X:2", "oauth_app": app, "context": {"domain": "hush"}},
            "context",
            "oauth_app",
        ),
    )
    asana, github, connection = declared_subjects(state, "dev")
    assert asana.definition == ASANA | {"metadata": UNKNOWN}
    assert github.definition == GITHUB | {"proxy_url": UNKNOWN, "auth_patterns": UNKNOWN}
    declared = {"connector": "X:2", "oauth_app": app | {"client_secret": UNKNOWN}, "context": UNKNOWN}
    assert (connection.definition, connection.is_mcp) == (declared, None)
