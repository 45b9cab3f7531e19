"""Definitions that tests start from: each valid, and together with every property that a definition can have."""

from __future__ import annotations

from typing import Any

Definition = dict[str, Any]

OAUTH: Definition = {
    "display_name": "Every OAuth property",
    "description": "An OAuth connector",
    "auth_patterns": [
        {
            "type": "OAUTH",
            "display_name": "OAuth 2.0",
            "description": "Sign in",
            "fields": [],
            "account_fields": [
                {
                    "field_name": "region",
                    "label": "Region",
                    "input_type": "select",
                    "hint": "Where the account lives",
                    "required": True,
                    "is_path_param": True,
                    "options": [
                        {
                            "value": "eu",
                            "display_name": "Europe",
                            "description": "Frankfurt",
                            "default": True,
                        },
                        {"value": "us", "display_name": "America"},
                    ],
                }
            ],
            "oauth_config": {
                "authorize_uri": "https://example.com/authorize",
                "token_uri": "https://example.com/token",
                "user_info_uri": "https://example.com/me",
                "available_scopes": [
                    {
                        "scope": "read",
                        "display_name": "Read",
                        "description": "Read everything",
                        "required": True,
                    },
                    {"scope": "write", "display_name": "Write", "required": False},
                ],
                "pkce_enabled": True,
                "custom_scope_name": "user_scope",
                "allow_use_scalekit_credentials": True,
            },
            "auth_header_key_override": "X-Token",
            "auth_field_mutations": {"token": {"prefix": "v1 "}},
            "allowed_proxy_domains": ["example.com", "example.org"],
            "x_vendor": {"retries": 3, "ratio": 0.5, "tags": ["a", "b"]},
        }
    ],
    "proxy_url": "https://{{region}}.example.com/api",
    "proxy_enabled": True,
    "icon_src": "https://cdn.example.com/icon.svg",
    "metadata": {"team": "platform", "cost-center": "42", "service.tier": "gold"},
}

API_KEY: Definition = {
    "display_name": "Every static property",
    "description": "A connector with keys",
    "auth_patterns": [
        {
            "type": "API_KEY",
            "display_name": "Keys",
            "fields": [
                {
                    "field_name": "api_key",
                    "label": "Key",
                    "input_type": "password",
                    "header_name": "X-Api-Key",
                    "required": True,
                },
                {"field_name": "app_key", "label": "App", "header_name": "X-App-Key"},
                {"field_name": "version", "label": "Version", "is_path_param": True},
            ],
            "auth_field_mutations": {"api_key": {"prefix": "Key ", "suffix": "!", "default": "none"}},
        }
    ],
    "proxy_url": "https://api.example.com/{{version}}",
    "proxy_enabled": True,
}

BEARER: Definition = {
    "display_name": "Plain bearer",
    "auth_patterns": [
        {
            "type": "BEARER",
            "display_name": "Token",
            "fields": [{"field_name": "token", "label": "Token", "required": True}],
        }
    ],
    "proxy_url": "https://api.example.com",
    "proxy_enabled": True,
}

BASIC: Definition = {
    "display_name": "Plain basic",
    "auth_patterns": [
        {
            "type": "BASIC",
            "display_name": "User and password",
            "fields": [{"field_name": "username", "required": True}, {"field_name": "password"}],
            "auth_field_mutations": {"username": {"suffix": "/token"}},
        }
    ],
    "proxy_url": "https://api.example.com",
    "proxy_enabled": True,
}

NO_AUTH: Definition = {
    "display_name": "Public MCP",
    "auth_patterns": [{"type": "NO_AUTH", "display_name": "None", "fields": [], "is_mcp": True}],
    "proxy_url": "https://mcp.example.com/mcp",
    "proxy_enabled": True,
}

ALL = (OAUTH, API_KEY, BEARER, BASIC, NO_AUTH)


def named(definition: Definition, display_name: str, **changes: Any) -> Definition:
    """A copy of a definition with another name, and maybe other properties; `None` leaves one out."""
    merged = {**definition, "display_name": display_name, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def bearer(display_name: str, **changes: Any) -> Definition:
    """A small valid definition."""
    return named(BEARER, display_name, **changes)
