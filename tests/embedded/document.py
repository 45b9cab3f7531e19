"""Writes the list of scenarios into the documentation: `python -m tests.embedded.document`."""

from __future__ import annotations

from pathlib import Path

from .harness import all_scenarios

PAGE = Path(__file__).parents[2] / "docs" / "embedded-engine.md"
START = "<!-- scenarios: made by `python -m tests.embedded.document` -->\n"
END = "<!-- end of scenarios -->\n"

AREAS = {
    "basics": "Create, update, delete",
    "failures": "Failures",
    "get": "Reading what others manage",
    "options": "Resource options",
    "refresh": "Refresh",
    "replace": "Replacement",
    "secrets": "Secrets, configuration, unknown values",
    "targets": "Targets",
}


def table() -> str:
    """Return the list, by area."""
    lines: list[str] = []
    area = ""
    for scenario in all_scenarios():
        if scenario.area != area:
            area = scenario.area
            lines += [f"| {AREAS[area]} | |", "|---|---|"] if not lines else [f"| **{AREAS[area]}** | |"]
        words = list(dict.fromkeys(step["run"].split()[0] for step in scenario.steps))
        commands = ", ".join(f"`{word}`" for word in words)
        lines.append(f"| {scenario.title} | {commands} |")
    return "\n".join(lines) + "\n"


def render(page: str) -> str:
    """Return the page with the list of today."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
