"""What people see: lines, the tree, messages under their resource, and the summary."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console

from pulumi_embedded.display.progress import Display
from pulumi_embedded.engine.events import Result
from pulumi_embedded.engine.steps import CreateStep, DeleteStep, Op, UpdateStep
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.values.diff import compare_inputs
from pulumi_embedded.values.values import UNKNOWN, Secret

ROOT = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
BOX = "urn:pulumi:dev::p::pulumi-python:dynamic/boxes:Box::"


def box(name: str, **inputs: object) -> Resource:
    """Return a box of a state."""
    return Resource(
        f"{BOX}{name}",
        "pulumi-python:dynamic/boxes:Box",
        custom=True,
        id=f"{name}-1",
        parent=ROOT,
        inputs=inputs,
    )


def update(old: Resource, new: Resource) -> UpdateStep:
    """Return the update of a box."""
    diff = compare_inputs(old.inputs, new.inputs)
    return UpdateStep(old, new, diffs=diff.changed_keys, detailed=diff.detailed, op=Op.UPDATE)


def show(*, live: bool = False, diff: bool = False, preview: bool = False, show_secrets: bool = False) -> str:
    """Show a deployment of three steps, one of which fails; return the text."""
    stream = io.StringIO()
    console = Console(file=stream, width=160, force_terminal=live, color_system=None)
    display = Display(
        console,
        action="Updating",
        stack="dev",
        root_urn=ROOT,
        outputs={},
        preview=preview,
        live=live,
        diff=diff,
        show_secrets=show_secrets,
    )
    display.begin()
    created = CreateStep(None, box("new", size=1, token=Secret("hush")), op=Op.CREATE)
    changed = update(
        box("a", size=1, tags=["x"], gone=True, nested={"s": Secret(1)}),
        box("a", size=UNKNOWN, tags=["x", "y"], nested={"s": Secret(2)}),
    )
    failed = DeleteStep(box("old"), None, op=Op.DELETE)
    for step in (created, changed):
        display.step_started(step)
        display.step_done(step)
    display.step_started(failed)
    display.message("error", failed.urn, "no way\nbecause")
    display.message("warning", "", "careful")
    display.message("debug", "", "not to be seen")
    display.step_failed(failed)
    display.end(Result(Counter({Op.CREATE: 1, Op.UPDATE: 1, Op.SAME: 3}), 61.2, succeeded=False))
    return stream.getvalue()


def test_lines_have_the_signs_that_pulumi_users_know() -> None:
    """Each step is a line with its sign, its type and name, what happened, and the properties that changed."""
    text = show()
    assert " +  pulumi-python:dynamic/boxes:Box new creating" in text
    assert "Box a updating [diff: -gone,~nested,~size,~tags]" in text
    assert " -  pulumi-python:dynamic/boxes:Box old **deleting failed**" in text
    assert "2 changes. 3 unchanged" in text
    assert "Duration: 1m1s" in text
    assert "not to be seen" not in text


def test_messages_are_under_the_resource_that_caused_them() -> None:
    """Every line of an error stands under its resource; what has no resource is the stack's."""
    text = show()
    block = text[text.index("Diagnostics:") :]
    assert "  pulumi-python:dynamic/boxes:Box (old):\n    error: no way\n    because\n" in block
    assert "  pulumi:pulumi:Stack (p-dev):\n    warning: careful\n" in block


def test_a_diff_shows_values_and_hides_secrets() -> None:
    """Old and new values, added and removed elements; secrets and unknown values as such."""
    text = show(diff=True)
    assert "~ size: 1 => [unknown]" in text
    assert "- gone: true" in text
    assert '+ [1]: "y"' in text
    assert "token: [secret]" in text
    assert "hush" not in text
    assert 'token: "hush"' in show(diff=True, show_secrets=True)


@pytest.mark.parametrize("preview", [True, False])
def test_the_tree_ends_with_every_resource(preview: bool) -> None:
    """In a terminal, rows change in place; at the end each resource has its row below the stack."""
    text = show(live=True, preview=preview)
    last = text[text.rindex("Type") : text.index("Diagnostics:")]
    assert "├─ pulumi-python:dynamic/boxes:Box" in last
    assert "└─ pulumi-python:dynamic/boxes:Box" in last
    assert ("create" if preview else "created (") in last
    assert "**deleting failed**" in last
    assert "error: no way" in last


def test_a_live_view_that_is_cut_short_gives_the_cursor_back() -> None:
    """When a run ends by a fault, the terminal has its cursor again."""
    stream = io.StringIO()
    console = Console(file=stream, width=160, force_terminal=True, color_system=None)
    display = Display(
        console, action="Updating", stack="dev", root_urn=ROOT, outputs={}, preview=False, live=True
    )
    display.begin()
    display.stop()
    shown, hidden = (stream.getvalue().rindex(f"\x1b[?25{mode}") for mode in "hl")
    assert shown > hidden
