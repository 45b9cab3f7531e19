"""Programs in other languages, by the examples and by what `pulumi-scalekit plugin` prints."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import textwrap
from pathlib import Path

import pytest

from pulumi_scalekit._version import __version__
from pulumi_scalekit.errors import EngineError
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.operations.plugin import write_tarball
from pulumi_scalekit.provider.plugin import EXECUTABLE

from ..support.engines import BIN, Project
from ..support.live import live

EXAMPLES = Path(__file__).parents[2] / "examples"
REGISTRY_IS_AWAY = re.compile(
    r"ENOTFOUND|ETIMEDOUT|ECONNREFUSED|EAI_AGAIN|NewConnectionError|name resolution|No matching distribution",
    re.I,
)
"""What npm and pip say where there is no registry to install from."""

YAML = """
name: scenario
runtime: yaml
resources:
  one:
    type: scalekit:index:Connector
    properties:
      display_name: One
      proxy_url: https://api.example.com
      auth_patterns: [{type: BEARER, display_name: Token, fields: [{field_name: token}]}]
"""

PYTHON = """
import pulumi_scalekit_native as scalekit

fields = [scalekit.FieldArgs(field_name="token", required=True)]
auth = scalekit.AuthArgs(type=scalekit.AuthType.BEARER, display_name="Token", fields=fields)
one = scalekit.Connector("one", display_name="One", proxy_url="https://api.example.com", auth_patterns=[auth])
pulumi.export("identifier", one.identifier)
"""


def needs(*commands: str) -> pytest.MarkDecorator:
    """Skip a test where a command that it runs is not there."""
    missing = [command for command in commands if shutil.which(command) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not on PATH")


def run(project: Project, *command: str) -> str:
    """Run a command in the project's folder, and return what it prints."""
    done = subprocess.run(
        command,
        cwd=project.directory,
        env=project.env,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    if done.returncode and REGISTRY_IS_AWAY.search(done.stdout + done.stderr):
        pytest.skip(f"{command[0]} has no registry to install from")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def printed(project: Project) -> str:
    """What `pulumi-scalekit plugin` prints."""
    return run(project, str(BIN / "pulumi-scalekit"), "plugin")


def snippet(text: str, start: str) -> str:
    """The indented lines of a text that begin with one that starts so, up to the next empty one."""
    found = re.search(rf"^  {re.escape(start)}.*?(?=\n\n|\Z)", text, re.M | re.S)
    assert found, text
    return textwrap.dedent(found[0])


def copy_example(project: Project, name: str) -> None:
    """Make an example the project."""
    shutil.copytree(EXAMPLES / name, project.directory, dirs_exist_ok=True)
    settings = (project.directory / "Pulumi.yaml").read_text()
    settings = settings.replace(f"name: {name}\n", "name: scenario\n", 1)
    project.write("Pulumi.yaml", settings.replace("../../.venv/bin", str(BIN)))


def check_example(project: Project, scalekit: LocalScalekit) -> None:
    """Apply an example, see that it is done, and take it down."""
    project.up()
    assert live(scalekit).keys() == {"My Freshdesk"}
    (connection,) = scalekit.store.connections()
    assert project.outputs() == {"connector": connection.provider_key, "connection": "support"}
    project.run("preview", "--expect-no-changes")
    project.destroy()
    assert live(scalekit) == {}


@pytest.mark.thorough
@needs("pulumi-language-yaml")
def test_yaml_example(project: Project, scalekit: LocalScalekit) -> None:
    """The YAML example is applied, and nothing is left to do."""
    copy_example(project, "yaml")
    check_example(project, scalekit)


@pytest.mark.thorough
@needs("pulumi-language-yaml")
@pytest.mark.parametrize("way", ["path", "project", "tarball"])
def test_each_way_to_find_it(project: Project, scalekit: LocalScalekit, tmp_path: Path, way: str) -> None:
    """Pulumi finds the provider on PATH, by the lines for Pulumi.yaml, and after the commands that install it."""
    text = printed(project)
    declared = YAML
    if way != "path":
        project.env["PATH"] = project.env["PATH"].replace(f"{BIN}:", "")
    if way == "project":
        declared += snippet(text, "plugins:")
    if way == "tarball":
        # Installed for this test alone.
        project.env["PULUMI_HOME"] = str(tmp_path / "home")
        script = snippet(text, "pulumi-scalekit plugin --tarball").replace(
            "pulumi-scalekit plugin", f"{BIN}/pulumi-scalekit plugin", 1
        )
        run(project, "sh", "-ec", script)
    project.write("Pulumi.yaml", declared)
    result = project.run("preview", "--json")
    assert ("from $PATH" in result.text) is (way == "path")
    assert '"scalekit:index:Connector"' in result.text
    assert __version__ in text


def test_the_archive(tmp_path: Path) -> None:
    """It has one executable, which starts the provider where it is; where it cannot be written, the error says so."""
    write_tarball(tmp_path / "scalekit.tar.gz")
    with tarfile.open(tmp_path / "scalekit.tar.gz") as archive:
        (member,) = archive.getmembers()
        content = archive.extractfile(member)
        assert content is not None
        assert f"exec {BIN}/{EXECUTABLE} " in content.read().decode()
    assert (member.name, member.mode) == (EXECUTABLE, 0o755)
    with pytest.raises(EngineError, match="Is a directory"):
        write_tarball(tmp_path)


def test_an_archive_takes_the_place_of_an_archive_only(tmp_path: Path) -> None:
    """It is written again, but not over a file that is something else."""
    write_tarball(tmp_path / "scalekit.tar.gz")
    write_tarball(tmp_path / "scalekit.tar.gz")
    (tmp_path / "program.py").write_text("mine = 1")
    with pytest.raises(EngineError, match="is not an archive of the native provider"):
        write_tarball(tmp_path / "program.py")
    assert (tmp_path / "program.py").read_text() == "mine = 1"


@pytest.mark.thorough
@needs("pulumi-language-nodejs", "node", "npm")
def test_typescript_example(project: Project, scalekit: LocalScalekit) -> None:
    """The TypeScript example has the right types, is applied, and nothing is left to do."""
    copy_example(project, "typescript")
    run(project, "sh", "-c", snippet(printed(project), "pulumi package add"))
    run(project, "node_modules/.bin/tsc")
    check_example(project, scalekit)


@pytest.mark.thorough
@needs("pulumi-language-python")
def test_generated_python_package(project: Project, scalekit: LocalScalekit) -> None:
    """The generated Python package is imported beside nothing of ours, under a name of its own."""
    project.env["PATH"] = project.env["PATH"].replace(f"{BIN}:", "")
    text = printed(project)
    runtime = "name: scenario\nruntime: {name: python, options: {virtualenv: venv}}\n"
    project.write("Pulumi.yaml", runtime + snippet(text, "plugins:"))
    project.write("requirements.txt", "pulumi>=3.260,<4\n")
    run(project, "sh", "-c", snippet(text, "pulumi package add"))
    project.write("__main__.py", f"import pulumi\n{PYTHON}")
    project.up()
    (identifier,) = (p.identifier for p in scalekit.store.all_providers() if p.is_custom)
    assert project.outputs() == {"identifier": identifier}
    project.run("preview", "--expect-no-changes")
