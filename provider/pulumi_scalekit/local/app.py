"""The ASGI application of one environment."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .credentials import Credentials
from .environment import Environment
from .errors import Internal, InvalidArgument, MethodNotAllowed, NotFound
from .faults import Faults
from .middleware import Gate
from .request import exchange_of
from .routes import accounts, admin, connections, connectors, magic_links, page, tokens, tool_proxy
from .settings import Settings
from .store import Store

ROUTES = (
    *tokens.ROUTES,
    *connectors.ROUTES,
    *connections.ROUTES,
    *accounts.ROUTES,
    *magic_links.ROUTES,
    accounts.DISCONNECT,
    *tool_proxy.ROUTES,
    *admin.ROUTES,
    *page.ROUTES,
)


def create_app(
    store: Store,
    *,
    settings: Settings | None = None,
    credentials: Credentials | None = None,
    faults: Faults | None = None,
) -> Starlette:
    """Return the application that serves one environment.

    Without ``credentials`` there is one client, `skc_local` with the secret `local-secret`, which may do
    everything. The environment's parts are at ``app.state.environment``.
    """
    environment = Environment(store, settings=settings, credentials=credentials, faults=faults)
    app = Starlette(
        routes=[*ROUTES],
        middleware=[Middleware(Gate, environment=environment)],
        exception_handlers={HTTPException: _refuse, Exception: _fail},
    )
    app.router.redirect_slashes = False
    app.state.environment = environment
    environment.router = app.router
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    """Turn the router's own refusals into the API's; the gate formats them."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        raise NotFound("Not Found")
    if status == 405:
        raise MethodNotAllowed("Method Not Allowed")
    raise InvalidArgument(f"{request.method} {request.url.path} failed: {error}")


async def _fail(request: Request, error: Exception) -> Response:
    """Report a failure of our own in the API's form; Starlette raises it again for the server's log."""
    exchange = exchange_of(request)
    failure = Internal(f"the local Scalekit failed: {type(error).__name__}")
    if not isinstance(error, httpx.TransportError):  # in process a fault drops a connection so
        exchange.log.status = failure.status
    # The server closes the connection after an exception; a client that knows does not use it again.
    headers = {"x-request-id": exchange.request_id, "Connection": "close"}
    return JSONResponse(failure.body(exchange.request_id), failure.status, headers=headers)
