"""Every fault does what its name says, to the operation it is meant for, as often as it is told to."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from pulumi_scalekit import local
from pulumi_scalekit.local import FaultError, Faults
from pulumi_scalekit.local.faults import KINDS, parse

from .conftest import BEARER, Session

LIST = "/api/v1/providers?filter.provider_type=CUSTOM"


def create(session: Session) -> httpx.Response:
    return session.http.post("/api/v1/custom-providers", json=BEARER)


def count(session: Session) -> int:
    return len(session.environment.store.providers())


# --- before the commit --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(500, 13), (503, 14), (504, 4), (403, 7), (409, 6)])
def test_error_answers_before_the_commit(session: Session, status: int, code: int) -> None:
    """`error` answers with the status, and nothing was written; the next request passes."""
    session.environment.faults.add(f"create:error={status}*1")
    answer = create(session)
    assert (answer.status_code, answer.json()["code"], count(session)) == (status, code, 0)
    assert create(session).status_code == 201


@pytest.mark.parametrize("status", [500, 503])
def test_error_after_commit_hides_a_success(session: Session, status: int) -> None:
    """`error-after-commit` answers with the status although the connector exists now."""
    session.environment.faults.add(f"create:error-after-commit={status}*1")
    answer = create(session)
    assert (answer.status_code, count(session)) == (status, 1)
    assert answer.json()["details"][0]["request_info"]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(("fault", "written"), [("drop", 0), ("drop-after-commit", 1)])
@pytest.mark.parametrize(("how", "error"), [("close", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
def test_a_dropped_connection_is_a_transport_error(
    session: Session, fault: str, written: int, how: str, error: type[Exception]
) -> None:
    """`drop` ends the connection without an answer, before the commit or after it, by FIN or by RST."""
    session.environment.faults.add(f"create:{fault}={how}*1")
    with pytest.raises(error):
        create(session)
    assert count(session) == written
    assert list(session.environment.requests)[-1].status is None
    assert create(session).status_code == 201


def test_a_body_cut_short_is_a_transport_error(session: Session) -> None:
    """`cut` commits, sends the head and half of the body, and closes the connection."""
    session.environment.faults.add("create:cut*1")
    with pytest.raises(httpx.RemoteProtocolError):
        create(session)
    assert count(session) == 1


def test_invalid_json_is_a_complete_answer(session: Session) -> None:
    """`invalid-json` commits and sends a whole body, with its status, that no JSON parser takes."""
    session.environment.faults.add("create:invalid-json*1")
    answer = create(session)
    assert (answer.status_code, count(session)) == (201, 1)
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(
    ("value", "status", "body"),
    [
        ("", 201, b""),
        ("=204", 204, b""),
        ("=object", 201, b"{}"),
        ("=html", 201, b"<!doctype html><p>Please wait."),
    ],
)
def test_a_success_can_be_empty(session: Session, value: str, status: int, body: bytes) -> None:
    """`empty` commits, and responds without content; a refusal stays as it is."""
    session.environment.faults.add(f"any:empty{value}*2")
    answer = create(session)
    assert (answer.status_code, answer.content, count(session)) == (status, body, 1)
    refused = session.http.post("/api/v1/custom-providers", json={})
    assert (refused.status_code, refused.json()["code"]) == (400, 3)


SHAPED = {
    "display_name": "Shaped",
    "proxy_url": "https://API.Example.com",
    "auth_patterns": [
        {
            "type": "OAUTH",
            "display_name": "x",
            "oauth_config": {
                "authorize_uri": "https://Login.Example.com/A",
                "token_uri": "https://login.example.com/t",
                "available_scopes": [{"scope": "a"}, {"scope": "b"}],
            },
            "account_fields": [
                {"field_name": "one", "options": [{"value": "1"}, {"value": "2"}]},
                {"field_name": "two"},
            ],
        }
    ],
}


def test_lists_inside_a_connector_can_be_reordered(session: Session) -> None:
    """`reorder` reverses scopes, fields and options in every response that shows the connector."""
    stored = session.create(SHAPED)
    session.environment.faults.add("any:reorder")
    identifier = stored["identifier"]
    for shown in (session.list()[0], session.update(identifier, SHAPED).json()["provider"]):
        (pattern,) = shown["auth_patterns"]
        assert [scope["scope"] for scope in pattern["oauth_config"]["available_scopes"]] == ["b", "a"]
        assert [field["field_name"] for field in pattern["account_fields"]] == ["two", "one"]
        assert [option["value"] for option in pattern["account_fields"][1]["options"]] == ["2", "1"]
    session.environment.faults.clear()
    assert session.list() == [stored]


@pytest.mark.parametrize(
    ("value", "url", "authorize_uri", "fields"),
    [
        ("=case", "https://api.example.com", "https://login.example.com/A", None),
        ("=slash", "https://API.Example.com/", "https://Login.Example.com/A", None),
        ("=defaults", "https://API.Example.com", "https://Login.Example.com/A", []),
        ("", "https://api.example.com/", "https://login.example.com/A", []),
    ],
)
def test_a_server_can_normalize(
    session: Session, value: str, url: str, authorize_uri: str, fields: list | None
) -> None:
    """`normalize` writes hosts in lower case, adds a slash to `proxy_url`, adds defaults, or all of it."""
    session.environment.faults.add(f"any:normalize{value}")
    for shown in (session.create(SHAPED), session.list()[0]):
        (pattern,) = shown["auth_patterns"]
        assert shown["proxy_url"] == url
        assert pattern["oauth_config"]["authorize_uri"] == authorize_uri
        assert pattern.get("fields") == fields
        assert pattern["account_fields"][0].get("required") == (None if fields is None else False)


def test_a_list_can_miss_what_it_counts(session: Session) -> None:
    """`missing` leaves connectors out of the end, and `total_size` counts them all the same."""
    made = [session.create()["identifier"] for _ in range(3)]
    session.environment.faults.add("list:missing=2")
    answer = session.http.get(LIST).json()
    assert [each["identifier"] for each in answer["providers"]] == made[:1]
    assert answer["total_size"] == 3


@pytest.mark.parametrize("rewriting", ["missing", "reorder", "normalize", "empty"])
def test_what_is_emptied_is_not_rewritten(session: Session, rewriting: str) -> None:
    """A fault that rewrites a list leaves alone what another one has taken out of it."""
    for form in ("body", "204", "object", "html"):
        session.environment.faults.clear()
        session.environment.faults.add(f"list:empty={form}")
        emptied = session.http.get(LIST)
        session.environment.faults.add(f"list:{rewriting}")
        both = session.http.get(LIST)
        unchanged = b"" if rewriting == "empty" else emptied.content
        assert (both.status_code, both.content) == (emptied.status_code, unchanged), form


def test_latency_is_real_time(session: Session) -> None:
    """`latency` makes the answer late, and a client with a shorter deadline gives up."""
    session.environment.faults.add("list:latency=0.2*1")
    started = time.perf_counter()
    assert session.http.get(LIST).status_code == 200
    assert time.perf_counter() - started >= 0.2


# --- rate limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "header"), [("", None), ("=none", None), ("=7", "7")])
def test_rate_limited_with_and_without_retry_after(session: Session, value: str, header: str | None) -> None:
    """`rate-limited` is a 429 RATE_LIMITED; a number goes into Retry-After."""
    session.environment.faults.add(f"create:rate-limited{value}*1")
    answer = create(session)
    assert (answer.status_code, answer.json()["code"], count(session)) == (429, 8, 0)
    assert answer.json()["details"][0]["error_code"] == "RATE_LIMITED"
    assert answer.headers.get("retry-after") == header


def test_retry_after_may_be_a_date(session: Session) -> None:
    """Retry-After has a second form, an HTTP date."""
    session.environment.faults.add("list:rate-limited=date:90*1")
    until = parsedate_to_datetime(session.http.get(LIST).headers["retry-after"])
    assert 88 <= until.timestamp() - session.environment.clock.now() <= 90


def test_the_rate_limit_counts_requests_of_the_last_minute(session: Session) -> None:
    """With a limit, the request beyond it is told how long to wait, and is let in after that."""
    session.environment.settings.requests_per_minute = 3
    assert [session.http.get(LIST).status_code for _ in range(3)] == [200, 200, 200]
    session.environment.clock.advance(20)
    refused = session.http.get(LIST)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "40")
    session.environment.clock.advance(41)
    assert session.http.get(LIST).status_code == 200
    assert session.http.get("/_local/requests").status_code == 200


# --- tokens -------------------------------------------------------------------------------------------------


def test_a_token_can_expire_early(session: Session) -> None:
    """`token-expires` promises the usual lifetime and keeps another."""
    session.environment.faults.add("token:token-expires=10*1")
    session.sign_in()
    assert session.http.get(LIST).status_code == 200
    session.environment.clock.advance(11)
    assert session.http.get(LIST).status_code == 401
    session.sign_in()
    assert session.http.get(LIST).status_code == 200


def test_a_token_can_be_revoked_in_use(session: Session) -> None:
    """`token-revoked` kills the token of the request it strikes; a new one works."""
    session.environment.faults.add("create:token-revoked*1")
    assert create(session).status_code == 401
    assert session.http.get(LIST).status_code == 401
    session.sign_in()
    assert create(session).status_code == 201


# --- lists --------------------------------------------------------------------------------------------------


def test_a_list_can_be_some_lists_late(session: Session) -> None:
    """`stale=2` lets two lists miss a create, an update and a delete."""
    session.environment.faults.add("list:stale=2")
    made = session.create()
    assert [session.list(), session.list(), session.list()] == [[], [], [made]]
    changed = session.update(made["identifier"], {**BEARER, "description": "new"}).json()["provider"]
    assert [session.list(), session.list(), session.list()] == [[made], [made], [changed]]
    session.http.delete(f"/api/v1/custom-providers/{made['identifier']}")
    assert [session.list(), session.list(), session.list()] == [[changed], [changed], []]


def test_a_list_can_be_some_seconds_late(session: Session) -> None:
    """`stale=5s` hides a write for five seconds, also from a list by identifier."""
    session.environment.faults.add("list:stale=5s")
    made = session.create()
    assert session.list(identifier=made["identifier"]) == []
    session.environment.clock.advance(5)
    assert session.list(identifier=made["identifier"]) == [made]


def test_a_listing_can_repeat_its_page_token(session: Session) -> None:
    """`repeat-page-token` answers every page with the first one and the same token."""
    for _ in range(3):
        session.create()
    session.environment.faults.add("list:repeat-page-token")
    url = f"{LIST}&page_size=2"
    first = session.http.get(url).json()
    assert first["next_page_token"]
    assert session.http.get(f"{url}&page_token={first['next_page_token']}").json() == first


# --- updates and identifiers --------------------------------------------------------------------------------


def test_update_semantics_can_change_for_one_request(session: Session) -> None:
    """`semantics=wiping` makes one update drop what it leaves out."""
    identifier = session.create({**BEARER, "description": "kept"})["identifier"]
    session.environment.faults.add("update:semantics=wiping*1,skip=1")
    answers = [session.update(identifier, BEARER).json()["provider"] for _ in range(2)]
    assert [answer["description"] for answer in answers] == ["kept", ""]


def test_identifiers_can_have_another_format(session: Session) -> None:
    """`identifier-format` makes `prov_…` identifiers, which work as any other."""
    session.environment.faults.add("create:identifier-format*1")
    identifier = str(session.create()["identifier"])
    assert identifier.startswith("prov_")
    assert session.update(identifier, BEARER).status_code == 200


def test_an_update_can_change_the_identifier(session: Session) -> None:
    """`new-identifier` answers with another identifier; the old one is not found any more."""
    old = session.create()["identifier"]
    session.environment.faults.add("update:new-identifier*1")
    new = session.update(old, BEARER).json()["provider"]["identifier"]
    assert new != old
    assert [session.update(name, BEARER).status_code for name in (old, new)] == [404, 200]


# --- hostile answers ----------------------------------------------------------------------------------------


def test_a_redirect_points_to_another_host(session: Session) -> None:
    """`redirect` keeps path and query, and carries nothing out."""
    session.environment.faults.add("any:redirect=http://evil.invalid*2")
    answer = session.http.get(LIST)
    assert (answer.status_code, answer.headers["location"]) == (307, f"http://evil.invalid{LIST}")
    assert (create(session).status_code, count(session)) == (307, 0)


def test_an_error_can_echo_what_was_submitted(session: Session) -> None:
    """`echo` repeats the submitted values, secrets included, in its message."""
    session.environment.faults.add("any:echo*2")
    answer = session.http.post("/api/v1/custom-providers", json={**BEARER, "description": "canary-1"})
    assert answer.status_code == 400
    assert "canary-1" in answer.json()["message"]
    assert "local-secret" in session.token().json()["message"]
    assert count(session) == 0


# --- when a fault strikes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "struck"),
    [
        ("list:error", [1, 2, 3, 4, 5, 6]),
        ("list:error*2", [1, 2]),
        ("list:error,times=2", [1, 2]),
        ("list:error*1,skip=2", [3]),
        ("list:error,every=3", [3, 6]),
        ("list:error,skip=1,every=2,times=2", [3, 5]),
        ("list:error,p=0", []),
        ("any:error*1", [1]),
        ("create:error", []),
    ],
)
def test_when_a_fault_strikes(session: Session, spec: str, struck: list[int]) -> None:
    """`*N`, `skip`, `every` and `p` choose among the requests of the operation."""
    session.environment.faults.add(spec)
    statuses = [session.http.get(LIST).status_code for _ in range(6)]
    assert [at for at, status in enumerate(statuses, 1) if status == 500] == struck
    assert session.environment.faults.drawn == len(struck)


def test_a_seed_makes_chance_reproducible() -> None:
    """The same seed strikes the same requests; over many, the share is near the probability."""

    def struck(spec: str) -> list[bool]:
        faults = Faults([spec])
        return [bool(faults.draw("list")) for _ in range(2000)]

    first = struck("list:error,p=0.3,seed=1")
    assert first == struck("list:error,p=0.3,seed=1") != struck("list:error,p=0.3,seed=2")
    assert 500 < sum(first) < 700


def test_two_faults_can_strike_one_request(session: Session) -> None:
    """Faults add up: a late answer can be a refused one, too."""
    session.environment.faults.add("list:latency=0.05*1")
    session.environment.faults.add("list:error=503*1")
    started = time.perf_counter()
    assert session.http.get(LIST).status_code == 503
    assert time.perf_counter() - started >= 0.05
    assert list(session.environment.requests)[-1].faults == ["list:latency=0.05*1", "list:error=503*1"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("", "OPERATION:FAULT"),
        ("create", "OPERATION:FAULT"),
        ("make:error", "no operation 'make'"),
        ("create:explode", "no fault 'explode'; known: latency"),
        ("create:stale", "for list and connection-list only"),
        ("create:error=200", "no failure with status 200"),
        ("create:error=x", "error=x"),
        ("create:latency=-1", "seconds"),
        ("create:latency=nan", "seconds"),
        ("create:drop=later", "close, reset"),
        ("update:semantics=other", "partial"),
        ("list:repeat-page-token=1", "takes no value"),
        ("create:error,often=2", "no option 'often'"),
        ("create:error,every=x", "'every=x' is not valid"),
        ("create:error,p=nan", "from 0 to 1"),
        ("create:error,p=30", "from 0 to 1"),
        ("create:redirect=ftp://x", "origin"),
    ],
)
def test_a_specification_that_says_nothing_is_refused(spec: str, says: str) -> None:
    """The message names what is wrong and what is known."""
    with pytest.raises(FaultError, match=says.replace("(", r"\(")):
        parse(spec)


def test_every_fault_has_a_line_in_the_reference() -> None:
    """The reference in the documentation lists every fault with its help text."""
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "local-scalekit.md").read_text()
    for kind in KINDS.values():
        assert f"`{kind.name}`" in text
        assert kind.help in text


# --- the admin endpoints ------------------------------------------------------------------------------------


def test_faults_are_switched_by_request(session: Session) -> None:
    """`/_local/faults` adds, shows and removes faults."""
    added = session.http.post("/_local/faults", json={"spec": "list:error*1"})
    assert added.status_code == 201
    assert session.http.get(LIST).status_code == 500
    (shown,) = session.http.get("/_local/faults").json()["faults"]
    assert shown == {"id": added.json()["faults"][0]["id"], "spec": "list:error*1", "seen": 1, "drawn": 1}
    session.http.post("/_local/faults", json={"specs": ["list:error", "create:error"]})
    assert session.http.delete(f"/_local/faults/{shown['id']}").status_code == 200
    assert session.http.delete(f"/_local/faults/{shown['id']}").status_code == 404
    assert session.http.delete("/_local/faults").status_code == 200
    assert session.http.get("/_local/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    "body", [{}, {"spec": 1}, {"specs": "x"}, {"spec": "x:y"}, {"specs": ["list:error", "x:y"]}, []]
)
def test_a_wrong_fault_request_is_refused(session: Session, body: object) -> None:
    """What cannot be read is a 400, and switches nothing on."""
    assert session.http.post("/_local/faults", json=body).status_code == 400
    assert session.environment.faults.as_json() == []


def test_requests_are_logged_and_counted(session: Session) -> None:
    """`/_local/requests` shows method, path, operation, status and time, and counts by operation."""
    session.http.delete("/_local/requests")
    create(session)
    session.http.get(LIST)
    session.http.get("/nowhere")
    answer = session.http.get("/_local/requests").json()
    assert answer["counts"] == {"create": 1, "list": 1, "unknown": 1, "_local": 1}
    first, second, *_ = answer["requests"]
    assert (first["method"], first["operation"], first["status"]) == ("POST", "create", 201)
    assert second["path"] == LIST
    assert second["duration"] > 0
    assert session.environment.requests.count("create") == 1
    assert bool(first["connection"]) == session.over_socket


def test_one_connection_shows_as_one(server: Session) -> None:
    """Requests over one kept-alive connection share its name; another client has another."""
    server.http.get(LIST)
    server.http.get(LIST)
    with httpx.Client(base_url=server.http.base_url, headers=server.http.headers) as other:
        other.get(LIST)
    one, two, three = (request.connection for request in server.environment.requests.of("list"))
    assert one == two != three


def test_the_log_holds_no_secrets(session: Session) -> None:
    """Neither the client secret nor a token is anywhere in the log."""
    token = session.token().json()["access_token"]
    session.http.get(LIST, headers={"authorization": f"Bearer {token}"})
    text = session.http.get("/_local/requests").text
    assert "local-secret" not in text
    assert token not in text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"host": "["}, 421),
    ],
)
@pytest.mark.parametrize("path", ["/_local/faults", "/_local/requests"])
def test_admin_endpoints_are_closed_to_other_sites(
    session: Session, path: str, headers: dict[str, str], status: int
) -> None:
    """A page of another site is refused, and so is a name that was rebound to this machine."""
    assert session.http.get(path, headers=headers).status_code == status


def test_the_clock_and_secrets_can_be_changed_by_request(session: Session) -> None:
    """`/_local/clock` moves the clock, `/_local/secrets` rotates a secret."""
    assert session.http.post("/_local/clock", json={"advance": 4000}).status_code == 200
    assert session.http.get(LIST).status_code == 401
    rotate = {"client_id": "skc_local", "add": "second", "revoke": "local-secret"}
    assert session.http.post("/_local/secrets", json=rotate).status_code == 200
    assert [session.token(secret=name).status_code for name in ("local-secret", "second")] == [401, 200]
    assert session.http.post("/_local/clock", json={"advance": -1}).status_code == 400
    assert session.http.post("/_local/secrets", json={"client_id": "nobody"}).status_code == 404


def test_faults_can_be_given_at_the_start() -> None:
    """`running(faults=…)`, as the command's `--fault`, starts with faults switched on."""
    with local.running(faults=["token:error=503*1"]) as scalekit:
        form = {"grant_type": "client_credentials", "client_id": "skc_local", "client_secret": "local-secret"}
        assert httpx.post(f"{scalekit.url}/oauth/token", data=form).status_code == 503
