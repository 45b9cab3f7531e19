"""The operations on connections: `/api/v1/connections`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pulumi_scalekit.definition.connection import AUTH_MODES
from pulumi_scalekit.local import connection_settings, pagination, serialization
from pulumi_scalekit.local.clock import timestamp
from pulumi_scalekit.local.credentials import READ, READ_CONNECTIONS, WRITE_CONNECTIONS
from pulumi_scalekit.local.errors import (
    DuplicateIdentifier,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    RestrictedName,
    Violation,
)
from pulumi_scalekit.local.request import (
    authorize,
    environment_of,
    exchange_of,
    note_connection,
    path_parameter,
)
from pulumi_scalekit.local.store import Account, Connection, Provider
from pulumi_scalekit.tool_proxy.account import InjectionError, auth_pattern

MAX_PAGE_SIZE = 30
QUERY_LENGTH = range(3, 101)
_NAME = re.compile(r"[a-zA-Z0-9_.: -]{1,300}")


async def create(request: Request) -> Response:
    """`POST /api/v1/connections`; the body is the connection, the flags are query parameters."""
    environment = environment_of(request)
    authorize(request, WRITE_CONNECTIONS)
    query = serialization.query(request.query_params.multi_items())
    body = serialization.parse_object(await exchange_of(request).body())
    provider_key, auth_type, name = (
        serialization.text(body, key) for key in ("provider_key", "type", "key_id")
    )
    log = exchange_of(request).log
    log.connector, log.connection_name = provider_key, name
    connector = environment.store.get_provider(provider_key)
    if connector is None:
        violation = Violation("provider_key", "must be the identifier of a connector", "provider_key")
        raise InvalidArgument(f"no connector has the identifier {provider_key!r}", [violation])
    pattern = pattern_of(connector)
    _check_type(auth_type, pattern)
    name = name or _name_for(connector)
    _check_name(name, environment.settings.reserved_connection_names)
    auth_mode = serialization.text(body, "auth_mode") or AUTH_MODES[0]
    if auth_mode not in AUTH_MODES:
        violation = Violation("auth_mode", f"must be one of {', '.join(AUTH_MODES)}", "enum.defined_only")
        raise InvalidArgument("auth_mode is not valid", [violation])
    connection = environment.store.create_connection(
        name,
        provider_key,
        auth_type,
        is_app=serialization.flag(query, "flags.is_app") is True,
        auth_mode=auth_mode,
        settings=connection_settings.initial_settings(connector, pattern),
        resolved_proxy_url=connection_settings.resolve_proxy_url(
            str(connector.payload.get("proxy_url", "")), body.get("context")
        ),
    )
    if connection is None:
        raise DuplicateIdentifier(f"a connection named {name} exists already")
    note_connection(request, connection)
    return JSONResponse({"connection": format_connection(request, connection)}, 201)


async def list_(request: Request) -> Response:
    """`GET /api/v1/connections/app`: the app connections, without their settings."""
    environment, behaviour = environment_of(request), exchange_of(request).behaviour
    authorize(request, READ)
    query = serialization.query(request.query_params.multi_items())
    page_size = pagination.parse_page_size(
        query.get("page_size", ""), default=MAX_PAGE_SIZE, maximum=MAX_PAGE_SIZE, refuse_larger=True
    )
    words = query.get("query", "")
    if words and len(words) not in QUERY_LENGTH:
        violation = Violation("query", "must have 3 to 100 characters", "string.min_len")
        raise InvalidArgument("query is not valid", [violation])
    found = [
        connection
        for connection in environment.store.listed_connections(behaviour.lag)
        if connection.is_app
        and query.get("provider", "") in ("", connection.provider_key)
        and words.lower() in f"{connection.name} {connection.provider_key}".lower()
    ]
    page = pagination.paginate(found, query.get("page_token", ""), page_size)
    shown = [format_listed(request, each) for each in page.items]
    return JSONResponse({"connections": shown, **page.as_json()})


async def get(request: Request) -> Response:
    """`GET /api/v1/connections/{id}`: with its settings, secrets masked."""
    authorize(request, READ_CONNECTIONS)
    connection = _existing(request, path_parameter(request, "connection_id"))
    return JSONResponse({"connection": format_connection(request, connection)})


async def change(request: Request) -> Response:
    """`PATCH /api/v1/connections/{id}`, and `{id}:enable` and `{id}:disable`."""
    authorize(request, WRITE_CONNECTIONS)
    connection_id, _, verb = path_parameter(request, "action").partition(":")
    if verb in {"enable", "disable"}:
        return _switch(request, connection_id, enabled=verb == "enable")
    if verb:
        raise NotFound("Not Found")
    return await _update(request, connection_id)


def _switch(request: Request, connection_id: str, *, enabled: bool) -> Response:
    _existing(request, connection_id)
    store = environment_of(request).store
    store.update_connection(connection_id, lambda stored: replace(stored, enabled=enabled))
    return JSONResponse({"enabled": enabled})


async def _update(request: Request, connection_id: str) -> Response:
    environment = environment_of(request)
    body = serialization.parse_object(await exchange_of(request).body())
    name, provider_key, auth_type = (
        serialization.text(body, key) for key in ("key_id", "provider_key", "type")
    )
    missing = [key for key in ("key_id", "provider_key", "type") if not body.get(key)]
    if missing:
        raise InvalidArgument(
            "the connection is not valid", [Violation(key, "is required", "required") for key in missing]
        )
    _check_name(name, environment.settings.reserved_connection_names)

    def changed(stored: Connection) -> Connection:
        if provider_key != stored.provider_key:
            violation = Violation("provider_key", "cannot be changed", "immutable")
            raise InvalidArgument("the connection is not valid", [violation])
        other = environment.store.get_connection(name=name)
        if other is not None and other.id != stored.id:
            raise DuplicateIdentifier(f"a connection named {name} exists already")
        kept = stored.settings
        if auth_type != stored.type:
            connector = environment.store.get_provider(provider_key)
            _check_type(auth_type, pattern_of(connector))
            kept = {}
        after = connection_settings.change_settings(kept, body, auth_type)
        return replace(stored, name=name, type=auth_type, settings=after)

    _existing(request, connection_id)
    connection = environment.store.update_connection(connection_id, changed)
    if connection is None:
        raise NotFound(f"connection {connection_id} not found")
    return JSONResponse({"connection": format_connection(request, connection)})


async def delete(request: Request) -> Response:
    """`DELETE /api/v1/connections/{id}`."""
    authorize(request, WRITE_CONNECTIONS)
    connection_id = _existing(request, path_parameter(request, "connection_id")).id

    def refuse(accounts: Sequence[Account]) -> None:
        names = ", ".join(f"connected account {account.identifier} ({account.id})" for account in accounts)
        raise FailedPrecondition(f"connection {connection_id} is in use by {names}; remove them first")

    if not environment_of(request).store.delete_connection(connection_id, refuse):
        raise NotFound(f"connection {connection_id} not found")
    return JSONResponse({})


def pattern_of(connector: Provider | None) -> Mapping[str, Any]:
    """Return a connector's one auth pattern. Raises :class:`InvalidArgument` when it has none."""
    try:
        return auth_pattern(connector.payload if connector else {})
    except InjectionError as error:
        raise InvalidArgument(str(error)) from None


def redirect_uri(request: Request, connection: Connection) -> str:
    """Return what has to be registered with the upstream's OAuth application."""
    return f"{request.base_url}sso/v1/oauth/{connection.id}/callback"


def format_connection(request: Request, connection: Connection) -> dict[str, object]:
    """Return a connection as single responses show it."""
    connector = environment_of(request).store.get_provider(connection.provider_key)
    shown = connection_settings.shown_settings(
        connection, pattern_of(connector), redirect_uri(request, connection)
    )
    return {
        **_common(request, connection),
        "debug_enabled": False,
        "create_time": timestamp(connection.created_at),
        "update_time": timestamp(connection.updated_at),
        "resolved_proxy_url": connection.resolved_proxy_url,
        **shown,
    }


def format_listed(request: Request, connection: Connection) -> dict[str, object]:
    """Return a connection as lists show it: without settings."""
    return {
        **_common(request, connection),
        "organization_name": "",
        "created_at": timestamp(connection.created_at),
    }


def _common(request: Request, connection: Connection) -> dict[str, object]:
    mcp_server_url = f"{request.base_url}mcp/v3/connections/{connection.name}" if connection.is_app else ""
    return {
        "id": connection.id,
        "provider": "CUSTOM",
        "type": connection.type,
        "status": connection_settings.status_of(connection),
        "enabled": connection.enabled,
        "organization_id": "",
        "ui_button_title": "",
        "domains": [],
        "key_id": connection.name,
        "provider_key": connection.provider_key,
        "mcp_server_url": mcp_server_url,
        "auth_mode": connection.auth_mode,
    }


def _existing(request: Request, connection_id: str) -> Connection:
    connection = environment_of(request).store.get_connection(connection_id=connection_id)
    if connection is None:
        raise NotFound(f"connection {connection_id} not found")
    note_connection(request, connection)
    return connection


def _check_type(auth_type: str, pattern: Mapping[str, Any]) -> None:
    expected = str(pattern.get("type", ""))
    if auth_type != expected:
        violation = Violation("type", f"must be {expected}, the connector's auth type", "type")
        raise InvalidArgument(f"the connector's auth type is {expected}", [violation])


def _check_name(name: str, reserved: frozenset[str]) -> None:
    if not _NAME.fullmatch(name):
        violation = Violation("key_id", f"must match ^{_NAME.pattern}$", "string.pattern")
        raise InvalidArgument("key_id is not valid", [violation])
    if name.lower() in reserved:
        raise RestrictedName(f"the connection name {name} is reserved")


def _name_for(connector: Provider) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", str(connector.payload.get("display_name", "")).lower()).strip("-")
    return f"{words[:60] or 'connection'}-{secrets.token_hex(4)}"


ROUTES = [
    Route("/api/v1/connections", create, methods=["POST"], name="connection-create"),
    Route("/api/v1/connections/app", list_, methods=["GET"], name="connection-list"),
    Route("/api/v1/connections/{connection_id}", get, methods=["GET"], name="connection-get"),
    Route("/api/v1/connections/{action}", change, methods=["PATCH"], name="connection-update"),
    Route("/api/v1/connections/{connection_id}", delete, methods=["DELETE"], name="connection-delete"),
]
