"""Stacks that move between the two faces, and what the embedded engine says to native resources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit.definition.keys import DEFINITION_KEYS
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider.connection import DECLARED

from ..support.definitions import OAUTH, bearer, named
from ..support.documented import DATA
from ..support.engines import Project, find_engines, name_of
from ..support.live import create, live

pytestmark = pytest.mark.thorough
STATES = sorted((DATA / "state").glob("*.json"))

MOVED = """
declared = json.loads(pathlib.Path("declared.json").read_text())
DYNAMIC = "pulumi-python:dynamic/scalekit:"

class Native(pulumi.CustomResource):
    def __init__(self, kind, name, properties, outputs):
        options = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=f"{DYNAMIC}{kind}")])
        super().__init__(f"scalekit:index:{kind}", name, {**dict.fromkeys(outputs), **properties}, options)

for name, properties in declared["Connector"].items():
    Native("Connector", name, properties, ["identifier", "environment_url"])
for name, properties in declared["Connection"].items():
    Native("Connection", name, properties, ["connection_id", "status", "environment_url"])
"""

BACK = """
declared = json.loads(pathlib.Path("declared.json").read_text())
for kind, of in {"Connector": scalekit.Connector, "Connection": scalekit.Connection}.items():
    for name, properties in declared[kind].items():
        options = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=f"scalekit:index:{kind}")])
        of(name, **properties, opts=options)
"""


def declare(project: Project, program: str, declared: dict[str, Any]) -> None:
    """Make the program declare connectors and connections, by their resource names."""
    project.write("declared.json", json.dumps(declared))
    project.program(program)


def check_move(project: Project, program: str, declared: dict[str, Any], kind: str) -> None:
    """Apply a program that moves all resources to another type: nothing differs."""
    declare(project, program, declared)
    plan = project.preview()
    assert plan.ops == {}
    assert plan.diagnostics == []
    project.up()
    types = {entry["type"] for entry in project.state() if "scalekit:" in entry["type"]}
    wanted = {f"{kind}{of}" for of, resources in declared.items() if resources}
    assert {of for of in types if "providers" not in of} == wanted


def check_both_ways(project: Project, scalekit: LocalScalekit, declared: dict[str, Any]) -> None:
    """Move a stack to the native face and back: nothing differs, nothing is written, nothing is left to do."""
    scalekit.requests.clear()
    check_move(project, MOVED, declared, "scalekit:index:")
    project.nothing_to_do()
    check_move(project, BACK, declared, "pulumi-python:dynamic/scalekit:")
    project.nothing_to_do()
    writes = [entry for entry in scalekit.requests if entry.method != "GET" and "oauth" not in entry.path]
    assert writes == []


def test_from_dynamic_to_native_and_back(project: Project, scalekit: LocalScalekit) -> None:
    """Connectors and connections move between the faces with an alias: no change, and no write to Scalekit."""
    identifier = "TWO:1"
    create(scalekit, named(OAUTH, "Two"), identifier)
    app = {"client_id": "client-1", "client_secret": "canary-1", "scopes": ["read"]}
    declared: dict[str, Any] = {
        "Connector": {"one": bearer("One"), "two": {**named(OAUTH, "Two"), "adopt": True}},
        "Connection": {
            "support": {
                "connector": identifier,
                "connection_name": "support",
                "auth_type": "OAUTH",
                "oauth_app": app,
            }
        },
    }
    declare(project, BACK, declared)
    project.up()
    check_both_ways(project, scalekit, declared)
    assert "canary-1" not in json.dumps(project.state())


@pytest.mark.parametrize("path", STATES, ids=lambda path: path.stem)
def test_state_of_an_earlier_release(project: Project, scalekit: LocalScalekit, path: Path) -> None:
    """A dynamic stack of an earlier release moves over and back without changes."""
    # The environment of the time is this one now.
    project.write("state.json", path.read_text().replace("http://127.0.0.1:8787", scalekit.url))
    declared: dict[str, Any] = {"Connector": {}, "Connection": {}}
    for resource in json.loads(path.read_text())["deployment"]["resources"]:
        kind = resource["type"].rpartition(":")[2]
        if "dynamic/scalekit:" not in resource["type"]:
            continue
        keys = DEFINITION_KEYS if kind == "Connector" else DECLARED
        inputs = {key: value for key, value in resource["inputs"].items() if key in keys}
        declared[kind][name_of(resource["urn"])] = inputs
        if kind == "Connector":
            create(scalekit, inputs, resource["outputs"]["identifier"])
    project.run("stack", "import", "--file", "state.json")
    check_both_ways(project, scalekit, declared)


def test_the_embedded_engine_refuses_native_resources(project: Project, scalekit: LocalScalekit) -> None:
    """A project, a program and a state of the native face are refused, each by its name, and nothing is done."""
    project.declare({"one": bearer("One")})
    project.up()
    (project.engine,) = (engine for engine in find_engines() if engine.name == "embedded")
    assert "`plugins` in Pulumi.yaml: not supported" in project.run("preview", code=1).text
    project.write("Pulumi.yaml", "name: scenario\nruntime: python\n")
    state = project.state()
    refused = {
        ("preview",): "of type scalekit:index:Connector (only dynamic resources",
        ("up", "--yes"): "of type scalekit:index:Connector (only dynamic resources",
        ("refresh", "--yes"): "the provider of the package 'scalekit': not supported",
        ("destroy", "--yes"): "the provider of the package 'scalekit': not supported",
    }
    for command, words in refused.items():
        assert words in project.run(*command, code=None).text, command
    assert project.state() == state
    assert live(scalekit).keys() == {"One"}
