"""The bare calls: what the same requests take without Pulumi."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

CONCURRENCY = 32
"""Calls under way at once: the provider's own default. An engine's is four for each core."""


def bare_calls(
    url: str, client_id: str, client_secret: str, declared: Iterable[Mapping[str, Any]]
) -> dict[str, float]:
    """Create, update, list and delete connectors by an HTTP client alone; the seconds by operation."""
    seconds: dict[str, float] = {}
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    with (
        httpx.Client(base_url=url, timeout=60, limits=limits) as http,
        ThreadPoolExecutor(CONCURRENCY) as threads,
    ):

        def timed(operation: str, work: Callable[[], Any]) -> Any:
            started = time.perf_counter()
            form = {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret,
            }
            token = http.post("/oauth/token", data=form).raise_for_status().json()["access_token"]
            http.headers["authorization"] = f"Bearer {token}"
            done = work()
            seconds[operation] = time.perf_counter() - started
            return done

        def create(payload: Mapping[str, Any]) -> str:
            response = http.post("/api/v1/custom-providers", json=payload).raise_for_status().json()
            return str(response["provider"]["identifier"])

        def update(identifier: str, payload: Mapping[str, Any]) -> None:
            http.put(f"/api/v1/custom-providers/{identifier}", json=payload).raise_for_status()

        def delete(identifier: str) -> None:
            http.delete(f"/api/v1/custom-providers/{identifier}").raise_for_status()

        def read() -> None:
            params: dict[str, str | int] = {"filter.provider_type": "CUSTOM", "page_size": 1000}
            while True:
                response = http.get("/api/v1/providers", params=params).raise_for_status().json()
                if not response.get("next_page_token"):
                    return
                params["page_token"] = response["next_page_token"]

        payloads = list(declared)
        identifiers = timed("create", lambda: list(threads.map(create, payloads)))
        timed("update", lambda: list(threads.map(update, identifiers, payloads)))
        timed("refresh", read)
        timed("destroy", lambda: list(threads.map(delete, identifiers)))
    return seconds
