"""Measures a budget of requests per minute at the local Scalekit: the most that arrived within any 60 seconds.

python -m tests.reliability.budget --per-minute 120 --minutes 3
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from pulumi_scalekit import local
from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.settings import Settings


def main() -> int:
    """Read as fast as many threads may, and return 1 if a minute had more requests than the budget."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--per-minute", type=int, default=120, help="the budget")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long")
    parser.add_argument("--threads", type=int, default=32, help="how many ask at once")
    arguments = parser.parse_args()
    with local.running() as scalekit:
        settings = Settings(
            scalekit.url,
            scalekit.client_id,
            scalekit.client_secret,
            requests_per_minute=float(arguments.per_minute),
        )
        ends_at = time.monotonic() + 60 * arguments.minutes
        with Client(settings) as client:
            connectors = Connectors(client)

            def work(_index: int) -> None:
                while time.monotonic() < ends_at:
                    connectors.listed()

            with ThreadPoolExecutor(arguments.threads) as pool:
                list(pool.map(work, range(arguments.threads)))
        arrivals = sorted(request.at for request in scalekit.requests)
    most = max(sum(first <= at < first + 60 for at in arrivals) for first in arrivals)
    print(  # noqa: T201 - a script
        f"{len(arrivals)} requests of {arguments.threads} threads in {arrivals[-1] - arrivals[0]:.0f} s; "
        f"at most {most} within 60 s, of {arguments.per_minute} allowed"
    )
    return int(most > arguments.per_minute)


if __name__ == "__main__":
    sys.exit(main())
