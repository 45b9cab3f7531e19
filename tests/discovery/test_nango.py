"""Entries of a catalogue of Nango, made up here, and what a connector can do of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit.definition.check import errors
from pulumi_scalekit.discovery import DiscoveryError, Overrides, Result, Source

from .documents import discover
from .test_openapi import pattern, texts


def made(tmp_path: Path, entry: dict[str, Any], **others: Any) -> Result:
    """What is made of an entry of a catalogue."""
    file = tmp_path / "providers.yaml"
    catalogue = {"acme": {"display_name": "Acme (v2)", **entry}, "none": {"auth_mode": "NONE"}, **others}
    file.write_text(json.dumps(catalogue))
    return discover(Source(catalogue=str(file), provider="acme"), Overrides())


def key(*headers: str, base_url: str = "https://api.acme.io", **more: Any) -> dict[str, Any]:
    """An entry with an API key in headers."""
    named = dict(header.split(": ", 1) for header in headers)
    return {"auth_mode": "API_KEY", "proxy": {"base_url": base_url, "headers": named}, **more}


def oauth(**more: Any) -> dict[str, Any]:
    """An entry with the authorization code flow."""
    return {
        "auth_mode": "OAUTH2",
        "authorization_url": "https://acme.io/authorize",
        "token_url": "https://acme.io/token",
        "proxy": {"base_url": "https://api.acme.io"},
        **more,
    }


KEYS: dict[str, tuple[str, dict[str, Any]]] = {
    "bearer": ("authorization: Bearer ${apiKey}", {"type": "BEARER", "auth_header_key_override": None}),
    "a word": (
        "authorization: Token token=${apiKey}",
        {"type": "API_KEY", "auth_field_mutations": {"api_key": {"prefix": "Token token="}}},
    ),
    "as it is": ("authorization: ${apiKey}", {"type": "API_KEY", "auth_field_mutations": None}),
    "a header": (
        "x-acme-key: ${credentials.apiKey}",
        {"type": "API_KEY", "auth_header_key_override": "x-acme-key"},
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_an_api_key(tmp_path: Path, name: str) -> None:
    """The header with the key tells the auth type, the header's name and what goes before the key."""
    header, expected = KEYS[name]
    result = made(tmp_path, key(header, "content-type: application/json"))
    assert {member: pattern(result).get(member) for member in expected} == expected
    assert (result.missing, errors(result.definition)) == ([], [])
    assert result.definition["display_name"] == "Acme"


def test_several_keys(tmp_path: Path) -> None:
    """A setting that goes into a header is a key of its own; what is the same for all is the callers'."""
    config = {"team": {"title": "Team", "description": "Your team"}}
    entry = key(
        "authorization: Bearer ${apiKey}",
        "x-team: ${connectionConfig.team}",
        "revision: 2024-07-15",
        "v: ${connectionConfig.v} || 2",
        connection_config=config,
    )
    result = made(tmp_path, entry)
    fields = {field["field_name"]: field["header_name"] for field in pattern(result)["fields"]}
    assert fields == {"api_key": "authorization", "team": "x-team"}
    assert pattern(result)["auth_field_mutations"] == {"api_key": {"prefix": "Bearer "}}
    assert "revision: 2024-07-15" in texts(result, "assumed")
    assert "v: 2 " in texts(result, "assumed")
    assert result.missing == []


def test_settings_in_the_address(tmp_path: Path) -> None:
    """A setting of the connection becomes a placeholder with the catalogue's words."""
    config = {"region": {"title": "Region", "description": "Where you are", "enum": ["eu", "us"]}}
    entry = key(
        "x-key: ${apiKey}", base_url="https://${connectionConfig.region}.acme.io", connection_config=config
    )
    result = made(tmp_path, entry)
    assert result.definition["proxy_url"] == "https://{{region}}.acme.io"
    (field,) = [field for field in pattern(result)["fields"] if field["field_name"] == "region"]
    assert (field["label"], field["hint"], field["input_type"]) == ("Region", "Where you are", "select")
    assert result.missing == []
    whole = made(tmp_path, key("x-key: ${apiKey}", base_url="${connectionConfig.host}/v1"))
    assert whole.definition["proxy_url"] == "https://{{host}}/v1"


def test_basic(tmp_path: Path) -> None:
    """A hidden password is everybody's, and the key is the user name."""
    proxy = {"base_url": "https://api.acme.io"}
    plain = made(tmp_path, {"auth_mode": "BASIC", "proxy": proxy})
    assert [field["field_name"] for field in pattern(plain)["fields"]] == ["username", "password"]
    hidden = {"password": {"default_value": "X", "hidden": True}}
    result = made(tmp_path, {"auth_mode": "BASIC", "proxy": proxy, "credentials": hidden})
    assert [field["field_name"] for field in pattern(result)["fields"]] == ["username"]
    assert pattern(result)["auth_field_mutations"] == {"password": {"default": "X"}}
    assert (result.missing, errors(result.definition)) == ([], [])


def test_oauth(tmp_path: Path) -> None:
    """OAuth has its endpoints, scopes and PKCE; what is the connection's is said."""
    entry = oauth(
        default_scopes=["notes"],
        authorization_params={"response_type": "code", "prompt": "consent"},
        token_params={"grant_type": "authorization_code"},
    )
    result = made(tmp_path, entry)
    assert pattern(result)["oauth_config"] == {
        "authorize_uri": "https://acme.io/authorize",
        "token_uri": "https://acme.io/token",
        "available_scopes": [{"scope": "notes", "display_name": "Notes", "required": True}],
        "pkce_enabled": True,
    }
    assert "prompt=consent" in texts(result, "assumed")
    assert (result.missing, errors(result.definition)) == ([], [])
    without = made(tmp_path, oauth(disable_pkce=True))
    assert "pkce_enabled" not in pattern(without)["oauth_config"]


# Each case: an entry, and what has to be missing.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a mode": ({"auth_mode": "TWO_STEP", "proxy": {"base_url": "https://api.acme.io"}}, "TWO_STEP"),
    "no mode": ({"proxy": {"base_url": "https://api.acme.io"}}, "no auth_mode"),
    "a key in the query": (
        {"auth_mode": "API_KEY", "proxy": {"base_url": "https://a.io", "query": {"key": "${apiKey}"}}},
        "goes into the query",
    ),
    "a parameter": (oauth(authorization_params={"audience": "acme"}), "audience=acme"),
    "a grant": (oauth(token_params={"grant_type": "client_credentials"}), "client_credentials"),
    "a separator": (oauth(scope_separator=","), "','"),
    "JSON": (oauth(body_format="json"), "JSON"),
    "a header of the token": (
        oauth(proxy={"base_url": "https://a.io", "headers": {"x-token": "${accessToken}"}}),
        "x-token",
    ),
    "a header that changes": (
        key("x-key: ${apiKey}", "x-sign: ${sha256Hex(${apiKey}${now})}"),
        "x-sign",
    ),
    "an address from the upstream": (
        key(
            "x-key: ${apiKey}",
            base_url="${connectionConfig.url}",
            connection_config={"url": {"automated": True}},
        ),
        "after the authorization",
    ),
    "a client certificate": (key("x-key: ${apiKey}", require_client_certificate=True), "certificate"),
    "no address": ({"auth_mode": "BASIC"}, "the entry has none"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_connector_cannot_do(tmp_path: Path, name: str) -> None:
    """What cannot be expressed is missing, by its name."""
    entry, said = REFUSED[name]
    assert said in texts(made(tmp_path, entry), "missing")


def test_an_alias(tmp_path: Path) -> None:
    """An alias has what its original has, apart from what it says itself."""
    original = key("x-key: ${apiKey}")
    result = made(tmp_path, {"alias": "notes", "proxy": {"base_url": "https://eu.acme.io"}}, notes=original)
    assert result.definition["proxy_url"] == "https://eu.acme.io"
    assert pattern(result)["auth_header_key_override"] == "x-key"


def test_files_and_keys_that_are_wrong(tmp_path: Path) -> None:
    """A key that the catalogue lacks is answered with similar ones, and another file is not taken for one."""
    file = tmp_path / "providers.yaml"
    file.write_text("acme-notes: {auth_mode: BASIC}")
    with pytest.raises(DiscoveryError, match="Similar: acme-notes"):
        discover(Source(catalogue=str(file), provider="acme-note"), Overrides())
    for text in ("openapi: 3.0.0", "[]", "a: 1"):
        file.write_text(text)
        with pytest.raises(DiscoveryError, match="not a catalogue"):
            discover(Source(catalogue=str(file), provider="acme"), Overrides())


@pytest.mark.parametrize("source", ["token_request_auth_method", "authorization_method"])
def test_how_to_authenticate_to_the_token_endpoint(tmp_path: Path, source: str) -> None:
    """The method is assumed of the connection, with the key of the entry that it is from."""
    result = made(tmp_path, oauth(**{source: "basic"}))
    (note,) = [note for note in result.notes if "token endpoint by basic" in note.text]
    assert note.source == source
