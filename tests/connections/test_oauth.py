"""Connections with an OAuth application, on both engines: settings, drift, secrets, and what replaces."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.engines import Project

pytestmark = pytest.mark.thorough
SECRET, ROTATED = "canary-of-the-application", "canary-after-rotation"
PROGRAM = """
crm = scalekit.Connector(
    "crm",
    display_name="CRM",
    proxy_url="https://{{{{domain}}}}/api",
    auth_patterns=[
        scalekit.OAuth(
            display_name="OAuth 2.0",
            account_fields=[scalekit.Field("domain", is_path_param=True)],
            oauth_config=scalekit.OAuthConfig(
                authorize_uri="https://crm.example.com/authorize",
                token_uri="https://crm.example.com/token",
                available_scopes=[scalekit.Scope(name, display_name=name) for name in ("read", "write")],
            ),
        )
    ],
)
connection = scalekit.Connection("crm", connector=crm, connection_name="crm"{more})
for name in ("connection_id", "status", "enabled", "redirect_uri", "mcp_server_url", "resolved_proxy_url"):
    pulumi.export(name, getattr(connection, name))
"""


def program(**more: str) -> str:
    """A connector that uses OAuth, and its connection with these arguments, each in Python."""
    return PROGRAM.format(more="".join(f", {name}={value}" for name, value in more.items()))


def app(secret: str = f"{SECRET!r}", scopes: tuple[str, ...] = ("read", "write"), **more: str) -> str:
    """An OAuth application, in Python."""
    settings = {"client_id": "'client-1'", "client_secret": secret, "scopes": repr(list(scopes)), **more}
    return f"scalekit.OAuthApp({', '.join(f'{name}={value}' for name, value in settings.items())})"


@pytest.fixture
def http(scalekit: LocalScalekit) -> httpx.Client:
    """The environment's API as someone other than Pulumi uses it."""
    credentials = {"client_id": scalekit.client_id, "client_secret": scalekit.client_secret}
    form = {"grant_type": "client_credentials", **credentials}
    token = httpx.post(f"{scalekit.url}/oauth/token", data=form).json()["access_token"]
    return httpx.Client(base_url=scalekit.url, headers={"authorization": f"Bearer {token}"})


def connection(http: httpx.Client) -> dict[str, Any]:
    """The one connection, with its settings."""
    (listed,) = http.get("/api/v1/connections/app").json()["connections"]
    found: dict[str, Any] = http.get(f"/api/v1/connections/{listed['id']}").json()["connection"]
    return found


def written(scalekit: LocalScalekit) -> list[str]:
    """What was written, in order: each method with the part of the path after the version."""
    return [
        f"{request.method} {request.path.removeprefix('/api/v1/').partition('?')[0]}"
        for request in scalekit.requests
        if request.method not in {"GET"} and request.path != "/oauth/token"
    ]


def test_an_application_is_set_changed_and_kept(
    project: Project, scalekit: LocalScalekit, http: httpx.Client
) -> None:
    """A connection is complete after one `up`; its settings change in place; then there is nothing to do."""
    project.program(program(oauth_app=app(), context="{'domain': 'acme.example.com'}"))
    project.up()
    made = connection(http)
    assert (made["status"], made["oauth_config"]["client_id"]) == ("COMPLETED", "client-1")
    outputs = project.outputs()
    assert outputs["connection_id"] == made["id"]
    assert outputs["status"] == "COMPLETED"
    assert outputs["enabled"] is True
    assert outputs["redirect_uri"] == made["oauth_config"]["redirect_uri"]
    assert outputs["mcp_server_url"].endswith("/mcp/v3/connections/crm")
    assert outputs["resolved_proxy_url"] == "https://acme.example.com/api"
    project.nothing_to_do()

    project.program(
        program(
            oauth_app=app(scopes=("write", "read"), prompt="'consent'"),
            context="{'domain': 'acme.example.com'}",
            enabled="False",
        )
    )
    plan = project.preview()
    assert plan.ops == {"crm": ["update"]}
    assert plan.paths["crm"] == {"oauth_app.prompt", "enabled"}
    project.up()
    assert connection(http) | {"oauth_config": None} == made | {
        "oauth_config": None,
        "enabled": False,
        "update_time": connection(http)["update_time"],
    }
    assert connection(http)["oauth_config"]["prompt"] == "consent"
    assert project.outputs()["enabled"] is False
    project.nothing_to_do()
    project.destroy()
    assert http.get("/api/v1/connections/app").json()["connections"] == []


def test_drift_is_shown_by_path_and_mended(project: Project, http: httpx.Client) -> None:
    """What somebody changed in the dashboard is named, and set back; the masked secret is no drift."""
    project.program(program(oauth_app=app()))
    project.up()
    made = connection(http)
    body = {key: made[key] for key in ("key_id", "provider_key", "type")}
    changed = {**body, "oauth_config": {"scopes": ["read"], "client_id": "client-2"}}
    http.patch(f"/api/v1/connections/{made['id']}", json=changed).raise_for_status()
    plan = project.preview("--refresh")
    assert plan.ops["crm"][-1] == "update"
    assert plan.paths["crm"] == {"oauth_app.client_id", "oauth_app.scopes[1]"}
    project.up("--refresh")
    assert connection(http)["oauth_config"]["client_id"] == "client-1"
    assert connection(http)["oauth_config"]["scopes"] == ["read", "write"]
    project.nothing_to_do()


def test_a_secret_is_in_no_state_and_sent_once(project: Project, scalekit: LocalScalekit) -> None:
    """It is encrypted in the state and printed nowhere; a rotated one is sent once, an unchanged one never again."""
    texts = []
    project.program(program(oauth_app=app()))
    texts.append(project.up().text)
    stored = [item for item in scalekit.store.connections() if item.name == "crm"]
    assert stored[0].settings["oauth_config"]["client_secret"] == SECRET
    scalekit.requests.clear()
    project.program(program(oauth_app=app(prompt="'consent'")))
    texts.append(project.up().text)
    assert scalekit.store.connections()[0].settings["oauth_config"]["client_secret"] == SECRET
    project.program(program(oauth_app=app(secret=repr(ROTATED), prompt="'consent'")))
    texts.append(project.run("preview", "--diff").text)
    texts.append(project.up().text)
    assert scalekit.store.connections()[0].settings["oauth_config"]["client_secret"] == ROTATED
    texts.append(json.dumps(project.state()))
    texts.append(project.run("stack", "output", "--json").text)
    project.nothing_to_do()
    assert not [text for text in texts if "canary" in text]
