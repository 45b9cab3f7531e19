"""Connections, connected accounts and magic links over the API."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from pulumi_scalekit.local.authorization_server import AuthorizationServer, OAuthError, challenge_of
from pulumi_scalekit.local.clock import Clock
from pulumi_scalekit.local.credentials import PERMISSIONS

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
        ({"key_id": "a/b"}, "key_id"),
        ({"key_id": "x" * 301}, "key_id"),
        ({"auth_mode": "SOME"}, "auth_mode"),
        ({"context": {"region": "eu"}}, "context.region"),
        ({"key_id": 1}, "key_id"),
    ],
)
def test_a_wrong_connection_is_refused(runtime: Runtime, changes: dict[str, object], field: str) -> None:
    """Connector, type and name are checked, and named when wrong."""
    body = {"provider": "CUSTOM", "type": "BEARER", "provider_key": runtime.connector(BEARER), "key_id": "x"}
    assert violations(runtime.http.post("/api/v1/connections", json={**body, **changes})) == {field}


@pytest.mark.parametrize(
    ("name", "code"), [("x", "DUPLICATE_IDENTIFIER"), ("Scalekit", "RESTRICTED_CONNECTION_NAME")]
)
def test_names_of_connections_are_unique_and_not_reserved(runtime: Runtime, name: str, code: str) -> None:
    """A taken or reserved name is a 400 with a code of its own, since callers find connections by name."""
    connector = runtime.connector(BEARER)
    runtime.connection(connector, "BEARER", "x")
    body = {"provider": "CUSTOM", "type": "BEARER", "provider_key": connector, "key_id": name}
    refused = runtime.http.post("/api/v1/connections", json=body)
    assert (refused.status_code, refused.json()["details"][0]["error_code"]) == (400, code)


def test_only_an_app_connection_can_have_accounts(runtime: Runtime) -> None:
    """Without `flags.is_app` a connection is in no list, and an account of it is a 403."""
    body = {"provider": "CUSTOM", "type": "BEARER", "provider_key": runtime.connector(BEARER), "key_id": "x"}
    made = runtime.http.post("/api/v1/connections", json=body).json()["connection"]
    assert made["mcp_server_url"] == ""
    assert runtime.http.get("/api/v1/connections/app").json()["connections"] == []
    account = {"connector": "x", "identifier": "user_1", "connected_account": {}}
    assert runtime.http.post("/api/v1/connected_accounts", json=account).status_code == 403
    assert runtime.http.post("/api/v1/connected_accounts/magic_link", json=account).status_code == 403


def test_an_oauth_connection_is_a_draft_until_it_has_an_application(runtime: Runtime) -> None:
    """The redirect URI is there from the start; client id and secret complete it, and the secret is masked."""
    made = runtime.connection(runtime.connector(OAUTH), "OAUTH")
    config = made["oauth_config"]
    assert made["status"] == "DRAFT"
    assert config["redirect_uri"] == f"{runtime.scalekit.url}/sso/v1/oauth/{made['id']}/callback"
    assert config["token_uri"] == "https://a.example/t"
    page = runtime.anonymous.post(magic_link(runtime))
    assert (page.status_code, "no OAuth application yet" in page.text) == (400, True)
    complete = runtime.oauth_app(made, scopes=["read"], prompt="consent")
    assert complete["status"] == "COMPLETED"
    assert "app-secret" not in str(complete)
    query = parse_qs(urlsplit(authorize(runtime, magic_link(runtime))).query)
    assert (query["client_id"], query["scope"], query["prompt"]) == (["app"], ["read"], ["consent"])


def test_an_mcp_connection_registers_itself(runtime: Runtime) -> None:
    """Over MCP, Dynamic Client Registration completes an OAUTH connection."""
    pattern = {"type": "OAUTH", "is_mcp": True, "oauth_config": {"pkce_enabled": True}}
    made = runtime.connection(runtime.connector(pattern), "OAUTH", "tools")
    assert (made["status"], bool(made["oauth_config"]["client_id"])) == ("COMPLETED", True)
    assert made["mcp_server_url"] == f"{runtime.scalekit.url}/mcp/v3/connections/tools"


def test_settings_that_are_left_out_stay(runtime: Runtime) -> None:
    """An update keeps what it does not name, and a masked secret that is sent back keeps the stored one."""
    made = runtime.connection(runtime.connector(OAUTH), "OAUTH")
    before = runtime.oauth_app(made, scopes=["read", "write"], pkce_enabled=False)
    same = runtime.oauth_app(made, **before["oauth_config"])
    assert same["oauth_config"] == before["oauth_config"]
    connection = runtime.scalekit.store.get_connection(connection_id=made["id"])
    assert connection.settings["oauth_config"]["client_secret"] == "app-secret"
    changed = runtime.oauth_app({**made, "key_id": "renamed"}, client_secret="rotated", scopes=["read"])
    assert (changed["key_id"], changed["oauth_config"]["pkce_enabled"]) == ("renamed", False)
    connection = runtime.scalekit.store.get_connection(connection_id=made["id"])
    assert connection.settings["oauth_config"]["client_secret"] == "rotated"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key_id": ""}, "key_id"),
        ({"type": None}, "type"),
        ({"provider_key": None}, "provider_key"),
        ({"provider_key": "OTHER:1"}, "provider_key"),
        ({"type": "BEARER"}, "type"),
        ({"static_config": {}}, "static_config"),
        ({"oauth_config": {"scopes": "read"}}, "oauth_config.scopes"),
        ({"oauth_config": {"pkce_enabled": "yes"}}, "oauth_config.pkce_enabled"),
        (
            {"oauth_config": {"token_endpoint_auth_method": "x"}},
            "oauth_config.token_endpoint_auth_method",
        ),
        (
            {"oauth_config": {"required_scopes": ["a"], "scope_selection_allowed": True}},
            "oauth_config.required_scopes",
        ),
    ],
)
def test_a_wrong_update_of_a_connection_is_refused(
    runtime: Runtime, changes: dict[str, object], field: str
) -> None:
    """Name, connector and type are required each time, and settings must be of the connection's kind."""
    made = runtime.connection(runtime.connector(OAUTH), "OAUTH")
    body = {key: made[key] for key in ("key_id", "provider_key", "type")}
    answer = runtime.http.patch(f"/api/v1/connections/{made['id']}", json={**body, **changes})
    assert violations(answer) == {field}
    assert runtime.http.get(f"/api/v1/connections/{made['id']}").json()["connection"] == made


def test_an_update_needs_a_connection(runtime: Runtime) -> None:
    """An unknown connection is a 404, and so is an unknown verb."""
    made = runtime.connection(runtime.connector(BEARER), "BEARER")
    body = {key: made[key] for key in ("key_id", "provider_key", "type")}
    paths = ("conn_1", "conn_1:enable", f"{made['id']}:explode")
    answers = [runtime.http.patch(f"/api/v1/connections/{path}", json=body) for path in paths]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_a_disabled_connection_takes_no_calls(runtime: Runtime) -> None:
    """`:disable` and `:enable` switch a connection, and calls through it."""
    runtime.set_up(BEARER, static(token="t"))
    (listed,) = runtime.http.get("/api/v1/connections/app").json()["connections"]
    path = f"/api/v1/connections/{listed['id']}"
    assert runtime.http.patch(f"{path}:disable").json() == {"enabled": False}
    assert runtime.call("/x").json()["code"] == "FAILED_PRECONDITION"
    assert runtime.http.patch(f"{path}:enable").json() == {"enabled": True}
    assert runtime.call("/x").status_code == 200


def test_context_fills_the_template_for_the_whole_connection(runtime: Runtime) -> None:
    """The URL is resolved once, at the creation; later changes of the connector do not change it."""
    connector = runtime.connector(BEARER, proxy_url="https://{{domain}}/{{version}}")
    context = {"domain": "eu.example", "version": "v1"}
    made = runtime.connection(connector, "BEARER", context=context)
    assert made["resolved_proxy_url"] == "https://eu.example/v1"
    runtime.account(static(token="t"))
    assert runtime.call("/x").status_code == 200
    assert (runtime.upstream.last.target, runtime.upstream.last.header("host")) == ("/v1/x", ["eu.example"])
    plain = runtime.connection(runtime.connector(BEARER), "BEARER", "plain", context=context)
    assert plain["resolved_proxy_url"] == ""


def test_lists_of_connections_can_be_late(runtime: Runtime) -> None:
    """`stale` hides a new connection, and shows a deleted one, for as many lists as it says."""
    connector = runtime.connector(BEARER)
    made = runtime.connection(connector, "BEARER")
    runtime.scalekit.faults.add("connection-list:stale=2")

    def names() -> list[str]:
        answer = runtime.http.get("/api/v1/connections/app").json()
        return [each["key_id"] for each in answer["connections"]]

    assert [names(), names(), names()] == [[], [], ["under-test"]]
    runtime.http.delete(f"/api/v1/connections/{made['id']}")
    assert [names(), names(), names()] == [["under-test"], ["under-test"], []]


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
    refusals = [runtime.http.delete(path) for path in paths]
    assert [refused.status_code for refused in refusals] == [400, 400]
    assert refusals[0].json()["details"][0]["error_code"] == "PROVIDER_HAS_EXISTING_CONNECTIONS"
    assert "user_1" in refusals[1].json()["message"]
    assert runtime.http.post("/api/v1/connected_accounts:delete", json={"id": account["id"]}).json() == {}
    assert [runtime.http.delete(path).status_code for path in reversed(paths)] == [200, 200]


# --- Connected accounts -------------------------------------------------------------------------------------


def test_an_account_shows_no_credential_except_where_asked_for(runtime: Runtime) -> None:
    """Lists and details leave credentials out; `/auth` and the response to a write show them."""
    runtime.connection(runtime.connector(BEARER), "BEARER")
    made = runtime.account(static(token="canary"), {"path_variables": {"v": "1"}})
    assert (made["status"], made["authorization_type"]) == ("ACTIVE", "BEARER_TOKEN")
    assert made["api_config"] == {"path_variables": {"v": "1"}}
    params = {"connector": "under-test", "identifier": "user_1"}
    assert made["authorization_details"] == static(token="canary")
    shown = [
        runtime.http.get(f"/api/v1/connected_accounts/{made['id']}").text,
        runtime.http.get("/api/v1/connected_accounts", params=params).text,
        runtime.http.get("/api/v1/connected_accounts/details", params=params).text,
    ]
    assert not any("canary" in text for text in shown)
    assert "canary" in runtime.http.get("/api/v1/connected_accounts/auth", params=params).text


def test_an_identifier_is_taken_once(runtime: Runtime) -> None:
    """A second account of the same identifier is a 400, or a 409 by a setting; another connection may have it."""
    connector = runtime.connector(BEARER)
    runtime.connection(connector, "BEARER")
    runtime.connection(connector, "BEARER", "other")
    runtime.account(static(token="t"))
    body = {"connector": "under-test", "identifier": "user_1", "connected_account": {}}
    for status in (400, 409):
        runtime.scalekit.settings.existing_account_status = status
        refused = runtime.http.post("/api/v1/connected_accounts", json=body)
        assert refused.status_code == status
        assert refused.json()["details"][0]["error_code"] == "RESOURCE_ALREADY_EXISTS"
    runtime.account(static(token="t"), connector="other")


@pytest.mark.parametrize(
    ("account", "field"),
    [
        ("x", "connected_account"),
        (None, "connected_account"),
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


def test_an_account_of_an_empty_token_waits_for_its_authorization(runtime: Runtime) -> None:
    """`{"oauth_token": {}}` is the documented body for an account that is still to be authorized."""
    runtime.oauth_app(runtime.connection(runtime.connector(OAUTH), "OAUTH"))
    assert runtime.account({"oauth_token": {}})["status"] == "PENDING_AUTH"
    assert runtime.account(oauth("t"), identifier="user_2")["status"] == "ACTIVE"


def test_an_empty_token_is_nothing_for_a_static_type(runtime: Runtime) -> None:
    """The Node SDK sends one for every type where it was given no credential: the account waits."""
    runtime.connection(runtime.connector(BEARER), "BEARER")
    made = runtime.account({"oauth_token": {}})
    assert (made["status"], made["authorization_details"]) == ("PENDING_AUTH", {})


def test_an_account_is_disconnected(runtime: Runtime) -> None:
    """`:disconnect` forgets the credentials, and calls are refused from then on."""
    runtime.set_up(BEARER, static(token="t"))
    account = runtime.http.get("/api/v1/connected_accounts").json()["connected_accounts"][0]
    path = f"/api/v1/connected_accounts/{account['id']}"
    assert runtime.http.post(f"{path}:disconnect").json()["connected_account"]["status"] == "DISCONNECTED"
    assert runtime.call("/x").status_code == 400
    assert runtime.http.post(f"{path}:explode").status_code == 404


def test_accounts_are_searched(runtime: Runtime) -> None:
    """`:search` finds a part of the identifier or the connection's name, in one connection or in all."""
    connector = runtime.connector(BEARER)
    for name in ("north", "south"):
        made = runtime.connection(connector, "BEARER", name)
        runtime.account(static(token="t"), connector=name, identifier=f"ann@{name}.example")

    def found(**params: object) -> list[str]:
        answer = runtime.http.get("/api/v1/connected_accounts:search", params=params)
        return [each["identifier"] for each in answer.json()["connected_accounts"]]

    assert found(query="ANN") == ["ann@north.example", "ann@south.example"]
    assert found(query="ann", connection_id=made["id"]) == ["ann@south.example"]
    assert found(query="nobody") == []


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("", {"page_size": 100}, "page_size"),
        ("", {"connection_names": [f"n{number}" for number in range(21)]}, "connection_names"),
        ("", {"connection_names": ["a"], "connector": "b"}, "connection_names"),
        ("", {"is_org_wide_credential": "maybe"}, "is_org_wide_credential"),
        (":search", {"query": "an"}, "query"),
        (":search", {"query": "ann", "page_size": 31}, "page_size"),
    ],
)
def test_lists_of_accounts_have_bounds(
    runtime: Runtime, path: str, params: dict[str, object], field: str
) -> None:
    """What the SDK's contract does not allow is a 400."""
    answer = runtime.http.get(f"/api/v1/connected_accounts{path}", params=params)
    assert violations(answer) == {field}


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("POST", "connections", "sso:write"),
        ("GET", "connections/app", "agent_connectors:read"),
        ("GET", "connections/conn_1", "sso:read"),
        ("PATCH", "connections/conn_1", "sso:write"),
        ("DELETE", "connections/conn_1", "sso:write"),
        ("POST", "connected_accounts", "connected_accounts:write"),
        ("GET", "connected_accounts", "connected_accounts:read"),
        ("GET", "connected_accounts:search", "connected_accounts:read"),
        ("GET", "connected_accounts/auth", "connected_accounts:access"),
        ("PUT", "connected_accounts", "connected_accounts:write"),
        ("POST", "connected_accounts:delete", "connected_accounts:revoke"),
        ("POST", "connected_accounts/magic_link", "connected_accounts:write"),
    ],
)
def test_permissions_are_per_noun(runtime: Runtime, method: str, path: str, permission: str) -> None:
    """A client without the permission gets a 403 that names it, and nothing else."""
    credentials = runtime.scalekit.credentials
    credentials.add_client("skc_less", "less", set(PERMISSIONS) - {permission})
    form = {"grant_type": "client_credentials", "client_id": "skc_less", "client_secret": "less"}
    token = runtime.anonymous.post("/oauth/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    refused = runtime.anonymous.request(method, f"/api/v1/{path}", headers=headers)
    assert refused.status_code == 403
    assert refused.json()["details"][0]["resource_info"]["required_permissions"] == [permission]


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
    """New credentials replace the old ones from the next call on; the configuration is merged."""
    runtime.set_up(BEARER, static(token="old"), {"path_variables": {"kept": "1"}})
    body = {
        "connector": "under-test",
        "identifier": "user_1",
        "connected_account": {"authorization_details": static(token="new"), "api_config": {"more": "2"}},
    }
    answer = runtime.http.put("/api/v1/connected_accounts", json=body).json()["connected_account"]
    assert answer["api_config"] == {"path_variables": {"kept": "1"}, "more": "2"}
    assert answer["authorization_details"] == static(token="new")
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
    runtime.oauth_app(runtime.connection(runtime.connector(OAUTH), "OAUTH"))
    query = parse_qs(urlsplit(authorize(runtime, magic_link(runtime))).query)
    assert query["response_type"] == ["code"]
    assert query["scope"] == ["read write"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    config = {**OAUTH["oauth_config"], "pkce_enabled": False, "custom_scope_name": "user_scope"}
    plain = runtime.connection(runtime.connector({**OAUTH, "oauth_config": config}), "OAUTH", "plain")
    runtime.oauth_app(plain)
    address = authorize(runtime, magic_link(runtime, connector="plain"))
    plain = parse_qs(urlsplit(address).query)
    assert "code_challenge" not in plain
    assert plain["user_scope"] == ["read write"]
    assert "<code>write</code>" in runtime.anonymous.get(address).text


def test_the_whole_flow_ends_with_a_token(runtime: Runtime) -> None:
    """Allow leads over the callback to an ACTIVE account; the callback works once."""
    runtime.oauth_app(runtime.connection(runtime.connector(OAUTH), "OAUTH"))
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
    runtime.oauth_app(runtime.connection(runtime.connector(OAUTH), "OAUTH"))
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
    made = runtime.connection(runtime.connector(pattern, proxy_url="https://{{domain}}/api"), "OAUTH")
    runtime.oauth_app(made)
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
    tries = [("x", "user_1"), (found[1], "user_2"), (found[1], "user_1"), (found[1], "user_1")]
    answers = [
        runtime.http.post(path, json={"auth_request_id": request, "identifier": identifier})
        for request, identifier in tries
    ]
    assert [answer.status_code for answer in answers] == [404, 403, 200, 404]
    assert runtime.call("/x").status_code == 200


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x", "x", "http://["])
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
