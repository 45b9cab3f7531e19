"""`summarize`: a preview as a comment for a pull request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from .console import Screen, help_text
from .exit_codes import ATTENTION

HELP: Final = help_text("""
Print a preview as Markdown, for a comment on a pull request: only what changes, replacements and deletions first.

PLAN is a file that `pulumi preview --json` has written. Give the previews of several stacks for one comment.

[bold]Examples[/bold]

  pulumi-scalekit summarize dev.json production.json > comment.md
  pulumi-scalekit summarize dev.json --exit-code
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("summarize", help=HELP, rich_help_panel="Compare and check")(summarize)


def summarize(
    *,
    plans: Annotated[
        list[Path], typer.Argument(metavar="PLAN", help="JSON files.", exists=True, dir_okay=False)
    ],
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 3 when something changes.")
    ] = False,
) -> None:
    """Summarize previews."""
    from pulumi_scalekit.operations.files import read_json_object
    from pulumi_scalekit.operations.summarize import read_preview, to_markdown

    summaries = [read_preview(read_json_object(plan)) for plan in plans]
    Screen().raw(to_markdown(summaries))
    if any(summary.errors for summary in summaries):
        raise typer.Exit(1)
    if exit_code and any(summary.changes for summary in summaries):
        raise typer.Exit(ATTENTION)
