"""Saving state while a deployment runs.

The snapshot is the resources finished in this run, in the order they were finished, then those of the state
before that no step has consumed, then the operations in flight. Each change is first appended to a journal
beside the checkpoint, which is cheap; the checkpoint itself is replaced as often as that takes less than a
tenth of the time. So the cost of saving grows with the number of steps, not with its square, the checkpoint is
never far behind, and a killed process loses nothing: the next run folds the journal in.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Sequence
from io import FileIO
from typing import Any

from pulumi_embedded.errors import EmbeddedError
from pulumi_embedded.project.stack_config import write_atomically
from pulumi_embedded.values.values import Secret

from .backend import StackFile
from .checkpoint import (
    Operation,
    Snapshot,
    dump_json,
    make_checkpoint,
    make_deployment,
    make_manifest,
    normalized,
)
from .resources import Resource
from .secrets import SecretsManager

_SHARE = 9
"""A save that took t seconds is followed by `_SHARE * t` seconds without one …"""

_LONGEST = 2.0
"""… but never by more than this many seconds."""


def _refuse_secret(_: Secret) -> Any:
    raise EmbeddedError(
        "the state has secrets to keep, but the stack has no secrets provider: its configuration file lacks "
        "`encryptionsalt`. Run `pulumi-embedded config set --secret` once, or restore the file"
    )


class StateNotWritten(EmbeddedError):
    """The state could not be written, say because the disk is full. What is on disk is readable."""

    def __init__(self, cause: OSError, lost: Iterable[str] = ()) -> None:
        where = f": {cause.filename}" if cause.filename else ""
        lines = [f"writing the state failed: {cause.strerror or cause}{where}"]
        if lost := list(lost):
            lines.append("This has been done, and is not in the state on disk:")
            lines += [f"  * {line}" for line in lost]
        super().__init__("\n".join(lines))
        self.cause = cause


class SnapshotManager:
    """Keeps a stack's state on disk in step with a running deployment. Safe to call from any thread."""

    def __init__(self, stack: StackFile, base: Snapshot, secrets: SecretsManager | None) -> None:
        self._stack = stack
        self._base = base
        self._secrets = secrets
        self._write_secret = secrets.write if secrets else _refuse_secret
        self._finished: list[Resource] = []
        self._consumed: set[Resource] = set()
        self._operations: list[Operation] = []
        self._encoded: dict[Resource, dict[str, Any]] = {}
        self._renamed: dict[str, str] = {}
        self._ids: dict[Resource | Operation, int] = {}
        self._changed = threading.Condition(threading.RLock())
        self._dirty = False
        self._closed = False
        self._next_save = 0.0
        self._journal: FileIO | None = None
        self._failure: OSError | None = None
        self._lost: list[str] = []
        self._flusher = threading.Thread(target=self._flush_in_time, name="state", daemon=True)
        self._flusher.start()

    # -- what the executor tells

    def begin(self, resource: Resource, kind: str) -> None:
        """Record that an operation on a resource is about to start."""
        with self._changed:
            operation = Operation(resource, kind)
            self._operations.append(operation)
            # Not `_written`: the step is about to change it.
            self._record(self._entry("begin", operation, type=kind, r=resource.to_json(self._write_secret)))

    def end(
        self,
        resource: Resource,
        *,
        consumed: Sequence[Resource] = (),
        new: Resource | None = None,
        changed: Iterable[Resource] = (),
    ) -> None:
        """Record that an operation is over.

        Args:
            resource: whose operation it was.
            consumed: resources of before that this step used up.
            new: the resource that there is now, if any.
            changed: other resources that the step changed in place.
        """
        with self._changed:
            entries: list[str] = []
            for operation in [found for found in self._operations if found.resource is resource]:
                self._operations.remove(operation)
                entries.append(self._entry("end", operation))
            for old in consumed:
                self._consumed.add(old)
                entries.append(self._entry("done", old))
            for other in changed:
                self._encoded.pop(other, None)
                entries.append(self._entry("set", other, r=self._written(other)))
            if new is not None:
                self._finished.append(new)
                self._encoded.pop(new, None)
                entries.append(self._entry("new", new, r=self._written(new)))
            lost = [f"{old.urn} [id={old.id}] is gone" for old in consumed] if new is None else []
            self._record(*entries, lost=lost if new is None else [f"{new.urn} [id={new.id}]"])

    def record_change(self, resource: Resource) -> None:
        """Record that a resource that is in the state already was changed in place."""
        with self._changed:
            self._encoded.pop(resource, None)
            self._record(self._entry("set", resource, r=self._written(resource)))

    def save_all(self) -> None:
        """Save everything anew, because the base was replaced as a whole: a refresh does that."""
        with self._changed:
            self._encoded.clear()
            self._save()

    def flush(self) -> None:
        """Bring the checkpoint up to date now."""
        with self._changed:
            if self._dirty:
                self._save()

    def close(self) -> None:
        """Write the last checkpoint and remove the journal.

        Raises:
            StateNotWritten: it could not be written, and the journal stays for the next run to fold in; or it could
                not be for a while, which ended the run.
        """
        failure = self._failure
        with self._changed:
            try:
                self._save(final=True)
                self._lost.clear()
            except OSError as error:
                failure = error
            self._closed = True
            self._changed.notify_all()
        self._flusher.join()
        if failure is not None:
            raise StateNotWritten(failure, self._lost) from None

    # -- the snapshot

    def resources(self) -> list[Resource]:
        """Return the resources that there are now, in dependency order."""
        kept = [resource for resource in self._finished if resource not in self._consumed]
        return kept + [resource for resource in self._base.resources if resource not in self._consumed]

    def _pending(self) -> list[Operation]:
        # Only an interrupted creation stays pending: of the others the resource itself tells.
        left = [operation for operation in self._base.pending if operation.kind == "creating"]
        return self._operations + left

    def _save(self, *, final: bool = False) -> None:
        started = time.monotonic()
        resources, pending = self.resources(), self._pending()
        content = self._encode(resources, pending)
        header = self._header(content, resources, pending)
        if self._journal is not None:
            self._append(dump_json(header))
        self._stack.save(content)
        self._dirty = False
        ended = time.monotonic()
        self._next_save = ended + min(_SHARE * (ended - started), _LONGEST)
        if not final:
            self._start_journal(header)
            return
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        self._stack.backend.remove(self._stack.journal_path)

    def _encode(self, resources: list[Resource], pending: list[Operation]) -> bytes:
        written = [self._written(resource) for resource in resources]
        self._renamed = {}
        if any(resource.aliases for resource in resources):
            written, self._renamed = normalized(written, {})
        operations = [
            {"resource": found.resource.to_json(self._write_secret), "type": found.kind} for found in pending
        ]
        provider = self._secrets.provider_state() if self._secrets else None
        latest = make_deployment(written, operations, provider, self._base.metadata)
        return dump_json(make_checkpoint(self._stack.reference.full_name, latest)).encode()

    def _written(self, resource: Resource) -> dict[str, Any]:
        """Return a resource as it stands in the checkpoint."""
        if resource not in self._encoded:
            self._encoded[resource] = resource.to_json(self._write_secret)
        return self._encoded[resource]

    # -- the journal

    def _id(self, item: Resource | Operation) -> int:
        return self._ids.setdefault(item, len(self._ids))

    def _entry(self, op: str, item: Resource | Operation, **more: Any) -> str:
        return dump_json({"op": op, "id": self._id(item), **more})

    def _record(self, *entries: str, lost: Sequence[str] = ()) -> None:
        """Save entries; `lost` says what nobody knows of if that fails.

        Raises:
            StateNotWritten: the checkpoint cannot be written. If the journal can, it has the entries.
        """
        failure = self._failure
        if failure is None and time.monotonic() >= self._next_save:
            try:
                self._save()
            except OSError as error:
                failure = error
            else:
                return
        try:
            for entry in entries:
                self._append(entry)
        except OSError as error:
            failure = error
            self._lost += lost
        if failure is not None and self._journal is None:
            self._lost += lost
        if failure is not None:
            self._failure = failure
            raise StateNotWritten(failure)
        if not self._dirty:
            # From here on, the flusher wakes by itself when it is time.
            self._dirty = True
            self._changed.notify_all()

    def _append(self, entry: str) -> None:
        if self._journal is None:
            return
        line = f"{entry}\n".encode()
        end = self._journal.seek(0, os.SEEK_END)
        try:
            if self._journal.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._stack.journal_path))
        except OSError:
            self._journal.truncate(end)  # half an entry would hide those after it
            raise

    def _header(self, content: bytes, resources: list[Resource], pending: list[Operation]) -> dict[str, Any]:
        """Return the entry that the changes since a checkpoint follow: it says what is where in that."""
        return {
            "op": "saving",
            "checkpoint": hashlib.sha256(content).hexdigest(),
            "ids": [self._id(resource) for resource in resources],
            "news": len([resource for resource in self._finished if resource not in self._consumed]),
            "operations": [self._id(operation) for operation in pending],
            "renamed": self._renamed,  # the checkpoint does not say it any more, and later entries have old names
        }

    def _start_journal(self, header: dict[str, Any]) -> None:
        path = self._stack.journal_path
        try:
            write_atomically(path, f"{dump_json(header)}\n".encode())
        except OSError:
            if self._journal is None:
                raise
            return  # the one of before goes on: its last entry is this header
        old, self._journal = self._journal, None
        if old is not None:
            old.close()
        self._journal = path.open("ab", buffering=0)

    def _flush_in_time(self) -> None:
        with self._changed:
            while not self._closed:
                if not self._dirty:
                    self._changed.wait()
                    continue
                left = self._next_save - time.monotonic()
                if left > 0:
                    self._changed.wait(min(left, 60))
                    continue
                try:
                    self._save()
                except OSError as error:  # reported to the next caller, in its thread
                    self._failure = error
                    return


def recover(stack: StackFile) -> bool:
    """Fold the journal of a run that was killed into the checkpoint; True if there was something to fold.

    Call it with the stack's lock held.

    Raises:
        EmbeddedError: the checkpoint is of another run than the journal, so the two cannot be put together.
    """
    try:
        lines = stack.journal_path.read_bytes().splitlines()
    except FileNotFoundError:
        return False
    records = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            break  # the last line of a killed process may be cut
        if not isinstance(record, dict):
            break
        records.append(record)
    content = stack.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    # A header may be that of a checkpoint which was not written after all: the last one that fits counts.
    fitting = [position for position, record in enumerate(records) if record.get("checkpoint") == digest]
    first = fitting[-1] if fitting else 0
    changes = [record for record in records[first:] if record.get("op", "saving") != "saving"]
    if changes and not fitting:
        kept = stack.journal_path.with_name(f"{stack.journal_path.name}.{time.time_ns()}")
        stack.journal_path.replace(kept)
        raise EmbeddedError(
            f"an interrupted run left steps in {kept} that are not in the state, and the state was changed by "
            "another engine since. Compare the two, then run `pulumi-embedded refresh`"
        )
    if changes:
        document = json.loads(content)
        latest = document["checkpoint"].get("latest") or {}
        _fold(latest, records[first], changes)
        folded = dump_json(make_checkpoint(stack.reference.full_name, latest)).encode()
        # If this process is killed before it removes the journal, the next one sees that it is folded in.
        saving = {"op": "saving", "checkpoint": hashlib.sha256(folded).hexdigest()}
        journal = "".join(f"{dump_json(record)}\n" for record in [*records, saving])
        write_atomically(stack.journal_path, journal.encode())
        stack.save(folded)
    stack.backend.remove(stack.journal_path)
    return bool(changes)


def _fold(latest: dict[str, Any], header: dict[str, Any], changes: list[dict[str, Any]]) -> None:
    resources: dict[int, Any] = dict(zip(header["ids"], latest.get("resources") or [], strict=True))
    news = list(header["ids"][: header["news"]])
    olds = list(header["ids"][header["news"] :])
    operations = dict(zip(header["operations"], latest.get("pending_operations") or [], strict=True))
    done: set[int] = set()
    for change in changes:
        identifier = change["id"]
        if change["op"] == "new":
            news.append(identifier)
            resources[identifier] = change["r"]
        elif change["op"] == "set":
            resources[identifier] = change["r"]
        elif change["op"] == "done":
            done.add(identifier)
        elif change["op"] == "begin":
            operations[identifier] = {"resource": change["r"], "type": change["type"]}
        elif change["op"] == "end":
            operations.pop(identifier, None)
    latest["manifest"] = make_manifest()
    left = [resources[key] for key in news + olds if key not in done and key in resources]
    latest["resources"], _ = normalized(left, header.get("renamed", {}))
    latest.pop("pending_operations", None)
    if operations:
        latest["pending_operations"] = list(operations.values())
