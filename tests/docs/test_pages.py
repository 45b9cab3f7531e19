"""The pages: generated ones are current, links lead somewhere, and code in them runs."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.main import get_command

import pulumi_scalekit
from pulumi_scalekit.definition import rules as definition
from pulumi_scalekit.definition.paths import format_path
from pulumi_scalekit.errors import ApiError, RateLimited

from ..support.definitions import ALL, BEARER
from ..support.documented import DOCUMENTED
from ..support.live import edit

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")])


def tool(name: str) -> Any:
    """A tool that generates files from the code."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up there.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_current() -> None:
    """The reference, the JSON Schema and the plugin's schema are what `make docs` writes."""
    files = tool("reference").files()
    plugin = tool("plugin_schema")
    for path, content in {**files, plugin.TARGET: plugin.text()}.items():
        assert path.read_text(encoding="utf-8") == content, f"{path.name}: run `make docs`"


@pytest.mark.parametrize("payload", [*ALL, *DOCUMENTED.values()], ids=lambda payload: payload["display_name"])
def test_the_schema_takes_valid_payloads(payload: dict[str, Any]) -> None:
    """The JSON Schema for editors is a schema, and takes every payload that `review` takes."""
    schema = json.loads((ROOT / "docs" / "connector.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(payload, schema)


@pytest.mark.parametrize(
    ("edits", "path"),
    [
        ({"display_name": "Desk!"}, "display_name"),
        ({"proxy_url": "http://api.example.com"}, "proxy_url"),
        ({"auth_patterns[0].type": "Bearer"}, "auth_patterns[0].type"),
        ({"auth_patterns[0].fields[0].required": "yes"}, "auth_patterns[0].fields[0].required"),
        ({"metadata": {"ab": "x"}}, "metadata"),
        ({"proxy": True}, ""),
    ],
)
def test_the_schema_finds_mistakes(edits: dict[str, Any], path: str) -> None:
    """The JSON Schema refuses what an editor can find wrong, at its place."""
    schema = json.loads((ROOT / "docs" / "connector.schema.json").read_text(encoding="utf-8"))
    (found,) = jsonschema.Draft202012Validator(schema).iter_errors(edit(BEARER, edits))
    assert format_path(tuple(found.absolute_path)) == path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file of the repository, and its fragment a heading of that page."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, fragment = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        if fragment:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert fragment in slugs, f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_name_what_exists(page: Path) -> None:
    """Every Python block parses, and every `scalekit.` name in it is public."""
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        tree = ast.parse(block.replace(", ...)", ")"))
        names = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "scalekit"
        }
        assert names <= set(pulumi_scalekit.__all__), names - set(pulumi_scalekit.__all__)


def test_public_names_are_sorted_and_complete() -> None:
    """`__all__` is sorted, and holds every public name of the package."""
    names = pulumi_scalekit.__all__
    assert names == sorted(names)
    public = {
        name
        for name, value in vars(pulumi_scalekit).items()
        if not name.startswith("_") and isinstance(value, type | types.FunctionType)
    }
    assert public == {name for name in names if not name.startswith("_")}


def test_rule_names_are_unique() -> None:
    """A finding's name leads to one rule of the reference."""
    names = [name for rule in definition.RULES for name in rule.names]
    assert len(names) == len(set(names))


def test_the_page_on_unit_tests_runs(tmp_path: Path) -> None:
    """The page's blocks, each written to the file that it names, are a suite that passes without an environment."""
    page = (ROOT / "docs" / "unit-tests.md").read_text()
    blocks = re.findall(r"```(?:python|yaml)\n(# (\w+\.\w+)\n.*?)```", page, re.DOTALL)
    assert len(blocks) == page.count("```") // 2
    for block, name in blocks:
        (tmp_path / name).write_text(block)
    environ = {
        key: value for key, value in os.environ.items() if not key.startswith(("SCALEKIT_", "PYTEST_"))
    }
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{page.count('def test_')} passed" in done.stdout


def texts_of_the_code() -> str:
    """Every string of the packages but docstrings, one a line; `…` where a value goes into it, and the API's errors."""
    found = []
    for path in (ROOT / "provider").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        documentation = {node.value for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if node in documentation:
                continue
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "…" for p in node.values]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    found += [str(ApiError("x", status=status)) for status in (400, 401, 403, 404, 500)]
    found.append(str(RateLimited("x", status=429, error_code="RATE_LIMITED")))
    return "\n".join(text.replace("\n", " ") for text in found)


def test_the_errors_of_the_troubleshooting_page_exist() -> None:
    """Each message of the page, with its parts in their order, is one of the code."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    cells = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    messages = [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]
    assert len(messages) > 30
    texts = texts_of_the_code()
    for message in messages:
        parts = [re.escape(part.strip()) for part in message.split("…") if part.strip()]
        assert re.search(".*".join(parts), texts), message


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_yaml_and_json_blocks_parse(page: Path) -> None:
    """What a page shows as YAML is YAML, and what it shows as JSON is JSON, alone or as a member."""
    text = page.read_text()
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        assert yaml.safe_load(block) is not None, block
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        json.loads(block if block.lstrip().startswith(("{", "[")) else f"{{{block}}}")


def test_the_flags_of_the_embedded_engine_are_listed() -> None:
    """The page on the embedded engine lists every command with the very flags that its help has."""
    from pulumi_embedded.cli import config, deploy, stack  # noqa: F401 - each adds its commands
    from pulumi_embedded.cli.app import app

    everywhere = {"--stack", "--help"}

    def flags(command: Any, name: str) -> Iterator[tuple[str, set[str]]]:
        shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
        of_all = {option for parameter in shown for option in parameter.opts if option.startswith("--")}
        if getattr(command, "invoke_without_command", True):
            yield name, of_all - everywhere
        for below, subcommand in getattr(command, "commands", {}).items():
            yield from flags(subcommand, f"{name} {below}")

    commands = get_command(app)
    found = dict(pair for name, command in commands.commands.items() for pair in flags(command, name))  # type: ignore[attr-defined]
    page = (ROOT / "docs" / "embedded-engine.md").read_text()
    (table,) = re.findall(r"\| command \| flags \|\n\|[-|]+\n((?:\|.*\n)+)", page)
    listed = {}
    for row in table.splitlines():
        _, named, options, _ = row.split("|")
        for name in re.findall(r"`([^`]+)`", named):
            listed[name] = set(re.findall(r"`(--[\w-]+)", options))
    assert listed == found
