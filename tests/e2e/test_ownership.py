"""One connector has one owner in a stack, whatever is renamed, adopted, interrupted or handed over."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import bearer
from ..support.engines import Project
from ..support.live import identifier_of, live

pytestmark = pytest.mark.thorough


def declare(project: Project, connectors: dict[str, dict[str, Any]], more: str = "") -> None:
    """Make the program declare connectors, and then do more."""
    lines = [f"scalekit.Connector({name!r}, **{declared!r})" for name, declared in connectors.items()]
    project.program("\n".join([*lines, more]))


def test_a_leftover_delete_leaves_the_connector(project: Project, scalekit: LocalScalekit) -> None:
    """Renamed with `adopt`, then interrupted: the delete of the old resource, a run later, removes nothing."""
    declare(project, {"old": bearer("CRM")})
    project.up()
    identifier = identifier_of(scalekit, "CRM")
    # Another resource fails, so that the old one is not deleted in this run.
    scalekit.faults.add("create:error=400")
    declare(
        project, {"new": bearer("CRM", adopt=True)}, f"scalekit.Connector('other', **{bearer('Other')!r})"
    )
    project.up(code=None)
    assert {"old", "new"} <= project.resources().keys()
    scalekit.faults.clear()
    project.up()
    assert project.resources().keys() == {"new", "other"}
    assert identifier_of(scalekit, "CRM") == identifier
    project.nothing_to_do()


def test_what_the_stack_manages_is_not_adopted(project: Project, scalekit: LocalScalekit) -> None:
    """`adopt` of what another resource manages is refused at preview, in words about aliases."""
    declare(project, {"one": bearer("CRM")})
    project.up()
    identifier = identifier_of(scalekit, "CRM")
    before = live(scalekit)
    second = f"""
    scalekit.Connector("two", **{bearer("Second")!r}, adopt={identifier!r}, opts=pulumi.ResourceOptions(depends_on=one))
    """
    project.program(f"one = scalekit.Connector('one', **{bearer('CRM')!r}){second.replace('    ', '')}")
    for run in (project.preview, project.up):
        result: Any = run(code=None)
        text = result.result.text if run == project.preview else result.text
        assert "the resource 'one' of this stack manages" in text
        assert "alias" in text
    assert live(scalekit) == before
    assert project.resources().keys() == {"one"}


def test_names_in_motion(project: Project, scalekit: LocalScalekit) -> None:
    """A name that another connector has is refused at preview, be it unmanaged, swapped or handed over."""
    scalekit.store.create_provider(bearer("Unmanaged"))
    declare(project, {"a": bearer("First"), "b": bearer("Second")})
    project.up()
    before = live(scalekit)
    for connectors in (
        {"a": bearer("Unmanaged"), "b": bearer("Second")},
        {"a": bearer("Second"), "b": bearer("First")},
        {"a": bearer("Third"), "b": bearer("Second"), "c": bearer("First")},
    ):
        declare(project, connectors)
        plan = project.preview(code=None)
        assert plan.said("display name") or plan.said("exists already in"), plan.result
        project.up(code=None)
        names = [provider.payload["display_name"] for provider in scalekit.store.providers()]
        assert len(names) == len(set(names)) == len(before), plan.result
    declare(project, {"a": bearer("Third"), "b": bearer("Second")})
    project.up()
    declare(project, {"a": bearer("Third"), "b": bearer("Second"), "c": bearer("First")})
    project.up()
    assert live(scalekit).keys() == {"Unmanaged", "First", "Second", "Third"}
    project.nothing_to_do()


def test_a_name_that_is_kept_elsewhere_is_free(project: Project, scalekit: LocalScalekit) -> None:
    """A name that a program declares and `ignore_changes` keeps from its connector may go to another one."""
    declare(project, {"a": bearer("First")})
    project.up()
    kept = "opts=pulumi.ResourceOptions(ignore_changes=['display_name'])"
    project.program(
        f"scalekit.Connector('a', **{bearer('Second')!r}, {kept})\n"
        f"scalekit.Connector('b', **{bearer('Second')!r})"
    )
    project.up()
    assert live(scalekit).keys() == {"First", "Second"}
    project.nothing_to_do()


def test_two_components_of_one_resource_name(project: Project, scalekit: LocalScalekit) -> None:
    """Two components that name their connector alike each get their own: one adopted, one made."""
    identifier = scalekit.store.create_provider(bearer("Support")).identifier
    project.program(
        f"""
        for kind, declared in (("sales", {bearer("Sales")!r}), ("support", {bearer("Support")!r})):
            component = pulumi.ComponentResource(f"test:index:{{kind.title()}}", kind)
            adopt = {identifier!r} if kind == "support" else None
            opts = pulumi.ResourceOptions(parent=component)
            scalekit.Connector("api", **declared, adopt=adopt, opts=opts)
        """
    )
    project.up()
    ids = {r["outputs"]["display_name"]: r["id"] for r in project.state() if ":Connector" in r["type"]}
    assert ids["Support"] == identifier
    assert len(scalekit.store.providers()) == 2
    project.nothing_to_do()


def test_identical_connectors_are_taken_over(project: Project, scalekit: LocalScalekit) -> None:
    """What a killed run left is taken over in one run, as the refusal says; what is otherwise is refused."""
    identifiers = [scalekit.store.create_provider(bearer(name)).identifier for name in ("One", "Two")]
    scalekit.store.create_provider(bearer("Three", description="By hand"))
    declare(project, {"one": bearer("One"), "two": bearer("Two")})
    refused = project.preview(code=None).result.text
    assert "run once with SCALEKIT_ADOPT_IDENTICAL=true, which takes over every connector" in refused
    assert "`pulumi-scalekit list --unmanaged` shows all" in refused
    project.env["SCALEKIT_ADOPT_IDENTICAL"] = "true"
    plan = project.preview()
    assert all(plan.said(f"takes over {identifier}") for identifier in identifiers)
    project.up()
    assert sorted(resource["id"] for resource in project.resources().values()) == sorted(identifiers)
    assert scalekit.requests.count("create") == 0
    project.nothing_to_do()
    declare(project, {"one": bearer("One"), "two": bearer("Two"), "three": bearer("Three")})
    refused = project.preview(code=None).result.text
    assert "exists already in" in refused
    assert "SCALEKIT_ADOPT_IDENTICAL" not in refused


def test_a_changed_type_is_a_replacement(project: Project, scalekit: LocalScalekit) -> None:
    """What Scalekit cannot change in place is planned as a replacement, with its connection, and carried out."""
    program = """
    crm = scalekit.Connector("crm", **{declared!r})
    scalekit.Connection("crm", connector=crm, connection_name="crm")
    """
    basic = bearer("CRM")
    pattern = {**basic["auth_patterns"][0], "type": "BASIC", "fields": [{"field_name": "username"}]}
    project.program(program.format(declared=basic))
    project.up()
    old = identifier_of(scalekit, "CRM")
    project.program(program.format(declared={**basic, "auth_patterns": [pattern]}))
    plan = project.preview()
    assert any("replace" in op for op in plan.ops["crm"]), plan.ops
    assert plan.said("is to be replaced, since Scalekit cannot change auth_patterns[0].type")
    project.up()
    assert live(scalekit)["CRM"]["auth_patterns"][0]["type"] == "BASIC"
    assert len(scalekit.store.providers()) == 1
    (connection,) = scalekit.store.connections()
    assert connection.provider_key == identifier_of(scalekit, "CRM") != old
    project.nothing_to_do()


def test_an_update_that_did_not_clear(project: Project, scalekit: LocalScalekit) -> None:
    """A description that Scalekit keeps is told at the update, and each refresh goes on showing it."""
    declare(project, {"crm": bearer("CRM", description="Old")})
    project.up()
    cleared = {key: value for key, value in bearer("CRM").items() if key != "description"}
    declare(project, {"crm": cleared})
    result = project.up()
    assert "stored something else at description" in result.text
    plan = project.preview("--refresh")
    assert plan.ops["crm"] == ["update"]
    assert plan.paths["crm"] == {"description"}


def test_ignored_properties_keep_what_lives(project: Project, scalekit: LocalScalekit) -> None:
    """An update leaves alone what `ignore_changes` names, also where the state has not seen its last change."""
    kept = "opts=pulumi.ResourceOptions(ignore_changes=['description'])"
    program = "scalekit.Connector('crm', **{declared!r}, " + kept + ")"
    project.program(program.format(declared=bearer("CRM", description="Declared")))
    project.up()
    identifier = identifier_of(scalekit, "CRM")
    scalekit.store.update_provider(identifier, lambda payload: {**payload, "description": "By hand"})
    changed = bearer("CRM", description="Declared", proxy_url="https://api.example.com/v2")
    project.program(program.format(declared=changed))
    project.up()
    assert live(scalekit)["CRM"]["description"] == "By hand"
    assert live(scalekit)["CRM"]["proxy_url"] == "https://api.example.com/v2"
