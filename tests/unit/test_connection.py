"""What a live connection is in the words of a program."""

from __future__ import annotations

import pytest

from pulumi_scalekit.definition.connection import context_of, declaration_of, same_setting
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
