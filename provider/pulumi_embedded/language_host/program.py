"""Running the user's program, as Pulumi's language host for Python does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pulumi_embedded.errors import ConfigurationError
from pulumi_embedded.plugins.dynamic import ProviderProcess
from pulumi_embedded.project.project import Project
from pulumi_embedded.project.run_info import RunInfo

# The engine forks only to run another program. gRPC, which reads this when it is first used, would stop its own threads
# for each fork, and write to stderr when it cannot.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

_LAUNCHERS = Path(__file__).parent / "launcher"

SHOWN_EXIT_CODE = 32
"""What the launcher ends with when the program failed and has said why."""


def interpreter(project: Project) -> str:
    """Return the Python that runs the program: the project's virtual environment's, or this one.

    Raises:
        ConfigurationError: the project names a virtual environment that is not there.
    """
    folder = project.runtime_options.get("virtualenv")
    if not folder:
        return sys.executable
    python = project.root / str(folder) / "bin" / "python"
    if not python.exists():
        raise ConfigurationError(
            f"the 'virtualenv' option in {project.path.name} is set to {folder!r}, but {python} does not exist"
        )
    return str(python)


class Program:
    """The program's process."""

    def __init__(
        self,
        info: RunInfo,
        address: str,
        *,
        on_line: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> None:
        """Start the program.

        Args:
            info: what it is told about its run.
            address: host and port of the resource monitor and the engine.
            on_line: called with each line it prints.
            on_exit: called with the exit code, once everything it printed was handed over.
        """
        project, config = info.project, info.config
        folder, entry = project.program
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps({key: value.text for key, value in config.items()}),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps([key for key, value in config.items() if value.secret]),
        }
        arguments = {
            "monitor": address,
            "engine": address,
            "project": project.name,
            "root-directory": str(project.root),
            "stack": info.stack,
            "dry-run": "true" if info.preview else "false",
            "parallel": str(info.parallel),
            "organization": "organization",
        }
        command = [interpreter(project), "-u", str(_LAUNCHERS / "run_program.py")]
        command += [f"--{name}={value}" for name, value in arguments.items()]
        self._process = subprocess.Popen(  # noqa: S603 - the interpreter with our own launcher
            [*command, entry],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,  # kept open and empty: when the engine dies it closes, and the program ends
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is the engine's to handle
        )
        self._thread = threading.Thread(target=self._watch, args=(on_line, on_exit), daemon=True)
        self._thread.start()

    def _watch(self, on_line: Callable[[str], None], on_exit: Callable[[int], None]) -> None:
        def pump(stream: Any) -> None:
            for line in iter(stream.readline, b""):
                on_line(line.decode(errors="replace").rstrip("\n"))

        streams = (self._process.stdout, self._process.stderr)
        pumps = [threading.Thread(target=pump, args=(stream,), daemon=True) for stream in streams]
        for thread in pumps:
            thread.start()
        code = self._process.wait()
        for thread in pumps:
            thread.join(2)
        on_exit(code)

    def stop(self, grace: float = 2.0) -> None:
        """End the program, gently at first."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._thread.join(grace + 2)

    def kill(self) -> None:
        """End the program at once."""
        if self._process.poll() is None:
            self._process.kill()


def start_provider(project: Project, address: str, on_line: Callable[[str], None]) -> ProviderProcess:
    """Start the SDK's dynamic provider in the program's folder, from where its pickled classes are imported."""
    options = {
        f"PULUMI_RUNTIME_{name.upper()}": str(value) for name, value in project.runtime_options.items()
    }
    return ProviderProcess(
        [interpreter(project), "-u", str(_LAUNCHERS / "run_provider.py"), address],
        project.program[0],
        {**os.environ, **options, "PULUMI_PROJECT": project.name},
        on_line,
    )
