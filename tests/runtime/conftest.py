"""A local Scalekit in front of a real upstream: an HTTP server that records exactly what reaches it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from pulumi_scalekit import local


@dataclass
class Received:
    """One request as the upstream saw it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Upstream:
    """The server's address, what it received, and what it does next."""

    url: str
    received: list[Received] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)
    meeting: threading.Barrier = field(default_factory=lambda: threading.Barrier(4, timeout=5))

    @property
    def last(self) -> Received:
        """Return the latest request."""
        return self.received[-1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def _read(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            body = bytearray()
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return bytes(body)
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _any(self) -> None:
        # The handler's own path has leading slashes collapsed; the request line has what was sent.
        target = self.requestline.split(" ")[1]
        received = Received(self.command, target, list(self.headers.items()), self._read())
        self.upstream.received.append(received)
        path = self.path.partition("?")[0].rpartition("/")[2].replace(".", "_")
        getattr(self, f"_{path}", self._echo)(received)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_PURGE = _any  # noqa: N815

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _echo(self, received: Received) -> None:
        self._send(200, {"Content-Type": "application/octet-stream"}, received.body)

    def _teapot(self, _: Received) -> None:
        headers = {
            "X-Upstream": "yes",
            "X-Request-Id": "upstream-1",
            "Connection": "X-Secret-Hop",
            "X-Secret-Hop": "1",
            "Keep-Alive": "timeout=5",
            "Date": "Tue, 01 Jan 2030 00:00:00 GMT",
        }
        self._send(418, headers, b'{"error": "short and stout"}')

    def _icon_svg(self, _: Received) -> None:
        body = (
            b'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800" viewBox="0 0 8 8">'
            b'<script>window.pwned=1</script><rect width="8" height="8" fill="#1e8a5a"/>'
            b'<path d="M2 5V2.5h4V5H4L2.6 6V5z" fill="#fff"/></svg>'
        )
        self._send(200, {"Content-Type": "image/svg+xml"}, body)

    def _redirect(self, _: Received) -> None:
        self._send(302, {"Location": "https://elsewhere.example/x"}, b"")

    def _unauthorized(self, _: Received) -> None:
        self._send(401, {"WWW-Authenticate": 'Bearer realm="upstream"'}, b"")

    def _empty(self, _: Received) -> None:
        self.send_response(204)
        self.end_headers()

    def _compressed(self, _: Received) -> None:
        import gzip

        self._send(200, {"Content-Encoding": "gzip"}, gzip.compress(b"hello " * 1000))

    def _events(self, _: Received) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._chunk(b"data: first\n\n")
            if self.upstream.release.wait(10):
                self._chunk(b"data: second\n\n")
                self._chunk(b"")
        except OSError:
            self.upstream.gone.set()

    def _endless(self, _: Received) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for _ in range(1000):
                self._chunk(b"x" * 1000)
                time.sleep(0.01)
        except OSError:
            self.upstream.gone.set()

    def _cut(self, _: Received) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 10)
        self.wfile.flush()
        self.close_connection = True

    def _meet(self, received: Received) -> None:
        self.upstream.meeting.wait()
        self._echo(received)

    def _nothing(self, _: Received) -> None:
        self.close_connection = True

    def _silent(self, _: Received) -> None:
        self.connection.settimeout(10)
        if self.rfile.read(1) == b"":
            self.upstream.gone.set()
        self.close_connection = True

    def _slow(self, received: Received) -> None:
        time.sleep(0.5)
        self._echo(received)

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *args: object) -> None:
        """Stay quiet."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: tests break connections on purpose."""


@contextmanager
def upstream_server() -> Iterator[Upstream]:
    """Serve an upstream for the length of the block."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    handler.upstream = upstream = Upstream(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield upstream
    finally:
        upstream.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Runtime:
    """Clients of a local Scalekit, signed in and not, whose upstreams all lead to one recording server."""

    http: httpx.Client
    anonymous: httpx.Client
    scalekit: local.LocalScalekit
    upstream: Upstream

    def connector(self, pattern: dict[str, Any], **changes: Any) -> str:
        """Create a connector with one auth pattern and return its identifier."""
        payload = {
            "display_name": "Under Test",
            "proxy_url": "https://api.example.com",
            "proxy_enabled": True,
            "auth_patterns": [{"display_name": "x", **pattern}],
            **changes,
        }
        return self._post("/api/v1/custom-providers", payload)["provider"]["identifier"]

    def connection(self, connector: str, kind: str, name: str = "under-test", **more: Any) -> dict[str, Any]:
        """Create an app connection and return it."""
        body = {"provider": "CUSTOM", "type": kind, "provider_key": connector, "key_id": name, **more}
        return self._post("/api/v1/connections?flags.is_app=true", body)["connection"]

    def oauth_app(self, connection: dict[str, Any], **settings: Any) -> dict[str, Any]:
        """Give a connection an OAuth application and return it."""
        required = {key: connection[key] for key in ("key_id", "provider_key", "type")}
        config = {"client_id": "app", "client_secret": "app-secret", **settings}
        answer = self.http.patch(
            f"/api/v1/connections/{connection['id']}", json={**required, "oauth_config": config}
        )
        assert answer.is_success, answer.text
        return answer.json()["connection"]

    def account(
        self, details: dict[str, Any] | None = None, config: dict[str, Any] | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Create a connected account and return it."""
        inner = {"authorization_details": details, "api_config": config}
        body = {"connector": "under-test", "identifier": "user_1", "connected_account": inner, **changes}
        return self._post("/api/v1/connected_accounts", body)["connected_account"]

    def set_up(
        self,
        pattern: dict[str, Any],
        details: dict[str, Any] | None,
        config: dict[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Create connector, connection and account in one go."""
        self.connection(self.connector(pattern, **changes), pattern["type"])
        self.account(details, config)

    def call(self, path: str, method: str = "GET", **options: Any) -> httpx.Response:
        """Call through Tool Proxy as the account `user_1` of the connection `under-test`."""
        headers = {"connection_name": "under-test", "identifier": "user_1", **options.pop("headers", {})}
        return self.http.request(method, f"/proxy{path}", headers=headers, **options)

    def _post(self, path: str, body: object) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with upstream_server() as upstream, local.running(upstreams={"*": upstream.url}) as scalekit:
        form = {
            "grant_type": "client_credentials",
            "client_id": scalekit.client_id,
            "client_secret": scalekit.client_secret,
        }
        with (
            httpx.Client(base_url=scalekit.url, timeout=5, verify=False) as http,
            httpx.Client(base_url=scalekit.url, timeout=5, verify=False) as anonymous,
        ):
            token = http.post("/oauth/token", data=form).json()["access_token"]
            http.headers["authorization"] = f"Bearer {token}"
            yield Runtime(http, anonymous, scalekit, upstream)


def static(**details: Any) -> dict[str, Any]:
    """Return the authorization details of a static auth type."""
    return {"static_auth": {"details": details}}


def oauth(access_token: str, **more: Any) -> dict[str, Any]:
    """Return the authorization details of an OAUTH account."""
    return {"oauth_token": {"access_token": access_token, **more}}
