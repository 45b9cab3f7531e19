"""The provider of connections in this process: what it sends, when it goes on, and what it tells."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from pulumi_scalekit.errors import ServerError
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.local.store import Connection
from pulumi_scalekit.provider.connection import ConnectionProvider
from pulumi_scalekit.provider.failures import Failure
from pulumi_scalekit.provider.keys import CONTEXT_KEY

from ..support.definitions import BEARER, OAUTH, named
from ..support.host import Host, Resource

APP = {"client_id": "client-1", "client_secret": "canary-1", "scopes": ["read", "write"]}


def run(scalekit: LocalScalekit, **settings: object) -> Host:
    """A new run of the provider of connections."""
    return Host(scalekit, ConnectionProvider, **settings)


def declared(scalekit: LocalScalekit, definition: dict[str, Any] = OAUTH, **more: Any) -> dict[str, Any]:
    """A connection of a connector, which is made where there is none yet."""
    identifiers = [p.identifier for p in scalekit.store.all_providers() if p.is_custom]
    identifier = identifiers[0] if identifiers else Host(scalekit).create(named(definition, "CRM")).id
    auth_type = definition["auth_patterns"][0]["type"]
    inputs = {"connector": identifier, "connection_name": "crm", "auth_type": auth_type, **more}
    return {key: value for key, value in inputs.items() if value is not None}


def stored(scalekit: LocalScalekit) -> Connection:
    """The one connection."""
    (connection,) = scalekit.store.connections()
    return connection


def secret(scalekit: LocalScalekit) -> object:
    """The client secret that it has."""
    return stored(scalekit).settings["oauth_config"].get("client_secret")


def patches(scalekit: LocalScalekit) -> int:
    """How many settings were sent since the last look."""
    count = sum(request.method == "PATCH" for request in scalekit.requests)
    scalekit.requests.clear()
    return count


def test_a_half_made_connection_is_gone_on_with(scalekit: LocalScalekit) -> None:
    """Where its settings are refused, the connection is a draft, which the next run takes up instead of refusing it."""
    inputs = declared(scalekit, oauth_app=APP)
    scalekit.faults.add("connection-update:error=400*1")
    with pytest.raises(Failure, match=r"The connection itself exists \(conn_.*the next run goes on with it"):
        run(scalekit).create(inputs)
    draft = stored(scalekit)
    assert draft.settings == {}
    resource = run(scalekit).create(inputs)
    assert resource.id == draft.id
    assert secret(scalekit) == "canary-1"


def test_a_connection_that_is_not_shown_is_not_done(scalekit: LocalScalekit) -> None:
    """Where Scalekit does not show what it has just made, the settings were not sent, and the create says so."""
    inputs = declared(scalekit, oauth_app=APP)
    scalekit.faults.add("connection-get:error=404*1")
    with pytest.raises(Failure, match="Scalekit does not show it, so it has no settings yet"):
        run(scalekit).create(inputs)
    resource = run(scalekit).create(inputs)
    assert (resource.id, secret(scalekit)) == (stored(scalekit).id, "canary-1")


@pytest.mark.parametrize(("name", "made"), [("crm", 1), ("help", 2)])
def test_an_adopted_connection_is_not_adopted_by_its_replacement(
    scalekit: LocalScalekit, name: str, made: int
) -> None:
    """A replacement that is created before the old one goes is another connection, or is refused for its name."""
    run(scalekit).create(declared(scalekit))
    adopted = declared(scalekit, adopt=True)
    resource = run(scalekit).create(adopted)
    host = run(scalekit)
    news = {**adopted, "connection_name": name}
    host.diff(resource, host.checked(news, resource.inputs))
    if name == "crm":
        with pytest.raises(Failure, match="needs the option delete_before_replace=True"):
            host.create(news)  # checked once more, as a new one
    else:
        assert host.create(news).id != resource.id
    assert len(scalekit.store.connections()) == made


def test_a_secret_name_is_not_shown(scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection whose name is secret is not called by it in any message."""
    said: list[str] = []
    monkeypatch.setattr("pulumi_scalekit.provider.sdk.log", lambda _severity, text: said.append(text))
    app = {"client_id": "client-1", "client_secret_variable": "CANARY_UNSET"}
    named_secretly = {"connection_name": "canary", CONTEXT_KEY: {"secret": ["connection_name"]}}
    host = run(scalekit)
    host.check({**declared(scalekit, oauth_app=app), **named_secretly})
    (message,) = said
    assert "canary" not in message


def test_a_draft_of_somebody_else_is_refused(scalekit: LocalScalekit) -> None:
    """One that has an application already, or hangs on another connector, is not taken for one's own."""
    run(scalekit).create(declared(scalekit, oauth_app={"client_id": "of-another"}))
    with pytest.raises(Failure, match="A connection named 'crm' exists already"):
        run(scalekit).create(declared(scalekit, oauth_app=APP))


def test_a_secret_is_sent_when_it_is_another_one(scalekit: LocalScalekit) -> None:
    """A change of other settings sends the masked one back, which keeps what is stored."""
    resource = run(scalekit).create(declared(scalekit, oauth_app=APP))
    assert patches(scalekit) == 1
    resource = run(scalekit).update(resource, declared(scalekit, oauth_app={**APP, "prompt": "consent"}))
    assert (patches(scalekit), secret(scalekit)) == (1, "canary-1")
    rotated = declared(scalekit, oauth_app={**APP, "prompt": "consent", "client_secret": "canary-2"})
    resource = run(scalekit).update(resource, rotated)
    assert (patches(scalekit), secret(scalekit)) == (1, "canary-2")
    assert not run(scalekit).changes(resource, rotated)
    read = run(scalekit).read(resource)
    assert read is not None
    assert read.inputs["oauth_app"] == resource.inputs["oauth_app"]


def test_a_secret_may_stay_out_of_the_state(scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from an environment variable, at the creation and whenever its version changes."""
    app = {"client_id": "client-1", "client_secret_variable": "CRM_SECRET", "client_secret_version": 1}
    inputs = declared(scalekit, oauth_app=app)
    with pytest.raises(
        Failure, match=r"the environment variable CRM_SECRET.*is not set\. Nothing was changed"
    ):
        run(scalekit).create(inputs)
    assert scalekit.store.connections() == []
    said: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("pulumi_scalekit.provider.sdk.log", lambda _severity, text: said.append(text))
        run(scalekit).check(inputs)
        assert len(said) == 1
        assert "is to come from the environment variable CRM_SECRET, which is not set here" in said[0]
    monkeypatch.setenv("CRM_SECRET", "canary-1")
    resource = run(scalekit).create(inputs)
    assert secret(scalekit) == "canary-1"
    assert "canary" not in f"{resource.inputs}{resource.outputs}"
    monkeypatch.setenv("CRM_SECRET", "canary-2")
    assert not run(scalekit).changes(resource, inputs)
    bumped = declared(scalekit, oauth_app={**app, "client_secret_version": 2})
    assert run(scalekit).changes(resource, bumped)
    run(scalekit).update(resource, bumped)
    assert secret(scalekit) == "canary-2"


@pytest.mark.parametrize(
    ("more", "replaces"),
    [
        ({"connector": "OTHER:1"}, ["connector"]),
        ({"context": {"domain": "acme.example.com"}}, ["context"]),
        ({"auth_mode": "ORG_WIDE"}, ["auth_mode"]),
        ({"auth_mode": "USER"}, None),
        ({"connection_name": "help"}, []),
        ({"enabled": False}, []),
        ({"oauth_app": {**APP, "scopes": ["write", "read"]}}, None),
        ({"oauth_app": {"client_id": "client-1"}}, []),
    ],
)
def test_what_replaces_and_what_changes_in_place(
    scalekit: LocalScalekit, more: dict[str, Any], replaces: list[str] | None
) -> None:
    """A list of what replaces it, empty for a change in place; `None` where nothing is to be done."""
    resource = run(scalekit).create(declared(scalekit, oauth_app=APP))
    host = run(scalekit)
    inputs = host.checked({**declared(scalekit, oauth_app=APP), **more}, resource.inputs)
    diff = host.diff(resource, inputs)
    if replaces is None:
        assert diff.changes is False
    else:
        assert diff.changes is None
        assert (diff.replaces or []) == replaces


def test_a_connection_follows_a_connector_that_gets_another_identifier(scalekit: LocalScalekit) -> None:
    """It is not replaced where Scalekit itself has moved it along."""
    resource = run(scalekit).create(declared(scalekit, BEARER))
    moved = {**resource.outputs, "connector": "OLD:1"}
    host = run(scalekit)
    diff = host.diff(Resource(resource.id, resource.inputs, moved), resource.inputs)
    assert not diff.replaces
    assert not diff.changes


def test_a_lost_response_does_not_forget_a_connection(scalekit: LocalScalekit) -> None:
    """Under a former URL, a connection that is not there is not forgotten, as connectors are not."""
    resource = run(scalekit).create(declared(scalekit, BEARER))
    former = "https://former.example.com"
    outputs = {**resource.outputs, "environment_url": former}
    scalekit.store.delete_connection(resource.id, lambda _accounts: None)
    host = run(scalekit, formerEnvironmentUrl=former)
    with pytest.raises(Failure, match=r"Nothing was changed"):
        host.read(Resource(resource.id, resource.inputs, outputs))
    assert run(scalekit).read(resource) is None


def test_every_mistake_is_told_at_once(scalekit: LocalScalekit) -> None:
    """By its path, with what to do."""
    app = {"client_secret": "s", "client_secret_variable": "S", "required_scopes": ["a"], "scope": "b"}
    inputs = {
        **declared(scalekit),
        "auth_mode": "EVERYBODY",
        "context": {"region": "eu"},
        "oauth_app": {**app, "token_uri": "http://plain.example.com"},
    }
    _, mistakes = run(scalekit).check(inputs)
    assert {mistake.split()[0] for mistake in mistakes} == {
        "auth_mode",
        "context.region",
        "oauth_app.scope",
        "oauth_app.client_secret",
        "oauth_app.required_scopes",
        "oauth_app.token_uri",
    }
    static = {**declared(scalekit), "auth_type": "BEARER", "oauth_app": {"client_id": "c"}}
    assert "belongs to connections of the type OAUTH" in run(scalekit).check(static)[1][0]


def test_scopes_as_a_connector_has_them_are_a_mistake_in_an_update_too(scalekit: LocalScalekit) -> None:
    """What is wrong is named, though it is compared with what was declared before."""
    before = declared(scalekit, oauth_app=APP)
    scopes = [{"scope": "read"}, {"scope": "write"}]
    _, (mistake,) = run(scalekit).check({**before, "oauth_app": {**APP, "scopes": scopes}}, before)
    assert mistake.startswith("oauth_app.scopes must be a list of strings")


def test_a_draft_is_told_of_a_bare_identifier_too(
    scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One list tells whether the connector is one over MCP, whose application is registered dynamically."""
    said: list[str] = []
    monkeypatch.setattr("pulumi_scalekit.provider.sdk.log", lambda _severity, text: said.append(text))
    run(scalekit).check(declared(scalekit))
    assert len(said) == 1
    assert "oauth_app is not given, so the connection stays a draft" in said[0]
    mcp = copy.deepcopy(OAUTH) | {"proxy_url": "https://mcp.example.com"}
    mcp["auth_patterns"][0] = {
        "type": "OAUTH",
        "display_name": "MCP",
        "is_mcp": True,
        "oauth_config": {"pkce_enabled": True},
    }
    identifier = Host(scalekit).create(named(mcp, "Over MCP")).id
    run(scalekit).check({**declared(scalekit), "connector": identifier})
    assert len(said) == 1
    run(scalekit).check(declared(scalekit, oauth_app=APP))
    assert len(said) == 1


@pytest.mark.parametrize("refreshed", [True, False])
def test_what_is_not_declared_is_not_enabled(scalekit: LocalScalekit, refreshed: bool) -> None:
    """Somebody disables a connection whose program does not say: an update of something else leaves it so."""
    inputs = declared(scalekit, oauth_app=APP, enabled=None if refreshed else True)
    resource = run(scalekit).create(inputs)
    inputs.pop("enabled", None)
    if refreshed:
        found = run(scalekit).read(resource)
        assert found
        resource = found
    scalekit.store.update_connection(resource.id, lambda live: replace(live, enabled=False))
    for scopes in (["read"], ["write"]):
        changed = {**inputs, "oauth_app": {**APP, "scopes": scopes}}
        host = run(scalekit)
        shown = host.checked(changed, resource.inputs)
        assert {key for key in shown if shown[key] != resource.inputs.get(key)} == {"oauth_app"}
        assert resource.inputs.keys() == shown.keys()
        resource = run(scalekit).update(resource, changed)
        assert stored(scalekit).settings["oauth_config"]["scopes"] == scopes
        assert not stored(scalekit).enabled
        host = run(scalekit)
        assert host.diff(resource, host.checked(changed, resource.inputs)).changes is False


def test_another_auth_mode_is_not_adopted(scalekit: LocalScalekit) -> None:
    """A declaration without one means each user's, so an adoption of another would have to be replaced."""
    run(scalekit).create(declared(scalekit, oauth_app=APP, auth_mode="ORG_WIDE"))
    with pytest.raises(Failure, match=r"has another auth_mode \(ORG_WIDE\)"):
        run(scalekit).create(declared(scalekit, oauth_app=APP, adopt=True))


CONTEXT_DEFINITION = {
    **BEARER,
    "proxy_url": "https://{{domain}}/api/{{version}}",
    "auth_patterns": [
        {
            **BEARER["auth_patterns"][0],
            "fields": [
                *BEARER["auth_patterns"][0]["fields"],
                *({"field_name": n, "label": n, "is_path_param": True} for n in ("domain", "version")),
            ],
        }
    ],
}


@pytest.mark.parametrize(
    ("context", "is_same"),
    [
        ({"domain": "acme.com", "version": "v1"}, False),
        ({"domain": "eu1.notacme.com"}, False),
        ({"domain": "eu1.notacme.com", "version": "1"}, False),
        ({"domain": "eu1.notacme.com", "version": "v1"}, True),
        ({}, False),
    ],
)
def test_only_the_same_context_is_adopted(
    scalekit: LocalScalekit, context: dict[str, str], is_same: bool
) -> None:
    """The filled URL tells with which context a connection was made: each value counts whole, and none is missing."""
    inputs = declared(scalekit, CONTEXT_DEFINITION, context={"domain": "eu1.notacme.com", "version": "v1"})
    made = run(scalekit).create(inputs)
    adopting = {**inputs, "context": context, "adopt": True}
    if is_same:
        assert run(scalekit).create(adopting).id == made.id
    else:
        with pytest.raises(
            Failure, match=r"another context, which gave it the URL https://eu1\.notacme\.com/api/v1"
        ):
            run(scalekit).create(adopting)


def test_a_secret_context_shows_none_of_somebody_else(scalekit: LocalScalekit) -> None:
    """A refused adoption does not show what fills the live URL where the declared context is secret."""
    inputs = declared(scalekit, CONTEXT_DEFINITION, context={"domain": "canary.com", "version": "v1"})
    run(scalekit).create(inputs)
    adopting = {**inputs, "context": {"domain": "other.com", "version": "v1"}, "adopt": True}
    with pytest.raises(Failure, match="was made with another context, or none") as failure:
        run(scalekit).check({**adopting, CONTEXT_KEY: {"preview": True, "secret": ["context.domain"]}})
    assert "canary" not in str(failure.value)


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        ({"client_id": "client-1", "scopes": ["read", "write"]}, "oauth_app.client_secret"),
        ({"client_id": "client-1", "client_secret": "canary-1"}, "oauth_app.scopes"),
        (None, "oauth_app.scopes, oauth_app.client_secret"),
    ],
)
def test_what_is_no_longer_declared_and_stays_is_told(
    scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch, left: dict[str, Any] | None, kept: str
) -> None:
    """Scalekit keeps what a request leaves empty: an update that takes settings out says which are still stored."""
    said: list[str] = []
    monkeypatch.setattr("pulumi_scalekit.provider.sdk.log", lambda _severity, text: said.append(text))
    resource = run(scalekit).create(declared(scalekit, oauth_app=APP))
    run(scalekit).update(resource, declared(scalekit, oauth_app=left))
    (message,) = said
    assert f"no longer declared, and still stored by Scalekit: {kept}. " in message
    assert "canary" not in message


@pytest.mark.parametrize(
    ("before", "live", "kept"),
    [
        ({"required_scopes": ["read"]}, {"scope_selection_allowed": True}, "scope_selection_allowed"),
        ({"scope_selection_allowed": True}, {"required_scopes": ["read"]}, "required_scopes"),
    ],
)
def test_settings_that_go_together_do_not_reset_each_other(
    scalekit: LocalScalekit, before: dict[str, Any], live: dict[str, Any], kept: str
) -> None:
    """Of required scopes and their selection, the one that is not declared stays as somebody has set it."""
    app = {**APP, **before}
    resource = run(scalekit).create(declared(scalekit, oauth_app=app))
    settings = stored(scalekit).settings["oauth_config"]
    changed = {"oauth_config": {**settings, **live}}
    scalekit.store.update_connection(resource.id, lambda found: replace(found, settings=changed))
    run(scalekit).update(resource, declared(scalekit, oauth_app={**app, "prompt": "consent"}))
    settings = stored(scalekit).settings["oauth_config"]
    assert (settings["prompt"], settings[kept]) == ("consent", live[kept])


@pytest.mark.parametrize("theirs", [{"client_id": "theirs", "client_secret": "s"}, {}])
def test_what_somebody_makes_meanwhile_is_not_taken_over(
    scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch, theirs: dict[str, str]
) -> None:
    """A create fails, and did nothing; a colleague makes one of that name, in full or of another mode."""
    inputs = declared(scalekit, oauth_app=APP)
    ours = run(scalekit)
    checked = ours.checked(inputs)
    connections = ours.provider._session.connections  # type: ignore[union-attr]
    post = connections._post

    def meanwhile(action: str, body: Any) -> Any:
        monkeypatch.setattr(connections, "_post", post)
        if theirs:
            colleague = {**inputs, "oauth_app": theirs}
        else:
            colleague = {**inputs, "auth_mode": "ORG_WIDE", "oauth_app": None}
        Host(scalekit, ConnectionProvider).create({k: v for k, v in colleague.items() if v is not None})
        raise ServerError(action, status=503)

    monkeypatch.setattr(connections, "_post", meanwhile)
    with pytest.raises(Failure, match="A connection named 'crm' exists already"):
        ours.make(checked)
    assert stored(scalekit).settings.get("oauth_config", {}).get("client_id") == theirs.get("client_id")


def test_an_endpoint_may_be_written_otherwise(scalekit: LocalScalekit) -> None:
    """The case of a host is no difference: a server that stores it in small letters makes no change without an end."""
    app = {**APP, "authorize_uri": "https://Login.Example.com/authorize"}
    inputs = declared(scalekit, oauth_app=app)
    resource = run(scalekit).create(inputs)
    settings = stored(scalekit).settings["oauth_config"]
    changed = {"oauth_config": {**settings, "authorize_uri": app["authorize_uri"].lower()}}
    scalekit.store.update_connection(resource.id, lambda found: replace(found, settings=changed))
    found = run(scalekit).read(resource)
    assert found
    host = run(scalekit)
    assert host.diff(found, host.checked(inputs, found.inputs)).changes is False
