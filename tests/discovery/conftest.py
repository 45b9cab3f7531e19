"""A small HTTP server on loopback that responds as an MCP server or an authorization server would."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "result": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "acme-notes", "title": "Acme Notes", "version": "1"},
    },
}


@dataclass
class Reply:
    """What the server responds to one request."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    stream: Callable[[Callable[[bytes], None]], None] | None = None
    """Writes the body by itself; the connection is closed after it."""


@dataclass
class Site:
    """The server: its base URL, its replies by path, and what was asked of it."""

    url: str
    replies: dict[str, Reply] = field(default_factory=dict)
    refuse_posts: set[str] = field(default_factory=set)
    """The paths that take GET only."""
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for _, path, _, _ in self.asked]

    def guard(self, path: str = "/mcp", **parameters: str) -> None:
        """Make a path respond with 401 with a bearer challenge."""
        listed = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
        self.replies[path] = Reply(
            401, {"error": "unauthorized"}, {"WWW-Authenticate": f"Bearer {listed}".strip()}
        )

    def resource(self, path: str, *servers: str, resource: str | None = None, **more: Any) -> None:
        """Put protected-resource metadata at a path."""
        document = {"resource": resource or f"{self.url}/mcp", "authorization_servers": list(servers), **more}
        self.replies[path] = Reply(body=document)

    def authorization(self, path: str, issuer: str, **more: Any) -> None:
        """Put authorization-server metadata at a path."""
        document = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "registration_endpoint": f"{issuer}/register",
            "code_challenge_methods_supported": ["S256"],
            **more,
        }
        self.replies[path] = Reply(body={k: v for k, v in document.items() if v is not None})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    site: Site


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *args: object) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        site = self.server.site
        site.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        path = self.path.partition("?")[0]
        reply = site.replies.get(path, Reply(404, {"error": "not found"}))
        if self.command == "POST" and path in site.refuse_posts:
            reply = Reply(405, {"error": "method not allowed"})
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Connection", "close")
        self.close_connection = True
        if reply.stream is not None:
            self.end_headers()
            try:
                reply.stream(self._send)
            except OSError:
                return  # the client has seen enough
            return
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _send(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()


@pytest.fixture
def sites() -> Iterator[Callable[[], Site]]:
    """Starts servers on loopback, and stops them after the test."""
    running: list[_Server] = []

    def start() -> Site:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.site = Site(f"http://127.0.0.1:{server.server_port}")
        running.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server.site

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(sites: Callable[[], Site]) -> Site:
    """One server on loopback."""
    return sites()
