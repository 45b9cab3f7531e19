"""Definitions that are complete by themselves, in documents that leave room for another one."""

from __future__ import annotations

from typing import Any

import pytest

from .documents import BEARER, JWT, KEY, Document, code_flow, key_in, openapi
from .test_openapi import made, pattern, texts

ADMIN = [{"admin": []}]


def serving(url: str, **server: Any) -> Document:
    """A document with one server, and a key."""
    return openapi({"k": key_in("X-API-Key")}, servers=[{"url": url, **server}])


# Each case: a document, what is doubted, and the answer that settles it.
DOUBTS: dict[str, tuple[Document, str, dict[str, Any]]] = {
    "a way that many operations do not accept": (
        openapi(
            {"k": key_in("X-API-Key"), "admin": key_in("X-Admin-Key")},
            paths={
                "/notes": {"get": {"security": [{"k": []}]}, "put": {"security": [{"k": []}]}},
                "/teams": {"get": {"security": ADMIN}},
            },
        ),
        "k: 2 of the 3 operations with security accept it; others take admin",
        {"scheme": "k"},
    ),
    "a scheme that no operation names": (
        openapi({"k": key_in("X-API-Key")}, paths={"/notes": {"get": {"security": []}}}),
        "no operation says that it takes k",
        {"scheme": "k"},
    ),
    "a header parameter in a document without schemes": (
        openapi(paths={"/notes": {"get": {"parameters": [{"in": "header", "name": "X-API-Key"}]}}}),
        "the document declares no way to authenticate; X-API-Key looks like one",
        {"scheme": "X-API-Key"},
    ),
    "several headers": (
        openapi({"id": key_in("X-Id"), "key": key_in("X-Key")}, security=[{"id": [], "key": []}]),
        "the headers X-Id, X-Key go together",
        {"scheme": "id+key"},
    ),
    "a login beside a credential that nothing calls a key": (
        openapi(
            {"t": key_in("X-Auth")},
            security=[{"t": []}],
            paths={"/notes": {"get": {}}, "/login": {"post": {}}},
        ),
        "/login of this document may be the login that issues it",
        {"auth": "API_KEY"},
    ),
    "a login beside a token that prose is taken to be about": (
        openapi(
            {"t": BEARER},
            security=[{"t": []}],
            paths={"/notes": {"get": {}}, "/session": {"delete": {}}},
            description="Create an API key first.",
        ),
        "/session of this document may be the login",
        {"auth": "BEARER"},
    ),
    "a JWT that only its name calls a key": (
        openapi({"apiKey": JWT}),
        "the document does not say where this JWT comes from",
        {"auth": "BEARER"},
    ),
    "the OAuth of another company": (
        openapi(
            {
                "o": code_flow(
                    authorizationUrl="https://login.other.com/authorize", tokenUrl="https://acme.io/token"
                )
            }
        ),
        "OAuth is at other.com, the API at acme.io",
        {"auth": "OAUTH"},
    ),
    "a system for tests": (
        serving("https://sandbox.acme.io"),
        "looks like that of a test system",
        {"server": "1"},
    ),
    "a default that may be an account's own name": (
        serving("https://{site}.acme.io", variables={"site": {"default": "app"}}),
        "site may differ from account to account",
        {"proxy_url": "https://{{site}}.acme.io"},
    ),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_a_doubt(name: str) -> None:
    """What leaves room is missing once, together with what was found, and the flag that it names settles it."""
    document, doubt, answer = DOUBTS[name]
    result = made(document)
    (note,) = result.missing
    assert doubt in note.text
    (flag,) = answer
    assert f"--{flag.replace('_', '-')}" in note.fix
    assert [
        other.origin for other in result.notes if other.path == note.path and other.origin == "found"
    ] == []
    settled = made(document, **answer)
    assert settled.missing == []
    if flag != "proxy_url":
        assert settled.definition == result.definition


CERTAIN: dict[str, Document] = {
    "a login that takes another credential": openapi(
        {"k": key_in("X-API-Key"), "b": {"type": "http", "scheme": "basic"}},
        paths={"/notes": {"get": {"security": [{"k": []}]}}, "/login": {"post": {"security": [{"b": []}]}}},
    ),
    "operations about keys beside a token that is made": openapi(
        {"t": BEARER},
        security=[{"t": []}],
        paths={"/notes": {"get": {}}, "/me/personal-access-tokens": {"post": {}}},
        description="Create a personal access token first.",
    ),
    "a login beside a token that is described as made": openapi(
        {"t": {**BEARER, "description": "From your settings."}},
        security=[{"t": []}],
        paths={"/notes": {"get": {}}, "/login": {"post": {}}},
    ),
    "a JWT that is described as made": openapi({"t": {**JWT, "description": "From your dashboard."}}),
    "OAuth at a host of the same domain": openapi({"o": code_flow()}),
    "a default that is a version": serving("https://api.acme.io/{v}", variables={"v": {"default": "v2"}}),
    "a key among ways that are open to all": openapi(
        {"t": KEY}, paths={"/notes": {"get": {"security": [{"t": []}]}}, "/status": {"get": {"security": []}}}
    ),
}


@pytest.mark.parametrize("name", CERTAIN)
def test_no_doubt(name: str) -> None:
    """A document that leaves no room gives a definition that is complete."""
    assert made(CERTAIN[name]).missing == []


def test_several_doubts() -> None:
    """What leaves room in more than one way is said at once, and one answer settles it."""
    schemes = {"t": key_in("X-Auth"), "id": key_in("X-Id")}
    document = openapi(
        schemes,
        security=[{"t": [], "id": []}],
        paths={"/notes": {"get": {}}, "/auth": {"post": {"requestBody": {}}}},
        description="All requests must be signed.",
    )
    said = texts(made(document), "missing")
    assert "go together" in said
    assert "requests are signed" in said
    assert made(document, auth=pattern(made(document))["type"]).missing == []
