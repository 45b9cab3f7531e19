"""`POST /oauth/token`: client credentials for a bearer token (RFC 6749, sections 2.3.1 and 4.4)."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pulumi_scalekit.local.request import environment_of, exchange_of

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def token(request: Request) -> Response:
    """Trade a client's id and secret, in the form or in a Basic header, for an access token."""
    environment, exchange = environment_of(request), exchange_of(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        return _refuse(400, "invalid_request", "the body must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl((await exchange.body()).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return _refuse(400, "invalid_request", "the body is not a valid form")
    form = dict(pairs)
    if len(form) != len(pairs):
        return _refuse(400, "invalid_request", "a parameter is repeated")
    if form.get("grant_type") != "client_credentials":
        return _refuse(400, "unsupported_grant_type", "grant_type must be client_credentials")
    client_id, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
    found = environment.credentials.check_secret(client_id, secret)
    if found is None:
        return _refuse(401, "invalid_client", "client authentication failed")
    client, secret_id = found
    lifetime = environment.settings.token_lifetime
    real = exchange.behaviour.token_lifetime
    access_token = environment.credentials.issue(client, secret_id, lifetime if real is None else real)
    return JSONResponse(
        {"access_token": access_token, "expires_in": int(lifetime), "token_type": "Bearer"}, headers=_NO_STORE
    )


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return "", ""
    # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
    return unquote_plus(client_id), unquote_plus(secret)


def _refuse(status: int, error: str, description: str) -> Response:
    headers = dict(_NO_STORE)
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="scalekit"'
    return JSONResponse({"error": error, "error_description": description}, status, headers=headers)


ROUTES = [Route("/oauth/token", token, methods=["POST"], name="token")]
