"""The options that several commands have, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi_scalekit.api.connectors import Connectors
    from pulumi_scalekit.api.responses import Attributes
    from pulumi_scalekit.operations.connections import LiveConnection
    from pulumi_scalekit.operations.environments import Profile
    from pulumi_scalekit.operations.pulumi_cli import Project

    from .console import Screen


class _PlainFlags:
    """Shows an option that is there or not without a type: typer would add `<bool>`."""

    def get_params(self, ctx: Any) -> Any:
        params = super().get_params(ctx)  # type: ignore[misc]  # the command's, below
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
        return params


class _Command(_PlainFlags, TyperCommand):
    pass


class _Group(_PlainFlags, TyperGroup):
    pass


def finish(app: typer.Typer) -> None:
    """Give all commands of an application what typer takes as a class of each."""
    app.info.cls = _Group
    for command in app.registered_commands:
        command.cls = _Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            finish(group.typer_instance)


HELP_OPTIONS: Final = {"help_option_names": ["-h", "--help"]}


Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME",
        help="The environment: SCALEKIT_<NAME>_… variables, else the Pulumi stack of that name. "
        "Without it, the plain SCALEKIT_… variables.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Program = Annotated[
    Path,
    typer.Option(
        "--program",
        metavar="DIR",
        help="The directory of the Pulumi program.",
        exists=True,
        file_okay=False,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Display names or identifiers; all connectors without any."),
]

WithConnections = Annotated[
    bool,
    typer.Option("--connections/--no-connections", help="Whether the connectors' connections count, too."),
]

Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field", "-f", metavar="NAME=VALUE", help="A value of the account; @FILE reads it from a file."
    ),
]


def fields_of(given: list[str] | None) -> dict[str, str]:
    """The values of `--field`, by name.

    Raises:
        typer.BadParameter: One is not NAME=VALUE, or its file cannot be read as text.
    """
    return {name: _content(value) for name, value in (pair(item, "=", "--field") for item in given or ())}


def pair(item: str, separator: str, option: str) -> tuple[str, str]:
    """The name and the value of an option such as NAME=VALUE."""
    name, found, value = item.partition(separator)
    if not found or not name.strip():
        raise typer.BadParameter(f"{option} takes NAME{separator}VALUE")
    return name.strip(), value.strip() if separator == ":" else value


def read_bytes(path: str) -> bytes:
    """The content of a file that an option names."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None


def _content(value: str) -> str:
    if not value.startswith("@"):
        return value
    try:
        return read_bytes(value[1:]).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{value[1:]} is not text") from None


def project_at(directory: Path) -> Project | None:
    """The Pulumi project that a directory belongs to, if it does."""
    from pulumi_scalekit.operations.pulumi_cli import Project, find_project

    found = find_project(directory)
    return Project(found) if found else None


def profile_of(env: str | None, program: Path) -> Profile:
    """The environment of `--env`.

    Raises:
        SettingsError: Settings are missing; in a Pulumi project the message names the stacks that have them.
    """
    from pulumi_scalekit.errors import SettingsError
    from pulumi_scalekit.operations.environments import complete_stacks, environment_profile

    if env is not None:
        return environment_profile(env, project_at(program))
    try:
        return environment_profile(None)
    except SettingsError as error:
        project = project_at(program)
        if project is None or not (stacks := complete_stacks(project)):
            raise
        choices = " or ".join(f"--env {stack}" for stack in stacks)
        raise SettingsError(f"{error}. Or name a stack of the program here: {choices}") from None


def open_connectors(profile: Profile) -> Connectors:
    """The connectors of an environment. Nothing is requested yet."""
    from pulumi_scalekit.api.client import Client
    from pulumi_scalekit.api.connectors import Connectors

    return Connectors(Client(profile.settings))


def connectors_of(profile: Profile, screen: Screen, names: list[str] | None = None) -> list[Attributes]:
    """The connectors of an environment that `[NAME]...` selects, sorted by name.

    Raises:
        ConnectorNotFound: A name selects nothing.
        AmbiguousConnector: A name selects several.
        ScalekitError: They cannot be listed.
    """
    from pulumi_scalekit.operations.selection import select

    with screen.working(f"Reading the connectors of {profile.url}"):
        connectors = open_connectors(profile).all()
    return select(connectors, names or (), profile.url)


def connections_of(
    profile: Profile, connectors: Sequence[Attributes], screen: Screen
) -> tuple[LiveConnection, ...] | None:
    """The connections of connectors, sorted by name; `None`, with a note, where the client may not read them.

    Raises:
        ScalekitError: They cannot be read.
    """
    from pulumi_scalekit.api.client import Client
    from pulumi_scalekit.errors import PermissionDenied
    from pulumi_scalekit.operations.connections import read_connections

    try:
        with screen.working(f"Reading the connections of {profile.url}"):
            return read_connections(Client(profile.settings), connectors)
    except PermissionDenied as error:
        screen.note(f"Without connections, which may not be read: {error}", "yellow")
        return None


def listed_connections(
    profile: Profile, connectors: Sequence[Attributes], screen: Screen
) -> list[Attributes]:
    """The connections of connectors by one list, sorted by name, without their settings; a note as above.

    Raises:
        ScalekitError: They cannot be listed.
    """
    from pulumi_scalekit.api.client import Client
    from pulumi_scalekit.api.connections import Connections
    from pulumi_scalekit.errors import PermissionDenied
    from pulumi_scalekit.operations.connections import list_connections
    from pulumi_scalekit.operations.selection import identifier_of

    custom = {identifier_of(connector) for connector in connectors}
    with screen.working(f"Reading the connections of {profile.url}"):
        try:
            return list_connections(Connections(Client(profile.settings)), custom)
        except PermissionDenied as error:
            screen.note(f"Without connections, which may not be read: {error}", "yellow")
            return []
