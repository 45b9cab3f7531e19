"""The journal: what a killed run leaves, and how the next one folds it into the checkpoint."""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from pulumi_embedded.project.stack_config import write_atomically
from pulumi_embedded.state.backend import StackFile
from pulumi_embedded.state.checkpoint import Snapshot, read_snapshot
from pulumi_embedded.state.journal import SnapshotManager, StateNotWritten, recover
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.secrets import SecretsManager, read_plain

from ..support.stacks import PASSPHRASE, SALT

BOX = "urn:pulumi:dev::bench::pulumi-python:dynamic/boxes:Box::"


def box(name: str, **values: Any) -> Resource:
    """Return a resource for a state."""
    return Resource(f"{BOX}{name}", "pulumi-python:dynamic/boxes:Box", custom=True, id=name, inputs=values)


def names(stack: StackFile) -> list[str]:
    """Return the resources of a stack's checkpoint."""
    latest = stack.load()
    return [resource["urn"].rsplit("::", 1)[-1] for resource in latest.get("resources", [])]


def test_a_journal_is_folded_into_the_checkpoint(stack: StackFile) -> None:
    """Whatever a killed run did after its last checkpoint is in the state of the next one, in the same order."""
    olds = [box("x"), box("y"), box("z")]
    base = Snapshot(olds)
    secrets = SecretsManager.open(PASSPHRASE, SALT)
    first = SnapshotManager(stack, base, secrets)
    first.close()
    manager = SnapshotManager(stack, Snapshot(olds), secrets)
    manager.begin(olds[0], "updating")  # saved at once: nothing was saved before
    manager._next_save = float("inf")  # from here on only the journal is written
    updated = box("x", size=2)
    manager.end(olds[0], consumed=[olds[0]], new=updated)
    created, secret = box("n"), box("s")
    manager.begin(created, "creating")
    manager.end(created, new=created)
    created.outputs = {"late": 1}
    manager.record_change(created)
    manager.begin(olds[2], "deleting")
    manager.end(olds[2], consumed=[olds[2]])
    manager.begin(secret, "creating")
    assert names(stack) == ["x", "y", "z"]
    assert recover(stack)
    assert names(stack) == ["x", "n", "y"]
    latest = stack.load()
    assert latest["resources"][0]["inputs"] == {"size": 2}
    assert latest["resources"][1]["outputs"] == {"late": 1}
    assert [found["type"] for found in latest["pending_operations"]] == ["creating"]
    assert not stack.journal_path.exists()
    assert not recover(stack)


def unsaved(stack: StackFile, base: list[Resource]) -> SnapshotManager:
    """Return a manager that has written its last checkpoint: from here on only the journal is written."""
    SnapshotManager(stack, Snapshot(base), None).close()
    manager = SnapshotManager(stack, Snapshot(base), None)
    manager.save_all()
    manager._next_save = float("inf")
    return manager


def test_a_rename_by_an_alias_is_folded_in_with_its_dependents(stack: StackFile) -> None:
    """A run killed after it renamed a resource leaves a state whose references all have the new name."""
    old = box("a")
    dependent = box("c")
    dependent.dependencies, dependent.property_dependencies = [old.urn], {"size": [old.urn]}
    dependent.deleted_with = old.urn
    manager = unsaved(stack, [old, dependent])
    new = box("b")
    new.aliases = [old.urn]
    manager.end(old, consumed=[old], new=new)
    assert recover(stack)
    snapshot = read_snapshot(stack.load(), read_plain)
    snapshot.verify()
    assert [(found.name, found.aliases) for found in snapshot.resources] == [("b", []), ("c", [])]
    assert set(snapshot.resources[1].depends_on()) == {new.urn}


def test_a_rename_that_is_in_the_checkpoint_holds_for_the_journal(stack: StackFile) -> None:
    """What is journaled of a dependent after its resource was renamed and saved has the new name, too."""
    old, dependent = box("a"), box("c")
    dependent.dependencies = [old.urn]
    manager = unsaved(stack, [old, dependent])
    new = box("b")
    new.aliases = [old.urn]
    manager._next_save = 0
    manager.end(old, consumed=[old], new=new)
    manager._next_save = float("inf")
    dependent.delete = True
    manager.record_change(dependent)
    assert recover(stack)
    snapshot = read_snapshot(stack.load(), read_plain)
    snapshot.verify()
    assert snapshot.resources[1].dependencies == [new.urn]


def test_a_recovery_that_is_killed_is_not_taken_for_another_engine(
    stack: StackFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the journal outlives its recovery, the next command removes it without a word."""
    manager = unsaved(stack, [])
    made = box("a")
    manager.end(made, new=made)
    with monkeypatch.context() as patch:
        patch.setattr(stack.backend, "remove", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            recover(stack)
    assert stack.journal_path.exists()
    assert not recover(stack)
    assert not stack.journal_path.exists()
    assert names(stack) == ["a"]


def test_a_feature_of_a_resource_makes_the_checkpoint_one_of_version_4(stack: StackFile) -> None:
    """A checkpoint names the features that its resources use, whether a run wrote it or a recovery."""
    manager = unsaved(stack, [])
    made = box("a")
    made.taint = True
    manager.end(made, new=made)
    assert recover(stack)
    recovered = json.loads(stack.path.read_bytes())
    SnapshotManager(stack, Snapshot([made]), None).close()
    written = json.loads(stack.path.read_bytes())
    for document in (recovered, written):
        assert (document["version"], document["features"]) == (4, ["taint"])


def test_a_cut_line_of_the_journal_is_ignored(stack: StackFile) -> None:
    """A line that was being written when the process died does not spoil the ones before it."""
    manager = SnapshotManager(stack, Snapshot(), SecretsManager.open(PASSPHRASE, SALT))
    first, second = box("a"), box("b")
    manager.begin(first, "creating")
    manager._next_save = float("inf")
    manager.end(first, new=first)
    manager.begin(second, "creating")
    with stack.journal_path.open("ab") as stream:
        stream.write(b'{"op":"new","id":7,"r":{"ur')
    assert recover(stack)
    assert names(stack) == ["a"]


def test_a_journal_of_another_checkpoint_is_kept_aside(stack: StackFile) -> None:
    """If another engine changed the state since, the journal is not applied, not lost, and the user is told."""
    manager = SnapshotManager(stack, Snapshot(), SecretsManager.open(PASSPHRASE, SALT))
    first = box("a")
    manager.begin(first, "creating")
    manager._next_save = float("inf")
    manager.end(first, new=first)
    stack.path.write_text(stack.path.read_text() + "\n")
    with pytest.raises(Exception, match="another engine"):
        recover(stack)
    assert list(stack.path.parent.glob("*.journal.*"))
    assert not recover(stack)


def test_the_cost_of_saving_is_linear(stack: StackFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the resources make for about four times as much to write, not sixteen times."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now, time_ns=time.time_ns)
    monkeypatch.setattr("pulumi_embedded.state.journal.time", clock)
    write = stack.backend.write

    def written(count: int) -> int:
        total = 0

        def counted(path: Path, content: bytes, *, durable: bool = False) -> None:
            nonlocal total
            total += len(content)
            clock.now += len(content) * 1e-7  # a disk that takes 10 MB in a second
            write(path, content, durable=durable)

        monkeypatch.setattr(stack.backend, "write", counted)
        manager = SnapshotManager(stack, Snapshot(), None)
        for number in range(count):
            resource = box(str(number), text="x" * 500)
            clock.now += 1e-3
            manager.begin(resource, "creating")
            manager.end(resource, new=resource)
        manager.close()
        assert len(names(stack)) == count
        return total

    assert written(800) < 8 * written(200)


def test_a_full_disk_loses_nothing_that_the_journal_can_take(
    stack: StackFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the checkpoint cannot be written, the journal has the step, and the next run folds it in."""
    manager = SnapshotManager(stack, Snapshot(), None)
    first, second = box("a"), box("b")
    manager.begin(first, "creating")
    manager.end(first, new=first)
    manager.begin(second, "creating")

    def full(*_args: Any, **_options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "state.json")

    with monkeypatch.context() as patch:
        patch.setattr(stack.backend, "write", full)
        manager._next_save = 0
        with pytest.raises(StateNotWritten, match=r"No space left on device: state\.json"):
            manager.end(second, new=second)
        with pytest.raises(StateNotWritten) as error:
            manager.close()
        assert "not in the state" not in str(error.value)
    assert recover(stack)
    assert names(stack) == ["a", "b"]


@pytest.mark.parametrize("part", ["attributes", "name", "folder", "journal"])
def test_what_fails_after_the_checkpoint_is_written_loses_nothing(
    stack: StackFile, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Steps that end when the checkpoint is new, but not all that goes with it, are folded in by the next run."""
    manager = SnapshotManager(stack, Snapshot(), None)
    boxes = [box("a"), box("b"), box("c")]
    for found in boxes:
        manager.begin(found, "creating")
    write, fsync, open_file = write_atomically, os.fsync, os.open

    def no_space(path: Path, content: bytes, *, durable: bool = False) -> None:
        files = {"attributes": f"{stack.path.name}.attrs", "journal": stack.journal_path.name}
        if path.name == files.get(part):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, content, durable=durable)

    def sync(file: int) -> None:
        if part == "name" and stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(file)

    def open_folder(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if part == "folder" and Path(path).is_dir():
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return open_file(path, flags, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr("pulumi_embedded.state.backend.write_atomically", no_space)
        patch.setattr("pulumi_embedded.state.journal.write_atomically", no_space)
        patch.setattr(os, "open", open_folder)
        patch.setattr(os, "fsync", sync)
        with manager._changed:  # so that it is not the flusher that saves
            manager._next_save = 0
            manager.end(boxes[0], new=boxes[0])
            manager._next_save = float("inf")
        manager.end(boxes[1], new=boxes[1])
    assert names(stack) == ["a"]
    with monkeypatch.context() as patch:
        patch.setattr(stack.backend, "write", Mock(side_effect=OSError(errno.ENOSPC, "full")))
        with pytest.raises(StateNotWritten) as error:
            manager.close()
        assert "not in the state" not in str(error.value)
    assert recover(stack)
    assert names(stack) == ["a", "b"]
    assert [found["resource"]["urn"] for found in stack.load()["pending_operations"]] == [f"{BOX}c"]
    assert not recover(stack)


def test_a_journal_without_kinds_is_recovered(stack: StackFile) -> None:
    """The header of an earlier version says nothing but the checkpoint that it belongs to."""
    manager = unsaved(stack, [])
    first = box("a")
    manager.begin(first, "creating")
    manager.end(first, new=first)
    assert manager._journal is not None
    manager._journal.close()
    header, *steps = stack.journal_path.read_text().splitlines(keepends=True)
    without = {key: value for key, value in json.loads(header).items() if key != "op"}
    stack.journal_path.write_text("".join([f"{json.dumps(without)}\n", *steps]))
    assert recover(stack)
    assert names(stack) == ["a"]


def test_a_full_disk_is_told_with_what_is_lost(stack: StackFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """When neither checkpoint nor journal can be written, the message names what has been done all the same."""
    manager = SnapshotManager(stack, Snapshot(), None)
    first = box("a")
    manager.begin(first, "creating")
    assert manager._journal is not None
    with monkeypatch.context() as patch, open("/dev/full", "ab", buffering=0) as full:  # noqa: PTH123 - a device
        patch.setattr(manager, "_journal", full)
        patch.setattr(full, "truncate", lambda _size: None, raising=False)
        manager._next_save = float("inf")
        with pytest.raises(StateNotWritten, match="No space left on device"):
            manager.end(first, new=first)
    with monkeypatch.context() as patch:
        patch.setattr(stack.backend, "write", Mock(side_effect=OSError(errno.ENOSPC, "full")))
        with pytest.raises(StateNotWritten, match=r"not in the state on disk:\n  \* urn.*::a \[id=a\]"):
            manager.close()
    assert names(stack) == []
