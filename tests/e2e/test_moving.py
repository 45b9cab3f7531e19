"""The ways of docs/moving.md, with the commands of the page."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from pulumi_scalekit.local import LocalScalekit

from ..conftest import CLI
from ..support.documented import DOCUMENTED
from ..support.engines import Project, find_engines
from ..support.live import identifier_of, live
from ..support.stacks import lay_out_stack

PAGE = (Path(__file__).parents[2] / "docs" / "moving.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE.partition("## Another name")[0], re.DOTALL)
PREFERRED = next((e for e in reversed(find_engines()) if not e.missing), find_engines()[0])
WRITES = ("create", "update", "delete")


@pytest.fixture
def moving(project: Project, scalekit: LocalScalekit) -> Project:
    """The project `shop`, whose stack `old` manages the connector `asana`, and the empty stack `new`."""
    project.write("Pulumi.yaml", "name: shop\nruntime: python\n")
    for stack in ("old", "new"):
        lay_out_stack(project.directory, project.backend, name="shop", stack=stack)
    declare(project, "old", "protect=True")
    project.run("up", "--yes", "--skip-preview", "--stack", "old")
    assert live(scalekit).keys() == {"My Asana"}
    return project


def declare(project: Project, stack: str, options: str = "", **arguments: object) -> None:
    """Make the program declare the connector in one of the stacks."""
    given = "".join(f", {name}={value!r}" for name, value in arguments.items())
    project.program(f"""
    if pulumi.get_stack() == {stack!r}:
        declared = {DOCUMENTED["asana"]!r}
        scalekit.Connector("asana", **declared{given}, opts=pulumi.ResourceOptions({options}))
    """)


def type_in(project: Project, commands: str, tools: Path) -> None:
    """Run commands as a reader types them, saying yes to each question."""
    tools.mkdir()
    (tools / "pulumi").symlink_to(project.engine.command)
    typed = [line.removeprefix("$ ") for line in commands.splitlines()]
    script = "\n".join(f"{line} --yes" if line.startswith("pulumi state") else line for line in typed)
    environ = {**project.env, "PATH": f"{tools}{os.pathsep}{project.env['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=project.directory,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_moved(project: Project, scalekit: LocalScalekit, before: tuple[str, dict[str, int]]) -> None:
    """Neither stack has anything to do, and Scalekit was not written to."""
    for stack in ("new", "old"):
        project.run("preview", "--refresh", "--expect-no-changes", "--stack", stack)
    assert (identifier_of(scalekit, "My Asana"), writes(scalekit)) == before
    assert [r["urn"] for r in project.state("old") if "Connector" in r["type"]] == []
    (moved,) = [r for r in project.state("new") if "Connector" in r["type"]]
    assert moved["urn"] == "urn:pulumi:new::shop::pulumi-python:dynamic/scalekit:Connector::asana"


def writes(scalekit: LocalScalekit) -> dict[str, int]:
    """How often Scalekit was written to."""
    return {operation: scalekit.requests.count(operation) for operation in WRITES}


@pytest.mark.thorough
@pytest.mark.parametrize("engine", [PREFERRED], indirect=True, ids=lambda engine: engine.name)
def test_forget_and_import(moving: Project, scalekit: LocalScalekit, tmp_path: Path) -> None:
    """What `state delete` forgets in one stack, `pulumi-scalekit import` writes into the other."""
    before = identifier_of(scalekit, "My Asana"), writes(scalekit)
    declare(moving, "new")
    type_in(moving, BLOCKS[0], tmp_path / "tools")
    declare(moving, "new", "protect=True")
    check_moved(moving, scalekit, before)


@pytest.mark.thorough
@pytest.mark.parametrize("engine", [CLI], indirect=True, ids=lambda engine: engine.name)
def test_state_move(moving: Project, scalekit: LocalScalekit, tmp_path: Path) -> None:
    """`pulumi state move` takes the connector with its protection along."""
    before = identifier_of(scalekit, "My Asana"), writes(scalekit)
    declare(moving, "new", "protect=True")
    type_in(moving, BLOCKS[1], tmp_path / "tools")
    check_moved(moving, scalekit, before)


@pytest.mark.thorough
@pytest.mark.parametrize("engine", [PREFERRED], indirect=True, ids=lambda engine: engine.name)
def test_forget_and_adopt(moving: Project, scalekit: LocalScalekit, tmp_path: Path) -> None:
    """The other stack may take over by `adopt` what the first one has forgotten."""
    before = identifier_of(scalekit, "My Asana"), writes(scalekit)
    type_in(moving, "\n".join(BLOCKS[0].splitlines()[:2]), tmp_path / "tools")
    declare(moving, "new", adopt=before[0])
    moving.run("up", "--yes", "--skip-preview", "--stack", "new")
    check_moved(moving, scalekit, before)
