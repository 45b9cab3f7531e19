# ruff: noqa: FBT002 - boolean parameters are the flags of the command line
"""The `pulumi-embedded` command: the part of the Pulumi CLI that stacks of Python dynamic resources need.

Commands, flags and exit codes are the CLI's own.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from pulumi_embedded.display.console import make_console
from pulumi_embedded.errors import Bail, Cancelled, ConfigurationError, EmbeddedError
from pulumi_embedded.project.workspace import Workspace
from pulumi_embedded.state.checkpoint import VERSION

from .global_options import hoist_global_options, take_options_from_environment
from .options import refuse_option
from .session import Context, current_context, set_current_context

_NOTICE = (
    "This is the embedded engine, for trying out and for tests. "
    "For real work install the Pulumi CLI: https://www.pulumi.com/docs/install/"
)

app = typer.Typer(
    name="pulumi-embedded",
    help="Run Pulumi programs with Python dynamic resources where the Pulumi CLI is not installed.",
    epilog=_NOTICE,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
stack_app = typer.Typer(help="Manage stacks.", no_args_is_help=False, rich_markup_mode=None)
config_app = typer.Typer(help="Manage configuration.", rich_markup_mode=None)
app.add_typer(stack_app, name="stack")
app.add_typer(config_app, name="config")


def _show_version(asked: bool) -> None:  # noqa: FBT001 - the value of the flag
    if asked:
        version()
        raise typer.Exit


@app.callback()
def root(
    cwd: Annotated[str, typer.Option("--cwd", "-C", help="Run as if started in this folder.")] = "",
    color: Annotated[str, typer.Option("--color", help="always, never, raw or auto.")] = "auto",
    non_interactive: Annotated[bool, typer.Option("--non-interactive", help="Never ask.")] = False,
    fully_qualify_stack_names: Annotated[
        bool, typer.Option("--fully-qualify-stack-names", "-Q", hidden=True)
    ] = False,
    verbose: Annotated[int, typer.Option("--verbose", "-v", hidden=True)] = 0,
    emoji: Annotated[bool, typer.Option("--emoji", "-e", hidden=True)] = False,
    logtostderr: Annotated[bool, typer.Option("--logtostderr", hidden=True)] = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Set up what all commands share."""
    del fully_qualify_stack_names, verbose, emoji, logtostderr, show_version
    if color not in ("always", "never", "raw", "auto"):
        raise ConfigurationError(
            f"unsupported color option: '{color}'. Supported values are: always, never, raw, auto"
        )
    if cwd:
        try:
            os.chdir(cwd)
        except OSError as error:
            raise ConfigurationError(f"could not change to {cwd}: {error.strerror}") from None
    interactive = not non_interactive and sys.stdin.isatty() and sys.stdout.isatty()
    set_current_context(Context(make_console(color), Path.cwd(), interactive))


@app.command()
def version() -> None:
    """Show the version of the Pulumi SDK whose runtime this engine drives."""
    typer.echo(f"{VERSION} (embedded)")


@app.command()
def about() -> None:
    """Show what is in use."""
    context = current_context()
    typer.echo(f"Engine        embedded ({VERSION})")
    typer.echo(f"Python        {platform.python_version()} ({sys.executable})")
    typer.echo(f"Host          {platform.system()} {platform.release()} {platform.machine()}")
    project = context.optional_project()
    if project is not None:
        typer.echo(f"Project       {project.name} ({project.path})")
    typer.echo(f"Backend       {context.backend.url}")
    if project is not None:
        typer.echo(f"Stack         {Workspace(project).selected(context.backend.url) or 'none selected'}")
    typer.echo("")
    typer.echo(_NOTICE)


_UsageError: Any = next(found for found in typer.BadParameter.__mro__ if found.__name__ == "ClickException")
"""The base of typer's own errors; it is not the same class in all of its versions."""


def _fail(error: EmbeddedError) -> NoReturn:
    if not isinstance(error, Bail):
        typer.echo(f"error: {error}", err=True)
    sys.exit(error.exit_code)


def _run(command: Any) -> Any:
    try:
        return command.main(
            hoist_global_options(sys.argv[1:]), prog_name="pulumi-embedded", standalone_mode=False
        )
    except _UsageError as error:
        if type(error).__name__ == "NoSuchOption":
            refuse_option(error.ctx.command_path.partition(" ")[2], error.option_name)
        raise


def main() -> None:
    """Run the command line."""
    try:
        command = typer.main.get_command(app)
        take_options_from_environment(command)
        code = _run(command)
    except EmbeddedError as error:
        _fail(error)
    except typer.Abort:
        sys.exit(Cancelled.exit_code)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _fail(EmbeddedError(f"{error.strerror or error}{where}"))
    except UnicodeError as error:
        _fail(EmbeddedError(f"text that is not valid UTF-8: {error}"))
    except _UsageError as error:
        error.show()
        sys.exit(ConfigurationError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
