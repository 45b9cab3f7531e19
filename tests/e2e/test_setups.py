"""The built wheel in the set-ups that projects use: pip, uv and poetry, old and new Pythons, the Automation API."""

from __future__ import annotations

import contextlib
import email
import fcntl
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import bearer
from ..support.documented import DOCUMENTED
from ..support.engines import BIN, PASSPHRASE, Engine, Project, find_engines
from ..support.host import PICKLED
from ..support.live import live

ROOT = Path(__file__).parents[2]
SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
CLI = next(engine for engine in find_engines() if engine.name == "cli")
needs_cli = pytest.mark.skipif(bool(CLI.missing), reason=CLI.missing or "-")


def find_pythons() -> dict[str, str]:
    """The supported interpreters of this machine, by version: on PATH or under pyenv."""
    found = {}
    for version in SUPPORTED:
        under_pyenv = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
        if on_path := shutil.which(f"python{version}"):
            found[version] = on_path
        if under_pyenv:
            found[version] = str(under_pyenv[-1])
    return found


PYTHONS = find_pythons()
OLDEST, NEWEST = min(PYTHONS, default=""), max(PYTHONS, key=lambda v: int(v[2:]), default="")


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run a command of a set-up; without a registry to install from, there is nothing to test."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        words = (
            "failed to establish a new connection",
            "connection refused",
            "network is unreachable",
            "name resolution",
            "timed out",
            "error sending request",
            "certificate verify failed",
        )
        if any(word in (done.stdout + done.stderr).lower() for word in words):
            pytest.skip(f"{command[0]} cannot install packages here: {done.stderr.strip()[-300:]}")
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")


@contextlib.contextmanager
def once(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """A directory that all processes of this test run share; one at a time makes it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared / name


@pytest.fixture
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    with once(tmp_path_factory, "wheel") as directory:
        if not directory.exists():
            run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", directory, ROOT)
    return next(directory.glob("*.whl"))


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with uv and poetry."""
    with once(tmp_path_factory, "tools") as directory:
        if not directory.exists():
            run(sys.executable, "-m", "venv", directory)
            run(directory / "bin" / "python", "-m", "pip", "install", "--quiet", "uv", "poetry")
    return directory / "bin"


@pytest.fixture
def make_at(scalekit: LocalScalekit, tmp_path: Path, pulumi_home: Path) -> Callable[[Engine, Path], Project]:
    """Makes a project of an engine that finds its Python in a directory of executables."""

    def make(engine: Engine, executables: Path) -> Project:
        directory = tmp_path / engine.name
        directory.mkdir()
        project = Project(engine, directory, pulumi_home, scalekit.env)
        project.env["PATH"] = f"{executables}{os.pathsep}{os.environ['PATH']}"
        project.env.pop("VIRTUAL_ENV", None)
        return project

    return make


def smoke(project: Project, scalekit: LocalScalekit) -> None:
    """Up, preview and destroy, on what every set-up must do."""
    project.declare({"one": bearer("One")})
    project.up()
    assert live(scalekit) == {"One": bearer("One")}
    assert project.resources()["one"]["inputs"]["__provider"] == PICKLED
    project.run("preview", "--expect-no-changes")
    project.destroy()
    assert live(scalekit) == {}


def lowest_versions(wheel: Path) -> str:
    """Constraints of pip's: the lowest version that the wheel says it works with, of each thing that it needs."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        needed = map(Requirement, email.message_from_bytes(archive.read(name)).get_all("Requires-Dist", []))
    used = [each for each in needed if not each.marker or each.marker.evaluate({"extra": "embedded"})]
    lowest = {each.name: s.version for each in used for s in each.specifier if s.operator == ">="}
    assert {"httpx", "pulumi", "pydantic", "tenacity", "typer", "cryptography"} <= lowest.keys()
    return "".join(f"{name}=={version}\n" for name, version in lowest.items())


@pytest.mark.thorough
@pytest.mark.parametrize("version", sorted({OLDEST, NEWEST}))
def test_pip(
    wheel: Path,
    scalekit: LocalScalekit,
    make_at: Callable[[Engine, Path], Project],
    tmp_path: Path,
    version: str,
) -> None:
    """The wheel works in an environment of pip's, on both engines: on the oldest and the newest Python.

    The oldest has the lowest versions of all that the wheel needs, the newest the latest.
    """
    if not version:
        pytest.skip("no supported Python was found")
    environment = tmp_path / "environment"
    run(PYTHONS[version], "-m", "venv", environment)
    python = environment / "bin" / "python"
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(lowest_versions(wheel) if version == OLDEST else "")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--constraint", constraints, f"{wheel}[embedded]")
    run(python.parent / "pulumi-scalekit", "--help")
    run(python.parent / "pulumi-scalekit", "list", env={**os.environ, **scalekit.env})
    smoke(make_at(Engine("embedded", str(python.parent / "pulumi-embedded")), python.parent), scalekit)
    if not CLI.missing:
        smoke(make_at(CLI, python.parent), scalekit)


UV_PROJECT = """\
[project]
name = "scenario"
version = "0.1.0"
requires-python = ">={version}"
dependencies = ["pulumi-scalekit @ {wheel}"]
"""
POETRY_PROJECT = """\
[project]
name = "scenario"
version = "0.1.0"
requires-python = ">={version}"

[tool.poetry]
package-mode = false
"""


@needs_cli
@pytest.mark.thorough
@pytest.mark.parametrize("toolchain", ["uv", "poetry"])
def test_toolchains(
    wheel: Path,
    tools: Path,
    scalekit: LocalScalekit,
    make_at: Callable[[Engine, Path], Project],
    toolchain: str,
) -> None:
    """Projects of uv and of poetry run the program in the environment that their tool keeps.

    uv resolves and installs the wheel itself. Poetry resolves against PyPI's own JSON API only, which mirrors lack:
    pip installs into the environment that poetry has made.
    """
    project = make_at(CLI, tools)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    template = UV_PROJECT if toolchain == "uv" else POETRY_PROJECT
    project.write("pyproject.toml", template.format(wheel=wheel.as_uri(), version=version))
    options = f"runtime:\n  name: python\n  options:\n    toolchain: {toolchain}\n"
    project.write("Pulumi.yaml", f"name: scenario\n{options}")
    project.env |= {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "UV_PYTHON_DOWNLOADS": "never"}
    if toolchain == "uv":
        run(tools / "uv", "sync", cwd=project.directory, env=project.env)
    else:
        run(tools / "poetry", "install", "--no-interaction", cwd=project.directory, env=project.env)
        environment = project.directory / ".venv"
        run(sys.executable, "-m", "pip", "--python", environment, "install", "--quiet", wheel)
    smoke(project, scalekit)


AUTOMATION = """
import json
import sys

import pulumi
import pulumi.automation as auto

import pulumi_scalekit as scalekit

DECLARED = json.loads(sys.argv[1])


def program():
    for name, declared in DECLARED.items():
        pulumi.export(name, scalekit.Connector(name, **declared).identifier)


stack = auto.create_or_select_stack("dev", "inline", program)
created = stack.up()
print(json.dumps({name: output.value for name, output in created.outputs.items()}))
# One process may run programs again: what an earlier run declared is no duplicate.
again = stack.up(expect_no_changes=True)
assert again.summary.resource_changes == {"same": 3}, again.summary
preview = stack.preview()
assert preview.change_summary == {auto.OpType.SAME: 3}, preview.change_summary
stack.refresh(expect_no_changes=True)
stack.destroy()
"""


@pytest.mark.thorough
@needs_cli
def test_automation_api(tmp_path: Path, pulumi_home: Path, scalekit: LocalScalekit) -> None:
    """An inline program of the Automation API declares connectors like any other."""
    (tmp_path / "backend").mkdir()
    script = tmp_path / "automate.py"
    script.write_text(AUTOMATION)
    declared = {"asana": DOCUMENTED["asana"], "one": bearer("One")}
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PULUMI_", "SCALEKIT_"))}
    env = {
        **inherited,
        **scalekit.env,
        # As in an activated environment: Pulumi looks for the provider's Python on PATH.
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(pulumi_home),
        "PULUMI_BACKEND_URL": (tmp_path / "backend").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(declared)],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    identifiers = json.loads(done.stdout.splitlines()[0])
    assert identifiers.keys() == declared.keys()
    assert identifiers["asana"].startswith("MYASANA:")
    assert live(scalekit) == {}
