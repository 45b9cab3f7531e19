"""Where options come from: global ones after the command as well, and any of them from the environment."""

from __future__ import annotations

import os
from typing import Any

from .options import variable_of

_GLOBAL_FLAGS = {"--non-interactive", "--fully-qualify-stack-names", "-Q", "--emoji", "-e", "--logtostderr"}


_GLOBAL_OPTIONS = {"--cwd", "-C", "--color", "--verbose", "-v"}


_WITHOUT_EFFECT = {"--suppress-permalink", "--suppress-progress", "--skip-plugin-pre-install"}
"""Options of the CLI about things that there are none of here."""


_REFRESH = {
    f"{option}={value}": "--refresh" if yes else "--no-refresh"
    for option in ("--refresh", "-r")
    for yes, values in (
        (True, ("1", "t", "T", "true", "TRUE", "True")),
        (False, ("0", "f", "F", "false", "FALSE", "False")),
    )
    for value in values
}
"""`--refresh` may have a value, unlike any other flag."""


def hoist_global_options(arguments: list[str]) -> list[str]:
    """Move the global options to the front: the CLI takes them after the command as well.

    `--refresh` may have a value there, and some options mean nothing here.
    """
    first: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument == "--":
            rest += arguments[position:]
            break
        option = argument.partition("=")[0]
        if option in _WITHOUT_EFFECT:
            pass
        elif argument in _GLOBAL_FLAGS or option in ("--cwd", "--color", "--verbose"):
            first.append(argument)
            if "=" not in argument and argument in _GLOBAL_OPTIONS and position + 1 < len(arguments):
                position += 1
                first.append(arguments[position])
        elif argument in _GLOBAL_OPTIONS and position + 1 < len(arguments):
            position += 1
            first += [argument, arguments[position]]
        else:
            rest.append(_REFRESH.get(argument, argument))
        position += 1
    return first + rest


def take_options_from_environment(command: Any) -> None:
    """Let each option of a command, and of those below it, be given by a variable as well.

    `PULUMI_OPTION_TARGET=a,b` is `--target a --target b`, as with the CLI.

    Args:
        command: a click command or group.
    """
    for parameter in command.params:
        long = next((name for name in parameter.opts if name.startswith("--")), None)
        if long is not None:
            parameter.value_from_envvar = _Variable(variable_of(long), parameter)
    for below in getattr(command, "commands", {}).values():
        take_options_from_environment(below)


class _Variable:
    """What an option gets from the environment: from its own variable first, else as it did before."""

    def __init__(self, name: str, parameter: Any) -> None:
        self._name = name
        self._multiple = parameter.multiple
        self._is_flag = parameter.is_flag
        self._otherwise = parameter.value_from_envvar

    def __call__(self, context: Any) -> Any:
        text = os.environ.get(self._name)
        if not text or (self._is_flag and text.lower() not in ("true", "1", "false", "0")):
            return self._otherwise(context)
        return text.split(",") if self._multiple else text
