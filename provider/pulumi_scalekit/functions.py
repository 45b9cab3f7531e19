"""What lives in the environment, for programs that want to know."""

from __future__ import annotations

import pulumi

from pulumi_scalekit.definition.info import ConnectorInfo, connector_infos


def get_connectors() -> list[ConnectorInfo]:
    """The custom connectors of the environment that this stack is deployed to, sorted by name.

    The list is read once when the program runs; it does not see what the same run creates.

    Raises:
        pulumi.RunError: The environment cannot be read; the message says why.
    """
    from pulumi_scalekit.api.client import Client
    from pulumi_scalekit.api.connectors import Connectors

    from .errors import ScalekitError
    from .settings import read_settings

    def configured(key: str) -> str | None:
        namespace, _, name = key.partition(":")
        return pulumi.Config(namespace).get(name)

    try:
        with Client(read_settings(configured)) as client:
            connectors = Connectors(client).listed()
    except ScalekitError as error:
        raise pulumi.RunError(str(error)) from None
    return connector_infos(connectors)
