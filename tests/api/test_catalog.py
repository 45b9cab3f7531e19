"""Each write takes effect exactly once, or the message says what to look at."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.connectors import MAX_USERS, Connectors
from pulumi_scalekit.errors import (
    ApiError,
    ConnectorExists,
    Interrupted,
    InUse,
    NotFound,
    ProtocolError,
    RateLimited,
    ServerError,
    TimedOut,
)

from .apps import App, Environment, Reply, at_once, client, connector, ok, refusal
from .test_messages import ESCAPE

CUT = httpx.ReadError("reset")
AMBIGUOUS: dict[str, Reply] = {
    "500": refusal(500),
    "503": refusal(503),
    "cut": CUT,
    "timeout": httpx.ReadTimeout("slow"),
    "broken JSON": httpx.Response(201, content=b'{"provider": {"identifier": "'),
    "no identifier": ok({"provider": {}}, 201),
    "HTML": httpx.Response(200, html="<p>Please log in"),
}


@pytest.mark.parametrize("failure", AMBIGUOUS)
def test_a_create_whose_answer_is_lost_finds_its_own(failure: str) -> None:
    """It is looked for in the list, and kept; nothing is sent twice."""
    environment = Environment()
    environment.after = [AMBIGUOUS[failure]]
    connectors = Connectors(client(environment))
    assert connectors.create(connector("A"))["identifier"] == "C:1"
    assert len(environment.connectors) == 1
    assert environment.counts["POST /api/v1/custom-providers"] == 1
    assert [c["identifier"] for c in connectors.known("A")] == ["C:1"]


ACCEPTED: dict[str, Reply] = {
    **{name: AMBIGUOUS[name] for name in ("broken JSON", "no identifier", "HTML")},
    "no content": httpx.Response(204),
    "an empty body": httpx.Response(200),
}


@pytest.mark.parametrize("failure", ACCEPTED)
def test_a_create_that_was_accepted_is_never_sent_again(failure: str) -> None:
    """A 2xx says that it was done: where no list shows it, however late, the message says so instead."""
    environment = Environment()
    environment.before = [ACCEPTED[failure]]
    with pytest.raises(ProtocolError, match=r"no list has shown.*not sent again.*SCALEKIT_LIST_DELAY"):
        Connectors(client(environment)).create(connector("A"))
    assert environment.counts["POST /api/v1/custom-providers"] == 1


@pytest.mark.parametrize("failure", ACCEPTED)
def test_a_create_that_was_accepted_is_found(failure: str) -> None:
    """Its own connector is in the list, and is kept."""
    environment = Environment()
    environment.after = [ACCEPTED[failure]]
    environment.listings = [(), ("C:1",), ("C:1",)]
    assert Connectors(client(environment)).create(connector("A"))["identifier"] == "C:1"
    assert environment.counts["POST /api/v1/custom-providers"] == 1


@pytest.mark.parametrize("failure", sorted(AMBIGUOUS.keys() - {"timeout", *ACCEPTED}))
def test_a_create_that_did_not_happen_is_sent_again(failure: str) -> None:
    """After the list has had time to show it."""
    environment = Environment()
    environment.before = [AMBIGUOUS[failure]]
    assert Connectors(client(environment)).create(connector("A"))["identifier"] == "C:1"
    assert len(environment.connectors) == 1
    assert environment.counts["POST /api/v1/custom-providers"] == 2


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("slow"), refusal(504), refusal(408)])
def test_a_create_that_may_still_be_under_way_is_not_sent_again(failure: Reply) -> None:
    """Nobody knows when it takes effect: a second one could make a duplicate of it. The next run will find it."""
    environment = Environment()
    environment.before = [failure]
    with pytest.raises((TimedOut, ServerError), match=r"create connector 'A' failed.*Run again"):
        Connectors(client(environment)).create(connector("A"))
    assert environment.counts["POST /api/v1/custom-providers"] == 1


@pytest.mark.parametrize("late", [1, 2, 3])
def test_a_create_whose_answer_is_lost_waits_for_a_late_list(late: int) -> None:
    """A list that does not show the new connector yet does not lead to a duplicate."""
    environment = Environment()
    environment.after = [CUT]
    environment.listings = [()] + [("C:1",)] * late
    assert Connectors(client(environment)).create(connector("A"))["identifier"] == "C:1"
    assert len(environment.connectors) == 1


def test_a_create_that_shows_after_its_repetition_is_named() -> None:
    """Where the list is later than anyone waits, the duplicates are named instead of one being forgotten."""
    environment = Environment()
    environment.after = [CUT]
    environment.listings = [()] + [("C:1",)] * 5
    with pytest.raises(ConnectorExists, match=r"may have been created in .*: C:2 and C:1 were not there"):
        Connectors(client(environment)).create(connector("A"))


def test_a_stranger_of_the_same_name_is_not_taken_for_ones_own() -> None:
    """What appeared meanwhile with another definition is named, and left alone."""
    environment = Environment()
    environment.before = [CUT]
    connectors = Connectors(client(environment))
    assert connectors.known("A") == []
    environment.add("A", proxy_url="https://other.example.com")
    with pytest.raises(ConnectorExists, match=r"may have been created in .*: C:1 was not there"):
        connectors.create(connector("A"))
    assert environment.counts["POST /api/v1/custom-providers"] == 1


def test_a_server_that_normalises_is_recognised() -> None:
    """A connector of the name that differs only as servers write things is the one that was made."""
    environment = Environment()
    environment.after = [CUT]
    write = environment._write

    def normalise(request: httpx.Request) -> Reply:
        done = write(request)
        stored = environment.connectors["C:1"]
        stored["proxy_url"] = "https://api.example.com/"
        stored["auth_patterns"] = [{**stored["auth_patterns"][0], "description": "", "fields": []}]
        return done

    environment._write = normalise  # type: ignore[method-assign]
    declared = connector("A", proxy_url="https://API.example.com")
    assert Connectors(client(environment)).create(declared)["identifier"] == "C:1"
    assert environment.counts["POST /api/v1/custom-providers"] == 1


def test_a_create_that_nobody_can_look_after_keeps_its_own_error() -> None:
    """The message is about the create, not about the list that failed afterwards."""
    environment = Environment()
    environment.after = [CUT]
    environment.listings = [(), *[refusal(500)] * 9]
    with pytest.raises(Interrupted, match=r"create connector 'A' failed.*Run again"):
        Connectors(client(environment)).create(connector("A"))
    assert len(environment.connectors) == 1


def test_a_create_that_is_certain_needs_no_list() -> None:
    """After a repetition the list is looked at for a second one: where it fails, what was made is kept."""
    environment = Environment()
    environment.before = [CUT]
    environment.listings = [()] * 6 + [refusal(403)]
    connectors = Connectors(client(environment))
    assert connectors.create(connector("A"))["identifier"] == "C:1"
    assert not environment.listings
    assert [c["identifier"] for c in connectors.known("A")] == ["C:1"]


def test_the_next_run_finds_what_an_interrupted_one_made() -> None:
    """It makes no duplicate: the message names the connector, and both ways out."""
    environment = Environment()
    environment.add("A")
    with pytest.raises(ConnectorExists, match=r"C:1.*adopt='C:1'.*pulumi-scalekit import"):
        Connectors(client(environment)).create(connector("A"))
    assert environment.counts["POST /api/v1/custom-providers"] == 0


def test_creates_are_bounded() -> None:
    """An environment that fails forever is asked `attempts` times."""
    environment = Environment()
    environment.before = [refusal(500)] * 99
    with pytest.raises(ServerError):
        Connectors(client(environment, attempts=3)).create(connector("A"))
    assert environment.counts["POST /api/v1/custom-providers"] == 3


def test_fifty_lost_answers_share_their_looks() -> None:
    """Creates that look for their own at the same time share the lists: the rate limit counts those too."""
    environment = Environment()
    environment.after = [CUT] * 50
    handler = environment.handler

    def slowly(request: httpx.Request) -> Reply:
        time.sleep(0.03)
        return handler(request)

    environment.handler = slowly
    connectors = Connectors(client(environment, parallel=64, backoff=0.02))
    made = at_once(50, lambda n: connectors.create(connector(f"A {n}"))["identifier"])
    assert len(set(map(str, made))) == len(environment.connectors) == 50
    assert environment.counts["POST /api/v1/custom-providers"] == 50
    assert environment.counts["GET /api/v1/providers"] < 25


def test_creates_list_once() -> None:
    """However many there are."""
    environment = Environment()
    connectors = Connectors(client(environment))
    for number in range(20):
        connectors.create(connector(f"A {number}"))
    assert environment.counts["GET /api/v1/providers"] == 1


@pytest.mark.parametrize("failure", AMBIGUOUS)
def test_an_update_whose_answer_is_lost_is_sent_again(failure: str) -> None:
    """The second one changes nothing, and answers. Only a complete answer without an identifier ends it."""
    environment = Environment()
    environment.add("A")
    environment.after = [AMBIGUOUS[failure]]
    connectors = Connectors(client(environment))
    if failure == "no identifier":
        environment.after = []
    assert connectors.update("C:1", connector("A", description="new"))["description"] == "new"
    assert environment.connectors["C:1"]["description"] == "new"


@pytest.mark.parametrize("late", [False, True])
def test_an_update_none_of_whose_answers_arrives_is_looked_for(late: bool) -> None:
    """Where the list shows that it was done, it was."""
    environment = Environment()
    environment.add("A")
    environment.after = [CUT] * 3
    environment.listings = [("C:1",)] * late
    answer = Connectors(client(environment, attempts=3)).update("C:1", connector("A", description="new"))
    assert (answer["identifier"], answer["description"]) == ("C:1", "new")
    assert environment.counts["PUT /api/v1/custom-providers/C:1"] == 3


def test_an_update_that_was_not_done_is_not_taken_for_done() -> None:
    """Not even where all that it declares is there already, beside what it takes away."""
    environment = Environment()
    environment.add(
        "A", **{k: v for k, v in connector("A", metadata={"a": "b"}).items() if k != "display_name"}
    )
    environment.before = [refusal(500)] * 3
    with pytest.raises(ServerError):
        Connectors(client(environment, attempts=3)).update("C:1", connector("A"))


def test_a_delete_none_of_whose_answers_arrives_is_looked_for() -> None:
    """It counts as done where several lists do not show the connector any more."""
    environment = Environment()
    environment.add("A")
    delete = environment._write
    environment._write = lambda request: (delete(request), CUT)[1]  # type: ignore[method-assign]
    Connectors(client(environment, attempts=3)).delete("C:1")
    assert environment.connectors == {}
    assert environment.counts["DELETE /api/v1/custom-providers/C:1"] == 3


def test_a_delete_that_was_not_done_is_not_taken_for_done() -> None:
    """Where the list still shows the connector, the failure stays one."""
    environment = Environment()
    environment.add("A")
    environment.before = [refusal(500)] * 3
    with pytest.raises(ServerError, match="delete connector C:1 failed"):
        Connectors(client(environment, attempts=3)).delete("C:1")


def test_an_update_that_nobody_can_look_after_keeps_its_own_error() -> None:
    """The message is about the update, not about the list that failed afterwards."""
    environment = Environment()
    environment.add("A")
    environment.after = [CUT] * 3
    environment.listings = [refusal(500)] * 9
    with pytest.raises(Interrupted, match=r"update connector 'A' \(C:1\) failed.*Run again"):
        Connectors(client(environment, attempts=3)).update("C:1", connector("A"))


@pytest.mark.parametrize("late", [0, 1, 3])
def test_an_update_that_moved_the_connector_is_followed(late: int) -> None:
    """Where an update gives a new identifier and its answer is lost, the second attempt's 404 is understood."""
    environment = Environment()
    environment.add("A")
    environment.after = [CUT]
    environment.listings = [("C:9",)] * late
    write = environment._write

    def move(request: httpx.Request) -> Reply:
        answer = write(request)
        if "C:1" in environment.connectors:
            moved = environment.connectors.pop("C:1")
            environment.connectors["C:9"] = {**moved, "identifier": "C:9"}
        return answer

    environment._write = move  # type: ignore[method-assign]
    assert Connectors(client(environment)).update("C:1", connector("A"))["identifier"] == "C:9"


def test_a_plain_404_is_no_move() -> None:
    """Even where another connector looks the same: it was never this one."""
    environment = Environment()
    environment.add("A", **{k: v for k, v in connector("A").items() if k != "display_name"})
    environment.before = [refusal(429, headers={"retry-after": "0"})]
    with pytest.raises(NotFound, match=r"deleted outside of Pulumi\. Run `pulumi refresh`"):
        Connectors(client(environment)).update("C:7", connector("A"))


@pytest.mark.parametrize("failure", AMBIGUOUS)
def test_a_delete_whose_answer_is_lost_is_sent_again(failure: str) -> None:
    """And the 404 of the second is a success."""
    environment = Environment()
    environment.add("A")
    environment.after = [AMBIGUOUS[failure]]
    Connectors(client(environment)).delete("C:1")
    assert environment.connectors == {}


def test_deleting_what_is_gone_is_fine() -> None:
    """The connector is not there, as wanted."""
    assert Connectors(client(Environment())).delete("C:1") is False


@pytest.mark.parametrize("body", [{"text": "<html>"}, {"json": {"message": "Not Found"}}, {"json": []}])
def test_a_404_that_is_not_scalekits_is_no_answer(body: dict[str, Any]) -> None:
    """A gateway that does not know the URL says nothing about what there is: nothing counts as deleted."""
    api = client(App(lambda _r: httpx.Response(404, **body)))
    for ask in (lambda: Connectors(api).delete("C:1"), lambda: Connections(api).get("conn_1")):
        with pytest.raises(ApiError, match="Check that SCALEKIT_ENVIRONMENT_URL"):
            ask()


@pytest.mark.parametrize(
    ("name", "refused", "expected"),
    [
        ("A", refusal(409, "just created", error_code="RESOURCE_ALREADY_EXISTS"), r"exists already.*C:1"),
        (
            "Gmail",
            refusal(
                400,
                "a built-in provider has this name",
                validation_error_info={
                    "field_violations": [{"field": "display_name", "description": "is taken"}]
                },
            ),
            r"built-in connector GMAIL: choose another display_name, such as 'Custom Gmail'",
        ),
        ("Other", refusal(409, "taken", error_code="RESOURCE_ALREADY_EXISTS"), "run again in a minute"),
        ("Other", refusal(400, "proxy_url is wrong"), "proxy_url is wrong.*Correct the named properties"),
    ],
    ids=["just made", "built-in", "not shown yet", "about something else"],
)
def test_a_refused_name_is_explained(name: str, refused: Reply, expected: str) -> None:
    """With the identifier of the connector that has it, where a list shows one."""
    custom = {"identifier": "C:1", "display_name": "A", "is_custom": True}
    lists = iter([[], [custom]])

    def handle(request: httpx.Request) -> Reply:
        if request.method == "POST":
            return refused
        if request.url.params["filter.provider_type"] == "ALL":
            return ok({"providers": [{"identifier": "GMAIL", "display_name": "gmail"}, custom]})
        return ok({"providers": next(lists)})

    with pytest.raises((ApiError, ConnectorExists), match=expected):
        Connectors(client(App(handle))).create(connector(name))


IN_USE = "provider C:1 is in use"


@pytest.mark.parametrize("status", [400, 409])
def test_in_use_is_told_by_its_code(status: int) -> None:
    """Scalekit's code decides; only where there is none do its words."""
    in_use = refusal(status, "cannot delete", error_code="PROVIDER_HAS_EXISTING_CONNECTIONS")
    app = App(lambda r: in_use if r.method == "DELETE" else ok())
    with pytest.raises(InUse):
        Connectors(client(app)).delete("C:1")
    for other in (
        refusal(status, "the connection to the database is in use", error_code="INTERNAL_STATE"),
        refusal(status, "a connection timed out"),
    ):
        app.handler = lambda r, other=other: other if r.method == "DELETE" else ok()  # type: ignore[misc]
        with pytest.raises(ApiError) as caught:
            Connectors(client(app)).delete("C:1")
        assert not isinstance(caught.value, InUse)


def users(request: httpx.Request) -> httpx.Response:
    """An environment in which a connector is in use."""
    if request.method == "DELETE":
        return refusal(400, IN_USE)
    if request.url.path.endswith("/app"):
        return ok(
            {
                "connections": [
                    {"key_id": "support", "provider_key": "C:1"},
                    {"key_id": f"evil{ESCAPE}", "provider_key": "C:1"},
                    {"key_id": "other", "provider_key": "C:2"},
                    "nonsense",
                ]
            }
        )
    others = {"identifier": "somebody", "connector": "of another connection"}
    return ok({"connected_accounts": [{"identifier": f"user{ESCAPE}"}, others, None, 7, {}]})


def test_a_delete_that_is_refused_names_the_users() -> None:
    """Connections and connected accounts that must go first are listed, safe to print."""
    with pytest.raises(InUse) as caught:
        Connectors(client(App(users))).delete("C:1", name="A")
    text = str(caught.value)
    assert "Remove these first, then run again: connection support, connected account user" in text
    assert "connection other" not in text
    assert "somebody" not in text
    assert text.isprintable()


def test_naming_the_users_is_bounded() -> None:
    """A connector with very many users does not cost very many calls."""
    connections = [{"key_id": f"c{n}", "provider_key": "C:1"} for n in range(500)]
    app = App(
        lambda r: (
            ok({"connections": connections, "next_page_token": "x"})
            if r.url.path.endswith("/app")
            else ok({"connected_accounts": [{"identifier": "u"}] * 500})
        )
    )
    assert Connectors(client(app)).users_of("C:1")[-1] == "more that are not named here"
    assert app.count("/api/v1/connected_accounts") == MAX_USERS


def test_users_that_cannot_be_listed_do_not_hide_the_refusal() -> None:
    """Then the server's own words must do."""
    app = App(lambda r: refusal(400, IN_USE) if r.method == "DELETE" else refusal(403))
    with pytest.raises(InUse, match=IN_USE):
        Connectors(client(app)).delete("C:1")


@pytest.mark.parametrize(
    "answer", [{"connections": 7}, {"connections": [{"key_id": 5}]}, {"connections": None}]
)
def test_a_senseless_list_of_users_is_survived(answer: dict[str, object]) -> None:
    """What is no list names nobody."""
    app = App(lambda r: refusal(409, IN_USE) if r.method == "DELETE" else ok(answer))
    with pytest.raises(InUse):
        Connectors(client(app)).delete("C:1")


def test_a_rate_limit_that_lasts_ends_a_create_without_a_duplicate() -> None:
    """It was never done, and the message says so."""
    environment = Environment()
    environment.before = [refusal(429, headers={"retry-after": "3600"})] * 9
    with pytest.raises(RateLimited):
        Connectors(client(environment)).create(connector("A"))
    assert environment.connectors == {}
