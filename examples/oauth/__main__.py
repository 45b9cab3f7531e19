"""OAuth over REST: users authorize access at the upstream, and Scalekit exchanges and refreshes the tokens."""

import pulumi

import pulumi_scalekit as scalekit

config = pulumi.Config()

crm = scalekit.Connector(
    "crm",
    display_name="CRM",
    description="Contacts and deals",
    # Each account has a host of its own: the account field of this name fills the placeholder.
    proxy_url="https://{{domain}}/api",
    auth_patterns=[
        scalekit.OAuth(
            display_name="OAuth 2.0",
            description="Authorize with your CRM user",
            oauth_config=scalekit.OAuthConfig(
                authorize_uri="https://login.crm.example.com/oauth/authorize",
                token_uri="https://login.crm.example.com/oauth/token",
                user_info_uri="https://login.crm.example.com/oauth/userinfo",
                pkce_enabled=True,
                available_scopes=[
                    # Every connection has the required scopes; the others can be chosen.
                    scalekit.Scope("contacts.read", display_name="Read contacts", required=True),
                    scalekit.Scope("contacts.write", display_name="Change contacts"),
                ],
            ),
            account_fields=[
                scalekit.Field(
                    "domain",
                    label="CRM domain",
                    hint="Such as yourcompany.crm.example.com",
                    required=True,
                    is_path_param=True,
                )
            ],
        )
    ],
)

# Over REST, a connection needs the client id and the secret of an OAuth application at the upstream:
#   pulumi config set clientId 0oa1…
#   pulumi config set --secret clientSecret …
connection = scalekit.Connection(
    "crm",
    connector=crm,
    connection_name="crm",
    oauth_app=scalekit.OAuthApp(
        client_id=config.require("clientId"),
        client_secret=config.require_secret("clientSecret"),
        scopes=["contacts.read"],
    ),
)

# Register this URL with the OAuth application.
pulumi.export("redirect_uri", connection.redirect_uri)
