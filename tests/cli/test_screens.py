"""The screens as their users see them: in a terminal of 80 columns, and in a pipe.

The files in `snapshots/` are the screens. After a change on purpose, write them with UPDATE_SNAPSHOTS=1 and look at
the difference.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pulumi_scalekit.local import LocalScalekit

from .conftest import SNAPSHOTS, Result, seed, stable
from .samples import ASANA, FRESHDESK, GITHUB, LEGACY, TAVILY, older_asana

Run = Callable[..., Result]
Snapshot = Callable[[str, str], None]

BOTH = pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])


@pytest.fixture(autouse=True)
def environments(dev: LocalScalekit, production: LocalScalekit) -> None:
    """Four connectors in dev; one of them older and two others in production."""
    seed(dev, ASANA, FRESHDESK, GITHUB, TAVILY)
    seed(production, older_asana(), TAVILY, LEGACY)


def screen_of(result: Result) -> str:
    """Both streams and the exit code."""
    return f"{result.out}--- standard error\n{result.err}--- exit code {result.code}\n"


def name(start: str, *, terminal: bool) -> str:
    return f"{start}-{'terminal' if terminal else 'pipe'}"


@BOTH
def test_list(command: Run, snapshot: Snapshot, terminal: bool) -> None:
    """`list` shows a line for each connector, sorted by name."""
    result = command("list", "--env", "dev", terminal=terminal)
    if terminal:  # the spinner's frames depend on how long the call takes
        result = Result(result.code, result.out, "")
    snapshot(name("list", terminal=terminal), screen_of(result))


def test_long_values_leave_room_for_names(command: Run, dev: LocalScalekit) -> None:
    """In a terminal, a long identifier and a long URL do not squeeze the name between them."""
    named = "Customer Relations Gateway"
    seed(dev, TAVILY | {"display_name": named, "proxy_url": f"https://api.example.com/{'v' * 60}"})
    screen = command("list", "--env", "dev", terminal=True)
    assert "Customer" in screen.out
    assert "Relations" in screen.out
    lines = stable(screen.out).splitlines()
    assert f"  https://api.example.com/{'v' * 60}" in lines, "a URL is never broken: it is there to be copied"
    assert max(len(line) for line in lines if "https://" not in line) <= 80


def test_a_narrow_terminal_shows_a_table_line_by_line(
    command: Run, dev: LocalScalekit, environ: dict[str, str]
) -> None:
    """Where the columns cannot stand side by side, each cell has a line of its own."""
    screen = command("list", "--env", "dev", terminal=True, environ=environ | {"COLUMNS": "40"})
    assert "NAME Tavily\nAUTH BEARER\nURL https://api.tavily.com\n" in stable(screen.out)


def test_json_cannot_steer_the_terminal(command: Run, dev: LocalScalekit) -> None:
    """`--json` escapes what would steer a terminal, and means the same."""
    seed(dev, TAVILY | {"display_name": "Odd", "description": "a\x9b2J\u202ec\x7f ü"})
    result = command("show", "Odd", "--env", "dev", "--json")
    assert r"a\u009b2J\u202ec\u007f ü" in result.out
    assert result.json["description"] == "a\x9b2J\u202ec\x7f ü"


@BOTH
def test_a_definition_cannot_steer_the_terminal(command: Run, dev: LocalScalekit, terminal: bool) -> None:
    """Control characters in a definition are written out."""
    seed(dev, TAVILY | {"display_name": "Odd", "description": "a\x1b]0;\x07\u202ec"})
    result = command("compare", "--from", "dev", "--to", "production", "Odd", terminal=terminal)
    assert r"a\x1b]0;\x07\u202ec" in result.out
    assert "\x1b]" not in result.text


@BOTH
def test_a_definition_cannot_turn_the_text(
    command: Run, dev: LocalScalekit, tmp_path: Path, terminal: bool
) -> None:
    """Characters that turn the direction of the text are written out, in YAML and in findings, too."""
    turned = "a\u202egpj.exe"
    seed(dev, TAVILY | {"display_name": "Odd", "description": turned})
    shown = command("show", "Odd", "--env", "dev", terminal=terminal)
    assert "\u202e" not in shown.out
    document = shown.out.partition("\n")[2] if terminal else shown.out
    assert yaml.safe_load(document)["description"] == turned
    file = tmp_path / "odd.json"
    file.write_text(json.dumps(TAVILY | {"display_name": "Odd", turned: 1}))
    reviewed = command("review", str(file), terminal=terminal)
    assert "\u202e" not in reviewed.text
    assert "\\u202e" in reviewed.text


def test_spaces_of_a_name_are_kept(command: Run, dev: LocalScalekit) -> None:
    """In a pipe, a name can be copied as it is."""
    seed(dev, TAVILY | {"display_name": "Two  Spaces"})
    assert "  Two  Spaces  " in command("list", "--env", "dev").out


@BOTH
def test_show(command: Run, snapshot: Snapshot, terminal: bool) -> None:
    """`show` shows everything about a connector, by its name in any case."""
    result = command("show", "my freshdesk", "--env", "dev", terminal=terminal)
    snapshot(name("show", terminal=terminal), result.out)


@BOTH
def test_compare(command: Run, snapshot: Snapshot, terminal: bool) -> None:
    """`compare` shows what a promotion would do, in three columns."""
    result = command("compare", "--from", "dev", "--to", "production", terminal=terminal)
    snapshot(name("compare", terminal=terminal), result.out)


def test_promote(command: Run, snapshot: Snapshot) -> None:
    """`promote` shows the comparison, then what became of each connector."""
    result = command("promote", "--from", "dev", "--to", "production", "--yes", terminal=True)
    snapshot("promote-terminal", result.out)


def test_promote_dry_run(command: Run, snapshot: Snapshot) -> None:
    """A dry run says that nothing was changed."""
    result = command("promote", "--from", "dev", "--to", "production", "My Asana", "--dry-run", terminal=True)
    snapshot("promote-dry-run-terminal", result.out)


@BOTH
def test_review(command: Run, snapshot: Snapshot, terminal: bool) -> None:
    """`review` of a payload with mistakes shows the review list and every finding."""
    wrong = json.loads(json.dumps(FRESHDESK))
    wrong["display_name"] = "My Freshdesk!"
    wrong["description"] = ""
    wrong["proxy_url"] = "https://{{domian}}/api"
    wrong["auth_patterns"][0]["fields"][1]["field_name"] = "user"
    Path("payload.json").write_text(json.dumps(wrong))
    result = command("review", "payload.json", terminal=terminal)
    assert result.code == 3
    snapshot(name("review", terminal=terminal), result.out)


def test_review_of_an_environment(command: Run, snapshot: Snapshot) -> None:
    """`review` of many connectors shows those with findings."""
    result = command("review", "--env", "dev", terminal=True)
    snapshot("review-environment-terminal", result.out)


def test_export(command: Run, snapshot: Snapshot) -> None:
    """`export` prints the Python that a person would have written."""
    snapshot("export-python", command("export", "--env", "dev").out)


def test_curl(command: Run, snapshot: Snapshot) -> None:
    """`curl` prints commands to paste."""
    arguments = ("curl", "create", "My Freshdesk", "--from", "dev", "--env", "production")
    snapshot("curl-create", command(*arguments).out)
    snapshot("curl-delete", command("curl", "delete", "Legacy CRM", "--env", "production").out)


def test_help(command: Run, snapshot: Snapshot) -> None:
    """The help screen."""
    snapshot("help", command("--help").out)


def test_json_of_a_comparison(command: Run, snapshot: Snapshot) -> None:
    """The JSON of `compare` has every change with its three values."""
    snapshot("compare-json", command("compare", "--from", "dev", "--to", "production", "--json").out)


# --- The tour in the documentation ---------------------------------------------------------------------------

TOUR = Path(__file__).parents[2] / "docs" / "command.md"


def test_screens_of_the_tour(command: Run, snapshot: Snapshot) -> None:
    """Screens that only the tour shows."""
    result = command("list", "--env", "dev", terminal=True)
    snapshot("list-tour", result.out)


def test_the_tour_shows_real_screens() -> None:
    """Every screen in the documentation is a snapshot. UPDATE_SNAPSHOTS=1 puts the snapshots in."""
    text = TOUR.read_text(encoding="utf-8")

    def real(match: re.Match[str]) -> str:
        screen = (SNAPSHOTS / f"{match['name']}.txt").read_text(encoding="utf-8").strip("\n")
        language = (
            "python" if match["name"] == "export-python" else "sh" if "curl" in match["name"] else "text"
        )
        return f"<!-- screen: {match['name']} -->\n```{language}\n{screen}\n```"

    expected, count = re.subn(
        r"<!-- screen: (?P<name>[\w-]+) -->(\n```\w+\n.*?\n```)?", real, text, flags=re.DOTALL
    )
    if os.environ.get("UPDATE_SNAPSHOTS"):
        TOUR.write_text(expected, encoding="utf-8")
    assert count == 8
    assert TOUR.read_text(encoding="utf-8") == expected
