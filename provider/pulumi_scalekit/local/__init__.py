"""A local Scalekit: a real HTTP server with the documented API, for trying things out and for tests.

Run it with `pulumi-scalekit serve`, or in a test::

    with local.running() as scalekit:
        ...  # scalekit.url, scalekit.client_id, scalekit.client_secret
"""

from .app import create_app
from .clock import Clock
from .credentials import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Credentials
from .faults import FaultError, Faults
from .request_log import Request, RequestLog
from .server import LocalScalekit, ServeError, running, serve
from .settings import Settings
from .store import Store, StoreError

__all__ = [
    "DEFAULT_CLIENT_ID",
    "DEFAULT_CLIENT_SECRET",
    "Clock",
    "Credentials",
    "FaultError",
    "Faults",
    "LocalScalekit",
    "Request",
    "RequestLog",
    "ServeError",
    "Settings",
    "Store",
    "StoreError",
    "create_app",
    "running",
    "serve",
]
