"""The same program with native resources: the provider is a plugin of Pulumi's, not a dynamic one."""

import pulumi
from payloads import payloads


class Connector(pulumi.CustomResource):
    """A connector."""

    identifier: pulumi.Output[str]

    def __init__(self, name, **payload):
        super().__init__("scalekit:index:Connector", name, {"identifier": None, **payload})


for name, payload in payloads().items():
    Connector(name, **payload)
