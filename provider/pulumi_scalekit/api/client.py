"""The HTTP client of Scalekit's management API.

Every call goes through `Client.call`. It is bounded in time and size whatever the server does, follows no redirect
(so that no token ever reaches another host), is made again while that helps, and lifts the server's own message into
its error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from pulumi_scalekit._version import __version__
from pulumi_scalekit.errors import (
    ApiError,
    Interrupted,
    NotSent,
    ProtocolError,
    SettingsError,
    TimedOut,
    TransportError,
    Unauthenticated,
    Unreachable,
)
from pulumi_scalekit.redaction import Redaction, printable
from pulumi_scalekit.settings import Settings, is_loopback

from . import bounds, deadline, operation
from .auth import Token, TokenAuth
from .deadline import Deadline
from .paths import TOKEN
from .responses import Attributes, read_response
from .retries import Budget, ConcurrencyLimit, RetryPolicy, repeat


class Client:
    """A client of one environment. Threads may share it; connections are kept open and used again.

    >>> with Client(read_settings()) as client:  # doctest: +SKIP
    ...     client.call("list connectors", "GET", "/api/v1/providers")
    """

    def __init__(self, settings: Settings, *, transport: httpx.BaseTransport | None = None) -> None:
        """Connect to nothing yet.

        Args:
            settings: The environment, and how to talk to it.
            transport: What sends the requests, for tests.

        Raises:
            SettingsError: A proxy that the process environment names cannot be used.
        """
        self.settings = settings
        self.concurrency = ConcurrencyLimit(settings.parallel)
        self.redact = Redaction(settings.client_secret)
        self._budget = Budget(settings.requests_per_minute)
        self._deadline = Deadline()
        token = Token(settings, self.redact)
        self._auth = TokenAuth(token)
        self._auth_once = TokenAuth(token, renew=False)
        try:
            self._http = httpx.Client(
                base_url=settings.environment_url,
                transport=transport,
                follow_redirects=False,
                # A proxy for the outside world cannot reach this machine's own loopback; its certificates count.
                trust_env=not is_loopback(urlsplit(settings.environment_url).hostname or ""),
                verify=httpx.create_ssl_context(),
                timeout=httpx.Timeout(settings.timeout, connect=min(10.0, settings.timeout), pool=None),
                # The limit on concurrent calls is a limit on connections.
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
                headers={"user-agent": f"pulumi-scalekit/{__version__}", "accept": "application/json"},
                event_hooks={"request": [self._before_request]},
            )
        except (ValueError, ImportError, httpx.InvalidURL, OSError):
            # The cause is not shown: the URL of a proxy may hold a password.
            raise SettingsError(
                "The HTTP client cannot be set up: check the proxy in HTTPS_PROXY or ALL_PROXY (http:// or "
                "https://; socks5:// needs the package httpx[socks]) and the file in SSL_CERT_FILE, if set"
            ) from None
        deadline.apply(self._deadline, self._http)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self,
        action: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        repeatable: bool = True,
    ) -> Attributes:
        """Make one call, repeated while it fails for a passing reason, and return its JSON object.

        Args:
            action: What is being done, such as `create connector 'My Asana'`, for messages.
            method: The HTTP method.
            path: The path below the environment's URL, quoted: see `paths`.
            params: The query.
            body: The JSON body.
            repeatable: Whether an attempt with an unknown outcome may be made again.

        Raises:
            NotSent: The body cannot be written as JSON.
            TransportError: No usable response came back.
            ApiError: Scalekit refused, or kept failing.
        """
        content = None if body is None else _encoded(action, body)
        headers = {} if content is None else {"content-type": "application/json"}
        request = self._http.build_request(method, path, params=params, content=content, headers=headers)
        was_ambiguous = False

        def attempt() -> Attributes:
            nonlocal was_ambiguous
            try:
                with self.concurrency.turn():
                    attributes = self._exchange(action, request)
            except (ApiError, TransportError) as error:
                if isinstance(error, ApiError):
                    error.repeated = was_ambiguous
                was_ambiguous = was_ambiguous or error.ambiguous
                raise
            self.concurrency.succeeded()
            return attributes

        return repeat(attempt, RetryPolicy(self.settings, self.concurrency, repeatable=repeatable))

    @contextmanager
    def stream(
        self,
        action: str,
        method: str,
        path: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
    ) -> Iterator[httpx.Response]:
        """Make one call and yield its response, of any status, unread. It is not repeated, whatever happens.

        Args:
            action: What is being done, for messages.
            method: The HTTP method.
            path: The path below the environment's URL, quoted.
            headers: Further headers.
            content: The body.

        Raises:
            NotSent: A header has characters that HTTP does not allow.
            TransportError: No response came, or it broke off.
        """
        for name, value in headers:
            if not f"{name}{value}".isascii():
                raise NotSent(action, detail=f"the header {name!r} has characters other than ASCII")
        request = self._http.build_request(method, path, headers=list(headers), content=content)
        with self._explained(action, self.settings.timeout):
            with self._deadline.within(self.settings.timeout):
                response = self._http.send(request, auth=self._auth_once, stream=True)
            try:
                yield response
            finally:
                response.close()

    def _before_request(self, _request: httpx.Request) -> None:
        """What every request waits for, token requests too. Its own time begins after that."""
        self._budget.wait()
        self._deadline.restart()

    def _exchange(self, action: str, request: httpx.Request) -> Attributes:
        operation.check()
        seconds = min(self.settings.timeout, operation.seconds_left())
        with self._explained(action, seconds), self._deadline.within(seconds):
            response = self._http.send(request, auth=self._auth, stream=True)
            try:
                content = self._read(response)
            finally:
                response.close()
        try:
            return read_response(action, self.settings.environment_url, response, content, self.redact)
        except Unauthenticated as error:
            error.remedy = (
                "Scalekit has just issued the token that it refuses. Run again; if it goes on, check that "
                f"client {self.settings.client_id} belongs to {self.settings.environment_url}. "
                f"Its secret came from {self.settings.secret_source}"
            )
            raise

    def _read(self, response: httpx.Response) -> bytes:
        if "," in response.headers.get("content-encoding", ""):
            # What is compressed twice can unpack to a million times its size, and all of it at once.
            raise httpx.DecodingError("the response is compressed more than once", request=response.request)
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > bounds.MAX_BODY:
                raise bounds.too_large(response.request)
            if self._deadline.passed:
                raise httpx.ReadTimeout("the whole response takes too long", request=response.request)
        return b"".join(pieces)

    @contextmanager
    def _explained(self, action: str, seconds: float) -> Iterator[None]:
        """Turn the HTTP library's errors into ours."""
        where = self.settings.environment_url
        try:
            yield
        except httpx.HTTPError as error:
            reason = printable(self.redact(str(error)), maximum=200) or type(error).__name__
            explained: TransportError
            if isinstance(
                error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
            ):
                explained = Unreachable(
                    f"{action} failed: cannot reach {where} ({reason}). "
                    "Check the environment's URL, the network and any proxy"
                )
            elif isinstance(error, httpx.TimeoutException):
                explained = TimedOut(
                    f"{action} failed: {where} sent no response within {seconds:.3g} seconds. "
                    "Run again in a minute; what was done already is recognised"
                )
            elif isinstance(error, httpx.TransportError):
                explained = Interrupted(
                    f"{action} failed: the connection to {where} broke off ({reason}). "
                    "Run again; what was done already is recognised"
                )
            else:
                explained = ProtocolError(f"{action} failed: {where} sent an unusable response ({reason})")
            if isinstance(error, httpx.RequestError) and error.request.url.path == TOKEN:
                # Whatever was to be done with the token was not begun.
                explained.ambiguous = explained.pending = False
            raise explained from None


def _encoded(action: str, body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise NotSent(
            action,
            detail="the definition cannot be written as JSON: it holds text that is not valid Unicode, a number "
            "that is not finite, or too many levels",
        ) from None
