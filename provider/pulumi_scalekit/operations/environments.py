"""Environments by name: where the settings of `--env NAME` and `--stack NAME` come from.

This module is the one place for the rule:

- without a name, the plain variables: `SCALEKIT_ENVIRONMENT_URL`, `SCALEKIT_CLIENT_ID`, `SCALEKIT_CLIENT_SECRET`;
- `--env production` reads `SCALEKIT_PRODUCTION_ENVIRONMENT_URL`, `SCALEKIT_PRODUCTION_CLIENT_ID` and
  `SCALEKIT_PRODUCTION_CLIENT_SECRET`; where none of them is set, the configuration of the Pulumi stack
  `production`. Neither falls back to the plain variables: a command that was given a name must not reach another
  environment because a setting is missing. Only the secret of a stack may come from elsewhere, so that it need not
  be in any configuration: from `SCALEKIT_PRODUCTION_CLIENT_SECRET` set alone, or from `SCALEKIT_CLIENT_SECRET` where
  `SCALEKIT_CLIENT_ID` names the very client of the stack;
- `--stack dev` reads what the provider itself would read for that stack (see `settings`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pulumi_scalekit.errors import EngineError, SettingsError
from pulumi_scalekit.settings import Settings, describe_misspelled, read_settings, url_setting

if TYPE_CHECKING:
    from .pulumi_cli import ConfigValue, Project

_PARTS: Final = ("ENVIRONMENT_URL", "CLIENT_ID", "CLIENT_SECRET")
DEFAULT_NAME: Final = "default"
"""What the environment of the plain variables is called in messages and JSON."""


@dataclass(frozen=True)
class Profile:
    """A named environment."""

    name: str
    settings: Settings
    stack: str | None = None
    """The stack whose configuration the settings came from, if they did."""

    @property
    def url(self) -> str:
        """The environment's base URL."""
        return self.settings.environment_url


def variable_prefix(name: str) -> str:
    """The start of the variables of a profile: `SCALEKIT_EU_PRODUCTION_` for `eu-production`."""
    return f"SCALEKIT_{re.sub(r'[^A-Z0-9]+', '_', name.upper())}_"


def credentials_prefix(profile: Profile) -> str:
    """The start of the variables that hold a profile's credentials, or that a user would set for them."""
    plain = profile.settings.secret_source == "SCALEKIT_CLIENT_SECRET"
    return "SCALEKIT_" if plain else variable_prefix(profile.name)


def environment_profile(
    name: str | None, project: Project | None = None, environ: Mapping[str, str] | None = None
) -> Profile:
    """The environment that `--env NAME` means, or the plain variables' without a name.

    Args:
        name: The profile's name.
        project: The Pulumi project whose stacks are looked at when no variable of the profile is set.
        environ: The process environment.

    Raises:
        SettingsError: Settings are missing or malformed; the message names every place to set them.
    """
    env = os.environ if environ is None else environ
    if name is None:
        return Profile(DEFAULT_NAME, read_settings(environ=env))
    prefix = variable_prefix(name)
    values = {part: env.get(prefix + part, "").strip() for part in _PARTS}
    missing = [prefix + part for part in _PARTS if not values[part]]
    if not missing:
        return Profile(name, _settings(values, prefix, env))
    incomplete = SettingsError(f"The environment {name!r} is not complete: set {' and '.join(missing)}")
    if values["ENVIRONMENT_URL"] or values["CLIENT_ID"]:
        raise incomplete
    secret, also = values["CLIENT_SECRET"], ""
    if project is not None:
        try:
            if project.has_stack(name):
                return _of_stack_alone(name, project, env, secret)
            also = f"; there is no stack of that name in {project.directory} either"
        except EngineError as error:
            also = f"; whether there is a stack of that name cannot be told: {error}"
    if secret:
        raise incomplete
    raise SettingsError(
        f"There is no environment {name!r}: set {', '.join(prefix + part for part in _PARTS)}{also}"
    )


def complete_stacks(project: Project) -> list[str]:
    """The stacks of a project whose configuration names an environment and a client, so that `--env` can take them.

    None where the engine cannot tell.
    """
    try:
        named = [stack for stack in project.config_files if project.has_stack(stack)]
        return [stack for stack in named if not _missing(_values(project.config(stack, decrypted=False)))]
    except EngineError:
        return []


def _values(config: Mapping[str, ConfigValue]) -> dict[str, str]:
    return {key: entry.value for key, entry in config.items()}


def _missing(config: Mapping[str, str]) -> list[str]:
    return [key for key in ("environmentUrl", "clientId") if not config.get(f"scalekit:{key}")]


def stack_profile(stack: str, project: Project, environ: Mapping[str, str] | None = None) -> Profile:
    """The environment that a stack deploys to, by the provider's own rule.

    Raises:
        SettingsError: Settings are missing or malformed.
        EngineError: The stack's configuration cannot be read.
    """
    config = _values(project.config(stack))
    return Profile(stack, read_settings(config.get, os.environ if environ is None else environ), stack)


def _settings(values: Mapping[str, str], prefix: str, env: Mapping[str, str]) -> Settings:
    renamed = {key: value for key, value in env.items() if key not in _PLAIN}
    renamed |= {f"SCALEKIT_{part}": value for part, value in values.items()}
    renamed["SCALEKIT_ENVIRONMENT_URL"] = url_setting(values["ENVIRONMENT_URL"], f"{prefix}ENVIRONMENT_URL")
    return replace(read_settings(environ=renamed), secret_source=f"{prefix}CLIENT_SECRET")


def _of_stack_alone(name: str, project: Project, env: Mapping[str, str], secret: str) -> Profile:
    config = _values(project.config(name))

    def setting(key: str, *options: str) -> str:
        return f"`{project.command('config', 'set', *options, '--stack', name, f'scalekit:{key}')} …`"

    if missing := _missing(config):
        raise SettingsError(
            f"The environment {name!r} is not complete: neither variables {variable_prefix(name)}… nor the "
            f"stack {name!r} say which it is. {describe_misspelled(missing, config.get)}"
            f"Run {' and '.join(map(setting, missing))}"
        )
    client = config["scalekit:clientId"]
    if secret:
        env = {**env, "SCALEKIT_CLIENT_ID": client, "SCALEKIT_CLIENT_SECRET": secret}
        settings = read_settings(config.get, env)
        return Profile(name, replace(settings, secret_source=f"{variable_prefix(name)}CLIENT_SECRET"), name)
    if env.get("SCALEKIT_CLIENT_ID", "").strip() != client:
        env = {key: value for key, value in env.items() if key != "SCALEKIT_CLIENT_SECRET"}
        if not config.get("scalekit:clientSecret"):
            raise SettingsError(
                f"The environment {name!r} has no client secret: run {setting('clientSecret', '--secret')}, or set "
                f"{variable_prefix(name)}CLIENT_SECRET, or set "
                f"SCALEKIT_CLIENT_SECRET and, so that it is known whose it is, SCALEKIT_CLIENT_ID={client}"
            )
    return Profile(name, read_settings(config.get, env), name)


_PLAIN: Final = (
    "SCALEKIT_ENVIRONMENT_URL",
    "SCALEKIT_ENV_URL",
    "SCALEKIT_CLIENT_ID",
    "SCALEKIT_CLIENT_SECRET",
)
