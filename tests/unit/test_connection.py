"""What a live connection is in the words of a program."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.definition.connection import (
    context_of,
    declaration_of,
    has_context,
    oauth_config,
    same_setting,
)
from pulumi_scalekit.definition.keys import UNKNOWN

from ..support.definitions import OAUTH

CONNECTOR = {**OAUTH, "identifier": "CRM:1"}
LIVE = {
    "id": "conn_1",
    "provider_key": "CRM:1",
    "key_id": "crm",
    "type": "OAUTH",
    "status": "COMPLETED",
    "enabled": True,
    "auth_mode": "USER",
}


@pytest.mark.parametrize(
    ("template", "resolved", "context"),
    [
        ("https://{{domain}}/api", "https://acme.example.com/api", {"domain": "acme.example.com"}),
        ("https://{{domain}}/{{version}}", "https://acme.io/v2", {"domain": "acme.io", "version": "v2"}),
        ("https://{{domain}}/{{ version }}", "https://acme.io/{{ version }}", {"domain": "acme.io"}),
        ("https://{{domain}}/{{domain}}", "https://acme.io/acme.io", {"domain": "acme.io"}),
        ("https://{{region}}.example.com", "https://{{region}}.example.com", {}),
        (
            "https://{{domain}}/{{account}}",
            "https://acme.io/{{account}}",
            {"domain": "acme.io"},
        ),
        ("https://{{domain}}/api", "https://moved.example.com/v2", {}),
        ("https://{{domain}}/api", "", {}),
        ("https://api.example.com", "https://api.example.com", {}),
        (None, None, {}),
    ],
)
def test_what_filled_a_templated_url(template: object, resolved: object, context: dict[str, str]) -> None:
    """The context is told from the template and the resolved URL, and is empty where that is not possible."""
    assert context_of(template, resolved) == context


@pytest.mark.parametrize(
    ("resolved", "template", "context", "may_be"),
    [
        (
            "https://acme.io/v1",
            "https://{{domain}}/{{ version }}",
            {"domain": "acme.io", "version": "v1"},
            True,
        ),
        ("https://acme.io/v1", "https://{{domain}}/{{version}}", {"domain": "acme.io"}, False),
        ("https://acme.io/{{version}}", "https://{{domain}}/{{version}}", {"domain": "acme.io"}, True),
        ("https://{{domain}}", "https://{{domain}}", {"domain": "acme.io"}, False),
        ("https://acme.io", "https://{{domain}}", {"domain": UNKNOWN}, True),
        ("https://acme.io", "https://{{domain}}", None, False),
        ("", "https://{{domain}}", {"domain": "acme.io"}, False),
        ("", "https://api.acme.io", None, True),
        ("https://acme.io/old", "https://{{domain}}/new", {"domain": "acme.io"}, True),
        ("https://acme.io/old", "https://{{domain}}/new", {"domain": "other.io"}, False),
        ("https://acme.io/v1", None, {"domain": "acme.io"}, True),
        ("https://not-acme.io/v1", None, {"domain": "acme.io"}, False),
        ("https://acme.io/v1", None, None, False),
        ("", None, None, True),
    ],
)
def test_the_context_that_a_connection_may_have(
    resolved: str, template: str | None, context: dict[str, Any] | None, may_be: bool
) -> None:
    """Whole values tell, and what is left a placeholder; where nothing can be told, it may be the same."""
    assert has_context(resolved, template, context) == may_be


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://Login.acme.io/token", "https://login.acme.io:443/token", True),
        ("https://login.acme.io/token", "https://login.acme.io/token/", False),
    ],
)
def test_endpoints_are_compared_as_urls(one: str, other: str, is_same: bool) -> None:
    """How a host is written is no difference; a slash at the end is, since upstreams tell paths apart by it."""
    assert same_setting("token_uri", one, other) == is_same


def test_required_scopes_that_are_kept_are_of_the_declared_ones() -> None:
    """What is not declared is sent as it is stored, but for scopes that are no longer asked for."""
    live = {"required_scopes": ["read", "write"]}
    sent = oauth_config({}, {"scopes": ["read"], "scope_selection_allowed": True}, None, live)
    assert sent["required_scopes"] == ["read"]


def test_a_declaration_does_not_repeat_its_connector() -> None:
    """What is the connector's own, Scalekit's default or empty is left out; what differs from it is not."""
    config = {
        **OAUTH["auth_patterns"][0]["oauth_config"],
        "client_id": "app",
        "client_secret": "****",
        "scopes": [],
        "prompt": "",
        "redirect_uri": "https://env.example.com/callback",
    }
    declared = declaration_of({**LIVE, "oauth_config": config}, CONNECTOR, "CRM_SECRET")
    assert declared == {
        "connector": "CRM:1",
        "connection_name": "crm",
        "auth_type": "OAUTH",
        "oauth_app": {"client_id": "app", "client_secret_variable": "CRM_SECRET"},
    }
    config |= {"pkce_enabled": False, "token_uri": "https://other.example.com/token"}
    live = {**LIVE, "enabled": False, "auth_mode": "ORG_WIDE", "oauth_config": config}
    declared = declaration_of(live, CONNECTOR)
    assert (declared["enabled"], declared["auth_mode"]) == (False, "ORG_WIDE")
    assert declared["oauth_app"] == {
        "client_id": "app",
        "token_uri": "https://other.example.com/token",
        "pkce_enabled": False,
    }


def test_a_registered_client_is_not_declared() -> None:
    """Over MCP, Dynamic Client Registration fills in what it has filled in before; scopes are one's own."""
    connector = {"auth_patterns": [{"type": "OAUTH", "is_mcp": True, "oauth_config": {"pkce_enabled": True}}]}
    config = {"client_id": "dcr-1", "token_endpoint_auth_method": "none", "client_secret": "****"}
    assert "oauth_app" not in declaration_of({**LIVE, "oauth_config": config}, connector, "CRM_SECRET")
    scoped = {**config, "scopes": ["read"]}
    declared = declaration_of({**LIVE, "oauth_config": scoped}, connector, "CRM_SECRET")
    assert declared["oauth_app"] == {"scopes": ["read"]}


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (["a", "b"], ["b", "a"], True),
        (["a", "b"], ["a"], False),
        (["a", UNKNOWN], ["a", UNKNOWN], False),
        (["a"], [{"scope": "a"}, {"scope": "b"}], False),
        ([{"scope": "b"}, 1, "a"], ["a", 1, {"scope": "b"}], True),
        ([1], ["1"], False),
        ([], None, True),
        ("", None, True),
        (None, UNKNOWN, False),
    ],
)
def test_whether_two_settings_mean_the_same(old: object, new: object, same: bool) -> None:
    """The order of a list does not count, nor what is empty, and a value of a wrong type is only another value."""
    assert same_setting("scopes", old, new) is same_setting("scopes", new, old) is same
