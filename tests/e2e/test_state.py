"""State files that earlier releases wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulumi_scalekit.definition.keys import DEFINITION_KEYS
from pulumi_scalekit.local import LocalScalekit

from ..support.documented import DATA
from ..support.engines import Project, name_of
from ..support.live import create, live

STATES = sorted((DATA / "state").glob("*.json"))


@pytest.mark.parametrize("path", STATES, ids=lambda path: path.stem)
def test_state_of_an_earlier_release(project: Project, scalekit: LocalScalekit, path: Path) -> None:
    """A stack of an earlier release previews without changes, and can be destroyed."""
    # The environment of the time is this one now.
    project.write("state.json", path.read_text().replace("http://127.0.0.1:8787", scalekit.url))
    declared = {}
    for resource in json.loads(path.read_text())["deployment"]["resources"]:
        if "scalekit:Connector" in resource["type"]:
            inputs = {key: value for key, value in resource["inputs"].items() if key in DEFINITION_KEYS}
            declared[name_of(resource["urn"])] = inputs
            create(scalekit, inputs, resource["outputs"]["identifier"])
    project.declare(declared)
    project.run("stack", "import", "--file", "state.json")
    plan = project.preview("--refresh")
    assert plan.ops == {}
    assert plan.diagnostics == []
    project.destroy()
    assert live(scalekit) == {}
