"""The state that an import writes, without an engine: from one deployment to another."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from typing import Any

import pytest

from pulumi_scalekit.definition.connection import declaration_of
from pulumi_scalekit.errors import AmbiguousConnector, EngineError
from pulumi_scalekit.operations.connections import ConnectionEntry, LiveConnection
from pulumi_scalekit.operations.pulumi_cli import ConfigValue
from pulumi_scalekit.operations.selection import refuse_duplicates
from pulumi_scalekit.operations.state import (
    CONNECTION_TYPES,
    CONNECTOR_TYPES,
    Entry,
    add_connectors,
    declared_subjects,
    environments_of,
    managed_connections,
    managed_connectors,
    plain_values,
    refuse_pending,
    resource_names_in,
    resources_of,
    secret,
)
from pulumi_scalekit.provider.plugin.server import LIFECYCLES

from .samples import ASANA, FRESHDESK

URL = "https://dev.example.com"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
EMPTY: dict[str, Any] = {"version": 3, "deployment": {"manifest": {"magic": "x"}, "metadata": {}}}
CONFIG = {
    "scalekit:clientSecret": ConfigValue("s3cret", secret=True),
    "scalekit:environmentUrl": ConfigValue(f"{URL}/", secret=False),
}


def answer(definition: dict[str, Any], number: int) -> dict[str, Any]:
    """A definition as the server answers it."""
    return {
        **definition,
        "identifier": f"X:{number}",
        "id": f"prov_{number}",
        "is_custom": True,
        "categories": [],
    }


def added(deployment: dict[str, Any], *entries: Entry, protect: bool = True) -> dict[str, Any]:
    """A deployment with further connectors."""
    return add_connectors(
        deployment,
        entries,
        project="shop",
        stack="dev",
        environment_url=URL,
        config=CONFIG,
        protect=protect,
        now=NOW,
    )


ENTRIES = (Entry("asana", answer(ASANA, 1)), Entry("freshdesk", answer(FRESHDESK, 2)))


def test_an_empty_stack_gets_everything() -> None:
    """A stack without resources gets its root, the default provider and the connectors, in that order."""
    before = copy.deepcopy(EMPTY)
    result = added(EMPTY, *ENTRIES)
    root, provider, asana, freshdesk = resources_of(result)
    assert root["urn"] == "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
    assert provider["urn"] == "urn:pulumi:dev::shop::pulumi:providers:pulumi-python::default"
    assert asana["urn"] == "urn:pulumi:dev::shop::pulumi-python:dynamic/scalekit:Connector::asana"
    assert (asana["id"], freshdesk["id"]) == ("X:1", "X:2")
    assert asana["parent"] == root["urn"]
    assert asana["provider"] == f"{provider['urn']}::{provider['id']}"
    assert asana["protect"] is True
    assert asana["inputs"]["environment_url"] == URL
    assert asana["created"] == "2026-01-02T03:04:05Z"
    assert before == EMPTY


def test_the_default_provider_holds_the_configuration() -> None:
    """The provider's inputs are the whole configuration, its secrets marked for the engine to encrypt."""
    provider = resources_of(added(EMPTY, *ENTRIES))[1]
    assert plain_values(provider["inputs"]) == {
        "scalekit:clientSecret": "s3cret",
        "scalekit:environmentUrl": f"{URL}/",
    }
    marked = provider["inputs"]["scalekit:clientSecret"]
    assert marked["4dabf18193072939515e22adb298388d"] == "1b47061264138c4ac30d75fd1eb44270"
    assert json.loads(marked["plaintext"]) == "s3cret"
    assert "s3cret" not in repr(CONFIG)


def test_what_is_there_stays() -> None:
    """Resources of a stack stay as they are; its root and its provider are used."""
    first = added(EMPTY, ENTRIES[0])
    second = added(first, ENTRIES[1], protect=False)
    assert resources_of(second)[:3] == resources_of(first)
    new = resources_of(second)[3]
    assert new["provider"] == resources_of(first)[2]["provider"]
    assert "protect" not in new


def test_a_connection_depends_on_its_connector() -> None:
    """It comes after it, under a resource name of its own, and no plain text has its OAuth application."""
    live = {
        "id": "conn_1",
        "key_id": "asana",
        "provider_key": "X:1",
        "type": "OAUTH",
        "status": "COMPLETED",
        "oauth_config": {"client_id": "app", "client_secret": "****", "redirect_uri": f"{URL}/callback"},
    }
    declared = declaration_of(live, answer(ASANA, 1), "ASANA_SECRET")
    entry = ConnectionEntry(
        "asana", LiveConnection("conn_1", "asana", live, answer(ASANA, 1), declared), "asana"
    )
    result = add_connectors(
        EMPTY,
        ENTRIES,
        connections=[entry],
        project="shop",
        stack="dev",
        environment_url=URL,
        config=CONFIG,
        protect=True,
    )
    connector, connection = resources_of(result)[2], resources_of(result)[-1]
    assert connection["urn"] == "urn:pulumi:dev::shop::pulumi-python:dynamic/scalekit:Connection::asana"
    assert connection["dependencies"] == [connector["urn"]]
    assert connection["inputs"]["connector"] == "X:1"
    assert connection["outputs"]["redirect_uri"] == f"{URL}/callback"
    assert "plaintext" in connection["outputs"]["oauth_app"]
    assert plain_values(connection["outputs"])["oauth_app"] == connection["inputs"]["oauth_app"]


def test_a_taken_name_is_refused() -> None:
    """A resource of that name is never overwritten."""
    with pytest.raises(EngineError, match="has a connector 'asana' already"):
        added(added(EMPTY, ENTRIES[0]), Entry("asana", answer(FRESHDESK, 2)))


def test_pending_operations_are_refused() -> None:
    """A state that an interrupted update left behind is not touched, and the way out is named."""
    pending = copy.deepcopy(EMPTY)
    urn = "urn:pulumi:dev::shop::pulumi-python:dynamic/scalekit:Connector::asana"
    pending["deployment"]["pending_operations"] = [{"resource": {"urn": urn}, "type": "creating"}]
    with pytest.raises(EngineError, match=r"pending operations.*\(asana\).*pulumi refresh --stack dev"):
        refuse_pending(pending, "dev", "pulumi refresh --stack dev")


@pytest.mark.parametrize("version", [None, 1, 2, 5])
def test_unknown_versions_are_refused(version: int | None) -> None:
    """A state in a form that this release does not know is not touched."""
    with pytest.raises(EngineError, match=f"version {version}"):
        added(EMPTY | {"version": version}, *ENTRIES)


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {"resources": {"a": 1}},
        {"resources": [1]},
        {"resources": [{"urn": 1, "type": "a"}]},
        {"resources": [{"urn": "a::b", "type": CONNECTOR_TYPES[0], "inputs": [1]}]},
    ],
)
def test_a_state_of_another_shape_is_refused(content: Any) -> None:
    """What is not a state is named in a sentence."""
    with pytest.raises(EngineError, match="The state has"):
        managed_connectors({"version": 3, "deployment": content}, "dev")


def test_managed_connectors_are_found() -> None:
    """A stack's connectors are those that it manages: neither what it reads nor what is about to go."""
    deployment = added(EMPTY, *ENTRIES)
    asana = resources_of(deployment)[2]
    extra = [
        {**asana, "urn": f"{asana['urn']}-read", "external": True},
        {**asana, "urn": f"{asana['urn']}-old", "delete": True},
        {**asana, "type": "pulumi-python:dynamic/scalekit:Connection", "urn": "x::y"},
    ]
    deployment["deployment"]["resources"] += extra
    found = managed_connectors(deployment, "dev")
    assert [(m.resource, m.identifier, m.environment_url) for m in found] == [
        ("asana", "X:1", URL),
        ("freshdesk", "X:2", URL),
    ]
    assert resource_names_in(deployment) == {"asana", "freshdesk", "asana-read", "asana-old"}


def test_what_the_native_provider_manages_counts() -> None:
    """A state has the same in it from either provider: it is managed, and tells the stack's environment."""
    assert {*CONNECTOR_TYPES[1:], *CONNECTION_TYPES[1:]} == set(LIFECYCLES)
    deployment = added(EMPTY, ENTRIES[0])
    provider, asana = resources_of(deployment)[1:]
    asana["type"] = "scalekit:index:Connector"
    provider |= {"type": "pulumi:providers:scalekit", "inputs": {"environmentUrl": URL}}
    assert [m.identifier for m in managed_connectors(deployment, "dev")] == ["X:1"]
    assert [(s.name, s.definition) for s in declared_subjects(deployment, "dev")] == [("asana", ASANA)]
    asana["type"] = "scalekit:index:Connection"
    del asana["outputs"]
    assert [m.identifier for m in managed_connections(deployment, "dev")] == ["X:1"]
    assert environments_of(deployment) == {URL}


def test_a_name_may_have_colons() -> None:
    """A resource keeps its whole name, whatever is in it."""
    deployment = added(EMPTY, Entry("crm::eu", answer(ASANA, 1)))
    assert [m.resource for m in managed_connectors(deployment, "dev")] == ["crm::eu"]
    assert resource_names_in(deployment) == {"crm::eu"}


def test_an_identifier_that_moved_counts() -> None:
    """Where an update gave a connector another identifier, the outputs know it before the id does."""
    deployment = added(EMPTY, ENTRIES[0])
    resources_of(deployment)[2]["outputs"]["identifier"] = "X:9"
    assert [m.identifier for m in managed_connectors(deployment, "dev")] == ["X:9"]


def test_environments_of_a_stack() -> None:
    """A stack's environments are those of its connectors and of its provider's configuration."""
    assert environments_of(added(EMPTY, *ENTRIES)) == {URL}
    assert environments_of(EMPTY) == set()


def test_declared_definitions_have_no_server_made_parts() -> None:
    """What a stack declares can be reviewed: a definition and nothing else, secrets in plain text or unknown."""
    deployment = added(EMPTY, *ENTRIES)
    resources_of(deployment)[2]["inputs"]["description"] = secret("hidden")
    declared = {subject.name: subject.definition for subject in declared_subjects(deployment, "dev")}
    assert declared["freshdesk"] == FRESHDESK
    assert declared["asana"] == ASANA | {"description": "hidden"}


def test_duplicates_cannot_be_imported() -> None:
    """A program declares a display name once, so duplicates are refused, also of what the stack manages already."""
    asana, duplicate, other = answer(ASANA, 1), answer(ASANA, 2), answer(FRESHDESK, 3)
    refuse_duplicates([asana, other])
    with pytest.raises(AmbiguousConnector, match=r"'My Asana' \(X:1, X:2\)"):
        refuse_duplicates([asana, duplicate, other])
    with pytest.raises(AmbiguousConnector, match=r"'My Asana' \(X:1, X:2\)"):
        refuse_duplicates([asana], [duplicate])
    refuse_duplicates([other], [asana, duplicate])


def test_a_stack_may_be_named_with_its_organization() -> None:
    """URNs hold the bare name of a stack."""
    result = add_connectors(
        EMPTY,
        ENTRIES[:1],
        project="shop",
        stack="acme/shop/dev",
        environment_url=URL,
        config={},
        protect=False,
    )
    assert resources_of(result)[0]["urn"] == "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
