"""What this package needs of the processes that Pulumi runs programs and dynamic providers in.

The provider process (`python -m pulumi.dynamic <engine address>`) serves four calls at a time, gives a provider no
way to log, and shows an exception as its traceback. The program's process shows the traceback of its own end. This
module is the one place that knows about their insides. Each function does nothing in any other process, or where
a future version looks different.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import signal
import sys
import threading
import traceback
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import FrameType
from typing import Any, Final, Literal

import pulumi
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider

_FRAMES: Final = 50
"""How many frames up the thread pool's own frame, or the program's, is looked for."""
_SDK_FRAMES: Final = 6
"""The frames from `register` to the SDK's look at the stack: four, and two in case there will be more."""
_THRESHOLDS: Final = (50_000, 50, 100)
"""How often to look for garbage: at so many new objects, and older ones each so many times less often."""


def register(
    resource: pulumi.dynamic.Resource,
    provider: type[ResourceProvider],
    name: str,
    props: dict[str, Any],
    options: pulumi.ResourceOptions,
) -> None:
    """Register a dynamic resource, as the constructor of `pulumi.dynamic.Resource` does for any.

    That one pickles the provider again for each resource. And it is one constructor more than the SDK expects
    between its own and that of the resource, above which it looks for the line of the program that declares it: the
    state would hold a line of this package.
    """
    props[PROVIDER_KEY] = pickled(provider)  # type: ignore[arg-type]  # a class has a hash, if its objects have none
    kind = f"pulumi-python:{resource._resource_type_name}"
    depth = _program_depth()
    with contextlib.ExitStack() as afterwards:
        if depth is not None and not hasattr(sys, "tracebacklimit"):
            # The SDK notes the stack for each resource. Without a limit most of it is Python's and Pulumi's own, a
            # third of what the state holds of a connector, with paths of the machine that ran the program.
            sys.tracebacklimit = depth + _SDK_FRAMES
            afterwards.callback(delattr, sys, "tracebacklimit")
        pulumi.CustomResource.__init__(resource, kind, name, props, options)
    _await_one_output(resource)


def _await_one_output(resource: pulumi.Resource) -> None:
    """Let the end of the program wait for one output of a resource instead of all: they come together.

    Whenever an output comes, the SDK turns to all that are still open anew: a sixth of the time that a program takes
    to declare a thousand connectors. An output of which a program makes another one is left to that one in
    the same way.
    """
    # Of an output itself any attribute could be had: another output.
    untrack = getattr(pulumi.Output, "_untrack", None)
    if untrack is not None:
        for name, output in vars(resource).items():
            if isinstance(output, pulumi.Output) and name != PROVIDER_KEY:
                untrack(output)


def _program_depth() -> int | None:
    """How many frames the caller and the program's main module are, with all between; `None` without a program."""
    for depth, frame in enumerate(_frames(sys._getframe(1)), 1):
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__":
            return depth
    return None


def _frames(innermost: FrameType) -> Iterator[FrameType]:
    """A frame and those that called it, from the inside out."""
    return (frame for frame, _ in islice(traceback.walk_stack(innermost), _FRAMES))


@functools.cache
def pickled(provider: type[ResourceProvider]) -> str:
    """A provider as each of its resources carries it in the state."""
    return str(serialize_provider(provider()))


def widen_thread_pool(workers: int) -> int:
    """Let the process serve up to `workers` calls at a time, and answer how many it serves now.

    A call of ours runs in one of the pool's threads, so the pool is found up the stack. A pool starts a thread at a
    new task, up to its limit, which is read each time; tasks that wait already need theirs started here.
    """
    for frame in _frames(sys._getframe()):
        if (
            frame.f_code.co_name == "_worker"
            and frame.f_globals.get("__name__") == "concurrent.futures.thread"
        ):
            reference = frame.f_locals.get("executor_reference")
            pool = reference() if isinstance(reference, weakref.ref) else None
            limit = getattr(pool, "_max_workers", None)
            if isinstance(pool, ThreadPoolExecutor) and isinstance(limit, int):
                if limit < workers:
                    pool._max_workers = workers
                    _serve_waiting(pool)
                return max(limit, workers)
            return 0
    return 0


def _serve_waiting(pool: ThreadPoolExecutor) -> None:
    # The lock is the one that a new task holds while it starts a thread. A future pool may have neither.
    with contextlib.suppress(AttributeError, TypeError), pool._shutdown_lock:
        for _ in range(pool._work_queue.qsize()):
            pool._adjust_thread_count()


def load_httpx() -> None:
    """Import httpx without its own command line.

    httpx offers one where click and rich are installed, and that takes three times as long to import as all the
    rest. It does without where the import fails.
    """
    command_line = "httpx._main"
    if "httpx" in sys.modules or command_line in sys.modules:
        return
    sys.modules[command_line] = None  # type: ignore[assignment]  # how Python marks what cannot be imported
    try:
        import httpx  # noqa: F401
    finally:
        del sys.modules[command_line]


def hide_tracebacks() -> None:
    """Show the exceptions of this process by their message alone.

    The process answers a failed call with the formatted traceback, and `pulumi` prints that. Errors that users
    cause are whole messages without it; for all others `provider.explained` puts the traceback into the message.
    """
    sys.tracebacklimit = 0


def log(severity: Literal["info", "warning"], message: str) -> None:
    """Show a message in the engine's diagnostics, where the user of `pulumi preview` and `up` reads it.

    Best effort: without an engine to talk to, the message is dropped.
    """
    address = sys.argv[1] if len(sys.argv) > 1 else ""
    if not _runs_provider() or ":" not in address:
        return
    import grpc
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

    level = engine_pb2.WARNING if severity == "warning" else engine_pb2.INFO
    with contextlib.suppress(grpc.RpcError), grpc.insecure_channel(address) as channel:
        stub = engine_pb2_grpc.EngineStub(channel)
        stub.Log(engine_pb2.LogRequest(severity=level, message=message), timeout=5)


def prepare_program() -> None:
    """Let the program that Pulumi runs take less time, and end without a word when Pulumi is done with it.

    When an operation fails at a resource's check, `pulumi` interrupts the program, which waits for its answers.
    Python would print the traceback of that interrupt above the message that matters, and wait five seconds more.
    """
    if not _runs_program() or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    collect_less_garbage()


def collect_less_garbage() -> None:
    """Look for garbage less often in a process of Pulumi's own, which builds up what one operation needs and ends.

    By default Python looks through all of it again and again: a quarter of the time that a program takes to declare a
    thousand connectors. Thresholds that somebody has chosen stay.
    """
    if (_runs_program() or _runs_provider()) and gc.get_threshold()[0] < _THRESHOLDS[0]:
        gc.set_threshold(*_THRESHOLDS)


def _runs_program() -> bool:
    return any(argument.endswith("pulumi-language-python-exec") for argument in sys.orig_argv[:5])


def _runs_provider() -> bool:
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    return getattr(main, "name", None) == "pulumi.dynamic.__main__"
