"""HTTP Basic authentication: a user name and an API token, and a host of each account's own."""

import pulumi

import pulumi_scalekit as scalekit

helpdesk = scalekit.Connector(
    "helpdesk",
    display_name="Helpdesk",
    description="Tickets and customers",
    proxy_url="https://{{domain}}/api/v2",
    auth_patterns=[
        scalekit.BasicAuth(
            display_name="API token",
            description="Create a token in the helpdesk under Admin > API",
            fields=[
                # Part of the URL, and no credential.
                scalekit.Field(
                    "domain",
                    label="Helpdesk domain",
                    hint="Such as yourcompany.helpdesk.example.com",
                    required=True,
                    is_path_param=True,
                ),
                scalekit.Field("username", label="Email address", required=True),
                scalekit.Field("password", label="API token", input_type="password", required=True),
            ],
            # The upstream tells tokens from passwords by this end of the user name.
            mutations={"username": scalekit.Mutation(suffix="/token")},
        )
    ],
)

pulumi.export("identifier", helpdesk.identifier)
