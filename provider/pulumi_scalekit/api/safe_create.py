"""A create that takes effect once, where Scalekit has no idempotency keys and makes the identifier itself."""

from __future__ import annotations

from collections.abc import Callable

from pulumi_scalekit.errors import (
    ApiError,
    Conflict,
    InvalidRequest,
    ScalekitError,
    ServerError,
    TransportError,
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
    for attempts_left in reversed(range(attempts)):
        try:
            made = post()
        except (TransportError, ServerError) as error:
            if not error.ambiguous:
                raise
            if (found := find(error)) is not None:
                return found
            # What may still take effect is not sent a second time, or there would be two in the end.
            if error.pending or not attempts_left:
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
    raise AssertionError("unreachable: the last attempt raises")  # pragma: no cover
