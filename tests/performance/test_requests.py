"""How many requests each operation makes, on both engines. Times are the benchmarks' business."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.engines import Project
from ..support.live import change

N = 12
API = ("token", "list", "create", "update", "delete")

PROGRAM = """
import os

for number in range({count}):
    scalekit.Connector(
        f"connector-{{number}}",
        display_name=f"Connector {{number}}",
        description="{description}",
        proxy_url="https://api.example.com",
        auth_patterns=[scalekit.BearerAuth("Token", fields=[scalekit.Field("token", input_type="password")])],
    )
"""


def asked(scalekit: LocalScalekit) -> dict[str, int]:
    """The requests since the last question, by operation."""
    counts = dict(scalekit.requests.counts)
    scalekit.requests.clear()
    return counts


def most_at_once(scalekit: LocalScalekit, operation: str) -> int:
    """How many requests of an operation the server had to do with at one time, at most."""
    moments: list[tuple[float, int]] = []
    for request in scalekit.requests.of(operation):
        assert request.duration is not None
        moments += [(request.at, 1), (request.at + request.duration, -1)]
    most = running = 0
    for _, step in sorted(moments):
        running += step
        most = max(most, running)
    return most


def test_requests_of_a_stack_s_life(project: Project, scalekit: LocalScalekit) -> None:
    """Each operation requests one token at most, lists only to learn, and writes each connector once."""
    project.program(PROGRAM.format(count=N, description="first"))
    project.run("preview")
    assert asked(scalekit) == {"token": 1, "list": 1}, "a preview looks once whether the names are taken"
    project.up()
    assert asked(scalekit) == {"token": 1, "list": 1, "create": N}
    project.run("preview", "--expect-no-changes")
    assert asked(scalekit) == {}, "what does not change needs no request"
    project.up("--expect-no-changes")
    assert asked(scalekit) == {}
    project.refresh("--expect-no-changes")
    assert asked(scalekit) == {"token": 1, "list": 1}, "one list answers all the reads"
    project.program(PROGRAM.format(count=N, description="second"))
    project.up()
    assert asked(scalekit) == {"token": 1, "update": N}
    project.destroy()
    assert asked(scalekit) == {"token": 1, "delete": N}


@pytest.mark.thorough
def test_a_refresh_reads_each_page_once(project: Project, scalekit: LocalScalekit) -> None:
    """Where the list has several pages, a refresh asks for each of them once, and still sees every drift."""
    scalekit.settings.max_page_size = 5
    project.program(PROGRAM.format(count=N, description="first"))
    project.up()
    scalekit.requests.clear()
    change(scalekit, f"Connector {N - 1}", {"description": "drifted"})
    project.refresh()
    assert asked(scalekit) == {"token": 1, "list": 3}
    assert project.resources()[f"connector-{N - 1}"]["inputs"]["description"] == "drifted"


@pytest.mark.thorough
@pytest.mark.parametrize(("setting", "least", "most"), [({}, 5, 32), ({"SCALEKIT_PARALLEL": "2"}, 1, 2)])
def test_calls_at_once(
    project: Project, scalekit: LocalScalekit, setting: dict[str, Any], least: int, most: int
) -> None:
    """More calls are under way at once than the four of Pulumi's plugin process, and no more than is set."""
    scalekit.faults.add("create:latency=3")
    project.env.update(setting)
    project.program(PROGRAM.format(count=8, description="first"))
    project.up()
    assert least <= most_at_once(scalekit, "create") <= most
    assert scalekit.requests.count("create") == 8
    scalekit.faults.add("delete:latency=3")
    project.destroy()
    assert least <= most_at_once(scalekit, "delete") <= most
    assert scalekit.requests.count("delete") == 8
