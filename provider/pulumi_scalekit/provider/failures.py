"""Errors that can stand alone: one plain message each, without what is secret."""

from __future__ import annotations

import contextlib
import functools
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pulumi.dynamic import CreateResult

from pulumi_scalekit.definition.paths import as_written, value_at
from pulumi_scalekit.definition.urls import placeholders
from pulumi_scalekit.errors import ScalekitError
from pulumi_scalekit.redaction import Redaction, also_hiding

from .call import secret_paths, show_message_alone
from .keys import SECRET_PATHS, SECRETS, Inputs

_F = TypeVar("_F", bound=Callable[..., Any])


def explained(method: _F) -> _F:
    """Make every exception of a provider method a message that can stand alone."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except ScalekitError as error:
            failure = Failure(str(error), made=getattr(error, "made", None))
        except Exception:  # noqa: BLE001 - the last resort
            failure = Failure(
                f"pulumi-scalekit failed unexpectedly, please report this:\n{traceback.format_exc()}"
            )
        show_message_alone(str(failure))
        raise failure

    return wrapper  # type: ignore[return-value]


class Failure(ScalekitError):
    """A failed operation.

    Attributes:
        made: What a create has made before it failed: its id, and the properties that it has now. The native face
            keeps that in the state. The dynamic host cannot, and the next run finds it by its name.
    """

    def __init__(self, message: str, *, made: CreateResult | None = None) -> None:
        self.made = made
        super().__init__(message)


@contextlib.contextmanager
def redacting(
    *properties: Inputs, secret: Collection[str] = (), names: Mapping[str, str] | None = None
) -> Iterator[Callable[[str], str]]:
    """Keep the values of secret properties out of messages: of errors raised inside, and by the yielded function.

    The values at the secret paths of one are hidden of each: what was secret in the old is in the new, too.

    Args:
        *properties: What messages may be about.
        secret: Paths of secret values, besides those that the properties name and those that Pulumi marks.
        names: The paths that the program wrote otherwise than the payload has them: messages have them as written.
    """
    redact = Redaction()
    paths = {path for inputs in properties for path in secret_paths_in(inputs)} | set(secret)
    for inputs in properties:
        for path in paths:
            for text in _texts(value_at(inputs, path)):
                redact.hide(text)

    def worded(message: str) -> str:
        return redact(as_written(message, names or {}))

    try:
        with also_hiding(redact):
            yield worded
    except ScalekitError as error:
        raise Failure(worded(str(error)), made=getattr(error, "made", None)) from None


def secret_paths_in(inputs: Inputs) -> set[str]:
    """The paths of what is secret: as a state keeps them, since the dynamic host drops Pulumi's marks, or marked."""
    kept = (*(inputs.get(SECRET_PATHS) or ()), *(inputs.get(SECRETS) or ()))
    return {*map(str, kept), *secret_paths()}


def _texts(value: object) -> Iterator[str]:
    """What of a secret value messages may quote: strings and numbers whole, and a URL's host and placeholders."""
    if isinstance(value, str):
        yield value
        yield from (f"{{{{{name}}}}}" for name in placeholders(value))
        with contextlib.suppress(ValueError):
            yield urlsplit(value).hostname or ""
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
