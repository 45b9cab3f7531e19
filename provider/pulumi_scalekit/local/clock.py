"""The server's clock: real time, which tests can move forward."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone


class Clock:
    """Wall-clock time in seconds since the epoch, plus whatever :meth:`advance` added.

    Tokens, rate limits and late lists are measured with it; latency is really slept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead = 0.0

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward by ``seconds``."""
        with self._lock:
            self._ahead += seconds


def timestamp(seconds: float) -> str:
    """Format seconds since the epoch as the API does: RFC 3339 in UTC, microseconds."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat().replace("+00:00", "Z")
