"""What is measured, and in which order.

All variants of a group run each operation in turn before any runs the next one, and every other repetition goes
the other way round. So whatever else the machine does hits the variants alike, and a ratio is one of neighbours.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from tests.support.engines import STACK, Engine, Project

from .bare import CONCURRENCY, bare_calls
from .limits import LIMITS, create_under_limit
from .measure import Cost, measured
from .servers import Server, serving

PROGRAMS: Final = Path(__file__).parent / "programs"
Program = Literal["floor", "outputs", "ours", "native", "naive"]
NO_REQUESTS: Final[frozenset[str]] = frozenset({"floor", "outputs"})
"""The programs that ask nothing of an environment, so that they are the same at any latency."""

OPERATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "first preview": ("preview",),
    "create": ("up", "--yes", "--skip-preview"),
    "preview": ("preview",),
    "no-op up": ("up", "--yes", "--skip-preview"),
    "update": ("up", "--yes", "--skip-preview"),
    "refresh": ("refresh", "--yes", "--skip-preview"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}
"""The operations in the order in which they run, each with its command."""


@dataclass(frozen=True)
class Variant:
    """A program, and how long its environment takes to respond."""

    program: Program
    latency: float
    """Seconds."""
    operations: tuple[str, ...] | None = None
    """The operations, if not all of the group's."""
    repeats: int | None = None
    """The repetitions that it takes part in, if not in all of the group's."""

    def __str__(self) -> str:
        return (
            self.program if self.program in NO_REQUESTS else f"{self.program} at {self.latency * 1000:g} ms"
        )


@dataclass(frozen=True)
class Group:
    """Variants that are compared with each other: on one engine, with one number of connectors."""

    engine: str
    connectors: int
    variants: tuple[Variant, ...]
    operations: tuple[str, ...] = tuple(OPERATIONS)
    checkpoints: bool = True
    """Whether the state is saved after every step."""
    repeats: int = 1


@dataclass(frozen=True)
class Sample:
    """One measured operation."""

    engine: str
    connectors: int
    program: str
    latency: float
    operation: str
    checkpoints: bool
    repeat: int
    seconds: float
    cpu: float
    plugin_mib: float
    requests: dict[str, int]


class Bench:
    """Runs groups in a throw-away directory, and gathers the samples."""

    def __init__(self, engines: Iterable[Engine], say: Callable[[str], None]) -> None:
        self.samples: list[Sample] = []
        self._engines = {engine.name: engine for engine in engines}
        self._say = say
        # Compiled modules are kept and used, as on a user's machine.
        self._env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def run(self, group: Group) -> None:
        """Measure a group."""
        for repeat in range(group.repeats):
            with tempfile.TemporaryDirectory(prefix="bench-") as place, ExitStack() as stack:
                variants = [v for v in group.variants if v.repeats is None or repeat < v.repeats]
                order = variants if repeat % 2 == 0 else variants[::-1]
                stands = [stack.enter_context(self._stand(group, v, Path(place) / str(v))) for v in order]
                for operation in OPERATIONS:
                    for stand in stands:
                        wanted = operation in (stand.variant.operations or group.operations)
                        # All that follow need what was created.
                        if wanted or operation == "create":
                            cost, requests = stand.run(operation)
                        if wanted:
                            self._note(group, stand.variant, operation, repeat, cost, requests)

    def bare(self, connectors: int, latency: float, repeats: int) -> None:
        """Measure the bare calls."""
        for repeat in range(repeats):
            with serving(latency, self._env) as server:
                seconds = bare_calls(server.url, *credentials(server), definitions(connectors))
            for operation, taken in seconds.items():
                self.samples.append(
                    Sample("", connectors, "bare", latency, operation, True, repeat, taken, 0.0, 0.0, {})
                )

    def limits(self, connectors: int) -> None:
        """Measure creating under each rate limit, all at one time: they mostly wait."""

        def measure(limit: int) -> Sample:
            seconds, requests = create_under_limit(limit, definitions(connectors), self._env)
            self._say(f"{limit} a minute: {seconds:.0f} s {requests}")
            operation = f"{limit} a minute"
            return Sample("", connectors, "limited", 0.0, operation, True, 0, seconds, 0.0, 0.0, requests)

        with ThreadPoolExecutor(len(LIMITS)) as threads:
            self.samples += threads.map(measure, LIMITS)

    def _stand(self, group: Group, variant: Variant, place: Path) -> _Stand:
        return _Stand(group, variant, self._engines[group.engine], place, self._env)

    def _note(
        self,
        group: Group,
        variant: Variant,
        operation: str,
        repeat: int,
        cost: Cost,
        requests: dict[str, int],
    ) -> None:
        self.samples.append(
            Sample(
                group.engine,
                group.connectors,
                variant.program,
                variant.latency,
                operation,
                group.checkpoints,
                repeat,
                cost.seconds,
                cost.cpu,
                cost.plugin_mib,
                requests,
            )
        )
        self._say(
            f"{group.engine:8} {group.connectors:5} {variant!s:15} {operation:13} {cost.seconds:7.2f} s"
            f" {cost.cpu:7.2f} s CPU {cost.plugin_mib:4.0f} MiB {requests or ''}"
        )


DOCUMENTED: Final = Path(__file__).parents[1] / "tests" / "data" / "documented"


def definitions(count: int) -> list[dict[str, Any]]:
    """As many definitions: the documented ones in turn."""
    documented = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(DOCUMENTED.glob("*.json"))]
    return [
        {**documented[number % len(documented)], "display_name": f"Connector {number:05}"}
        for number in range(count)
    ]


def credentials(server: Server) -> tuple[str, str]:
    """A client's id and secret."""
    return server.env["SCALEKIT_CLIENT_ID"], server.env["SCALEKIT_CLIENT_SECRET"]


class _Stand:
    """A stack of one variant with an environment of its own."""

    def __init__(
        self, group: Group, variant: Variant, engine: Engine, place: Path, env: Mapping[str, str]
    ) -> None:
        self.variant = variant
        self._engine = replace(engine, is_native=variant.program == "native")
        self._stack = ExitStack()
        self._server: Server | None = None
        self._environ = dict(env)
        self._place = place
        self._group = group

    def __enter__(self) -> _Stand:
        environ = {
            "PYTHONPATH": os.pathsep.join(
                path for path in (str(PROGRAMS), os.environ.get("PYTHONPATH")) if path
            ),
            "BENCH_CONNECTORS": str(self._group.connectors),
            "BENCH_VERSION": "1",
            "SCALEKIT_PARALLEL": str(CONCURRENCY),
        }
        if not self._group.checkpoints:
            environ["PULUMI_SKIP_CHECKPOINTS"] = "true"
        if self.variant.program not in NO_REQUESTS:
            self._server = self._stack.enter_context(serving(self.variant.latency, self._environ))
            environ.update(self._server.env)
        self._place.mkdir(parents=True)
        home = self._place / "home"
        home.mkdir()
        self._project = Project(self._engine, self._place, home, environ)
        self._project.env.pop("PYTHONDONTWRITEBYTECODE", None)
        shutil.copy(PROGRAMS / self.variant.program / "__main__.py", self._project.directory)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, operation: str) -> tuple[Cost, dict[str, int]]:
        """Run an operation."""
        if operation == "update":
            self._project.env["BENCH_VERSION"] = "2"
        command = [
            self._engine.command,
            *OPERATIONS[operation],
            *("--stack", STACK, "--non-interactive", "--parallel", str(CONCURRENCY)),
        ]
        cost = measured(command, self._project.directory, self._project.env)
        return cost, self._server.requests() if self._server else {}


def save(samples: Sequence[Sample], path: Path) -> None:
    """Write samples to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(sample) for sample in samples], indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> list[Sample]:
    """Read samples from a file."""
    stored: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return [Sample(**sample) for sample in stored]
