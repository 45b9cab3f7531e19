"""The pages: generated ones are current, links lead somewhere, and code in them runs."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

import pulumi_scalekit
from pulumi_scalekit.definition import rules as definition

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")])


def test_reference_is_current() -> None:
    """docs/reference.md is what `make docs` writes."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    assert (ROOT / "docs" / "reference.md").read_text() == reference.text(), "run `make docs`"


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
        if not name.startswith("_") and isinstance(value, type | type(test_reference_is_current))
    }
    assert public == {name for name in names if not name.startswith("_")}


def test_rule_names_are_unique() -> None:
    """A finding's name leads to one rule of the reference."""
    names = [name for rule in definition.RULES for name in rule.names]
    assert len(names) == len(set(names))
