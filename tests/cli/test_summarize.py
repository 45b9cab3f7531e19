"""`summarize`: a preview as a comment for a pull request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit.operations.state import CONNECTOR_TYPES
from pulumi_scalekit.operations.summarize import LONGEST, read_preview, to_markdown

from ..support.engines import Project
from .conftest import Result
from .samples import TAVILY

Run = Callable[..., Result]
RECORDINGS = Path(__file__).parents[1] / "embedded" / "recordings"
CONNECTOR = "pulumi-python:dynamic/scalekit:Connector"


def step(
    name: str, op: str, before: Any = None, after: Any = None, *paths: str, kind: str = CONNECTOR
) -> Any:
    """A step of a preview, as `pulumi preview --json` prints it."""
    old = {"id": f"{name.upper()}:1", "inputs": before, "outputs": {"identifier": f"{name.upper()}:1"}}
    return {
        "op": op,
        "urn": f"urn:pulumi:dev::shop::{kind}::{name}",
        "oldState": old if before else None,
        "newState": {"inputs": after} if after else None,
        "detailedDiff": {path: {"kind": "update"} for path in paths} or None,
    }


def plan(*steps: Any, **more: Any) -> dict[str, Any]:
    """A preview of these steps, and of a stack that stays the same."""
    stack = {"op": "same", "urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"}
    return {"steps": [stack, *steps], "changeSummary": {"same": 3}, **more}


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
EVERYTHING = plan(
    step("same", "same", {"display_name": "Same"}, {"display_name": "Same"}),
    step("new", "create", None, {"display_name": "New one"}),
    step(
        "text",
        "update",
        {
            "display_name": "Text",
            "description": "old",
            "metadata": SECRET,
            "icon_src": "https://a.example.com",
        },
        {"display_name": "Text", "description": UNKNOWN, "metadata": SECRET},
        "description",
        "metadata",
        "icon_src",
    ),
    step("gone", "delete", {"display_name": "Gone"}),
    step(
        "kind",
        "replace",
        {"display_name": "Kind", "auth_patterns": [{"type": "BEARER"}]},
        {"display_name": "Kind", "auth_patterns": [{"type": "API_KEY"}]},
        "auth_patterns[0].type",
    ),
    step("kind", "create-replacement", {"display_name": "Kind"}, {"display_name": "Kind"}),
    step("read", "refresh", {"display_name": "Read"}, {"display_name": "Read"}),
    diagnostics=[
        {"urn": "", "severity": "warning", "message": "warning: adds scope email\n"},
        {"urn": "", "severity": "info", "message": "not shown"},
    ],
)


def test_the_comment(command: Run, snapshot: Callable[[str, str], None]) -> None:
    """Replacements and deletions first, each with its paths and values; what stays the same is a number."""
    Path("dev.json").write_text(json.dumps(EVERYTHING))
    Path("production.json").write_text(json.dumps(plan()).replace("pulumi:dev", "pulumi:production"))
    done = command("summarize", "dev.json", "production.json", "--exit-code")
    assert done.code == 3
    snapshot("summarize", done.out)
    assert command("summarize", "production.json", "--exit-code").code == 0


@pytest.mark.parametrize(
    ("key", "quoted"), [('a "b"', '["a \\"b\\""]'), ("a\\", '["a\\"]'), ("a.b", '["a.b"]')]
)
def test_a_value_is_found_below_any_key(key: str, quoted: str) -> None:
    """Quotes, backslashes and dots in a key do not hide what changes below it."""
    before, after = ({"metadata": {key: value}} for value in ("old", "new"))
    summary = read_preview(plan(step("one", "update", before, after, f"metadata{quoted}")))
    assert summary.changes[0].properties == ((f"metadata{quoted}", "old → new"),)


def test_many_connectors_are_readable() -> None:
    """With 200 connectors the grave ones are in sight, the rest is folded, and the comment is not too long."""
    steps = [
        step(f"c{n}", "update", {"description": "a" * 50}, {"description": "b"}, "description")
        for n in range(190)
    ]
    steps += [step(f"d{n}", "delete", {"display_name": f"Old {n}"}) for n in range(10)]
    text = to_markdown([read_preview(plan(*steps))])
    assert "**10 to delete**, **190 to update**" in text
    before, folded = text.split("<details>", 1)
    assert before.count("| − delete |") == 10
    assert (before + folded).count("| ~ update |") == 190
    assert before.count("| ~ update |") == 15
    longer = to_markdown([read_preview(plan(*steps))] * 10)
    assert len(longer) <= LONGEST + 200
    assert longer.count("<details>") == longer.count("</details>")
    assert "and more: the whole preview" in longer


def test_a_definition_cannot_format_the_comment() -> None:
    """Markdown, HTML, mentions and line breaks in a definition are shown as they are."""
    hostile = "<img src=x> @everyone | **b** `c` [l](http://x)\n# h"
    text = to_markdown([read_preview(plan(step("h", "create", None, {"display_name": hostile})))])
    (row,) = [line for line in text.splitlines() if "create |" in line]
    assert row.count("|") == 6
    assert not {"<img", "@", "**b**", "`", "](", "# h"} & {
        part for part in ("<img", "@", "**b**", "`", "](", "# h") if part in row
    }


def test_errors_of_a_preview_come_first(command: Run) -> None:
    """A preview that failed is said so, and ends with 1."""
    failed = plan(
        diagnostics=[{"severity": "error", "message": "error: <{%fg 1%}>proxy_url has a <{%reset%}>fault"}]
    )
    Path("dev.json").write_text(json.dumps(failed))
    done = command("summarize", "dev.json")
    assert done.code == 1
    assert "> ❌ proxy&#95;url has a fault" in done.out


def test_drift_is_shown_as_what_lives_and_what_is_declared() -> None:
    """After `preview --refresh`, a change leads from what lives now, as the CLI was recorded, to what is declared."""
    recorded = json.loads(Path(RECORDINGS, "refresh-drift.json").read_text(encoding="utf-8"))
    plans = [run["plan"] for run in recorded if run.get("plan")]
    changes = {change.name: dict(change.properties) for p in plans for change in read_preview(p).changes}
    assert changes["a"] == {"new": "1 → nothing", "size": "9 → 1", "tags[1]": "y → nothing"}


def test_an_address_in_a_definition_is_no_link() -> None:
    """What looks like an address is shown, and leads nowhere."""
    change = step("h", "create", None, {"display_name": "see www.example.com or https://example.com"})
    text = to_markdown([read_preview(plan(change))])
    assert "www." not in text
    assert "://" not in text


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        "{",
        '{"steps": 1}',
        '{"steps": ["a"]}',
        '{"steps": [], "changeSummary": [1]}',
        '{"steps": [], "changeSummary": {"same": "x"}}',
        '{"steps": [], "diagnostics": 1}',
        '{"steps": [], "diagnostics": [1]}',
    ],
)
def test_something_else_is_one_line(command: Run, content: str) -> None:
    """A file that is not a preview is one line on standard error."""
    Path("dev.json").write_text(content)
    done = command("summarize", "dev.json")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)


def test_a_step_of_another_shape_is_shown_as_far_as_it_is_known() -> None:
    """What a step has instead of inputs, outputs or a diff does not count."""
    odd = step("odd", "update") | {"oldState": {"inputs": 1, "outputs": [1]}, "newState": {"inputs": "x"}}
    (change,) = read_preview(plan(odd | {"detailedDiff": [1]})).changes
    assert (change.action, change.name, change.identifier, change.properties) == ("update", "odd", "", ())


def test_a_real_preview(project: Project) -> None:
    """What either engine prints is understood: an update with its path and values, and a create."""
    project.declare({"tavily": TAVILY})
    project.up()
    project.declare(
        {"tavily": TAVILY | {"description": "New"}, "second": TAVILY | {"display_name": "Second"}}
    )
    printed = json.loads(project.run("preview", "--json").stdout)
    summary = read_preview(printed)
    shown = [(change.action, change.kind, change.name, change.properties) for change in summary.changes]
    assert shown == [
        ("create", "connector", "Second", ()),
        ("update", "connector", "Tavily", (("description", "nothing → New"),)),
    ]
    assert (summary.stack, summary.unchanged, summary.errors) == ("dev", 0, ())


def test_what_the_native_provider_manages_is_called_so() -> None:
    """A connector of the native provider is a connector, whose replacement takes its connections along."""
    steps = [
        step("one", "replace", {"display_name": "One"}, {"display_name": "One"}, kind=CONNECTOR_TYPES[1])
    ]
    summary = read_preview(plan(*steps))
    assert [change.kind for change in summary.changes] == ["connector"]
    assert "A replaced connector gets a new identifier" in to_markdown([summary])
