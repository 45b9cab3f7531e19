"""Connectors of Scalekit's own catalogue, a few of them."""

from __future__ import annotations

from .records import Json

BUILT_IN: tuple[tuple[str, Json, str], ...] = (
    (
        "GITHUB",
        {
            "display_name": "GitHub",
            "description": "Repositories, issues and pull requests",
            "auth_patterns": [
                {
                    "type": "OAUTH",
                    "display_name": "OAuth 2.0",
                    "fields": [],
                    "oauth_config": {
                        "authorize_uri": "https://github.com/login/oauth/authorize",
                        "token_uri": "https://github.com/login/oauth/access_token",
                        "user_info_uri": "https://api.github.com/user",
                        "available_scopes": [
                            {"scope": "repo", "display_name": "Repositories", "required": True}
                        ],
                    },
                }
            ],
            "proxy_url": "https://api.github.com",
            "proxy_enabled": True,
        },
        "Developer tools",
    ),
    (
        "ATTIO",
        {
            "display_name": "Attio",
            "description": "Customer records",
            "auth_patterns": [
                {
                    "type": "BEARER",
                    "display_name": "API key",
                    "fields": [
                        {
                            "field_name": "token",
                            "label": "API key",
                            "input_type": "password",
                            "required": True,
                        }
                    ],
                }
            ],
            "proxy_url": "https://api.attio.com",
            "proxy_enabled": True,
        },
        "CRM",
    ),
)
"""A few connectors of the catalogue, so that lists which mix them with custom ones can be tried."""
