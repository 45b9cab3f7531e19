"""The failures that the local Scalekit returns, one small class each.

Bodies follow the gRPC gateway: ``{"code", "message", "details": [ErrorInfo]}``.

    ApiError
    ├── InvalidArgument      400  code 3
    │   ├── DuplicateIdentifier
    │   ├── ExistsAlready
    │   ├── RestrictedName
    │   └── InUse
    ├── FailedPrecondition   400  code 9
    ├── Unauthenticated      401  code 16
    ├── PermissionDenied     403  code 7
    ├── NotFound             404  code 5
    ├── MethodNotAllowed     405  code 12
    ├── AlreadyExists        409  code 6
    ├── InUseConflict        409  code 10
    ├── TooLarge             413  code 3
    ├── Misdirected          421  code 3
    ├── RateLimited          429  code 8
    ├── Internal             500  code 13
    ├── UpstreamFailed       502  code 14
    ├── Unavailable          503  code 14
    └── DeadlineExceeded     504  code 4
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

ERROR_INFO = "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo"


@dataclass(frozen=True)
class Violation:
    """One field that broke a rule: where, why, and the name of the rule."""

    field: str
    description: str
    constraint: str


class ApiError(Exception):
    """A refusal with its HTTP status, gRPC code, error code and message."""

    status: ClassVar[int] = 500
    code: ClassVar[int] = 13
    error_code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})

    def info(self) -> dict[str, object]:
        """What the class adds to the one ErrorInfo of the body."""
        return {}

    def proxy_body(self) -> dict[str, object]:
        """Return the JSON body of this failure where Tool Proxy itself reports it."""
        return {"detail": self.message, "code": self.error_code}

    def body(self, request_id: str) -> dict[str, object]:
        """Return the JSON body of this failure."""
        info = {
            "@type": ERROR_INFO,
            "error_code": self.error_code,
            **self.info(),
            "request_info": {"request_id": request_id},
        }
        return {"code": self.code, "message": self.message, "details": [info]}


class InvalidArgument(ApiError):
    """The request is malformed, or the definition breaks a rule."""

    status = 400
    code = 3
    error_code = "INVALID_ARGUMENT"

    def __init__(self, message: str, violations: Iterable[Violation] = ()) -> None:
        super().__init__(message)
        self.violations = tuple(violations)

    def info(self) -> dict[str, object]:
        """Every violation at once, as the API's own error details do."""
        if not self.violations:
            return {}
        entries = [
            {"field": v.field, "description": v.description, "constraint": v.constraint}
            for v in self.violations
        ]
        return {"validation_error_info": {"field_violations": entries}}


class FailedPrecondition(ApiError):
    """The request is well formed, but the state of the environment forbids it."""

    status = 400
    code = 9
    error_code = "FAILED_PRECONDITION"


class Unauthenticated(ApiError):
    """No token, or one that is expired, revoked or not ours."""

    status = 401
    code = 16
    error_code = "UNAUTHENTICATED"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})

    def proxy_body(self) -> dict[str, object]:
        """Tool Proxy has a code of its own for it."""
        return {"detail": self.message, "code": "UNAUTHORIZED"}


class PermissionDenied(ApiError):
    """The client is known, but may not do this."""

    status = 403
    code = 7
    error_code = "PERMISSION_DENIED"

    def __init__(self, message: str, required: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.required = tuple(required)

    def info(self) -> dict[str, object]:
        """Name the permissions that are missing."""
        return {"resource_info": {"required_permissions": list(self.required)}} if self.required else {}


class NotFound(ApiError):
    """Nothing has that identifier."""

    status = 404
    code = 5
    error_code = "NOT_FOUND"


class MethodNotAllowed(ApiError):
    """The path exists, the method does not."""

    status = 405
    code = 12
    error_code = "UNIMPLEMENTED"


class AlreadyExists(ApiError):
    """Something else has that name already."""

    status = 409
    code = 6
    error_code = "RESOURCE_ALREADY_EXISTS"


class ExistsAlready(InvalidArgument):
    """The same in the other status that was seen."""

    error_code = AlreadyExists.error_code


class DuplicateIdentifier(InvalidArgument):
    """A connection has that name already."""

    error_code = "DUPLICATE_IDENTIFIER"


class RestrictedName(InvalidArgument):
    """No connection can have that name."""

    error_code = "RESTRICTED_CONNECTION_NAME"


class InUse(InvalidArgument):
    """The delete of a connector that is refused because it has connections."""

    error_code = "PROVIDER_HAS_EXISTING_CONNECTIONS"


class InUseConflict(ApiError):
    """The same refusal in its other possible shape."""

    status = 409
    code = 10
    error_code = "ABORTED"


class Misdirected(ApiError):
    """The Host header names another server (RFC 9110, section 15.5.20)."""

    status = 421
    code = 3
    error_code = "INVALID_ARGUMENT"


class TooLarge(ApiError):
    """The body exceeds the request size limit."""

    status = 413
    code = 3
    error_code = "INVALID_ARGUMENT"

    def __init__(self, message: str) -> None:
        # The rest of the body is not read, so the connection cannot be used again.
        super().__init__(message, headers={"Connection": "close"})


class RateLimited(ApiError):
    """Scalekit's own limit: too many requests a minute in this environment."""

    status = 429
    code = 8
    error_code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(message, headers={"Retry-After": retry_after} if retry_after else None)


class Internal(ApiError):
    """A failure of the server itself."""


class UpstreamFailed(ApiError):
    """Tool Proxy could not reach the upstream, or it broke the connection."""

    status = 502
    code = 14
    error_code = "TOOL_ERROR"


class Unavailable(ApiError):
    """The server is not available now."""

    status = 503
    code = 14
    error_code = "UNAVAILABLE"


class DeadlineExceeded(ApiError):
    """The server gave up waiting for itself."""

    status = 504
    code = 4
    error_code = "DEADLINE_EXCEEDED"


def for_status(status: int, message: str) -> ApiError:
    """Return the failure that has the HTTP status ``status``, as the fault switches need it."""
    classes: dict[int, type[ApiError]] = {
        400: InvalidArgument,
        401: Unauthenticated,
        403: PermissionDenied,
        404: NotFound,
        409: AlreadyExists,
        413: TooLarge,
        429: RateLimited,
        500: Internal,
        502: UpstreamFailed,
        503: Unavailable,
        504: DeadlineExceeded,
    }
    try:
        return classes[status](message)
    except KeyError:
        known = ", ".join(str(number) for number in classes)
        raise ValueError(f"no failure with status {status}; known: {known}") from None
