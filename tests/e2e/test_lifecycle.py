"""Deletes, new identifiers, servers with a form of their own, and secrets."""

from __future__ import annotations

import json

import pytest

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.local import serialization as messages

from ..support.definitions import OAUTH, bearer, named
from ..support.engines import Project
from ..support.live import identifier_of, live, remove


def test_delete(project: Project, scalekit: LocalScalekit) -> None:
    """A connector that is gone already is deleted without fuss; one in use names what uses it."""
    project.declare({"gone": bearer("Gone"), "used": bearer("Used")})
    project.up()
    remove(scalekit, "Gone")
    used = identifier_of(scalekit, "Used")
    connection = scalekit.store.create_connection("used-connection", used, "BEARER")
    assert connection
    account = scalekit.store.create_account(connection.id, "user_123", "ACTIVE", {}, {})
    assert account

    text = project.destroy(code=None).text
    assert f"delete connector 'Used' ({used}) failed" in text
    assert "used-connection" in text
    assert "user_123" in text
    assert "HTTP 400" in text
    assert "request req_" in text
    assert live(scalekit).keys() == {"Used"}
    assert "used" in project.resources()

    scalekit.store.delete_account(account)
    assert scalekit.store.delete_connection(connection.id, lambda _accounts: None)
    project.destroy()
    assert live(scalekit) == {}
    assert project.resources() == {}


@pytest.mark.thorough
def test_a_new_identifier_is_followed(project: Project, scalekit: LocalScalekit) -> None:
    """When an update hands out a new identifier, outputs and later operations use the new one."""
    program = """
    connector = scalekit.Connector("one", **json.loads(pathlib.Path("one.json").read_text()))
    pulumi.export("identifier", connector.identifier)
    """
    project.program(program)
    project.write("one.json", json.dumps(bearer("One")))
    project.up()
    old = identifier_of(scalekit, "One")
    scalekit.faults.add("update:new-identifier*1")
    project.write("one.json", json.dumps(bearer("One", description="Changed")))
    project.up()
    new = identifier_of(scalekit, "One")
    assert new != old
    assert project.outputs() == {"identifier": new}
    project.write("one.json", json.dumps(bearer("One", description="Changed again")))
    project.up()
    assert live(scalekit)["One"]["description"] == "Changed again"
    assert identifier_of(scalekit, "One") == new
    project.nothing_to_do()
    project.destroy()
    assert live(scalekit) == {}


@pytest.mark.thorough
def test_a_server_with_a_form_of_its_own(
    project: Project, scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that the server adds to a definition are no drift, but a change of them is."""
    parse = messages.parse_payload

    def add_keys(body: bytes) -> dict[str, object]:
        payload = parse(body)
        for pattern in payload["auth_patterns"]:  # type: ignore[attr-defined]
            pattern["id"] = "ap_1"
            pattern.setdefault("description", "No description")
            for field in pattern.get("fields", []):
                field.setdefault("position", 7)
        return payload

    monkeypatch.setattr(messages, "parse_payload", add_keys)
    project.declare({"one": bearer("One"), "two": named(OAUTH, "Two")})
    project.up()
    assert live(scalekit)["One"]["auth_patterns"][0]["id"] == "ap_1"
    project.nothing_to_do()
    project.declare({"one": bearer("One", description="Changed"), "two": named(OAUTH, "Two")})
    plan = project.preview("--refresh")
    assert plan.ops == {"one": ["update"]}
    assert plan.paths == {"one": {"description"}}
    project.up()
    project.nothing_to_do()


SECRET = "s3cr3t-Tenant-Name"


def test_secrets_stay_secret(project: Project, scalekit: LocalScalekit) -> None:
    """Neither the client secret nor an input marked secret is in state, outputs or messages in clear text."""
    project.run("config", "set", "--secret", "tenant", SECRET)
    project.program("""
    tenant = pulumi.Config().require_secret("tenant")
    connector = scalekit.Connector(
        "one",
        display_name="One",
        description=tenant,
        proxy_url=pulumi.Output.concat("https://", tenant, ".example.com"),
        auth_patterns=[
            scalekit.BearerAuth(
                display_name="Token",
                fields=[scalekit.Field("token", hint=tenant)],
                extra={"x_tenant": {"name": tenant}},
            )
        ],
    )
    pulumi.export("description", connector.description)
    pulumi.export("pattern", connector.auth_patterns)
    """)
    results = [project.run("preview", "--diff"), project.up()]
    assert live(scalekit)["One"]["description"] == SECRET
    results.append(project.run("stack", "export"))
    results.append(project.run("stack", "output"))
    # A refusal may quote what was sent.
    scalekit.faults.add("update:echo*1")
    project.run("config", "set", "--secret", "tenant", f"{SECRET}-2")
    results.append(project.up(code=None))
    assert "the server did not accept" in results[-1].text
    project.run("config", "set", "--secret", "tenant", f"{SECRET} 3")
    results.append(project.run("preview", code=None))
    assert "proxy_url" in results[-1].text
    for result in results:
        assert SECRET not in result.text, str(result)
        assert scalekit.client_secret not in result.text, str(result)
    state = "".join(path.read_text() for path in project.backend.rglob("*.json*"))
    assert SECRET not in state
    assert scalekit.client_secret not in state
