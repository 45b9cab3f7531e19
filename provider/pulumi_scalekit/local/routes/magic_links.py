"""Magic links: the pages where a person connects an account.

For OAUTH the local Scalekit plays both parts: the client, and an authorization server of its own in place of
the connector's. The flow is the authorization-code grant (RFC 6749, section 4.1) with PKCE (RFC 7636, S256)
unless the pattern says `"pkce_enabled": false`. For the static types the page asks for the pattern's fields.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from pulumi_scalekit.local import serialization
from pulumi_scalekit.local.authorization_server import Flow, Link, OAuthError, challenge_of
from pulumi_scalekit.local.clock import timestamp
from pulumi_scalekit.local.connection_settings import requested_scopes, status_of
from pulumi_scalekit.local.credentials import WRITE_ACCOUNTS
from pulumi_scalekit.local.environment import Environment
from pulumi_scalekit.local.errors import InvalidArgument, NotFound, PermissionDenied, Violation
from pulumi_scalekit.local.exchange import PAGE
from pulumi_scalekit.local.request import authorize as check_token
from pulumi_scalekit.local.request import environment_of, exchange_of, path_parameter
from pulumi_scalekit.local.store import Account, Connection
from pulumi_scalekit.tool_proxy.account import InjectionError, auth_pattern, connected_account

from .accounts import app_connection, existing_account, parse_identifier, status_for
from .connections import redirect_uri
from .html import h, headers, page

AUTHORIZE_PATH = "/_local/oauth/authorize"

# --- The API ------------------------------------------------------------------------------------------------


async def magic_link(request: Request) -> Response:
    """`POST /api/v1/connected_accounts/magic_link`; makes the account when there is none yet."""
    environment = environment_of(request)
    check_token(request, WRITE_ACCOUNTS)
    body = serialization.parse_object(await exchange_of(request).body())
    account = _account_for(request, body)
    verify_url = serialization.text(body, "user_verify_url")
    if verify_url and not _is_web_url(verify_url):
        violation = Violation("user_verify_url", "must be an http or https URL", "uri")
        raise InvalidArgument("user_verify_url is not valid", [violation])
    expires = environment.clock.now() + environment.settings.magic_link_lifetime
    link = Link(account.id, expires, serialization.text(body, "state"), verify_url)
    token = environment.authorizations.add_link(link)
    return JSONResponse({"link": f"{request.base_url}magicLink/{token}", "expiry": timestamp(expires)})


def _is_web_url(url: str) -> bool:
    try:
        return urlsplit(url).scheme in {"http", "https"}
    except ValueError:  # such as the brackets of half an IPv6 address
        return False


async def verify_user(request: Request) -> Response:
    """`POST /api/v1/connected_accounts/user/verify`: the last step where a `user_verify_url` was given."""
    environment = environment_of(request)
    check_token(request, WRITE_ACCOUNTS)
    body = serialization.parse_object(await exchange_of(request).body())
    authorizations = environment.authorizations
    request_id = serialization.text(body, "auth_request_id")
    link = authorizations.verification(request_id)
    account = environment.store.get_account(link.account_id) if link else None
    if account is None:
        raise NotFound("auth request not found or no longer valid")
    if account.identifier != serialization.text(body, "identifier"):
        raise PermissionDenied("the auth request belongs to another identifier")
    authorizations.end_verification(request_id)
    environment.store.update_account(replace(account, status="ACTIVE"))
    return JSONResponse({"post_user_verify_redirect_url": f"{request.base_url}magicLink/done"})


def _account_for(request: Request, body: Mapping[str, object]) -> Account:
    store = environment_of(request).store
    if serialization.text(body, "id"):
        return existing_account(request, body)[0]
    connection = app_connection(request, serialization.text(body, "connector"))
    identifier = parse_identifier(body)
    found = store.find_account(connection.id, identifier)
    status = status_for(connection.type, None)
    account = found or store.create_account(connection.id, identifier, status, {}, {})
    if account is None:
        raise NotFound(f"connection {connection.name} has no connected account {identifier!r}")
    return account


# --- The pages ----------------------------------------------------------------------------------------------


async def show_link(request: Request) -> Response:
    """`GET /magicLink/{token}`: what is about to be connected, and the fields that are asked for."""
    environment = environment_of(request)
    try:
        link = environment.authorizations.link(path_parameter(request, "token"))
        account, connection, pattern = _subject(environment, link)
    except NotFound as error:
        return page("Nothing to connect", h("p", None, error.message), status=404)
    return _form(environment, account, connection, pattern)


async def submit_link(request: Request) -> Response:
    """`POST /magicLink/{token}`: keep the values of the fields; for OAUTH go on to the authorization server."""
    environment = environment_of(request)
    token = path_parameter(request, "token")
    try:
        link = environment.authorizations.link(token)
        account, connection, pattern = _subject(environment, link)
    except NotFound as error:
        return page("Nothing to connect", h("p", None, error.message), status=404)
    form = await _read_form(request)
    specs = _specs(pattern)
    missing = [name for name, spec in specs.items() if spec.get("required") is True and not form.get(name)]
    if missing:
        return _form(environment, account, connection, pattern, missing, form)
    given = {name: form[name] for name in specs if form.get(name)}
    if connection.type == "OAUTH":
        config = {**account.api_config, "path_variables": given} if given else account.api_config
        environment.store.update_account(replace(account, api_config=config))
        return _start(request, environment, link, connection, pattern)
    made = connected_account({"auth_patterns": [pattern]}, given)
    return _finish(environment, account, made["authorization_details"], link)


def _start(
    request: Request, environment: Environment, link: Link, connection: Connection, pattern: Mapping[str, Any]
) -> Response:
    if status_of(connection) == "DRAFT":
        text = f"Connection {connection.name} has no OAuth application yet: give it a client id and a secret."
        return page("Not connected", h("p", None, text), status=400)
    config = {**(pattern.get("oauth_config") or {}), **connection.settings.get("oauth_config", {})}
    scopes = tuple(requested_scopes(connection, pattern))
    verifier = secrets.token_urlsafe(48) if config.get("pkce_enabled") is not False else None
    callback_uri = redirect_uri(request, connection)
    flow = Flow(link, _client_id(connection), callback_uri, scopes, verifier)
    query = {
        "response_type": "code",
        "client_id": flow.client_id,
        "redirect_uri": callback_uri,
        _scope_parameter(connection, pattern): " ".join(scopes),
        "state": environment.authorizations.add_flow(flow),
        **{key: str(config[key]) for key in ("prompt", "access_type") if config.get(key)},
    }
    if verifier is not None:
        query |= {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
    return RedirectResponse(f"{AUTHORIZE_PATH}?{urlencode(query)}", 303, headers=headers())


async def show_authorize(request: Request) -> Response:
    """`GET /_local/oauth/authorize`: the page of the authorization server."""
    query = dict(request.query_params)
    problem = _authorize_problem(request, query)
    if problem:
        return page("This request is not valid", h("p", None, problem), status=400)
    connection = _client(request, query)
    scope_items = [h("li", None, h("code", None, scope)) for scope in _asked(request, query)]
    return page(
        "Allow access?",
        h(
            "p",
            None,
            h("strong", None, connection.name if connection else ""),
            " asks for access to your account. The local Scalekit plays the authorization server here; "
            "nothing leaves this machine.",
        ),
        h("ul", {"class": "scopes"}, *scope_items)
        if scope_items
        else h("p", None, "No scopes are asked for."),
        h(
            "form",
            {"method": "post"},
            h("button", {"name": "decision", "value": "allow", "class": "primary"}, "Allow"),
            h("button", {"name": "decision", "value": "deny"}, "Deny"),
        ),
    )


async def decide(request: Request) -> Response:
    """`POST /_local/oauth/authorize`: send the person back with a code, or with `access_denied`."""
    query = dict(request.query_params)
    problem = _authorize_problem(request, query)
    if problem:
        return page("This request is not valid", h("p", None, problem), status=400)
    outcome = {"state": query.get("state", "")}
    if (await _read_form(request)).get("decision") == "allow":
        outcome["code"] = environment_of(request).authorizations.server.grant(
            query["client_id"],
            query["redirect_uri"],
            _asked(request, query),
            query.get("code_challenge"),
        )
    else:
        outcome["error"] = "access_denied"
    return RedirectResponse(f"{query['redirect_uri']}?{urlencode(outcome)}", 303, headers=headers())


def _authorize_problem(request: Request, query: Mapping[str, str]) -> str | None:
    if _client(request, query) is None:
        return "The client is not known, or the redirect URI is not the client's."
    if query.get("response_type") != "code":
        return "Only the authorization-code grant is supported."
    if "code_challenge" in query and query.get("code_challenge_method") != "S256":
        return "Only the challenge method S256 is supported."
    return None


def _client_id(connection: Connection) -> str:
    """Return the client id of a connection's OAuth application; its own id with Scalekit's application."""
    return str(connection.settings.get("oauth_config", {}).get("client_id") or connection.id)


def _client(request: Request, query: Mapping[str, str]) -> Connection | None:
    """Return the connection whose application and redirect URI a request of the authorization server names."""
    return next(
        (
            connection
            for connection in environment_of(request).store.connections()
            if query.get("redirect_uri") == redirect_uri(request, connection)
            and query.get("client_id") == _client_id(connection)
        ),
        None,
    )


def _scope_parameter(connection: Connection, pattern: Mapping[str, Any]) -> str:
    own = connection.settings.get("oauth_config", {}).get("custom_scope_name")
    return str(own or (pattern.get("oauth_config") or {}).get("custom_scope_name") or "scope")


def _asked(request: Request, query: Mapping[str, str]) -> tuple[str, ...]:
    """The scopes that a request of a known client asks for, under the name that its connector gives them."""
    connection = _client(request, query)
    connector = environment_of(request).store.get_provider(connection.provider_key) if connection else None
    if connection is None or connector is None:
        return ()
    return tuple(query.get(_scope_parameter(connection, auth_pattern(connector.payload)), "").split())


async def callback(request: Request) -> Response:
    """`GET /sso/v1/oauth/{connection}/callback`: trade the code for a token, and keep it."""
    environment = environment_of(request)
    query = dict(request.query_params)
    flow = environment.authorizations.take_flow(query.get("state", ""))
    account = environment.store.get_account(flow.link.account_id) if flow else None
    if flow is None or account is None or account.connection_id != path_parameter(request, "connection_id"):
        return page("Not connected", h("p", None, "The state is not that of a request of ours."), status=400)
    if "code" not in query:
        reason = query.get("error", "no code was given")
        return page("Not connected", h("p", None, f"The authorization server said: {reason}."), status=400)
    try:
        granted = environment.authorizations.server.redeem(
            query["code"], client_id=flow.client_id, redirect_uri=flow.redirect_uri, verifier=flow.verifier
        )
    except OAuthError as error:
        return page("Not connected", h("p", None, f"The code was refused: {error}."), status=400)
    token = {
        "access_token": granted["access_token"],
        "refresh_token": granted["refresh_token"],
        "scopes": list(flow.scopes),
    }
    return _finish(environment, account, {"oauth_token": token}, flow.link)


async def done(request: Request) -> Response:
    """`GET /magicLink/done`: the end of every flow that works."""
    del request
    return page("Connected", h("p", None, "The account is connected. You can close this page."))


def _finish(environment: Environment, account: Account, details: dict[str, Any], link: Link) -> Response:
    status = "PENDING_VERIFICATION" if link.user_verify_url else "ACTIVE"
    current = environment.store.get_account(account.id) or account
    environment.store.update_account(replace(current, authorization_details=details, status=status))
    if not link.user_verify_url:
        return RedirectResponse("/magicLink/done", 303, headers=headers())
    query = {"auth_request_id": environment.authorizations.add_verification(link)}
    if link.state:
        query["state"] = link.state
    separator = "&" if urlsplit(link.user_verify_url).query else "?"
    address = f"{link.user_verify_url}{separator}{urlencode(query)}"
    # A link, not a redirect: the page's policy lets forms lead to this server only.
    return page(
        "One more step",
        h("p", None, "The application that sent you here confirms who you are."),
        h("p", None, h("a", {"href": address, "class": "button primary"}, "Continue")),
    )


def _subject(environment: Environment, link: Link) -> tuple[Account, Connection, Mapping[str, Any]]:
    store = environment.store
    account = store.get_account(link.account_id)
    connection = store.get_connection(connection_id=account.connection_id) if account else None
    connector = store.get_provider(connection.provider_key) if connection else None
    if account is None or connection is None or connector is None:
        raise NotFound("the connected account no longer exists")
    try:
        return account, connection, auth_pattern(connector.payload)
    except InjectionError as error:
        raise NotFound(str(error)) from None


def _specs(pattern: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    key = "account_fields" if pattern.get("type") == "OAUTH" else "fields"
    return {
        str(spec["field_name"]): spec
        for spec in pattern.get(key) or ()
        if isinstance(spec, Mapping) and spec.get("field_name")
    }


def _form(
    environment: Environment,
    account: Account,
    connection: Connection,
    pattern: Mapping[str, Any],
    missing: Sequence[str] = (),
    given: Mapping[str, str] | None = None,
) -> Response:
    specs = _specs(pattern)
    connector = environment.store.get_provider(connection.provider_key)
    name = str(connector.payload.get("display_name", "")) if connector else connection.provider_key
    labels = [str(specs[field_name].get("label") or field_name) for field_name in missing]
    problem = (
        h("p", {"class": "problem", "role": "alert"}, f"Fill in: {', '.join(labels)}.") if labels else None
    )
    inputs = [_input(field_name, spec, (given or {}).get(field_name)) for field_name, spec in specs.items()]
    return page(
        f"Connect {name}",
        h("p", None, str(pattern.get("description") or pattern.get("display_name") or "")),
        h(
            "p",
            None,
            "Account ",
            h("strong", None, account.identifier),
            " of connection ",
            connection.name,
            ".",
        ),
        problem,
        h("form", {"method": "post"}, *inputs, h("button", {"class": "primary"}, "Connect")),
        status=400 if missing else 200,
    )


def _input(name: str, spec: Mapping[str, Any], given: str | None) -> str:
    kind = str(spec.get("input_type") or "text")
    required = spec.get("required") is True
    attributes: dict[str, str | bool | None] = {"name": name, "id": name, "required": required}
    if kind == "select":
        options = [
            h(
                "option",
                {"value": str(option.get("value", "")), "selected": _selected(option, given)},
                str(option.get("display_name") or option.get("value", "")),
            )
            for option in spec.get("options") or ()
            if isinstance(option, Mapping)
        ]
        control = h("select", attributes, *options)
    elif kind == "textarea":
        control = h("textarea", attributes, given)
    else:
        kind = "password" if kind == "password" else "text"
        value = None if kind == "password" else given
        control = h("input", {**attributes, "type": kind, "autocomplete": "off", "value": value})
    hint = str(spec.get("hint") or "")
    return h(
        "label",
        {"for": name},
        h("span", None, str(spec.get("label") or name), " *" if required else None),
        control,
        h("small", None, hint) if hint else None,
    )


def _selected(option: Mapping[str, Any], given: str | None) -> bool:
    return option.get("default") is True if given is None else option.get("value") == given


async def _read_form(request: Request) -> dict[str, str]:
    body = (await exchange_of(request).body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=200))
    except ValueError:
        raise InvalidArgument("the form holds too many fields") from None


ROUTES = [
    Route("/api/v1/connected_accounts/magic_link", magic_link, methods=["POST"], name="magic-link"),
    Route("/api/v1/connected_accounts/user/verify", verify_user, methods=["POST"], name="account-update"),
    Route("/magicLink/done", done, methods=["GET"], name=PAGE),
    Route("/magicLink/{token}", show_link, methods=["GET"], name=PAGE),
    Route("/magicLink/{token}", submit_link, methods=["POST"], name=PAGE),
    Route(AUTHORIZE_PATH, show_authorize, methods=["GET"], name=PAGE),
    Route(AUTHORIZE_PATH, decide, methods=["POST"], name=PAGE),
    Route("/sso/v1/oauth/{connection_id}/callback", callback, methods=["GET"], name=PAGE),
]
