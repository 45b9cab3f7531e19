"""Credentials that are not what an account holder types in once: issued by calls, by OAuth servers, or signed."""

from __future__ import annotations

from typing import Any

import pytest

from .documents import BASIC, BEARER, JWT, KEY, Document, code_flow, key_in, openapi
from .test_openapi import made, pattern, texts


def returns(*names: str) -> Document:
    """The responses of an operation that returns an object."""
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    return {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}}


def takes(*names: str) -> Document:
    """A request body with fields."""
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    return {"content": {"application/json": {"schema": schema}}}


def document(path: str, operation: dict[str, Any], scheme: Document = BEARER, **more: Any) -> Document:
    """A document whose calls take a scheme, and that has one operation besides."""
    paths = {"/notes": {"get": {"security": [{"a": []}]}}, path: {"post": operation}}
    return openapi({"a": scheme, "b": BASIC}, paths=paths, **more)


ISSUED: dict[str, Document] = {
    "a login": document("/login", {"responses": returns("access_token")}),
    "a login under a version": document("/v2/auth/", {"responses": returns("jwt_token")}, JWT),
    "a token endpoint": document(
        "/realms/{realm}/protocol/openid-connect/token",
        {"security": [], "responses": returns("access_token")},
    ),
    "a token endpoint that takes a password": document(
        "/tokens", {"security": [{"b": []}], "responses": returns("token")}
    ),
    "a login below the root's security": document(
        "/auth/sign-in",
        {"requestBody": takes("email", "password"), "responses": returns("data", "token")},
        security=[{"a": []}],
    ),
    "a token endpoint without a schema": document("/oauth2/token", {"requestBody": takes("grant_type")}),
    "a login that returns something under another name": document(
        "/user/login", {"requestBody": takes("username", "password"), "responses": returns("user", "auth")}
    ),
    "a login with a secret": document("/accessKeyLogin", {"requestBody": takes("accessKey", "accessSecret")}),
    "a call that its summary calls so": document(
        "/servers", {"summary": "Generate Token", "security": [], "responses": returns("token")}
    ),
    "a call that its summary calls so, with a secret": document(
        "/connect", {"summary": "Get an access token", "requestBody": takes("accessKey", "secretKey")}
    ),
    "a login that has examples only": document(
        "/login", {"requestBody": {"content": {"a": {"example": {"email": "x", "password": "y"}}}}}
    ),
    "a login whose schema has an example only": document(
        "/login",
        {"requestBody": {"content": {"a": {"schema": {"type": "object", "example": {"password": "y"}}}}}},
    ),
    "a key that is a session": document(
        "/sessions", {"responses": returns("sessionToken", "token")}, key_in("X-Acme-Auth")
    ),
    "a token that has the name of a key, beside a refresh token": document(
        "/token",
        {"security": [{"b": []}], "responses": returns("AcmeApiToken", "RefreshToken")},
        key_in("AcmeApiToken"),
    ),
    "a login that takes a key, below the root's security": document(
        "/login", {"requestBody": takes("apikey", "pin"), "responses": returns("token")}, security=[{"a": []}]
    ),
    "a key that is called a token, and that a login returns for a password": document(
        "/auth",
        {"requestBody": takes("email", "password"), "responses": returns("token")},
        key_in("X-Acme-Token"),
    ),
    "a nested token": document(
        "/login",
        {
            "responses": {
                "200": {
                    "content": {
                        "application/json": {
                            "schema": {"properties": {"data": {"properties": {"token": {}}}}}
                        }
                    }
                }
            }
        },
    ),
}


@pytest.mark.parametrize("name", ISSUED)
def test_a_document_that_issues_its_tokens(name: str) -> None:
    """Where a call of the document returns the credential, that it expires is missing; --auth settles it."""
    result = made(ISSUED[name])
    assert "issues tokens" in texts(result, "missing")
    assert made(ISSUED[name], auth=pattern(result)["type"]).missing == []


LASTING: dict[str, Document] = {
    "is made in the settings": document(
        "/login",
        {"responses": returns("token")},
        {**BEARER, "description": "Make a token in your settings."},
    ),
    "is a key": document("/login", {"responses": returns("token")}, key_in("X-API-Key")),
    "is a JWT that somebody makes": document(
        "/login", {"responses": {}}, {**JWT, "description": "Issued in the console; it expires after a year."}
    ),
}


@pytest.mark.parametrize("name", LASTING)
def test_a_token_that_somebody_makes(name: str) -> None:
    """A credential that is called a key, or a thing that somebody makes, is not doubted."""
    assert made(LASTING[name]).missing == []


NOT_ISSUING: dict[str, Document] = {
    "names a scheme that is not declared": document(
        "/access_tokens", {"security": [{"bearer": []}], "responses": returns("token")}
    ),
    "makes further tokens": document("/tokens", {"security": [{"a": []}], "responses": returns("token")}),
    "is a tokens' list that takes a key": document("/tokens", {"requestBody": takes("api_key")}),
    "returns another token than an API token": document(
        "/login", {"requestBody": takes("password"), "responses": returns("token")}, key_in("X-API-Token")
    ),
    "is of another kind": document("/login", {"responses": returns("user", "redirect")}),
    "makes a thing of that name": document(
        "/assets", {"summary": "Create a token", "security": [{"a": []}], "responses": returns("token")}
    ),
    "is for one thing": document("/link_tokens/{id}", {"responses": returns("token")}),
    "has no security anywhere": openapi(
        {"a": BEARER}, paths={"/databases/{id}/auth/tokens": {"post": {"responses": returns("token")}}}
    ),
}


@pytest.mark.parametrize("name", NOT_ISSUING)
def test_a_call_that_issues_something_else(name: str) -> None:
    """A call that needs the token itself, or returns another thing, is not said to issue it."""
    assert "issues tokens" not in texts(made(NOT_ISSUING[name]), "missing")


def test_schemas_that_contain_themselves() -> None:
    """A login whose response refers to itself is read once."""
    looped = document(
        "/login",
        {"responses": {"200": {"content": {"a": {"schema": {"$ref": "#/components/schemas/User"}}}}}},
    )
    user = {"properties": {"friend": {"$ref": "#/components/schemas/User"}, "token": {}}}
    looped["components"]["schemas"] = {"User": user}
    assert "issues tokens" in texts(made(looped), "missing")


@pytest.mark.parametrize(
    "scheme",
    [
        {**BEARER, "description": "An OAuth 2.0 access token."},
        key_in("Authorization", "OAuth2 bearer token of the user"),
        {**BEARER, "description": "A service-to-service access token."},
        {**BEARER, "description": "An M2M token."},
        {**BEARER, "description": "The access token that Auth0 provides."},
    ],
)
def test_a_token_of_an_unknown_oauth_server(scheme: Document) -> None:
    """A bearer token that is described as OAuth's is doubted, and one that a key stands for is not."""
    assert "OAuth server" in texts(made(openapi({"a": scheme})), "missing")
    described = {**scheme, "description": f"{scheme['description']} Use your API key: `Bearer <key>`."}
    assert made(openapi({"a": described})).missing == []


@pytest.mark.parametrize(
    ("prose", "doubted"),
    [
        ("Exchange your client credentials for a token.", True),
        ("Access tokens expire after an hour.", True),
        ("Use your refresh token to generate an access token.", True),
        ("Tokens expire, unless you create a personal token in the console.", False),
        ("Acme keeps notes for teams.", False),
    ],
)
def test_prose_about_tokens_that_expire(prose: str, doubted: bool) -> None:
    """A token is doubted where the document's prose speaks of expiring tokens only, and a key never is."""
    both = {"token": key_in("X-Auth-Token", "The access token."), "id": key_in("X-Client-Id")}
    result = made(openapi(both, security=[{"token": [], "id": []}], description=prose))
    assert ("prose speaks of tokens" in texts(result, "missing")) == doubted
    assert made(openapi({"a": key_in("X-API-Key")}, description=prose)).missing == []


def test_the_account_of_a_bearer_token() -> None:
    """A header that names the account beside a bearer token is collected with it."""
    tenant = {"in": "header", "name": "X-Acme-Tenant", "required": True}
    document = openapi({"a": KEY}, paths={"/notes": {"get": {"parameters": [tenant]}}})
    result = made(document)
    assert [field["header_name"] for field in pattern(result)["fields"]] == ["Authorization", "X-Acme-Tenant"]
    assert pattern(result)["auth_field_mutations"] == {"a": {"prefix": "Bearer "}}
    assert "Authorization, X-Acme-Tenant go together" in texts(result, "missing")
    for answer in ({"scheme": "a"}, {"auth": "API_KEY"}):
        settled = made(document, **answer)
        assert settled.missing == []
        assert settled.definition == result.definition


def test_a_header_parameter_with_an_oauth_token() -> None:
    """The same holds for a header that operations take as a parameter."""
    header = {
        "in": "header",
        "name": "Authorization",
        "description": "An OAuth 2.0 bearer token.",
        "schema": {},
    }
    result = made(openapi(paths={"/notes": {"get": {"parameters": [header]}}}))
    assert "OAuth server" in texts(result, "missing")


def test_open_id_connect_for_machines() -> None:
    """OpenID Connect that is described as for machines is said to be so, rather than to lack endpoints."""
    oidc = {
        "type": "openIdConnect",
        "openIdConnectUrl": "https://acme.io/.well-known/openid-configuration",
        "description": "We use the\nclient credentials flow.",
    }
    result = made(openapi({"a": oidc}))
    assert pattern(result)["type"] == "BEARER"
    assert "client credentials" in texts(result, "missing")
    users = {**oidc, "description": "Authorization code for users, client credentials for machines."}
    assert pattern(made(openapi({"a": users})))["type"] == "OAUTH"


def test_a_signature_in_the_query() -> None:
    """Where most operations require a signature in the query, requests are signed; a time stamp there is a filter."""
    sign = {"in": "query", "name": "signature", "required": True}
    paths = {"/orders": {"get": {"parameters": [sign]}}, "/trades": {"get": {"parameters": [sign]}}}
    result = made(openapi({"a": key_in("X-API-Key")}, paths={**paths, "/time": {"get": {}}}))
    assert "signed" in texts(result, "missing")
    since = {"in": "query", "name": "timestamp", "required": True}
    assert (
        made(openapi({"a": key_in("X-API-Key")}, paths={"/t": {"get": {"parameters": [since]}}})).missing
        == []
    )


@pytest.mark.parametrize(
    ("prose", "signed"),
    [
        ("All requests must be signed with your secret.", True),
        ("Send\n\n    api-signature: <signature>\n", True),
        ("The signature must be computed over the body.", True),
        ("Webhook requests are signed by Acme.", False),
        ("Acme keeps notes for teams.", False),
    ],
)
def test_prose_about_signed_requests(prose: str, signed: bool) -> None:
    """A key is doubted where the document's prose says that requests are signed, and --auth settles it."""
    document = openapi({"a": key_in("X-API-Key")}, description=prose)
    assert ("requests are signed" in texts(made(document), "missing")) == signed
    assert made(document, auth="API_KEY").missing == []
    assert made(openapi({"o": code_flow()}, description=prose)).missing == []


def test_schemes_that_no_operation_names() -> None:
    """Of several headers without any `security`, whether they go together is missing; --scheme says it."""
    both = openapi({"key": key_in("X-API-Key"), "token": JWT})
    assert "several together" in texts(made(both), "missing")
    assert made(both, scheme="key").missing == []
    with_ids = openapi({"key": key_in("X-API-Key"), "id": key_in("X-Client-Id")})
    joined = made(with_ids, scheme="id+key")
    assert {field.get("header_name") for field in pattern(joined)["fields"]} == {"X-API-Key", "X-Client-Id"}
    assert joined.missing == []
    # Two ways to fill one header cannot go together.
    beside = openapi({"o": code_flow(), "t": BEARER})
    assert "no operation says that it takes o" in texts(made(beside), "missing")
    assert made(beside, auth="OAUTH").missing == []


def test_basic_that_is_discouraged() -> None:
    """Basic authentication that the document itself advises against stands behind what is incomplete."""
    oidc = {"type": "openIdConnect", "openIdConnectUrl": "https://acme.io/.well-known/openid-configuration"}
    basic = {**BASIC, "description": "HTTP Basic (discouraged for production)."}
    schemes = {"oidc": oidc, "basic": basic}
    result = made(openapi(schemes, security=[{"oidc": []}, {"basic": []}]))
    assert pattern(result)["type"] == "OAUTH"


def test_key_headers_that_all_operations_take() -> None:
    """Keys that are header parameters of all operations go together."""
    names = ["X-API-Key", "X-Account-Key", "Acme-Secret"]
    headers = [{"in": "header", "name": name} for name in names]
    document = openapi(paths={"/notes": {"get": {"parameters": headers}}})
    result = made(document)
    assert [field["header_name"] for field in pattern(result)["fields"]] == names
    assert "declares no way to authenticate" in texts(result, "missing")
    assert made(document, scheme="+".join(names)).missing == []


def test_an_authorization_that_operations_may_take() -> None:
    """Whether an `Authorization` that operations do not require goes with their key headers is missing."""
    key = {"in": "header", "name": "X-API-Key"}
    token = {"in": "header", "name": "Authorization", "description": "Bearer <secret key>"}
    optional = made(openapi(paths={"/notes": {"get": {"parameters": [key, token]}}}))
    assert "several together" in texts(optional, "missing")
    both = openapi(paths={"/notes": {"get": {"parameters": [key, {**token, "required": True}]}}})
    assert "go together" in texts(made(both), "missing")
    required = made(both, scheme="X-API-Key+Authorization")
    assert pattern(required)["auth_field_mutations"] == {"authorization": {"prefix": "Bearer "}}
    assert required.missing == []


def test_an_authorization_of_several_without_a_prefix() -> None:
    """Of several headers, too, it is missing which word goes before the value of `Authorization`."""
    headers = [{"in": "header", "name": name, "required": True} for name in ("X-API-Key", "Authorization")]
    silent = openapi(paths={"/notes": {"get": {"parameters": headers}}})
    assert "does not say which word" in texts(made(silent), "missing")
    told = made(silent, prefix="Token ", scheme="X-API-Key+Authorization")
    assert told.missing == []
    assert pattern(told)["auth_field_mutations"] == {"authorization": {"prefix": "Token "}}


@pytest.mark.parametrize(
    "said", ["JWT issued by Acme.", "An identity-provider-issued user access token.", "Short-lived JWT"]
)
def test_a_jwt_that_is_issued(said: str) -> None:
    """A bearer token that is described as issued, of a user or short-lived is doubted."""
    assert "another call" in texts(made(openapi({"a": {**JWT, "description": said}})), "missing")


def test_a_jwt_beside_oauth() -> None:
    """A JWT that operations name is doubted where the document has OAuth of which they say nothing."""
    schemes = {"jwt": JWT, "user": code_flow(authorizationUrl="/authorize", tokenUrl="/token")}
    beside = openapi(schemes, security=[{"jwt": []}])
    assert pattern(made(beside))["type"] == "BEARER"
    assert "user (OAuth) issues tokens" in texts(made(beside), "missing")
    assert made(beside, scheme="jwt").missing == []


def test_a_key_and_a_token_that_a_login_returns() -> None:
    """Of a key and a token that go together, the token is doubted where a login returns it."""
    schemes = {"k": key_in("X-API-Key"), "t": key_in("X-Acme-Token")}
    login = {"post": {"requestBody": takes("password"), "responses": returns("apiKey", "token")}}
    both = [{"k": [], "t": []}]
    paths = {"/notes": {"get": {}}, "/auth": login}
    assert "issues tokens" in texts(made(openapi(schemes, security=both, paths=paths)), "missing")
    assert "issues tokens" not in texts(made(openapi(schemes, security=both)), "missing")


def test_a_header_that_names_the_account() -> None:
    """A header of an account's id is taken only where there is nothing else, and doubted."""
    account = key_in("X-Acme-Org-Id")
    result = made(openapi({"org": account, "t": KEY}, security=[{"org": []}, {"t": []}]))
    assert pattern(result)["type"] == "BEARER"
    alone = openapi({"org": account})
    assert "names the account" in texts(made(alone), "missing")
    assert made(alone, auth="API_KEY").missing == []
    both = openapi({"org": account, "k": key_in("X-Key")}, security=[{"org": [], "k": []}])
    assert "names the account" not in texts(made(both), "missing")


def test_oauth_that_is_described_as_a_personal_token() -> None:
    """OAuth that is described as a token that somebody makes comes after one, and is doubted."""
    flow = {**code_flow(), "description": "Authenticate with a personal access token (PAT)."}
    result = made(openapi({"o": flow, "t": KEY}, security=[{"o": []}, {"t": []}]))
    assert pattern(result)["type"] == "BEARER"
    assert "that somebody makes" in texts(made(openapi({"o": flow})), "missing")
