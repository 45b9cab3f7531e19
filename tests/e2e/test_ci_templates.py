"""The CI templates in `examples/ci`, the agent skill and the command's page: what they run exists."""

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


def commands_in(text: str) -> list[tuple[list[str], str]]:
    """Each `pulumi-scalekit` command of a text: its words, and its line."""
    found = []
    for line in text.splitlines():
        for rest in re.findall(r'(?<!")pulumi-scalekit ([a-z][^|>#`"]*)', line):
            found.append((rest.split(), line))
    return found


def check(text: str) -> int:
    """Check that each command exists and has its options; returns how many there are."""
    found = commands_in(text)
    for words, line in found:
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands"):
            assert words, line
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        options |= {option for parameter in command.params for option in parameter.secondary_opts}
        given = {word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-z][\w-]*(=.*)?", word)}
        assert given <= options | {"--help"}, line
    return len(found)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_the_commands_of_a_template_exist(template: Path) -> None:
    """Each `pulumi-scalekit` command of a template is one, with options that it has."""
    assert check("\n".join(scripts(yaml.safe_load(template.read_text())))) >= 3


@pytest.mark.parametrize("page", ["skills/scalekit-connectors/SKILL.md", "docs/command.md", "README.md"])
def test_the_commands_of_a_page_exist(page: str) -> None:
    """Each command line in a page's examples is one that the command takes."""
    text = (CI.parents[1] / page).read_text()
    lines = [line for line in text.splitlines() if line.startswith(("    ", "$ "))]
    assert check("\n".join(lines)) >= 2


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed")
def test_the_workflow_passes_actionlint() -> None:
    """GitHub's workflow has no mistake that `actionlint` finds."""
    workflow = CI / "github-actions.yml"
    done = subprocess.run(["actionlint", str(workflow)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
