"""Typed patterns stand for the documentation's JSON."""

from __future__ import annotations

import pulumi_scalekit as scalekit
from pulumi_scalekit.payload import to_payload

from ..support.definitions import API_KEY, BASIC, NO_AUTH, OAUTH


def test_every_typed_class_is_its_json() -> None:
    """Typed objects make the very JSON objects of the payload, at any depth."""
    oauth = scalekit.OAuth(
        display_name="OAuth 2.0",
        description="Sign in",
        account_fields=[
            scalekit.Field(
                "region",
                label="Region",
                input_type="select",
                hint="Where the account lives",
                required=True,
                is_path_param=True,
                options=[
                    scalekit.Option("eu", display_name="Europe", description="Frankfurt", default=True),
                    {"value": "us", "display_name": "America"},
                ],
            )
        ],
        oauth_config=scalekit.OAuthConfig(
            authorize_uri="https://example.com/authorize",
            token_uri="https://example.com/token",
            user_info_uri="https://example.com/me",
            available_scopes=[
                scalekit.Scope("read", display_name="Read", description="Read everything", required=True),
                scalekit.Scope("write", display_name="Write", required=False),
            ],
            pkce_enabled=True,
            custom_scope_name="user_scope",
            allow_use_scalekit_credentials=True,
        ),
        auth_header_key_override="X-Token",
        mutations={"token": scalekit.Mutation(prefix="v1 ")},
        allowed_proxy_domains=["example.com", "example.org"],
        extra={"x_vendor": {"retries": 3, "ratio": 0.5, "tags": ["a", "b"]}},
    )
    api_key = scalekit.ApiKeyAuth(
        display_name="Keys",
        fields=[
            scalekit.Field(
                "api_key", label="Key", input_type="password", header_name="X-Api-Key", required=True
            ),
            scalekit.Field("app_key", label="App", header_name="X-App-Key"),
            scalekit.Field("version", label="Version", is_path_param=True),
        ],
        mutations={"api_key": scalekit.Mutation(prefix="Key ", suffix="!", default="none")},
    )
    basic = scalekit.BasicAuth(
        display_name="User and password",
        fields=[scalekit.Field("username", required=True), scalekit.Field("password")],
        mutations={"username": {"suffix": "/token"}},
    )
    no_auth = scalekit.NoAuth(display_name="None", is_mcp=True)
    for typed, documented in ((oauth, OAUTH), (api_key, API_KEY), (basic, BASIC), (no_auth, NO_AUTH)):
        assert to_payload([typed]) == documented["auth_patterns"]


def test_nothing_is_made_up() -> None:
    """Attributes that are not given are not in the payload, except for the list of fields, as documented."""
    assert to_payload(scalekit.BearerAuth(display_name="Token")) == {
        "type": "BEARER",
        "display_name": "Token",
        "fields": [],
    }
    assert to_payload(scalekit.Field("token")) == {"field_name": "token"}
    assert to_payload(scalekit.OAuthConfig()) == {}
