"""What a program pays for each resource that it declares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime.settings import SETTINGS

from pulumi_scalekit import Connector
from pulumi_scalekit.provider.connector import CONTEXT_KEY


class Answers(pulumi.runtime.Mocks):
    """An engine that answers as Pulumi does: every number is a float."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Add what the server makes."""
        return "1", {**args.inputs, "answer": {"display_priority": 3.0, "categories": ["crm"]}}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[Any, Any]:
        """Attributes nothing: there are no functions."""
        return {}


@pytest.fixture(autouse=True)
def loop() -> None:
    """An event loop for the SDK's mocks, whatever earlier tests of this process did with theirs."""
    asyncio.set_event_loop(asyncio.new_event_loop())


@pytest.fixture
def connector() -> Callable[[], Connector]:
    """Declares a connector, inside a program."""

    def declare() -> Connector:
        return Connector(
            "a",
            display_name="A",
            proxy_url="https://api.example.com",
            auth_patterns=[{"type": "BEARER", "display_name": "Token"}],
        )

    pulumi.runtime.set_mocks(Answers(), preview=False)
    return declare


def test_outputs_made_when_asked_for(connector: Callable[[], Connector]) -> None:
    """What the server makes arrives as it is, whole numbers as `int`, what it leaves out as false or empty."""
    seen: list[Any] = []

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        made = connector()
        outputs = pulumi.Output.all(made.display_priority, made.categories, made.is_custom, made.metadata)
        assert made.categories is made.categories
        with pytest.raises(AttributeError, match="no attribute 'categorys'"):
            made.categorys  # noqa: B018
        return outputs.apply(seen.extend)

    program()
    assert seen == [3, ["crm"], False, None]
    assert type(seen[0]) is int


def test_few_outputs_from_the_start(connector: Callable[[], Connector]) -> None:
    """Pulumi waits for every output of a program again after each that comes: a connector starts with few."""

    @pulumi.runtime.test
    def program() -> None:
        outputs = {k for k, v in connector().__dict__.items() if isinstance(v, pulumi.Output)}
        of_pulumi = {"id", "urn", "__provider"}
        declared = {"display_name", "proxy_url", "proxy_enabled", "auth_patterns", CONTEXT_KEY}
        assert outputs - of_pulumi == {*declared, "identifier", "answer", "environment_url"}

    program()
    assert Connector.__annotations__ == {}


@pytest.mark.skipif(not hasattr(pulumi.Output, "_untrack"), reason="this SDK waits for all outputs")
def test_one_output_to_wait_for(connector: Callable[[], Connector]) -> None:
    """A program's end waits for one output of a connector, and for all that the program makes of the others."""

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        waited = SETTINGS.outputs
        before = set(waited)
        made = connector()
        named = made.display_name.apply(str.upper)
        assert waited - before == {vars(made)["__provider"]._data, named._data}
        return named.apply(seen.append)

    seen: list[str] = []
    program()
    assert seen == ["A"]
