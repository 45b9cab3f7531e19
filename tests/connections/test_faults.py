"""Connections when the network or the server fails: made once, whatever happens."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from pulumi_scalekit.api.connections import Connections, exists_error
from pulumi_scalekit.errors import (
    ConnectorExists,
    InUse,
    InvalidRequest,
    ProtocolError,
    ScalekitError,
    ServerError,
    TimedOut,
)

from ..api.apps import App, Reply, client, ok, refusal

PATH = "/api/v1/connections"


class Environment(App):
    """Keeps connections; does what it is told to before or after a create takes effect."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.connections: list[dict[str, Any]] = []
        self.accounts: list[dict[str, Any]] = []
        self.before: list[Reply] = []
        self.after: list[Reply] = []

    def _answer(self, request: httpx.Request) -> Reply:
        if request.url.path == "/api/v1/connected_accounts":
            return ok({"connected_accounts": self.accounts})
        if request.method == "GET" and request.url.path.startswith(f"{PATH}/conn_"):
            return ok({"connection": self.connections[0]})
        if request.method == "GET":
            return ok({"connections": self.connections})
        if request.method == "DELETE":
            return ok({})
        if self.before:
            return self.before.pop(0)
        made = {**json.loads(request.content), "id": f"conn_{len(self.connections) + 1}"}
        self.connections.append(made)
        return self.after.pop(0) if self.after else ok({"connection": made})


@pytest.fixture
def environment() -> Environment:
    """An environment without connections."""
    return Environment()


@pytest.fixture
def connections(environment: Environment) -> Connections:
    """Its connections, as this package works on them."""
    return Connections(client(environment))


def create(connections: Connections) -> dict[str, Any]:
    """Create the connection that all tests create."""
    return connections.create(name="support", connector="TEAMS:1", auth_type="BEARER")


@pytest.mark.parametrize(
    "lost", [httpx.ReadError("reset"), httpx.Response(500, json={"message": "sorry"})], ids=["drop", "500"]
)
def test_a_create_whose_answer_is_lost_is_found(
    environment: Environment, connections: Connections, lost: Reply
) -> None:
    """The connection is found by its name; it is not made a second time."""
    environment.after = [lost]
    assert create(connections)["id"] == "conn_1"
    assert environment.counts[f"POST {PATH}"] == 1


def test_a_create_that_never_took_effect_is_repeated(
    environment: Environment, connections: Connections
) -> None:
    """Where no list shows it, it is sent again."""
    environment.before = [httpx.Response(503, json={"message": "later"})]
    assert create(connections)["id"] == "conn_1"
    assert environment.counts[f"POST {PATH}"] == 2


def test_a_create_that_may_still_take_effect_is_not_repeated(
    environment: Environment, connections: Connections
) -> None:
    """After a time-out the first may still be done, so a second one is not sent."""
    environment.before = [httpx.ReadTimeout("slow")]
    with pytest.raises(TimedOut):
        create(connections)
    assert environment.counts[f"POST {PATH}"] == 1


def test_a_taken_name_is_refused_without_a_request(
    environment: Environment, connections: Connections
) -> None:
    """The error has the id of the connection that has the name."""
    environment.connections = [{"id": "conn_9", "key_id": "support", "provider_key": "OTHER:1"}]
    with pytest.raises(ConnectorExists, match="conn_9"):
        create(connections)
    assert environment.counts[f"POST {PATH}"] == 0


def test_a_failing_server_is_given_up_on(environment: Environment, connections: Connections) -> None:
    """The attempts are bounded."""
    environment.before = [httpx.Response(500, json={"message": "sorry"})] * 100
    with pytest.raises(ServerError):
        create(connections)
    assert environment.counts[f"POST {PATH}"] == connections.client.settings.attempts


def test_a_delete_in_use_names_the_accounts(environment: Environment, connections: Connections) -> None:
    """The message names what to remove first, also where it was made in the last moment."""
    create(connections)
    respond = environment.handler

    def in_the_last_moment(request: httpx.Request) -> Reply:
        if request.method != "DELETE":
            return respond(request)
        environment.accounts = [{"identifier": "user_1", "connector": "support"}, {"identifier": "other"}]
        return httpx.Response(400, json={"message": "connection has connected accounts"})

    environment.handler = in_the_last_moment
    with pytest.raises(InUse, match=r"first, then run again: user_1$"):
        connections.delete("conn_1")


def test_connected_accounts_are_not_deleted_along(environment: Environment, connections: Connections) -> None:
    """A connection with accounts stays, even where Scalekit would delete it; accounts of others do not count."""
    create(connections)
    environment.accounts = [{"identifier": "user_1", "connector": "support"}]
    with pytest.raises(ScalekitError, match=r"not sent, since .*first, then run again: user_1"):
        connections.delete("conn_1")
    environment.accounts = [
        {"identifier": "user_1", "connector": "other"},
        {"identifier": "user_2"},
        {"identifier": "user_3", "connector": "support", "connection_id": "conn_2"},
    ]
    assert connections.delete("conn_1")


def test_accounts_are_looked_for_under_the_live_name(
    environment: Environment, connections: Connections
) -> None:
    """A connection that somebody renamed keeps its accounts; those of a later page count, too."""
    create(connections)
    environment.connections[0]["key_id"] = "renamed"
    pages = {
        None: {
            "connected_accounts": [{"identifier": "user_1", "connector": "other"}],
            "next_page_token": "2",
        },
        "2": {"connected_accounts": [{"identifier": "user_2", "connector": "renamed"}]},
    }
    respond = environment.handler
    environment.handler = lambda request: (
        ok(pages[request.url.params.get("page_token")])
        if request.url.path.endswith("/connected_accounts")
        else respond(request)
    )
    with pytest.raises(ScalekitError, match=r"delete connection 'renamed' .*not sent.*run again: user_2$"):
        connections.delete("conn_1")


@pytest.mark.parametrize(("status", "is_deleted"), [(403, True), (503, False)])
def test_accounts_that_cannot_be_listed(
    environment: Environment, connections: Connections, status: int, is_deleted: bool
) -> None:
    """A client that may not list accounts deletes all the same; a fault of the list ends the delete before it."""
    create(connections)
    respond = environment.handler
    environment.handler = lambda request: (
        refusal(status) if request.url.path.endswith("/connected_accounts") else respond(request)
    )
    if is_deleted:
        assert connections.delete("conn_1")
    else:
        with pytest.raises(ServerError):
            connections.delete("conn_1")
    assert environment.counts[f"DELETE {PATH}/conn_1"] == is_deleted


def test_junk_in_the_list_is_an_error(environment: Environment, connections: Connections) -> None:
    """An entry without an id cannot be read, updated or deleted by one."""
    environment.connections = [{"key_id": "support"}]
    with pytest.raises(ProtocolError, match="not such a list"):
        connections.named("support")


def test_a_read_without_a_connection_is_an_error() -> None:
    """Only Scalekit's 404 says that a connection is gone."""
    for response in (ok(), ok({"connection": {}}), httpx.Response(204)):
        app = App(lambda _r, response=response: response)  # type: ignore[misc]
        with pytest.raises(ProtocolError, match="returned no connection"):
            Connections(client(app)).get("conn_1")
    gone = App(lambda _r: refusal(404, "not found"))
    assert Connections(client(gone)).get("conn_1") is None


def test_a_name_that_a_lost_create_took_is_its_own(
    environment: Environment, connections: Connections
) -> None:
    """Where the list shows it only after Scalekit has refused a second one, it is kept all the same."""
    taken = refusal(400, "the name is taken", error_code="DUPLICATE_IDENTIFIER")
    environment.before = [httpx.Response(500, json={}), taken]
    hidden = [{"id": "conn_1", "key_id": "support", "provider_key": "TEAMS:1"}]
    post = environment.handler

    def late(request: httpx.Request) -> Reply:
        response = post(request)
        if request.method == "POST" and not environment.before:
            environment.connections = hidden
        return response

    environment.handler = late
    assert create(connections)["id"] == "conn_1"
    assert environment.counts[f"POST {PATH}"] == 2


def test_a_refused_name_is_explained(environment: Environment, connections: Connections) -> None:
    """A name that Scalekit keeps for itself, and one that a connection has which no list shows."""
    environment.before = [refusal(400, "restricted", error_code="RESTRICTED_CONNECTION_NAME")]
    with pytest.raises(InvalidRequest, match=r"keeps the name 'support' for itself: choose another"):
        create(connections)
    environment.before = [refusal(400, "taken", error_code="DUPLICATE_IDENTIFIER")]
    with pytest.raises(InvalidRequest, match=r"may not be an app connection"):
        create(connections)


def test_what_a_server_calls_a_connection_is_shown_on_one_line(connections: Connections) -> None:
    """Ids of others cannot drive a terminal."""
    text = str(exists_error("support", [{"id": "evil\x1b[2J\nline\u202e"}], "https://env.example.com"))
    assert text.isprintable()
