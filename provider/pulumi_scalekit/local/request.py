"""What a handler needs from its request."""

from __future__ import annotations

from starlette.requests import Request

from .environment import Environment
from .exchange import Exchange
from .store import Connection


def environment_of(request: Request) -> Environment:
    """Return the environment that the application serves."""
    environment: Environment = request.app.state.environment
    return environment


def exchange_of(request: Request) -> Exchange:
    """Return what is decided about the request: its body, id and faults."""
    exchange: Exchange = request.scope["state"]["exchange"]
    return exchange


def note_connection(request: Request, connection: Connection) -> None:
    """Note in the log which connection, and so which connector, a request concerns."""
    log = exchange_of(request).log
    log.connector, log.connection_name = connection.provider_key, connection.name


def path_parameter(request: Request, name: str) -> str:
    """Return a path parameter, percent-decoded once."""
    return str(request.path_params[name])


def raw_path(request: Request) -> str:
    """Return the path as it came over the wire, percent-encoding and all."""
    path = request.scope.get("raw_path")
    return path.decode("ascii") if isinstance(path, bytes) else str(request.scope["path"])


def authorize(request: Request, permission: str | None = None) -> None:
    """Check the bearer token, and that its client has the permission, if one is named."""
    environment, exchange = environment_of(request), exchange_of(request)
    authorization = request.headers.get("authorization")
    if exchange.behaviour.revoke_token:
        environment.credentials.revoke_token(authorization)
    client = environment.credentials.authenticate(authorization)
    if permission is not None:
        client.require(permission)
