"""What lives in the environment, for programs that want to know."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.runtime import mocks
from pulumi.runtime.settings import get_monitor

from pulumi_scalekit.definition.info import GET_CONNECTORS, ConnectorInfo, connector_infos


def get_connectors() -> list[ConnectorInfo]:
    """The custom connectors of the environment that this stack is deployed to, sorted by name.

    The list is read once when the program runs; it does not see what the same run creates.

    In unit tests no request is made. Pulumi's mocks are asked instead: their `call` gets the token
    `scalekit:index:getConnectors`, and returns `{"connectors": [...]}` with entries as the API's list has them.

    Raises:
        pulumi.RunError: The environment cannot be read; the message says why.
    """
    monitor = get_monitor()
    if isinstance(monitor, mocks.MockMonitor):
        return connector_infos(_mocked(monitor.mocks))
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


def _mocked(mocked: mocks.Mocks) -> list[dict[str, Any]]:
    result = mocked.call(mocks.MockCallArgs(GET_CONNECTORS, {}, ""))
    # As Pulumi has it: what the function returns, alone or with its failures.
    returned = result[0] if isinstance(result, tuple) else result
    connectors: list[dict[str, Any]] = returned.get("connectors") or []
    return connectors
