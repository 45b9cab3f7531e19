"""A local Scalekit in a process of its own, as a benchmark needs it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from pulumi_scalekit.local import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET


@dataclass(frozen=True)
class Server:
    """A running environment."""

    url: str
    http: httpx.Client

    @property
    def env(self) -> dict[str, str]:
        """The environment variables that point the provider here."""
        return {
            "SCALEKIT_ENVIRONMENT_URL": self.url,
            "SCALEKIT_CLIENT_ID": DEFAULT_CLIENT_ID,
            "SCALEKIT_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        }

    def requests(self) -> dict[str, int]:
        """How many requests arrived since the last question, by operation."""
        shown: dict[str, Any] = self.http.get("/_local/requests").raise_for_status().json()
        self.http.delete("/_local/requests").raise_for_status()
        return {name: count for name, count in shown["counts"].items() if name != "_local"}

    def advance(self, seconds: float) -> None:
        """Move the environment's clock forward."""
        self.http.post("/_local/clock", json={"advance": seconds}).raise_for_status()


@contextmanager
def serving(
    latency: float, env: Mapping[str, str], *, requests_per_minute: int | None = None
) -> Iterator[Server]:
    """Run an empty environment that responds to each request of the API after `latency` seconds."""
    command = [str(Path(sys.executable).parent / "pulumi-scalekit"), "serve", "--port", "0"]
    if latency:
        # Every operation of the API, so that asking for the counts is not slowed down.
        command += [f"--fault={operation}:latency={latency:g}" for operation in OPERATIONS]
    if requests_per_minute:
        command.append(f"--rate-limit={requests_per_minute}")
    with subprocess.Popen(command, env={**env}, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            announced = process.stdout.readline()
            found = re.search(r"http://\S+?:\d+", announced)
            if found is None:
                raise RuntimeError(f"the local Scalekit did not start: {announced}")
            with httpx.Client(base_url=found.group(), timeout=60, trust_env=False) as http:
                yield Server(found.group(), http)
        finally:
            process.terminate()
            process.wait(timeout=10)


OPERATIONS = ("token", "list", "create", "update", "delete")
"""The operations of the API that a benchmark uses, as the local Scalekit names them."""
