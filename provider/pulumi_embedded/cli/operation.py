"""Running a deployment on a stack: preview, confirmation, the run itself, the history."""

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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from pulumi_embedded.display.json_preview import JsonPreview, summary
from pulumi_embedded.display.progress import Display
from pulumi_embedded.engine.deployment import Deployment
from pulumi_embedded.engine.events import Options, Result
from pulumi_embedded.errors import (
    Bail,
    Cancelled,
    ChangesNotExpected,
    ConfigurationError,
)
from pulumi_embedded.project.run_info import RunInfo
from pulumi_embedded.project.stack_config import ConfigValue, resolve
from pulumi_embedded.state.checkpoint import VERSION, Snapshot
from pulumi_embedded.state.journal import SnapshotManager, StateNotWritten, recover
from pulumi_embedded.state.urns import ROOT_STACK_TYPE, make_urn
from pulumi_embedded.values.values import Properties

from .options import is_set
from .session import Stack


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


def preview_json(stack: Stack, request: Request) -> tuple[Result, dict[str, Any]]:
    """Preview, change and print nothing, and return the plan as the CLI writes it."""
    config, base = _resolved(stack, request), _verified(stack)
    events = JsonPreview(config, show_sames=request.show_sames, suppress_outputs=request.suppress_outputs)
    result = _run(stack, request, config, base, events, None)
    return result, events.document(result)


def preview(stack: Stack, request: Request) -> Result:
    """Preview, and change nothing."""
    config, base = _resolved(stack, request), _verified(stack)
    display = _display(stack, request, base, preview=True)
    display.begin()
    try:
        result = _run(stack, request, config, base, display, None)
    finally:
        display.stop()
    display.end(result)
    return result


def execute(stack: Stack, request: Request) -> None:
    """Preview, ask, and do it.

    Raises:
        Bail: it failed, and it was shown why.
        Cancelled: the user does not want it.
        ChangesNotExpected: there are changes, and there should be none.
    """
    if request.preview_only:
        _checked(preview(stack, request), request)
        return
    approved = request.yes or request.skip_preview or is_set("PULUMI_SKIP_CONFIRMATIONS")
    if not stack.context.interactive and not approved:
        raise ConfigurationError(
            "--yes or --skip-preview or --preview-only must be passed in to proceed when running in "
            "non-interactive mode"
        )
    with stack.file.locked():
        if recover(stack.file):
            stack.context.console.print(
                Text("The steps of an interrupted run were recovered into the state.", "yellow")
            )
        if not request.skip_preview and not preview(stack, request).succeeded:
            raise Bail("the preview failed")
        if not approved:
            _confirm(stack, request)
        result = _update(stack, request)
    _checked(result, request)


def _checked(result: Result, request: Request) -> None:
    if not result.succeeded:
        raise Bail(f"the {request.kind} failed")
    if request.expect_no_changes and result.has_changes:
        raise ChangesNotExpected(f"no changes were expected but changes occurred during {request.kind}")


def _confirm(stack: Stack, request: Request) -> None:
    console = stack.context.console
    if request.kind == "refresh":
        console.print(
            "No resources will be modified as part of this refresh; just your stack's state will be."
        )
    while True:
        question = f"Do you want to perform this {request.kind}? [yes/no/details] "
        answer = console.input(question, markup=False).strip().lower()
        if answer in ("yes", "y"):
            return
        if answer == "details":
            preview(stack, replace(request, diff=True))
        elif answer in ("no", "n", ""):
            raise Cancelled(f"confirmation declined, not proceeding with the {request.kind}")


def _update(stack: Stack, request: Request) -> Result:
    config, base = _resolved(stack, request), _verified(stack)
    if request.clear_pending_creates:
        base.pending = [operation for operation in base.pending if operation.kind != "creating"]
    started = int(time.time())
    display = _display(stack, request, base, preview=False)
    manager = SnapshotManager(stack.file, base, stack.secrets(stack.config()))
    display.begin()
    not_written: StateNotWritten | None = None
    try:
        result = _run(stack, request, config, base, display, manager)
    finally:
        display.stop()
        try:
            manager.close()
        except StateNotWritten as error:
            not_written = error
    display.end(result)
    if not_written is not None:
        raise not_written
    stack.file.add_history(_history(stack, request, result, started))
    return result


def _resolved(stack: Stack, request: Request) -> dict[str, ConfigValue]:
    config = stack.config()
    decrypt = functools.partial(stack.decrypt, config)
    return resolve(stack.context.project, config, decrypt, validate=request.kind == "update")


def _verified(stack: Stack) -> Snapshot:
    base = stack.snapshot(stack.file.load())
    base.verify()
    return base


def _display(stack: Stack, request: Request, base: Snapshot, *, preview: bool) -> Display:
    return Display(
        stack.context.console,
        action=_ACTIONS[request.kind][0 if preview else 1],
        stack=stack.name,
        root_urn=_root_urn(stack),
        outputs=base.outputs(),
        preview=preview,
        live=stack.context.interactive,
        diff=request.diff,
        show_secrets=request.show_secrets,
        show_sames=request.show_sames,
        suppress_outputs=request.suppress_outputs,
    )


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
            if stack.context.interactive:
                os.write(1, b"\x1b[?25h")  # the cursor, which the live view hides
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
