"""How long many connectors take under a rate limit: in real time, by the local Scalekit's own limiter."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.settings import read_settings

from .servers import serving

LIMITS: Final = (60, 300, 1000)
"""Requests a minute."""


def create_under_limit(
    limit: int, declared: Iterable[Mapping[str, Any]], env: Mapping[str, str]
) -> tuple[float, dict[str, int]]:
    """Create connectors as a provider process does, without Pulumi; the seconds, and the requests made.

    The requests include those that the limit refused.
    """
    with serving(0, env, requests_per_minute=limit) as server:
        settings = read_settings(environ=server.env)
        started = time.perf_counter()
        with Client(settings) as client, ThreadPoolExecutor(settings.parallel) as threads:
            list(threads.map(Connectors(client).create, declared))
        return time.perf_counter() - started, server.requests()
