"""A client that is signed in, once over a socket and once in process, for the same tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from starlette.applications import Starlette

from pulumi_scalekit import local
from pulumi_scalekit.local.environment import Environment

ASANA = {
    "display_name": "My Asana",
    "description": "Tasks and projects",
    "auth_patterns": [
        {
            "type": "OAUTH",
            "display_name": "OAuth 2.0",
            "fields": [],
            "oauth_config": {
                "authorize_uri": "https://app.asana.com/-/oauth_authorize",
                "token_uri": "https://app.asana.com/-/oauth_token",
                "available_scopes": [{"scope": "email", "display_name": "Email", "required": True}],
            },
        }
    ],
    "proxy_url": "https://app.asana.com/api",
    "proxy_enabled": True,
}
BEARER = {
    "display_name": "My Bearer",
    "auth_patterns": [
        {"type": "BEARER", "display_name": "Token", "fields": [{"field_name": "token", "required": True}]}
    ],
    "proxy_url": "https://api.example.com",
    "proxy_enabled": True,
}


class InProcess(httpx.BaseTransport):
    """Calls the application without a socket, one event loop for each request."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Respond to one request."""
        return asyncio.run(self._call(request))

    async def _call(self, request: httpx.Request) -> httpx.Response:
        asynchronous = httpx.Request(
            request.method, request.url, headers=request.headers.raw, content=request.read()
        )
        answer = await httpx.ASGITransport(self.app).handle_async_request(asynchronous)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


@dataclass
class Session:
    """A signed-in client and the environment that it talks to."""

    http: httpx.Client
    environment: Environment
    over_socket: bool

    def token(self, client_id: str = "skc_local", secret: str = "local-secret") -> httpx.Response:
        """Ask for a token."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return self.http.post("/oauth/token", data=form)

    def sign_in(self, client_id: str = "skc_local", secret: str = "local-secret") -> None:
        """Send a token with every request from now on."""
        answer = self.token(client_id, secret)
        assert answer.status_code == 200, answer.text
        self.http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"

    def create(self, payload: dict[str, object] | None = None, **changes: object) -> dict[str, object]:
        """Create a connector and return it as answered."""
        answer = self.http.post("/api/v1/custom-providers", json={**(payload or BEARER), **changes})
        assert answer.status_code == 201, answer.text
        return answer.json()["provider"]

    def update(self, identifier: object, payload: dict[str, object]) -> httpx.Response:
        """Update a connector, whatever the answer."""
        return self.http.put(f"/api/v1/custom-providers/{identifier}", json=payload)

    def list(self, **params: object) -> list[dict[str, object]]:
        """Return the custom connectors of one list."""
        query = {"filter.provider_type": "CUSTOM", "page_size": 1000, **params}
        answer = self.http.get("/api/v1/providers", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["providers"]


@pytest.fixture(params=["socket", "in process"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    if request.param == "socket":
        with local.running() as server, httpx.Client(base_url=server.url, timeout=5, verify=False) as http:
            session = Session(http, server.environment, over_socket=True)
            session.sign_in()
            yield session
        return
    app = local.create_app(local.Store())
    with httpx.Client(transport=InProcess(app), base_url="http://localhost") as http:
        session = Session(http, app.state.environment, over_socket=False)
        session.sign_in()
        yield session


@pytest.fixture
def server() -> Iterator[Session]:
    with local.running() as running, httpx.Client(base_url=running.url, timeout=5, verify=False) as http:
        session = Session(http, running.environment, over_socket=True)
        session.sign_in()
        yield session
