"""Pulumi's resource options, each as it is documented."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from pulumi_scalekit.local import LocalScalekit, Request

from ..support.engines import Project
from ..support.live import identifier_of, live

pytestmark = pytest.mark.thorough

PROGRAM = """
def connector(name, *, version="one", title=None, label="Token", **opts):
    return scalekit.Connector(
        name,
        display_name=title or name.title(),
        description=f"Version {version}",
        proxy_url=f"https://{version}.example.com",
        auth_patterns=[
            scalekit.BearerAuth(display_name="Token", fields=[scalekit.Field("token", label=label)])
        ],
        opts=pulumi.ResourceOptions(**opts),
    )


"""
FIRST = """
connector("protected", protect=True)
connector("retained", retain_on_delete=True)
connector("ignoring", ignore_changes=["description", "auth_patterns[0].fields[0].label"])
connector("swapped", replace_on_changes=["proxy_url"])
connector("rebuilt", replace_on_changes=["proxy_url"], delete_before_replace=True)
connector("triggered", replacement_trigger=1)
first = connector("first")
connector("second", depends_on=[first])
connector("child", parent=first)
connector("before", title="Renamed")
"""
SECOND = """
connector("protected", protect=True)
connector("ignoring", version="two", label="x", ignore_changes=["description", "auth_patterns[0].fields[0].label"])
connector("swapped", version="two", replace_on_changes=["proxy_url"])
connector("rebuilt", version="two", replace_on_changes=["proxy_url"], delete_before_replace=True)
connector("triggered", replacement_trigger=2)
first = connector("first")
connector("second", depends_on=[first])
connector("child", parent=first)
connector("after", title="Renamed", aliases=[pulumi.Alias(name="before")])
"""


def test_resource_options(project: Project, scalekit: LocalScalekit) -> None:
    """Every option does what it says, and display names that move between resources are no duplicates."""
    project.program(PROGRAM + FIRST)
    project.up()
    stored = live(scalekit)
    identifiers = {title: identifier_of(scalekit, title) for title in stored}
    order = [provider.payload["display_name"] for provider in scalekit.store.providers()]
    assert order.index("First") < min(order.index("Second"), order.index("Child"))
    child = project.resources()["child"]
    assert child["urn"].split("::")[-2].count("scalekit:Connector") == 2
    assert child["parent"] == project.resources()["first"]["urn"]

    project.program(PROGRAM + SECOND)
    plan = project.preview()
    assert plan.ops.keys() == {"retained", "ignoring", "swapped", "rebuilt", "triggered"}
    assert plan.ops["ignoring"] == ["update"]
    assert plan.paths["ignoring"] == {"proxy_url"}
    assert plan.ops["swapped"] == plan.ops["rebuilt"] == plan.ops["triggered"] == ["replace"]
    project.up()
    made = {p.payload["display_name"]: p.created_at for p in scalekit.store.providers()}
    deleted = {_identifier(request): request.at for request in scalekit.requests.of("delete")}
    assert made["Swapped"] <= deleted[identifiers["Swapped"]]
    assert made["Rebuilt"] >= deleted[identifiers["Rebuilt"]]
    after = live(scalekit)
    assert after.keys() == stored.keys()
    assert after["Retained"] == stored["Retained"]
    assert (after["Ignoring"]["proxy_url"], after["Ignoring"]["description"]) == (
        "https://two.example.com",
        "Version one",
    )
    assert after["Ignoring"]["auth_patterns"] == stored["Ignoring"]["auth_patterns"]
    assert after["Swapped"]["description"] == after["Rebuilt"]["description"] == "Version two"
    replaced = {title for title in after if identifier_of(scalekit, title) != identifiers[title]}
    assert replaced == {"Swapped", "Rebuilt", "Triggered"}
    project.run("preview", "--expect-no-changes")

    unprotected = SECOND.replace('connector("protected", protect=True)\n', "")
    project.program(PROGRAM + unprotected)
    assert "protected" in project.run("preview", code=None).text
    renamed = SECOND.replace(', aliases=[pulumi.Alias(name="before")]', "").replace('"after"', '"other"')
    project.program(PROGRAM + renamed)
    # Without a refresh nothing is said to the provider of the resource that the program no longer declares.
    for flags, advice in (
        ([], "If the resource was renamed in the program, give it an alias"),
        (["--refresh"], "The resource 'after' of this stack manages it. If that was renamed in the program"),
    ):
        said = project.preview(*flags, code=None).said("A connector named 'Renamed' exists already")
        assert len(said) == 1
        assert advice in said[0]
    assert live(scalekit) == after

    project.program(PROGRAM + SECOND.replace(", protect=True", ""))
    project.up()
    scalekit.requests.clear()
    project.destroy()
    assert live(scalekit).keys() == {"Retained"}
    order = [_identifier(request) for request in scalekit.requests.of("delete")]
    first, *others = (order.index(identifiers[title]) for title in ("First", "Second", "Child"))
    assert first > max(others)


def _identifier(request: Request) -> str:
    """The connector that a request names in its path."""
    return unquote(request.path.rsplit("/", 1)[-1])
