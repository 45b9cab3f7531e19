"""The base URL that is made of a document's servers."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.discovery import DiscoveryError, Overrides, Result, Source

from .documents import KEY, Document, discover, openapi, swagger


def made(document: Document, server: str = "") -> Result:
    """What is made of a document."""
    return discover(Source(document, server=server), Overrides())


def at(url: str, description: str = "", **variables: Any) -> Document:
    """A document with one server."""
    return openapi({"a": KEY}, servers=[{"url": url, "description": description, "variables": variables}])


URLS: dict[str, tuple[Document, str]] = {
    "plain": (at("https://api.acme.io/v1/"), "https://api.acme.io/v1"),
    "http": (at("http://api.acme.io"), "https://api.acme.io"),
    "without scheme": (at("//api.acme.io/v1"), "https://api.acme.io/v1"),
    "default port": (at("https://api.acme.io:443/v1"), "https://api.acme.io/v1"),
    "credentials and query": (at("https://user:pass@api.acme.io/v1?x=1#y"), "https://api.acme.io/v1"),
    "variable of the account's": (
        at("https://{site}.acme.io/v1", site={"default": "demo"}),
        "https://{{site}}.acme.io/v1",
    ),
    "variable that nobody declares": (at("https://{site}.acme.io"), "https://{{site}}.acme.io"),
    "variable with one value": (
        at(
            "https://{site}.{zone}/v1",
            site={"default": "x"},
            zone={"default": "acme.io", "enum": ["acme.io"]},
        ),
        "https://{{site}}.acme.io/v1",
    ),
    "protocol, port and version": (
        at(
            "{protocol}://api.acme.io:{port}/{basePath}",
            protocol={"default": "http", "enum": ["http", "https"]},
            port={"default": "443"},
            basePath={"default": "v2"},
        ),
        "https://api.acme.io/v2",
    ),
    "default that is part of the address": (
        at("https://{subdomain}.acme.io", subdomain={"default": "api"}),
        "https://api.acme.io",
    ),
    "default of what is the account's own": (
        at("https://{tenant}.acme.io", tenant={"default": "app"}),
        "https://{{tenant}}.acme.io",
    ),
    "default that is described as the account's own": (
        at("https://{host}.acme.io", host={"default": "app", "description": "Your subdomain"}),
        "https://{{host}}.acme.io",
    ),
    "default that is the whole address": (
        at(
            "{baseUrl}/v1", baseUrl={"default": "https://api.acme.io", "description": "Base URL of your API."}
        ),
        "https://api.acme.io/v1",
    ),
    "swagger host with its scheme": (
        swagger({"a": {"type": "basic"}}, host="https://api.acme.io/v1", basePath="/"),
        "https://api.acme.io/v1",
    ),
    "own name in the host": (at("https://your-domain.acme.io/rest"), "https://{{subdomain}}.acme.io/rest"),
    "own host": (at("https://your-acme-server.com/api"), "https://{{domain}}/api"),
    "angle brackets": (at("https://<tenant>.acme.io"), "https://{{tenant}}.acme.io"),
    "name that is no identifier": (at("https://{site-name}.acme.io"), "https://{{site_name}}.acme.io"),
    "swagger": (swagger({"a": {"type": "basic"}}), "https://api.acme.io/v1"),
    "swagger over http": (swagger(schemes=["http"], basePath="/"), "https://api.acme.io"),
    "swagger with a template": (swagger(host="{site}.acme.io"), "https://{{site}}.acme.io/v1"),
    "swagger, host in an extension": (
        {
            **swagger(),
            "host": "",
            "x-ms-parameterized-host": {
                "hostTemplate": "{Endpoint}/data",
                "useSchemePrefix": True,
                "parameters": [{"name": "Endpoint", "description": "Your endpoint."}],
            },
        },
        "https://{{Endpoint}}/data/v1",
    ),
}


@pytest.mark.parametrize("name", URLS)
def test_url(name: str) -> None:
    """The base URL is https, bare, and has placeholders where accounts differ."""
    document, expected = URLS[name]
    assert made(document).definition["proxy_url"] == expected


def test_fields_of_placeholders() -> None:
    """A placeholder is collected: as a select where the document lists values, else as text with its hint."""
    site = {"default": "demo", "description": "The name of your workspace."}
    region = {"default": "eu", "enum": ["us", "eu"]}
    result = made(at("https://{site}.{region}.acme.io", site=site, region=region))
    fields = result.definition["auth_patterns"][0]["fields"]
    assert fields[0] == {
        "field_name": "site",
        "label": "Site",
        "input_type": "text",
        "hint": "The name of your workspace.",
        "required": True,
        "is_path_param": True,
    }
    assert fields[1]["input_type"] == "select"
    assert fields[1]["options"] == [
        {"value": "us", "display_name": "us"},
        {"value": "eu", "display_name": "eu", "default": True},
    ]
    assert fields[2]["field_name"] == "token"


def test_domain_is_no_path_parameter() -> None:
    """`domain` is filled by Scalekit as it is, as the documentation's own examples have it."""
    (domain, _) = made(at("https://{domain}/api")).definition["auth_patterns"][0]["fields"]
    assert domain["field_name"] == "domain"
    assert "is_path_param" not in domain


@pytest.mark.parametrize(
    "url",
    [
        "/v1",
        "",
        "http://localhost:8080",
        "https://api.example.com",
        "https://10.0.0.1/v1",
        "https://intranet/api",
    ],
)
def test_unusable_server_is_missing(url: str) -> None:
    """A server that nobody else can call is no base URL: that is missing, and the note shows why."""
    result = made(at(url))
    assert result.definition["proxy_url"] == ""
    assert [note.path for note in result.missing] == ["proxy_url"]


SERVERS = [
    {"url": "https://sandbox.acme.io", "description": "Sandbox"},
    {"url": "http://api.acme.io"},
    {"url": "https://api.acme.io"},
    {"url": "https://api.eu.acme.io", "description": "Europe"},
]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("", "https://api.acme.io"), ("1", "https://sandbox.acme.io"), ("europe", "https://api.eu.acme.io")],
)
def test_choice(wanted: str, expected: str) -> None:
    """The first real system is taken, encrypted where there is a choice; --server takes another."""
    assert made(openapi({"a": KEY}, servers=SERVERS), wanted).definition["proxy_url"] == expected


PREFERRED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "described as production": (
        [
            {"url": "https://cie.acme.io", "description": "Customer integration environment"},
            {"url": "https://tools.acme.io", "description": "Production"},
        ],
        "https://tools.acme.io",
    ),
    "live before paper": (
        [
            {"url": "https://trial.acme.io", "description": "Paper trading"},
            {"url": "https://trade.acme.io", "description": "Live trading"},
        ],
        "https://trade.acme.io",
    ),
    "described as production in another language": (
        [
            {"url": "https://homolog.acme.io", "description": "Homologação"},
            {"url": "https://acme.io", "description": "Produção, sem sandbox"},
        ],
        "https://acme.io",
    ),
    "not production is no production": (
        [
            {"url": "https://a.acme.io", "description": "Non-production"},
            {"url": "https://b.acme.io", "description": "Main"},
        ],
        "https://b.acme.io",
    ),
    "a region's production is not everybody's": (
        [
            {"url": "https://api.acme.io", "description": "Main"},
            {"url": "https://api.acme.eu", "description": "EU production"},
        ],
        "https://api.acme.io",
    ),
    "a word that is a region's code is none in a sentence": (
        [
            {"url": "https://notes-hml.acme.io", "description": "Ambiente de homologação"},
            {"url": "https://notes.acme.io", "description": "Ambiente de produção"},
        ],
        "https://notes.acme.io",
    ),
    "the shorter of two hosts": (
        [{"url": "https://next-api.acme.io"}, {"url": "https://api.acme.io"}],
        "https://api.acme.io",
    ),
    "an API's host is not an extension": (
        [{"url": "https://api.acme.io"}, {"url": "https://acme.io"}],
        "https://api.acme.io",
    ),
    "a top-level domain says nothing": (
        [{"url": "https://api.acme.dev"}, {"url": "https://eu.acme.dev"}],
        "https://api.acme.dev",
    ),
    "a path that says sandbox": (
        [{"url": "https://api.acme.io/sandbox"}, {"url": "https://api.acme.io/v1"}],
        "https://api.acme.io/v1",
    ),
    "a name in an extension": (
        [
            {"url": "https://one.acme.io", "x-fern-server-name": "Sandbox"},
            {"url": "https://two.acme.io", "x-fern-server-name": "Production"},
        ],
        "https://two.acme.io",
    ),
}


@pytest.mark.parametrize("name", PREFERRED)
def test_preferred(name: str) -> None:
    """The server that people use for work is taken, as far as the document says which that is."""
    listed, expected = PREFERRED[name]
    assert made(openapi({"a": KEY}, servers=listed)).definition["proxy_url"] == expected


def test_unknown_choice_lists_the_servers() -> None:
    """A --server that fits none is an error which lists them."""
    with pytest.raises(DiscoveryError, match=r"4\. https://api\.eu\.acme\.io"):
        made(openapi(servers=SERVERS), "asia")


def test_other_servers_are_told() -> None:
    """The servers that were not chosen are named, the chosen one's unencrypted duplicate is not."""
    (note,) = [n for n in made(openapi({"a": KEY}, servers=SERVERS)).notes if "several servers" in n.text]
    assert "https://api.eu.acme.io" in note.text
    assert "http://api.acme.io" not in note.text


def test_a_placeholder_for_this_machine() -> None:
    """A variable whose default is this machine is filled in where the server is for tests, else a placeholder."""
    ip = {"default": "127.0.0.1", "description": "The server's address."}
    assert made(at("http://{ip}:8080", "Local testing.", ip=ip)).definition["proxy_url"] == ""
    assert made(at("http://{ip}:8080", ip=ip)).definition["proxy_url"] == "https://{{ip}}:8080"


@pytest.mark.parametrize("host", ["api-test.acme.io", "www.demo.acme.io", "sandbox.acme.io"])
def test_test_system_is_told(host: str) -> None:
    """Where a document has nothing but a test system, that is pointed out."""
    assert any("test system" in note.text for note in made(at(f"https://{host}")).notes)


def test_servers_of_the_operations() -> None:
    """Without servers at the root, those of most operations are taken, and the others pointed out."""
    near, far = [{"url": "https://api.acme.io"}], [{"url": "https://upload.acme.io"}]
    paths: Document = {f"/{i}": {"get": {"servers": near}} for i in range(3)}
    result = made(openapi({"a": KEY}, servers=[], paths={**paths, "/up": {"servers": far, "post": {}}}))
    assert result.definition["proxy_url"] == "https://api.acme.io"
    assert any("https://upload.acme.io (1)" in note.text for note in result.notes)


def test_the_address_of_most_operations_comes_before_the_documents() -> None:
    """Where most operations have an address of their own, it is the API's, and the document's is pointed out."""
    root = [{"url": "https://www.acme.io"}]
    paths: Document = {f"/{i}": {"get": {"servers": [{"url": "https://maps.acme.io"}]}} for i in range(3)}
    result = made(openapi({"a": KEY}, servers=root, paths=paths))
    assert result.definition["proxy_url"] == "https://maps.acme.io"
    assert any("the others: https://www.acme.io" in note.text for note in result.notes)
    beside: Document = {
        f"/{i}": {"$ref": "#/x-notes", "servers": [{"url": "https://maps.acme.io"}]} for i in range(3)
    }
    referred = {**openapi({"a": KEY}, servers=root, paths=beside), "x-notes": {"get": {}}}
    assert made(referred).definition["proxy_url"] == "https://maps.acme.io"
    few = {**paths, **{f"/more{i}": {"get": {}} for i in range(3)}}
    result = made(openapi({"a": KEY}, servers=root, paths=few))
    assert result.definition["proxy_url"] == "https://www.acme.io"
