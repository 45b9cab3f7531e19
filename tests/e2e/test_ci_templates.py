"""The CI templates in `examples/ci`: they parse, and what they run exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from pulumi_scalekit.cli.app import app

CI = Path(__file__).parents[2] / "examples" / "ci"
TEMPLATES = sorted(CI.glob("*.yml"))


def scripts(node: Any) -> list[str]:
    """Every shell line of a workflow."""
    if isinstance(node, dict):
        found = [s for key, value in node.items() for s in scripts(value) if key not in ("run", "script")]
        for key in ("run", "script"):
            lines = node.get(key, [])
            found += [lines] if isinstance(lines, str) else [line for line in lines if isinstance(line, str)]
        return found
    return [found for item in node for found in scripts(item)] if isinstance(node, list) else []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_the_commands_exist(template: Path) -> None:
    """Each `pulumi-scalekit` command of a template is one, with options that it has."""
    commands: Any = typer.main.get_command(app)
    ran = 0
    for line in "\n".join(scripts(yaml.safe_load(template.read_text()))).splitlines():
        for name, rest in re.findall(r"pulumi-scalekit (\w+)([^|>]*)", line):
            command = commands.commands[name]
            options = {option for parameter in command.params for option in parameter.opts}
            assert set(re.findall(r"(?<!\S)--[\w-]+", rest)) <= options, line
            ran += 1
    assert ran >= 3


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed")
def test_the_workflow_passes_actionlint() -> None:
    """GitHub's workflow has no mistake that `actionlint` finds."""
    workflow = CI / "github-actions.yml"
    done = subprocess.run(["actionlint", str(workflow)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
