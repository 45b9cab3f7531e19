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

from pulumi_scalekit.local import pagination
from pulumi_scalekit.local import serialization as messages
from pulumi_scalekit.local.clock import timestamp
from pulumi_scalekit.local.errors import AlreadyExists, InUse, InvalidArgument, NotFound, Violation
from pulumi_scalekit.local.request import authorize, environment_of, exchange_of, path_parameter
from pulumi_scalekit.local.store import Account, Connection, Provider, Store
from pulumi_scalekit.tool_proxy.account import InjectionError, auth_pattern

MAX_PAGE_SIZE = 30
MIN_QUERY_LENGTH = 3
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")


async def create(request: Request) -> Response:
    """`POST /api/v1/connections`."""
    environment = environment_of(request)
    authorize(request)
    body = messages.parse_object(await exchange_of(request).body())
    provider_key, auth_type, name = (_text(body, key) for key in ("provider_key", "type", "key_id"))
    connector = environment.store.get_provider(provider_key)
    if connector is None:
        violation = Violation("provider_key", "must be the identifier of a connector", "provider_key")
        raise InvalidArgument(f"no connector has the identifier {provider_key!r}", [violation])
    expected = auth_type_of(connector)
    if auth_type != expected:
        raise InvalidArgument(
            f"the connector's auth type is {expected}",
            [Violation("type", f"must be {expected}, the connector's auth type", "type")],
        )
    name = name or _name_for(connector)
    if not _NAME.fullmatch(name):
        violation = Violation("key_id", f"must match ^{_NAME.pattern}$", "string.pattern")
        raise InvalidArgument("key_id is not valid", [violation])
    connection = environment.store.create_connection(name, provider_key, auth_type)
    if connection is None:
        raise AlreadyExists(f"a connection named {name} exists already")
    return JSONResponse({"connection": format_connection(connection, connector)}, 201)


async def list_(request: Request) -> Response:
    """`GET /api/v1/connections/app`."""
    store = environment_of(request).store
    authorize(request)
    query = messages.query(request.query_params.multi_items())
    size = query.get("page_size", "")
    if size.isascii() and size.isdigit() and int(size) > MAX_PAGE_SIZE:
        violation = Violation("page_size", f"must be at most {MAX_PAGE_SIZE}", "uint32.lte")
        raise InvalidArgument("page_size is not valid", [violation])
    page_size = pagination.parse_page_size(size, default=MAX_PAGE_SIZE, maximum=MAX_PAGE_SIZE)
    words = query.get("query", "")
    if words and len(words) < MIN_QUERY_LENGTH:
        violation = Violation("query", f"must have at least {MIN_QUERY_LENGTH} characters", "string.min_len")
        raise InvalidArgument("query is not valid", [violation])
    found = [
        connection
        for connection in store.connections(provider_key=query.get("provider", ""))
        if words.lower() in f"{connection.name} {connection.provider_key}".lower()
    ]
    page = pagination.paginate(found, query.get("page_token", ""), page_size)
    return JSONResponse({"connections": [format_listed(each) for each in page.items], **page.as_json()})


async def get(request: Request) -> Response:
    """`GET /api/v1/connections/{id}`."""
    authorize(request)
    store = environment_of(request).store
    connection = _existing(store, path_parameter(request, "connection_id"))
    connector = store.get_provider(connection.provider_key)
    return JSONResponse({"connection": format_connection(connection, connector)})


async def switch(request: Request) -> Response:
    """`PATCH /api/v1/connections/{id}:enable` and `:disable`."""
    authorize(request)
    connection_id, _, verb = path_parameter(request, "action").rpartition(":")
    if verb not in {"enable", "disable"}:
        raise NotFound("Not Found")

    def change(connection: Connection) -> Connection:
        return replace(connection, enabled=verb == "enable")

    if environment_of(request).store.update_connection(connection_id, change) is None:
        raise NotFound(f"connection {connection_id} not found")
    return JSONResponse({"enabled": verb == "enable"})


async def delete(request: Request) -> Response:
    """`DELETE /api/v1/connections/{id}`."""
    authorize(request)
    connection_id = path_parameter(request, "connection_id")

    def refuse(accounts: Sequence[Account]) -> None:
        names = ", ".join(f"connected account {account.identifier} ({account.id})" for account in accounts)
        raise InUse(f"connection {connection_id} is in use by {names}; remove them first")

    if not environment_of(request).store.delete_connection(connection_id, refuse):
        raise NotFound(f"connection {connection_id} not found")
    return JSONResponse({})


def auth_type_of(connector: Provider) -> str:
    """Return the type of a connector's one auth pattern."""
    try:
        return str(auth_pattern(connector.payload).get("type", ""))
    except InjectionError as error:
        raise InvalidArgument(str(error)) from None


def format_connection(connection: Connection, connector: Provider | None) -> dict[str, object]:
    """Return a connection as create and get show it."""
    proxy_url = connector.payload.get("proxy_url", "") if connector else ""
    is_mcp = bool(connector and messages.format_provider(connector)["is_custom_mcp"])
    return {
        "id": connection.id,
        "provider": "CUSTOM",
        "type": connection.type,
        "status": "COMPLETED",
        "enabled": connection.enabled,
        "debug_enabled": False,
        "ui_button_title": "",
        "create_time": timestamp(connection.created_at),
        "update_time": timestamp(connection.updated_at),
        "key_id": connection.name,
        "provider_key": connection.provider_key,
        "domains": [],
        "resolved_proxy_url": proxy_url,
        **({"mcp_server_url": proxy_url} if is_mcp else {}),
        "auth_mode": "USER",
    }


def format_listed(connection: Connection) -> dict[str, object]:
    """Return a connection as lists show it."""
    return {
        "id": connection.id,
        "provider": "CUSTOM",
        "type": connection.type,
        "status": "COMPLETED",
        "enabled": connection.enabled,
        "organization_id": "",
        "ui_button_title": "",
        "domains": [],
        "organization_name": "",
        "provider_key": connection.provider_key,
        "key_id": connection.name,
        "created_at": timestamp(connection.created_at),
        "mcp_server_url": "",
        "auth_mode": "USER",
    }


def _existing(store: Store, connection_id: str) -> Connection:
    connection = store.get_connection(connection_id=connection_id)
    if connection is None:
        raise NotFound(f"connection {connection_id} not found")
    return connection


def _name_for(connector: Provider) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", str(connector.payload.get("display_name", "")).lower()).strip("-")
    return f"{words[:60] or 'connection'}-{secrets.token_hex(4)}"


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{key} is not valid", [Violation(key, "must be a string", "type")])
    return value or ""


ROUTES = [
    Route("/api/v1/connections", create, methods=["POST"], name="connection-create"),
    Route("/api/v1/connections/app", list_, methods=["GET"], name="connection-list"),
    Route("/api/v1/connections/{connection_id}", get, methods=["GET"], name="connection-get"),
    Route("/api/v1/connections/{action}", switch, methods=["PATCH"], name="connection-update"),
    Route("/api/v1/connections/{connection_id}", delete, methods=["DELETE"], name="connection-delete"),
]
