"""A component: what all internal APIs of a company have in common, written once."""

from collections.abc import Mapping

import pulumi

import pulumi_scalekit as scalekit


class InternalApi(pulumi.ComponentResource):
    """An API behind the company's gateway: a connector with the gateway's key, and its connection."""

    identifier: pulumi.Output[str]
    """The connector's identifier."""

    def __init__(
        self,
        name: str,
        *,
        title: str,
        description: str,
        metadata: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("acme:scalekit:InternalApi", name, None, opts)
        # A connector that was declared outside of the component before keeps its identifier by an alias:
        #   pulumi.ResourceOptions(parent=self, aliases=[pulumi.Alias(name=name, parent=pulumi.ROOT_STACK_RESOURCE)])
        child = pulumi.ResourceOptions(parent=self)
        connector = scalekit.Connector(
            name,
            display_name=title,
            description=description,
            proxy_url=f"https://gateway.example.com/{name}",
            auth_patterns=[
                scalekit.ApiKeyAuth(
                    display_name="Gateway key",
                    fields=[
                        scalekit.Field("api_key", label="Gateway key", input_type="password", required=True)
                    ],
                    auth_header_key_override="X-Gateway-Key",
                )
            ],
            metadata={"gateway": "internal", **(metadata or {})},
            opts=child,
        )
        scalekit.Connection(name, connector=connector, connection_name=name, opts=child)
        self.identifier = connector.identifier
        self.register_outputs({"identifier": self.identifier})


orders = InternalApi("orders", title="Orders", description="Orders and returns", metadata={"team": "sales"})
stock = InternalApi("stock", title="Stock", description="What is in which warehouse")

pulumi.export("identifiers", [orders.identifier, stock.identifier])
