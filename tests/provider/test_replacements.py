"""Replacements and adoptions, call by call: nothing is deleted that goes on, and nothing is made twice."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.output import UNKNOWN

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider.connection import ConnectionProvider
from pulumi_scalekit.provider.failures import Failure
from pulumi_scalekit.provider.keys import CONTEXT_KEY

from ..support.definitions import OAUTH, bearer, named
from ..support.host import Host, Resource

OLD = bearer("CRM")
NEW = {
    **OLD,
    "auth_patterns": [
        {**OLD["auth_patterns"][0], "type": "BASIC", "fields": [{"field_name": "username", "required": True}]}
    ],
}


def identifiers(scalekit: LocalScalekit) -> list[str]:
    """The identifiers of all custom connectors."""
    return [provider.identifier for provider in scalekit.store.providers()]


def connections(scalekit: LocalScalekit) -> Host:
    """A new process, as it works on connections."""
    return Host(scalekit, ConnectionProvider)


def connection_of(connector: str, **more: Any) -> dict[str, Any]:
    """The declaration of a connection."""
    return {"connector": connector, "connection_name": "crm", "auth_type": "BEARER", **more}


@pytest.mark.parametrize("adopt", [True, "identical", "its identifier"])
def test_replacing_what_adopts_itself_keeps_it(scalekit: LocalScalekit, adopt: bool | str) -> None:
    """`pulumi up --replace` of an adopting resource creates, which adopts the same connector: its delete leaves it."""
    made = Host(scalekit).create(OLD)
    declared = {**OLD, "adopt": made.id if adopt == "its identifier" else adopt}
    resource = Host(scalekit).create(declared)
    host = Host(scalekit)
    assert host.create(declared).id == resource.id  # checked as a new one only
    host.delete(resource)
    assert identifiers(scalekit) == [resource.id]


@pytest.mark.parametrize("kind", ["connector", "connection"])
def test_what_an_interrupted_replacement_left_to_delete_stays(scalekit: LocalScalekit, kind: str) -> None:
    """The state then has an adopted thing twice, once as to be deleted: a later run, which keeps it, leaves it, too."""
    made = Host(scalekit).create(OLD)
    new_host, declared = Host, {**OLD, "adopt": True}
    if kind == "connection":
        new_host, declared = connections, connection_of(made.id, adopt=True)
        connections(scalekit).create(connection_of(made.id))
    resource = new_host(scalekit).create(declared)
    host = new_host(scalekit)
    host.diff(resource, host.checked(declared, resource.inputs))
    host.delete(resource)
    assert len(identifiers(scalekit)) == 1
    assert len(scalekit.store.connections()) == (kind == "connection")
    new_host(scalekit).delete(resource)  # a run of a program that no longer declares it
    assert len(identifiers(scalekit)) + len(scalekit.store.connections()) == (kind == "connection")


def test_replacing_a_connection_that_adopts_itself_keeps_it(scalekit: LocalScalekit) -> None:
    """The same holds for a connection."""
    connector = Host(scalekit).create(OLD).id
    connections(scalekit).create(connection_of(connector))
    resource = connections(scalekit).create(connection_of(connector, adopt=True))
    host = connections(scalekit)
    assert host.create(connection_of(connector, adopt=True)).id == resource.id
    host.delete(resource)
    assert [connection.id for connection in scalekit.store.connections()] == [resource.id]


def replacing(
    scalekit: LocalScalekit, resource: Resource, declared: dict[str, Any], **settings: object
) -> Host:
    """A process in which Pulumi has decided to replace a resource: checked, compared, and checked as a new one."""
    host = Host(scalekit, **settings)
    assert host.diff(resource, host.checked(declared, resource.inputs)).replaces
    return host


def test_what_a_killed_replacement_has_made_is_not_made_twice(scalekit: LocalScalekit) -> None:
    """It is named, and taken over where the settings say so; it is never taken for the one that is to be replaced."""
    resource = Host(scalekit).create(OLD)
    killed = replacing(scalekit, resource, NEW)
    killed.delete(resource)
    left = killed.create(NEW)
    with pytest.raises(Failure, match=f"exists already .*{left.id}.*SCALEKIT_ADOPT_IDENTICAL"):
        replacing(scalekit, resource, NEW).create(NEW)
    again = replacing(scalekit, resource, NEW, adoptIdentical=True).create(NEW)
    assert identifiers(scalekit) == [left.id] == [again.id]


def test_a_replacement_without_a_diff_is_known(scalekit: LocalScalekit) -> None:
    """A resource that is replaced by `replacement_trigger` is only checked twice; its connection sees that, too."""
    connector = Host(scalekit).create(OLD)
    connection = connections(scalekit).create(connection_of(connector.id))
    host = Host(scalekit)
    host.checked(OLD, connector.inputs)
    host.checked(OLD)
    assert host.provider._session.connector_owners.is_replaced(connector.id)
    later = connections(scalekit)
    later.checked(connection_of(connector.id), connection.inputs)
    inputs = later.checked(connection_of(connector.id))
    later.delete(connection)
    assert later.make(inputs).id != connection.id


def test_an_adoption_makes_no_second_connector_of_a_name(scalekit: LocalScalekit) -> None:
    """What is adopted under another name must not get the name of a third one."""
    other = Host(scalekit).create(bearer("Other"), name="other")
    Host(scalekit).create(OLD, name="third")
    with pytest.raises(Failure, match="CRM"):
        Host(scalekit).check({**OLD, "adopt": other.id})
    assert {p.payload["display_name"] for p in scalekit.store.providers()} == {"Other", "CRM"}


def test_an_adopted_connection_has_the_declared_context(scalekit: LocalScalekit) -> None:
    """A context cannot be changed, so a connection that was made with another one is not adopted."""
    template = {**OAUTH, "proxy_url": "https://{{domain}}/api"}
    template["auth_patterns"] = [
        {**OAUTH["auth_patterns"][0], "account_fields": [{"field_name": "domain", "label": "Domain"}]}
    ]
    connector = Host(scalekit).create(named(template, "CRM")).id
    declared = connection_of(connector, auth_type="OAUTH", context={"domain": "prod.acme.com"})
    made = connections(scalekit).create(declared)
    wrong = {**declared, "context": {"domain": "test.acme.com"}, "adopt": True}
    with pytest.raises(Failure, match=r"another context, which gave it the URL https://prod\.acme\.com"):
        connections(scalekit).check(wrong)
    assert connections(scalekit).create({**declared, "adopt": True}).id == made.id


def test_a_connection_that_is_repointed_shows_as_replaced(scalekit: LocalScalekit) -> None:
    """A preview does not know a new connector's identifier: only that of one that is updated counts as the same."""
    connector = Host(scalekit).create(OLD)
    connection = connections(scalekit).create(connection_of(connector.id))
    unknown = {**connection.inputs, "connector": UNKNOWN}
    assert connections(scalekit).diff(connection, unknown).replaces == ["connector"]
    host = Host(scalekit)
    host.diff(connector, host.checked({**OLD, "description": "Changed"}, connector.inputs))
    same_process = connections(scalekit)
    same_process.provider._session = host.provider._session
    assert not same_process.diff(connection, unknown, name="connection").replaces
    urn = "urn:pulumi:dev::scenario::pulumi-python:dynamic/scalekit:Connector::{}".format
    for declares, replaces in (("one", None), ("another", ["connector"])):
        told = {**unknown, CONTEXT_KEY: {"preview": True, "connector_urn": urn(declares)}}
        same_process.check(told, connection.inputs, name="connection")
        assert same_process.diff(connection, unknown, name="connection").replaces == replaces


def test_what_is_ignored_is_sent_as_it_lives_and_not_hidden(scalekit: LocalScalekit) -> None:
    """An update leaves what `ignore_changes` names as somebody made it; without the option, a refresh shows that."""
    resource = Host(scalekit).create({**OLD, "description": "Declared"})
    scalekit.store.update_provider(resource.id, lambda payload: {**payload, "description": "By hand"})
    host = Host(scalekit)
    host.ignored = ("description",)
    changed = {**OLD, "description": "Declared", "proxy_url": "https://api.example.com/v2"}
    resource = host.update(resource, changed)
    assert scalekit.store.providers()[0].payload["description"] == "By hand"
    read = Host(scalekit).read(resource)
    assert read
    assert read.inputs["description"] == "By hand"
    assert Host(scalekit).changes(read, changed)


@pytest.mark.parametrize("ignored", ["oauth_app.scopes", "oauth_app", "*"])
def test_a_connection_keeps_what_is_ignored(scalekit: LocalScalekit, ignored: str) -> None:
    """An update of something else leaves the settings that `ignore_changes` names as they live."""
    connector = Host(scalekit).create(named(OAUTH, "CRM")).id
    app = {"client_id": "client-1", "scopes": ["read"]}
    declared = connection_of(connector, auth_type="OAUTH", oauth_app=app)
    resource = connections(scalekit).create(declared)
    by_hand = {**declared, "oauth_app": {**app, "scopes": ["read", "write"]}}
    connections(scalekit).update(resource, by_hand)
    host = connections(scalekit)
    host.ignored = (ignored,)
    host.update(resource, {**declared, "enabled": False})
    (connection,) = scalekit.store.connections()
    assert connection.settings["oauth_config"]["scopes"] == ["read", "write"]


def test_the_application_may_not_be_known_yet(scalekit: LocalScalekit) -> None:
    """A preview of a connection whose name is taken says so, also where its whole application is unknown."""
    connector = Host(scalekit).create(named(OAUTH, "CRM")).id
    connections(scalekit).create(connection_of(connector, auth_type="OAUTH"))
    unknown = connection_of(connector, auth_type="OAUTH", oauth_app=UNKNOWN)
    with pytest.raises(Failure, match="A connection named 'crm' exists already"):
        Host(scalekit, ConnectionProvider, adoptIdentical=True).check(unknown)


def test_a_delete_that_an_earlier_attempt_has_done(scalekit: LocalScalekit) -> None:
    """Under a former URL, too, a second attempt that finds nothing has deleted it."""
    resource = Host(scalekit).create(OLD)
    former = "https://former.example.com"
    resource.outputs["environment_url"] = former
    scalekit.faults.add("delete:error-after-commit=500*1")
    Host(scalekit, formerEnvironmentUrl=former).delete(resource)
    assert identifiers(scalekit) == []


@pytest.mark.parametrize("secret", ["two  blanks", "several\nlines of it", "long words " * 80])
def test_a_secret_that_a_server_repeats_is_hidden_whole(scalekit: LocalScalekit, secret: str) -> None:
    """What is secret is hidden before a server's text is folded into a line and cut."""
    scalekit.faults.add("create:echo*1")
    declared = {**OLD, "description": secret, CONTEXT_KEY: {"secret": ["description"]}}
    with pytest.raises(Failure) as failure:
        Host(scalekit).create(declared)
    assert not any(word in str(failure.value) for word in ("blanks", "several", "long words"))
    assert "[secret]" in str(failure.value)


def test_an_adoption_shows_no_secret_at_another_position(
    scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live value of a secret property stays hidden where it stands elsewhere in its list."""
    said: list[str] = []
    monkeypatch.setattr("pulumi_scalekit.provider.sdk.log", lambda _severity, text: said.append(text))
    token, hint = (
        OLD["auth_patterns"][0]["fields"][0],
        {"field_name": "tenant", "label": "T", "is_path_param": True},
    )
    url = "https://{{tenant}}.example.com"

    def with_fields(*fields: dict[str, Any]) -> dict[str, Any]:
        return {
            **OLD,
            "proxy_url": url,
            "auth_patterns": [{**OLD["auth_patterns"][0], "fields": list(fields)}],
        }

    Host(scalekit).create(with_fields({**hint, "hint": "canary-old"}, token))
    declared = with_fields(token, {**hint, "hint": "canary-new"})
    told = {CONTEXT_KEY: {"secret": ["auth_patterns[0].fields[1].hint"]}}
    Host(scalekit).check({**declared, "adopt": True, **told})
    (message,) = [text for text in said if "takes over" in text]
    assert "canary" not in message


def test_what_was_read_may_be_adopted(scalekit: LocalScalekit) -> None:
    """A resource that was a `get` becomes one that adopts, in a run that refreshes first, too."""
    made = Host(scalekit).create(OLD)
    host = Host(scalekit)
    assert host.read(made)
    assert host.create({**OLD, "adopt": made.id}).id == made.id
    assert identifiers(scalekit) == [made.id]


def test_a_connection_of_what_is_adopted_stays(scalekit: LocalScalekit) -> None:
    """The preview knows the connector that is adopted: a connection that named it so far is not replaced."""
    connector = Host(scalekit).create(OLD)
    connection = connections(scalekit).create(connection_of(connector.id))
    host = Host(scalekit)
    host.check({**OLD, "adopt": connector.id})
    same_process = connections(scalekit)
    same_process.provider._session = host.provider._session
    unknown = {**connection.inputs, "connector": UNKNOWN}
    assert not same_process.diff(connection, unknown, name="connection").replaces


@pytest.mark.parametrize("kind", ["connector", "connection"])
def test_what_has_been_deleted_is_made_again(scalekit: LocalScalekit, kind: str) -> None:
    """A tainted resource that adopts, and goes before its replacement comes, is created: there is nothing to adopt."""
    connector = Host(scalekit).create(OLD)
    if kind == "connector":
        declared, new_host = {**OLD, "adopt": True}, Host
        resource = Host(scalekit).create(declared)
    else:
        declared = connection_of(connector.id, adopt=True)
        connections(scalekit).create(connection_of(connector.id))
        resource, new_host = connections(scalekit).create(declared), connections
    host = new_host(scalekit)
    inputs = host.checked(declared)
    host.delete(resource)
    assert host.make(inputs).id != resource.id


def test_a_killed_replacement_of_an_adopting_connection_goes_on(scalekit: LocalScalekit) -> None:
    """What an earlier run has made is taken up where the settings say so, though the program says to adopt."""
    first, second = (Host(scalekit).create(bearer(name), name=name).id for name in ("One", "Two"))
    connections(scalekit).create(connection_of(first))
    resource = connections(scalekit).create(connection_of(first, adopt=True))
    declared = connection_of(second, adopt=True)
    killed = connections(scalekit)
    killed.diff(resource, killed.checked(declared, resource.inputs))
    killed.delete(resource)
    left = killed.create(declared)
    host = Host(scalekit, ConnectionProvider, adoptIdentical=True)
    host.diff(resource, host.checked(declared, resource.inputs))
    assert host.create(declared).id == left.id


def test_a_context_may_not_be_known_yet(scalekit: LocalScalekit) -> None:
    """The preview of an adoption waits for a context that is not known."""
    connector = Host(scalekit).create(OLD).id
    connections(scalekit).create(connection_of(connector))
    _, mistakes = connections(scalekit).check(connection_of(connector, adopt=True, context=UNKNOWN))
    assert mistakes == []


def test_a_delete_names_who_goes_on(scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another resource has adopted stays, and the message names that one."""
    said: list[str] = []
    monkeypatch.setattr("pulumi_scalekit.provider.sdk.log", lambda _severity, text: said.append(text))
    old = Host(scalekit).create(OLD, name="old")
    host = Host(scalekit)
    host.create({**OLD, "adopt": old.id}, name="new")
    host.delete(old, name="old")
    assert "the resource 'new' of this stack manages it" in said[-1]


@pytest.mark.parametrize("left", [{}, {"other": "x"}])
def test_what_is_ignored_may_be_gone_with_all_around_it(
    scalekit: LocalScalekit, left: dict[str, str]
) -> None:
    """Somebody removes an ignored entry, be it the last of its object: an update of something else leaves it out."""
    declared = {**OLD, "metadata": {"team": "a", **left}}
    resource = Host(scalekit).create(declared)
    scalekit.store.update_provider(resource.id, lambda payload: {**payload, "metadata": left})
    host = Host(scalekit)
    host.ignored = ("metadata.team",)
    host.change(resource, host.checked({**declared, "description": "new"}, resource.inputs))
    (stored,) = scalekit.store.providers()
    assert stored.payload["description"] == "new"
    assert (stored.payload.get("metadata") or {}) == left


def test_what_is_ignored_by_position_is_that_of_the_same_field(scalekit: LocalScalekit) -> None:
    """The live fields are in another order: an ignored hint keeps what lives in the field of the same name."""
    (pattern,) = OLD["auth_patterns"]
    token = {**pattern["fields"][0], "hint": "of the token"}
    extra = {"field_name": "extra", "label": "Extra", "hint": "of another"}
    declared = {**OLD, "auth_patterns": [{**pattern, "fields": [token, extra]}]}
    resource = Host(scalekit).create(declared)
    changed = {**token, "hint": "by somebody"}
    reordered = [{**pattern, "fields": [extra, changed]}]
    scalekit.store.update_provider(resource.id, lambda payload: {**payload, "auth_patterns": reordered})
    host = Host(scalekit)
    host.ignored = ("auth_patterns[0].fields[0].hint",)
    host.change(resource, host.checked({**declared, "description": "new"}, resource.inputs))
    (stored,) = scalekit.store.providers()
    hints = {f["field_name"]: f["hint"] for f in stored.payload["auth_patterns"][0]["fields"]}
    assert hints == {"token": "by somebody", "extra": "of another"}
