"""The command as a whole: help, version, exit codes, errors."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import pulumi_scalekit
from pulumi_scalekit.cli import app as application
from pulumi_scalekit.local import LocalScalekit

from ..test_project import PYPROJECT
from .conftest import Result
from .samples import TAVILY

COMMANDS = (
    "list",
    "show",
    "accounts",
    "export",
    "curl",
    "import",
    "promote",
    "compare",
    "review",
    "summarize",
    "serve",
    "plugin",
)
Run = Callable[..., Result]


def test_help_names_every_command(command: Run) -> None:
    """`--help` lists every command with what it does."""
    result = command("--help")
    assert result.code == 0
    listed = re.findall(r"^│ ([a-z]+) ", result.out, re.MULTILINE)
    assert set(COMMANDS) <= set(listed)


@pytest.mark.parametrize(
    "name",
    [c for c in COMMANDS if c not in ("curl", "accounts")]
    + ["curl create", "curl update", "curl delete", "accounts list", "accounts create", "accounts delete"],
)
def test_help_shows_an_example(command: Run, name: str) -> None:
    """Each command's help has an example that can be copied."""
    result = command(*name.split(), "--help")
    assert result.code == 0
    assert re.search(rf"Examples?:?\s+pulumi-scalekit {name}", result.out), result.out
    assert "<bool>" not in result.out, "what is a flag takes no value"
    shown = re.split(r"\n (?=\S)|\n╭", re.split(r" Examples?\s*\n", result.out)[1])[0]
    lines = [line.rstrip() for line in shown.splitlines() if line.strip()]
    for before, line in zip(["", *lines], lines, strict=False):
        indent = "       " if before.endswith("\\") else "   "
        assert re.match(rf"{indent}\S", line), f"broken by the terminal's width: {line}"


def test_version(command: Run) -> None:
    """`--version` prints the version and nothing else."""
    assert command("--version").out == f"pulumi-scalekit {pulumi_scalekit.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["list", "--frobnicate"],
        ["show"],
        ["import"],
        ["compare", "--from", "dev"],
        ["review", "--format", "pdf"],
        ["curl", "create", "X"],
        ["serve", "--port", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(command: Run, arguments: list[str]) -> None:
    """What is typed wrongly ends with 2, says so on standard error, and prints nothing else."""
    result = command(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert "Usage: pulumi-scalekit" in result.err


def test_missing_settings_are_one_line(command: Run) -> None:
    """An error is one line on standard error that starts with `error:`."""
    result = command("list")
    assert (result.code, result.out) == (1, "")
    assert re.fullmatch(r"error: Scalekit credentials are missing: .*\n", result.err)


def test_a_refused_secret_is_one_line(command: Run, dev: LocalScalekit, environ: dict[str, str]) -> None:
    """A wrong secret is named by the variable that it came from, never by its value."""
    wrong = environ | {"SCALEKIT_DEV_CLIENT_SECRET": "wrong-one-5150"}
    result = command("list", "--env", "dev", environ=wrong)
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert "SCALEKIT_DEV_CLIENT_SECRET" in result.err
    assert "wrong-one-5150" not in result.text


def test_an_error_in_a_terminal_is_coloured(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal with colours the error is red."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    result = command("list", terminal=True, environ={"NO_COLOR": ""})
    assert re.match(r"\x1b\[1;31merror: \x1b\[0m\x1b\[31mScalekit credentials", result.err)


def test_interruption_is_exit_code_130(dev: LocalScalekit) -> None:
    """Ctrl-C ends with 130 and without a traceback."""
    dev.faults.add("list:latency=20")
    process = subprocess.Popen(
        [sys.executable, "-m", "pulumi_scalekit.cli", "list"],
        env={**os.environ, **dev.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not dev.requests.count("list") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


@pytest.mark.parametrize("module", ["pulumi", "typer"])
@pytest.mark.parametrize("command", ["pulumi-scalekit", "pulumi-embedded"])
def test_interruption_while_the_command_loads(command: str, module: str) -> None:
    """Ctrl-C in the first moments, when the modules are still loading, shows no traceback either."""
    entry = PYPROJECT["project"]["scripts"][command]
    program = (
        "import importlib, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        f"module, _, main = {entry!r}.partition(':')\n"
        "getattr(importlib.import_module(module), main)()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_output_that_is_not_unicode(tmp_path: Path) -> None:
    """Where the output's encoding lacks a character it is written out, and JSON stays JSON."""
    payload = tmp_path / "payload.json"
    payload.write_text(json.dumps(TAVILY | {"description": "Søk 🔎"}))

    def review(*arguments: str) -> str:
        environ = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
        command = [sys.executable, "-m", "pulumi_scalekit.cli", "review", str(payload), *arguments]
        done = subprocess.run(command, capture_output=True, env=environ, check=True)
        return done.stdout.decode("latin-1")

    assert "\\u2713  Description" in review()
    assert "Søk \\U0001f50e" in review()
    (reviewed,) = json.loads(review("--json"))
    assert "Søk 🔎" in [item["value"] for item in reviewed["checklist"]]


def test_a_missing_extra_is_named_in_one_line() -> None:
    """Without the modules of the extra, `serve` says what to install."""
    program = (
        "import sys; sys.modules['starlette'] = None\nfrom pulumi_scalekit.cli.app import run\nrun(['serve'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'pip install "pulumi-scalekit[local]"' in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_help_imports_nothing_heavy() -> None:
    """Help loads neither the HTTP client nor the models nor the server."""
    program = (
        "import sys\nfrom pulumi_scalekit.cli.app import run\ntry: run(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'httpx', 'pydantic', 'starlette', 'uvicorn', 'cryptography'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_reviewing_a_file_loads_no_http_client(tmp_path: Path) -> None:
    """A pure report needs the rules, and neither the HTTP client nor the server."""
    payload = tmp_path / "payload.json"
    payload.write_text(json.dumps(TAVILY))
    program = (
        "import sys\nfrom pulumi_scalekit.cli.app import run\n"
        f"try: run(['review', {str(payload)!r}])\nexcept SystemExit: pass\n"
        "print(sorted({'httpx', 'tenacity', 'starlette', 'uvicorn', 'cryptography'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "1 connector reviewed" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_no_error(dev: LocalScalekit) -> None:
    """A reader that goes away early, as `head` does, causes no message."""
    done = subprocess.run(
        f"{sys.executable} -m pulumi_scalekit.cli --help | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_list_returns_every_page(command: Run, dev: LocalScalekit) -> None:
    """All connectors are listed, not only the first page."""
    for number in range(1003):
        dev.store.create_provider(TAVILY | {"display_name": f"Number {number}"})
    result = command("list", "--env", "dev", "--json")
    assert len(result.json) == 1003


def test_commands_are_those_of_the_application() -> None:
    """No command is missing from these tests."""
    commands = {info.name for info in application.app.registered_commands}
    groups = {info.name for info in application.app.registered_groups}
    assert (commands | groups) - {"new", "call"} == set(COMMANDS)
