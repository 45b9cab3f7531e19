"""The application: its commands, and how every one of them ends.

Modules that take long to import (pydantic, httpx, starlette) are imported inside the commands that need them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from pulumi_scalekit._version import __version__
from pulumi_scalekit.errors import ScalekitError

from . import (
    INTERRUPTED,
    export,
    options,
)
from . import (
    call as calling,
)
from . import (
    compare as comparing,
)
from . import (
    curl as curling,
)
from . import (
    import_ as imports,
)
from . import (
    review as reviewing,
)
from . import (
    show as environments,
)
from .console import Screen
from .texts import help_text

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


def _mount(name: str, module: str, summary: str, panel: str) -> None:
    """Add a command that lives in a module of its own, which is imported when the command runs.

    The module has `command`, a function with typer's annotations, and may have `HELP`, its help text.
    """

    @app.command(
        name,
        help=summary,
        rich_help_panel=panel,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    )
    def run_command(context: typer.Context) -> None:
        loaded: Any = importlib.import_module(module)
        command: Callable[..., Any] = loaded.command
        own = typer.Typer(
            rich_markup_mode="rich",
            pretty_exceptions_enable=False,
            add_completion=False,
            context_settings=options.HELP_OPTIONS,
        )
        own.command(help=getattr(loaded, "HELP", command.__doc__))(command)
        own(context.args, prog_name=f"pulumi-scalekit {name}")


for part in (environments, export, curling, imports, comparing, reviewing, calling):
    part.add_to(app)
_mount("serve", "pulumi_scalekit.local.command", "Run a local Scalekit.", "Try")
_mount("new", "pulumi_scalekit.cli.new", "Make a definition from answers or an API's documents.", "Write")


def run(arguments: list[str] | None = None) -> None:
    """Run the command, and end the process with its exit code."""
    try:
        app(arguments, prog_name="pulumi-scalekit")
    except ScalekitError as error:
        Screen().error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
