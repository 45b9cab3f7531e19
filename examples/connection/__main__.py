"""A connector with a connection: Pulumi makes them in order, and removes them in the reverse."""

import pulumi

import pulumi_scalekit as scalekit

echo = scalekit.Connector(
    "echo",
    display_name="Echo",
    description="An API that returns what it received",
    proxy_url="https://echo.example.com/v1",
    auth_patterns=[
        scalekit.ApiKeyAuth(
            display_name="API key",
            auth_header_key_override="X-API-Key",
            mutations={"api_key": scalekit.Mutation(prefix="key-")},
            fields=[scalekit.Field("api_key", label="API key", input_type="password", required=True)],
        )
    ],
)

# The auth type comes from the connector's own pattern.
connection = scalekit.Connection("echo", connector=echo, connection_name="echo")

pulumi.export("connector", echo.identifier)
pulumi.export("connection_name", connection.connection_name)
