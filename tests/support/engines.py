"""The two engines behind one face: scenarios are written once and run on the Pulumi CLI and on the embedded engine.

Both take the same commands and flags, and answer in the same forms. Every command that a scenario runs is also a
test of its output: no Python traceback may appear in it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from .stacks import PASSPHRASE, STACK, lay_out_stack

BIN = Path(sys.executable).parent
"""Where the interpreter that runs the tests lives, with its scripts."""
TIMEOUT = 120.0
"""Seconds after which a command counts as hanging."""


@dataclass(frozen=True)
class Engine:
    """Something that runs Pulumi programs: its name in test ids, and its command."""

    name: str
    command: str
    missing: str = ""
    """Why it cannot run here, or ""."""
    is_native: bool = False
    """Whether programs declare native resources, and not dynamic ones."""


def find_engines() -> list[Engine]:
    """Both engines, with the reason where one is not there."""
    on_path = shutil.which("pulumi")
    beside = BIN / "pulumi-embedded"
    return [
        Engine("embedded", str(beside), "" if beside.exists() else f"there is no {beside}"),
        Engine("cli", on_path or "pulumi", "" if on_path else "pulumi is not on PATH"),
    ]


def find_faces() -> list[Engine]:
    """Both engines with dynamic resources, and the CLI with native ones."""
    embedded, cli = find_engines()
    return [embedded, cli, replace(cli, name="native", is_native=True)]


on_every_face = pytest.mark.parametrize(
    "engine",
    [
        pytest.param(face, id=face.name, marks=[] if face.name == "embedded" else [pytest.mark.thorough])
        for face in find_faces()
    ],
    indirect=True,
)
"""For scenarios that `declare` and do no more: they run with native resources, too."""


@dataclass(frozen=True)
class Result:
    """A finished command."""

    arguments: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """All that it printed."""
        return self.stdout + self.stderr

    def __str__(self) -> str:
        return f"$ pulumi {' '.join(self.arguments)}  → {self.code}\n{self.text}"


@dataclass(frozen=True)
class Plan:
    """What a preview says, without what differs from run to run."""

    ops: dict[str, list[str]]
    """The operations on each resource, by its name. A resource that stays the same is not in it."""
    paths: dict[str, set[str]]
    """The property paths that an update or a replacement changes, by the resource's name."""
    diagnostics: list[str]
    """The messages, each with its severity: `warning: …`."""
    result: Result = field(repr=False)

    def said(self, text: str) -> list[str]:
        """The messages that hold a text."""
        return [message for message in self.diagnostics if text in message]


class Project:
    """A Pulumi project in a throw-away directory, with one stack in a file backend."""

    def __init__(self, engine: Engine, directory: Path, home: Path, environ: Mapping[str, str]) -> None:
        self.engine = engine
        self.directory = directory / "project"
        self.backend = directory / "backend"
        self.directory.mkdir()
        self.backend.mkdir()
        # Nothing of the machine's own set-up reaches the command.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PULUMI_", "SCALEKIT_"))}
        self.env = {
            **inherited,
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": self.backend.as_uri(),
            "PULUMI_STACK": STACK,
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "SCALEKIT_LIST_DELAY": "4",  # the local Scalekit lists at once, except where a test says otherwise
            **environ,
        }
        self.write(
            "Pulumi.yaml", f"name: scenario\nruntime: python\n{NATIVE_PLUGIN if engine.is_native else ''}"
        )
        lay_out_stack(self.directory, self.backend, name="scenario")

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def program(self, source: str) -> None:
        """Make this the program."""
        self.write("__main__.py", PREAMBLE + textwrap.dedent(source))

    def declare(self, connectors: Mapping[str, Mapping[str, Any]]) -> None:
        """Make the program declare these connectors, by their resource names."""
        self.write("connectors.json", json.dumps(connectors))
        self.program(DECLARE_NATIVE if self.engine.is_native else DECLARE)

    def run(self, *arguments: str, code: int | None = 0, cwd: Path | None = None) -> Result:
        """Run a command, and check its exit code and that it shows no traceback.

        Args:
            arguments: The command and its flags.
            code: The exit code that it must have: `None` for any but 0.
            cwd: The directory, if not the project's.
        """
        done = subprocess.run(
            [self.engine.command, *arguments, "--non-interactive"],
            cwd=cwd or self.directory,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        result = Result(arguments, done.returncode, done.stdout, done.stderr)
        assert (done.returncode == code) if code is not None else done.returncode, str(result)
        if self.engine.is_native:
            # The language host itself shows one of the program, where it interrupts a program with plain resources.
            assert "pulumi_scalekit/" not in result.text, str(result)
        else:
            assert "Traceback (most recent call last)" not in result.text, str(result)
        return result

    def preview(self, *flags: str, code: int | None = 0) -> Plan:
        """Run `preview --json`."""
        result = self.run("preview", "--json", *flags, code=code)
        return read_plan(result)

    def up(self, *flags: str, code: int | None = 0) -> Result:
        """Run `up` without a preview of its own."""
        return self.run("up", "--yes", "--skip-preview", *flags, code=code)

    def refresh(self, *flags: str, code: int | None = 0) -> Result:
        """Run `refresh` without a preview of its own."""
        return self.run("refresh", "--yes", "--skip-preview", *flags, code=code)

    def destroy(self, *flags: str, code: int | None = 0) -> Result:
        """Run `destroy` without a preview of its own."""
        return self.run("destroy", "--yes", "--skip-preview", *flags, code=code)

    def nothing_to_do(self) -> None:
        """Check that neither a preview nor a refresh finds anything to do."""
        self.run("preview", "--expect-no-changes")
        self.refresh("--expect-no-changes")

    def state(self, stack: str = STACK) -> list[dict[str, Any]]:
        """The resources in the state, read from the backend: both engines share its layout, and it is quick."""
        (path,) = self.backend.glob(f".pulumi/stacks/*/{stack}.json")
        latest = json.loads(path.read_text())["checkpoint"]["latest"]
        resources: list[dict[str, Any]] = latest.get("resources") or []
        return resources

    def resources(self) -> dict[str, dict[str, Any]]:
        """The connectors in the state, by their resource names."""
        return {
            name_of(resource["urn"]): resource
            for resource in self.state()
            if resource["type"] in CONNECTOR_TYPES
        }

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        (stack,) = [resource for resource in self.state() if resource["type"] == "pulumi:pulumi:Stack"]
        outputs: dict[str, Any] = stack["outputs"]
        return outputs


PREAMBLE = """\
import json
import pathlib

import pulumi
import pulumi_scalekit as scalekit
"""

DECLARE = """
for name, declared in json.loads(pathlib.Path("connectors.json").read_text()).items():
    scalekit.Connector(name, **declared)
"""


DECLARE_NATIVE = """
class Connector(pulumi.CustomResource):
    def __init__(self, name, **properties):
        outputs = dict.fromkeys(("identifier", "environment_url"))
        super().__init__("scalekit:index:Connector", name, {**outputs, **properties})

for name, declared in json.loads(pathlib.Path("connectors.json").read_text()).items():
    Connector(name, **declared)
"""

NATIVE_PLUGIN = f"plugins:\n  providers:\n    - {{name: scalekit, path: {BIN}}}\n"
"""Where Pulumi finds the plugin, in `Pulumi.yaml`."""

CONNECTOR_TYPES = ("pulumi-python:dynamic/scalekit:Connector", "scalekit:index:Connector")


def read_plan(result: Result) -> Plan:
    """Read what `preview --json` printed."""
    digest = json.loads(result.stdout)
    ops: dict[str, list[str]] = {}
    paths: dict[str, set[str]] = {}
    for step in digest.get("steps") or []:
        state = step.get("newState") or step.get("oldState") or {}
        # A refresh is how the preview learns of the live state, not a step of the plan.
        if step["op"] in ("same", "refresh") or state.get("type") == "pulumi:pulumi:Stack":
            continue
        name = name_of(step["urn"])
        ops.setdefault(name, []).append(step["op"])
        if step.get("detailedDiff"):
            paths.setdefault(name, set()).update(step["detailedDiff"])
    diagnostics = [
        f"{entry['severity']}: {entry['message']}".strip() for entry in digest.get("diagnostics") or []
    ]
    return Plan(ops, paths, diagnostics, result)


def name_of(urn: str) -> str:
    """The name of a resource, from its URN."""
    return urn.rsplit("::", 1)[-1]
