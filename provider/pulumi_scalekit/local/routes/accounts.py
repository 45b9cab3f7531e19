"""The operations on connected accounts: `/api/v1/connected_accounts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pulumi_scalekit.local import pagination
from pulumi_scalekit.local import serialization as messages
from pulumi_scalekit.local.clock import timestamp
from pulumi_scalekit.local.errors import AlreadyExists, InvalidArgument, NotFound, Violation
from pulumi_scalekit.local.request import authorize, environment_of, exchange_of
from pulumi_scalekit.local.store import Account, Connection, Store

_AUTHORIZATION_TYPES = {"BEARER": "BEARER_TOKEN"}
"""The account's word for an auth type, where it is not the pattern's own."""

_HOLDERS = ("static_auth", "oauth_token", "google_dwd", "trusted_idp")


async def create(request: Request) -> Response:
    """`POST /api/v1/connected_accounts`."""
    store = environment_of(request).store
    authorize(request)
    body = messages.parse_object(await exchange_of(request).body())
    connection = existing_connection(store, text(body, "connector"))
    identifier = text(body, "identifier")
    if not identifier:
        raise InvalidArgument(
            "identifier is required", [Violation("identifier", "must not be empty", "string.min_len")]
        )
    details, config = parse_account(body, connection.type)
    status = status_for(connection.type, details)
    account = store.create_account(connection.id, identifier, status, details or {}, config or {})
    if account is None:
        raise AlreadyExists(f"connection {connection.name} has a connected account {identifier} already")
    return JSONResponse({"connected_account": format_account(account, connection)}, 201)


async def list_(request: Request) -> Response:
    """`GET /api/v1/connected_accounts`."""
    store = environment_of(request).store
    authorize(request)
    query = messages.query(request.query_params.multi_items())
    size = pagination.parse_page_size(query.get("page_size", ""), default=30, maximum=1000)
    names = {query["connector"]} if query.get("connector") else set()
    names |= set(request.query_params.getlist("connection_names"))
    connections = {connection.id: connection for connection in store.connections()}
    found = [
        account
        for account in store.accounts()
        if (not names or connections[account.connection_id].name in names)
        and query.get("identifier", "") in ("", account.identifier)
        and query.get("provider", "") in ("", connections[account.connection_id].provider_key)
        and query.get("query", "").lower() in account.identifier.lower()
    ]
    page = pagination.paginate(found, query.get("page_token", ""), size)
    shown = [format_listed(account, connections[account.connection_id]) for account in page.items]
    return JSONResponse({"connected_accounts": shown, **page.as_json()})


async def get(request: Request) -> Response:
    """`GET /api/v1/connected_accounts/auth` and `/details`; only the first shows credentials."""
    store = environment_of(request).store
    authorize(request)
    query = messages.query(request.query_params.multi_items())
    account, connection = existing_account(store, query)
    shown = format_account(account, connection)
    if request.url.path.endswith("/auth"):
        shown["authorization_details"] = account.authorization_details
    return JSONResponse({"connected_account": shown})


async def update(request: Request) -> Response:
    """`PUT /api/v1/connected_accounts`: replaces the details or the configuration that are given."""
    store = environment_of(request).store
    authorize(request)
    body = messages.parse_object(await exchange_of(request).body())
    account, connection = existing_account(store, body)
    details, config = parse_account(body, connection.type)
    if details is not None:
        status = status_for(connection.type, details)
        account = replace(account, authorization_details=details, status=status)
    if config is not None:
        account = replace(account, api_config=config)
    return JSONResponse({"connected_account": format_account(store.update_account(account), connection)})


async def delete(request: Request) -> Response:
    """`POST /api/v1/connected_accounts:delete`."""
    store = environment_of(request).store
    authorize(request)
    account, _ = existing_account(store, messages.parse_object(await exchange_of(request).body()))
    store.delete_account(account)
    return JSONResponse({})


def existing_connection(store: Store, name: str) -> Connection:
    """Return the connection of a name. Raises :class:`NotFound`."""
    connection = store.get_connection(name=name) if name else None
    if connection is None:
        raise NotFound(f"no connection is named {name!r}")
    return connection


def existing_account(store: Store, given: Mapping[str, object]) -> tuple[Account, Connection]:
    """Return the account that `id`, or `connector` and `identifier`, name. Raises :class:`NotFound`."""
    if account_id := text(given, "id"):
        account = store.get_account(account_id)
        connection = store.get_connection(connection_id=account.connection_id) if account else None
        if account is None or connection is None:
            raise NotFound(f"connected account {account_id} not found")
        return account, connection
    connection = existing_connection(store, text(given, "connector"))
    identifier = text(given, "identifier")
    account = store.find_account(connection.id, identifier)
    if account is None:
        raise NotFound(f"connection {connection.name} has no connected account {identifier!r}")
    return account, connection


def parse_account(
    body: Mapping[str, object], auth_type: str
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return `authorization_details` and `api_config` of a request; None for what is left out.

    Raises :class:`InvalidArgument` when they are not of the form that the auth type needs.
    """
    given = body.get("connected_account")
    if given is None:
        return None, None
    if not isinstance(given, dict):
        raise InvalidArgument(
            "the connected account is not valid",
            [Violation("connected_account", "must be an object", "type")],
        )
    wrong: list[Violation] = []
    details = _object(given, "authorization_details", wrong)
    config = _object(given, "api_config", wrong)
    if details is not None:
        wrong += _wrong_details(details, auth_type)
    if wrong:
        raise InvalidArgument("the connected account is not valid", wrong)
    return details, config


def _object(given: Mapping[str, object], key: str, wrong: list[Violation]) -> dict[str, Any] | None:
    value = given.get(key)
    if value is None or isinstance(value, dict):
        return value
    wrong.append(Violation(f"connected_account.{key}", "must be an object", "type"))
    return None


def _wrong_details(details: Mapping[str, object], auth_type: str) -> list[Violation]:
    field = "connected_account.authorization_details"
    expected = "oauth_token" if auth_type == "OAUTH" else "static_auth"
    wrong = [
        Violation(f"{field}.{holder}", f"does not belong to the auth type {auth_type}", "oneof")
        for holder in _HOLDERS
        if holder != expected and details.get(holder) is not None
    ]
    holder = details.get(expected)
    if holder is not None and not isinstance(holder, dict):
        wrong.append(Violation(f"{field}.{expected}", "must be an object", "type"))
    elif isinstance(holder, dict):
        inner = {"static_auth": "details", "oauth_token": "access_token"}[expected]
        kind: type = dict if expected == "static_auth" else str
        if not isinstance(holder.get(inner), kind):
            what = "an object" if kind is dict else "a string"
            wrong.append(Violation(f"{field}.{expected}.{inner}", f"must be {what}", "type"))
    return wrong


def status_for(auth_type: str, details: Mapping[str, Any] | None) -> str:
    """Return the status of an account with these details: ACTIVE once there is something to send."""
    if auth_type == "NO_AUTH":
        return "ACTIVE"
    holder = "oauth_token" if auth_type == "OAUTH" else "static_auth"
    return "ACTIVE" if (details or {}).get(holder) else "PENDING_AUTH"


def format_account(account: Account, connection: Connection) -> dict[str, object]:
    """Return an account as single answers show it, without credentials."""
    return {**format_listed(account, connection), "api_config": account.api_config}


def format_listed(account: Account, connection: Connection) -> dict[str, object]:
    """Return an account as lists show it."""
    used = account.last_used_at
    return {
        "identifier": account.identifier,
        "provider": connection.provider_key,
        "status": account.status,
        "authorization_type": _AUTHORIZATION_TYPES.get(connection.type, connection.type),
        "token_expires_at": None,
        "updated_at": timestamp(account.updated_at),
        "connector": connection.name,
        "last_used_at": timestamp(used) if used is not None else None,
        "id": account.id,
        "connection_id": account.connection_id,
        "is_org_wide_credential": False,
    }


def text(given: Mapping[str, object], key: str) -> str:
    """Return a string of a request, empty when it is left out."""
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{key} is not valid", [Violation(key, "must be a string", "type")])
    return value or ""


ROUTES = [
    Route("/api/v1/connected_accounts", create, methods=["POST"], name="account-create"),
    Route("/api/v1/connected_accounts", list_, methods=["GET"], name="account-list"),
    Route("/api/v1/connected_accounts", update, methods=["PUT"], name="account-update"),
    Route("/api/v1/connected_accounts:delete", delete, methods=["POST"], name="account-delete"),
    Route("/api/v1/connected_accounts/auth", get, methods=["GET"], name="account-get"),
    Route("/api/v1/connected_accounts/details", get, methods=["GET"], name="account-get"),
]
