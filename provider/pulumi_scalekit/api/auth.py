"""The access token of OAuth 2.0 client credentials, one for all threads, as authentication of HTTP requests."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator
from typing import Final

import httpx

from pulumi_scalekit.errors import (
    CHECK_URL,
    ApiError,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    ScalekitError,
    ServerError,
    TransportError,
    Unauthenticated,
    Unreachable,
)
from pulumi_scalekit.redaction import Redaction
from pulumi_scalekit.settings import Settings

from .bounds import bound
from .paths import TOKEN
from .responses import read_response

DEFAULT_LIFETIME: Final = 300.0
"""Seconds that a token is used where the server does not say how long it is valid."""
_LEEWAY: Final = 0.1
"""The part of a token's life, at its end, in which it is no longer used."""
_TOKEN = re.compile(r"[!-~]{1,16384}")

Exchanges = Generator[httpx.Request, httpx.Response, str]
"""Requests to make on the way to a token."""


class Token:
    """The token of one client, renewed when it ends.

    Threads that need a new one wait for the first of them to get it, and share its failure too. That the
    credentials are refused is final for this object: another request cannot help, and could lock the client out.
    """

    def __init__(self, settings: Settings, redact: Redaction) -> None:
        self._settings = settings
        self._redact = redact
        self._action = f"request a token from {settings.environment_url}"
        self._lock = threading.Lock()
        self._token = ""
        self._ends_at = float("-inf")
        self._refused: Unauthenticated | None = None
        self._failure: ScalekitError | None = None
        self._failed_at = float("-inf")

    def current(self, *, instead_of: str | None = None) -> Exchanges:
        """Yield the token request, if one is needed, and return a valid token other than the one just refused.

        Raises:
            Unauthenticated: The environment does not accept the client id and secret.
            ScalekitError: It returned something else than a token.
        """
        came_at = time.monotonic()
        with self._lock:
            if self._refused is not None:
                raise self._refused.with_traceback(None)
            if self._token not in ("", instead_of) and time.monotonic() < self._ends_at:
                return self._token
            if self._failure is not None and self._failed_at > came_at:
                raise self._failure.with_traceback(None)
            requested_at = time.monotonic()
            try:
                response = yield self._request()
                self._token, lifetime = self._read(response)
            except GeneratorExit:
                # httpx could not send it, and raises what happened where the request was made.
                self._note(
                    Unreachable(f"{self._action} failed: another call of this run has just failed to get one")
                )
                raise
            except (ApiError, TransportError) as error:
                error.ambiguous = False  # whatever was to be done with the token was not begun
                self._note(error)
                raise
            self._ends_at = requested_at + lifetime * (1 - _LEEWAY)
            return self._token

    def _note(self, failure: ScalekitError) -> None:
        self._failure, self._failed_at = failure, time.monotonic()

    def _request(self) -> httpx.Request:
        return httpx.Request(
            "POST",
            f"{self._settings.environment_url}{TOKEN}",
            data={
                "grant_type": "client_credentials",
                "client_id": self._settings.client_id,
                "client_secret": self._settings.client_secret,
            },
            # Not compressed: httpx unpacks what is, whatever its size.
            headers={"accept": "application/json", "accept-encoding": "identity"},
        )

    def _read(self, response: httpx.Response) -> tuple[str, float]:
        settings = self._settings
        bound(response)
        try:
            attributes = read_response(
                self._action, settings.environment_url, response, response.read(), self._redact
            )
        except (RateLimited, ServerError):
            raise
        except ApiError as error:
            if error.status not in {400, 401, 403}:
                # Of a class of its own, so that nobody takes it for what Scalekit says about their own call.
                raise error.as_kind(ApiError, remedy=CHECK_URL) from None
            if isinstance(error, PermissionDenied) and error.required_permissions:
                remedy = error.remedy  # the secret is right, then
            else:
                remedy = (
                    f"The client secret came from {settings.secret_source}: check that it is this client's "
                    "current secret (Scalekit Dashboard, Developers > Settings > API Credentials)"
                )
            self._refused = error.as_kind(
                Unauthenticated,
                action=f"{self._action} as client {settings.client_id}",
                remedy=remedy,
            )
            raise self._refused from None
        token = attributes.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ProtocolError(
                f"{self._action} failed: {settings.environment_url} returned no usable access token"
            )
        self._redact.hide(token)
        return token, _lifetime(attributes.get("expires_in"))


class TokenAuth(httpx.Auth):
    """Puts the token into requests.

    Args:
        token: Where it comes from.
        renew: Whether a request that is refused with 401 is made once more, with a new token.
    """

    def __init__(self, token: Token, *, renew: bool = True) -> None:
        self._token = token
        self._renew = renew

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Authorize a request, as httpx asks; not `auth_flow`, because threads wait for each other here."""
        token = yield from self._token.current()
        request.headers["authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and self._renew:
            # It ended early, or was revoked.
            bound(response)
            token = yield from self._token.current(instead_of=token)
            request.headers["authorization"] = f"Bearer {token}"
            yield request


def _lifetime(expires_in: object) -> float:
    if isinstance(expires_in, str) and re.fullmatch(r"[0-9]{1,9}", expires_in):
        expires_in = int(expires_in)
    if isinstance(expires_in, (int, float)) and not isinstance(expires_in, bool) and expires_in > 0:
        return float(expires_in)
    return DEFAULT_LIFETIME
