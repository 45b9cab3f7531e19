"""What surrounds the code: workflows that a linter accepts, and links that lead into this repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
REPOSITORY: str = PYPROJECT["project"]["urls"]["Source"]


TEMPLATES = [path for path in ROOT.glob("examples/ci/**/*.yml") if "github" in path.as_posix()]
WORKFLOWS = [*ROOT.glob(".github/workflows/*.yml"), *TEMPLATES]
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", WORKFLOWS),
        ("github-issue-forms", [*ROOT.glob(".github/ISSUE_TEMPLATE/[!c]*.yml")]),
        ("github-issue-config", [*ROOT.glob(".github/ISSUE_TEMPLATE/config.yml")]),
        ("dependabot", [*ROOT.glob(".github/dependabot.yml")]),
    ],
)
def test_files_for_the_code_host(schema: str, files: list[Path]) -> None:
    """The workflows, the forms and the settings have the keys that GitHub's schemas allow."""
    pytest.importorskip(
        "check_jsonschema", reason="check-jsonschema is not installed: pip install --group test"
    )
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.thorough
def test_workflows() -> None:
    """The workflows have valid expressions, shell scripts and inputs of actions, as `actionlint` says."""
    if actionlint := shutil.which("actionlint"):
        command = [actionlint]
    elif go := shutil.which("go"):
        command = [go, "run", ACTIONLINT]
    else:
        pytest.skip("neither actionlint nor go, which fetches it, is on PATH")
    done = subprocess.run(
        [*command, "-no-color", *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_make_targets_of_workflows() -> None:
    """Each `make` target that continuous integration runs is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    files = [*ROOT.glob(".github/workflows/*.yml"), ROOT / ".ci" / "run"]
    used = {word for file in files for word in re.findall(r"\bmake ([a-z-]+)", file.read_text())}
    assert {"lint", "test-all", "package", "site"} <= used <= targets


def test_one_address() -> None:
    """Every page and setting names the repository by the address in pyproject.toml, and files that are in it."""
    owner = re.escape(REPOSITORY.removesuffix("pulumi-scalekit"))
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/**/*.*")]
    for page in pages:
        for address, path in re.findall(
            r"(https://github\.com/[\w-]+/pulumi-scalekit)(?:/(?:blob|tree)/main/([\w./-]*))?",
            page.read_text(),
        ):
            assert re.match(owner, address), f"{page.name}: {address}"
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_the_readme_on_pypi_links_into_the_repository() -> None:
    """Each relative link of README.md becomes one to the repository, as PyPI shows the page without its neighbours."""
    (substitution,) = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]
    shown = re.sub(substitution["pattern"], substitution["replacement"], (ROOT / "README.md").read_text())
    links = re.findall(r"\]\(([^)\s]+)\)", shown)
    assert any(link.startswith(f"{REPOSITORY}/blob/main/docs/") for link in links)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_the_site_has_what_its_pages_link_to(page: Path) -> None:
    """A page of the site links to what is outside docs/ by the repository's address: the site has docs/ alone."""
    assert re.findall(r"\]\((\.\./[^)]*)\)", page.read_text()) == []
