"""What is told of connectors that exist, whatever the server says of them."""

from __future__ import annotations

import pytest

from pulumi_scalekit.cli.list_ import auth_of
from pulumi_scalekit.definition.info import connector_infos

from ..support.definitions import BEARER


@pytest.mark.parametrize("patterns", [5, "BEARER", {"type": "BEARER"}, [], [1], None])
def test_a_connector_without_a_usable_auth_pattern(patterns: object) -> None:
    """It is listed all the same, without a type."""
    live = {**BEARER, "identifier": "A:1", "auth_patterns": patterns}
    (info,) = connector_infos([live])
    assert (info.identifier, info.auth_type, info.is_mcp) == ("A:1", "", False)
    assert auth_of(live) == ""


def test_connectors_are_told_by_name() -> None:
    """Each with the type of its auth pattern, in the order of their names."""
    live = [{**BEARER, "display_name": name, "identifier": f"{name}:1"} for name in ("Two", "One")]
    assert [(info.display_name, info.auth_type) for info in connector_infos(live)] == [
        ("One", "BEARER"),
        ("Two", "BEARER"),
    ]
    assert auth_of(live[0]) == "BEARER"
