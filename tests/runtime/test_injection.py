"""The upstream request as a pure function: masks, escapes and refusals, also for hostile values."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit.tool_proxy.account import (
    AccountValues,
    ForbiddenDomain,
    InjectionError,
    connected_account,
)
from pulumi_scalekit.tool_proxy.dry_run import dry_run
from pulumi_scalekit.tool_proxy.request import upstream_request

from .conftest import oauth, static

URL = "https://api.example.com"


def definition(pattern: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"proxy_url": URL, "proxy_enabled": True, "auth_patterns": [pattern], **changes}


BEARER = {"type": "BEARER", "fields": [{"field_name": "token"}]}
TEXT = st.text(max_size=30)


@pytest.mark.parametrize(
    ("pattern", "details", "shown"),
    [
        ({"type": "BASIC"}, static(username="canary", password="canary"), {"Authorization": "Basic ****"}),
        (BEARER, static(token="canary"), {"Authorization": "Bearer ****"}),
        ({"type": "OAUTH"}, oauth("canary"), {"Authorization": "Bearer ****"}),
        (
            {
                "type": "API_KEY",
                "auth_header_key_override": "X-Key",
                "auth_field_mutations": {"api_key": {"prefix": "Klaviyo-API-Key "}},
            },
            static(api_key="canary"),
            {"X-Key": "Klaviyo-API-Key ****"},
        ),
        (
            {**BEARER, "auth_field_mutations": {"token": {"default": "canary"}}},
            static(),
            {"Authorization": "Bearer ****"},
        ),
        ({"type": "NO_AUTH"}, {}, {}),
    ],
)
def test_credentials_are_masked_wherever_they_are_shown(
    pattern: dict[str, Any], details: dict[str, Any], shown: dict[str, str]
) -> None:
    """The masked form keeps the scheme and the definition's own words; `repr` shows nothing either."""
    account = AccountValues.from_api(details)
    request = upstream_request(definition(pattern), account)
    assert request.masked() == shown
    assert "canary" not in repr(request) + repr(account) + request.masked_url
    if pattern["type"] != "NO_AUTH":
        assert "canary" in base64.b64decode(request.headers[0].value.split()[-1] + "==").decode(
            "latin-1"
        ) or ("canary" in request.headers[0].value)


def test_password_fields_in_the_url_are_masked() -> None:
    """A path parameter that is typed as a password is masked in the URL that is shown."""
    pattern = {
        "type": "NO_AUTH",
        "fields": [
            {"field_name": "bot", "input_type": "password", "is_path_param": True},
            {"field_name": "version", "is_path_param": True},
        ],
    }
    account = AccountValues.from_api(static(path_variables={"bot": "canary", "version": "v1"}))
    request = upstream_request(
        definition(pattern, proxy_url=URL + "/{{version}}/bot{{bot}}"), account, "/send"
    )
    assert request.url == f"{URL}/v1/botcanary/send"
    assert request.masked_url == f"{URL}/v1/bot****/send"


def test_a_credential_in_the_url_is_masked_whatever_its_input_type() -> None:
    """A token that is a part of the path is a credential there, too, declared as a password or not."""
    pattern = {"type": "BEARER", "fields": [{"field_name": "token"}]}
    account = AccountValues.from_api(static(token="canary"))
    request = upstream_request(definition(pattern, proxy_url=URL + "/bot{{token}}"), account)
    assert request.url == f"{URL}/botcanary"
    assert request.masked_url == f"{URL}/bot****"


def test_a_credential_in_the_host_is_masked_in_a_refusal() -> None:
    """The host that `allowed_proxy_domains` does not let through is shown without what is secret in it."""
    pattern = {
        "type": "BEARER",
        "fields": [{"field_name": "token"}, {"field_name": "key", "input_type": "password"}],
        "allowed_proxy_domains": ["acme.com"],
    }
    account = AccountValues.from_api(static(token="t", path_variables={"key": "canary"}))
    with pytest.raises(InjectionError, match=r"requests to \*\*\*\*\.acme\.io through"):
        upstream_request(definition(pattern, proxy_url="https://{{key}}.acme.io"), account)


def test_only_an_api_key_has_headers_of_its_own() -> None:
    """A bearer token stays the credential of a call, whatever other headers a field names."""
    pattern = {
        "type": "BEARER",
        "fields": [{"field_name": "token"}, {"field_name": "org", "header_name": "X-Org"}],
    }
    shown = dry_run(definition(pattern), "GET", "/", {}).request.masked()
    assert shown == {"Authorization": "Bearer ****"}


def test_an_oauth_account_keeps_every_value_or_refuses_it() -> None:
    """A value that goes into an endpoint's URL is a path variable; one that goes nowhere is refused by name."""
    pattern = {
        "type": "OAUTH",
        "oauth_config": {"token_uri": "https://{{tenant}}.acme.io/token"},
        "account_fields": [{"field_name": "tenant", "is_path_param": True}, {"field_name": "note"}],
    }
    body = connected_account(definition(pattern), {"token": "t", "tenant": "x"})
    assert body["api_config"] == {"path_variables": {"tenant": "x"}}
    template = definition(pattern, proxy_url="https://{{domain}}")
    body = connected_account(template, {"token": "t", "domain": "a.example"})
    assert body["api_config"] == {"path_variables": {"domain": "a.example"}}
    with pytest.raises(InjectionError, match="has no place for note"):
        connected_account(definition(pattern), {"token": "t", "note": "y"})


@pytest.mark.parametrize("used", ["https://api.example.com/{{bot}}/{{domain}}", URL])
def test_a_value_of_a_static_account_has_one_place(used: str) -> None:
    """Path parameters are path variables, in the URL or not; everything else is a detail; nothing is both."""
    pattern = {
        "type": "BEARER",
        "fields": [
            {"field_name": "token"},
            {"field_name": "bot", "is_path_param": True},
            {"field_name": "domain"},
        ],
    }
    body = connected_account(
        definition(pattern, proxy_url=used), {"token": "t", "bot": "b", "domain": "d", "other": "o"}
    )
    assert body["authorization_details"] == static(
        token="t", domain="d", other="o", path_variables={"bot": "b"}
    )


def test_a_path_variable_wins_over_a_detail() -> None:
    """`path_variables` is the place for placeholders; a plain detail of the name is the fall-back."""
    template = definition(BEARER, proxy_url="https://{{domain}}")
    both = AccountValues.from_api(
        static(token="t", domain="detail.example", path_variables={"domain": "a.example"})
    )
    plain = AccountValues.from_api(static(token="t", domain="detail.example"))
    assert upstream_request(template, both).url == "https://a.example"
    assert upstream_request(template, plain).url == "https://detail.example"


def test_the_domain_of_an_oauth_token_is_the_last_resort() -> None:
    """`oauth_token.domain` fills `{{domain}}` where `api_config` has none."""
    template = definition({"type": "OAUTH"}, proxy_url="https://{{domain}}")
    token = oauth("t", domain="token.example")
    assert upstream_request(template, AccountValues.from_api(token)).url == "https://token.example"
    config = {"path_variables": {"domain": "config.example"}}
    assert upstream_request(template, AccountValues.from_api(token, config)).url == "https://config.example"


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (7.0, "7"), (1.5, "1.5")])
def test_numbers_are_written_plainly(value: float, text: str) -> None:
    """Numbers of a protobuf Struct are doubles; integral ones have no fraction in a URL."""
    account = AccountValues.from_api(static(token="t", path_variables={"version": value}))
    assert (
        upstream_request(definition(BEARER, proxy_url=URL + "/v{{version}}"), account).url == f"{URL}/v{text}"
    )


@pytest.mark.parametrize(
    ("changes", "path", "query", "says"),
    [
        ({"auth_patterns": []}, "", "", "no auth pattern"),
        ({"proxy_url": ""}, "", "", "no proxy_url"),
        ({"proxy_url": "http://x.example"}, "", "", "not an https URL"),
        ({"proxy_url": "https://user@x.example"}, "", "", "not an https URL"),
        ({"proxy_url": "https://x.example:port"}, "", "", "not a URL"),
        ({"auth_patterns": [{"type": "SMART_FHIR"}]}, "", "", "SMART_FHIR"),
        ({}, "x", "", "start with a slash"),
        ({}, "@evil.example", "", "start with a slash"),
        ({}, "/a b", "", "percent-encoded"),
        ({}, "/a", "x#y", "percent-encoded"),
        ({}, "/\r\nX: 1", "", "percent-encoded"),
        ({}, "/../x", "", "dot segment"),
    ],
)
def test_what_cannot_be_sent_is_refused(changes: dict[str, Any], path: str, query: str, says: str) -> None:
    """Each refusal says what is wrong."""
    account = AccountValues.from_api(static(token="t"))
    with pytest.raises(InjectionError, match=says):
        upstream_request({**definition(BEARER), **changes}, account, path, query)


@given(domain=TEXT, tenant=TEXT, path=TEXT, query=TEXT)
def test_no_value_changes_the_host_or_the_base(domain: str, tenant: str, path: str, query: str) -> None:
    """Whatever an account holds and a caller asks for: the host ends as declared, the base is not left."""
    account = AccountValues.from_api(static(token="t", path_variables={"domain": domain, "tenant": tenant}))
    template = definition(BEARER, proxy_url="https://{{domain}}.example.com/base/{{tenant}}")
    try:
        url = upstream_request(template, account, path, query).url
    except InjectionError:
        return
    parts = urlsplit(url)
    assert parts.scheme == "https"
    assert (parts.hostname or "").endswith(".example.com")
    assert "@" not in parts.netloc
    assert parts.path.startswith("/base/")
    assert ".." not in parts.path.split("/")
    assert url.isascii()
    assert url.isprintable()


@given(domain=TEXT)
def test_an_allowed_domain_cannot_be_talked_around(domain: str) -> None:
    """With `allowed_proxy_domains` a request goes there or nowhere."""
    pattern = {**BEARER, "allowed_proxy_domains": ["example.com"]}
    account = AccountValues.from_api(static(token="t", domain=domain))
    try:
        url = upstream_request(definition(pattern, proxy_url="https://{{domain}}"), account).url
    except (InjectionError, ForbiddenDomain):
        return
    host = urlsplit(url).hostname or ""
    assert host == "example.com" or host.endswith(".example.com")


@given(value=st.text(min_size=1, max_size=30), prefix=TEXT, suffix=TEXT)
def test_no_credential_breaks_out_of_its_header(value: str, prefix: str, suffix: str) -> None:
    """A value is sent whole in one header, or refused; never cut, never on a line of its own."""
    pattern = {"type": "API_KEY", "auth_field_mutations": {"api_key": {"prefix": prefix, "suffix": suffix}}}
    try:
        (header,) = upstream_request(
            definition(pattern), AccountValues.from_api(static(api_key=value))
        ).headers
    except InjectionError:
        return
    assert header.value == prefix + value + suffix
    assert header.value.isascii()
    assert header.value.isprintable()
