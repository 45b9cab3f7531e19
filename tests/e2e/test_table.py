"""The table of cases on both engines: noise, changes and drift, each row a connector of one program."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.definition.keys import DEFINITION_KEYS
from pulumi_scalekit.definition.normalize import normalize, normalize_live, plain
from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import bearer, named
from ..support.engines import Project, on_every_face
from ..support.live import Definition, change, live, remove
from .cases import CHANGES, SAME


def _title(name: str) -> str:
    """A display name for a case: the names of connectors hold no dashes."""
    return name.replace("-", " ")


def _normal_live(scalekit: LocalScalekit) -> dict[str, Definition]:
    """What is live, in normal form, by display name."""
    return {title: normalize_live(plain(definition)) for title, definition in live(scalekit).items()}


@on_every_face
def test_changes_and_noise(project: Project, scalekit: LocalScalekit) -> None:
    """Every property updates in place, by just its path; a definition that means the same is no change."""
    changes = {name: case for name, case in CHANGES.items() if not case.clears}
    same = {f"same-{name}" for name in SAME}
    before = {
        **{name: named(case.base, _title(name)) for name, case in changes.items()},
        **{
            f"same-{name}": {**case.one, "display_name": f"same {_title(name)}"}
            for name, case in SAME.items()
        },
        "renamed": bearer("Before"),
    }
    after = {
        **{name: named(case.after, _title(name)) for name, case in changes.items()},
        **{
            f"same-{name}": {**case.other, "display_name": f"same {_title(name)}"}
            for name, case in SAME.items()
        },
        "renamed": bearer("After"),
    }
    project.declare(before)
    project.up()
    assert _normal_live(scalekit) == {d["display_name"]: normalize(plain(d)) for d in before.values()}
    identifiers = {name: resource["id"] for name, resource in project.resources().items()}

    project.declare(after)
    plan = project.preview()
    assert plan.ops == {name: ["update"] for name in after if name not in same}
    assert plan.paths == {
        **{name: set(case.paths) for name, case in changes.items()},
        "renamed": {"display_name"},
    }
    # What is to be said is said once, and nothing else is.
    wanted = {name: case.says for name, case in changes.items() if case.says}
    assert len(plan.diagnostics) == len(wanted), plan.diagnostics
    for name, text in wanted.items():
        assert len([m for m in plan.said(text) if f"'{_title(name)}'" in m]) == 1, (name, plan.diagnostics)

    scalekit.requests.clear()
    project.up()
    assert scalekit.requests.count("update") == len(after) - len(same)
    assert _normal_live(scalekit) == {d["display_name"]: normalize(plain(d)) for d in after.values()}
    assert {name: resource["id"] for name, resource in project.resources().items()} == identifiers
    project.nothing_to_do()


@pytest.mark.thorough
@on_every_face
def test_drift(project: Project, scalekit: LocalScalekit) -> None:
    """What changes behind Pulumi's back is named by its path, and `up` puts it back."""
    declared = {
        **{name: named(case.base, _title(name)) for name, case in CHANGES.items()},
        "renamed": bearer("Before"),
        "removed": bearer("Removed"),
        "untouched": bearer("Untouched"),
    }
    project.declare(declared)
    project.up()
    before = _normal_live(scalekit)
    for name, case in CHANGES.items():
        change(scalekit, _title(name), case.edits)
    change(scalekit, "Before", {"display_name": "After"})
    remove(scalekit, "Removed")

    plan = project.preview("--refresh")
    expected: dict[str, Any] = {name: set(case.paths) for name, case in CHANGES.items()}
    expected["renamed"] = {"display_name"}
    assert plan.ops == {**{name: ["update"] for name in expected}, "removed": ["create"]}
    assert plan.paths == expected

    project.refresh()
    state = project.resources()
    assert state.keys() == declared.keys() - {"removed"}
    for name, case in CHANGES.items():
        inputs = {key: value for key, value in state[name]["inputs"].items() if key in DEFINITION_KEYS}
        assert normalize(plain(inputs)) == normalize(plain(named(case.after, _title(name)))), name

    project.up()
    # An update cannot take away a description, whoever added it.
    before["description added"]["description"] = CHANGES["description-added"].after["description"]
    assert _normal_live(scalekit) == before
    project.run("preview", "--expect-no-changes")


@on_every_face
def test_drift_in_the_diff(project: Project, scalekit: LocalScalekit) -> None:
    """`preview --refresh --diff` shows just the property that changed, with both values."""
    project.declare({"one": bearer("One", description="As declared")})
    project.up()
    change(scalekit, "One", {"auth_patterns[0].fields[0].label": "Changed by hand"})
    for command in (("preview", "--refresh", "--diff"), ("refresh", "--preview-only", "--diff")):
        text = project.run(*command).text
        lines = [line for line in text.splitlines() if "label" in line]
        assert any('"Changed by hand"' in line and '"Token"' in line for line in lines), text
        assert "As declared" not in text, text
