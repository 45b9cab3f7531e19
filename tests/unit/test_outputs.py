"""The outputs of a connector, as a program sees them."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from pulumi_scalekit import Connector
from pulumi_scalekit.connector import OUTPUTS, ConnectorOutputs
from pulumi_scalekit.definition.keys import DEFINITION_KEYS

DECLARED = {**ConnectorOutputs.__annotations__, **Connector.__annotations__}


class Answers(pulumi.runtime.Mocks):
    """An engine that answers as Pulumi does: every number is a float."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Add what the server makes, and what a transform adds."""
        made = {"display_priority": 3.0, "categories": ["crm"], "is_custom": False, "metadata": {"team": "x"}}
        return "1", {**args.inputs, **made}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[Any, Any]:
        """Return nothing: there are no functions."""
        return {}


def test_outputs_are_declared_and_typed(event_loop: object) -> None:
    """Every annotated output is there from the start, as what the engine says, with whole numbers as `int`."""
    pulumi.runtime.set_mocks(Answers(), preview=False)
    seen: list[Any] = []

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        made = Connector(
            "a",
            display_name="A",
            proxy_url="https://api.example.com",
            auth_patterns=[{"type": "BEARER", "display_name": "Token"}],
        )
        for name in DECLARED:
            assert isinstance(getattr(made, name), pulumi.Output), name
        with pytest.raises(AttributeError, match="no attribute 'categorys'"):
            made.categorys  # type: ignore[attr-defined]  # noqa: B018
        outputs = pulumi.Output.all(made.display_priority, made.categories, made.is_custom, made.metadata)
        return outputs.apply(seen.extend)

    program()
    assert seen == [3, ["crm"], False, {"team": "x"}]
    assert type(seen[0]) is int
    assert DECLARED.keys() == {*DEFINITION_KEYS, *OUTPUTS}
