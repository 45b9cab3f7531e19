"""The quickstart from its first `up` to `destroy`, and the first mistakes that a user makes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.local import serialization as messages

from ..support.documented import DOCUMENTED
from ..support.engines import Project
from ..support.live import change, edit, live, remove

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"

# One field of each connector: the text in the program, the text instead, and where it is in the definition.
UPDATES = {
    "asana": (
        'display_name="Email"',
        'display_name="E-mail"',
        "oauth_config.available_scopes[1].display_name",
    ),
    "bearer": ('hint="Your long-lived bearer token"', 'hint="Ask your admin"', "fields[0].hint"),
    "freshdesk": ('label="Freshdesk Domain"', 'label="Domain"', "fields[0].label"),
    "attention": ('"label": "Integration Token"', '"label": "Token"', "fields[0].label"),
    "github-mcp": ('display_name="OAuth 2.1/DCR"', 'display_name="OAuth 2.1"', "display_name"),
    "apify-mcp": ('"Authenticate with Apify using your API Token."', '"Use a token"', "description"),
}


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The JSON bodies of the creates and updates that reach the server, as they come over the wire."""
    received: list[Any] = []
    parse = messages.parse_payload

    def record(body: bytes) -> dict[str, object]:
        received.append(json.loads(body))
        return parse(body)

    monkeypatch.setattr(messages, "parse_payload", record)
    return received


def test_quickstart(project: Project, scalekit: LocalScalekit, bodies: list[Any]) -> None:
    """Create all nine, no-op, update, drift and refresh, disappear and refresh, destroy: live is as declared."""
    shutil.copytree(QUICKSTART, project.directory, dirs_exist_ok=True)
    declared = {definition["display_name"]: definition for definition in DOCUMENTED.values()}

    project.up()
    # Value by value, types included: JSON text tells true from 1, which Python's == does not.
    assert sorted(map(_text, bodies)) == sorted(map(_text, declared.values()))
    assert live(scalekit) == declared
    assert project.outputs() == {
        name.replace("-", "_"): resource["outputs"]["identifier"]
        for name, resource in project.resources().items()
    }

    project.nothing_to_do()
    assert live(scalekit) == declared

    for name, (old, new, path) in UPDATES.items():
        file = "attention.json" if name == "attention" else "__main__.py"
        source = (project.directory / file).read_text()
        assert source.count(old) == 1, f"{old} is not in the program just once"
        project.write(file, source.replace(old, new))
        _, value = new.replace('"label": ', "=").split("=") if name != "apify-mcp" else ("", new)
        title = DOCUMENTED[name]["display_name"]
        declared[title] = edit(declared[title], {f"auth_patterns[0].{path}": json.loads(value)})
    plan = project.preview()
    assert plan.ops == {name: ["update"] for name in UPDATES}
    assert plan.paths == {name: {f"auth_patterns[0].{path}"} for name, (_, _, path) in UPDATES.items()}
    bodies.clear()
    project.up()
    assert complete(live(scalekit)) == complete(declared)
    assert len(bodies) == len(UPDATES)

    for number, name in enumerate(declared):
        change(scalekit, name, {"description": f"drifted {number}"})
    project.refresh()
    drifted = {name: resource["inputs"]["description"] for name, resource in project.resources().items()}
    assert sorted(drifted.values()) == [f"drifted {number}" for number in range(len(declared))]
    project.up()
    assert live(scalekit) == complete(declared)

    remove(scalekit, "My Asana")
    remove(scalekit, "Apify MCP")
    project.refresh()
    assert project.resources().keys() == DOCUMENTED.keys() - {"asana", "apify-mcp"}
    assert project.preview().ops == {"asana": ["create"], "apify-mcp": ["create"]}
    project.up()
    assert complete(live(scalekit)) == complete(declared)

    project.destroy()
    assert live(scalekit) == {}
    assert project.resources() == {}


# An update sends every property, so that it means the same however the server treats those left out.
FULL: dict[str, Any] = {"description": "", "icon_src": "", "metadata": {}, "proxy_enabled": True}


def complete(definitions: dict[str, Any]) -> dict[str, Any]:
    """Definitions with every property, as an update leaves them."""
    return {name: {**FULL, **definition} for name, definition in definitions.items()}


def _text(body: Any) -> str:
    return json.dumps(body, sort_keys=True)


BAD_SETTINGS = {
    "missing credentials": (
        {"SCALEKIT_CLIENT_ID": "", "SCALEKIT_CLIENT_SECRET": ""},
        (
            "Scalekit credentials are missing: set SCALEKIT_CLIENT_ID (or pulumi config set scalekit:clientId), "
            "SCALEKIT_CLIENT_SECRET (or pulumi config set --secret scalekit:clientSecret)"
        ),
    ),
    "unreachable": (
        # Port 1 is reserved: nothing of a user's listens there.
        {"SCALEKIT_ENVIRONMENT_URL": "http://127.0.0.1:1", "SCALEKIT_BACKOFF": "0"},
        "failed: cannot reach http://127.0.0.1:1",
    ),
    "wrong secret": (
        {"SCALEKIT_CLIENT_SECRET": "not-the-secret"},
        "The client secret came from SCALEKIT_CLIENT_SECRET: check that it is this client's current secret",
    ),
    "not encrypted": (
        {"SCALEKIT_ENVIRONMENT_URL": "http://acme.scalekit.dev"},
        "The environment URL http://acme.scalekit.dev is not encrypted. Use https://",
    ),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings(project: Project, scalekit: LocalScalekit, case: str) -> None:
    """Settings that cannot work stop the preview with one clear message, and nothing is written."""
    settings, message = BAD_SETTINGS[case]
    project.env.update(settings)
    project.declare({"asana": DOCUMENTED["asana"]})
    plan = project.preview(code=None)
    errors = [text for text in plan.diagnostics if text.startswith("error")]
    assert len(plan.said(message)) == 1, plan.diagnostics
    assert len(errors) == 1, errors
    assert "not-the-secret" not in plan.result.text
    assert live(scalekit) == {}
    assert project.resources() == {}
