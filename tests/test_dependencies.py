"""What is imported is declared in pyproject.toml, where those who install that part get it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
DEPENDENCIES: list[str] = PYPROJECT["project"]["dependencies"]
LOCAL, EMBEDDED = (PYPROJECT["project"]["optional-dependencies"][extra] for extra in ("local", "embedded"))
GROUPS = PYPROJECT["dependency-groups"]
DEVELOPMENT = [*DEPENDENCIES, *LOCAL, *EMBEDDED, *GROUPS["test"], *GROUPS["sdk"]]

# A part of the tree, the more special first, and what is installed for whoever uses it.
PARTS = {
    "provider/pulumi_scalekit/local": [*DEPENDENCIES, *LOCAL],
    "provider/pulumi_scalekit": DEPENDENCIES,
    "provider/pulumi_embedded": [*DEPENDENCIES, *EMBEDDED],
    # A policy pack has an environment of its own.
    "examples/policies": (ROOT / "examples" / "policies" / "requirements.txt").read_text().splitlines(),
    # The page of the example that imports the SDK says to install it.
    "examples": [*DEPENDENCIES, *GROUPS["sdk"]],
    "tools": DEVELOPMENT,
    "tests": DEVELOPMENT,
    "benchmarks": DEVELOPMENT,
}
OURS = {"pulumi_scalekit", "pulumi_embedded", "tests", "benchmarks"}


def normalized(name: str) -> str:
    """Return a distribution's name as packaging compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imports_of(path: Path) -> Iterator[str]:
    """Return each top-level module that a file imports, except the standard library, ours and the file's siblings."""
    siblings = {other.stem for folder in path.parents[:2] for other in folder.glob("*.py")}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [str(node.module)]
        else:
            names = []
        yield from {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OURS - siblings


def test_imports_are_declared() -> None:
    """Each third-party module that a file imports belongs to a requirement of the file's part of the tree."""
    providers = packages_distributions()
    undeclared = []
    for path in sorted({path for part in PARTS for path in (ROOT / part).rglob("*.py")}):
        name = path.relative_to(ROOT).as_posix()
        part = next(part for part in PARTS if name.startswith(f"{part}/"))
        declared = {normalized(Requirement(requirement).name) for requirement in PARTS[part]}
        undeclared += [
            f"{module} in {name}"
            for module in imports_of(path)
            if declared.isdisjoint(map(normalized, providers.get(module, [module])))
        ]
    assert undeclared == []
