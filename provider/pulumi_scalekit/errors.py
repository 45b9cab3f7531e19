"""Everything that this package raises on purpose.

The hierarchy::

    ScalekitError
     ├─ SettingsError          a setting is missing or malformed
     ├─ WrongEnvironment       a connector of one environment, the settings of another
     ├─ DefinitionError        a definition breaks a rule
     ├─ ConnectorExists        a create would make a duplicate
     ├─ ConnectorNotFound      no such connector in the environment
     ├─ AmbiguousConnector     several connectors where one was asked for
     ├─ Cancelled              Pulumi was told to stop
     │   └─ OutOfTime          the time that the program gives an operation is over
     ├─ EngineError            Pulumi could not do what was asked of it
     ├─ InjectionError         a definition makes no upstream request of a call (`tool_proxy`)
     ├─ DiscoveryError         an API's documents cannot be read (`discovery`)
     ├─ TransportError         no usable response came back
     │   ├─ Unreachable        the request never left
     │   ├─ Interrupted        the request left, the response did not arrive: the outcome is not known
     │   │   └─ TimedOut       nor is it known whether Scalekit is done with it
     │   └─ ProtocolError      the response is not Scalekit's: broken JSON, endless paging
     │       └─ Redirected     it points elsewhere, and is not followed
     └─ ApiError               Scalekit refused
         ├─ InvalidRequest     400
         │   └─ NotSent        it could not be right, and never left
         ├─ Unauthenticated    401
         ├─ PermissionDenied   403
         ├─ NotFound           404
         ├─ Unrouted           404 of something on the way to Scalekit
         ├─ Conflict           409
         ├─ InUse              a delete refused because something still uses it
         ├─ RateLimited        429
         └─ ServerError        408, 500 and up: the outcome of a write is not known

Each reads as one message that a user can act on: what failed, what Scalekit returned, and what to do.
No message has a client secret or a token in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar


class ScalekitError(Exception):
    """The base of all errors of this package. `str()` of one is a whole message for its user."""


class Cancelled(ScalekitError):
    """The operation was cancelled while it waited."""

    def __init__(self) -> None:
        super().__init__("The operation was cancelled. What was done already is recognised by the next run")


class OutOfTime(Cancelled):
    """The operation took longer than it may."""

    def __init__(self) -> None:
        ScalekitError.__init__(
            self,
            "The time for this operation (custom_timeouts) is over. "
            "What was done already is recognised by the next run",
        )


class SettingsError(ScalekitError):
    """A setting is missing or malformed."""


class WrongEnvironment(ScalekitError):
    """A connector lives in another environment than the one that the settings name."""

    def __init__(self, *, what: str, recorded: str, current: str) -> None:
        super().__init__(
            f"{what} lives in {recorded}, but the settings of this run name {current}. Nothing was changed. "
            f"Use the settings of the stack's own environment. If the environment's URL itself has changed, "
            f"run once with SCALEKIT_FORMER_ENVIRONMENT_URL={recorded}"
        )


class DefinitionError(ScalekitError):
    """A definition breaks rules: the message lists every one with its property path."""


class ConnectorExists(ScalekitError):
    """A connector of that display name exists already, and creating another would make a duplicate."""


class ConnectorNotFound(ScalekitError):
    """The environment has no such connector."""


class AmbiguousConnector(ScalekitError):
    """Several connectors of the environment match where exactly one was asked for."""


class EngineError(ScalekitError):
    """The Pulumi engine is missing, or could not do what was asked of it."""


class TransportError(ScalekitError):
    """No usable response came back."""

    ambiguous = False
    """Whether a write may have taken effect all the same."""
    pending = False
    """Whether Scalekit may still be at work on it, and take it into effect later."""
    accepted = False
    """Whether the status said that it was done: only the body is unusable."""


class Unreachable(TransportError):
    """The request never reached the environment."""


class Interrupted(TransportError):
    """The request was sent, but its response did not arrive."""

    ambiguous = True


class TimedOut(Interrupted):
    """The request was sent, and the time for its response passed."""

    pending = True


class ProtocolError(TransportError):
    """The response is not one that Scalekit's API gives."""

    ambiguous = True


class Redirected(ProtocolError):
    """The response points elsewhere. Nothing is sent there: the request carries a token."""

    ambiguous = False


_Kind = TypeVar("_Kind", bound="ApiError")


@dataclass(frozen=True)
class Violation:
    """A property that Scalekit refused, in its own words."""

    field: str
    description: str


class ApiError(ScalekitError):
    """Scalekit returned an error.

    Attributes:
        status: The HTTP status.
        error_code: Scalekit's own code, such as `RATE_LIMITED`, or "".
        detail: Scalekit's own message.
        request_id: What Scalekit's support asks for, or "".
        violations: The refused properties.
        required_permissions: What a 403 says is missing.
        retry_after: Seconds to wait, as a 429 or 503 may say, or `None`.
        repeated: Whether an earlier attempt of the same call may have taken effect.
    """

    ambiguous = False
    """Whether a write may have taken effect all the same."""
    remedy = ""

    def __init__(
        self,
        action: str,
        *,
        status: int,
        detail: str = "",
        error_code: str = "",
        request_id: str = "",
        violations: Sequence[Violation] = (),
        required_permissions: Sequence[str] = (),
        retry_after: float | None = None,
        remedy: str = "",
    ) -> None:
        self.action = action
        self.status = status
        self.detail = detail
        self.error_code = error_code
        self.request_id = request_id
        self.violations = tuple(violations)
        self.required_permissions = tuple(required_permissions)
        self.retry_after = retry_after
        self.repeated = False
        if remedy:
            self.remedy = remedy
        super().__init__(action)

    def as_kind(self, kind: type[_Kind], *, action: str = "", remedy: str = "") -> _Kind:
        """The same response as an error of another kind, with another action or remedy where one is given."""
        return kind(
            action or self.action,
            status=self.status,
            detail=self.detail,
            error_code=self.error_code,
            request_id=self.request_id,
            violations=self.violations,
            required_permissions=self.required_permissions,
            remedy=remedy,
        )

    def __str__(self) -> str:
        said = self.detail or "no reason given"
        if self.violations:
            said += ": " + "; ".join(f"{v.field}: {v.description}" for v in self.violations)
        if self.required_permissions:
            said += f" (needs {', '.join(self.required_permissions)})"
        reference = f"HTTP {self.status}"
        if self.error_code:
            reference += f", {self.error_code}"
        if self.request_id:
            reference += f", request {self.request_id}"
        text = f"{self.action} failed: Scalekit returned “{said}” ({reference})"
        return f"{text}. {self.remedy}" if self.remedy else text


class InvalidRequest(ApiError):
    """400: Scalekit refuses what was sent."""

    remedy = "Correct the named properties and run again"


class NotSent(InvalidRequest):
    """The request could not be right, so it was not made."""

    remedy = ""

    def __init__(self, action: str, *, detail: str, remedy: str = "") -> None:
        super().__init__(action, status=400, detail=detail, remedy=remedy)

    def __str__(self) -> str:
        text = f"{self.action} failed: {self.detail}"
        return f"{text}. {self.remedy}" if self.remedy else text


class Unauthenticated(ApiError):
    """401: the client id and secret, or the token made from them, are not accepted."""


class PermissionDenied(ApiError):
    """403: the client may not do this."""

    def __init__(
        self, action: str, *, required_permissions: Sequence[str] = (), remedy: str = "", **response: Any
    ) -> None:
        if not remedy:
            where = "in the Scalekit Dashboard (Developers > Settings > API Credentials)"
            missing = " and ".join(required_permissions)
            remedy = (
                f"Give this API client {missing} {where}"
                if missing
                else f"Scalekit does not say which permission is missing: compare those of this API client {where}"
            )
        super().__init__(action, required_permissions=required_permissions, remedy=remedy, **response)


CHECK_URL: Final = "Check that SCALEKIT_ENVIRONMENT_URL is a Scalekit environment"


class Unrouted(ApiError):
    """404, but not in Scalekit's words: a proxy or a gateway does not know the URL. What exists is not known."""

    remedy = CHECK_URL


class NotFound(ApiError):
    """404: there is no such thing."""


class Conflict(ApiError):
    """409: it clashes with what exists."""


class InUse(ApiError):
    """A delete was refused because connections or connected accounts still use the connector."""

    remedy = "Remove these connections and their connected accounts first, then run again"


class RateLimited(ApiError):
    """429: too many requests a minute in this environment, for longer than this run waits."""

    remedy = (
        "Run again in a minute; a lower SCALEKIT_PARALLEL or a longer SCALEKIT_RATE_LIMIT_WAIT avoids this"
    )


class ServerError(ApiError):
    """408 and 5xx: Scalekit failed. Whether a write took effect is not known."""

    accepted = False

    ambiguous = True
    remedy = "Run again; what was done already is recognised"

    @property
    def pending(self) -> bool:
        """Whether Scalekit may still be at work on it: a gateway in front of it was tired of waiting."""
        return self.status in {408, 504}


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The advice of an error about a name that is not known.

    Args:
        name: What was given.
        known: What could have been.
        otherwise: The advice where nothing is alike.

    Example:
        >>> did_you_mean("ehco", ["echo", "crm"])
        "Did you mean 'echo'?"
    """
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), 1)
    return f"Did you mean {close[0]!r}?" if close else otherwise
