"""State on disk: two engines on one stack, locks, interruptions, and refusals that write nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from pulumi_embedded.errors import EmbeddedError
from pulumi_embedded.state.backend import StackFile
from pulumi_embedded.state.secrets import SecretsManager

from ..support.stacks import PASSPHRASE
from .harness import Bench, cli, embedded, reduce_state

needs_cli = pytest.mark.skipif(cli() is None, reason="`pulumi` is not on PATH")

BOX = "urn:pulumi:dev::bench::pulumi-python:dynamic/boxes:Box::"

PROGRAM: dict[str, Any] = {
    "a": {"size": 1, "token": {"$secret_config": "token"}, "nested": {"s": {"$secret": "inner"}}},
    "shelf": {"$is": "component"},
    "b": {"size": {"$ref": "a.serial"}, "$opts": {"parent": "shelf"}},
    "$export": {"a": {"$ref": "a.serial"}, "s": {"$secret": "out"}},
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A project with an empty stack and a secret in its configuration."""
    bench = Bench(tmp_path)
    bench.init(embedded(), {"token": {"secret": "hunter2"}})
    bench.declare(PROGRAM)
    yield bench
    for process in children(bench):
        os.kill(process, signal.SIGKILL)


def children(bench: Bench) -> list[int]:
    """Return the processes that were started for a bench and still run, by their environment."""
    marker = f"BOXES_DIR={bench.boxes}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (process / "environ").read_bytes() and int(process.name) != os.getpid():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_for(condition: Any, what: str, seconds: float = 30) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come about"
        time.sleep(0.02)


# --- two engines ----------------------------------------------------------------------------------------------


@needs_cli
@pytest.mark.thorough
@pytest.mark.parametrize("embedded_first", [True, False], ids=["embedded-then-cli", "cli-then-embedded"])
def test_one_engine_takes_over_the_others_stack(bench: Bench, embedded_first: bool) -> None:
    """A stack made by one engine is unchanged to the other, is updated by it, and destroyed by the first again."""
    other = cli()
    assert other is not None
    first, second = (embedded(), other) if embedded_first else (other, embedded())
    bench.ok(first, "up", "--yes", "--skip-preview")
    made = bench.checkpoint()
    bench.ok(second, "preview", "--expect-no-changes")
    assert bench.checkpoint() == made
    assert json.loads(bench.ok(second, "stack", "output", "--json", "--show-secrets").stdout) == {
        "a": "a-1",
        "s": "out",
    }
    bench.declare({**PROGRAM, "a": {**PROGRAM["a"], "size": 2}})
    bench.ok(second, "up", "--yes", "--skip-preview")
    bench.ok(first, "up", "--yes", "--skip-preview", "--expect-no-changes")
    bench.ok(first, "destroy", "--yes", "--skip-preview")
    assert bench.live() == {}
    assert "hunter2" not in json.dumps(bench.checkpoint())


@needs_cli
@pytest.mark.thorough
def test_an_export_of_one_engine_is_imported_by_the_other(bench: Bench, tmp_path: Path) -> None:
    """Exported and imported, in the clear or not, across engines, a stack is the same as before."""
    other = cli()
    assert other is not None
    bench.ok(embedded(), "up", "--yes", "--skip-preview")
    before = reduce_state(bench.checkpoint(), ordered=True)
    file = str(tmp_path / "state.json")
    for exporter, importer in ((embedded(), other), (other, embedded())):
        for flags in ((), ("--show-secrets",)):
            bench.ok(exporter, "stack", "export", "--file", file, *flags)
            assert ("hunter2" in Path(file).read_text()) == bool(flags)
            bench.ok(importer, "stack", "import", "--file", file)
            assert reduce_state(bench.checkpoint(), ordered=True) == before
    bench.ok(embedded(), "preview", "--expect-no-changes")


def test_an_export_round_trips(bench: Bench, tmp_path: Path) -> None:
    """An export in the clear is imported encrypted, and nothing has changed."""
    bench.ok(embedded(), "up", "--yes", "--skip-preview")
    before = reduce_state(bench.checkpoint(), ordered=True)
    file = tmp_path / "state.json"
    bench.ok(embedded(), "stack", "export", "--show-secrets", "--file", str(file))
    assert "hunter2" in file.read_text()
    bench.ok(embedded(), "stack", "import", "--file", str(file))
    assert reduce_state(bench.checkpoint(), ordered=True) == before
    assert "hunter2" not in json.dumps(bench.checkpoint())
    bench.ok(embedded(), "preview", "--expect-no-changes")


def test_secrets_survive_another_salt(bench: Bench, tmp_path: Path) -> None:
    """A state is imported into, or updated under, a stack with another salt: its secrets are encrypted again."""
    bench.ok(embedded(), "up", "--yes", "--skip-preview")
    checkpoint = bench.backend / ".pulumi" / "stacks" / "bench" / "dev.json"
    before = checkpoint.read_text()
    file = str(tmp_path / "state.json")
    bench.ok(embedded(), "stack", "export", "--file", file)
    (bench.project / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {SecretsManager.new(PASSPHRASE).salt}\n")
    bench.ok(embedded(), "config", "set", "--secret", "token", "hunter2")
    for command in (("stack", "import", "--file", file), ("refresh", "--yes", "--skip-preview")):
        checkpoint.write_text(before)
        bench.ok(embedded(), *command)
        assert '"hunter2\\' in bench.ok(embedded(), "stack", "export", "--show-secrets").stdout
        assert bench.ok(embedded(), "stack", "output", "--show-secrets", "s").stdout == "out\n"


def test_a_damaged_import_is_refused(bench: Bench, tmp_path: Path) -> None:
    """A deployment with a dangling reference, or of another stack, is not imported."""
    bench.ok(embedded(), "up", "--yes", "--skip-preview")
    before = bench.checkpoint()
    exported = json.loads(bench.ok(embedded(), "stack", "export").stdout)
    file = tmp_path / "state.json"
    resources = exported["deployment"]["resources"]
    exported["deployment"]["resources"] = [found for found in resources if not found["urn"].endswith("::a")]
    file.write_text(json.dumps(exported))
    run = bench.run(embedded(), "stack", "import", "--file", str(file))
    assert run.code == 1
    assert "missing resource" in run.stderr
    file.write_text(json.dumps(exported).replace("urn:pulumi:dev::", "urn:pulumi:other::"))
    run = bench.run(embedded(), "stack", "import", "--file", str(file))
    assert run.code == 1
    assert "different stack" in run.stderr
    assert bench.checkpoint() == before


def test_a_stack_that_was_made_meanwhile_is_not_made_again(
    stack: StackFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that make a stack at once, the second finds the one of the first, and leaves it as it is."""
    made = stack.path.read_bytes()
    stack.path.unlink()
    monkeypatch.setattr(StackFile, "_check_locks", lambda _self, _own: stack.path.write_bytes(made))
    with pytest.raises(EmbeddedError, match="already exists"):
        stack.backend.create(stack.reference, None)
    assert stack.path.read_bytes() == made


# --- interruptions --------------------------------------------------------------------------------------------

WAITING = {
    "a": {"size": 1},
    "b": {"size": {"$ref": "a.serial"}, "wait": "go"},
    "c": {"size": {"$ref": "b.serial"}},
}


def start_waiting(bench: Bench) -> subprocess.Popen[str]:
    """Start an update, and wait until the creation of `b` is under way. It ends when the file `go` is there."""
    bench.declare(WAITING)
    process = bench.start(embedded(), "up", "--yes", "--skip-preview", "--non-interactive")
    log = bench.boxes / "calls.jsonl"

    def creating() -> bool:
        return log.exists() and any(
            call["call"] == "create" and call["props"]["name"] == "b"
            for call in map(json.loads, log.read_text().splitlines())
        )

    wait_for(creating, "the creation of b")
    return process


def interrupt(process: subprocess.Popen[str]) -> None:
    """Send SIGINT, and wait until the engine has taken note of it."""
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "^C received" in process.stderr.readline()


def test_two_runs_do_not_interleave(bench: Bench) -> None:
    """While one update runs, another is refused, with who holds the lock; afterwards nothing is left of it."""
    process = start_waiting(bench)
    second = bench.run(embedded(), "up", "--yes", "--skip-preview")
    assert second.code == 1
    assert f"pid {process.pid}" in second.stderr
    other = cli()
    if other is not None:
        refused = bench.run(other, "up", "--yes", "--skip-preview")
        assert "currently locked by 1 lock(s)" in refused.text
    (bench.boxes / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert not list((bench.backend / ".pulumi" / "locks").rglob("*.json"))
    assert [call["call"] for call in bench.take_calls()].count("create") == 3


def test_a_killed_run_leaves_no_process(bench: Bench) -> None:
    """After a kill -9 neither the program nor the provider waits for the engine forever."""
    process = start_waiting(bench)
    assert len(children(bench)) == 3
    process.kill()
    process.communicate(timeout=60)
    wait_for(lambda: not children(bench), "program and provider end")


def test_a_killed_run_leaves_its_pending_operation(bench: Bench) -> None:
    """After a kill -9 the state is readable, holds what was done and what was under way, and says so next time."""
    process = start_waiting(bench)
    process.kill()
    process.communicate(timeout=60)
    bench.checkpoint()
    run = bench.run(embedded(), "up", "--yes", "--skip-preview")
    assert run.code == 1
    assert "pulumi-embedded cancel" in run.stderr
    bench.ok(embedded(), "cancel", "--yes")
    latest = bench.checkpoint()["checkpoint"]["latest"]
    assert f"{BOX}a" in [resource["urn"] for resource in latest["resources"]]
    assert [(found["type"], found["resource"]["urn"]) for found in latest["pending_operations"]] == [
        ("creating", f"{BOX}b")
    ]
    (bench.boxes / "go").touch()
    run = bench.ok(embedded(), "up", "--yes", "--skip-preview")
    assert "interrupted while creating" in run.text
    assert "1 pending operations" in run.text
    bench.ok(embedded(), "refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    assert "pending_operations" not in bench.checkpoint()["checkpoint"]["latest"]


def test_a_stack_is_not_removed_while_a_journal_has_its_resources(bench: Bench) -> None:
    """A removal folds in what a killed run left, and then refuses if the stack has resources."""
    process = start_waiting(bench)
    process.kill()
    process.communicate(timeout=60)
    shutil.rmtree(bench.backend / ".pulumi" / "locks")  # which is what the CLI's own `cancel` does
    run = bench.run(embedded(), "stack", "rm", "--yes")
    assert run.code == 1
    assert "still has resources" in run.stderr
    assert f"{BOX}a" in [found["urn"] for found in bench.checkpoint()["checkpoint"]["latest"]["resources"]]
    bench.ok(embedded(), "stack", "rm", "--yes", "--force")


def test_the_first_interrupt_finishes_what_is_under_way(bench: Bench) -> None:
    """One SIGINT: the creation in flight ends and is kept, the next one does not begin, nothing stays locked."""
    process = start_waiting(bench)
    interrupt(process)
    (bench.boxes / "go").touch()
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stdout + stderr
    assert "canceled" in stdout
    latest = bench.checkpoint()["checkpoint"]["latest"]
    names = [resource["urn"].rsplit("::", 1)[-1] for resource in latest["resources"]]
    assert {"a", "b"} <= set(names)
    assert "c" not in names
    assert "pending_operations" not in latest
    bench.ok(embedded(), "up", "--yes", "--skip-preview")


def test_the_second_interrupt_ends_at_once(bench: Bench) -> None:
    """Two SIGINTs: the run ends without waiting, and the operation in flight is pending in the state."""
    process = start_waiting(bench)
    interrupt(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    latest = bench.checkpoint()["checkpoint"]["latest"]
    assert [found["type"] for found in latest["pending_operations"]] == ["creating"]
    assert not list((bench.backend / ".pulumi" / "locks").rglob("*.json"))


# --- refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "named"),
    [
        ({"bucket": {"$is": "foreign"}}, "aws:s3/bucket:Bucket"),
        ({"a": {"size": 1, "$opts": {"transform": True}}}, "transforms"),
        ({"a": {"size": 1, "$opts": {"hook": True}}}, "hooks"),
        ({"a": {"size": 1, "$opts": {"import_": "a-1"}}}, "import_"),
    ],
    ids=["other-package", "transform", "hook", "import"],
)
def test_what_is_not_supported_is_refused_by_name(bench: Bench, program: dict[str, Any], named: str) -> None:
    """A program that asks for more than this engine has fails in its preview, by name, and nothing is written."""
    bench.declare(program)
    before = bench.checkpoint()
    run = bench.run(embedded(), "up", "--yes")
    assert run.code == 1, run.text
    assert named in run.text
    assert "not supported by the embedded engine" in run.text
    assert "Traceback" not in run.text
    assert bench.checkpoint() == before
    assert bench.live() == {}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("up", "--yes", "--policy-pack", "x"), "--policy-pack"),
        (("up", "--yes", "--exclude", "x"), "--exclude"),
        (("up", "--yes", "-x", "a"), "--exclude of up"),
        (("refresh", "--yes", "-j"), "--json of refresh"),
        (("stack", "export", "--version", "1"), "--version of stack export"),
        (("up", "--yes", "--plan=x"), "--plan"),
        (("up", "--yes", "--json"), "--json of up"),
        (("preview", "--save-plan", "x"), "--save-plan"),
        (("destroy", "--yes", "--run-program"), "--run-program"),
        (("stack", "init", "two", "--secrets-provider", "awskms://alias/x"), "awskms"),
    ],
)
def test_options_that_are_not_supported_are_refused_by_name(
    bench: Bench, arguments: tuple[str, ...], named: str
) -> None:
    """An option of the CLI that this engine lacks is refused, not ignored."""
    run = bench.run(embedded(), *arguments)
    assert run.code == 1
    assert named in run.stderr
    assert "not supported" in run.stderr


@pytest.mark.parametrize(
    ("url", "named"), [("s3://bucket", "s3://bucket"), ("https://user:pw@api.example", "https://api.example")]
)
def test_other_backends_are_refused_by_name(
    url: str, named: str, monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    """A backend that is not a folder is refused; credentials in its URL are not repeated."""
    monkeypatch.setattr(bench, "environment", lambda: {**Bench.environment(bench), "PULUMI_BACKEND_URL": url})
    run = bench.run(embedded(), "up", "--yes")
    assert run.code == 1
    assert named in run.stderr
    assert "pw" not in run.stderr


def test_other_secrets_providers_are_refused_by_name(bench: Bench) -> None:
    """A stack under a cloud secrets provider is refused."""
    config = bench.project / "Pulumi.dev.yaml"
    config.write_text("secretsprovider: awskms://alias/x\nencryptedkey: abc\n")
    run = bench.run(embedded(), "up", "--yes")
    assert run.code == 1
    assert "awskms" in run.stderr


def test_a_wrong_passphrase_is_one_clear_message(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong passphrase, or none, ends with a message that names the variable."""
    wrong = {**Bench.environment(bench), "PULUMI_CONFIG_PASSPHRASE": "wrong"}
    monkeypatch.setattr(bench, "environment", lambda: wrong)
    run = bench.run(embedded(), "up", "--yes")
    assert run.code == 1
    assert "incorrect passphrase" in run.stderr
    monkeypatch.setattr(
        bench, "environment", lambda: {k: v for k, v in wrong.items() if k != "PULUMI_CONFIG_PASSPHRASE"}
    )
    run = bench.run(embedded(), "up", "--yes")
    assert run.code == 1
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" in run.stderr


def test_no_child_outlives_a_run(bench: Bench) -> None:
    """When an update has ended, so have the program and the provider that it started."""
    bench.ok(embedded(), "up", "--yes", "--skip-preview")
    wait_for(lambda: not children(bench), "the end of the children", 5)


def test_a_user_without_a_home_folder_is_told_what_to_set(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no home folder is known, the message names the variables that do without."""
    left = {"HOME", "PULUMI_HOME", "PULUMI_BACKEND_URL"}
    environment = {key: value for key, value in bench.environment().items() if key not in left}
    monkeypatch.setattr(bench, "environment", lambda: environment)
    monkeypatch.setattr("pwd.getpwuid", Mock(side_effect=KeyError("getpwuid(): uid not found: 1234")))
    run = bench.run(embedded(), "stack", "ls")
    assert (run.code, "set HOME, or PULUMI_HOME" in run.stderr) == (2, True)


def test_a_user_without_a_name_may_lock_a_stack(stack: StackFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container whose user has no entry in the password file, the lock names the number."""
    monkeypatch.setattr("getpass.getuser", Mock(side_effect=KeyError("getpwuid(): uid not found: 1234")))
    with stack.locked():
        assert json.loads(stack.locks()[0].read_text())["username"] == str(os.getuid())


def test_what_an_untargeted_resource_lacks_is_named(bench: Bench) -> None:
    """A targeted update that cannot keep another resource says which one that needs is no longer in the state."""
    bench.declare({"a": {"size": 1}, "b": {"size": {"$ref": "a.serial"}}, "c": {}})
    bench.ok(embedded(), "up", "--yes", "--skip-preview")
    checkpoint = bench.checkpoint()
    for resource in checkpoint["checkpoint"]["latest"]["resources"]:
        if resource["urn"].endswith("::a"):
            resource["delete"] = True
    (bench.backend / ".pulumi" / "stacks" / "bench" / "dev.json").write_text(json.dumps(checkpoint))
    bench.declare({"b": {"size": 2}, "c": {}})
    run = bench.run(embedded(), "up", "--yes", "--skip-preview", "--target", "**::c")
    assert run.code == 1
    assert "::a, which the untargeted resource " in run.text
