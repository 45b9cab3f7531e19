"""A create and a delete that take effect once, whatever becomes of their responses.

Scalekit has no idempotency keys, and makes identifiers itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pulumi_scalekit.errors import (
    ApiError,
    Conflict,
    InvalidRequest,
    NotFound,
    ScalekitError,
    ServerError,
    TransportError,
    Unrouted,
)

from .responses import Attributes


def create_once(
    post: Callable[[], Attributes],
    *,
    attempts: int,
    find: Callable[[ScalekitError], Attributes | None],
    refused: Callable[[ApiError], ScalekitError],
    check: Callable[[Attributes], None] = lambda _: None,
) -> Attributes:
    """Send a create until its outcome is known. After an attempt of unknown outcome, look before anything is sent.

    Args:
        post: Sends it once.
        attempts: How often it is sent at most.
        find: Looks for what attempts of unknown outcome have made, after the error of the last attempt.
        refused: The error for a refusal, such as one of a taken name.
        check: Looks at what was made after attempts of unknown outcome, one of which may have been done as well.

    Raises:
        ScalekitError: It could not be done, or whether it was is not known.
    """
    is_unknown = False
    attempt = 0
    while True:
        attempt += 1
        try:
            made = post()
        except (TransportError, ServerError) as error:
            if not error.ambiguous:
                raise
            if (found := find(error)) is not None:
                return found
            # What may still take effect is not sent a second time, or there would be two in the end.
            if error.pending or attempt >= attempts:
                raise
            is_unknown = True
        except (InvalidRequest, Conflict) as error:
            if is_unknown and (found := find(error)) is not None:
                return found
            raise refused(error) from None
        else:
            if is_unknown:
                check(made)
            return made


def delete_once(send: Callable[[], object], *, is_gone: Callable[[], bool]) -> bool:
    """Send a delete, and return whether there was something to delete. After an unknown outcome, look.

    Args:
        send: Sends it.
        is_gone: Looks whether it has been done.

    Raises:
        ScalekitError: It could not be done, or whether it was is not known.
    """
    try:
        send()
    except NotFound as error:
        return error.repeated  # an earlier attempt has done it, then
    except Unrouted as error:
        _raise_unless(is_gone, error)
        return error.repeated  # what is gone may never have been there
    except (TransportError, ServerError) as error:
        if not error.ambiguous:
            raise
        _raise_unless(is_gone, error)
    return True


def _raise_unless(is_gone: Callable[[], bool], error: ScalekitError) -> None:
    with failing_as(error):
        gone = is_gone()
    if not gone:
        raise error


@contextmanager
def failing_as(error: ScalekitError) -> Iterator[None]:
    """Raise the error of a write where the block cannot look what became of it: that matters more to the user."""
    try:
        yield
    except ScalekitError:
        raise error from None
