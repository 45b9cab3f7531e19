"""The public types, as a type checker sees them. Checked by `make lint`, never run."""

from __future__ import annotations

from typing import Any, assert_type

import pulumi

import pulumi_scalekit as scalekit

domain = scalekit.Field("domain", label="Domain", required=True)
secret: pulumi.Output[str] = pulumi.Output.secret("X")

basic = scalekit.Connector(
    "basic",
    display_name=pulumi.Output.from_input("Basic"),
    proxy_url="https://{{domain}}/api",
    auth_patterns=[
        scalekit.BasicAuth(
            display_name="Basic Auth",
            fields=[domain, {"field_name": "username", "label": secret}],
            mutations={"password": scalekit.Mutation(default=secret)},
            extra={"not_documented_yet": 1},
        )
    ],
    metadata={"team": secret},
    opts=pulumi.ResourceOptions(protect=True),
)
assert_type(basic.identifier, "pulumi.Output[str]")
assert_type(basic.metadata, "pulumi.Output[dict[str, str] | None]")

oauth = scalekit.Connector(
    "oauth",
    display_name="OAuth",
    proxy_url="https://api.example.com",
    adopt="OAUTH:1",
    auth_patterns=[
        scalekit.OAuth(
            display_name="OAuth 2.0",
            oauth_config=scalekit.OAuthConfig(
                authorize_uri="https://example.com/authorize",
                token_uri="https://example.com/token",
                available_scopes=[scalekit.Scope("read", required=True), {"scope": "write"}],
            ),
        )
    ],
)
payload: dict[str, Any] = {"display_name": "JSON"}
assert_type(scalekit.Connector.from_json("json", payload, description="From a file"), scalekit.Connector)
assert_type(scalekit.Connector.get("existing", basic.identifier), scalekit.Connector)
assert_type(scalekit.get_connectors(), list[scalekit.ConnectorInfo])

production = scalekit.Provider(
    "production",
    environment_url="https://acme.scalekit.com",
    client_id=basic.identifier,
    client_secret=secret,
    parallel=8,
    adopt_identical=True,
)
scalekit.Connector.from_json("there", payload, opts=pulumi.ResourceOptions(provider=production))

connection = scalekit.Connection("connection", connector=oauth, connection_name="support")
complete = scalekit.Connection(
    "complete",
    connector=oauth,
    connection_name="complete",
    auth_mode="ORG_WIDE",
    context={"domain": "acme.example.com"},
    enabled=False,
    oauth_app=scalekit.OAuthApp(
        client_id="client", client_secret=pulumi.Output.secret("s"), scopes=["read"], pkce_enabled=True
    ),
)
assert_type(connection.connection_name, "pulumi.Output[str]")

# What must not pass.
scalekit.Field(lable="Domain")  # type: ignore[call-arg]
scalekit.Connector("missing", display_name="Missing")  # type: ignore[call-arg]
scalekit.Scope(1)  # type: ignore[arg-type]
