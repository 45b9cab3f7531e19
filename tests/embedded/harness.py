"""Runs scenarios on an engine and reduces what happened to what two engines must agree on."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from pulumi.dynamic.dynamic import PROVIDER_KEY

from pulumi_embedded.cli.main import main
from pulumi_embedded.state.secrets import SecretsManager

from ..support.stacks import PASSPHRASE, SALT, lay_out_stack

HERE = Path(__file__).parent
BOXES = HERE / "programs" / "boxes"
SCENARIOS = HERE / "scenarios"
RECORDINGS = HERE / "recordings"

EMBEDDED = (sys.executable, "-m", "pulumi_embedded")

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_URNS = "urn:pulumi:dev::bench::"
"""What every URN of a scenario starts with."""
_USUAL = {
    "custom": True,
    "parent": "pulumi:pulumi:Stack::bench-dev",
    "provider": "pulumi:providers:pulumi-python::default::<uuid>",
}
"""What most resources have, reduced. A recording says it of those only that have something else, or nothing."""
_PICKLED = "gASVFgAAAAAAAACMBWJveGVzlIwFQm94ZXOUk5QpUpQu"
"""The provider of boxes, in the inputs and outputs of each."""


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Engine:
    """An engine: its name here, and the command that starts it."""

    name: str
    command: tuple[str, ...]


def embedded() -> Engine:
    """Return the engine under test."""
    return Engine("embedded", EMBEDDED)


@cache
def cli() -> Engine | None:
    """Return the real CLI, if it is on PATH."""
    path = shutil.which("pulumi")
    return Engine("cli", (path,)) if path else None


@dataclass(frozen=True)
class Scenario:
    """A scenario: what it is called, which row of the support table it proves, and its steps.

    With `ordered`, the order of steps, calls and resources is compared; else it may depend on timing. With `exact`,
    what is inside secrets and which resources count as modified are compared, too. The `first` of each file is one
    that `make test` plays.
    """

    name: str
    title: str
    area: str
    steps: list[dict[str, Any]]
    config: dict[str, Any] = field(default_factory=dict)
    ordered: bool = False
    exact: bool = False
    first: bool = False

    @classmethod
    def load(cls, path: Path) -> Iterator[Scenario]:
        """Read the scenarios of a file."""
        for position, (name, found) in enumerate(yaml.load(path.read_text(), Loader=_LOADER).items()):
            yield cls(f"{path.stem}-{name}", area=path.stem, first=position == 0, **found)


def all_scenarios() -> list[Scenario]:
    """Return every scenario, by file and in the order of the file."""
    return [scenario for path in sorted(SCENARIOS.glob("*.yaml")) for scenario in Scenario.load(path)]


@dataclass
class Run:
    """A finished command."""

    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Everything it said."""
        return self.stdout + self.stderr


class Bench:
    """A project, a backend and a folder of boxes for one scenario. Any engine can work on it."""

    def __init__(self, root: Path, *, name: str = "bench") -> None:
        self.root = root
        self.project_name = name
        self.project = root / "project"
        self.boxes = root / "boxes"
        self.backend = root / "backend"
        for folder in (self.project, self.boxes, self.backend, root / "home"):
            folder.mkdir()
        (self.project / "Pulumi.yaml").write_text(
            yaml.safe_dump(
                {
                    "name": name,
                    "runtime": {"name": "python", "options": {"virtualenv": sys.prefix}},
                    "description": "boxes",
                }
            )
        )
        for source in BOXES.glob("*.py"):
            shutil.copy(source, self.project)
        self.program = root / "program.json"
        self.program.write_text("{}")

    def environment(self) -> dict[str, str]:
        """Return the environment of every command."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "PYTEST_"))}
        return {
            **kept,
            "BOXES_DIR": str(self.boxes),
            "BOXES_PROGRAM": str(self.program),
            "PULUMI_BACKEND_URL": f"file://{self.backend}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_HOME": str(self.root / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_STACK": "dev",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self, engine: Engine, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [*engine.command, *arguments],
            cwd=self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, engine: Engine, *arguments: str) -> Run:
        """Run a command. The engine under test runs in this process, which is much faster than starting it."""
        if engine.name == "embedded":
            return self._run_here(arguments)
        process = self.start(engine, *arguments)
        try:
            stdout, stderr = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            raise AssertionError(f"{arguments} hangs:\n{stdout}{stderr}") from None
        return Run(process.returncode, stdout, stderr)

    def _run_here(self, arguments: tuple[str, ...]) -> Run:
        stdout, stderr = io.StringIO(), io.StringIO()
        folder, environment = Path.cwd(), dict(os.environ)
        os.chdir(self.project)
        os.environ.clear()
        os.environ.update(self.environment())
        code = 0
        try:
            with (
                redirect_stdout(stdout),
                redirect_stderr(stderr),
                patch.object(sys, "argv", ["", *arguments]),
            ):
                main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
        return Run(code, stdout.getvalue(), stderr.getvalue())

    def ok(self, engine: Engine, *arguments: str) -> Run:
        """Run a command that must succeed."""
        run = self.run(engine, *arguments)
        assert run.code == 0, f"{engine.name} {' '.join(arguments)}:\n{run.text}"
        return run

    def declare(self, program: dict[str, Any]) -> None:
        """Set what the program declares."""
        self.program.write_text(json.dumps(program))

    def init(self, engine: Engine, config: dict[str, Any] | None = None) -> None:
        """Lay out the stack `dev`, and set its configuration."""
        lay_out_stack(self.project, self.backend, name=self.project_name)
        for key, value in (config or {}).items():
            secret = isinstance(value, dict)
            text = value["secret"] if isinstance(value, dict) else str(value)
            self.ok(engine, "config", "set", "--secret" if secret else "--plaintext", key, text)

    # -- what there is

    def checkpoint(self, stack: str = "dev", project: str = "bench") -> dict[str, Any]:
        """Return the stack's file."""
        path = self.backend / ".pulumi" / "stacks" / project / f"{stack}.json"
        return json.loads(path.read_text())  # type: ignore[no-any-return]

    def live(self) -> dict[str, Any]:
        """Return the boxes that exist, by id."""
        return {path.stem: json.loads(path.read_text()) for path in sorted(self.boxes.glob("[!.]*.json"))}

    def take_calls(self) -> list[dict[str, Any]]:
        """Return the calls to the provider since the last time."""
        path = self.boxes / "calls.jsonl"
        if not path.exists():
            return []
        calls = [json.loads(line) for line in path.read_text().splitlines()]
        path.unlink()
        return calls


# --- reducing -------------------------------------------------------------------------------------------------


def reduce_value(value: Any) -> Any:
    """Leave out what differs between two runs of one engine: ciphertexts, ids of providers, numbers' types."""
    if isinstance(value, dict):
        if "4dabf18193072939515e22adb298388d" in value:
            return "<secret>" if "ciphertext" in value or "plaintext" in value else value
        return {key: reduce_value(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [reduce_value(item) for item in value]
    if isinstance(value, str):
        return _UUID.sub("<uuid>", value.replace(_UNKNOWN, "<unknown>").replace(_URNS, ""))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


_VOLATILE = ("created", "modified", "sourcePosition", "stackTrace")


def reduce_resource(resource: dict[str, Any]) -> dict[str, Any]:
    """Reduce a resource of a state or of a plan."""
    found = {key: value for key, value in resource.items() if key not in _VOLATILE}
    for key in ("dependencies", "replaceWith", "additionalSecretOutputs"):
        if key in found:
            found[key] = sorted(found[key])
    if "propertyDependencies" in found:
        found["propertyDependencies"] = {
            key: sorted(urns) for key, urns in (found["propertyDependencies"] or {}).items()
        }
    reduced = reduce_value(found)
    assert isinstance(reduced, dict)
    return without_usual(reduced)


def without_usual(resource: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a reduced resource what most resources have, and put in what it lacks of that."""
    found = {**dict.fromkeys(_USUAL), **resource}
    found = {key: value for key, value in found.items() if key not in _USUAL or value != _USUAL[key]}
    if found.get("type") == str(found.get("urn")).rsplit("::", 1)[0].rsplit("$", 1)[-1]:
        del found["type"]
    if "pulumi-python" in str(resource.get("provider")):
        for properties in (found.get("inputs"), found.get("outputs")):
            if properties is not None and properties.setdefault(PROVIDER_KEY) == _PICKLED:
                del properties[PROVIDER_KEY]
    return found


def opened(value: Any) -> Any:
    """Replace secrets by the text that is encrypted."""
    if isinstance(value, dict):
        if "ciphertext" in value:
            return {"secret": _secrets().crypter.decrypt(value["ciphertext"])}
        return {key: opened(item) for key, item in value.items()}
    return [opened(item) for item in value] if isinstance(value, list) else value


@cache
def _secrets() -> SecretsManager:
    return SecretsManager.open(PASSPHRASE, SALT)


def stamps(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return when each resource was created and modified, by URN."""
    latest = checkpoint["checkpoint"].get("latest") or {}
    return {
        found["urn"]: (found.get("created"), found.get("modified"))
        for found in latest.get("resources") or []
        if not found.get("delete")
    }


def reduce_stamps(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """Say for each resource whether its times are there, and moved since the step before."""
    return {
        urn: ", ".join(
            f"{what} {'never' if now is None else 'before' if now == then else 'now'}"
            for what, now, then in zip(
                ("created", "modified"), times, before.get(urn, (None, None)), strict=True
            )
        )
        for urn, times in after.items()
    }


def reduce_state(checkpoint: dict[str, Any], *, ordered: bool, exact: bool = False) -> dict[str, Any]:
    """Reduce a checkpoint to its resources and pending operations."""
    latest = checkpoint["checkpoint"].get("latest") or {}
    latest = opened(latest) if exact else latest
    resources = [reduce_resource(resource) for resource in latest.get("resources") or []]
    if not ordered:
        resources.sort(key=lambda resource: (resource["urn"], bool(resource.get("delete"))))
    found = {"version": checkpoint["version"], "resources": resources}
    pending = [
        {"type": found["type"], "resource": reduce_resource(found["resource"])}
        for found in latest.get("pending_operations") or []
    ]
    if pending:
        found["pending"] = pending
    return found


def reduce_plan(plan: dict[str, Any], *, ordered: bool) -> dict[str, Any]:
    """Reduce the JSON of a preview."""
    steps = []
    for step in plan.get("steps") or []:
        reduced = {key: value for key, value in step.items() if key not in ("oldState", "newState")}
        for key in ("diffReasons", "replaceReasons"):
            if key in reduced:
                reduced[key] = sorted(reduced[key])
        for key in ("oldState", "newState"):
            if step.get(key):
                reduced[key] = reduce_resource(step[key])
        steps.append(reduce_value(reduced))
    if not ordered:
        steps.sort(key=lambda step: str(step["urn"]))
    diagnostics = sorted(
        (found["severity"], found.get("urn", "").rsplit("::", 1)[-1])
        for found in plan.get("diagnostics") or []
        if found["severity"] != "info#err"
    )
    return {
        "keys": sorted(key for key in plan if key not in ("duration", "diagnostics", "maybeCorrupt")),
        "config": plan.get("config"),
        "steps": steps,
        "summary": plan.get("changeSummary") or {},
        "diagnostics": [list(found) for found in dict.fromkeys(diagnostics)],
    }


def reduce_calls(calls: list[dict[str, Any]], *, ordered: bool) -> list[Any]:
    """Reduce the provider's log; without an order, to the calls of each box."""
    reduced = [reduce_value(call) for call in calls]
    if ordered:
        return reduced

    def box(call: dict[str, Any]) -> str:
        properties = call.get("news") or call.get("props") or {}
        return str(properties.get("name") or call.get("id", "").rsplit("-", 1)[0])

    return sorted(reduced, key=box)


# --- running --------------------------------------------------------------------------------------------------


def play(scenario: Scenario, engine: Engine, root: Path) -> list[dict[str, Any]]:
    """Run a scenario; returns what is to be compared, step by step."""
    bench = Bench(root)
    bench.init(engine, scenario.config)
    return only_changes(
        [
            play_step(bench, engine, step, ordered=scenario.ordered, exact=scenario.exact)
            for step in scenario.steps
        ]
    )


def only_changes(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Name in each step's state a resource that is as it was after the step before, instead of repeating it."""
    before: list[dict[str, Any]] = []
    for step in steps:
        if state := step.get("state"):
            now = state["resources"]
            state["resources"] = [found["urn"] if found in before else found for found in now]
            before = now
    return steps


def play_step(
    bench: Bench, engine: Engine, step: dict[str, Any], *, ordered: bool, exact: bool
) -> dict[str, Any]:
    """Run one step of a scenario."""
    step = dict(step)
    if "program" in step:
        bench.declare(step["program"])
    for identifier, box in (step.get("live") or {}).items():
        path = bench.boxes / f"{identifier}.json"
        if box is None:
            path.unlink()
        else:
            current = json.loads(path.read_text()) if path.exists() else {}
            path.write_text(json.dumps({**current, **box}))
    for name, change in (step.get("drift") or {}).items():
        for path in sorted(bench.boxes.glob(f"{name}-*.json")):
            if change is None:
                path.unlink()
            else:
                path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    for key, value in (step.get("config") or {}).items():
        bench.ok(engine, "config", "set", "--plaintext", key, str(value))
    if "edit" in step:
        edit_state(bench, step["edit"])
    command = step["run"]
    arguments = [str(argument) for argument in step.get("args") or ()]
    observed: dict[str, Any] = {"run": command}
    if command == "preview":
        run = bench.run(engine, "preview", "--json", "--parallel", "1", *arguments)
        observed["plan"] = (
            reduce_plan(json.loads(run.stdout), ordered=ordered) if run.stdout.strip() else None
        )
    elif command in ("up", "refresh", "destroy"):
        before = stamps(bench.checkpoint())
        run = bench.run(
            engine, command, "--yes", "--skip-preview", "--parallel", "1", "--non-interactive", *arguments
        )
        observed["state"] = reduce_state(bench.checkpoint(), ordered=ordered, exact=exact)
        if exact:
            observed["times"] = reduce_stamps(before, stamps(bench.checkpoint()))
        observed["live"] = bench.live()
        observed["changes"] = last_changes(bench)
    else:
        run = bench.run(engine, *command.split(), *arguments)
        if step.get("output") == "json":
            observed["output"] = reduce_value(json.loads(run.stdout))
        elif step.get("output") == "text":
            observed["output"] = run.stdout.strip().splitlines()
    observed["code"] = run.code
    observed["calls"] = reduce_calls(bench.take_calls(), ordered=ordered)
    for text in step.get("says") or ():
        assert text in run.text, f"{engine.name} does not say {text!r}:\n{run.text}"
    for text in step.get("never") or ():
        assert text not in run.text, f"{engine.name} says {text!r}:\n{run.text}"
    if "code" in step:
        assert run.code == step["code"], f"{engine.name} ended with {run.code}:\n{run.text}"
    return observed


def last_changes(bench: Bench) -> dict[str, int] | None:
    """Return the counts of the newest entry of the history."""
    entries = sorted((bench.backend / ".pulumi" / "history" / "bench" / "dev").glob("*.history.json"))
    if not entries:
        return None
    found = json.loads(entries[-1].read_text())
    return {"result": found["result"], **(found.get("resourceChanges") or {})}


def edit_state(bench: Bench, change: dict[str, Any]) -> None:
    """Change the checkpoint by hand, to bring about what only an accident does."""
    checkpoint = bench.checkpoint()
    latest = checkpoint["checkpoint"]["latest"]
    for name, kind in (change.get("pending") or {}).items():
        resource = next((found for found in latest["resources"] if found["urn"].endswith(f"::{name}")), None)
        if resource is None:
            template = next(found for found in latest["resources"] if found["urn"].endswith("::a"))
            resource = {**template, "urn": template["urn"].rsplit("::", 1)[0] + f"::{name}"}
            resource.pop("id")
        latest.setdefault("pending_operations", []).append({"resource": resource, "type": kind})
    for name in change.get("taint") or ():
        for resource in latest["resources"]:
            if resource["urn"].endswith(f"::{name}"):
                resource["taint"] = True
    path = bench.backend / ".pulumi" / "stacks" / "bench" / "dev.json"
    path.write_text(json.dumps(checkpoint))


def recording_path(scenario: Scenario) -> Path:
    """Return the file with what was recorded from the CLI."""
    return RECORDINGS / f"{scenario.name}.json"


def differences(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Say where two recordings differ."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = []
        for key in sorted({*expected, *actual}):
            if key not in expected:
                found.append(f"{path}.{key}: not expected: {json.dumps(actual[key])[:300]}")
            elif key not in actual:
                found.append(f"{path}.{key}: missing: {json.dumps(expected[key])[:300]}")
            else:
                found += differences(expected[key], actual[key], f"{path}.{key}")
        return found
    if isinstance(expected, list) and isinstance(actual, list):
        found = []
        for index, (left, right) in enumerate(zip(expected, actual, strict=False)):
            found += differences(left, right, f"{path}[{index}]")
        for index in range(len(actual), len(expected)):
            found.append(f"{path}[{index}]: missing: {json.dumps(expected[index])[:300]}")
        for index in range(len(expected), len(actual)):
            found.append(f"{path}[{index}]: not expected: {json.dumps(actual[index])[:300]}")
        return found
    return (
        [] if expected == actual else [f"{path}: expected {json.dumps(expected)}, got {json.dumps(actual)}"]
    )
