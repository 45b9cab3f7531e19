"""Which resource of a stack a connector belongs to."""

from __future__ import annotations

import pytest

from pulumi_scalekit.errors import ConnectorExists
from pulumi_scalekit.provider.ownership import Ownership

COMPONENTS = "urn:pulumi:dev::p::test:index:{}$pulumi-python:dynamic/scalekit:Connector::api"
ONE, TWO = COMPONENTS.format("One"), COMPONENTS.format("Two")


@pytest.fixture
def owners() -> Ownership:
    """The owners of connectors, of which nothing is known yet."""
    return Ownership("connector", "display name")


def test_two_resources_of_one_name(owners: Ownership) -> None:
    """Two components that name their connectors alike are told apart, and may not give them one display name."""
    owners.check(ONE, None, "First")
    owners.check(TWO, None, "Second")
    owners.check(ONE, None, "First")
    with pytest.raises(ConnectorExists, match="'api' and 'api' have the same display name"):
        owners.check(TWO, "Second", "First")


def test_one_owner_each(owners: Ownership) -> None:
    """What one resource of the program manages, another one cannot, and no delete of another removes."""
    owners.own("CRM:1", ONE)
    owners.own("CRM:1", ONE)
    with pytest.raises(ConnectorExists, match="both manage the connector CRM:1"):
        owners.own("CRM:1", TWO)
    assert (owners.keeper("CRM:1", TWO), owners.keeper("CRM:1", ONE)) == (ONE, None)
    assert owners.keeper("CRM:2", TWO) is None


def test_what_only_the_state_says(owners: Ownership) -> None:
    """What is refreshed counts for adoptions, which it refuses, and not for deletes."""
    owners.record("CRM:1", ONE)
    assert owners.other_manager("CRM:1", TWO) == ONE
    assert owners.other_manager("CRM:1", ONE) is None
    assert owners.keeper("CRM:1", TWO) is None


def test_a_replacement_is_a_second_check(owners: Ownership) -> None:
    """A resource that is checked once more, as a new one, is being replaced, and its connector with it."""
    owners.check(ONE, "First", "First")
    owners.own("CRM:1", ONE)
    assert not owners.is_replaced("CRM:1")
    owners.check(ONE, None, "First")
    assert owners.is_replacing(ONE)
    assert owners.is_replaced("CRM:1")
    owners.own("CRM:2", ONE)
    assert not owners.is_replaced("CRM:2")
    assert "CRM:1" in owners.owned_by(ONE)


def test_a_resource_that_is_deleted_with_another_is_replaced(owners: Ownership) -> None:
    """What Pulumi has compared and deleted with what it depends on is checked as a new one only."""
    owners.compare("CRM:1", ONE)
    owners.check(ONE, None, "First")
    assert owners.is_replacing(ONE)


def test_what_was_only_read_is_not_replaced(owners: Ownership) -> None:
    """A resource that the program used to read, and declares now, is new, however often it is checked."""
    owners.record("CRM:1", ONE)
    for _ in range(2):
        owners.check(ONE, None, "First")
    assert not owners.is_replacing(ONE)


def test_without_urns_nothing_is_claimed(owners: Ownership) -> None:
    """Where Pulumi does not say which resource it calls for, none is taken for another one."""
    owners.check("", "First", "First")
    owners.check("", None, "First")
    assert not owners.is_replacing("")
    assert not owners.is_declared("")


def test_what_a_create_takes_over_stays_without_a_name(owners: Ownership) -> None:
    """Where Pulumi does not say which resource a call is about, what this run has taken over is not deleted."""
    owners.keep("CRM:1", "")
    assert owners.keeper("CRM:1", "") is not None
    assert owners.keeper("CRM:2", "") is None
