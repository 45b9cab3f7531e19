"""The programs in `examples/`, as they are: each auth type, a component, an adoption, two environments."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from pulumi_scalekit import local
from pulumi_scalekit.local import LocalScalekit

from ..conftest import CLI, EMBEDDED
from ..support.definitions import bearer
from ..support.engines import Project
from ..support.live import live
from ..support.stacks import STACK, lay_out_stack

EXAMPLES = Path(__file__).parents[2] / "examples"
# By example: the display names that it makes, each with the auth type.
MADE = {
    "oauth": {"CRM": "OAUTH"},
    "basic": {"Helpdesk": "BASIC"},
    "bearer": {"Web Search": "BEARER"},
    "api-key": {"Metrics": "API_KEY"},
    "mcp": {"Handbook MCP": "NO_AUTH"},
    "component": {"Orders": "API_KEY", "Stock": "API_KEY"},
    "adoption": {"Team Notes": "BEARER"},
    "two-environments": {"Web Search": "BEARER"},
}
OTHERS = {"quickstart", "connection", "first-call", "policies", "ci", "typescript", "yaml"}
"""Examples that other tests run."""
QUICK = ("oauth", "component")
"""Those that `make test`, too, plays."""


def start(example: str, project: Project, scalekit: LocalScalekit, stack: ExitStack) -> list[LocalScalekit]:
    """Put an example into a project, with what it says that it needs; returns the environments that it writes to."""
    shutil.copytree(EXAMPLES / example, project.directory, dirs_exist_ok=True)
    lay_out_stack(project.directory, project.backend, name=example)
    config: dict[str, str] = {}
    environments = [scalekit]
    if example == "oauth":
        config = {"clientId": "0oa1", "clientSecret": "a-secret"}
    if example == "adoption":
        scalekit.store.create_provider(bearer("Team Notes"))
    if example == "two-environments":
        environments.append(
            stack.enter_context(local.running(client_id="skc_2", client_secret="another-secret"))
        )
        for name, where in zip(("dev", "production"), environments, strict=True):
            config |= {
                f"{name}Url": where.url,
                f"{name}ClientId": where.client_id,
                f"{name}ClientSecret": where.client_secret,
            }
    with (project.directory / f"Pulumi.{STACK}.yaml").open("a") as file:
        yaml.safe_dump({"config": {f"{example}:{key}": value for key, value in config.items()}}, file)
    return environments


def test_each_example_has_a_stack_of_its_own() -> None:
    """An example's project has the name of its folder, so none runs on the stack of another or of `make up`."""
    found = [EXAMPLES.parent / "Pulumi.yaml", *EXAMPLES.glob("*/Pulumi.yaml")]
    names = {path: yaml.safe_load(path.read_text())["name"] for path in found}
    assert {path.parent.name: name for path, name in names.items() if path.parent.parent == EXAMPLES} == {
        path.parent.name: path.parent.name for path in found[1:]
    }
    assert len(set(names.values())) == len(found)


def types(definitions: dict[str, Any]) -> dict[str, str]:
    """The auth type of each definition."""
    return {name: definition["auth_patterns"][0]["type"] for name, definition in definitions.items()}


@pytest.mark.parametrize("engine", [pytest.param(EMBEDDED, id=EMBEDDED.name)], indirect=True)
@pytest.mark.parametrize(
    "example",
    [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.thorough]) for name in MADE],
)
def test_example(project: Project, scalekit: LocalScalekit, example: str) -> None:
    """An example makes what it says, without a warning."""
    with ExitStack() as stack:
        environments = start(example, project, scalekit, stack)
        assert "warning" not in project.up().text
        for where in environments:
            assert types(live(where)) == MADE[example]


@pytest.mark.thorough
@pytest.mark.parametrize("engine", [pytest.param(CLI, id=CLI.name)], indirect=True)
@pytest.mark.parametrize("example", MADE)
def test_example_on_the_cli(project: Project, scalekit: LocalScalekit, example: str) -> None:
    """A second run of an example finds nothing to do, and what it made goes again unless it is protected."""
    with ExitStack() as stack:
        environments = start(example, project, scalekit, stack)
        project.up()
        project.run("preview", "--expect-no-changes", "--diff")
        project.run("state", "unprotect", "--all", "--yes")
        project.destroy()
        assert [live(where) for where in environments] == [{} for _ in environments]


def test_the_index_has_every_example() -> None:
    """The index names each folder, each is run by a test, and each program has the name of its folder."""
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {*MADE, *OTHERS}
    listed = re.findall(r"^\| \[([\w-]+)\]\(", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(folders)
    for example in MADE:
        project = yaml.safe_load((EXAMPLES / example / "Pulumi.yaml").read_text())
        assert (project["name"], project["runtime"]) == (example, "python")
