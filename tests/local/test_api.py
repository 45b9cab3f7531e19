"""The documented operations: what they answer and what they refuse."""

from __future__ import annotations

import json
import re

import pytest

from pulumi_scalekit import local
from pulumi_scalekit.local.store import Store

from .conftest import ASANA, BEARER, Session


def info(answer) -> dict:
    """The one ErrorInfo of a gateway error body."""
    (detail,) = answer.json()["details"]
    assert detail["@type"].endswith("scalekit.v1.errdetails.ErrorInfo")
    assert detail["request_info"]["request_id"] == answer.headers["x-request-id"]
    return detail


# --- create -------------------------------------------------------------------------------------------------


def test_create_answers_with_the_whole_provider(session: Session) -> None:
    """Create gives back the payload, unchanged, beside the fields that the server makes."""
    provider = session.create(ASANA, metadata={"team": "x"}, icon_src="https://cdn.example.com/i.svg")
    assert {**ASANA, "metadata": {"team": "x"}}.items() <= provider.items()
    assert re.fullmatch(r"MYASANA:\d{5}", provider["identifier"])
    assert provider["is_custom"] is True
    assert provider["is_custom_mcp"] is False
    assert provider["categories"] == []


def test_duplicates_by_display_name_are_allowed(session: Session) -> None:
    """Two connectors may have the same display name; their identifiers differ."""
    assert session.create()["identifier"] != session.create()["identifier"]


def test_a_name_just_made_can_be_refused(session: Session) -> None:
    """By a setting, a name is a 409 for a while after its first use, or always."""
    session.environment.settings.same_name = "just-made"
    session.create()
    refused = session.http.post("/api/v1/custom-providers", json={**BEARER, "display_name": "my bearer"})
    assert (refused.status_code, info(refused)["error_code"]) == (409, "RESOURCE_ALREADY_EXISTS")
    session.environment.clock.advance(61)
    session.create()
    session.environment.clock.advance(61)
    session.environment.faults.add("create:same-name=refused")
    assert session.http.post("/api/v1/custom-providers", json=BEARER).status_code == 409


def test_the_name_of_a_built_in_connector_is_refused(session: Session) -> None:
    """A name of the catalogue is a 400, also when it is written otherwise."""
    refused = session.http.post("/api/v1/custom-providers", json={**BEARER, "display_name": "git hub"})
    assert (refused.status_code, info(refused)["error_code"]) == (400, "INVALID_ARGUMENT")
    assert session.list() == []


def test_a_create_reads_few_connectors(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A create costs the same however many connectors there are."""
    for number in range(50):
        session.environment.store.create_provider({**BEARER, "display_name": f"Connector {number}"})
    read: list[object] = []

    def counted(store: Store, *query: object) -> list[object]:
        read.extend(found := rows(store, *query))
        return found

    rows = Store._rows
    monkeypatch.setattr(Store, "_rows", counted)
    session.create()
    assert 1 <= len(read) <= 5


def test_the_caller_does_not_choose_what_the_server_makes(session: Session) -> None:
    """An identifier or another server-made field in the payload is ignored."""
    provider = session.create(identifier="MINE:1", id="x", is_custom=False, categories=["a"])
    assert provider["identifier"] != "MINE:1"
    assert (provider["is_custom"], provider["categories"]) == (True, [])


def test_unknown_keys_inside_patterns_survive(session: Session) -> None:
    """Patterns are free-form JSON: keys that nobody declared come back from a list."""
    pattern = {**BEARER["auth_patterns"][0], "future": {"deep": [None, True, "x", {}]}}
    provider = session.create(auth_patterns=[pattern])
    (listed,) = session.list(identifier=provider["identifier"])
    assert listed["auth_patterns"] == [pattern]


def test_numbers_inside_patterns_are_doubles(session: Session) -> None:
    """Numbers of a pattern are kept as doubles: integral ones print plainly, huge ones lose digits."""
    numbers = {"a": 3.0, "b": 3, "c": 1.5, "d": 2**53 + 1}
    provider = session.create(auth_patterns=[{**BEARER["auth_patterns"][0], "numbers": numbers}])
    text = session.http.get("/api/v1/providers", params={"filter.provider_type": "CUSTOM"}).text
    assert '"numbers":{"a":3,"b":3,"c":1.5,"d":9007199254740992}' in text
    assert provider["auth_patterns"][0]["numbers"]["d"] == 2**53


def test_camel_case_names_are_read_too(session: Session) -> None:
    """The gateway takes lowerCamelCase as well as snake_case."""
    payload = {
        "displayName": "Camel",
        "proxyUrl": "https://x.example",
        "authPatterns": BEARER["auth_patterns"],
    }
    answer = session.http.post("/api/v1/custom-providers", json=payload)
    assert answer.json()["provider"]["display_name"] == "Camel"


def test_an_mcp_pattern_makes_an_mcp_connector(session: Session) -> None:
    """`is_custom_mcp` follows `is_mcp` of the pattern."""
    pattern = {"type": "OAUTH", "display_name": "x", "is_mcp": True, "oauth_config": {"pkce_enabled": True}}
    assert session.create(auth_patterns=[pattern])["is_custom_mcp"] is True


def test_a_wrong_definition_lists_every_violation(session: Session) -> None:
    """Validation answers 400 with each broken rule by its path, and stores nothing."""
    wrong = {
        "display_name": "Bad/Name",
        "proxy_url": "http://x",
        "auth_patterns": [{"type": "BASICS", "display_name": "x"}],
    }
    answer = session.http.post("/api/v1/custom-providers", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    detail = info(answer)
    violations = detail["validation_error_info"]["field_violations"]
    assert {v["field"] for v in violations} >= {"display_name", "proxy_url", "auth_patterns[0].type"}
    assert all(v["description"] and v["constraint"] for v in violations)
    assert detail["error_code"] == "INVALID_ARGUMENT"
    assert session.list() == []


def test_advice_is_no_reason_to_refuse(session: Session) -> None:
    """Findings that the API's contract does not hold (an undeclared placeholder, say) are let in."""
    assert session.create(proxy_url="https://{{domain}}/api")["proxy_url"] == "https://{{domain}}/api"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b'{"display_name": 1}',
        b'{"proxy_enabled": "true"}',
        b'{"metadata": {"key": {"nested": "x"}}}',
        b'{"auth_patterns": {}}',
        b'{"auth_patterns": [{"n": NaN}]}',
        b'{"auth_patterns": [{"n": 1e999}]}',
        b'{"description": "\\ud800"}',
        b'{"auth_patterns": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"auth_patterns": ' + b"[" * 150 + b"]" * 150 + b"}",
        b"",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_malformed_body_is_a_clear_400(session: Session, body: bytes) -> None:
    """Whatever a body holds, the answer is a 400 in the gateway's form, and nothing is stored."""
    answer = session.http.post("/api/v1/custom-providers", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert info(answer)["error_code"] == "INVALID_ARGUMENT"
    assert session.list() == []


def test_a_body_beyond_the_limit_is_refused(session: Session) -> None:
    """A request of more than a mebibyte gets a 413, declared or chunked."""
    big = json.dumps({**BEARER, "description": "x" * 2_000_000}).encode()
    assert session.http.post("/api/v1/custom-providers", content=big).status_code == 413
    chunked = (big[at : at + 65536] for at in range(0, len(big), 65536))
    assert session.http.post("/api/v1/custom-providers", content=chunked).status_code == 413
    assert session.list() == []


# --- list ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, {"GitHub", "Attio"}),
        ({"filter.provider_type": "DEFAULT"}, {"GitHub", "Attio"}),
        ({"filter.provider_type": "CUSTOM"}, {"My Bearer"}),
        ({"provider_type": "CUSTOM"}, {"My Bearer"}),
        ({"filter.providerType": "1"}, {"My Bearer"}),
        ({"filter.provider_type": "ALL"}, {"GitHub", "Attio", "My Bearer"}),
    ],
)
def test_list_filters_by_type(session: Session, params: dict[str, str], names: set[str]) -> None:
    """DEFAULT, which is also what no filter means, is the catalogue; CUSTOM what was created."""
    session.create()
    answer = session.http.get("/api/v1/providers", params=params).json()
    assert {provider["display_name"] for provider in answer["providers"]} == names
    assert answer["total_size"] == len(names)


def test_identifier_matches_exactly(session: Session) -> None:
    """`identifier` finds the one connector, and no prefix of it."""
    one, _ = session.create(), session.create()
    assert [found["identifier"] for found in session.list(identifier=one["identifier"])] == [
        one["identifier"]
    ]
    assert session.list(identifier=str(one["identifier"])[:-1]) == []


def test_pages_lead_through_the_whole_list_and_back(session: Session) -> None:
    """`next_page_token` and `prev_page_token` walk over every connector once, in either direction."""
    made = [session.create(display_name=f"Number {n}")["identifier"] for n in range(7)]
    url, params = "/api/v1/providers", {"filter.provider_type": "CUSTOM", "page_size": 3}
    pages, token = [], ""
    while not pages or token:
        pages.append(session.http.get(url, params={**params, "page_token": token}).json())
        token = pages[-1]["next_page_token"]
    assert [[p["identifier"] for p in page["providers"]] for page in pages] == [made[:3], made[3:6], made[6:]]
    assert {page["total_size"] for page in pages} == {7}
    assert pages[0]["prev_page_token"] == ""
    back = session.http.get(url, params={**params, "page_token": pages[2]["prev_page_token"]}).json()
    assert [p["identifier"] for p in back["providers"]] == made[3:6]


def test_a_page_stays_in_place_while_others_write(session: Session) -> None:
    """A token names a position among the connectors, so a delete before it shifts nothing."""
    made = [session.create()["identifier"] for _ in range(4)]
    params = {"filter.provider_type": "CUSTOM", "page_size": 2}
    token = session.http.get("/api/v1/providers", params=params).json()["next_page_token"]
    session.http.delete(f"/api/v1/custom-providers/{made[0]}")
    rest = session.http.get("/api/v1/providers", params={**params, "page_token": token}).json()
    assert [p["identifier"] for p in rest["providers"]] == made[2:]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"filter.provider_type": "MINE"}, "filter.provider_type"),
        ({"page_size": "-1"}, "page_size"),
        ({"page_size": "x"}, "page_size"),
        ({"page_size": "9" * 5000}, "page_size"),
        ({"page_token": "???"}, "page_token"),
        ({"page_token": "YWZ0ZXI6eA"}, "page_token"),
        ({"identifier": "../x"}, "identifier"),
        ({"identifier": "x" * 256}, "identifier"),
    ],
)
def test_wrong_parameters_of_a_list_are_named(session: Session, params: dict[str, str], field: str) -> None:
    """A parameter that breaks its rule is a 400 that names it."""
    answer = session.http.get("/api/v1/providers", params=params)
    assert answer.status_code == 400
    assert [v["field"] for v in info(answer)["validation_error_info"]["field_violations"]] == [field]


# --- update -------------------------------------------------------------------------------------------------

FULL = {**BEARER, "description": "long", "icon_src": "https://x.example/i.svg", "metadata": {"one": "1"}}
REDUCED = {key: BEARER[key] for key in ("display_name", "auth_patterns", "proxy_url")}
SHOWN = ("description", "icon_src", "metadata", "proxy_enabled")
ICON = "https://x.example/i.svg"


@pytest.mark.parametrize(
    ("semantics", "kept"),
    [
        (None, ("long", ICON, {}, False)),
        ("merge-metadata", ("long", ICON, {"one": "1"}, False)),
        ("partial", ("long", ICON, {"one": "1"}, True)),
        ("wiping", ("", "", {}, False)),
        ("keep-empty", ("long", ICON, {"one": "1"}, True)),
    ],
)
def test_what_an_update_leaves_out(session: Session, semantics: str | None, kept: tuple[object, ...]) -> None:
    """Properties left out are kept or reset, property by property as documented unless a setting differs."""
    identifier = session.create(FULL)["identifier"]
    if semantics is not None:
        session.environment.settings.update_semantics = semantics
    answer = session.update(identifier, REDUCED)
    assert answer.status_code == 200
    assert tuple(answer.json()["provider"][key] for key in SHOWN) == kept
    assert session.list() == [answer.json()["provider"]]


@pytest.mark.parametrize(
    ("semantics", "description"), [("documented", "long"), ("partial", ""), ("keep-empty", "long")]
)
def test_an_empty_value_clears_where_it_can_be_told_apart(
    session: Session, semantics: str, description: str
) -> None:
    """An empty string clears a property, unless the server cannot tell it from one left out."""
    identifier = session.create(FULL)["identifier"]
    session.environment.settings.update_semantics = semantics
    answer = session.update(identifier, {**FULL, "description": ""})
    assert answer.json()["provider"]["description"] == description


@pytest.mark.parametrize("missing", ["display_name", "auth_patterns", "proxy_url"])
def test_an_update_needs_the_required_properties(session: Session, missing: str) -> None:
    """By default an update is no patch: what is required must come every time."""
    provider = session.create()
    payload = {key: value for key, value in BEARER.items() if key != missing}
    answer = session.update(provider["identifier"], payload)
    assert (answer.status_code, answer.json()["message"]) == (400, "Validation error")
    assert [v["field"] for v in info(answer)["validation_error_info"]["field_violations"]] == [missing]
    assert session.list() == [provider]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"type": "API_KEY", "fields": [{"field_name": "api_key"}]}, "auth_patterns[0].type"),
        ({"is_mcp": True}, "auth_patterns[0].is_mcp"),
    ],
)
def test_type_and_is_mcp_cannot_be_changed(session: Session, changes: dict, path: str) -> None:
    """A pattern's `type` and `is_mcp` stay as they were created; leaving `is_mcp` out means false."""
    provider = session.create()
    pattern = BEARER["auth_patterns"][0]
    answer = session.update(provider["identifier"], {**BEARER, "auth_patterns": [{**pattern, **changes}]})
    assert answer.status_code == 400
    assert [v["field"] for v in info(answer)["validation_error_info"]["field_violations"]] == [path]
    same = session.update(provider["identifier"], {**BEARER, "auth_patterns": [{**pattern, "is_mcp": False}]})
    assert same.status_code == 200


def test_metadata_and_patterns_are_replaced_whole(session: Session) -> None:
    """Both replace the stored value; nothing is merged, unless a setting says that `metadata` is."""
    identifier = session.create(FULL)["identifier"]
    pattern = {"type": "BEARER", "display_name": "Other", "fields": [{"field_name": "other"}]}
    payload = {**FULL, "metadata": {"two": "2"}, "auth_patterns": [pattern]}
    changed = session.update(identifier, payload).json()["provider"]
    assert (changed["metadata"], changed["auth_patterns"]) == ({"two": "2"}, [pattern])
    session.environment.settings.update_semantics = "merge-metadata"
    merged = session.update(identifier, {**FULL, "metadata": {"three": "3"}}).json()["provider"]
    assert merged["metadata"] == {"two": "2", "three": "3"}


def test_a_rename_keeps_the_identifier(session: Session) -> None:
    """Another display name leaves the identifier as it is."""
    identifier = session.create()["identifier"]
    answer = session.update(identifier, {**BEARER, "display_name": "Other"})
    assert answer.json()["provider"]["identifier"] == identifier


def test_a_refused_update_changes_nothing(session: Session) -> None:
    """An update that breaks a rule is a 400, and the stored definition stays."""
    provider = session.create()
    assert session.update(provider["identifier"], {**BEARER, "proxy_url": "ftp://x"}).status_code == 400
    assert session.list() == [provider]


# --- delete -------------------------------------------------------------------------------------------------


def test_delete_removes_the_connector(session: Session) -> None:
    """A delete answers `{}`; the connector is gone, and the next delete is a 404."""
    path = f"/api/v1/custom-providers/{session.create()['identifier']}"
    answer = session.http.delete(path)
    assert (answer.status_code, answer.json()) == (200, {})
    assert session.list() == []
    assert session.http.delete(path).status_code == 404


def test_an_identifier_may_be_percent_encoded(session: Session) -> None:
    """`MYBEARER%3A12345` in a path is the identifier `MYBEARER:12345`."""
    identifier = str(session.create()["identifier"]).replace(":", "%3A")
    assert session.http.delete(f"/api/v1/custom-providers/{identifier}").status_code == 200


@pytest.mark.parametrize("identifier", ["NOPE:1", "GITHUB", "a%2Fb", "..%2Fproviders", "%00"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_what_is_no_custom_connector_is_not_found(session: Session, method: str, identifier: str) -> None:
    """Unknown identifiers, built-in connectors and hostile paths are a 404 in the gateway's form."""
    answer = session.http.request(method, f"/api/v1/custom-providers/{identifier}", json=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (404, 5)


@pytest.mark.parametrize(
    ("setting", "code", "error_code"),
    [(400, 3, "PROVIDER_HAS_EXISTING_CONNECTIONS"), (409, 10, "ABORTED")],
)
def test_a_connector_in_use_is_kept(session: Session, setting: int, code: int, error_code: str) -> None:
    """A delete is refused while a connection uses the connector, with the code that says so."""
    identifier = session.create()["identifier"]
    session.environment.store.create_connection("support", str(identifier), "BEARER")
    session.environment.settings.in_use_status = setting
    answer = session.http.delete(f"/api/v1/custom-providers/{identifier}")
    assert (answer.status_code, answer.json()["code"], info(answer)["error_code"]) == (
        setting,
        code,
        error_code,
    )
    assert len(session.list()) == 1


# --- tokens and permissions ---------------------------------------------------------------------------------


def test_a_token_is_traded_for_the_secret(session: Session) -> None:
    """The token endpoint answers with a bearer token and its lifetime, and forbids caching."""
    answer = session.token()
    assert answer.json().keys() == {"access_token", "expires_in", "token_type"}
    assert (answer.json()["expires_in"], answer.json()["token_type"]) == (3600, "Bearer")
    assert answer.headers["cache-control"] == "no-store"


def test_the_secret_may_come_in_a_basic_header(session: Session) -> None:
    """RFC 6749 lets clients authenticate by the Basic scheme."""
    del session.http.headers["authorization"]
    form = {"grant_type": "client_credentials"}
    good = session.http.post("/oauth/token", data=form, auth=("skc_local", "local-secret"))
    bad = session.http.post("/oauth/token", data=form, auth=("skc_local", "x"))
    assert (good.status_code, bad.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("skc_local", "wrong"), ("nobody", "local-secret"), ("", ""), ("skc_local", "\u20ac")],
)
def test_a_wrong_secret_is_an_oauth_error(session: Session, client_id: str, secret: str) -> None:
    """Unknown clients and wrong secrets get the same 401 `invalid_client`."""
    answer = session.token(client_id, secret)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": "invalid_client",
        "error_description": "client authentication failed",
    }
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, "invalid_request"),
    ],
)
def test_a_token_request_of_another_form_is_refused(
    session: Session, form: dict[str, object], error: str
) -> None:
    """Only the client-credentials grant is known, and no parameter may be repeated."""
    answer = session.http.post("/oauth/token", data={"x": "y", **form})
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_token_request_must_be_a_form(session: Session) -> None:
    """JSON is not what the token endpoint takes."""
    answer = session.http.post("/oauth/token", json={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Bearer a.b.c", "Basic eDp5"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/providers"),
        ("POST", "/api/v1/custom-providers"),
        ("PUT", "/api/v1/custom-providers/X:1"),
        ("DELETE", "/api/v1/custom-providers/X:1"),
    ],
)
def test_every_operation_wants_a_valid_token(
    session: Session, method: str, path: str, header: str | None
) -> None:
    """Without a token of ours, nothing else is looked at: 401, code 16."""
    del session.http.headers["authorization"]
    headers = {} if header is None else {"authorization": header}
    answer = session.http.request(method, path, headers=headers, content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (401, 16)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_expires(session: Session) -> None:
    """After its lifetime a token is a 401."""
    session.environment.clock.advance(3599)
    assert session.list() == []
    session.environment.clock.advance(2)
    assert session.http.get("/api/v1/providers").status_code == 401


def test_a_tampered_token_is_refused(session: Session) -> None:
    """A token whose claims were changed has no valid signature."""
    head, claims, signature = session.http.headers["authorization"].split(".")
    session.http.headers["authorization"] = f"{head}.{claims[:-2]}AA.{signature}"
    assert session.http.get("/api/v1/providers").status_code == 401


def test_a_secret_can_be_rotated(session: Session) -> None:
    """Old and new secrets work side by side until the old one is revoked."""
    credentials = session.environment.credentials
    credentials.add_secret("skc_local", "new-secret")
    assert (session.token().status_code, session.token(secret="new-secret").status_code) == (200, 200)
    credentials.revoke_secret("skc_local", "local-secret")
    assert (session.token().status_code, session.token(secret="new-secret").status_code) == (401, 200)
    assert session.http.get("/api/v1/providers").status_code == 200
    credentials.add_secret("skc_local", "local-secret")
    credentials.revoke_secret("skc_local", "local-secret", tokens=True)
    assert session.http.get("/api/v1/providers").status_code == 401


@pytest.mark.parametrize(
    ("granted", "method", "path", "missing"),
    [
        ("agent_connectors:read", "POST", "/api/v1/custom-providers", "agent_connectors:write"),
        ("agent_connectors:read", "PUT", "/api/v1/custom-providers/X:1", "agent_connectors:write"),
        ("agent_connectors:read", "DELETE", "/api/v1/custom-providers/X:1", "agent_connectors:write"),
        ("agent_connectors:write", "GET", "/api/v1/providers", "agent_connectors:read"),
    ],
)
def test_a_missing_permission_is_named(
    session: Session, granted: str, method: str, path: str, missing: str
) -> None:
    """A client that may not do something gets a 403 that names the permission."""
    session.environment.credentials.add_client("skc_other", "other", [granted])
    session.sign_in("skc_other", "other")
    answer = session.http.request(method, path, json=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (403, 7)
    assert info(answer)["resource_info"]["required_permissions"] == [missing]


# --- the rest -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/custom-providers/X:1", 405),
        ("POST", "/api/v1/providers/", 404),
        ("PATCH", "/api/v1/custom-providers/X:1", 405),
    ],
)
def test_unknown_paths_and_methods_answer_in_the_same_form(
    session: Session, method: str, path: str, status: int
) -> None:
    """What does not exist is a gateway error too."""
    answer = session.http.request(method, path)
    assert answer.status_code == status
    assert info(answer)["error_code"] in {"NOT_FOUND", "UNIMPLEMENTED"}


def test_environments_are_apart() -> None:
    """Two servers at once are two environments: neither data nor tokens go from one to the other."""
    import httpx

    with local.running() as one, local.running() as two:
        with httpx.Client(base_url=one.url) as http:
            first = Session(http, one.environment, over_socket=True)
            first.sign_in()
            first.create()
            assert httpx.get(f"{two.url}/api/v1/providers", headers=http.headers).status_code == 401
        assert (len(one.store.providers()), len(two.store.providers())) == (1, 0)


def test_the_default_identifier_format_is_what_the_api_allows() -> None:
    """Identifiers match the API's own pattern, also for names of spaces and digits."""
    store = Store()
    for name in ("A", " 1 a ", "x" * 200):
        identifier = store.create_provider({"display_name": name}).identifier
        assert re.fullmatch(r"[a-zA-Z0-9_:-]{1,255}", identifier)
