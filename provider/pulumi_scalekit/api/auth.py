"""The access token of OAuth 2.0 client credentials: one for all threads of a process."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Final

import httpx

from pulumi_scalekit.errors import ApiError, ProtocolError, ScalekitError, TransportError, Unauthenticated

if TYPE_CHECKING:
    from .client import Client

DEFAULT_LIFETIME: Final = 300.0
"""Seconds that a token is used where the server does not say how long it holds."""
_LEEWAY: Final = 0.1
"""The part of a token's life, at its end, in which it is not used any more."""
_TOKEN = re.compile(r"[!-~]{1,16384}")


class Token:
    """The token of one client, renewed when it ends.

    Threads that need a new one wait for the first of them to get it, and share its failure too. That the
    credentials are refused is final for this object: asking again cannot help, and could lock the client out.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._token = ""
        self._ends_at = float("-inf")
        self._refused: Unauthenticated | None = None
        self._failure: ScalekitError | None = None
        self._failed_at = float("-inf")

    def current(self, *, instead_of: str | None = None) -> str:
        """A token that still holds, and is not the one that was just refused.

        Raises:
            Unauthenticated: The environment does not accept the client id and secret.
            ScalekitError: As `Client.send`.
        """
        came_at = time.monotonic()
        with self._lock:
            if self._refused is not None:
                raise self._refused.with_traceback(None)
            if self._token not in ("", instead_of) and time.monotonic() < self._ends_at:
                return self._token
            if self._failure is not None and self._failed_at > came_at:
                raise self._failure.with_traceback(None)
            try:
                self._renew()
            except (TransportError, ApiError) as error:
                error.ambiguous = False  # whatever was to be done with the token was not begun
                self._failure, self._failed_at = error, time.monotonic()
                raise
            return self._token

    def _renew(self) -> None:
        settings = self._client.settings
        action = f"sign in to {settings.environment_url}"
        request = httpx.Request(
            "POST",
            f"{settings.environment_url}/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": settings.client_id,
                "client_secret": settings.client_secret,
            },
            headers={"accept": "application/json"},
        )
        asked_at = time.monotonic()
        try:
            answer = self._client.send(action, request)
        except ApiError as error:
            if error.status not in {400, 401, 403}:
                raise
            self._refused = Unauthenticated(
                f"{action} as client {settings.client_id}",
                status=error.status,
                detail=error.detail,
                error_code=error.error_code,
                request_id=error.request_id,
                remedy=(
                    f"The client secret came from {settings.secret_source}: check that it is this client's "
                    "current secret (Scalekit Dashboard, Developers > Settings > API Credentials)"
                ),
            )
            raise self._refused from None
        token = answer.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ProtocolError(
                f"{action} failed: {settings.environment_url} answered without a usable access token"
            )
        self._client.redact.hide(token)
        self._token = token
        self._ends_at = asked_at + _lifetime(answer.get("expires_in")) * (1 - _LEEWAY)


def _lifetime(expires_in: object) -> float:
    if isinstance(expires_in, str) and re.fullmatch(r"[0-9]{1,9}", expires_in):
        expires_in = int(expires_in)
    if isinstance(expires_in, (int, float)) and not isinstance(expires_in, bool) and expires_in > 0:
        return float(expires_in)
    return DEFAULT_LIFETIME
