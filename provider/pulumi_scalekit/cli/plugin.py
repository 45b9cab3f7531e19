"""`pulumi-scalekit plugin`: how Pulumi finds the native provider."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from pulumi_scalekit._version import __version__
from pulumi_scalekit.provider.plugin import EXECUTABLE

from .console import Screen, help_text

HELP = help_text("""
Say what to write so that Pulumi finds the native provider, for programs in any language.

[bold]Examples[/bold]

  pulumi-scalekit plugin
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "plugin", help=HELP, short_help="Say how Pulumi finds the native provider.", rich_help_panel="Try"
    )(plugin)


def plugin() -> None:
    """Say what to write so that Pulumi finds the native provider, for programs in any language."""
    folder = Path(sys.executable).parent
    screen = Screen()
    if not (folder / EXECUTABLE).exists():
        screen.error(
            f"{EXECUTABLE} is not in {folder}. Install the package there: pip install pulumi-scalekit"
        )
        raise typer.Exit(1)
    screen.raw(f"""\
The native provider is {folder / EXECUTABLE}

In an active virtual environment Pulumi finds it on PATH. Everywhere else, write into Pulumi.yaml:

  plugins:
    providers:
      - name: scalekit
        path: {folder}

Or install it once for all projects of this machine:

  tar -czf scalekit.tar.gz -C {folder} {EXECUTABLE}
  pulumi plugin install resource scalekit {__version__} --file scalekit.tar.gz

Generate an SDK for a TypeScript or Python project, in its folder:

  pulumi package add {folder / EXECUTABLE}
""")
