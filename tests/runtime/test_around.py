"""Connections, connected accounts and magic links over the API."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from pulumi_scalekit.local.authorization_server import AuthorizationServer, OAuthError, challenge_of
from pulumi_scalekit.local.clock import Clock

from .conftest import Runtime, oauth, static

BEARER = {"type": "BEARER", "fields": [{"field_name": "token", "required": True}]}
OAUTH: dict[str, Any] = {
    "type": "OAUTH",
    "oauth_config": {
        "authorize_uri": "https://a.example/a",
        "token_uri": "https://a.example/t",
        "available_scopes": [{"scope": "read"}, {"scope": "write"}],
    },
}


def violations(answer: httpx.Response) -> set[str]:
    """Return the fields that a refusal names."""
    assert answer.status_code == 400, answer.text
    (info,) = answer.json()["details"]
    return {v["field"] for v in info.get("validation_error_info", {}).get("field_violations", [])}


# --- Connections --------------------------------------------------------------------------------------------


def test_a_connection_is_created_read_and_deleted(runtime: Runtime) -> None:
    """A connection names its connector; it can be read by id, listed and deleted, and is then gone."""
    connector = runtime.connector(BEARER)
    made = runtime.connection(connector, "BEARER", "support")
    assert made["id"].startswith("conn_")
    assert (made["key_id"], made["provider_key"], made["type"]) == ("support", connector, "BEARER")
    assert made["enabled"] is True
    path = f"/api/v1/connections/{made['id']}"
    assert runtime.http.get(path).json()["connection"] == made
    (listed,) = runtime.http.get("/api/v1/connections/app").json()["connections"]
    assert (listed["id"], listed["key_id"]) == (made["id"], "support")
    assert runtime.http.delete(path).status_code == 200
    assert [runtime.http.request(verb, path).status_code for verb in ("GET", "DELETE")] == [404, 404]


def test_a_connection_without_a_name_gets_one(runtime: Runtime) -> None:
    """The server makes a name from the connector's."""
    body = {"provider": "CUSTOM", "type": "BEARER", "provider_key": runtime.connector(BEARER)}
    made = runtime.http.post("/api/v1/connections", json=body).json()["connection"]
    assert re.fullmatch(r"under-test-[0-9a-f]{8}", made["key_id"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"provider_key": "NOPE:1"}, "provider_key"),
        ({"type": "OAUTH"}, "type"),
        ({"key_id": "a b"}, "key_id"),
        ({"key_id": 1}, "key_id"),
    ],
)
def test_a_wrong_connection_is_refused(runtime: Runtime, changes: dict[str, object], field: str) -> None:
    """Connector, type and name are checked, and named when wrong."""
    body = {"provider": "CUSTOM", "type": "BEARER", "provider_key": runtime.connector(BEARER), "key_id": "x"}
    assert violations(runtime.http.post("/api/v1/connections", json={**body, **changes})) == {field}


def test_names_of_connections_are_unique(runtime: Runtime) -> None:
    """A second connection of the same name is a 409, since callers find connections by name."""
    connector = runtime.connector(BEARER)
    runtime.connection(connector, "BEARER", "x")
    body = {"provider": "CUSTOM", "type": "BEARER", "provider_key": connector, "key_id": "x"}
    assert runtime.http.post("/api/v1/connections", json=body).status_code == 409


def test_connections_are_filtered_and_paged(runtime: Runtime) -> None:
    """`provider` and `query` narrow the list; pages are of at most 30."""
    one, two = runtime.connector(BEARER), runtime.connector(BEARER)
    for number in range(3):
        runtime.connection(one, "BEARER", f"one-{number}")
    runtime.connection(two, "BEARER", "two-0")

    def names(**params: object) -> list[str]:
        answer = runtime.http.get("/api/v1/connections/app", params=params)
        return [each["key_id"] for each in answer.json()["connections"]]

    assert names(provider=two) == ["two-0"]
    assert names(query="one-1") == ["one-1"]
    first = runtime.http.get("/api/v1/connections/app", params={"page_size": 3}).json()
    assert (first["total_size"], len(first["connections"])) == (4, 3)
    assert names(page_size=3, page_token=first["next_page_token"]) == ["two-0"]
    for params, field in (({"page_size": 31}, "page_size"), ({"query": "on"}, "query")):
        assert violations(runtime.http.get("/api/v1/connections/app", params=params)) == {field}


def test_removing_goes_from_the_account_to_the_connector(runtime: Runtime) -> None:
    """Connector and connection are kept while something uses them; in order, everything goes."""
    connector = runtime.connector(BEARER)
    connection = runtime.connection(connector, "BEARER")
    account = runtime.account(static(token="t"))
    paths = [f"/api/v1/custom-providers/{connector}", f"/api/v1/connections/{connection['id']}"]
    for path, named in zip(paths, ("under-test", "user_1"), strict=True):
        refused = runtime.http.delete(path)
        assert (refused.status_code, refused.json()["code"]) == (400, 9)
        assert named in refused.json()["message"]
    assert runtime.http.post("/api/v1/connected_accounts:delete", json={"id": account["id"]}).json() == {}
    assert [runtime.http.delete(path).status_code for path in reversed(paths)] == [200, 200]


# --- Connected accounts -------------------------------------------------------------------------------------


def test_an_account_shows_no_credential_except_where_asked_for(runtime: Runtime) -> None:
    """Create, list and details leave credentials out; only `/auth` shows them."""
    runtime.connection(runtime.connector(BEARER), "BEARER")
    made = runtime.account(static(token="canary"), {"path_variables": {"v": "1"}})
    assert (made["status"], made["authorization_type"]) == ("ACTIVE", "BEARER_TOKEN")
    assert made["api_config"] == {"path_variables": {"v": "1"}}
    params = {"connector": "under-test", "identifier": "user_1"}
    shown = [
        str(made),
        runtime.http.get("/api/v1/connected_accounts", params=params).text,
        runtime.http.get("/api/v1/connected_accounts/details", params=params).text,
    ]
    assert not any("canary" in text for text in shown)
    assert "canary" in runtime.http.get("/api/v1/connected_accounts/auth", params=params).text


def test_an_identifier_is_taken_once(runtime: Runtime) -> None:
    """A second account of the same identifier is a 409; another connection may have it."""
    connector = runtime.connector(BEARER)
    runtime.connection(connector, "BEARER")
    runtime.connection(connector, "BEARER", "other")
    runtime.account(static(token="t"))
    body = {"connector": "under-test", "identifier": "user_1"}
    assert runtime.http.post("/api/v1/connected_accounts", json=body).status_code == 409
    runtime.account(static(token="t"), connector="other")


@pytest.mark.parametrize(
    ("account", "field"),
    [
        ("x", "connected_account"),
        ({"authorization_details": "x"}, "connected_account.authorization_details"),
        ({"api_config": []}, "connected_account.api_config"),
        (
            {"authorization_details": oauth("t")},
            "connected_account.authorization_details.oauth_token",
        ),
        (
            {"authorization_details": {"static_auth": {"details": "x"}}},
            "connected_account.authorization_details.static_auth.details",
        ),
    ],
)
def test_a_wrong_account_is_refused(runtime: Runtime, account: object, field: str) -> None:
    """Details must be of the form that the connection's auth type needs."""
    runtime.connection(runtime.connector(BEARER), "BEARER")
    body = {"connector": "under-test", "identifier": "u", "connected_account": account}
    assert violations(runtime.http.post("/api/v1/connected_accounts", json=body)) == {field}


@pytest.mark.parametrize(
    "body", [{"connector": "nope", "identifier": "u"}, {"identifier": "u"}, {"id": "ca_1"}]
)
@pytest.mark.parametrize("path", ["connected_accounts:delete", "connected_accounts/magic_link"])
def test_an_unknown_account_is_not_found(runtime: Runtime, path: str, body: dict[str, str]) -> None:
    """What does not exist is a 404."""
    assert runtime.http.post(f"/api/v1/{path}", json=body).status_code == 404


def test_accounts_are_filtered(runtime: Runtime) -> None:
    """By connection, by several connections, by identifier and by connector."""
    connector = runtime.connector(BEARER)
    for name in ("under-test", "other"):
        runtime.connection(connector, "BEARER", name)
        for identifier in ("user_1", "user_2"):
            runtime.account(static(token="t"), connector=name, identifier=identifier)

    def found(**params: object) -> int:
        answer = runtime.http.get("/api/v1/connected_accounts", params=params)
        return len(answer.json()["connected_accounts"])

    assert found() == 4
    assert found(connector="other") == 2
    assert found(connection_names=["other", "under-test"], identifier="user_1") == 2
    assert found(provider=connector) == 4
    assert found(provider="NOPE:1") == 0


def test_an_account_can_be_updated(runtime: Runtime) -> None:
    """New details are injected from the next call on; what is left out stays."""
    runtime.set_up(BEARER, static(token="old"), {"path_variables": {"kept": "1"}})
    body = {
        "connector": "under-test",
        "identifier": "user_1",
        "connected_account": {"authorization_details": static(token="new")},
    }
    answer = runtime.http.put("/api/v1/connected_accounts", json=body).json()["connected_account"]
    assert answer["api_config"] == {"path_variables": {"kept": "1"}}
    runtime.call("/x")
    assert runtime.upstream.last.header("authorization") == ["Bearer new"]


# --- OAuth by magic link ------------------------------------------------------------------------------------


def magic_link(runtime: Runtime, **more: str) -> str:
    """Ask for the link of the account `user_1`."""
    body = {"connector": "under-test", "identifier": "user_1", **more}
    answer = runtime.http.post("/api/v1/connected_accounts/magic_link", json=body).json()
    assert answer["expiry"].endswith("Z")
    return answer["link"]


def authorize(runtime: Runtime, link: str) -> str:
    """Press Connect, and return the address of the authorization server's page."""
    answer = runtime.anonymous.post(link)
    assert answer.status_code == 303
    return runtime.scalekit.url + answer.headers["location"]


def test_the_authorization_request_is_as_the_standards_say(runtime: Runtime) -> None:
    """Code grant with state, the declared scopes and an S256 challenge; without PKCE where switched off."""
    runtime.connection(runtime.connector(OAUTH), "OAUTH")
    query = parse_qs(urlsplit(authorize(runtime, magic_link(runtime))).query)
    assert query["response_type"] == ["code"]
    assert query["scope"] == ["read write"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    config = {**OAUTH["oauth_config"], "pkce_enabled": False, "custom_scope_name": "user_scope"}
    runtime.connection(runtime.connector({**OAUTH, "oauth_config": config}), "OAUTH", "plain")
    address = authorize(runtime, magic_link(runtime, connector="plain"))
    plain = parse_qs(urlsplit(address).query)
    assert "code_challenge" not in plain
    assert plain["user_scope"] == ["read write"]
    assert "<code>write</code>" in runtime.anonymous.get(address).text


def test_the_whole_flow_ends_with_a_token(runtime: Runtime) -> None:
    """Allow leads over the callback to an ACTIVE account; the callback works once."""
    runtime.connection(runtime.connector(OAUTH), "OAUTH")
    page = authorize(runtime, magic_link(runtime))
    back = runtime.anonymous.post(page, data={"decision": "allow"}).headers["location"]
    assert runtime.anonymous.get(back).headers["location"] == "/magicLink/done"
    assert runtime.call("/x").status_code == 200
    assert runtime.anonymous.get(back).status_code == 400
    secrets = (page, back, "code_challenge", "state=")
    assert not any(secret in request.path for request in runtime.scalekit.requests for secret in secrets)
    assert "/magicLink/****" in {request.path for request in runtime.scalekit.requests}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"redirect_uri": "https://evil.example/callback"}, 400),
        ({"client_id": "conn_1"}, 400),
        ({"response_type": "token"}, 400),
        ({"code_challenge_method": "plain"}, 400),
    ],
)
def test_a_wrong_authorization_request_leads_nowhere(
    runtime: Runtime, changes: dict[str, str], status: int
) -> None:
    """Nothing is granted, and nobody is redirected, to an address that is not the client's."""
    runtime.connection(runtime.connector(OAUTH), "OAUTH")
    page = httpx.URL(authorize(runtime, magic_link(runtime)))
    for verb in ("GET", "POST"):
        answer = runtime.anonymous.request(verb, page.copy_merge_params(changes), data={"decision": "allow"})
        assert answer.status_code == status
        assert "location" not in answer.headers


@pytest.mark.parametrize("query", ["", "state=x&code=y", "code=y"])
def test_a_callback_without_a_state_of_ours_is_refused(runtime: Runtime, query: str) -> None:
    """A callback that nobody asked for changes nothing."""
    connection = runtime.connection(runtime.connector(OAUTH), "OAUTH")
    answer = runtime.anonymous.get(f"{runtime.scalekit.url}/sso/v1/oauth/{connection['id']}/callback?{query}")
    assert answer.status_code == 400


def test_a_link_expires(runtime: Runtime) -> None:
    """After its time a link is a 404 page."""
    runtime.connection(runtime.connector(OAUTH), "OAUTH")
    link = magic_link(runtime)
    assert runtime.anonymous.get(link).status_code == 200
    runtime.scalekit.clock.advance(601)
    assert [runtime.anonymous.get(link).status_code, runtime.anonymous.post(link).status_code] == [404, 404]


def test_required_fields_must_be_filled(runtime: Runtime) -> None:
    """A form without a required value comes back and says which."""
    runtime.connection(runtime.connector(BEARER), "BEARER")
    link = magic_link(runtime)
    answer = runtime.anonymous.post(link, data={"token": ""})
    assert answer.status_code == 400
    assert "Fill in: token." in answer.text
    assert runtime.anonymous.post(link, data={"token": "t", "other": "x"}).status_code == 303
    assert runtime.call("/x").status_code == 200
    assert runtime.upstream.last.header("authorization") == ["Bearer t"]


def test_account_fields_fill_the_template_of_an_oauth_connector(runtime: Runtime) -> None:
    """What the person enters goes to `api_config.path_variables`, and from there into the URL."""
    pattern = {**OAUTH, "account_fields": [{"field_name": "domain", "is_path_param": True, "required": True}]}
    runtime.connection(runtime.connector(pattern, proxy_url="https://{{domain}}/api"), "OAUTH")
    answer = runtime.anonymous.post(magic_link(runtime), data={"domain": "acme.example"})
    back = runtime.anonymous.post(
        runtime.scalekit.url + answer.headers["location"], data={"decision": "allow"}
    )
    runtime.anonymous.get(back.headers["location"])
    assert runtime.call("/x").status_code == 200
    assert runtime.upstream.last.header("host") == ["acme.example"]


def test_a_verify_url_adds_a_step(runtime: Runtime) -> None:
    """With `user_verify_url` the account waits until the application has confirmed the person."""
    runtime.connection(runtime.connector(BEARER), "BEARER")
    link = magic_link(runtime, user_verify_url="https://app.example/verify?a=b", state="s1")
    page = runtime.anonymous.post(link, data={"token": "t"}).text
    assert runtime.call("/x").status_code == 400
    found = re.search(r"https://app\.example/verify\?a=b&amp;auth_request_id=([\w-]+)&amp;state=s1", page)
    assert found
    path = "/api/v1/connected_accounts/user/verify"
    wrong = runtime.http.post(path, json={"auth_request_id": "x", "identifier": "user_1"})
    right = runtime.http.post(path, json={"auth_request_id": found[1], "identifier": "user_1"})
    assert [wrong.status_code, right.status_code] == [400, 200]
    assert runtime.call("/x").status_code == 200


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x", "x"])
def test_a_verify_url_must_be_http(runtime: Runtime, url: str) -> None:
    """The page never links to a script."""
    runtime.connection(runtime.connector(BEARER), "BEARER")
    body = {"connector": "under-test", "identifier": "u", "user_verify_url": url}
    answer = runtime.http.post("/api/v1/connected_accounts/magic_link", json=body)
    assert violations(answer) == {"user_verify_url"}


def test_labels_and_hints_are_text(runtime: Runtime) -> None:
    """Markup in a definition is shown, not run."""
    evil = "<script>alert(1)</script>"
    spec = {"field_name": '"><script>', "label": evil, "hint": evil, "input_type": "select"}
    spec["options"] = [{"value": evil, "display_name": evil}]
    pattern = {"type": "BEARER", "description": evil, "fields": [{"field_name": "token"}, spec]}
    runtime.connection(runtime.connector(pattern), "BEARER")
    text = runtime.anonymous.get(magic_link(runtime, identifier=evil)).text
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 5


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"redirect_uri": "https://evil.example"},
        {"verifier": "wrong"},
        {"verifier": None},
        {"code": "other"},
        {"later": 61},
    ],
)
def test_a_code_is_good_for_its_own_request_only(changes: dict[str, Any]) -> None:
    """Client, redirect URI, verifier and time must be right (RFC 6749 4.1.3, RFC 7636 4.6)."""
    clock = Clock()
    server = AuthorizationServer(clock)
    right = {"client_id": "c", "redirect_uri": "https://c.example", "verifier": "v" * 43}
    code = server.grant("c", "https://c.example", ("read",), challenge_of("v" * 43))
    clock.advance(changes.pop("later", 0))
    with pytest.raises(OAuthError, match="invalid_grant"):
        server.redeem(**{"code": code, **right, **changes})


def test_a_code_works_once() -> None:
    """The second use of a code is refused; a challenge follows RFC 7636's own example."""
    server = AuthorizationServer(Clock())
    code = server.grant("c", "https://c.example", (), None)
    server.redeem(code, client_id="c", redirect_uri="https://c.example", verifier=None)
    with pytest.raises(OAuthError):
        server.redeem(code, client_id="c", redirect_uri="https://c.example", verifier=None)
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
