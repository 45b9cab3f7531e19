"""The CI templates in `examples/ci`, the agent skill and the command's page: what they run exists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
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


def test_the_gitlab_template_is_one() -> None:
    """GitLab's own JSON Schema takes the template, as `check-jsonschema` ships it."""
    pytest.importorskip(
        "check_jsonschema", reason="check-jsonschema is not installed: pip install --group test"
    )
    options = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    command = [sys.executable, "-m", "check_jsonschema", *options, str(CI / "gitlab-ci.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_scripts_of_gitlab_are_shell() -> None:
    """Bash can parse each script of each job."""
    jobs = yaml.safe_load((CI / "gitlab-ci.yml").read_text())
    found = ["\n".join(job["script"]) for job in jobs.values() if isinstance(job, dict) and "script" in job]
    assert len(found) >= 5
    for script in found:
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("preview_fails", [False, True])
@pytest.mark.parametrize("earlier", [None, 42])
def test_the_comment_of_gitlab(tmp_path: Path, earlier: int | None, preview_fails: bool) -> None:
    """The preview's job writes one comment, or its earlier one again, also where a preview fails; then so does it."""
    notes = [{"id": 7, "body": "Please have a look"}]
    notes += [{"id": earlier, "body": "<!-- pulumi-scalekit summarize -->"}] if earlier else []
    (tmp_path / "notes.json").write_text(json.dumps(notes))
    tools = {
        "pulumi": f"echo '{{}}'; exit {int(preview_fails)}",
        "pulumi-scalekit": 'echo "summary of $*"',
        "curl": 'case "$*" in *per_page*) cat notes.json;; *) echo "$*" >> sent; cat comment.md >> sent;; esac',
    }
    for name, body in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    (script,) = [yaml.safe_load((CI / "gitlab-ci.yml").read_text())["preview"]["script"]]
    settings = {
        "CI_API_V4_URL": "https://git.example.com/api",
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "2",
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "COMMENT_TOKEN": "t", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == int(preview_fails), done.stderr
    call, comment = (tmp_path / "sent").read_text().splitlines()
    assert f"--request {'PUT' if earlier else 'POST'}" in call
    assert call.endswith("/api/projects/1/merge_requests/2/notes" + (f"/{earlier}" if earlier else ""))
    assert comment == "summary of summarize dev.json production.json"
