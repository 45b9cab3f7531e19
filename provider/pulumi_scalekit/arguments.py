"""Calls with wrong arguments, as one line that names the place in the program.

Python's own `TypeError` for them would reach the user of `pulumi preview` as a traceback.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi


class ArgumentError(pulumi.RunError, TypeError):
    """A call with wrong arguments. Of a `RunError` Pulumi shows the message alone."""


def argument_error(message: str) -> ArgumentError:
    """The error for a call into this package, with the file and the line that it comes from."""
    return ArgumentError(f"{_place()}{message}")


def check_options(called: str, opts: object) -> None:
    """Refuse resource options that cannot work.

    Args:
        called: The class of the resource.
        opts: The options that it was given.

    Raises:
        ArgumentError: They are not `pulumi.ResourceOptions`, or import a resource: dynamic providers cannot.
    """
    if opts is not None and not isinstance(opts, pulumi.ResourceOptions):
        raise argument_error(
            f"{called}(opts=...) takes pulumi.ResourceOptions(...), not a {type(opts).__name__}: "
            "write opts=pulumi.ResourceOptions(protect=True), for instance"
        )
    if opts is not None and opts.import_ is not None:
        raise argument_error(
            f"{called}(opts=...) has import_, which Pulumi's dynamic providers cannot do: "
            f"give {called} adopt=, or bring it into the stack with `pulumi-scalekit import`"
        )


class _ChecksArguments(type):
    if not TYPE_CHECKING:  # a type checker is to read the constructor, not this

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            try:
                return super().__call__(*args, **kwargs)
            except TypeError:
                _check(cls, args, kwargs)
                raise

    @property
    def __signature__(cls) -> inspect.Signature:
        """The constructor's, for `help` and the like, which would read the one of `__call__`."""
        constructor = inspect.signature(cls.__init__)  # type: ignore[misc]
        _self, *parameters = constructor.parameters.values()
        return constructor.replace(parameters=parameters)


class ArgumentsChecked(metaclass=_ChecksArguments):
    """A class whose constructor makes `ArgumentError` of wrong arguments."""


def _check(of: type, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` where the constructor does not take the arguments."""
    from difflib import get_close_matches

    signature = inspect.signature(of)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        known = [name for name in signature.parameters if not name.startswith("_")]
        for name in kwargs:
            if name not in known:
                if close := get_close_matches(name, known, 1):
                    advice = f"did you mean {close[0]}?"
                elif "extra" in known:
                    advice = "keys of your own go into extra="
                else:
                    advice = f"it has {', '.join(known)}"
                raise argument_error(f"{of.__name__}() has no argument {name}; {advice}") from None
        raise argument_error(f"{of.__name__}(): {error}") from None


def _place() -> str:
    for frame, line in traceback.walk_stack(sys._getframe()):
        if str(frame.f_globals.get("__name__")).partition(".")[0] != __package__:
            path = Path(frame.f_code.co_filename)
            return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{line}: "
    return ""
