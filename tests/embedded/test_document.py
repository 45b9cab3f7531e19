"""The documentation says what the scenarios prove."""

from __future__ import annotations

from .document import PAGE, render
from .harness import all_scenarios, recording_path


def test_the_page_lists_the_scenarios_of_today() -> None:
    """The list in the documentation is what `python -m tests.embedded.document` makes of the scenarios."""
    assert render(PAGE.read_text()) == PAGE.read_text()


def test_every_scenario_is_recorded() -> None:
    """What the CLI does is recorded for each scenario; `python -m tests.embedded.record` makes them."""
    assert [found.name for found in all_scenarios() if not recording_path(found).exists()] == []
