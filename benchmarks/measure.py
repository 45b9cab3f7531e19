"""Running a command, and what it took."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PLUGINS = (b"pulumi.dynamic", b"run_provider.py", b"pulumi-resource-scalekit")
"""What one argument of the provider process ends with: the CLI's, the embedded engine's, and the native one."""
_INTERVAL = 0.1
"""Seconds between two looks at the provider process."""


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    """Wall-clock time."""
    cpu: float
    """Seconds of processor time, of the command and of all processes that it waited for."""
    plugin_mib: float
    """The most memory that the provider process had resident, in MiB; 0 where it was too short to see."""


class CommandFailed(Exception):
    """A measured command did not succeed."""


def measured(command: Sequence[str], cwd: Path, env: Mapping[str, str], *, timeout: float = 900) -> Cost:
    """Run a command in a session of its own and measure it.

    Raises:
        CommandFailed: It failed or took too long; the message has the end of its output.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=output, stderr=output, start_new_session=True
        )
        watch = _PluginWatch(process.pid)
        killer = threading.Timer(timeout, process.kill)
        killer.start()
        watch.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
        finally:
            killer.cancel()
            watch.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace")[-3000:]
            raise CommandFailed(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, watch.peak_kib / 1024)


class _PluginWatch(threading.Thread):
    """Looks at the provider process of an engine again and again: it ends by a signal and cannot report itself."""

    def __init__(self, engine: int) -> None:
        super().__init__(daemon=True)
        self._engine = engine
        self._ended = threading.Event()
        self._pid: int | None = None
        self.peak_kib = 0

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        while not self._ended.wait(_INTERVAL):
            if self._pid is None:
                self._pid = self._find()
            if self._pid is not None:
                self.peak_kib = max(self.peak_kib, _peak_kib(self._pid))

    def _find(self) -> int | None:
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                pid = int(entry.name)
                command = (entry / "cmdline").read_bytes().split(b"\0")
                if any(argument.endswith(PLUGINS) for argument in command) and self._engine in _ancestors(
                    pid
                ):
                    return pid
        return None


def _ancestors(pid: int) -> set[int]:
    found: set[int] = set()
    while pid > 1:
        # After the name, which is in brackets and may hold anything: the state, then the parent.
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.add(pid)
    return found


def _peak_kib(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
