"""The operations on connected accounts: `/api/v1/connected_accounts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pulumi_scalekit.local import pagination, serialization
from pulumi_scalekit.local.clock import timestamp
from pulumi_scalekit.local.credentials import (
    ACCESS_ACCOUNTS,
    READ_ACCOUNTS,
    REVOKE_ACCOUNTS,
    WRITE_ACCOUNTS,
)
from pulumi_scalekit.local.errors import (
    AlreadyExists,
    ExistsAlready,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Violation,
)
from pulumi_scalekit.local.request import (
    authorize,
    environment_of,
    exchange_of,
    note_connection,
    path_parameter,
)
from pulumi_scalekit.local.store import Account, Connection

AUTHORIZATION_TYPES = {"BEARER": "BEARER_TOKEN"}
"""The account's word for an auth type, where it is not the pattern's own."""
CREDENTIAL: Mapping[str, tuple[str, type, str]] = {
    "static_auth": ("details", dict, "an object"),
    "oauth_token": ("access_token", str, "a string"),
}
"""Where each kind of authorization details has its credential, and of which type that is."""
HOLDERS = ("static_auth", "oauth_token", "google_dwd", "trusted_idp")

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 10, 99
MAX_SEARCH_PAGE_SIZE = 30
SEARCH_LENGTH = range(3, 201)
MAX_IDENTIFIER = 100
MAX_NAMES = 20


async def create(request: Request) -> Response:
    """`POST /api/v1/connected_accounts`."""
    environment = environment_of(request)
    authorize(request, WRITE_ACCOUNTS)
    store = environment.store
    body = serialization.parse_object(await exchange_of(request).body())
    connection = app_connection(request, serialization.text(body, "connector"))
    identifier = parse_identifier(body)
    details, config = parse_account(body, connection.type)
    status = status_for(connection.type, details)
    account = store.create_account(connection.id, identifier, status, details or {}, config or {})
    if account is None:
        kind = AlreadyExists if environment.settings.existing_account_status == 409 else ExistsAlready
        raise kind(f"connection {connection.name} has a connected account {identifier} already")
    return JSONResponse({"connected_account": format_with_details(account, connection)}, 201)


async def list_(request: Request) -> Response:
    """`GET /api/v1/connected_accounts`."""
    store = environment_of(request).store
    authorize(request, READ_ACCOUNTS)
    query = serialization.query(request.query_params.multi_items())
    size = pagination.parse_page_size(
        query.get("page_size", ""), default=DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE, refuse_larger=True
    )
    names = set(request.query_params.getlist("connection_names"))
    if len(names) > MAX_NAMES or (names and query.get("connector")):
        what = f"takes at most {MAX_NAMES} names, and not together with connector"
        raise InvalidArgument("connection_names is not valid", [Violation("connection_names", what, "cel")])
    names |= {query["connector"]} if query.get("connector") else set()
    org_wide = serialization.flag(query, "is_org_wide_credential")
    connections = {connection.id: connection for connection in store.connections()}
    found = [
        account
        for account in store.accounts()
        if (not names or connections[account.connection_id].name in names)
        and query.get("identifier", "") in ("", account.identifier)
        and query.get("provider", "") in ("", connections[account.connection_id].provider_key)
        and query.get("query", "").lower() in account.identifier.lower()
        and not org_wide
    ]
    return _page(found, connections, query, size)


async def search(request: Request) -> Response:
    """`GET /api/v1/connected_accounts:search`: by a part of the identifier, provider or connector."""
    store = environment_of(request).store
    authorize(request, READ_ACCOUNTS)
    query = serialization.query(request.query_params.multi_items())
    words = query.get("query", "").lower()
    if len(words) not in SEARCH_LENGTH:
        violation = Violation("query", "must have 3 to 200 characters", "string.min_len")
        raise InvalidArgument("query is not valid", [violation])
    size = pagination.parse_page_size(
        query.get("page_size", ""),
        default=DEFAULT_PAGE_SIZE,
        maximum=MAX_SEARCH_PAGE_SIZE,
        refuse_larger=True,
    )
    connections = {connection.id: connection for connection in store.connections()}

    def matches(account: Account) -> bool:
        connection = connections[account.connection_id]
        searched = (account.identifier, connection.provider_key, connection.name)
        return any(words in text.lower() for text in searched)

    found = [each for each in store.accounts(connection_id=query.get("connection_id", "")) if matches(each)]
    return _page(found, connections, query, size)


def _page(
    found: Sequence[Account], connections: Mapping[str, Connection], query: Mapping[str, str], size: int
) -> Response:
    page = pagination.paginate(found, query.get("page_token", ""), size)
    shown = [format_listed(account, connections[account.connection_id]) for account in page.items]
    return JSONResponse({"connected_accounts": shown, **page.as_json()})


async def get(request: Request) -> Response:
    """`GET /api/v1/connected_accounts/{id}` and `/details`: without credentials."""
    authorize(request, READ_ACCOUNTS)
    query = serialization.query(request.query_params.multi_items())
    given = request.path_params.get("account_id")
    account, connection = existing_account(request, {"id": given} if given else query)
    return JSONResponse({"connected_account": format_account(account, connection)})


async def get_with_credentials(request: Request) -> Response:
    """`GET /api/v1/connected_accounts/auth`."""
    authorize(request, ACCESS_ACCOUNTS)
    query = serialization.query(request.query_params.multi_items())
    account, connection = existing_account(request, query)
    return JSONResponse({"connected_account": format_with_details(account, connection)})


async def update(request: Request) -> Response:
    """`PUT /api/v1/connected_accounts`: replaces the credentials and merges the configuration."""
    store = environment_of(request).store
    authorize(request, WRITE_ACCOUNTS)
    body = serialization.parse_object(await exchange_of(request).body())
    account, connection = existing_account(request, body)
    details, config = parse_account(body, connection.type)
    if details is not None:
        status = status_for(connection.type, details)
        account = replace(account, authorization_details=details, status=status)
    if config is not None:
        account = replace(account, api_config={**account.api_config, **config})
    account = store.update_account(account)
    return JSONResponse({"connected_account": format_with_details(account, connection)})


async def delete(request: Request) -> Response:
    """`POST /api/v1/connected_accounts:delete`."""
    store = environment_of(request).store
    authorize(request, REVOKE_ACCOUNTS)
    account, _ = existing_account(request, serialization.parse_object(await exchange_of(request).body()))
    store.delete_account(account)
    return JSONResponse({})


async def disconnect(request: Request) -> Response:
    """`POST /api/v1/connected_accounts/{id}:disconnect`: forgets the credentials and keeps the account."""
    store = environment_of(request).store
    authorize(request, REVOKE_ACCOUNTS)
    account_id, _, verb = path_parameter(request, "action").partition(":")
    if verb != "disconnect":
        raise NotFound("Not Found")
    account, connection = existing_account(request, {"id": account_id})
    account = store.update_account(replace(account, authorization_details={}, status="DISCONNECTED"))
    return JSONResponse({"connected_account": format_account(account, connection)})


def parse_identifier(body: Mapping[str, object]) -> str:
    """Return the identifier of a request. Raises :class:`InvalidArgument`."""
    identifier = serialization.text(body, "identifier")
    if not 0 < len(identifier) <= MAX_IDENTIFIER:
        violation = Violation("identifier", f"must have 1 to {MAX_IDENTIFIER} characters", "string.len")
        raise InvalidArgument("identifier is not valid", [violation])
    return identifier


def app_connection(request: Request, name: str) -> Connection:
    """Return the app connection of a name. Raises :class:`NotFound` or :class:`PermissionDenied`."""
    connection = existing_connection(request, name)
    if not connection.is_app:
        raise PermissionDenied(f"connection {name} is not an app connection: it was created without is_app")
    return connection


def existing_connection(request: Request, name: str) -> Connection:
    """Return the connection of a name. Raises :class:`NotFound`."""
    connection = environment_of(request).store.get_connection(name=name) if name else None
    if connection is None:
        raise NotFound(f"no connection is named {name!r}")
    note_connection(request, connection)
    return connection


def existing_account(request: Request, given: Mapping[str, object]) -> tuple[Account, Connection]:
    """Return the account that `id`, or `connector` and `identifier`, name. Raises :class:`NotFound`."""
    store = environment_of(request).store
    if account_id := serialization.text(given, "id"):
        account = store.get_account(account_id)
        connection = store.get_connection(connection_id=account.connection_id) if account else None
        if account is None or connection is None:
            raise NotFound(f"connected account {account_id} not found")
        note_connection(request, connection)
        return account, connection
    connection = existing_connection(request, serialization.text(given, "connector"))
    identifier = serialization.text(given, "identifier")
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
    if not isinstance(given, dict):
        what = "is required" if given is None else "must be an object"
        violation = Violation("connected_account", what, "required" if given is None else "type")
        raise InvalidArgument("the connected account is not valid", [violation])
    wrong: list[Violation] = []
    details = _object(given, "authorization_details", wrong)
    config = _object(given, "api_config", wrong)
    if details is not None:
        # The Node SDK (2.11) sends an empty OAuth token for every type where it was given nothing.
        details = {key: value for key, value in details.items() if value != {} or key not in HOLDERS}
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
        for holder in HOLDERS
        if holder != expected and details.get(holder) is not None
    ]
    holder = details.get(expected)
    if holder is not None and not isinstance(holder, dict):
        wrong.append(Violation(f"{field}.{expected}", "must be an object", "type"))
    elif isinstance(holder, dict):
        inner, kind, what = CREDENTIAL[expected]
        if not isinstance(holder.get(inner, kind()), kind):
            wrong.append(Violation(f"{field}.{expected}.{inner}", f"must be {what}", "type"))
    return wrong


def status_for(auth_type: str, details: Mapping[str, Any] | None) -> str:
    """Return the status of an account with these details: ACTIVE once there is something to send."""
    if auth_type == "NO_AUTH":
        return "ACTIVE"
    holder = "oauth_token" if auth_type == "OAUTH" else "static_auth"
    given = (details or {}).get(holder) or {}
    return "ACTIVE" if given.get(CREDENTIAL[holder][0]) not in (None, {}) else "PENDING_AUTH"


def format_account(account: Account, connection: Connection) -> dict[str, object]:
    """Return an account as single responses show it, without credentials."""
    return {**format_listed(account, connection), "api_config": account.api_config}


def format_with_details(account: Account, connection: Connection) -> dict[str, object]:
    """Return an account with its credentials."""
    shown = format_account(account, connection)
    return {**shown, "authorization_details": account.authorization_details}


def format_listed(account: Account, connection: Connection) -> dict[str, object]:
    """Return an account as lists show it."""
    used = account.last_used_at
    return {
        "identifier": account.identifier,
        "provider": connection.provider_key,
        "status": account.status,
        "authorization_type": AUTHORIZATION_TYPES.get(connection.type, connection.type),
        "token_expires_at": None,
        "updated_at": timestamp(account.updated_at),
        "connector": connection.name,
        "last_used_at": timestamp(used) if used is not None else None,
        "id": account.id,
        "connection_id": account.connection_id,
        "is_org_wide_credential": False,
    }


BASE = "/api/v1/connected_accounts"
ROUTES = [
    Route(BASE, create, methods=["POST"], name="account-create"),
    Route(BASE, list_, methods=["GET"], name="account-list"),
    Route(BASE, update, methods=["PUT"], name="account-update"),
    Route(f"{BASE}:search", search, methods=["GET"], name="account-list"),
    Route(f"{BASE}:delete", delete, methods=["POST"], name="account-delete"),
    Route(f"{BASE}/auth", get_with_credentials, methods=["GET"], name="account-get"),
    Route(f"{BASE}/details", get, methods=["GET"], name="account-get"),
    Route(f"{BASE}/{{account_id}}", get, methods=["GET"], name="account-get"),
]
DISCONNECT = Route(f"{BASE}/{{action}}", disconnect, methods=["POST"], name="account-update")
"""Its path is that of others, too: it comes after them."""
