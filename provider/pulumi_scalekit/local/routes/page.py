"""The page at the root: what the environment holds, the last calls and requests. Open to this machine only.

The page is static; its script reads `/_local/state`, which contains no credentials, and sets text, never markup.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from pulumi_scalekit.local import serialization
from pulumi_scalekit.local.connection_settings import status_of
from pulumi_scalekit.local.environment import Environment
from pulumi_scalekit.local.errors import NotFound
from pulumi_scalekit.local.exchange import ADMIN, PAGE, PROXY
from pulumi_scalekit.local.request import environment_of, path_parameter
from pulumi_scalekit.local.request_log import Request as LoggedRequest

from .accounts import format_listed
from .admin import guard
from .html import headers
from .tool_proxy import destination, tls

STATIC = Path(__file__).parent / "static"
FILES = {"style.css": "text/css", "app.js": "text/javascript", "icon.svg": "image/svg+xml"}
CALLS_SHOWN = 50
REQUESTS_SHOWN = 100
MAX_ICON = 512 * 1024
ICON_TIMEOUT = 5.0


async def index(request: Request) -> Response:
    """`GET /`."""
    guard(request)
    return FileResponse(STATIC / "index.html", media_type="text/html", headers=headers())


async def static(request: Request) -> Response:
    """`GET /_local/static/{name}`: the page's style sheet and script."""
    name = path_parameter(request, "name")
    if name not in FILES:
        raise NotFound("Not Found")
    return FileResponse(STATIC / name, media_type=FILES[name], headers=headers())


async def state(request: Request) -> Response:
    """`GET /_local/state`: connectors with their connections and accounts, the last calls and requests."""
    guard(request)
    environment = environment_of(request)
    return JSONResponse(
        {"url": str(request.base_url).rstrip("/"), **snapshot(environment)},
        headers={"Cache-Control": "no-store"},
    )


def snapshot(environment: Environment) -> dict[str, Any]:
    """Return what the page shows. Credentials of accounts stay out; injected headers are masked."""
    store = environment.store
    accounts: dict[str, list[dict[str, object]]] = {}
    connections: dict[str, list[dict[str, object]]] = {}
    for connection in store.connections():
        accounts[connection.id] = [
            format_listed(account, connection) for account in store.accounts(connection_id=connection.id)
        ]
        shown = {
            "id": connection.id,
            "name": connection.name,
            "enabled": connection.enabled,
            "status": status_of(connection),
            "accounts": accounts[connection.id],
        }
        connections.setdefault(connection.provider_key, []).append(shown)
    calls = [
        {**_shown(request), "injected": request.injected, "refused": request.refused}
        for request in environment.requests.of(PROXY)[-CALLS_SHOWN:]
    ]
    management = [each for each in environment.requests if each.operation not in (PAGE, ADMIN, PROXY)]
    return {
        "connectors": [
            {
                **serialization.format_provider(provider),
                "connections": connections.get(provider.identifier, []),
            }
            for provider in sorted(store.all_providers(), key=lambda each: (not each.is_custom, each.seq))
        ],
        "calls": calls[::-1],
        "requests": [_shown(request) for request in management[: -REQUESTS_SHOWN - 1 : -1]],
        "faults": environment.faults.as_json(),
        "counts": dict(environment.requests.counts),
    }


def _shown(request: LoggedRequest) -> dict[str, Any]:
    return {
        "number": request.number,
        "at": request.at,
        "method": request.method,
        "path": request.path,
        "operation": request.operation,
        "status": request.status,
        "duration": request.duration,
        "faults": request.faults,
        "connector": request.connector,
        "connection": request.connection_name,
    }


async def icon(request: Request) -> Response:
    """`GET /_local/icons/{identifier}`: a connector's icon, fetched by the server.

    The page itself loads nothing from other hosts. An SVG is shown as an image only, so no script in it runs.
    """
    guard(request)
    environment = environment_of(request)
    provider = environment.store.get_provider(path_parameter(request, "identifier"))
    source = provider.payload.get("icon_src") if provider else None
    if not isinstance(source, str) or not source.startswith("https://"):
        raise NotFound("the connector does not have an icon")
    url, host = destination(source, environment.settings.upstreams)
    try:
        async with (
            httpx.AsyncClient(verify=tls(), timeout=ICON_TIMEOUT, trust_env=False) as client,
            client.stream("GET", url, headers={"Host": host}) as response,
        ):
            media_type = response.headers.get("content-type", "").partition(";")[0].strip()
            if response.status_code != 200 or not media_type.startswith("image/"):
                raise NotFound("the icon is not an image")
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_ICON:
                    raise NotFound("the icon is too large")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotFound(f"the icon could not be fetched: {error}") from None
    sandbox = {
        **headers(),
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    return Response(bytes(content), media_type=media_type, headers=sandbox)


ROUTES = [
    Route("/", index, methods=["GET"], name=PAGE),
    Route("/_local/state", state, methods=["GET"], name=PAGE),
    Route("/_local/icons/{identifier}", icon, methods=["GET"], name=PAGE),
    Route("/_local/static/{name}", static, methods=["GET"], name=PAGE),
]
