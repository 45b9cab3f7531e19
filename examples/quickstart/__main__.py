"""The nine connectors of Scalekit's documentation: every auth type, over REST and over MCP."""

import pulumi

import pulumi_scalekit as scalekit

asana = scalekit.Connector(
    "asana",
    display_name="My Asana",
    description="Connect to Asana. Manage tasks, projects, teams, and workflow automation",
    proxy_url="https://app.asana.com/api",
    auth_patterns=[
        scalekit.OAuth(
            display_name="OAuth 2.0",
            description="Authenticate with Asana using OAuth 2.0 for comprehensive project management",
            oauth_config=scalekit.OAuthConfig(
                authorize_uri="https://app.asana.com/-/oauth_authorize",
                token_uri="https://app.asana.com/-/oauth_token",
                user_info_uri="https://app.asana.com/api/1.0/users/me",
                available_scopes=[
                    scalekit.Scope(
                        "profile",
                        display_name="Profile",
                        description="Access user profile information",
                        required=True,
                    ),
                    scalekit.Scope(
                        "email",
                        display_name="Email",
                        description="Access user email address",
                        required=True,
                    ),
                ],
            ),
        )
    ],
)

bearer = scalekit.Connector(
    "bearer",
    display_name="My Bearer Token Provider",
    description="Connect to an API that accepts a static bearer token",
    proxy_url="https://api.example.com",
    auth_patterns=[
        scalekit.BearerAuth(
            display_name="Bearer Token",
            description="Authenticate with a static bearer token",
            fields=[
                scalekit.Field(
                    "token",
                    label="Bearer Token",
                    input_type="password",
                    hint="Your long-lived bearer token",
                    required=True,
                )
            ],
        )
    ],
)

# The account's own domain fills {{domain}} in the URL.
freshdesk = scalekit.Connector(
    "freshdesk",
    display_name="My Freshdesk",
    description=("Connect to Freshdesk. Manage tickets, contacts, companies, and customer support workflows"),
    proxy_url="https://{{domain}}/api",
    auth_patterns=[
        scalekit.BasicAuth(
            display_name="Basic Auth",
            description=(
                "Authenticate with Freshdesk using Basic Auth with username and password "
                "for comprehensive helpdesk management"
            ),
            fields=[
                scalekit.Field(
                    "domain",
                    label="Freshdesk Domain",
                    input_type="text",
                    hint="Your Freshdesk domain (e.g., yourcompany.freshdesk.com)",
                    required=True,
                ),
                scalekit.Field(
                    "username",
                    label="API Key",
                    input_type="text",
                    hint="Your Freshdesk API Key",
                    required=True,
                ),
            ],
        )
    ],
)

# A payload can stay the JSON that it is in the documentation.
attention = scalekit.Connector.from_json("attention", "attention.json")

# MCP servers that register clients dynamically need PKCE and nothing else.
github_mcp = scalekit.Connector(
    "github-mcp",
    display_name="Github MCP",
    description="Connect to Github MCP",
    proxy_url="https://api.githubcopilot.com/mcp/",
    auth_patterns=[
        scalekit.OAuth(
            display_name="OAuth 2.1/DCR",
            description="Authenticate with Github MCP using browser OAuth.",
            is_mcp=True,
            oauth_config=scalekit.OAuthConfig(pkce_enabled=True),
        )
    ],
)

apify_mcp = scalekit.Connector(
    "apify-mcp",
    display_name="Apify MCP",
    description="Connect to Apify MCP for web scraping and data extraction",
    proxy_url="https://mcp.apify.com",
    auth_patterns=[
        scalekit.BearerAuth(
            display_name="Apify Token",
            description="Authenticate with Apify using your API Token.",
            is_mcp=True,
            fields=[
                scalekit.Field(
                    "token",
                    label="Apify Token",
                    input_type="password",
                    hint="Your Apify API Token",
                    required=True,
                )
            ],
        )
    ],
)

internal_mcp = scalekit.Connector(
    "internal-mcp",
    display_name="My Internal MCP",
    description="Connect to an internal MCP server that authenticates with a username and password",
    proxy_url="https://mcp.internal.example.com",
    auth_patterns=[
        scalekit.BasicAuth(
            display_name="Basic Auth",
            description="Authenticate with a username and password",
            is_mcp=True,
            fields=[
                scalekit.Field(
                    "username", label="Username", input_type="text", hint="Your username", required=True
                ),
                scalekit.Field(
                    "password", label="Password", input_type="password", hint="Your password", required=True
                ),
            ],
        )
    ],
)

api_key_mcp = scalekit.Connector(
    "api-key-mcp",
    display_name="My API Key MCP",
    description="Connect to an MCP server that authenticates with a static API key",
    proxy_url="https://mcp.example.com",
    auth_patterns=[
        scalekit.ApiKeyAuth(
            display_name="API Key",
            description="Authenticate with a static API key",
            is_mcp=True,
            fields=[
                scalekit.Field(
                    "api_key", label="API Key", input_type="password", hint="Your API key", required=True
                )
            ],
        )
    ],
)

docs_mcp = scalekit.Connector(
    "docs-mcp",
    display_name="Public Docs MCP",
    description="Connect to a public MCP server that requires no credentials",
    proxy_url="https://mcp.example.com",
    auth_patterns=[
        scalekit.NoAuth(
            display_name="No Auth",
            description="Public server - no credentials required.",
            is_mcp=True,
        )
    ],
)

# Connections name a connector by its identifier, which Scalekit makes.
pulumi.export("asana", asana.identifier)
pulumi.export("bearer", bearer.identifier)
pulumi.export("freshdesk", freshdesk.identifier)
pulumi.export("attention", attention.identifier)
pulumi.export("github_mcp", github_mcp.identifier)
pulumi.export("apify_mcp", apify_mcp.identifier)
pulumi.export("internal_mcp", internal_mcp.identifier)
pulumi.export("api_key_mcp", api_key_mcp.identifier)
pulumi.export("docs_mcp", docs_mcp.identifier)
