"""Replacements, in either order, on servers that give a name once or twice, and stopped midway."""

from __future__ import annotations

import pytest

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.local.settings import SameName

from ..support.definitions import bearer
from . import invariant
from .stack import Stack

OLD = bearer("CRM")
NEW = {
    **OLD,
    "auth_patterns": [
        {**OLD["auth_patterns"][0], "type": "BASIC", "fields": [{"field_name": "username", "required": True}]}
    ],
}
FAULTS = ("", "delete:error=400*1", "create:error=400*1", "create:drop-after-commit*1", "delete:drop*1")


ORDERS: tuple[tuple[bool | None, SameName], ...] = (
    (None, "allowed"),
    (None, "just-made"),
    (None, "refused"),
    (True, "refused"),
    (False, "allowed"),
)
"""What `delete_before_replace` says, and whether the server gives a name twice."""


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("before", "same_name"), ORDERS)
def test_a_replacement_ends_as_declared(
    environment: LocalScalekit, before: bool | None, same_name: SameName, fault: str
) -> None:
    """At once, or by the next run after a failure: one connector, of the declared type."""
    environment.settings.same_name = same_name
    stack = Stack(environment)
    assert stack.up({"crm": OLD}).succeeded
    if fault:
        environment.faults.add(fault)
    run = stack.up({"crm": NEW}, delete_before_replace=before)
    assert run.succeeded == ("error=400" not in fault), run.errors
    environment.faults.clear()
    if not run.succeeded:
        run = stack.up({"crm": NEW}, delete_before_replace=before)
        assert run.succeeded, run.errors
    invariant.check(stack, {"crm": NEW})


def test_a_server_that_refuses_the_order(environment: LocalScalekit) -> None:
    """`delete_before_replace=False` where a name is given once: nothing is lost, and the message says what to do."""
    environment.settings.same_name = "refused"
    stack = Stack(environment)
    assert stack.up({"crm": OLD}).succeeded
    run = stack.up({"crm": NEW}, delete_before_replace=False)
    (message,) = run.errors
    assert "take delete_before_replace=False out of the resource's options" in message
    assert "adopt" not in message
    assert len(environment.store.providers()) == 1
    assert stack.up({"crm": NEW}).succeeded
    invariant.check(stack, {"crm": NEW})
