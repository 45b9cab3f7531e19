"""What the commands share: finding the stack, its configuration and secrets, and running deployments on it."""

from __future__ import annotations

import functools
import os
import platform
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from pulumi_embedded.display.progress import Display, JsonPreview, summary
from pulumi_embedded.engine.deployment import Deployment
from pulumi_embedded.engine.events import Options, Result
from pulumi_embedded.errors import (
    Bail,
    Cancelled,
    ChangesNotExpected,
    ConfigurationError,
    EmbeddedError,
    StackNotFound,
)
from pulumi_embedded.language_host.run_info import RunInfo
from pulumi_embedded.project.project import Project
from pulumi_embedded.project.stack_config import ConfigValue, StackConfig, resolve
from pulumi_embedded.project.workspace import Workspace
from pulumi_embedded.state.backend import Backend, StackFile, StackReference, backend_url, parse_stack
from pulumi_embedded.state.checkpoint import VERSION, Snapshot, read_snapshot
from pulumi_embedded.state.journal import SnapshotManager, recover
from pulumi_embedded.state.secrets import SecretsManager, read_passphrase, read_plain
from pulumi_embedded.state.urns import ROOT_STACK_TYPE, make_urn
from pulumi_embedded.values.values import Properties


@dataclass
class Context:
    """Where a command works: the global options, and what follows from them."""

    console: Console
    folder: Path
    interactive: bool
    _project: Project | None = field(default=None, init=False)
    _backend: Backend | None = field(default=None, init=False)

    @property
    def project(self) -> Project:
        """The project of the working folder."""
        if self._project is None:
            self._project = Project.find(self.folder)
        return self._project

    @property
    def backend(self) -> Backend:
        """The backend in force."""
        if self._backend is None:
            self._backend = Backend(backend_url(self.optional_project()))
        return self._backend

    def optional_project(self) -> Project | None:
        """Return the project, if there is one."""
        try:
            return self.project
        except ConfigurationError:
            return None

    def reference(self, name: str | None) -> StackReference:
        """Return the stack of that name, or the selected one.

        Raises:
            StackNotFound: none is named and none is selected.
        """
        if name is None:
            name = Workspace(self.project).selected(self.backend.url)
            if name is None:
                raise StackNotFound(
                    "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one"
                )
        return parse_stack(name, self.optional_project())

    def stack(self, name: str | None, config_file: str | None = None) -> Stack:
        """Open an existing stack.

        Raises:
            StackNotFound: there is none of that name.
        """
        reference = self.reference(name)
        return Stack(self, self.backend.stack(reference), config_file)


class Stack:
    """A stack: its files, its configuration and its secrets."""

    def __init__(self, context: Context, file: StackFile, config_file: str | None = None) -> None:
        self.context = context
        self.file = file
        self._config_file = config_file
        self._managers: dict[str, SecretsManager] = {}

    @property
    def name(self) -> str:
        """The short name."""
        return self.file.reference.name

    def config(self) -> StackConfig:
        """Read the configuration file."""
        if self._config_file:
            return StackConfig.load(Path(self._config_file))
        return StackConfig.load(self.context.project.config_file(self.name))

    # -- secrets

    def manager(self, salt: str) -> SecretsManager:
        """Open the secrets under a salt, once."""
        if salt not in self._managers:
            prompt = f"Enter your passphrase to unlock config/secrets for stack {self.name}"
            passphrase = read_passphrase(prompt, interactive=self.context.interactive)
            self._managers[salt] = SecretsManager.open(passphrase, salt)
        return self._managers[salt]

    def secrets(self, config: StackConfig) -> SecretsManager | None:
        """Return the secrets manager: by the configuration, else by the state; None if neither has one."""
        salt = config.salt or self._state_salt(self.file.load())
        return self.manager(salt) if salt else None

    @staticmethod
    def _state_salt(latest: dict[str, Any] | None) -> str | None:
        provider = (latest or {}).get("secrets_providers") or {}
        salt = (provider.get("state") or {}).get("salt")
        return str(salt) if salt else None

    def ensure_secrets(self, config: StackConfig) -> SecretsManager:
        """Return the secrets manager, and make one for a stack that has none yet."""
        found = self.secrets(config)
        if found is None:
            passphrase = read_passphrase(
                "Enter your passphrase to protect config/secrets", interactive=self.context.interactive
            )
            found = SecretsManager.new(passphrase)
            self._managers[found.salt] = found
        if not config.salt:
            config.set_salt(found.salt)
        return found

    def decrypt(self, config: StackConfig, sealed: str) -> str:
        """Open a secret of the configuration.

        Raises:
            EmbeddedError: it cannot be opened, or the file has secrets but no salt.
        """
        manager = self.secrets(config)
        if manager is None:
            raise EmbeddedError(f"{config.path} has secrets but no `encryptionsalt` to open them with")
        return manager.crypter.decrypt(sealed)

    # -- state

    def snapshot(self, latest: dict[str, Any] | None) -> Snapshot:
        """Read a deployment, with its secrets opened."""
        salt = self._state_salt(latest)
        if latest is not None and salt and _has_secrets(latest):
            return read_snapshot(latest, self.manager(salt).read)
        return read_snapshot(latest, read_plain)

    def outputs(self) -> Properties:
        """Return the stack's outputs."""
        return self.snapshot(self.file.load()).outputs()


def _has_secrets(document: Any) -> bool:
    if isinstance(document, dict):
        return "ciphertext" in document or any(_has_secrets(item) for item in document.values())
    return isinstance(document, list) and any(_has_secrets(item) for item in document)


# --- deployments ----------------------------------------------------------------------------------------------


@dataclass
class Request:
    """A command that deploys, as the user gave it. `kind` is update, refresh or destroy."""

    kind: str
    options: Options
    yes: bool = False
    skip_preview: bool = False
    preview_only: bool = False
    diff: bool = False
    expect_no_changes: bool = False
    message: str = ""
    show_secrets: bool = False
    show_sames: bool = False
    suppress_outputs: bool = False
    clear_pending_creates: bool = False


_ACTIONS = {
    "update": ("Previewing update", "Updating"),
    "refresh": ("Previewing refresh", "Refreshing"),
    "destroy": ("Previewing destroy", "Destroying"),
}


def preview(stack: Stack, request: Request, *, as_json: bool = False) -> tuple[Result, dict[str, Any] | None]:
    """Preview, and change nothing; with `as_json` nothing is printed and the plan is returned."""
    config = _resolved(stack, request)
    base = stack.snapshot(stack.file.load())
    base.verify()
    if as_json:
        recorder = JsonPreview(
            config, show_sames=request.show_sames, suppress_outputs=request.suppress_outputs
        )
        result = _run(stack, request, config, base, recorder, None)
        return result, recorder.document(result)
    display = _display(stack, request, base, preview=True)
    display.begin()
    result = _run(stack, request, config, base, display, None)
    display.end(result)
    return result, None


def execute(stack: Stack, request: Request) -> None:
    """Preview, ask, and do it.

    Raises:
        Bail: it failed, and it was shown why.
        Cancelled: the user does not want it.
        ChangesNotExpected: there are changes, and there should be none.
    """
    if request.preview_only:
        _checked(preview(stack, request)[0], request)
        return
    if not stack.context.interactive and not request.yes and not request.skip_preview:
        raise ConfigurationError(
            "--yes or --skip-preview or --preview-only must be passed in to proceed when running in "
            "non-interactive mode"
        )
    with stack.file.locked():
        if recover(stack.file):
            stack.context.console.print(
                Text("The steps of an interrupted run were recovered into the state.", "yellow")
            )
        if not request.skip_preview:
            planned, _ = preview(stack, request)
            if not planned.succeeded:
                raise Bail("the preview failed")
        if not request.yes:
            _confirm(stack, request)
        result = _update(stack, request)
    _checked(result, request)


def _checked(result: Result, request: Request) -> None:
    if not result.succeeded:
        raise Bail(f"the {request.kind} failed")
    if request.expect_no_changes and result.has_changes:
        raise ChangesNotExpected(f"no changes were expected but changes occurred during {request.kind}")


def _confirm(stack: Stack, request: Request) -> None:
    if not stack.context.interactive or not sys.stdin.isatty():
        raise ConfigurationError("--yes must be passed in to proceed when running in non-interactive mode")
    console = stack.context.console
    warning = " without a preview" if request.skip_preview else ""
    if request.kind == "refresh":
        console.print(
            "No resources will be modified as part of this refresh; just your stack's state will be."
        )
    while True:
        answer = console.input(f"Do you want to perform this {request.kind}{warning}? [yes/no/details] ")
        if answer.strip().lower() in ("yes", "y"):
            return
        if answer.strip().lower() == "details" and not request.skip_preview:
            detailed = Request(**{**vars(request), "diff": True})
            preview(stack, detailed)
            continue
        if answer.strip().lower() in ("no", "n", ""):
            raise Cancelled(f"confirmation declined, not proceeding with the {request.kind}")


def _update(stack: Stack, request: Request) -> Result:
    config = _resolved(stack, request)
    base = stack.snapshot(stack.file.load())
    base.verify()
    if request.clear_pending_creates:
        base.pending = [operation for operation in base.pending if operation.kind != "creating"]
    started = int(time.time())
    display = _display(stack, request, base, preview=False)
    manager = SnapshotManager(stack.file, base, stack.secrets(stack.config()))
    display.begin()
    try:
        result = _run(stack, request, config, base, display, manager)
    finally:
        manager.close()
    display.end(result)
    stack.file.add_history(_history(stack, request, result, started))
    return result


def _resolved(stack: Stack, request: Request) -> dict[str, ConfigValue]:
    config = stack.config()
    decrypt = functools.partial(stack.decrypt, config)
    return resolve(stack.context.project, config, decrypt, validate=request.kind == "update")


def _display(stack: Stack, request: Request, base: Snapshot, *, preview: bool) -> Display:
    display = Display(
        stack.context.console,
        action=_ACTIONS[request.kind][0 if preview else 1],
        stack=stack.name,
        preview=preview,
        live=stack.context.interactive,
        diff=request.diff,
        show_secrets=request.show_secrets,
        show_sames=request.show_sames,
        suppress_outputs=request.suppress_outputs,
    )
    display.outputs_before(base.outputs())
    display.root_urn = _root_urn(stack)
    return display


def _root_urn(stack: Stack) -> str:
    reference = stack.file.reference
    return make_urn(
        reference.name, reference.project, "", ROOT_STACK_TYPE, f"{reference.project}-{reference.name}"
    )


def _run(
    stack: Stack,
    request: Request,
    config: dict[str, ConfigValue],
    base: Snapshot,
    events: Display | JsonPreview,
    manager: SnapshotManager | None,
) -> Result:
    def stack_outputs(name: str) -> Properties:
        return stack.context.stack(name).outputs()

    info = RunInfo(
        stack.context.project,
        stack.name,
        config,
        parallel=request.options.parallel,
        preview=manager is None,
    )
    deployment = Deployment(
        info,
        base,
        request.options,
        events,
        snapshot=manager,
        stack_outputs=stack_outputs,
    )
    with _interruptible(deployment, stack):
        return deployment.run()


@contextmanager
def _interruptible(deployment: Deployment, stack: Stack) -> Iterator[None]:
    """Handle Ctrl-C and a polite kill: the first asks the deployment to end, the second ends at once."""
    asked = False

    def handle(number: int, _: Any) -> None:
        nonlocal asked
        if asked:
            deployment.terminate()
            if deployment.snapshot is not None:
                # In a thread of its own: this one may be in the middle of a save.
                flusher = threading.Thread(target=deployment.snapshot.flush, daemon=True)
                flusher.start()
                flusher.join(2)
            for lock in stack.file.locks():
                if _is_own(lock):
                    stack.file.backend.remove(lock)
            os._exit(128 + number)
        asked = True
        os.write(2, b"^C received; waiting for the operations in flight. Press ^C again to end at once.\n")
        deployment.interrupt()

    before = {name: signal.signal(name, handle) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _is_own(lock: Path) -> bool:
    try:
        return f'"pid": {os.getpid()},' in lock.read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def _history(stack: Stack, request: Request, result: Result, started: int) -> dict[str, Any]:
    return {
        "kind": request.kind,
        "startTime": started,
        "message": request.message,
        "environment": {
            "exec.kind": "cli",
            "pulumi.arch": platform.machine(),
            "pulumi.os": platform.system().lower(),
            "pulumi.version": VERSION,
            "pulumi.engine": "embedded",
            "runtime.name": "python",
            "runtime.executable": sys.executable,
            "runtime.version": platform.python_version(),
            "exec.host": socket.gethostname(),
        },
        "config": stack.config().values,
        "version": 0,
        "result": "succeeded" if result.succeeded else "failed",
        "endTime": int(time.time()),
        "resourceChanges": summary(result.changes),
    }
