"""Connections as resources, on both engines."""

from __future__ import annotations

import httpx
import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.engines import Project
from ..support.live import identifier_of, live

PROGRAM = """
teams = scalekit.Connector(
    "teams",
    display_name="Teams",
    description={description!r},
    proxy_url="https://api.example.com",
    auth_patterns=[{pattern}],{opts}
)
support = scalekit.Connection("support", connector=teams, connection_name="support"{more})
pulumi.export("status", support.status)
"""
BEARER = 'scalekit.BearerAuth(display_name="Token", fields=[scalekit.Field("token")])'
CONTEXT = ", context={'domain': 'acme.example.com'}"


def program(*, description: str = "one", pattern: str = BEARER, more: str = "", opts: str = "") -> str:
    """A connector with its connection."""
    return PROGRAM.format(description=description, pattern=pattern, more=more, opts=opts)


@pytest.fixture
def http(scalekit: LocalScalekit) -> httpx.Client:
    """The environment's API as someone other than Pulumi uses it."""
    credentials = {"client_id": scalekit.client_id, "client_secret": scalekit.client_secret}
    form = {"grant_type": "client_credentials", **credentials}
    token = httpx.post(f"{scalekit.url}/oauth/token", data=form).json()["access_token"]
    return httpx.Client(base_url=scalekit.url, headers={"authorization": f"Bearer {token}"})


def connections(http: httpx.Client) -> list[tuple[str, str, str]]:
    """What connections there are: name, connector and type of each."""
    listed = http.get("/api/v1/connections/app").json()["connections"]
    return [(c["key_id"], c["provider_key"], c["type"]) for c in listed]


def test_from_create_to_destroy_in_the_right_order(
    project: Project, scalekit: LocalScalekit, http: httpx.Client
) -> None:
    """A connection follows its connector: made after it, unmoved by its updates, gone before it."""
    project.program(program())
    project.up()
    identifier = identifier_of(scalekit, "Teams")
    assert connections(http) == [("support", identifier, "BEARER")]
    project.nothing_to_do()

    project.program(program(description="two"))
    plan = project.preview()
    assert plan.ops == {"teams": ["update"]}
    project.up()
    assert connections(http) == [("support", identifier, "BEARER")]

    project.destroy()
    assert connections(http) == []
    assert live(scalekit) == {}
    deleted = [entry.path for entry in scalekit.requests if entry.method == "DELETE"]
    assert [path.split("/")[3] for path in deleted] == ["connections", "custom-providers"]


@pytest.mark.thorough
def test_another_name_renames_and_another_context_makes_another_connection(
    project: Project, scalekit: LocalScalekit, http: httpx.Client
) -> None:
    """What Scalekit can change in place stays the same connection; else the old one goes first, by its name."""
    project.program(program())
    project.up()
    first = http.get("/api/v1/connections/app").json()["connections"][0]["id"]
    project.program(program().replace('connection_name="support"', 'connection_name="help"'))
    plan = project.preview()
    assert plan.ops == {"support": ["update"]}
    project.up()
    (renamed,) = http.get("/api/v1/connections/app").json()["connections"]
    assert (renamed["id"], renamed["key_id"]) == (first, "help")
    project.nothing_to_do()

    project.program(program(more=CONTEXT).replace('connection_name="support"', 'connection_name="help"'))
    plan = project.preview()
    assert "replace" in plan.ops["support"]
    project.up()
    (second,) = http.get("/api/v1/connections/app").json()["connections"]
    assert second["key_id"] == "help"
    assert second["id"] != first
    project.nothing_to_do()


@pytest.mark.thorough
def test_a_replaced_connector_takes_its_connection_along(
    project: Project, scalekit: LocalScalekit, http: httpx.Client
) -> None:
    """The preview of a connector's replacement shows that the connection is replaced too."""
    opts = '\n    opts=pulumi.ResourceOptions(replace_on_changes=["description"]),'
    project.program(program(opts=opts))
    project.up()
    before = identifier_of(scalekit, "Teams")
    project.program(program(description="two", opts=opts))
    plan = project.preview()
    assert "replace" in plan.ops["teams"]
    assert "replace" in plan.ops["support"]
    project.up()
    after = identifier_of(scalekit, "Teams")
    assert after != before
    assert connections(http) == [("support", after, "BEARER")]
    project.nothing_to_do()


@pytest.mark.thorough
def test_a_connection_deleted_by_hand_is_made_again(
    project: Project, scalekit: LocalScalekit, http: httpx.Client
) -> None:
    """A refresh finds that it is gone, and the next `up` creates it."""
    project.program(program())
    project.up()
    (connection,) = http.get("/api/v1/connections/app").json()["connections"]
    http.delete(f"/api/v1/connections/{connection['id']}").raise_for_status()
    project.refresh()
    plan = project.preview()
    assert plan.ops == {"support": ["create"]}
    project.up()
    assert [name for name, _, _ in connections(http)] == ["support"]
    project.nothing_to_do()


@pytest.mark.thorough
def test_an_existing_connection_is_refused_or_adopted(
    project: Project, scalekit: LocalScalekit, http: httpx.Client
) -> None:
    """A name that is taken stops the preview with the id; `adopt=True` takes the connection over."""
    only = program().split("support = ")[0]
    project.program(only)
    project.up()
    body = {
        "provider": "CUSTOM",
        "type": "BEARER",
        "provider_key": identifier_of(scalekit, "Teams"),
        "key_id": "support",
    }
    made = http.post("/api/v1/connections?flags.is_app=true", json=body).json()["connection"]["id"]
    project.program(program())
    refused = project.run("preview", code=None)
    assert f"A connection named 'support' exists already in {scalekit.url}: {made}" in refused.text
    project.program(program(more=", adopt=True"))
    taken = f"Connection 'support': takes over {made} in {scalekit.url}, which is as declared"
    assert len(project.preview().said(taken)) == 1
    project.up()
    (connection,) = http.get("/api/v1/connections/app").json()["connections"]
    assert connection["id"] == made
    project.nothing_to_do()

    project.program(program(more=", adopt=True").replace('Connection("support"', 'Connection("renamed"'))
    project.up()
    (connection,) = http.get("/api/v1/connections/app").json()["connections"]
    assert connection["id"] == made
    project.nothing_to_do()


@pytest.mark.thorough
def test_an_adopted_connection_can_be_replaced(
    project: Project, scalekit: LocalScalekit, http: httpx.Client
) -> None:
    """`adopt=True` may stay in the program: it does not stand in the way of what the stack manages itself."""
    project.program(program())
    project.up()
    project.program(program(more=CONTEXT + ", adopt=True"))
    plan = project.preview()
    assert "replace" in plan.ops["support"]
    project.up()
    assert connections(http) == [("support", identifier_of(scalekit, "Teams"), "BEARER")]
    project.nothing_to_do()


@pytest.mark.thorough
def test_a_connection_in_use_names_its_accounts(
    project: Project, scalekit: LocalScalekit, http: httpx.Client
) -> None:
    """A preview warns of the accounts that stand in a replacement's way; a destroy fails until they are gone."""
    project.program(program())
    project.up()
    account = {
        "connector": "support",
        "identifier": "user_1",
        "connected_account": {"authorization_details": {"static_auth": {"details": {"token": "t"}}}},
    }
    http.post("/api/v1/connected_accounts", json=account).raise_for_status()
    project.program(program(more=CONTEXT))
    warned = project.run("preview")
    assert "Connection 'support' is to be replaced" in warned.text
    assert "Remove these first: user_1" in warned.text
    failed = project.destroy(code=None)
    assert "user_1" in failed.text
    assert [name for name, _, _ in connections(http)] == ["support"]
    gone = {"connector": "support", "identifier": "user_1"}
    http.post("/api/v1/connected_accounts:delete", json=gone).raise_for_status()
    project.destroy()
    assert live(scalekit) == {}


def test_mistakes_are_sentences(project: Project) -> None:
    """Every mistake in a connection is reported at preview, by property."""
    project.program(
        """
        scalekit.Connection("bad", connector="not an identifier", connection_name="", auth_type="basic")
        """
    )
    result = project.run("preview", code=None)
    assert "connection_name is required" in result.text
    assert "connector is not an identifier" in result.text
    assert "auth_type is not an auth type of Scalekit" in result.text
