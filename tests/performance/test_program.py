"""What a program pays for each resource that it declares."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest

from pulumi_scalekit import Connector


class Answers(pulumi.runtime.Mocks):
    """An engine that answers as Pulumi does: every number is a float."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Add what the server makes."""
        made = {"display_priority": 3.0, "categories": ["crm"], "metadata": {"team_name": "x"}}
        return "1", {**args.inputs, **made}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[Any, Any]:
        """Answer nothing: there are no functions."""
        return {}


@pytest.fixture(autouse=True)
def loop() -> None:
    """An event loop for the SDK's mocks, whatever earlier tests of this process did with theirs."""
    asyncio.set_event_loop(asyncio.new_event_loop())


def test_outputs_have_their_types_without_annotations() -> None:
    """The SDK gets few annotations to work through, and whole numbers still arrive as `int`, keys as they are."""
    pulumi.runtime.set_mocks(Answers(), preview=False)
    seen: list[Any] = []

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        connector = Connector(
            "a",
            display_name="A",
            proxy_url="https://api.example.com",
            auth_patterns=[{"type": "BEARER", "display_name": "Token"}],
        )
        outputs = pulumi.Output.all(connector.display_priority, connector.categories, connector.metadata)
        return outputs.apply(seen.extend)

    program()
    assert seen == [3, ["crm"], {"team_name": "x"}]
    assert type(seen[0]) is int
    assert len(Connector.__annotations__) == 1
