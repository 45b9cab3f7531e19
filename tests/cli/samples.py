"""Connectors that the command's tests work with."""

from __future__ import annotations

import copy
from typing import Any

Definition = dict[str, Any]

ASANA: Definition = {
    "display_name": "My Asana",
    "description": "Connect to Asana. Manage tasks, projects, teams, and workflow automation",
    "auth_patterns": [
        {
            "type": "OAUTH",
            "display_name": "OAuth 2.0",
            "description": "Authenticate with Asana using OAuth 2.0",
            "fields": [],
            "oauth_config": {
                "authorize_uri": "https://app.asana.com/-/oauth_authorize",
                "token_uri": "https://app.asana.com/-/oauth_token",
                "available_scopes": [
                    {"scope": "email", "display_name": "Email", "required": True},
                    {"scope": "profile", "display_name": "Profile", "required": True},
                ],
            },
        }
    ],
    "proxy_url": "https://app.asana.com/api",
    "proxy_enabled": True,
}
FRESHDESK: Definition = {
    "display_name": "My Freshdesk",
    "description": "Tickets, contacts and companies",
    "auth_patterns": [
        {
            "type": "BASIC",
            "display_name": "Basic Auth",
            "fields": [
                {"field_name": "domain", "label": "Freshdesk domain", "required": True},
                {"field_name": "username", "label": "API key", "input_type": "password", "required": True},
            ],
            "auth_field_mutations": {"password": {"default": "X"}},
            "x_vendor": {"b": [1, None, 2.5], "a": {"class": True}},
        }
    ],
    "proxy_url": "https://{{domain}}/api",
    "proxy_enabled": True,
    "metadata": {"team": "platform", "cost-center": "42"},
}
GITHUB: Definition = {
    "display_name": "Github MCP",
    "description": "Repositories, issues and pull requests",
    "auth_patterns": [
        {
            "type": "OAUTH",
            "display_name": "OAuth 2.1",
            "fields": [],
            "is_mcp": True,
            "oauth_config": {"pkce_enabled": True},
        }
    ],
    "proxy_url": "https://api.githubcopilot.com/mcp/",
    "proxy_enabled": True,
}
TAVILY: Definition = {
    "display_name": "Tavily",
    "auth_patterns": [
        {
            "type": "BEARER",
            "display_name": "Token",
            "fields": [{"field_name": "token", "label": "API key", "required": True}],
        }
    ],
    "proxy_url": "https://api.tavily.com",
    "proxy_enabled": True,
}
LEGACY: Definition = {**TAVILY, "display_name": "Legacy CRM", "proxy_url": "https://crm.example.com"}


def older_asana() -> Definition:
    """Asana as production may have it: with one scope less, and another description."""
    older = copy.deepcopy(ASANA)
    older["description"] = "Asana"
    del older["auth_patterns"][0]["oauth_config"]["available_scopes"][0]
    return older
