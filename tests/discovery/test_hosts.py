"""Hosts that stand for the reader's own, and hosts that nobody else can call."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.discovery import Overrides, Result, Source
from pulumi_scalekit.discovery.hosts import is_callable, like, own_host

from .documents import BEARER, code_flow, discover, openapi


def made(*servers: str | dict[str, Any], schemes: dict[str, Any] | None = None) -> Result:
    """What is made of a document with these servers."""
    entries = [{"url": server} if isinstance(server, str) else server for server in servers]
    return discover(Source(openapi(schemes or {"a": BEARER}, servers=entries)), Overrides())


@pytest.mark.parametrize(
    "part",
    [
        "example",
        "your-domain",
        "yourcompany",
        "YOUR_SITE",
        "mycompany",
        "my-instance",
        "contoso",
        "fabrikam",
        "org-account",
        "tenant",
        "account_name",
        "TENANT",
        "acme",
        "xxxx",
        "demo-example",
    ],
)
def test_stand_in_in_front_of_a_domain(part: str) -> None:
    """A stand-in in front of somebody's domain becomes a placeholder, as an assumption."""
    result = made(f"https://{part}.notes.io/v1")
    assert result.definition["proxy_url"] == "https://{{subdomain}}.notes.io/v1"
    assert any(part in note.text for note in result.notes if note.origin == "assumed")
    assert [field["field_name"] for field in result.definition["auth_patterns"][0]["fields"]] == [
        "subdomain",
        "token",
    ]


@pytest.mark.parametrize(
    "host",
    [
        "bi.mycompany.com",
        "mycompany.com",
        "your-server.net",
        "yourdomain.io",
        "api.contoso.com",
        "hostname",
        "example-shop.com",
        "shop-example.com",
    ],
)
def test_stand_in_for_a_whole_host(host: str) -> None:
    """A domain that stands for the account's own becomes one placeholder."""
    assert made(f"https://{host}/api").definition["proxy_url"] == "https://{{domain}}/api"


@pytest.mark.parametrize(
    "host",
    [
        "api.notes.io",
        "account.notes.io",
        "eu.notes.io",
        "acme.io",
        "api.acme.com",
        "examples.notes.io",
        "app.co.uk",
    ],
)
def test_real_hosts_stay(host: str) -> None:
    """A host that may be somebody's stays as it is."""
    assert own_host(f"https://{host}/v1").url == f"https://{host}/v1"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.nl/v1",
        "https://example.org/v1",
        "https://shop.example",
        "http://[::1",
        "https://[oops]/",
        "https://10.1.2.3",
        "https://localhost:3000",
        "https://api/v1",
        "https://a b.io",
        "https://notes.jp.ngrok.io",
        "https://notes.trycloudflare.com",
        "ftp://notes.io",
        "/v1",
    ],
)
def test_hosts_that_nobody_else_calls(url: str) -> None:
    """Example domains, this machine, private networks and what is not a URL are no base URLs."""
    assert not is_callable(url)
    assert "proxy_url" in {note.path for note in made(url).missing}


def test_one_placeholder_for_one_host() -> None:
    """The account's host has one placeholder, in the base URL and in the OAuth endpoints."""
    flow = code_flow(
        authorizationUrl="https://your-domain.notes.io/authorize", tokenUrl="https://{tenant}.notes.io/token"
    )
    site = {"url": "https://{site}.notes.io/v1", "variables": {"site": {"default": "demo"}}}
    result = made(site, schemes={"o": flow})
    (pattern,) = result.definition["auth_patterns"]
    assert pattern["oauth_config"]["authorize_uri"] == "https://{{site}}.notes.io/authorize"
    assert pattern["oauth_config"]["token_uri"] == "https://{{site}}.notes.io/token"
    assert [field["field_name"] for field in pattern["account_fields"]] == ["site"]


def test_hosts_that_differ_keep_their_placeholders() -> None:
    """Placeholders of hosts that differ in more are left alone."""
    assert (
        like("https://{{a}}.login.notes.io/t", "https://{{b}}.notes.io") == "https://{{a}}.login.notes.io/t"
    )
    assert like("https://login.notes.io/t", "https://{{b}}.notes.io") == "https://login.notes.io/t"


def test_example_endpoints_are_missing() -> None:
    """An OAuth endpoint at an example domain is missing, with the flag that gives it."""
    result = made(
        "https://api.acme.io", schemes={"o": code_flow(authorizationUrl="https://example.com/oauth")}
    )
    (note,) = result.missing
    assert note.path == "auth_patterns[0].oauth_config.authorize_uri"
    assert "--authorize-url" in note.fix


def test_made_up_scopes_are_left_out() -> None:
    """A scope called `scope` is a place-holder of whoever wrote the document."""
    flow = code_flow(scopes={"scope": "scope description", "notes:read": "Read notes."})
    (pattern,) = made("https://api.notes.io", schemes={"o": flow}).definition["auth_patterns"]
    assert [scope["scope"] for scope in pattern["oauth_config"]["available_scopes"]] == ["notes:read"]
