"""`/_local/…`: faults, the request log, the clock and the secrets of a running server.

No part of Scalekit. Open to clients on this machine only, and not to pages of other sites.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pulumi_scalekit.local import serialization
from pulumi_scalekit.local.errors import InvalidArgument, NotFound, PermissionDenied
from pulumi_scalekit.local.exchange import ADMIN
from pulumi_scalekit.local.faults import FaultError
from pulumi_scalekit.local.request import environment_of, exchange_of
from pulumi_scalekit.settings import is_loopback


def guard(request: Request) -> None:
    """Refuse clients on other machines, and requests that a page of another site caused."""
    client = request.client.host if request.client else "127.0.0.1"
    host = urlsplit(f"//{request.headers.get('host', 'localhost')}").hostname or ""
    if not is_loopback(client) or not is_loopback(host):
        raise PermissionDenied("this page is open to this machine only")
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise PermissionDenied("this request comes from a page of another site")


async def show_faults(request: Request) -> Response:
    """`GET /_local/faults`: what is switched on, and how often it struck."""
    guard(request)
    return JSONResponse({"faults": environment_of(request).faults.as_json()})


async def add_faults(request: Request) -> Response:
    """`POST /_local/faults` with `{"spec": "…"}` or `{"specs": ["…"]}`."""
    guard(request)
    body = serialization.parse_object(await exchange_of(request).body())
    specs = body.get("specs", [body["spec"]] if "spec" in body else None)
    if not isinstance(specs, list) or not all(isinstance(spec, str) for spec in specs):
        raise InvalidArgument('send {"spec": "create:drop-after-commit*1"} or {"specs": [...]}')
    try:
        armed = environment_of(request).faults.add(*specs)
    except FaultError as error:
        raise InvalidArgument(str(error)) from None
    return JSONResponse({"faults": [each.as_json() for each in armed]}, 201)


async def clear_faults(request: Request) -> Response:
    """`DELETE /_local/faults`, or `/_local/faults/{id}` for one."""
    guard(request)
    faults = environment_of(request).faults
    number = request.path_params.get("number")
    if number is None:
        faults.clear()
    elif not faults.remove(number):
        raise NotFound(f"no fault has the id {number}")
    return JSONResponse({})


async def show_requests(request: Request) -> Response:
    """`GET /_local/requests`: counts by operation, and the latest requests."""
    guard(request)
    return JSONResponse(environment_of(request).requests.as_json())


async def clear_requests(request: Request) -> Response:
    """`DELETE /_local/requests`."""
    guard(request)
    environment_of(request).requests.clear()
    return JSONResponse({})


async def advance_clock(request: Request) -> Response:
    """`POST /_local/clock` with `{"advance": seconds}`: tokens, limits and late lists get older."""
    guard(request)
    seconds = serialization.parse_object(await exchange_of(request).body()).get("advance")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e9:
        raise InvalidArgument('send {"advance": seconds}')
    environment_of(request).clock.advance(float(seconds))
    return JSONResponse({"now": environment_of(request).clock.now()})


async def change_secrets(request: Request) -> Response:
    """`POST /_local/secrets` with `client_id` and `add`, `revoke` or `revoke_tokens`: rotate a secret."""
    guard(request)
    body = serialization.parse_object(await exchange_of(request).body())
    credentials = environment_of(request).credentials
    client_id, add, revoke = (body.get(key) for key in ("client_id", "add", "revoke"))
    if not isinstance(client_id, str) or not credentials.knows(client_id):
        raise NotFound("no client has that client_id")
    if isinstance(add, str):
        credentials.add_secret(client_id, add)
    if isinstance(revoke, str):
        credentials.revoke_secret(client_id, revoke, tokens=body.get("revoke_tokens") is True)
    elif body.get("revoke_tokens") is True:
        credentials.revoke_tokens()
    return JSONResponse({})


ROUTES = [
    Route("/_local/faults", show_faults, methods=["GET"], name=ADMIN),
    Route("/_local/faults", add_faults, methods=["POST"], name=ADMIN),
    Route("/_local/faults", clear_faults, methods=["DELETE"], name=ADMIN),
    Route("/_local/faults/{number:int}", clear_faults, methods=["DELETE"], name=ADMIN),
    Route("/_local/requests", show_requests, methods=["GET"], name=ADMIN),
    Route("/_local/requests", clear_requests, methods=["DELETE"], name=ADMIN),
    Route("/_local/clock", advance_clock, methods=["POST"], name=ADMIN),
    Route("/_local/secrets", change_secrets, methods=["POST"], name=ADMIN),
]
