"""The native plugin in this process: what it keeps of a failed create, what it says, what it hides."""

from __future__ import annotations

import time
from threading import Thread
from typing import Any

import pytest
from google.protobuf import empty_pb2
from pulumi.dynamic.dynamic import PROVIDER_KEY
from pulumi.runtime.proto import provider_pb2 as pb

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider.plugin.property_values import received, sent
from pulumi_scalekit.settings import FLAGS, NUMBERS

from ..e2e.cases import CHANGES, SAME
from ..support.definitions import BEARER, OAUTH, bearer, named
from ..support.host import PICKLED
from ..support.live import create, live, remove
from ..support.native import CONNECTION, CONNECTOR, Failed, Native, Resource, engine, urn_of

APP = {"client_id": "client-1", "client_secret": "canary-1", "scopes": ["read"]}


def declared_connection(scalekit: LocalScalekit, **more: Any) -> dict[str, Any]:
    """A connection of a connector that lives there, with an OAuth application."""
    create(scalekit, named(OAUTH, "CRM"), "CRM:1")
    connection = {"connector": "CRM:1", "connection_name": "crm", "auth_type": "OAUTH", "oauth_app": APP}
    return {**connection, **more}


# --- What is kept of a failed create --------------------------------------------------------------------------


def test_a_half_made_connection_is_kept(scalekit: LocalScalekit) -> None:
    """Where its settings fail, the state has the connection without them, and the next run sends them."""
    declared = declared_connection(scalekit, enabled=False)
    scalekit.faults.add("connection-update:error=400*1")
    with pytest.raises(Failed, match=r"400.*The connection itself exists \(conn_") as failed:
        Native(scalekit).create(declared, of=CONNECTION)
    assert failed.value.half_made is not None
    identifier, properties = failed.value.half_made
    (draft,) = scalekit.store.connections()
    assert identifier == draft.id
    assert "oauth_app" not in properties
    assert properties["enabled"] is True

    # The engine keeps the inputs that were to be, and makes an update of whatever the provider says.
    run = Native(scalekit)
    inputs, _ = run.check(declared, declared, of=CONNECTION)
    half_made = Resource(identifier, inputs, properties)
    assert run.diff(half_made, inputs, of=CONNECTION).changes == pb.DiffResponse.DIFF_SOME
    run.update(half_made, declared, of=CONNECTION)
    (connection,) = scalekit.store.connections()
    assert connection.id == draft.id
    assert connection.settings["oauth_config"]["client_secret"] == "canary-1"
    assert connection.enabled is False


def test_a_failed_adoption_is_nobodys(scalekit: LocalScalekit) -> None:
    """What could not be taken over in full is not in the state: a destroy would delete it."""
    run = Native(scalekit)
    made = run.create({**declared_connection(scalekit)}, of=CONNECTION)
    scalekit.faults.add("connection-update:error=400*1")
    other = {**made.inputs, "adopt": True, "oauth_app": {**APP, "scopes": ["read", "write"]}}
    with pytest.raises(Failed, match="400") as failed:
        Native(scalekit).create(other, of=CONNECTION, name="other")
    assert failed.value.half_made is None

    scalekit.faults.add("update:error=400*1")
    with pytest.raises(Failed, match="400") as failed:
        Native(scalekit).create({**named(OAUTH, "CRM", description="New"), "adopt": True})
    assert failed.value.half_made is None


def test_a_create_of_unknown_outcome_is_found_by_its_name(scalekit: LocalScalekit) -> None:
    """No identifier is known, so nothing is kept; the next run finds what was made, and names it."""
    scalekit.faults.add("create:drop-after-commit")
    scalekit.faults.add("list:error=503,skip=1")
    with pytest.raises(Failed, match="create connector 'One' failed") as failed:
        Native(scalekit, attempts=1).create(bearer("One"))
    assert failed.value.half_made is None
    scalekit.faults.clear()
    (made,) = [provider.identifier for provider in scalekit.store.all_providers() if provider.is_custom]
    with pytest.raises(Failed, match=made):
        Native(scalekit).create(bearer("One"))
    assert Native(scalekit).create(bearer("One", adopt=made)).id == made
    assert live(scalekit).keys() == {"One"}


def test_each_property_that_differs_is_named(scalekit: LocalScalekit) -> None:
    """A change is named by just its paths, which the plugin finds itself; what means the same is no change."""
    run = Native(scalekit)
    for name, case in CHANGES.items():
        title = name.replace("-", " ")
        one = run.create(named(case.base, title), name=name)
        inputs, _ = run.check(named(case.after, title), one.inputs, name=name)
        diff = run.diff(one, inputs, name=name)
        assert (diff.changes, set(diff.detailedDiff)) == (pb.DiffResponse.DIFF_SOME, set(case.paths)), name
        assert not diff.replaces
    for name, same in SAME.items():
        title = f"same {name.replace('-', ' ')}"
        one = run.create({**same.one, "display_name": title}, name=title)
        inputs, _ = run.check({**same.other, "display_name": title}, one.inputs, name=title)
        assert run.diff(one, inputs, name=title).changes == pb.DiffResponse.DIFF_NONE, name


@pytest.mark.parametrize(("of", "noun"), [(CONNECTOR, "connector"), (CONNECTION, "connection")])
def test_what_is_only_read(scalekit: LocalScalekit, of: str, noun: str) -> None:
    """A read of what nobody has is a mistake; of a connector, it does not make the reader its manager."""
    with pytest.raises(Failed, match=f"There is no {noun} x1 in {scalekit.url}"):
        Native(scalekit).call("Read", pb.ReadRequest(urn=urn_of(of, "reader"), id="x1"))
    create(scalekit, bearer("One"), "ONE:1")
    run = Native(scalekit)
    read = run.call("Read", pb.ReadRequest(urn=urn_of(CONNECTOR, "reader"), id="ONE:1"))
    assert read.inputs["display_name"] == "One"
    assert run.create(bearer("One", adopt="ONE:1")).id == "ONE:1"


def test_the_state_is_one_for_the_dynamic_face(scalekit: LocalScalekit) -> None:
    """The outputs have the pickled provider, which the dynamic host reads; a connector that is gone has none."""
    run = Native(scalekit)
    made = run.create(bearer("One"))
    updated = run.update(made, bearer("One", description="New"))
    assert {made.outputs[PROVIDER_KEY], updated.outputs[PROVIDER_KEY]} == {PICKLED}
    request = pb.ReadRequest(urn=urn_of(CONNECTOR, "one"), id=made.id, properties=sent(made.outputs))
    read = run.call("Read", request)
    assert read.properties[PROVIDER_KEY] == PICKLED
    assert PROVIDER_KEY not in read.inputs
    create(scalekit, bearer("Two"), "TWO:1")
    remove(scalekit, "One")
    gone = Native(scalekit).call("Read", request)
    assert (gone.id, len(gone.properties)) == ("", 0)


# --- What it says ---------------------------------------------------------------------------------------------


def test_what_a_change_means_is_said_once(scalekit: LocalScalekit) -> None:
    """Replacement, authorization and adoption are said for the resource, and not again where Pulumi checks again."""
    create(scalekit, bearer("Two"), "TWO:1")
    one = Native(scalekit).create(named(OAUTH, "One"))
    with engine() as (address, told):
        run = Native(scalekit, engine=address)
        changed = named(OAUTH, "One")
        changed["auth_patterns"] = [{**changed["auth_patterns"][0], "account_fields": []}]
        for _ in range(2):
            run.diff(one, run.check(changed, one.inputs)[0])
        replaced = named(BEARER, "One")
        diff = run.diff(one, run.check(replaced, one.inputs)[0])
        assert list(diff.replaces) == ["auth_patterns[0].type"]
        run.check(bearer("Two", adopt=True, description="New"), name="two")
    (authorization,) = [text for text in told if "removes field region" in text]
    assert authorization.startswith("warning: one: Connector 'One'")
    (replacement,) = [text for text in told if "is to be replaced" in text]
    assert replacement.startswith("warning: one: ")
    (adoption,) = [text for text in told if "takes over TWO:1" in text]
    assert adoption.startswith("info: two: ")


def test_what_was_not_applied_is_said(scalekit: LocalScalekit) -> None:
    """A write that Scalekit accepted and stored otherwise is a warning of the update."""
    one = Native(scalekit).create(bearer("One", description="Old"))
    scalekit.faults.add("update:semantics=keep-empty")
    with engine() as (address, told):
        Native(scalekit, engine=address).update(one, bearer("One"))
    (warning,) = told
    assert warning.startswith("warning: one: Connector 'One': Scalekit accepted the definition")


# --- What it hides --------------------------------------------------------------------------------------------


def test_marked_secrets_are_hidden(scalekit: LocalScalekit) -> None:
    """Neither a mistake, nor an adoption, nor a refusal shows what Pulumi marks as secret."""
    secrets: set[Any] = {("proxy_url",), ("metadata", "tenant")}
    wrong = bearer("One", proxy_url="http://canary-host.example.com/canary-path", metadata={"tenant": "c"})
    _, mistakes = Native(scalekit).check(wrong, secrets=secrets)
    assert len(mistakes) == 1
    assert "canary" not in mistakes[0]

    create(scalekit, bearer("One", metadata={"tenant": "canary-live"}), "ONE:1")
    secret = bearer("One", adopt=True, metadata={"tenant": "canary-new"})
    scalekit.faults.add("update:echo*1")
    with engine() as (address, told):
        with pytest.raises(Failed, match="did not accept") as failed:
            Native(scalekit, engine=address).create(secret, secrets=secrets)
        (adoption,) = told
    assert "changes metadata.tenant (secret)" in adoption
    assert "canary" not in f"{adoption}{failed.value}"


# --- Settings -------------------------------------------------------------------------------------------------


def test_the_provider_has_every_setting(scalekit: LocalScalekit) -> None:
    """What a stack's configuration may have, the schema has; anything else is refused by name."""
    numbers = {number.key: number.default for number in NUMBERS}
    Native(scalekit, **numbers, **{flag.key: True for flag in FLAGS}, formerEnvironmentUrl=scalekit.url)
    urn = urn_of("pulumi:providers:scalekit", "default")
    response = Native(scalekit).call("CheckConfig", pb.CheckRequest(urn=urn, news=sent({"environment": "x"})))
    (failure,) = response.failures
    assert failure.property == "environment"
    assert "no setting environment; it has environmentUrl" in failure.reason


def test_a_secret_that_moves_in_its_list_stays_marked(scalekit: LocalScalekit) -> None:
    """A refresh that finds an element removed marks the secret of the next one where it stands now."""
    token = BEARER["auth_patterns"][0]["fields"][0]
    fields = [{"field_name": "team", "label": "Team"}, {**token, "hint": "canary"}]
    declared = {**BEARER, "auth_patterns": [{**BEARER["auth_patterns"][0], "fields": fields}]}
    secrets: set[Any] = {("auth_patterns", 0, "fields", 1, "hint")}
    resource = Native(scalekit).create(declared, secrets=secrets)
    pattern = {**declared["auth_patterns"][0], "fields": fields[1:]}
    scalekit.store.update_provider(resource.id, lambda payload: {**payload, "auth_patterns": [pattern]})
    request = pb.ReadRequest(
        id=resource.id,
        urn=urn_of(CONNECTOR, "one"),
        properties=sent(resource.outputs, secrets),
        inputs=sent(resource.inputs, secrets),
    )
    response = Native(scalekit).call("Read", request)
    for properties in (response.properties, response.inputs):
        found, marked = received(properties)
        assert found["auth_patterns"][0]["fields"][0]["hint"] == "canary"
        assert ("auth_patterns", 0, "fields", 0, "hint") in marked


def test_a_url_that_a_secret_fills_is_marked(scalekit: LocalScalekit) -> None:
    """Scalekit puts a connection's name into a URL: where the name is secret, that output is."""
    inputs, _ = Native(scalekit).check(declared_connection(scalekit), of=CONNECTION)
    for secrets, is_secret in (({("connection_name",)}, True), (set(), False)):
        request = pb.CreateRequest(
            urn=urn_of(CONNECTION, "one"),
            properties=sent({**inputs, "connection_name": f"crm-{is_secret}"}, secrets),
        )
        outputs, marked = received(Native(scalekit).call("Create", request).properties)
        assert outputs["mcp_server_url"].endswith(f"crm-{is_secret}")
        assert (("mcp_server_url",) in marked) == is_secret


def test_what_a_server_stores_otherwise_makes_nothing_secret(scalekit: LocalScalekit) -> None:
    """The form that a server has made of a definition is kept encrypted, and the definition itself is not."""
    scalekit.faults.add("create:normalize=slash")
    scalekit.faults.add("list:normalize=slash")
    resource = Native(scalekit).create(bearer("One", proxy_url="https://api.example.com/v1"))
    assert "server_form" in resource.outputs
    request = pb.ReadRequest(
        id=resource.id,
        urn=urn_of(CONNECTOR, "one"),
        properties=sent(resource.outputs, {("server_form",)}),
        inputs=sent(resource.inputs),
    )
    response = Native(scalekit).call("Read", request)
    assert received(response.properties)[1] <= {("server_form",)}
    assert received(response.inputs)[1] == set()


def test_an_explicit_provider_has_its_own_secret(
    scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment variable's secret goes to the stack's own provider, not to one of another client."""
    monkeypatch.setenv("SCALEKIT_CLIENT_SECRET", "of-another-client")
    monkeypatch.delenv("SCALEKIT_CLIENT_ID", raising=False)
    for name in ("production", "default_eu", "defaults"):
        Native(scalekit, provider=name).create(bearer(name.replace("_", " ")))
    for name in ("default", "default_0_1_0", "default_1_0_0_alpha_1_https_//plugins.example.com"):
        with pytest.raises(Failed, match="SCALEKIT_CLIENT_SECRET"):
            Native(scalekit, provider=name).create(bearer("Two"))
    assert live(scalekit).keys() == {"production", "default eu", "defaults"}


# --- Bounds ---------------------------------------------------------------------------------------------------


def test_a_cancellation_ends_a_wait(scalekit: LocalScalekit) -> None:
    """`Cancel` ends the wait for a rate limit, with one message."""
    run = Native(scalekit)
    inputs, _ = run.check(bearer("One"))
    scalekit.faults.add("create:rate-limited=200")
    request = pb.CreateRequest(urn=urn_of(CONNECTOR, "one"), properties=sent(inputs))

    def cancel() -> None:
        while not scalekit.requests.count("create"):
            time.sleep(0.01)
        run.call("Cancel", empty_pb2.Empty())

    thread = Thread(target=cancel)
    thread.start()
    with pytest.raises(Failed, match="cancelled"):
        run.call("Create", request)
    thread.join()


def test_a_time_limit_ends_a_wait(scalekit: LocalScalekit) -> None:
    """The resource's `custom_timeouts` bound the whole create."""
    run = Native(scalekit)
    inputs, _ = run.check(bearer("One"))
    scalekit.faults.add("create:rate-limited=200")
    request = pb.CreateRequest(urn=urn_of(CONNECTOR, "one"), properties=sent(inputs), timeout=30)
    with pytest.raises(Failed, match="HTTP 429"):
        run.call("Create", request)
    assert scalekit.requests.count("create") == 1
