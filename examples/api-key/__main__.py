"""API keys: two values, each sent in a header of its own, and a region that users choose from a list."""

import pulumi

import pulumi_scalekit as scalekit

metrics = scalekit.Connector(
    "metrics",
    display_name="Metrics",
    description="Dashboards and time series",
    proxy_url="https://{{region}}.metrics.example.com/api",
    auth_patterns=[
        scalekit.ApiKeyAuth(
            display_name="Keys",
            fields=[
                scalekit.Field(
                    "region",
                    label="Region",
                    input_type="select",
                    options=[
                        scalekit.Option("eu", display_name="Europe", default=True),
                        scalekit.Option("us", display_name="United States"),
                    ],
                    required=True,
                    is_path_param=True,
                ),
                # With one key, name the field `api_key` and set auth_header_key_override instead.
                scalekit.Field(
                    "api_key",
                    label="API key",
                    input_type="password",
                    required=True,
                    header_name="X-Api-Key",
                ),
                scalekit.Field(
                    "application_key",
                    label="Application key",
                    input_type="password",
                    required=True,
                    header_name="X-Application-Key",
                ),
            ],
        )
    ],
)

pulumi.export("identifier", metrics.identifier)
