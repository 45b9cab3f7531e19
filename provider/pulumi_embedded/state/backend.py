"""The file backend, in the CLI's own layout.

    <root>/.pulumi/meta.yaml                                     layout version
    <root>/.pulumi/stacks/<project>/<stack>.json[.bak]           the checkpoint, and the one before it
    <root>/.pulumi/stacks/<project>/<stack>.json.journal         steps since the checkpoint (this engine's own)
    <root>/.pulumi/history/<project>/<stack>/…                   one entry and one checkpoint per update
    <root>/.pulumi/backups/<project>/<stack>/…                   a copy of the checkpoint after each update
    <root>/.pulumi/locks/organization/<project>/<stack>/<id>.json

Beside each file is an `.attrs` file, as the CLI's storage library writes them.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pulumi_embedded.errors import ConfigurationError, EmbeddedError, StackNotFound, Unsupported
from pulumi_embedded.project.project import Project, check_name, home, pulumi_home
from pulumi_embedded.project.stack_config import write_atomically
from pulumi_embedded.project.yaml_files import load_yaml

from .checkpoint import check_form, check_version, dump_json, make_checkpoint
from .resources import DamagedState, timestamp

_ENVIRONMENT_REFUSED = (
    "PULUMI_DIY_BACKEND_GZIP",
    "PULUMI_SELF_MANAGED_STATE_GZIP",
    "PULUMI_DIY_BACKEND_ZSTD",
    "PULUMI_DIY_BACKEND_LEGACY_LAYOUT",
    "PULUMI_SELF_MANAGED_STATE_LEGACY_LAYOUT",
)


def backend_url(project: Project | None) -> str:
    """Return the URL in force: PULUMI_BACKEND_URL, the project's, the one logged in to, else the home folder's."""
    if url := os.environ.get("PULUMI_BACKEND_URL"):
        return url
    if project is not None and project.backend_url:
        return project.backend_url
    try:
        credentials = json.loads((pulumi_home() / "credentials.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        credentials = {}
    return credentials.get("current") or "file://~"


@dataclass(frozen=True)
class StackReference:
    """A stack's name in a file backend."""

    project: str
    name: str

    @property
    def full_name(self) -> str:
        """The name with project and organization; a file backend has one organization."""
        return f"organization/{self.project}/{self.name}"


def parse_stack(text: str, project: Project | None) -> StackReference:
    """Read `stack`, `organization/stack` or `organization/project/stack`.

    Raises:
        ConfigurationError: the name is not one of these, or needs a project and there is none.
    """
    parts = text.split("/")
    if len(parts) > 3:
        raise ConfigurationError(f"could not parse stack name {text!r}")
    if len(parts) > 1 and parts[0] not in ("", "organization"):
        raise ConfigurationError("organization name must be 'organization'")
    if len(parts) == 3:
        return StackReference(check_name("project", parts[1]), check_name("stack", parts[2]))
    if project is None:
        raise ConfigurationError(
            "no Pulumi.yaml project file found; either run this command from a directory containing a Pulumi "
            "project, or pass the fully qualified stack name (organization/project/stack)"
        )
    return StackReference(project.name, check_name("stack", parts[-1]))


class Backend:
    """A folder of stacks."""

    def __init__(self, url: str) -> None:
        """Open a backend by its URL; nothing is written before there is something to write.

        Raises:
            Unsupported: the URL is not that of a folder, or the environment asks for another layout.
        """
        for name in _ENVIRONMENT_REFUSED:
            if os.environ.get(name, "").lower() in ("1", "true", "yes"):
                raise Unsupported(f"the backend option {name}")
        if not url.startswith("file://"):
            raise Unsupported(f"the backend {_without_credentials(url)}")
        location, _, query = url.removeprefix("file://").partition("?")
        options = parse_qs(query)
        self._attributes = options.get("metadata") != ["skip"]
        location = unquote(location)
        folder = (
            home() / location[2:] if location == "~" or location.startswith("~/") else Path(location or ".")
        )
        self.folder = Path(os.path.normpath(Path.cwd() / folder))
        self.url = url if location.startswith(("/", "~")) else f"file://{self.folder}"
        self._root = self.folder / ".pulumi"
        self._check_layout()

    def _check_layout(self) -> None:
        meta = load_yaml(self._root / "meta.yaml")
        if not meta:
            stacks = self._root / "stacks"
            if stacks.is_dir() and any(stacks.glob("*.json")):
                raise Unsupported("a file backend without projects (the layout before version 1)")
            return
        if meta.get("version") != 1:
            raise Unsupported(f"version {meta.get('version')} of the file backend's layout")

    # -- stacks

    def list(self, project: str | None = None) -> list[StackReference]:
        """List the stacks, of one project or of all."""
        found = []
        for path in sorted((self._root / "stacks").glob("*/*.json")):
            reference = StackReference(path.parent.name, path.stem)
            if project is None or reference.project == project:
                found.append(reference)
        return found

    def stack(self, reference: StackReference) -> StackFile:
        """Return a stack that exists.

        Raises:
            StackNotFound: it does not.
        """
        stack = StackFile(self, reference)
        if not stack.path.exists():
            raise StackNotFound(f"no stack named '{reference.name}' found")
        return stack

    def create(self, reference: StackReference, latest: dict[str, Any] | None) -> StackFile:
        """Make a stack without resources.

        Raises:
            EmbeddedError: there is one of this name.
        """
        stack = StackFile(self, reference)
        if not (self._root / "meta.yaml").exists():
            self.write(self._root / "meta.yaml", b"version: 1\n")
        with stack.locked():
            if stack.path.exists():
                raise EmbeddedError(f"stack '{reference.full_name}' already exists")
            stack.save(dump_json(make_checkpoint(reference.full_name, latest)).encode())
        return stack

    # -- files

    def write(self, path: Path, content: bytes, *, durable: bool = False) -> None:
        """Write a file of the backend, atomically, with its attributes beside it.

        Raises:
            OSError: the file could not be written, and is as it was before.
        """
        write_atomically(path, content, durable=durable)
        if self._attributes:
            attributes = {
                "user.cache_control": "",
                "user.content_disposition": "",
                "user.content_encoding": "",
                "user.content_language": "",
                "user.content_type": "text/plain; charset=utf-8",
                "user.metadata": None,
                "md5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
            }
            # The file is in place. No reader needs its attributes, so it counts as written without them, too.
            with suppress(OSError):
                write_atomically(path.with_name(f"{path.name}.attrs"), json.dumps(attributes).encode())

    def remove(self, path: Path) -> None:
        """Remove a file of the backend, if it is there."""
        for found in (path, path.with_name(f"{path.name}.attrs")):
            with suppress(FileNotFoundError):
                found.unlink()

    def area(self, name: str, reference: StackReference) -> Path:
        """Return the folder of a stack's files of one kind."""
        return self._root / name / reference.project / reference.name

    def lock_folder(self, reference: StackReference) -> Path:
        """Return the folder of a stack's locks."""
        return self._root / "locks" / "organization" / reference.project / reference.name


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" if parts.scheme else url


def _user_name() -> str:
    """Return who runs this: a name, or in a container that has none for its user the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # before and since Python 3.13
        return str(os.getuid())


class StackFile:
    """One stack's files."""

    def __init__(self, backend: Backend, reference: StackReference) -> None:
        self.backend = backend
        self.reference = reference
        self.path = backend.area("stacks", reference).with_name(f"{reference.name}.json")
        self.journal_path = self.path.with_name(f"{self.path.name}.journal")
        for suffix in (".gz", ".zst"):
            if self.path.with_name(self.path.name + suffix).exists():
                raise Unsupported(f"a compressed checkpoint ({self.path.name}{suffix})")

    # -- checkpoint

    def load(self) -> dict[str, Any] | None:
        """Return the latest deployment, or None for a stack that never had one.

        Raises:
            DamagedState: the file is not a checkpoint.
            Unsupported: it is one of another version, or uses features of later versions.
        """
        try:
            document = json.loads(self.path.read_bytes())
        except ValueError:
            raise DamagedState(f"{self.path} is not valid JSON") from None
        except RecursionError:
            raise DamagedState(f"{self.path} is nested too deeply") from None
        if not isinstance(document, dict) or not isinstance(document.get("checkpoint"), dict):
            raise DamagedState(f"{self.path} is not a checkpoint")
        check_version(document)
        latest = document["checkpoint"].get("latest")
        if latest is None:
            return None
        provider = (check_form(latest).get("secrets_providers") or {}).get("type")
        if provider not in (None, "", "passphrase"):
            raise Unsupported(f"the secrets provider {provider!r} of the stack's state")
        return latest or None

    def save(self, content: bytes) -> None:
        """Replace the checkpoint; the one before becomes the `.bak` file."""
        if self.path.exists():
            self.keep_backup()
        self.backend.write(self.path, content, durable=True)

    def keep_backup(self) -> None:
        """Make the `.bak` file a copy of the checkpoint."""
        backup = self.path.with_name(f"{self.path.name}.bak")
        self.backend.write(backup, self.path.read_bytes())

    # -- after an update

    def add_history(self, entry: dict[str, Any]) -> None:
        """Record a finished update, and keep copies of the checkpoint in the history and the backups."""
        content = self.path.read_bytes()
        history = self.backend.area("history", self.reference)
        prefix = f"{self.reference.name}-{time.time_ns()}"
        self.backend.write(history / f"{prefix}.history.json", dump_json(entry).encode())
        self.backend.write(history / f"{prefix}.checkpoint.json", content)
        if os.environ.get("PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS", "").lower() not in ("1", "true"):
            backups = self.backend.area("backups", self.reference)
            self.backend.write(backups / f"{self.reference.name}.{time.time_ns()}.json", content)

    def remove(self, *, backups: bool) -> None:
        """Remove the stack and its history. The last checkpoint stays as a `.bak` file unless `backups`."""
        if backups:
            self.backend.remove(self.path.with_name(f"{self.path.name}.bak"))
            shutil.rmtree(self.backend.area("backups", self.reference), ignore_errors=True)
        else:
            self.keep_backup()
        self.backend.remove(self.journal_path)
        self.backend.remove(self.path)
        shutil.rmtree(self.backend.area("history", self.reference), ignore_errors=True)

    # -- locks

    def locks(self) -> list[Path]:
        """Return the lock files of the stack."""
        return sorted(self.backend.lock_folder(self.reference).glob("*.json"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the stack's lock, so that no other run of either engine changes it.

        Raises:
            EmbeddedError: another process holds it.
        """
        own = self.backend.lock_folder(self.reference) / f"{uuid.uuid4()}.json"
        self._check_locks(own)
        content = {
            "pid": os.getpid(),
            "username": _user_name(),
            "hostname": socket.gethostname(),
            "timestamp": timestamp(),
        }
        self.backend.write(own, json.dumps(content).encode())
        try:
            # Two runs that both saw no lock now each see the other's.
            self._check_locks(own)
            yield
        finally:
            self.backend.remove(own)

    def _check_locks(self, own: Path) -> None:
        others = [path for path in self.locks() if path != own]
        if not others:
            return
        lines = [
            (
                f"the stack is currently locked by {len(others)} lock(s). Either wait for the other process(es) to "
                "end or delete the lock file with `pulumi-embedded cancel`."
            )
        ]
        for path in others:
            try:
                lock = json.loads(path.read_bytes())
            except (FileNotFoundError, ValueError):
                continue
            lines.append(
                f"  file://{path}: created by {lock.get('username')}@{lock.get('hostname')} "
                f"(pid {lock.get('pid')}) at {lock.get('timestamp')}"
            )
        raise EmbeddedError("\n".join(lines))

    def cancel(self) -> int:
        """Remove every lock; returns how many there were."""
        found = self.locks()
        for path in found:
            self.backend.remove(path)
        return len(found)
