"""The global options, which the CLI takes after the command as well."""

from __future__ import annotations

_GLOBAL_FLAGS = {"--non-interactive", "--fully-qualify-stack-names", "-Q", "--emoji", "-e", "--logtostderr"}


_GLOBAL_OPTIONS = {"--cwd", "-C", "--color", "--verbose", "-v"}


_WITHOUT_EFFECT = {"--suppress-permalink", "--suppress-progress", "--skip-plugin-pre-install"}
"""Options of the CLI about things that there are none of here."""


def hoist_global_options(arguments: list[str]) -> list[str]:
    """Move the global options to the front: the CLI takes them after the command as well.

    `--refresh` may have a value there, and some options mean nothing here.
    """
    arguments = [
        argument.partition("=")[0] if argument in ("--refresh=true", "-r=true") else argument
        for argument in arguments
        if argument.partition("=")[0] not in _WITHOUT_EFFECT
        and argument not in ("--refresh=false", "-r=false")
    ]
    first: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument == "--":
            rest += arguments[position:]
            break
        if argument in _GLOBAL_FLAGS or argument.partition("=")[0] in ("--cwd", "--color", "--verbose"):
            first.append(argument)
            if "=" not in argument and argument in _GLOBAL_OPTIONS and position + 1 < len(arguments):
                position += 1
                first.append(arguments[position])
        elif argument in _GLOBAL_OPTIONS and position + 1 < len(arguments):
            position += 1
            first += [argument, arguments[position]]
        else:
            rest.append(argument)
        position += 1
    return first + rest
