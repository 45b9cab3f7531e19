"""The native face: the same lifecycle as the dynamic provider, served as a Pulumi resource plugin.

Pulumi starts `pulumi-resource-scalekit` and speaks gRPC with it. Everything that decides something about connectors and
connections is in the room above; here is only what the protocol asks for.
"""

from typing import Final

EXECUTABLE: Final = "pulumi-resource-scalekit"
"""The name by which Pulumi finds a resource plugin: `pulumi-resource-` and the package."""
