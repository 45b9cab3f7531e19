"""What this package needs of the insides of the processes that Pulumi runs programs and dynamic providers in.

All dynamic providers of a program share one process, `python -m pulumi.dynamic`, so nothing here changes what
another provider sees: no switch of the interpreter, no signal handler. Each function does nothing in any other
process, or where a future SDK looks different; its docstring says what is missing then.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import FrameType, TracebackType
from typing import Any, Final

from .keys import Level

_FRAMES: Final = 50
"""How many frames up the stack the frame of the thread pool, or of the remote call, is looked for."""


def _find_frame(is_wanted: Callable[[FrameType], bool]) -> FrameType | None:
    """The innermost frame that is wanted, of those that led here."""
    frames = (frame for frame, _ in islice(traceback.walk_stack(sys._getframe(1)), _FRAMES))
    return next(filter(is_wanted, frames), None)


def _remote_call() -> tuple[Any, Any]:
    """The request of the remote call that this thread serves, and its gRPC context.

    The host's methods are called with `self`, `request` and `context`, and hand a provider neither of the latter.
    """
    frame = _find_frame(lambda frame: frame.f_code.co_varnames[:3] == ("self", "request", "context"))
    return (None, None) if frame is None else (frame.f_locals["request"], frame.f_locals["context"])


def current_urn() -> str:
    """The URN of the resource that Pulumi calls this thread for, or ""."""
    return str(getattr(_remote_call()[0], "urn", ""))


def ignored_paths() -> tuple[str, ...]:
    """The property paths of the resource's option `ignore_changes`, for the update that this thread serves."""
    return tuple(getattr(_remote_call()[0], "ignoreChanges", ()))


def show_message_alone(message: str) -> None:
    """Let the remote call that this thread serves, which is about to fail, fail with a message and no traceback.

    The host ends a failed call with the formatted traceback, and `pulumi` prints that: without this, the message
    is the last line of a traceback.
    """
    _, context = _remote_call()
    abort = getattr(context, "abort", None)
    if abort is not None:
        # Of this one call: what other calls fail with stays as it is.
        context.abort = lambda code, _details: abort(code, message)


def widen_thread_pool(workers: int) -> int:
    """Let the process serve up to `workers` calls of ours at a time, and return how many it serves now.

    A call of ours runs in one of the pool's threads, so the pool is found up the stack. A pool starts a thread at a
    new task, up to its limit, which is read each time; tasks that wait already need theirs started here. Other
    providers keep the number of calls at a time that the host gives them. Without this, four writes are under way
    at a time instead of `workers`: seven times as long for 200 connectors at 100 ms.
    """
    frame = _find_frame(_is_of_thread_pool)
    reference = frame.f_locals.get("executor_reference") if frame is not None else None
    pool = reference() if isinstance(reference, weakref.ref) else None
    limit = getattr(pool, "_max_workers", None)
    if not isinstance(pool, ThreadPoolExecutor) or not isinstance(limit, int):
        return 0
    if limit < workers:
        _limit_other_providers(limit)
        pool._max_workers = workers
        _serve_waiting(pool)
    return max(limit, workers)


def _is_of_thread_pool(frame: FrameType) -> bool:
    return (
        frame.f_code.co_name == "_worker" and frame.f_globals.get("__name__") == "concurrent.futures.thread"
    )


def _serve_waiting(pool: ThreadPoolExecutor) -> None:
    # The lock is the one that a new task holds while it starts a thread. A future pool may have neither.
    with contextlib.suppress(AttributeError, TypeError), pool._shutdown_lock:
        # One that is ending waits for the threads that it has, and minds new ones.
        for _ in range(0 if pool._shutdown else pool._work_queue.qsize()):
            pool._adjust_thread_count()


class _Limited:
    """A provider of somebody else's, with no more calls at a time than the host would have made."""

    def __init__(self, provider: Any, turns: threading.Semaphore) -> None:
        self._provider = provider
        self._turns = turns

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._provider, name)

        @functools.wraps(method)
        def in_turn(*args: Any, **kwargs: Any) -> Any:
            with self._turns:
                return method(*args, **kwargs)

        return in_turn


def _limit_other_providers(calls: int) -> None:
    host: Any = sys.modules["__main__"]
    get_provider = getattr(host, "get_provider", None)
    if not _runs_provider() or get_provider is None:
        return
    turns = threading.Semaphore(calls)

    def limited(*args: Any, **kwargs: Any) -> Any:
        provider = get_provider(*args, **kwargs)
        ours = type(provider).__module__.partition(".")[0] == __name__.partition(".")[0]
        return provider if ours else _Limited(provider, turns)

    host.get_provider = limited


def end_quietly() -> None:
    """Let the program that Pulumi runs end without a traceback when Pulumi interrupts it.

    When a resource fails, `pulumi` interrupts the program, which waits for what will not come. Nothing of that
    changes; but without this, Python prints the interrupt's traceback, a screen long, over the message that matters.
    """
    runs_program = any(argument.endswith("pulumi-language-python-exec") for argument in sys.orig_argv[:5])
    if runs_program and sys.excepthook is sys.__excepthook__:
        sys.excepthook = _show_but_for_interrupts


def _show_but_for_interrupts(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def log(level: Level, message: str) -> None:
    """Show a message in the diagnostics of the engine that this process was started by.

    Without an engine to talk to, the message is dropped.
    """
    if _runs_provider():
        from .engine_log import send

        send(sys.argv[1] if len(sys.argv) > 1 else "", level, message, current_urn())


def _runs_provider() -> bool:
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    return getattr(main, "name", None) == "pulumi.dynamic.__main__"
