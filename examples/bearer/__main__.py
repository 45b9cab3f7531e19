"""A bearer token that users paste: the simplest connector over REST."""

import pulumi

import pulumi_scalekit as scalekit

search = scalekit.Connector(
    "search",
    display_name="Web Search",
    description="Search the web",
    proxy_url="https://api.search.example.com",
    auth_patterns=[
        scalekit.BearerAuth(
            display_name="API token",
            # The name `token` tells Scalekit what to send as `Authorization: Bearer …`.
            fields=[scalekit.Field("token", label="API token", input_type="password", required=True)],
            # Calls through Tool Proxy go nowhere else.
            allowed_proxy_domains=["api.search.example.com"],
        )
    ],
    # Plain strings of your own, for whoever looks after the connector.
    metadata={"team": "platform"},
)

pulumi.export("identifier", search.identifier)
