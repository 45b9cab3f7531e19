"""From samples to the tables and the plot of the documentation."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from statistics import median
from typing import Final
from xml.sax.saxutils import escape

from .grid import NO_REQUESTS, OPERATIONS, Sample

TARGETS: Final[dict[tuple[float, str], float]] = {
    (0.0, "first preview"): 1.10,
    (0.0, "preview"): 1.10,
    (0.0, "no-op up"): 1.10,
    (0.0, "create"): 1.15,
    (0.0, "refresh"): 1.15,
    (0.1, "refresh"): 1.3,
    (0.1, "create"): 1.15,
    (0.1, "update"): 1.15,
    (0.1, "destroy"): 1.15,
}
"""How much of the floor's time an operation on 200 connectors may take, by latency in seconds."""
MARKERS: Final = ("<!-- measured: begin -->", "<!-- measured: end -->")


@dataclass(frozen=True)
class Case:
    """One row: what was measured, apart from the program."""

    engine: str
    connectors: int
    checkpoints: bool
    latency: float
    operation: str


class Report:
    """Answers questions about samples."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def _of(self, case: Case, program: str) -> dict[int, Sample]:
        # What asks nothing of an environment runs once for all latencies.
        return {
            sample.repeat: sample
            for sample in self._samples
            if sample.program == program
            and sample.operation == case.operation
            and sample.connectors == case.connectors
            and (program == "bare" or (sample.engine, sample.checkpoints) == (case.engine, case.checkpoints))
            and (program in NO_REQUESTS or sample.latency == case.latency)
        }

    def seconds(self, case: Case, program: str) -> float | None:
        """The median time."""
        found = self._of(case, program)
        return median(sample.seconds for sample in found.values()) if found else None

    def ratio(self, case: Case, program: str) -> float | None:
        """The median of the ratios to the floor, each of neighbouring runs."""
        floor = self._of(case, "floor")
        ratios = [
            sample.seconds / floor[repeat].seconds
            for repeat, sample in self._of(case, program).items()
            if repeat in floor
        ]
        return median(ratios) if ratios else None

    def memory(self, case: Case, program: str) -> float | None:
        """The most memory of the provider process, in MiB."""
        found = [sample.plugin_mib for sample in self._of(case, program).values() if sample.plugin_mib]
        return max(found) if found else None

    def requests(self, case: Case, program: str) -> str:
        """The requests, such as `1 token, 1 list`. All repetitions must agree."""
        counts = {
            ", ".join(f"{count} {name}" for name, count in sorted(sample.requests.items(), key=_by_name))
            for sample in self._of(case, program).values()
        }
        return " or ".join(sorted(counts)) or "none"

    def cases(self) -> list[Case]:
        """All rows, in the order of the tables."""
        order = list(OPERATIONS)
        found = {
            Case(s.engine, s.connectors, s.checkpoints, s.latency, s.operation)
            for s in self._samples
            if s.program == "ours"
        }
        return sorted(
            found,
            key=lambda c: (c.engine, not c.checkpoints, c.connectors, c.latency, order.index(c.operation)),
        )

    def markdown(self) -> str:
        """All tables."""
        parts = [f"Python {platform.python_version()}.", self._against_the_floor("cli", "On the Pulumi CLI")]
        parts += [
            self._against_the_floor("embedded", "On the embedded engine"),
            self._engines(),
            self._growth(),
            self._limits(),
        ]
        return "\n\n".join(part for part in parts if part)

    def _against_the_floor(self, engine: str, title: str) -> str:
        rows = []
        for case in self.cases():
            if case.engine != engine:
                continue
            ratio, target = self.ratio(case, "ours"), _target(case)
            rows.append(
                (
                    f"{case.connectors}{'' if case.checkpoints else ' ¹'}",
                    f"{case.latency * 1000:g} ms",
                    case.operation,
                    _seconds(self.seconds(case, "floor")),
                    _seconds(self.seconds(case, "ours")),
                    _ratio(ratio),
                    f"≤ {target:.2f}" if target else "",
                    _ratio(self.ratio(case, "outputs")),
                    _ratio(self.ratio(case, "native")),
                    _ratio(self.ratio(case, "naive")),
                    _seconds(self.seconds(case, "bare")),
                    self.requests(case, "ours"),
                    _mib(self.memory(case, "ours")),
                    _mib(self.memory(case, "floor")),
                )
            )
        if not rows:
            return ""
        header = (
            "Connectors",
            "Latency",
            "Operation",
            "Floor, s",
            "Ours, s",
            "Ours/floor",
            "Target",
            "Outputs/floor",
            "Native/floor",
            "Naive/floor",
            "Bare calls, s",
            "Requests",
            "Plugin, MiB",
            "Floor's, MiB",
        )
        note = "\n\n¹ without checkpoints" if any("¹" in row[0] for row in rows) else ""
        return f"### {title}\n\n{_table(header, rows)}{note}"

    def _engines(self) -> str:
        rows = []
        for case in self.cases():
            if case.engine != "embedded":
                continue
            cli = Case("cli", case.connectors, case.checkpoints, case.latency, case.operation)
            theirs, own = self.seconds(cli, "ours"), self.seconds(case, "ours")
            if theirs is None or own is None:
                continue
            rows.append(
                (
                    f"{case.connectors}{'' if case.checkpoints else ' ¹'}",
                    f"{case.latency * 1000:g} ms",
                    case.operation,
                    _seconds(theirs),
                    _seconds(own),
                    _ratio(own / theirs),
                )
            )
        header = ("Connectors", "Latency", "Operation", "CLI, s", "Embedded, s", "Embedded/CLI")
        return f"### The engines beside each other\n\n{_table(header, rows)}" if rows else ""

    def _growth(self) -> str:
        rows = []
        for case in self.cases():
            if case.connectors != 5000:
                continue
            small = Case(case.engine, 500, case.checkpoints, case.latency, case.operation)
            for program in ("ours", "floor"):
                few, many = self.seconds(small, program), self.seconds(case, program)
                if few is not None and many is not None:
                    rows.append(
                        (
                            case.engine,
                            program,
                            case.operation,
                            _seconds(few),
                            _seconds(many),
                            f"{few / 500 * 1000:.1f} ms",
                            f"{many / 5000 * 1000:.1f} ms",
                            _ratio(many / 5000 / (few / 500)),
                        )
                    )
        header = (
            "Engine",
            "Program",
            "Operation",
            "500, s",
            "5000, s",
            "Each of 500",
            "Each of 5000",
            "Growth",
        )
        return f"### From 500 to 5,000 connectors\n\n{_table(header, rows)}" if rows else ""

    def _limits(self) -> str:
        rows = []
        for sample in self._samples:
            if sample.program == "limited":
                refused = sum(sample.requests.values()) - sample.connectors - 2
                rows.append(
                    (
                        sample.operation,
                        str(sample.connectors),
                        f"{sample.seconds:.0f}",
                        f"{sample.connectors / sample.seconds * 60:.0f}",
                        str(refused),
                    )
                )
        header = ("Requests", "Connectors", "Seconds", "Created a minute", "Refused")
        return f"### Creating under a rate limit\n\n{_table(header, rows)}" if rows else ""

    def missed(self) -> list[str]:
        """The targets that are not met, each in a line."""
        lines = []
        for case in self.cases():
            target, ratio = _target(case), self.ratio(case, "ours")
            if target and ratio and ratio > target:
                lines.append(
                    f"{case.connectors} at {case.latency * 1000:g} ms, {case.operation}: "
                    f"{ratio:.2f} > {target:.2f}"
                )
        return lines

    def svg(self) -> str:
        """A bar chart: each operation on 200 connectors on the CLI as a multiple of the floor."""
        groups = []
        for latency in (0.0, 0.1):
            for operation in OPERATIONS:
                case = Case("cli", 200, True, latency, operation)
                bars = [(program, self.ratio(case, program)) for program in ("ours", "naive")]
                if any(value for _, value in bars):
                    groups.append((f"{operation}, {latency * 1000:g} ms", bars))
        return _bars("200 connectors on the CLI: time as a multiple of a provider that does nothing", groups)


def _by_name(item: tuple[str, int]) -> tuple[bool, str]:
    return item[0] != "token", item[0]


def _target(case: Case) -> float | None:
    if case.engine != "cli":
        return None
    if case.connectors == 200 and case.checkpoints:
        return TARGETS.get((case.latency, case.operation))
    if (case.connectors, case.checkpoints, case.latency, case.operation) == (1000, False, 0.1, "create"):
        return 1.5
    return None


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, without the columns that have no entry."""
    used = [any(entries) for entries in zip(*rows, strict=True)]
    header, *rows = [tuple(compress(row, used)) for row in (header, *rows)]
    left = {"Operation", "Requests", "Engine", "Program"}
    rule = [":--" if name in left else "--:" for name in header]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def _optional(text: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: "" if value is None else text(value)


_seconds = _optional(lambda value: f"{value:.2f}" if value < 10 else f"{value:.1f}")
_ratio = _optional(lambda value: f"{value:.2f}")
_mib = _optional(lambda value: f"{value:.0f}")

_COLOURS: Final = {"ours": "#2f6fb3", "naive": "#c9a227"}


def _bars(title: str, groups: Sequence[tuple[str, Sequence[tuple[str, float | None]]]]) -> str:
    left, width, bar, gap, top = 170, 640, 11, 9, 60
    most = max([1.5, *(value for _, bars in groups for _, value in bars if value)])
    scale = (width - left - 50) / most
    height = top + len(groups) * (2 * bar + gap) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text font-size="13" x="10" y="20">{escape(title)}</text>',
    ]
    for index, (name, colour) in enumerate(_COLOURS.items()):
        x: float = left + index * 90
        parts.append(f'<rect x="{x}" y="32" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text font-size="11" x="{x + 15}" y="41">{name}</text>')
    bottom = height - 25
    ticks = [tick / 2 for tick in range(int(most * 2) + 1)]
    for tick in ticks:
        x = left + tick * scale
        colour = "#444" if tick == 1 else "#ddd"
        parts.append(f'<line x1="{x:.1f}" y1="{top - 6}" x2="{x:.1f}" y2="{bottom}" stroke="{colour}"/>')
        parts.append(
            f'<text font-size="11" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{tick:g}</text>'
        )
    y = top
    for label, bars in groups:
        parts.append(
            f'<text font-size="11" x="{left - 8}" y="{y + bar + 4}" text-anchor="end">{escape(label)}</text>'
        )
        for name, value in bars:
            if value:
                parts.append(
                    f'<rect x="{left}" y="{y}" width="{value * scale:.1f}" height="{bar - 1}" '
                    f'fill="{_COLOURS[name]}"/>'
                )
                parts.append(
                    f'<text font-size="11" x="{left + value * scale + 4:.1f}" y="{y + bar - 2}">{value:.2f}</text>'
                )
            y += bar
        y += gap
    return "\n".join([*parts, "</svg>"]) + "\n"


def put_into(document: Path, text: str) -> None:
    """Replace what a document has between the markers."""
    begin, end = MARKERS
    content = document.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    if not pattern.search(content):
        raise ValueError(f"{document} has no place for the tables: {begin} … {end}")
    replaced = pattern.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", content)
    document.write_text(replaced, encoding="utf-8")
