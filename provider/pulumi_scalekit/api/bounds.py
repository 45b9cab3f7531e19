"""How much of a response is read at most, also where httpx reads one by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import httpx

MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of a response that are read at most."""


def bound(response: httpx.Response) -> None:
    """Bound a response that comes between two requests, which httpx reads whole by itself.

    It is left as it is, since what is compressed can unpack to any size.
    """
    response.headers.pop("content-encoding", None)
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _BoundedStream(response.stream, response.request)


class _BoundedStream(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, request: httpx.Request) -> None:
        self._stream = stream
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._stream:
            size += len(piece)
            if size > MAX_BODY:
                raise too_large(self._request)
            yield piece

    def close(self) -> None:
        self._stream.close()


def too_large(request: httpx.Request) -> httpx.DecodingError:
    """The error for a response that is larger than `MAX_BODY`."""
    return httpx.DecodingError(f"the response is larger than {MAX_BODY // 1024 // 1024} MiB", request=request)
