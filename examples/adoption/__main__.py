"""An adoption: a connector that somebody made in the dashboard comes under Pulumi, without a new one.

`pulumi preview` names the connector that is taken over, and what would change in it. For many connectors,
`pulumi-scalekit import` writes their code and the stack's state instead.
"""

import pulumi

import pulumi_scalekit as scalekit

notes = scalekit.Connector(
    "notes",
    display_name="Team Notes",
    description="Notes of the whole team",
    proxy_url="https://api.notes.example.com",
    auth_patterns=[
        scalekit.BearerAuth(
            display_name="API token",
            fields=[scalekit.Field("token", label="API token", input_type="password", required=True)],
        )
    ],
    # True: the only connector of this display name. Where several have it, give the identifier of one:
    # adopt="TEAMNOTES:12345". The argument can stay; it counts once.
    adopt=True,
    # Nobody deletes by mistake what others depend on.
    opts=pulumi.ResourceOptions(protect=True),
)

pulumi.export("identifier", notes.identifier)
