"""A public MCP server: agents use its tools without authentication."""

import pulumi

import pulumi_scalekit as scalekit

handbook = scalekit.Connector(
    "handbook",
    display_name="Handbook MCP",
    description="Searches the public handbook",
    # The URL of the MCP endpoint itself. Scalekit supports stateless MCP servers.
    proxy_url="https://handbook.example.com/mcp",
    auth_patterns=[
        # is_mcp cannot change later: another value makes another connector.
        scalekit.NoAuth(display_name="Public", is_mcp=True)
    ],
)

connection = scalekit.Connection("handbook", connector=handbook, connection_name="handbook")

# Where MCP clients reach the tools.
pulumi.export("mcp_server_url", connection.mcp_server_url)
