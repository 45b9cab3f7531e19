"""What Scalekit cannot change in place is replaced with the connection on it: in either order, also after a failure."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import bearer
from ..support.engines import Project
from ..support.live import create, identifier_of, live

pytestmark = pytest.mark.thorough

OLD = bearer("CRM")
FIELDS = [{"field_name": "username", "required": True}]
NEW = {**OLD, "auth_patterns": [{**OLD["auth_patterns"][0], "type": "BASIC", "fields": FIELDS}]}


def declare(project: Project, definition: dict[str, Any], options: str) -> None:
    """Make the program declare a connector, with options of its resource, and a connection of it."""
    project.program(
        f"""
        crm = scalekit.Connector("crm", **{definition!r}, opts=pulumi.ResourceOptions({options}))
        scalekit.Connection("crm", connector=crm, connection_name="crm")
        """
    )


@pytest.mark.parametrize("options", ["", "delete_before_replace=False"], ids=["by default", "new one first"])
def test_a_replacement_that_stops_midway(project: Project, scalekit: LocalScalekit, options: str) -> None:
    """Whatever step fails, the next `up` ends with one connector of the declared type and its connection."""
    old, new = OLD, NEW
    declare(project, old, options)
    project.up()
    for fault in ("delete:error=400*1", "create:error=400*1", "connection-create:error=400*1"):
        scalekit.faults.add(fault)
        declare(project, new, options)
        project.up(code=None)
        scalekit.faults.clear()
        project.up()
        (connector,) = live(scalekit).values()
        assert connector == new, fault
        (connection,) = scalekit.store.connections()
        assert connection.provider_key == identifier_of(scalekit, "CRM"), fault
        assert project.resources()["crm"]["id"] == connection.provider_key, fault
        old, new = new, old
    project.nothing_to_do()


def test_a_protected_connector_is_not_replaced(project: Project, scalekit: LocalScalekit) -> None:
    """With `protect`, the preview and the run stop before anything is deleted."""
    declare(project, OLD, "protect=True")
    project.up()
    before = (live(scalekit), scalekit.store.connections())
    declare(project, NEW, "protect=True")
    assert "marked for protection" in project.preview(code=None).result.text
    assert "marked for protection" in project.up(code=None).text
    assert (live(scalekit), scalekit.store.connections()) == before


@pytest.mark.parametrize("how", ["adopt", "setting"])
def test_a_forced_replacement_of_what_adopts_itself(
    project: Project, scalekit: LocalScalekit, how: str
) -> None:
    """Where `up --replace` stops before its deletes, the next `up` leaves what the resource has adopted anew."""
    adopts = ", adopt=True" if how == "adopt" else ""
    if how == "setting":
        project.env["SCALEKIT_ADOPT_IDENTICAL"] = "true"
    else:
        create(scalekit, OLD, "CRM:1")
    one = f"one = scalekit.Connector('one', **{OLD!r}{adopts})\n"
    two = f"scalekit.Connector('two', **{bearer('Two')!r}, opts=pulumi.ResourceOptions(depends_on=[one]))\n"
    project.program(one)
    project.up()
    identifier = identifier_of(scalekit, "CRM")
    scalekit.faults.add("create:error=400")
    project.program(one + two)
    urn = "urn:pulumi:dev::scenario::pulumi-python:dynamic/scalekit:Connector::one"
    project.up("--replace", urn, code=None)
    assert [r["id"] for r in project.state() if r["urn"] == urn] == [identifier] * 2
    scalekit.faults.clear()
    project.up()
    assert identifier_of(scalekit, "CRM") == identifier
    assert live(scalekit).keys() == {"CRM", "Two"}
    project.nothing_to_do()
    project.destroy()
    assert live(scalekit) == {}
