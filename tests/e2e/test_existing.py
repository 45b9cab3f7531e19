"""Connectors that exist before Pulumi comes to know them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import OAUTH, bearer, named
from ..support.engines import Project
from ..support.live import identifier_of, live

pytestmark = pytest.mark.thorough

PROGRAM = """
mine = scalekit.Connector("mine", **json.loads(MINE), adopt=ADOPT_MINE)
other = scalekit.Connector("other", **json.loads(OTHER), adopt=ADOPT_OTHER)
foreign = scalekit.Connector.get("foreign", FOREIGN)
pulumi.export("foreign", foreign.display_name)
pulumi.export("kind", foreign.auth_patterns[0]["type"])
pulumi.export("names", [info.display_name for info in scalekit.get_connectors()])
pulumi.export("types", sorted({info.auth_type for info in scalekit.get_connectors()}))
"""


def _program(project: Project, values: Mapping[str, object], more: str = "") -> None:
    settings = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    project.program(settings + PROGRAM + more)


def test_adopt_and_get(project: Project, scalekit: LocalScalekit) -> None:
    """`adopt` takes existing connectors over, `get` reads one without managing it, duplicates are refused."""
    for definition in (
        bearer("Mine", description="By hand"),
        bearer("Old name"),
        named(OAUTH, "Foreign"),
        bearer("Taken"),
    ):
        scalekit.store.create_provider(definition)
    before = live(scalekit)
    identifiers = {title: identifier_of(scalekit, title) for title in before}
    mine = bearer("Mine", description="As declared")
    values = {
        "MINE": json.dumps(mine),
        "OTHER": json.dumps(bearer("New name")),
        "FOREIGN": identifiers["Foreign"],
        "ADOPT_MINE": True,
        "ADOPT_OTHER": identifiers["Old name"],
    }
    typo = bearer("Typo")
    typo["auth_patterns"] = [{**typo["auth_patterns"][0], "desciption": "x"}]
    more = f'scalekit.Connector("typo", **json.loads({json.dumps(typo)!r}))\n'
    _program(project, values, more)

    plan = project.preview()
    assert plan.ops["mine"] == plan.ops["other"] == plan.ops["typo"] == ["create"]
    assert plan.ops.get("foreign", ["read"]) == ["read"]
    where = scalekit.url
    (takes_mine,) = plan.said(f"takes over {identifiers['Mine']} in {where}")
    assert 'changes description: "By hand" → "As declared"' in takes_mine
    (takes_other,) = plan.said(f"takes over {identifiers['Old name']} in {where}")
    assert 'changes display_name: "Old name" → "New name"' in takes_other
    assert len(plan.said("auth_patterns[0].desciption is not a key that Scalekit documents")) == 1
    assert len(plan.diagnostics) == 3
    assert live(scalekit) == before

    project.up()
    assert project.outputs() == {
        "foreign": "Foreign",
        "kind": "OAUTH",
        "names": ["Foreign", "Mine", "Old name", "Taken"],
        "types": ["BEARER", "OAUTH"],
    }
    after = live(scalekit)
    assert after.keys() == {"Mine", "New name", "Foreign", "Taken", "Typo"}
    assert after["Mine"]["description"] == "As declared"
    assert after["Foreign"] == before["Foreign"]
    assert {name: resource["id"] for name, resource in project.resources().items() if name != "typo"} == {
        "mine": identifiers["Mine"],
        "other": identifiers["Old name"],
        "foreign": identifiers["Foreign"],
    }
    assert all("__context" not in resource["outputs"] for resource in project.resources().values())

    # `adopt` may stay or go once it is done.
    project.refresh()
    _program(project, {**values, "ADOPT_MINE": False, "ADOPT_OTHER": False}, more)
    plan = project.preview()
    assert {name: ops for name, ops in plan.ops.items() if ops != ["read"]} == {}

    taken = f'scalekit.Connector("taken", **json.loads({json.dumps(bearer("Taken"))!r}))\n'
    _program(project, values, more + taken)
    (said,) = project.preview(code=None).said("A connector named 'Taken' exists already")
    assert identifiers["Taken"] in said
    assert f"adopt={identifiers['Taken']!r}" in said
    assert "pulumi-scalekit import" in said
    _program(project, {**values, "FOREIGN": "NOBODY:1"}, more)
    (said,) = project.preview(code=None).said("There is no connector NOBODY:1")
    assert where in said

    project.destroy()
    assert live(scalekit) == {"Foreign": before["Foreign"], "Taken": before["Taken"]}
