"""One served environment: everything that its operations share."""

from __future__ import annotations

import math
from collections import deque

from starlette.routing import Match, Router
from starlette.types import Scope

from .authorization_server import Authorizations
from .credentials import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Credentials
from .errors import RateLimited
from .faults import Faults
from .operations import OPERATIONS
from .request_log import RequestLog
from .settings import Settings
from .store import Store

WINDOW = 60.0
"""Seconds over which the rate limit counts: Scalekit counts requests per minute per environment."""


class Environment:
    """A store with its credentials, settings, faults, clock and request log."""

    def __init__(
        self,
        store: Store,
        *,
        settings: Settings | None = None,
        credentials: Credentials | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.store = store
        self.clock = store.clock
        self.settings = settings or Settings()
        if credentials is None:
            credentials = Credentials(self.clock, signing_key=store.secret_key())
            credentials.add_client(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
        self.credentials = credentials
        self.faults = faults or Faults()
        self.requests = RequestLog()
        self.authorizations = Authorizations(self.clock)
        self.router: Router | None = None
        self._recent: deque[float] = deque()

    def operation(self, scope: Scope) -> str:
        """Return the name of the route that a request goes to, `unknown` for none."""
        for route in self.router.routes if self.router else ():
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return str(getattr(route, "name", "unknown"))
        return "unknown"

    def check_rate(self, operation: str) -> None:
        """Count a request towards the rate limit. Raises :class:`RateLimited` beyond it.

        The window slides: a request is let in when fewer than the limit were within the last minute.
        """
        limit = self.settings.requests_per_minute
        if limit is None or operation not in OPERATIONS:
            return
        now = self.clock.now()
        while self._recent and self._recent[0] <= now - WINDOW:
            self._recent.popleft()
        if len(self._recent) >= limit:
            wait = self._recent[0] + WINDOW - now if self._recent else WINDOW
            raise RateLimited(
                f"the limit of {limit} requests a minute in this environment is reached",
                retry_after=str(max(1, math.ceil(wait))),
            )
        self._recent.append(now)
