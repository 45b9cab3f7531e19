"""Bearer tokens of which a document says, or does not say, that somebody makes them."""

from __future__ import annotations

from typing import Any

import pytest

from .documents import BEARER, JWT, Document, code_flow, key_in, openapi
from .test_openapi import made, pattern, texts


@pytest.mark.parametrize(
    ("scheme", "kind"),
    [
        (BEARER, "token"),
        ({**BEARER, "bearerFormat": "opaque"}, "token"),
        ({**BEARER, "description": "Default authentication mechanism"}, "token"),
        ({**BEARER, "description": "Bearer authentication, as `Bearer <token>`."}, "token"),
        ({**BEARER, "bearerFormat": "session_<id>_<secret>"}, "token"),
        ({**BEARER, "x-example": "Bearer eyJhbGciOi"}, "token"),
        (key_in("Authorization", "Send `Authorization: Bearer <token>`."), "token"),
        (JWT, "JWT"),
        ({**BEARER, "bearerFormat": "jwt"}, "JWT"),
        ({**BEARER, "description": "JWT bearer authentication."}, "JWT"),
        ({**BEARER, "description": "A JSON Web Token."}, "JWT"),
        ({**BEARER, "description": "A JWT, signed with your private key."}, "JWT"),
        (key_in("Authorization", "Send `Authorization: Bearer <jwt>`."), "JWT"),
    ],
)
def test_a_token_of_which_nothing_is_said(scheme: Document, kind: str) -> None:
    """A bearer token of which nothing says where it comes from is doubted, and --auth or --scheme settles it."""
    bare = openapi({"a": scheme})
    assert f"where this {kind} comes from" in texts(made(bare), "missing")
    assert pattern(made(bare))["type"] == "BEARER"
    assert made(bare, auth="BEARER").missing == []
    assert made(bare, scheme="a").missing == []


@pytest.mark.parametrize("scheme", [BEARER, JWT])
@pytest.mark.parametrize(
    "more",
    [
        {"description": "Your API key."},
        {"description": "A personal access token."},
        {"description": "Make one in the dashboard."},
        {"description": "See Settings, then Tokens."},
        {"description": "Envía tu clave de API."},
        {"description": "APIキーを指定します。"},
        {"description": "The account's secret."},
        {"bearerFormat": "sk_..."},
        {"bearerFormat": "acme_live_<id>"},
        {"x-speakeasy-example": "ACME_API_KEY"},
        {"x-default": "sk_test_123"},
        {"x-fern-bearer": {"name": "apiKey", "env": "ACME"}},
    ],
)
def test_a_token_that_somebody_makes(scheme: Document, more: Document) -> None:
    """A token that its scheme describes or shows as a key, or as made in the vendor's pages, is complete."""
    assert made(openapi({"a": {**scheme, **more}})).missing == []


def test_a_name_that_says_key() -> None:
    """A token whose scheme is named after a key is complete; of a JWT, a name alone does not tell."""
    assert made(openapi({"apiKey": BEARER})).missing == []
    assert "where this JWT comes from" in texts(made(openapi({"apiKey": JWT})), "missing")


PROSE = [
    "Acme keeps notes. Create an API key first.",
    "Acme keeps notes. Your token is in the settings. Create a token there.",
    "Acme keeps notes. Copy the token from your account dashboard.",
    "Acme keeps notes. Gere uma chave de API.",
]


@pytest.mark.parametrize("prose", PROSE)
def test_prose_about_a_token_that_somebody_makes(prose: str) -> None:
    """Prose about keys that somebody makes is taken to be about the token, unless it is a JWT or a scheme is a key."""
    result = made(openapi({"a": BEARER}, description=prose))
    assert result.missing == []
    assert "somebody makes" in texts(result, "assumed")
    assert "where this JWT comes from" in texts(made(openapi({"a": JWT}, description=prose)), "missing")
    schemes = {"a": BEARER, "k": key_in("X-API-Key")}
    beside = openapi(schemes, security=[{"a": []}], description=prose)
    assert "comes from" in texts(made(beside), "missing")


@pytest.mark.parametrize(
    "prose", ["Call /auth to generate an access token.", "Manage the tokens of your customers."]
)
def test_prose_about_other_tokens(prose: str) -> None:
    """Prose about tokens that calls generate, or that are things of the service, shows nothing."""
    assert "where this token comes from" in texts(made(openapi({"a": BEARER}, description=prose)), "missing")


def test_prose_beside_a_session_cookie() -> None:
    """A cookie is not the key that prose speaks of."""
    cookie = {"type": "apiKey", "in": "cookie", "name": "session"}
    result = made(openapi({"a": BEARER, "c": cookie}, security=[{"a": []}, {"c": []}], description=PROSE[0]))
    assert pattern(result)["type"] == "BEARER"
    assert result.missing == []


@pytest.mark.parametrize("status", ["401", "403"])
def test_responses_about_a_key(status: str) -> None:
    """Where calls without a credential are told that their API key is wrong, the token is that key."""
    refused = {status: {"description": "The API key is missing or invalid."}}
    result = made(openapi({"a": BEARER}, paths={"/notes": {"get": {"responses": refused}}}))
    assert result.missing == []
    assert "responses to calls without one" in texts(result, "assumed")


def keeping(path: str, **operation: Any) -> Document:
    """A document with an operation about keys, and a bearer scheme that says nothing."""
    return openapi({"a": BEARER}, security=[{"a": []}], paths={path: {"post": operation}})


@pytest.mark.parametrize(
    "document",
    [
        keeping("/api-keys"),
        keeping("/v1/accounts/{accountId}/ApiKeys"),
        keeping("/users/me/personal_access_tokens"),
        keeping("/v1/keys", summary="Create an API key"),
        keeping("/keys/", summary="List all your API keys"),
    ],
)
def test_operations_that_make_keys(document: Document) -> None:
    """Operations that make the service's own keys show what its bearer token is, unless it is called a JWT."""
    result = made(document)
    assert result.missing == []
    assert "of this document is about" in texts(result, "assumed")
    jwt = {**document, "components": {"securitySchemes": {"a": JWT}}}
    assert "where this JWT comes from" in texts(made(jwt), "missing")


@pytest.mark.parametrize(
    "document",
    [
        keeping("/subscriptions/{subscriptionId}/api-keys"),
        keeping("/api-keys/{id}"),
        keeping("/v1/keys", summary="Create a door key"),
        keeping("/tokens", summary="Count tokens"),
        keeping("/"),
    ],
)
def test_operations_about_other_keys(document: Document) -> None:
    """Keys of other things, such as a subscription, do not show what the bearer token is."""
    assert "where this token comes from" in texts(made(document), "missing")


def test_a_token_beside_oauth() -> None:
    """A token of which nothing is said may be one of the OAuth server beside it; one that is made is not."""
    user = code_flow(authorizationUrl="", tokenUrl="")
    beside = openapi({"a": BEARER, "user": user}, security=[{"a": []}])
    assert "If user issues it" in texts(made(beside), "missing")
    told = openapi({"a": BEARER, "user": user}, security=[{"a": []}], description=PROSE[0])
    assert made(told).missing == []


def test_a_token_beside_a_key() -> None:
    """A token that goes together with a key is doubted like one alone, and --auth settles it for both."""
    both = openapi({"a": BEARER, "k": key_in("X-API-Key")}, security=[{"a": [], "k": []}])
    assert "where this token comes from" in texts(made(both), "missing")
    assert len(pattern(made(both))["fields"]) == 2
    assert made(both, auth="API_KEY").missing == []
