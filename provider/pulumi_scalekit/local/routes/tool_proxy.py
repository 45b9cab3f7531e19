"""Tool Proxy: `/proxy{path}`, any method. Credentials go in, hop-by-hop headers stay behind, bodies stream.

Connections to upstreams are not kept: a call leaves nothing open, whatever happens to it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from pulumi_scalekit.local.environment import Environment
from pulumi_scalekit.local.errors import (
    ApiError,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    UpstreamFailed,
    Violation,
)
from pulumi_scalekit.local.exchange import PROXY, Break, Exchange
from pulumi_scalekit.local.request import authorize, environment_of, exchange_of, raw_path
from pulumi_scalekit.local.store import Account, Connection
from pulumi_scalekit.tool_proxy.account import AccountValues, ForbiddenDomain, InjectionError
from pulumi_scalekit.tool_proxy.request import NOT_FORWARDED, UpstreamRequest, upstream_request

from .accounts import app_connection

PREFIX = "/proxy"

HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""Headers that are for one connection only (RFC 9110, section 7.6.1), beside those that `Connection` names."""

RawHeaders = list[tuple[bytes, bytes]]
Result = TypeVar("Result")


class ToolProxy:
    """The ASGI endpoint of Tool Proxy."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one call to the upstream, and its response back."""
        request = Request(scope, receive)
        exchange = exchange_of(request)
        try:
            await self._carry(request, exchange, send)
        except ApiError as error:
            exchange.log.refused = error.message
            raise

    async def _carry(self, request: Request, exchange: Exchange, send: Send) -> None:
        environment = environment_of(request)
        authorize(request)
        connection, account = _find(environment, request)
        upstream = _inject(environment, request, connection, account)
        exchange.log.injected = {
            "connection": connection.name,
            "identifier": account.identifier,
            "url": upstream.masked_url,
            "headers": upstream.masked(),
        }
        environment.store.touch_account(account)
        response = await _call(environment, request, exchange, upstream)
        try:
            await _pass_on(response, exchange, send)
        finally:
            await response.aclose()


def _find(environment: Environment, request: Request) -> tuple[Connection, Account]:
    name, identifier = (request.headers.get(key, "") for key in ("connection_name", "identifier"))
    missing = [key for key, value in (("connection_name", name), ("identifier", identifier)) if not value]
    if missing:
        raise InvalidArgument(
            f"the header {' and the header '.join(missing)} must be given",
            [Violation(key, "is required as a header", "required") for key in missing],
        )
    connection = app_connection(request, name)
    if not connection.enabled:
        raise FailedPrecondition(f"connection {name} is disabled")
    account = environment.store.find_account(connection.id, identifier)
    if account is None:
        raise NotFound(f"connection {name} has no connected account {identifier!r}")
    if account.status != "ACTIVE":
        raise FailedPrecondition(
            f"connected account {identifier} of connection {name} is {account.status}; "
            "authorize it, by its magic link for example"
        )
    return connection, account


def _inject(
    environment: Environment, request: Request, connection: Connection, account: Account
) -> UpstreamRequest:
    connector = environment.store.get_provider(connection.provider_key)
    if connector is None:
        raise NotFound(f"connector {connection.provider_key} not found")
    path = raw_path(request).partition("?")[0].removeprefix(PREFIX)
    query = request.scope.get("query_string", b"").decode("latin-1")
    # What was never said means off here, as the list shows it.
    definition = {"proxy_enabled": False, **connector.payload}
    if connection.resolved_proxy_url:
        definition = {**definition, "proxy_url": connection.resolved_proxy_url}
    values = AccountValues.from_api(account.authorization_details, account.api_config)
    try:
        return upstream_request(definition, values, path, query)
    except ForbiddenDomain as error:
        raise PermissionDenied(str(error)) from None
    except InjectionError as error:
        raise FailedPrecondition(f"connector {connector.identifier}: {error}") from None


async def _call(
    environment: Environment, request: Request, exchange: Exchange, upstream: UpstreamRequest
) -> httpx.Response:
    url, host = destination(upstream.url, environment.settings.upstreams)
    headers = request_headers(request.headers.raw, upstream, host)
    body = bool(int(request.headers.get("content-length") or 0)) or "transfer-encoding" in request.headers
    outgoing = _Body(request.stream()) if body else None
    origin, target = _split(url)
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), environment.settings.upstream_timeout)
    limits = httpx.Limits(max_keepalive_connections=0)
    transport = httpx.AsyncHTTPTransport(verify=tls(), limits=limits)
    call = transport.handle_async_request(
        httpx.Request(
            request.method,
            url,
            headers=headers,
            stream=outgoing or httpx.ByteStream(b""),
            # The target goes out as it came in: httpx would normalize its percent-encoding.
            extensions={"timeout": timeout, "target": target.encode("latin-1")},
        )
    )
    try:
        return await _while_there(call, exchange, outgoing)
    except httpx.TimeoutException:
        raise DeadlineExceeded(f"the upstream {origin} did not respond in time") from None
    except httpx.LocalProtocolError:
        # The library's own message repeats the header, and with it the credential.
        raise FailedPrecondition(
            "proxy_url and the headers to inject do not make a valid HTTP request"
        ) from None
    except (httpx.ConnectError, httpx.InvalidURL) as error:
        raise UpstreamFailed(f"the upstream {origin} could not be reached: {error}") from None
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        raise UpstreamFailed(f"the upstream {origin} broke the connection off: {reason}") from None


async def _pass_on(response: httpx.Response, exchange: Exchange, send: Send) -> None:
    """Send the upstream's response on, and stop when either side goes away."""
    start = {
        "type": "http.response.start",
        "status": response.status_code,
        "headers": end_to_end(response.headers.raw),
    }
    await send(start)
    try:
        await _while_there(_pump(response, send), exchange)
    except (httpx.TransportError, httpx.StreamError):
        # The head is out already: a response that ends early is all that can be told.
        raise Break from None


async def _while_there(
    work: Coroutine[Any, Any, Result], exchange: Exchange, body: _Body | None = None
) -> Result:
    """Return what work returns. Give it up, and the exchange, as soon as the caller goes away."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_leaves(exchange, body))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Break
        return working.result()
    except ClientDisconnect:
        raise Break from None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _leaves(exchange: Exchange, body: _Body | None) -> None:
    if body is not None:
        await body.ended.wait()  # until then it is the body that notices
    while (await exchange.receive())["type"] != "http.disconnect":
        pass


async def _pump(response: httpx.Response, send: Send) -> None:
    async for chunk in response.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _split(url: str) -> tuple[str, str]:
    """Return the origin of a URL and its request target, byte for byte."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    target = url[len(origin) :]
    return origin, target if target.startswith("/") else f"/{target}"


def destination(url: str, upstreams: Mapping[str, str]) -> tuple[str, str]:
    """Return where a request really goes, and its Host header, by the map of upstreams.

    The Host stays that of ``url``: the upstream sees what the real one would.
    """
    origin, target = _split(url)
    host = urlsplit(url).netloc
    mapped = upstreams.get(origin, upstreams.get("*"))
    return (url if mapped is None else mapped.rstrip("/") + target), host


def request_headers(
    incoming: Iterable[tuple[bytes, bytes]], upstream: UpstreamRequest, host: str
) -> RawHeaders:
    """Return the headers for the upstream: the caller's end-to-end ones and the injected ones.

    An injected header replaces the caller's. The caller's `Authorization` is Scalekit's token: it never
    goes on.
    """
    incoming = list(incoming)
    injected = [(header.name.encode(), header.value.encode()) for header in upstream.headers]
    dropped = NOT_FORWARDED | {name.decode().lower() for name, _ in injected}
    headers = [(b"Host", host.encode())]
    headers += [(name, value) for name, value in end_to_end(incoming) if name.decode().lower() not in dropped]
    # The framing of the body is this hop's own affair; its length, where known, stays.
    names = {name.lower(): value for name, value in incoming}
    if b"transfer-encoding" in names:
        headers.append((b"Transfer-Encoding", b"chunked"))
    elif b"content-length" in names:
        headers.append((b"Content-Length", names[b"content-length"]))
    return headers + injected


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Return the headers without those that are for one connection only."""
    headers = list(headers)
    named = {
        option.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for option in value.decode("latin-1").split(",")
    }
    dropped = HOP_BY_HOP | named
    return [(name, value) for name, value in headers if name.decode("latin-1").lower() not in dropped]


class _Body(httpx.AsyncByteStream):
    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.ended = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            if chunk:
                yield chunk
        self.ended.set()


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return the TLS settings for upstreams, made once: loading the certificates takes a while."""
    return httpx.create_ssl_context(trust_env=True)


ROUTES: list[BaseRoute] = [
    Route(PREFIX, ToolProxy(), name=PROXY),
    Route(PREFIX + "/{path:path}", ToolProxy(), name=PROXY),
]
