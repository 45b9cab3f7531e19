"""The HTTP client of Scalekit's management API: operations, deadlines, retries, paging.

Every request goes through `Client.call`. It is bounded in time whatever the server does, follows no redirect
(so that no token ever reaches another host), and lifts the server's own message into the error.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import stamina

from pulumi_scalekit._version import __version__
from pulumi_scalekit.errors import (
    ApiError,
    Interrupted,
    NotSent,
    ProtocolError,
    Redirected,
    SettingsError,
    TimedOut,
    TransportError,
    Unauthenticated,
    Unreachable,
)
from pulumi_scalekit.redaction import Redaction
from pulumi_scalekit.settings import Settings, is_loopback

from . import deadline
from .auth import Token
from .deadline import Deadline
from .responses import Attributes, api_error, depth, parse_json, printable
from .retries import MAX_PAUSE, ConcurrencyLimit, RetryPolicy

__all__ = ["Attributes", "Client", "checked_identifier"]

PAGE_SIZE: Final = 1000
"""The largest page of the list call, as documented."""
MAX_PAGES: Final = 1000
"""Pages of one list that are read at most."""
MAX_PAGE_TOKEN: Final = 4096
"""Characters of a page token at most: it goes into a URL."""
MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of an answer that are read at most."""
MAX_CONNECTOR_DEPTH: Final = 28
"""Levels of nesting of a connector at most: Pulumi's messages hold few more."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9_:-]{1,255}")


class Client:
    """A client of one environment. Threads may share it; connections are kept open and used again."""

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
        self._transport = transport
        self._deadline = Deadline()
        # A proxy configured for the outside world cannot reach this machine's own loopback.
        self._trust_env = not is_loopback(urlsplit(settings.environment_url).hostname or "")
        plain = settings.environment_url.startswith("http://")
        try:
            # Plain HTTP needs no certificates, and to load them takes 20 ms. This context trusts none.
            self._tls = (
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                if plain
                else httpx.create_ssl_context(trust_env=self._trust_env)
            )
            self._http = self._connect()
        except (ValueError, ImportError, httpx.InvalidURL, OSError):
            # The cause is not shown: the URL of a proxy may hold a password.
            raise SettingsError(
                "The HTTP client cannot be set up: check the proxy in HTTPS_PROXY or ALL_PROXY (http:// or "
                "https://; socks5:// needs the package httpx[socks]) and the file in SSL_CERT_FILE, if set"
            ) from None
        self._idle = [self._http]
        self._token = Token(self)

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> httpx.Client:
        settings = self.settings
        http = httpx.Client(
            base_url=settings.environment_url,
            transport=self._transport,
            follow_redirects=False,
            trust_env=self._trust_env,
            verify=self._tls,
            timeout=httpx.Timeout(settings.timeout, connect=min(10.0, settings.timeout), pool=None),
            headers={"user-agent": f"pulumi-scalekit/{__version__}", "accept": "application/json"},
        )
        deadline.apply(self._deadline, http)
        return http

    @contextmanager
    def _connection(self) -> Iterator[httpx.Client]:
        """An HTTP client of one connection that no other thread uses meanwhile.

        A client that all threads share looks through all of its connections twice for each request: at thirty of
        them, a sixth of a create's processor time. The last one used is the next one taken, so there are no more
        of them than there were calls at once.
        """
        try:
            http = self._idle.pop()
        except IndexError:
            http = self._connect()
        try:
            yield http
        finally:
            self._idle.append(http)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- The operations on custom connectors ---------------------------------------------------------------

    def connectors(
        self, *, identifier: str | None = None, provider_type: str = "CUSTOM"
    ) -> Iterator[Attributes]:
        """All connectors of the environment, page by page, or those of one identifier.

        Raises:
            ProtocolError: The list is none of connectors, or has no end.
            ScalekitError: As `call`.
        """
        params: dict[str, str | int] = {"filter.provider_type": provider_type, "page_size": PAGE_SIZE}
        if identifier is not None:
            params["identifier"] = checked_identifier(identifier)
        yield from self.listed("list connectors", "/api/v1/providers", params, "providers", _is_connector)

    def listed(
        self,
        action: str,
        path: str,
        params: Mapping[str, str | int],
        key: str,
        usable: Callable[[object], bool],
    ) -> Iterator[Attributes]:
        """Everything that a list call answers, page by page.

        Args:
            action: What is being done, for messages.
            path: The list's path.
            params: Its query, but for the page token.
            key: The property of the answer that holds the list.
            usable: Whether an entry can be what is listed.

        Raises:
            ProtocolError: The list is none of those, or has no end.
            ScalekitError: As `call`.
        """
        where = self.settings.environment_url
        asked: dict[str, str | int] = {**params}
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            answer = self.call(action, "GET", path, params=asked)
            page = answer.get(key) or []
            if not isinstance(page, list) or not all(usable(item) for item in page):
                raise ProtocolError(f"{action} failed: {where} answered with something that is no such list")
            yield from page
            token = answer.get("next_page_token")
            if not token:
                return
            if not isinstance(token, str) or len(token) > MAX_PAGE_TOKEN:
                raise ProtocolError(f"{action} failed: {where} answered with an unusable page token")
            if token in seen:
                raise ProtocolError(f"{action} failed: {where} repeats a page forever")
            seen.add(token)
            asked["page_token"] = token
        raise ProtocolError(f"{action} failed: {where} did not come to an end within {MAX_PAGES} pages")

    def create_connector(self, payload: Mapping[str, Any], *, what: str) -> Attributes:
        """Create a connector; answers it as stored.

        An attempt whose outcome is not known is not repeated here: `Connectors.create` knows how to.
        """
        answer = self.call(
            f"create {what}", "POST", "/api/v1/custom-providers", body=payload, repeatable=False
        )
        return self._provider(answer, f"create {what}")

    def update_connector(self, identifier: str, payload: Mapping[str, Any], *, what: str) -> Attributes:
        """Replace a connector's definition; answers it as stored. Safe to repeat."""
        answer = self.call(f"update {what}", "PUT", _connector_path(identifier), body=payload)
        return self._provider(answer, f"update {what}")

    def delete_connector(self, identifier: str, *, what: str) -> None:
        """Delete a connector. Safe to repeat."""
        self.call(f"delete {what}", "DELETE", _connector_path(identifier))

    def _provider(self, answer: Attributes, action: str) -> Attributes:
        provider = answer.get("provider")
        return self.usable(provider if isinstance(provider, dict) else {}, action)

    def usable(self, connector: Attributes, action: str) -> Attributes:
        """The connector itself, if it can be addressed, and Pulumi can carry it.

        Raises:
            ProtocolError: Its identifier is none, or it nests too deeply.
        """
        if not _is_identifier(connector.get("identifier")):
            raise ProtocolError(
                f"{action} failed: {self.settings.environment_url} answered without a usable identifier"
            )
        if depth(connector) > MAX_CONNECTOR_DEPTH:
            raise ProtocolError(
                f"{action} failed: the connector {printable(connector.get('identifier'))} nests deeper than "
                f"{MAX_CONNECTOR_DEPTH} levels, which Pulumi cannot hold"
            )
        return connector

    # --- The one way out -----------------------------------------------------------------------------------

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
        """Make one call, repeated while it fails for a passing reason, and answer its JSON object.

        Args:
            action: What is being done, such as `create connector 'My Asana'`, for messages.
            method: The HTTP method.
            path: The path below the environment's URL, quoted.
            params: The query.
            body: The JSON body.
            repeatable: Whether an attempt with an unknown outcome may be made again.

        Raises:
            TransportError: No usable answer came back.
            ApiError: Scalekit refused, or kept failing.
        """
        content = None if body is None else _encoded(action, body)
        headers = {} if content is None else {"content-type": "application/json"}
        request = self._http.build_request(method, path, params=params, content=content, headers=headers)
        token = self._token.current()
        request.headers["authorization"] = f"Bearer {token}"
        try:
            return self.send(action, request, repeatable=repeatable)
        except Unauthenticated as refusal:
            # Ended early or revoked: a new one, once.
            request.headers["authorization"] = f"Bearer {self._token.current(instead_of=token)}"
            try:
                return self.send(action, request, repeatable=repeatable)
            except Unauthenticated as error:
                error.remedy = (
                    "Scalekit has just issued the token that it refuses. Run again; if it goes on, check that "
                    f"client {self.settings.client_id} belongs to {self.settings.environment_url}. "
                    f"Its secret came from {self.settings.secret_source}"
                )
                raise
            except ApiError as error:
                error.repeated = error.repeated or refusal.repeated
                raise

    def send(self, action: str, request: httpx.Request, *, repeatable: bool = True) -> Attributes:
        """Send a prepared request under the same rules as `call`, with the headers that it has."""
        policy = RetryPolicy(self.settings, self.concurrency, repeatable=repeatable)
        repeated = False
        for attempt in stamina.retry_context(
            on=policy,
            attempts=None,  # `policy` sets the bounds: they differ between failures and rate limits
            timeout=None,
            wait_initial=self.settings.backoff,
            wait_max=MAX_PAUSE,
            wait_jitter=self.settings.backoff,
        ):
            with attempt:
                try:
                    with self.concurrency.turn():
                        answer = self._attempt(action, request)
                except (ApiError, TransportError) as error:
                    if isinstance(error, ApiError):
                        error.repeated = repeated
                    repeated = repeated or error.ambiguous
                    raise
                self.concurrency.succeeded()
                return answer
        raise AssertionError("unreachable: stamina raises the last error")  # pragma: no cover

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
            TransportError: No response came, or it broke off.
        """
        request = self._http.build_request(method, path, headers=list(headers), content=content)
        request.headers["authorization"] = f"Bearer {self._token.current()}"
        with self._explained(action), self._connection() as http:
            response = http.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()

    def _attempt(self, action: str, request: httpx.Request) -> Attributes:
        with (
            self._explained(action),
            self._deadline.within(self.settings.timeout),
            self._connection() as http,
        ):
            response = http.send(request, stream=True)
            try:
                content = self._read(response)
            finally:
                response.close()
        return self._parse(action, response, content)

    @contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        """Turn the HTTP library's errors into ours."""
        where = self.settings.environment_url
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise Unreachable(
                f"{action} failed: cannot reach {where} ({self._reason(error)}). "
                "Check the environment's URL, the network and any proxy"
            ) from None
        except httpx.TimeoutException:
            raise TimedOut(
                f"{action} failed: {where} gave no answer within {self.settings.timeout:g} seconds. "
                "Run again in a minute; what was done already is recognised"
            ) from None
        except httpx.TransportError as error:
            raise Interrupted(
                f"{action} failed: the connection to {where} broke off ({self._reason(error)}). "
                "Run again; what was done already is recognised"
            ) from None
        except httpx.HTTPError as error:
            raise ProtocolError(
                f"{action} failed: {where} answered unusably ({self._reason(error)})"
            ) from None

    def _read(self, response: httpx.Response) -> bytes:
        if "," in response.headers.get("content-encoding", ""):
            # What is packed twice can unpack to a million times its size, and all of it at once.
            raise httpx.DecodingError("the answer is compressed more than once")
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BODY:
                raise httpx.DecodingError(f"the answer is larger than {MAX_BODY // 1024 // 1024} MiB")
            if self._deadline.passed:
                raise httpx.ReadTimeout("the whole answer takes too long")
        return b"".join(pieces)

    def _parse(self, action: str, response: httpx.Response, content: bytes) -> Attributes:
        where, status = self.settings.environment_url, response.status_code
        if 300 <= status < 400:
            raise Redirected(
                f"{action} failed: {where} redirects elsewhere (HTTP {status}), which is not "
                "followed. Set SCALEKIT_ENVIRONMENT_URL to the environment's own URL"
            )
        try:
            answer = parse_json(content) if content.strip() else {}
        except ValueError:
            answer = None
        if not response.is_success:
            raise api_error(action, status, response.headers, answer, self.redact)
        if not isinstance(answer, dict):
            raise ProtocolError(
                f"{action} failed: {where} answered HTTP {status} with something that is "
                "no usable JSON object. Check that SCALEKIT_ENVIRONMENT_URL is a Scalekit environment"
            )
        return answer

    def _reason(self, error: Exception) -> str:
        return printable(self.redact(str(error)), most=200) or type(error).__name__


def checked_identifier(identifier: str) -> str:
    """The identifier itself, if it is one.

    Raises:
        NotSent: It holds characters that no identifier of Scalekit has; it is sent nowhere.
    """
    if not _is_identifier(identifier):
        raise NotSent(
            f"looking up the connector {identifier[:80]!r}",
            detail="an identifier has 1 to 255 letters, digits, '_', ':' and '-'",
            remedy="Use the identifier that `pulumi-scalekit list` shows",
        )
    return identifier


def _is_identifier(value: object) -> bool:
    return isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None


def _is_connector(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("identifier"), str)


def _connector_path(identifier: str) -> str:
    return f"/api/v1/custom-providers/{quote(checked_identifier(identifier), safe='')}"


def _encoded(action: str, body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise NotSent(
            action,
            detail="the definition cannot be written as JSON: it holds text that is no Unicode, a number "
            "that is not finite, or too many levels",
        ) from None
