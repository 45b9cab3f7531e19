"""The architecture: which room may import which, no circles, no private names of another module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PROVIDER = Path(__file__).parents[1] / "provider"

# From the ground upwards: a room imports itself and the rooms that are named for it.
ROOMS = {
    "pulumi_scalekit": {
        "ground": "",
        "definition": "ground",
        "api": "ground definition",
        "tool_proxy": "ground definition api",
        # The local Scalekit sends the very request that a dry run shows.
        "local": "ground definition tool_proxy",
        "discovery": "ground definition api",
        "provider": "ground definition api",
        "face": "ground definition api provider",
        "operations": "ground definition api tool_proxy discovery provider face",
        "cli": "ground definition api tool_proxy discovery provider face operations local",
    },
    "pulumi_embedded": {
        "ground": "",
        "values": "ground",
        "project": "ground values",
        "state": "ground values project",
        "plugins": "ground values project state",
        "language_host": "ground values project state plugins",
        "engine": "ground values project state plugins language_host",
        "display": "ground values project state engine",
        "cli": "ground values project state engine display",
    },
    "pulumi_scalekit_command": {"ground": ""},
}
ENTRY = ("pulumi_scalekit_command", "pulumi_scalekit.cli")
"""The entry of the command, which has to load before the package does."""
# Modules outside the folders are "ground", except these; "face" is what programs and state files import.
OUTSIDE = {
    "pulumi_scalekit.__init__": "face",
    "pulumi_scalekit.connection": "face",
    "pulumi_scalekit.connection_provider": "face",
    "pulumi_scalekit.connector": "face",
    "pulumi_scalekit.explicit_provider": "face",
    "pulumi_scalekit.functions": "face",
    "pulumi_embedded.__main__": "cli",
}


@dataclass(frozen=True)
class Import:
    """An import: the module that has it, the module that it names, and the names taken from that."""

    importer: str
    imported: str
    names: tuple[str, ...]


def modules() -> dict[str, Path]:
    """Return the files of both packages by module name."""
    found = {}
    for path in sorted(PROVIDER.rglob("*.py")):
        parts = path.relative_to(PROVIDER).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(module: str) -> Iterator[Import]:
    """Find each import of our own modules, also those inside functions and those for type checkers alone."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in MODULES:
                    yield Import(module, alias.name, ())
        elif isinstance(node, ast.ImportFrom):
            ancestors = package.split(".")
            base = ".".join(ancestors[: len(ancestors) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            for alias in node.names:
                submodule = f"{source}.{alias.name}"
                if submodule in MODULES:
                    yield Import(module, submodule, ())
                elif source in MODULES:
                    yield Import(module, source, (alias.name,))


@cache
def imports() -> list[Import]:
    """Find the imports of all modules."""
    return [found for module in MODULES for found in imports_of(module) if found.imported != module]


def room_of(module: str) -> str:
    """Return the room of a module."""
    package, _, rest = module.partition(".")
    first = rest.partition(".")[0] or "__init__"
    if first in ROOMS[package]:
        return first
    return OUTSIDE.get(f"{package}.{first}", "ground")


def circles() -> set[tuple[str, ...]]:
    """Return each set of modules that reach one another."""
    successors: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in imports():
        successors[found.importer].add(found.imported)

    def reached_from(module: str) -> set[str]:
        seen: set[str] = set()
        waiting = [module]
        while waiting:
            new = successors[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    reached = {module: reached_from(module) for module in MODULES}
    return {
        tuple(sorted({module, *(other for other in reached[module] if module in reached[other])}))
        for module in MODULES
        if module in reached[module]
    }


@pytest.mark.parametrize("package", ROOMS)
def test_the_table_itself_points_downwards(package: str) -> None:
    """Each room may import only rooms that are listed before it, and every room of the table exists."""
    for position, (room, allowed) in enumerate(ROOMS[package].items()):
        assert set(allowed.split()) <= set(list(ROOMS[package])[:position]), room
        assert room in ("ground", "face") or (PROVIDER / package / room / "__init__.py").is_file(), room
    folders = {path.parent.name for path in (PROVIDER / package).glob("*/__init__.py")}
    assert folders <= set(ROOMS[package]), "a folder that the table does not name"


def test_imports_point_downwards() -> None:
    """A module imports its own room and the rooms below it; no package imports another."""
    upward = set()
    for found in imports():
        package = found.importer.partition(".")[0]
        room = room_of(found.importer)
        allowed = {room, *ROOMS[package][room].split()}
        same_package = found.imported.partition(".")[0] == package
        if not (same_package and room_of(found.imported) in allowed):
            upward.add((found.importer, found.imported))
    assert upward == {ENTRY}


def test_no_module_imports_itself_through_others() -> None:
    """There are no circles of imports, also none through imports inside functions."""
    assert circles() == set()


def test_private_names_stay_in_their_module() -> None:
    """No module imports a name with a leading underscore from another one."""
    private = {
        (found.importer, f"{found.imported}.{name}")
        for found in imports()
        for name in found.names
        if name.startswith("_") and not name.startswith("__")
    }
    assert private == set()
