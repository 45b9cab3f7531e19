# ruff: noqa: FBT002 - boolean parameters are the flags of the command line
"""`pulumi-embedded config`: the configuration of a stack."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from pulumi_embedded.errors import ConfigurationError, EmbeddedError
from pulumi_embedded.project.config_path import get_path, remove_path, set_path
from pulumi_embedded.project.stack_config import ConfigValue, resolve

from .app import config_app
from .options import ConfigFileOption, JsonOption, ShowSecretsOption, StackOption
from .session import Stack, current_context
from .stack import print_table


@config_app.callback(invoke_without_command=True)
def config_show(
    context: typer.Context,
    stack: StackOption = None,
    config_file: ConfigFileOption = None,
    show_secrets: ShowSecretsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the configuration of a stack, or manage it."""
    if context.invoked_subcommand is not None:
        current_context().group_options.update(stack=stack, config_file=config_file)
        return
    opened = current_context().stack(stack, config_file)
    found = _config_values(opened, show_secrets=show_secrets)
    if as_json:
        typer.echo(
            json.dumps(
                {key: _config_json(value, show_secrets=show_secrets) for key, value in found.items()},
                indent=2,
            )
        )
        return
    prefix = f"{opened.context.project.name}:"
    rows = [
        (key.removeprefix(prefix), value.text if show_secrets or not value.secret else "[secret]")
        for key, value in found.items()
    ]
    print_table(("KEY", "VALUE"), rows)


def _config_json(value: ConfigValue, *, show_secrets: bool) -> dict[str, Any]:
    if value.secret and not show_secrets:
        return {"secret": True}
    found: dict[str, Any] = {"value": value.text}
    if value.structured:
        found["objectValue"] = json.loads(value.text)
    return {**found, "secret": value.secret}


def _config_values(stack: Stack, *, show_secrets: bool) -> dict[str, ConfigValue]:
    config = stack.config()

    def decrypt(sealed: str) -> str:
        # What is not shown needs no passphrase.
        return stack.decrypt(config, sealed) if show_secrets else "[secret]"

    return resolve(stack.context.project, config, decrypt, validate=False)


@config_app.command("set")
def config_set(
    key: str,
    value: Annotated[str | None, typer.Argument(metavar="[VALUE]")] = None,
    stack: StackOption = None,
    config_file: ConfigFileOption = None,
    secret: Annotated[bool, typer.Option("--secret", help="Encrypt the value.")] = False,
    plaintext: Annotated[bool, typer.Option("--plaintext", help="Do not encrypt the value.")] = False,
    path: Annotated[bool, typer.Option("--path", help="The key is a path into an object or a list.")] = False,
    kind: Annotated[str | None, typer.Option("--type", help="string, bool, int or float.")] = None,
    raw: Annotated[bool, typer.Option("--raw", hidden=True)] = False,
) -> None:
    """Set a configuration value; it is read from the standard input if it is not given."""
    if secret and plaintext:
        raise ConfigurationError("only one of --secret or --plaintext may be given")
    opened = current_context().stack(stack, config_file)
    if value is None:
        value = sys.stdin.read()
        value = value if raw else value.rstrip("\r\n")
    config = opened.config()
    new: Any = _typed(value, kind)
    if secret:
        new = {"secure": opened.ensure_secrets(config).crypter.encrypt(value)}
    if path:
        name, merged = set_path(opened.context.project, config.values, key, new, typed=kind is not None)
        config.set(name, merged)
    else:
        config.set(opened.context.project.qualified_key(key), new)


def _typed(value: str, kind: str | None) -> Any:
    if kind in (None, "string"):
        return value
    if kind not in _TYPES:
        raise ConfigurationError(f"unknown type {kind!r}: allowed values are string, bool, int, and float")
    try:
        found = _TYPES[kind](value)
    except (ValueError, KeyError):
        found = math.nan
    # A program gets JSON, which knows neither nan nor infinity, and integers of 64 bits.
    if not math.isfinite(found) or (kind == "int" and not -(2**63) <= found < 2**63):
        raise ConfigurationError(f"{value!r} is not of the type {kind}")
    return found


_TYPES: dict[str, Callable[[str], bool | int | float]] = {
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": int,
    "float": float,
}


@config_app.command("get")
def config_get(
    key: str,
    stack: StackOption = None,
    config_file: ConfigFileOption = None,
    as_json: JsonOption = False,
    path: Annotated[bool, typer.Option("--path", help="The key is a path into an object or a list.")] = False,
) -> None:
    """Show one configuration value, in the clear."""
    opened = current_context().stack(stack, config_file)

    def look_up(*, show_secrets: bool) -> ConfigValue | None:
        found = _config_values(opened, show_secrets=show_secrets)
        if path:
            return get_path(opened.context.project, found, key)
        return found.get(opened.context.project.qualified_key(key))

    value = look_up(show_secrets=False)
    if value is not None and value.secret:
        value = look_up(show_secrets=True)
    if value is None:
        raise EmbeddedError(f"configuration key '{key}' not found for stack '{opened.name}'")
    if as_json:
        typer.echo(json.dumps(_config_json(value, show_secrets=True), indent=2))
    else:
        typer.echo(value.text)


@config_app.command("rm")
def config_rm(
    key: str,
    stack: StackOption = None,
    config_file: ConfigFileOption = None,
    path: Annotated[bool, typer.Option("--path", help="The key is a path into an object or a list.")] = False,
) -> None:
    """Remove a configuration value."""
    opened = current_context().stack(stack, config_file)
    config = opened.config()
    if path:
        name, merged = remove_path(opened.context.project, config.values, key)
        if merged is None:
            config.remove(name)
        else:
            config.set(name, merged)
    else:
        config.remove(opened.context.project.qualified_key(key))
