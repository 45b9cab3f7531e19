"""The requests that the server received, for tests and for the page."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field


@dataclass
class Request:
    """One request. Headers and bodies are left out, and of pages for people the query and the link, too."""

    number: int
    """Its position since the start of the server, from 1."""
    at: float
    """When it arrived, in seconds since the epoch."""
    method: str
    path: str
    """The path with its percent-encoding and query, as it came over the wire."""
    operation: str
    """The name of the route: `create`, `list`, `token`, `proxy`, …; `unknown` for none."""
    request_id: str
    connection: str
    """The client's address and port: one value for each TCP connection, empty in process."""
    status: int | None = None
    """The HTTP status that was sent; None when the connection was dropped before one."""
    duration: float | None = None
    """Seconds until the response was complete; None while it is not."""
    faults: list[str] = field(default_factory=list)
    """The specifications of the faults that were drawn for it."""
    connector: str = ""
    """The identifier of the connector that it concerns, or the name that a refused create asked for."""
    connection_name: str = ""
    """The name of the connection that it concerns."""
    injected: dict[str, object] | None = None
    """Tool Proxy: `connection`, `identifier`, the upstream's `url` and the `headers` that were injected, with
    credentials masked."""
    refused: str | None = None
    """Tool Proxy: why the call was refused, or got no response from the upstream."""


class RequestLog:
    """The latest requests, oldest first, with counts that cover all since the start or :meth:`clear`."""

    def __init__(self, keep: int = 10_000) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Request] = deque(maxlen=keep)
        self._counts: Counter[str] = Counter()
        self._number = 0

    def add(self, make: Callable[[int], Request]) -> Request:
        """Append the request that ``make`` builds from its number."""
        with self._lock:
            self._number += 1
            request = make(self._number)
            self._entries.append(request)
            self._counts[request.operation] += 1
        return request

    def __iter__(self) -> Iterator[Request]:
        with self._lock:
            return iter(list(self._entries))

    def __len__(self) -> int:
        return sum(self.counts.values())

    @property
    def counts(self) -> Counter[str]:
        """The number of requests by operation."""
        with self._lock:
            return self._counts.copy()

    def count(self, operation: str) -> int:
        """Return how many requests of an operation arrived."""
        return self.counts[operation]

    def of(self, operation: str) -> list[Request]:
        """Return the requests of one operation."""
        return [request for request in self if request.operation == operation]

    def clear(self) -> None:
        """Forget entries and counts."""
        with self._lock:
            self._entries.clear()
            self._counts.clear()

    def as_json(self) -> dict[str, object]:
        """Return counts and entries as the admin endpoint shows them."""
        return {"counts": dict(self.counts), "requests": [asdict(request) for request in self]}
