"""`pulumi-scalekit plugin`: how Pulumi finds the native provider."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pulumi_scalekit._version import __version__

from .console import Screen, help_text

HELP = help_text("""
Say what to write so that Pulumi finds the native provider, for programs in any language.

[bold]Examples[/bold]

  pulumi-scalekit plugin
  pulumi-scalekit plugin --tarball scalekit.tar.gz
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "plugin", help=HELP, short_help="Say how Pulumi finds the native provider.", rich_help_panel="Try"
    )(plugin)


def plugin(
    *,
    tarball: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write an archive that Pulumi installs on this machine instead."),
    ] = None,
) -> None:
    """Say what to write so that Pulumi finds the native provider, for programs in any language."""
    from pulumi_scalekit.operations.plugin import find_executable, write_tarball

    screen, executable = Screen(), find_executable()
    if tarball is not None:
        write_tarball(tarball)
        screen.raw(
            f"pulumi plugin install resource scalekit {__version__} --file {shlex.quote(str(tarball))}\n"
        )
        return
    screen.raw(f"""\
The native provider is {executable}

Pulumi finds it on PATH, as in an active virtual environment, and warns that it does. To name it for one project,
write into its Pulumi.yaml:

  plugins:
    providers:
      - name: scalekit
        path: {executable.parent}

Or install it for all projects of this machine:

  pulumi-scalekit plugin --tarball scalekit.tar.gz
  pulumi plugin install resource scalekit {__version__} --file scalekit.tar.gz

A TypeScript or Python project needs a package, too. Generate it in the project's folder:

  pulumi package add {executable}

and import it:

  import * as scalekit from "pulumi-scalekit";
  import pulumi_scalekit_native as scalekit

A YAML program names the types: scalekit:index:Connector and scalekit:index:Connection.
""")
