"""Between the socket and the operations: request ids, the log, limits, and the faults' hooks.

:class:`Gate` is plain ASGI and wraps everything. Over a socket a fault can close the real connection; in
process, where there is none, it raises an ``httpx.RemoteProtocolError`` or ``httpx.ReadError`` instead, which
``httpx.ASGITransport`` hands to the caller as if its own transport had failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import socket
import struct
import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .environment import Environment
from .errors import ApiError, Misdirected
from .exchange import PAGE, TRANSPORT, Break, Exchange, Reply
from .faults import Armed
from .hosts import is_own
from .request_log import Request


class Gate:
    """The outermost layer: log, request id, rate limit, faults, and errors as bodies."""

    def __init__(self, app: ASGIApp, environment: Environment) -> None:
        self.app = app
        self.environment = environment

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request out."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        environment = self.environment
        operation = environment.operation(scope)
        log = environment.requests.add(
            lambda number: _entry(number, scope, operation, environment.clock.now())
        )
        exchange = Exchange(log, log.at, scope, receive, environment.settings.max_body)
        scope.setdefault("state", {})["exchange"] = exchange
        started = time.perf_counter()
        try:
            await self._respond(exchange, send)
        finally:
            log.duration = time.perf_counter() - started

    async def _respond(self, exchange: Exchange, send: Send) -> None:
        armed = self.environment.faults.draw(exchange.log.operation)
        exchange.log.faults = [each.spec for each in armed]
        collector = _Collector(send, exchange.log, hold=any(each.fault.rewrites for each in armed))
        try:
            try:
                await self._operate(exchange, armed, collector)
            except ApiError as error:
                collector.replace(exchange.refusal(error))
            if collector.hold:
                reply = collector.reply()
                for each in armed:
                    reply = each.fault.reply(exchange, reply)
                collector.replace(reply)
        except Break as ending:
            if ending.instead is None:
                await _close(exchange, collector, ending)
                return
            collector.replace(ending.instead)
        await collector.flush()

    async def _operate(self, exchange: Exchange, armed: list[Armed], collector: _Collector) -> None:
        if not is_own(exchange.host, self.environment.settings.host_names):
            raise Misdirected("this server does not go by the name of the Host header; use its address")
        for each in armed:
            await each.fault.before(exchange)
        for each in armed:
            each.fault.shape(exchange)
        self.environment.check_rate(exchange.log.operation)
        await self.app(exchange.scope, exchange.receive, collector)


class _Collector:
    """Passes messages on as they come, or holds them where a fault needs the whole response."""

    def __init__(self, send: Send, log: Request, *, hold: bool) -> None:
        self._send = send
        self._log = log
        self.hold = hold
        self._held: Reply | None = None
        self._start: Message = {"status": 500, "headers": []}
        self._body = bytearray()
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = self._complete(message["headers"])
            if self.hold:
                self._start = message
                return
            self._log.status = message["status"]
            self.started = True
        elif self.hold:
            self._body += message.get("body", b"")
            return
        await self._send(message)

    def _complete(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Add the date and the request id, unless an upstream's response brought its own."""
        complete = list(headers)
        names = {name.lower() for name, _ in complete}
        if b"date" not in names:
            complete.append((b"date", formatdate(usegmt=True).encode()))
        if b"x-request-id" not in names:
            complete.append((b"x-request-id", self._log.request_id.encode()))
        return complete

    def reply(self) -> Reply:
        """Return what was held."""
        if self._held is not None:
            return self._held
        headers = tuple(
            (key.decode("latin-1"), value.decode("latin-1")) for key, value in self._start["headers"]
        )
        return Reply(self._start["status"], headers, bytes(self._body))

    def replace(self, reply: Reply) -> None:
        """Send this instead, when it is time."""
        if self.started:
            raise RuntimeError("the response has begun already")
        self._held = reply

    async def flush(self) -> None:
        """Send what is held, if anything."""
        if self._held is not None:
            await self.emit(self._held, len(self._held.body))

    async def emit(self, reply: Reply, keep: int) -> None:
        """Send the head of a response, and ``keep`` bytes of its body."""
        self._log.status = reply.status
        self.started = True
        headers = [
            (name.encode(), value.encode("latin-1"))
            for name, value in reply.headers
            if name.lower() != "content-length"
        ]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        start = {"type": "http.response.start", "status": reply.status, "headers": self._complete(headers)}
        await self._send(start)
        whole = keep >= len(reply.body)
        await self._send({"type": "http.response.body", "body": reply.body[:keep], "more_body": not whole})


async def _close(exchange: Exchange, collector: _Collector, ending: Break) -> None:
    transport: Any = exchange.scope.get("extensions", {}).get(TRANSPORT)
    if ending.after is not None:
        await collector.emit(ending.after, ending.keep)
    if transport is None:
        if ending.reset:
            raise httpx.ReadError("connection reset (fault)")
        raise httpx.RemoteProtocolError("connection closed before the response was complete (fault)")
    if ending.reset:
        # With no time to linger the kernel sends RST instead of FIN.
        with contextlib.suppress(OSError):  # the client was quicker to close it
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        transport.abort()
    else:
        transport.close()
    # The server must see the connection as lost before this returns, or it would try to respond by itself.
    while (await exchange.receive())["type"] != "http.disconnect":
        await asyncio.sleep(0)


def _entry(number: int, scope: Scope, operation: str, now: float) -> Request:
    path = scope.get("raw_path", scope["path"].encode()).decode("ascii", "replace")
    query = scope.get("query_string", b"").decode("ascii", "replace")
    client = scope.get("client")
    if operation == PAGE:
        # Magic links and codes are credentials for a while.
        path, query = re.sub(r"^/magicLink/.*", "/magicLink/****", path), ""
    return Request(
        number=number,
        at=now,
        method=scope["method"],
        path=f"{path}?{query}" if query else path,
        operation=operation,
        request_id=f"req_{secrets.token_hex(8)}",
        connection=f"{client[0]}:{client[1]}" if client and TRANSPORT in scope.get("extensions", {}) else "",
    )
