"""What `make up` and `make down` do around the engine: the server, locks and Ctrl-C."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "quickstart.py"


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[ModuleType]:
    """The tool, in a project of its own."""
    (tmp_path / "tools").mkdir()
    spec = importlib.util.spec_from_file_location("quickstart", shutil.copy(TOOL, tmp_path / "tools"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module.stop_server()


def test_the_server_is_the_projects_own(quickstart: ModuleType) -> None:
    """It runs once, comes back on its port, and another program on that port is not taken for it."""
    environ = dict(os.environ)
    url, _ = quickstart.start_server(environ)
    first = quickstart.known_server()
    assert quickstart.start_server(environ)[0] == url
    assert quickstart.known_server() == first

    os.kill(first["pid"], signal.SIGKILL)
    os.waitpid(first["pid"], 0)
    taken = pytest.raises(quickstart.QuickstartError, match=f"another program has port {first['port']}")
    with socket.create_server(("127.0.0.1", first["port"])), taken:
        quickstart.start_server(environ)
    assert quickstart.start_server(environ)[0] == url

    quickstart.stop_server()
    assert not quickstart.server_runs()
    assert quickstart.known_server() == {}


def test_its_own_exported_url_is_not_another_environment(
    quickstart: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the README exports is the project's own server, also while that is stopped; other URLs are chosen."""
    url, credentials = quickstart.start_server(dict(os.environ))
    for name, value in {"SCALEKIT_ENVIRONMENT_URL": url, **credentials}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    assert quickstart.environment()["SCALEKIT_ENVIRONMENT_URL"] == url
    quickstart.stop_server()
    assert quickstart.chosen_environment() == ""
    with socket.create_server(("127.0.0.1", 0)) as other:
        theirs = f"http://127.0.0.1:{other.getsockname()[1]}"
        monkeypatch.setenv("SCALEKIT_ENVIRONMENT_URL", theirs)
        environ = quickstart.environment()
        assert environ["SCALEKIT_ENVIRONMENT_URL"] == theirs
        assert "127.0.0.1" in environ["no_proxy"], "the engine is on this machine in any case"


def test_another_environment_waits_for_make_down(
    quickstart: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the local Scalekit holds the stack, a real URL is refused by `up`, and `down` destroys locally."""
    url, _ = quickstart.start_server(dict(os.environ))
    monkeypatch.setenv("SCALEKIT_ENVIRONMENT_URL", "https://real.example.com")
    monkeypatch.setenv("SCALEKIT_CLIENT_SECRET", "a-real-secret")
    with pytest.raises(quickstart.QuickstartError, match="Run `make down` first"):
        quickstart.environment()
    environ = quickstart.environment(local=True)
    assert environ["SCALEKIT_ENVIRONMENT_URL"] == url
    assert environ["SCALEKIT_CLIENT_SECRET"] == "local-secret"
    assert "127.0.0.1" in environ["NO_PROXY"]


def test_without_a_network_the_installer_is_not_waited_for(
    quickstart: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing responds there is no installation, and the embedded engine is chosen, with the reason."""
    monkeypatch.setenv("PATH", str(quickstart.ROOT))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert quickstart.choose_engine().endswith("pulumi-embedded")
    assert quickstart.INSTALL_FAILED.exists()
    shown = capsys.readouterr().out
    assert "installing" not in shown
    assert "could not be installed" in shown


def test_locks_of_the_dead(quickstart: ModuleType) -> None:
    """A lock may go where its process of this very machine has ended, and while no other holds one."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    locks = quickstart.STATE / ".pulumi" / "locks" / "organization" / "connectors" / quickstart.STACK
    locks.mkdir(parents=True)
    assert not quickstart.locked_by_the_dead()
    for hostname, pid, verdict in (
        (socket.gethostname(), ended.pid, True),
        (socket.gethostname(), os.getpid(), False),
        ("elsewhere", ended.pid, False),
    ):
        (locks / "lock.json").write_text(json.dumps({"hostname": hostname, "pid": pid}))
        assert quickstart.locked_by_the_dead() is verdict


STEP = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: (time.sleep(1), pathlib.Path("finished").touch(), sys.exit(1)))
print("ready", flush=True)
signal.pause()
"""
PROGRAM = f"import os, quickstart, sys; quickstart.run([sys.executable, '-c', {STEP!r}], dict(os.environ))"


def test_ctrl_c_is_the_engines(quickstart: ModuleType) -> None:
    """At Ctrl-C the engine gets to finish and to record what it has under way, instead of being killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=quickstart.ROOT,
        env={**os.environ, "PYTHONPATH": str(quickstart.ROOT / "tools")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (quickstart.ROOT / "finished").exists()
    assert "KeyboardInterrupt" in said
