"""The command: `python -m benchmarks`, or `make bench`.

It takes one to two hours on two cores, and `--quick` some minutes. The result holds ratios of runs
beside each other, so another machine's should be alike; the seconds are this machine's own.
"""

from __future__ import annotations

import compileall
from pathlib import Path
from typing import Annotated

import typer

from tests.support.engines import find_engines

from .grid import Bench, Group, Program, Variant, load, save
from .report import Report, put_into

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "performance.svg"
RESULTS = ROOT / ".local" / "benchmarks.json"


def variants(*programs: Program, latencies: tuple[float, ...] = (0.0, 0.1)) -> tuple[Variant, ...]:
    """The programs that do nothing once, and the others at each latency."""
    others = [Variant(program, latency) for latency in latencies for program in programs]
    return (Variant("floor", 0.0), Variant("outputs", 0.0), *others)


READS = ("preview", "refresh")

QUICK = [
    Group("cli", 10, variants("ours", "native", "naive")),
    Group("embedded", 10, variants("ours")),
    Group("cli", 100, variants("ours", latencies=(0.1,)), ("first preview", "create", "preview", "refresh")),
]
NAIVE = tuple(Variant("naive", latency, repeats=1) for latency in (0.0, 0.1))
# No naive one at 1,000: the SDK cannot pickle a provider by value more than some 300 times in a program.
FULL = [
    Group("cli", 200, (*variants("ours", "native"), *NAIVE), repeats=3),
    Group("embedded", 200, variants("ours")),
    Group("cli", 10, variants("ours", "native")),
    Group("embedded", 10, variants("ours")),
    Group("cli", 1000, variants("ours", "native"), checkpoints=False, repeats=3),
    Group("embedded", 1000, variants("ours"), checkpoints=False),
    Group("cli", 500, variants("ours", latencies=(0.0,)), READS, checkpoints=False),
    Group("cli", 5000, variants("ours", latencies=(0.0,)), READS, checkpoints=False),
    Group("embedded", 500, variants("ours", latencies=(0.0,)), READS, checkpoints=False),
    Group("embedded", 5000, variants("ours", latencies=(0.0,)), READS, checkpoints=False),
    Group("cli", 1000, variants("ours", latencies=(0.0,)), ("create",)),
    Group("embedded", 1000, variants("ours", latencies=(0.0,)), ("create",)),
]


def main(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Measure a small grid.")] = False,
    engine: Annotated[list[str] | None, typer.Option(help="Only on this engine: cli or embedded.")] = None,
    connectors: Annotated[list[int] | None, typer.Option(help="Only with so many connectors.")] = None,
    results: Annotated[Path, typer.Option(help="Where the samples are kept.", dir_okay=False)] = RESULTS,
    add: Annotated[bool, typer.Option("--add", help="Keep the samples of other groups in the file.")] = False,
    limits: Annotated[
        bool, typer.Option("--limits", help="Measure creating under rate limits instead: 16 minutes.")
    ] = False,
    report: Annotated[bool, typer.Option("--report", help="Measure nothing; report what is kept.")] = False,
    write: Annotated[bool, typer.Option("--write", help=f"Write the result into {DOCUMENT.name}.")] = False,
) -> None:
    """Measure the provider against providers that do nothing, a naive one, and the bare calls."""
    if not report:
        engines = [found for found in find_engines() if not found.missing]
        for missing in (found for found in find_engines() if found.missing):
            typer.echo(f"not on {missing.name}: {missing.missing}", err=True)
        compileall.compile_dir(ROOT / "provider", quiet=2)
        compileall.compile_dir(Path(__file__).parent, quiet=2)
        names = {found.name for found in engines} & set(engine or ("cli", "embedded"))
        groups = [
            group
            for group in (QUICK if quick else FULL)
            if not limits and group.engine in names and (not connectors or group.connectors in connectors)
        ]
        bench = Bench(engines, lambda line: typer.echo(line, err=True))
        if add and results.exists():
            keys = {(group.engine, group.connectors, group.checkpoints) for group in groups}
            bench.samples += [
                sample
                for sample in load(results)
                if not (sample.program == "limited" and limits)
                and not (
                    sample.program == "bare" and sample.connectors in {group.connectors for group in groups}
                )
                and (sample.engine, sample.connectors, sample.checkpoints) not in keys
            ]
        for group in groups:
            bench.run(group)
            save(bench.samples, results)
        if limits:
            bench.limits(1000)
        for count in sorted({group.connectors for group in groups} & {10, 100, 200, 1000}):
            for latency in (0.0, 0.1):
                bench.bare(count, latency, repeats=3)
        save(bench.samples, results)
    found = Report(load(results))
    typer.echo(found.markdown())
    for line in found.missed():
        typer.echo(f"above target: {line}", err=True)
    if write:
        PLOT.parent.mkdir(parents=True, exist_ok=True)
        PLOT.write_text(found.svg(), encoding="utf-8")
        put_into(DOCUMENT, found.markdown())


typer.run(main)
