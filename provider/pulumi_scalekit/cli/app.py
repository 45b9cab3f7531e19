"""The application: its commands, and how every one of them ends.

Modules that take long to import (pydantic, httpx, starlette) are imported inside the commands that need them.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated, Final

import typer

from pulumi_scalekit._version import __version__
from pulumi_scalekit.errors import ScalekitError

from . import (
    accounts,
    call,
    compare,
    curl,
    export,
    import_,
    list_,
    new,
    options,
    plugin,
    promote,
    review,
    serve,
    show,
    summarize,
)
from .console import Screen, help_text
from .exit_codes import INTERRUPTED

EXIT_CODES: Final = help_text("""
Exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, and there is something to act on
(findings, differences, connectors that were left alone); 130 interrupted.""")

app = typer.Typer(
    name="pulumi-scalekit",
    help="Scalekit custom connectors from the command line: see, export, import, review, compare, promote.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=options.HELP_OPTIONS,
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        typer.echo(f"pulumi-scalekit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


for command in (
    list_,
    show,
    new,
    export,
    curl,
    import_,
    promote,
    compare,
    review,
    summarize,
    accounts,
    call,
    serve,
    plugin,
):
    command.add_to(app)
options.finish(app)


def run(arguments: list[str] | None = None) -> None:
    """Run the command, and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal's encoding cannot show is written out, rather than an error.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(arguments, prog_name="pulumi-scalekit")
    except ScalekitError as error:
        Screen().error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
