"""A deadline for a whole HTTP exchange, and all that this package knows of httpx's private attributes.

httpx limits each single wait for the network. A server that sends a byte now and then never lets such a limit
pass, and could hold a call for days. Here every wait is cut to what is left of the exchange's own time.

What breaks without it, as where a future httpx has other attributes: nothing but that. Each wait keeps its own limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any

import httpcore
import httpx


class Deadline(threading.local):
    """When the exchange of this thread must be over; a synchronous client does all its waiting in one thread."""

    _seconds = float("inf")
    _at = float("inf")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give each exchange of the block this long, all its network calls together."""
        self._seconds = seconds
        self.restart()
        try:
            yield
        finally:
            self._seconds = self._at = float("inf")

    def restart(self) -> None:
        """Begin an exchange."""
        self._at = time.monotonic() + self._seconds

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._at

    def cut(self, timeout: float | None, error: type[Exception]) -> float | None:
        """What is left of `timeout` seconds.

        Raises:
            Exception: Nothing is left; of the type given.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise error("the whole exchange takes too long")
        if timeout is None:
            return None if left == float("inf") else left
        return min(timeout, left)


def apply(deadline: Deadline, client: httpx.Client) -> None:
    """Make every connection of a client keep the deadline.

    httpx has no public place for this. Transports without a connection pool of httpcore's are left alone.
    """
    transports = (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values())
    for transport in transports:
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if pool is not None and isinstance(backend, httpcore.NetworkBackend):
            pool._network_backend = _Backend(backend, deadline)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, backend: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self._backend = backend
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        stream = self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.cut(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.cut(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
