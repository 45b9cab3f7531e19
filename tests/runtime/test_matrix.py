"""Auth type × template × mutation × header override: what a real upstream receives.

The expected header is put together here from the documentation's rules, apart from the code under test.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Runtime, oauth, static

DOMAIN = "acme.freshdesk.example"

TYPES: dict[str, dict[str, Any]] = {
    "OAUTH": {
        "oauth_config": {"authorize_uri": "https://a.example/a", "token_uri": "https://a.example/t"},
    },
    "BASIC": {"fields": [{"field_name": "username"}, {"field_name": "password"}]},
    "BEARER": {"fields": [{"field_name": "token"}]},
    "API_KEY": {"fields": [{"field_name": "api_key"}]},
}
CREDENTIAL = {"OAUTH": "token", "BASIC": "password", "BEARER": "token", "API_KEY": "api_key"}
TEMPLATES = {
    "plain": ("https://api.example.com/base", "api.example.com", "/base"),
    "domain": ("https://{{domain}}/api", DOMAIN, "/api"),
    "subdomain and version": (
        "https://{{domain}}.example.com/{{version}}",
        f"{DOMAIN}.example.com",
        "/v%202",
    ),
    "path variable": ("https://api.example.com/t/{{tenant}}/x/", "api.example.com", "/t/a%2Fb/x"),
}
MUTATIONS = {
    "none": {},
    "prefix": {"prefix": "Key "},
    "suffix": {"suffix": "/token"},
    "prefix and suffix": {"prefix": "<", "suffix": ">"},
    "default": {"default": "X"},
    "default, prefix and suffix": {"default": "X", "prefix": "<", "suffix": ">"},
}
OVERRIDES = {"Authorization": None, "X-Api-Key": "X-Api-Key"}
VALUES = {"username": "me", "password": "s3cret", "token": "s3cret", "api_key": "s3cret"}


def mutate(value: str, mutation: dict[str, str]) -> str:
    value = value or mutation.get("default", "")
    return f"{mutation.get('prefix', '')}{value}{mutation.get('suffix', '')}" if value else ""


def expected_header(kind: str, value: str) -> str:
    if kind == "BASIC":
        return "Basic " + base64.b64encode(f"me:{value}".encode()).decode()
    return value if kind == "API_KEY" else f"Bearer {value}"


def cases() -> Iterator[tuple[str, str, str, str, bool]]:
    for kind, template, mutation, override in itertools.product(TYPES, TEMPLATES, MUTATIONS, OVERRIDES):
        # A default matters when the value is empty, and must not when it is not.
        for empty in (False, True) if "default" in mutation else (False,):
            yield kind, template, mutation, override, empty


def test_the_upstream_receives_what_the_documentation_says(runtime: Runtime) -> None:
    """For every combination: method, URL, Host and the one credential header arrive as documented."""
    seen = 0
    for number, (kind, template, mutation_name, header, empty) in enumerate(cases()):
        proxy_url, host, base = TEMPLATES[template]
        mutation = MUTATIONS[mutation_name]
        pattern: dict[str, Any] = {"type": kind, **TYPES[kind]}
        if mutation:
            pattern["auth_field_mutations"] = {CREDENTIAL[kind]: mutation}
        if OVERRIDES[header]:
            pattern["auth_header_key_override"] = header
        value = "" if empty else VALUES[CREDENTIAL[kind]]
        details = {**VALUES, CREDENTIAL[kind]: value}
        variables = {"domain": DOMAIN, "version": "v 2", "tenant": "a/b"}
        name = f"connection-{number}"
        runtime.connection(runtime.connector(pattern, proxy_url=proxy_url), kind, name)
        if kind == "OAUTH":
            runtime.account(oauth(value), {"path_variables": variables}, connector=name)
        else:
            runtime.account(static(**details, path_variables=variables), connector=name)
        where = (kind, template, mutation_name, header, empty)

        answer = runtime.call(
            "/v1/things?a=b%20c", "POST", content=b"body", headers={"connection_name": name}
        )

        assert answer.status_code == 200, (where, answer.text)
        received = runtime.upstream.last
        assert (received.method, received.body) == ("POST", b"body"), where
        assert received.target == f"{base}/v1/things?a=b%20c", where
        assert received.header("host") == [host], where
        assert received.header(header) == [expected_header(kind, mutate(value, mutation))], where
        others = {"Authorization", "X-Api-Key"} - {header}
        assert [received.header(other) for other in others] == [[]], where
        seen += 1
    assert seen == 4 * 4 * 2 * 8


API_KEY = {"type": "API_KEY", "fields": [{"field_name": "api_key"}]}


@pytest.mark.parametrize(
    ("pattern", "details", "expected"),
    [
        pytest.param(
            {"type": "BASIC", "fields": [{"field_name": "domain"}, {"field_name": "username"}]},
            static(username="key", domain="acme.example"),
            {"Authorization": "Basic " + base64.b64encode(b"key:").decode()},
            id="Basic without a password",
        ),
        pytest.param(
            {
                "type": "BASIC",
                "fields": [{"field_name": "username"}],
                "auth_field_mutations": {"password": {"default": "X"}},
            },
            static(username="key"),
            {"Authorization": "Basic " + base64.b64encode(b"key:X").decode()},
            id="Freshdesk: a password by default",
        ),
        pytest.param(
            {
                "type": "BASIC",
                "fields": [{"field_name": "username"}, {"field_name": "password"}],
                "auth_field_mutations": {"username": {"suffix": "/token"}},
            },
            static(username="me@example.com", password="k"),
            {"Authorization": "Basic " + base64.b64encode(b"me@example.com/token:k").decode()},
            id="Zendesk: a user name with a suffix",
        ),
        pytest.param(
            {
                **API_KEY,
                "auth_header_key_override": "Authorization",
                "auth_field_mutations": {"api_key": {"prefix": "Klaviyo-API-Key "}},
            },
            static(api_key="pk_1"),
            {"Authorization": "Klaviyo-API-Key pk_1"},
            id="Klaviyo: a key with a prefix",
        ),
        pytest.param(
            {
                "type": "API_KEY",
                "fields": [
                    {"field_name": "api_key", "header_name": "DD-API-KEY", "required": True},
                    {"field_name": "app_key", "header_name": "DD-APPLICATION-KEY", "required": True},
                    {"field_name": "extra", "header_name": "X-Extra"},
                    {"field_name": "site"},
                ],
                "auth_field_mutations": {"app_key": {"prefix": "p-"}},
            },
            static(api_key="a", app_key="b", site="not sent"),
            {"DD-API-KEY": "a", "DD-APPLICATION-KEY": "p-b", "X-Extra": None, "Authorization": None},
            id="one header for each field",
        ),
        pytest.param(
            {"type": "NO_AUTH", "is_mcp": True, "fields": []},
            None,
            {"Authorization": None},
            id="no authentication",
        ),
        pytest.param(
            {"type": "BASIC", "fields": [{"field_name": "username"}]},
            static(username="caf\u00e9"),
            {"Authorization": "Basic " + base64.b64encode("caf\u00e9:".encode()).decode()},
            id="Basic in UTF-8",
        ),
    ],
)
def test_particular_patterns(
    runtime: Runtime, pattern: dict[str, Any], details: dict[str, Any] | None, expected: dict[str, str | None]
) -> None:
    """Published payloads and the corners of the rules arrive as documented."""
    runtime.set_up(pattern, details)
    assert runtime.call("/x").status_code == 200
    for name, value in expected.items():
        assert runtime.upstream.last.header(name) == ([] if value is None else [value])
