"""The local Scalekit as a real server: in the foreground, or in a thread for tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from pulumi_scalekit.settings import is_loopback

from .app import create_app
from .clock import Clock
from .credentials import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Credentials
from .environment import Environment
from .exchange import TRANSPORT
from .faults import Faults
from .grpc_bridge import (
    HTTP2_PREFACE,
    ROOTS_VARIABLE,
    TLS_HANDSHAKE,
    GrpcFront,
    GrpcUnavailable,
    Relay,
    Relays,
)
from .request_log import RequestLog
from .settings import Settings
from .store import Store


class ServeError(Exception):
    """The server cannot start; the message says why and what to do."""


class _Config(uvicorn.Config):
    """uvicorn's settings, and where connections are relayed to that do not speak HTTP/1.1 in clear text."""

    grpc_port: int | None = None
    """Where HTTP/2 is understood: the gRPC server."""
    tls_port: int | None = None
    """Where TLS is understood: this server again, with a certificate."""
    relays: Relays


class _Protocol(H11Protocol):
    """uvicorn's protocol, whose requests can reach their connection: faults close it.

    Where there is a gRPC front, connections of TLS and HTTP/2 are relayed.
    """

    config: _Config
    _fresh = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner: ASGIApp = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                scope.setdefault("extensions", {})[TRANSPORT] = self.transport
            await inner(scope, receive, send)

        self.app = app

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        """Note whose connection it is, also where it was relayed."""
        super().connection_made(transport)
        if self.client is not None:
            self.client = self.config.relays.peers.get(self.client, self.client)

    def data_received(self, data: bytes) -> None:
        """Take what a client sent."""
        fresh, self._fresh = self._fresh, False
        port = self._relay_port(data) if fresh else None
        if port is not None:
            self.connections.discard(self)
            Relay.take_over(self.transport, data, port, self.config.relays)
            return
        super().data_received(data)

    def _relay_port(self, first: bytes) -> int | None:
        """Return where a connection goes that begins like this; None for here."""
        if first[:1] == TLS_HANDSHAKE:
            return self.config.tls_port
        # Every client of HTTP/2 sends its preface at once, and no other begins with its first byte but by method.
        if first[: len(HTTP2_PREFACE)] == HTTP2_PREFACE:
            return self.config.grpc_port
        return None


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is up."""

    def __init__(self, app: Starlette) -> None:
        self.settings = _Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,  # proxied responses bring their own
            timeout_graceful_shutdown=1,
        )
        self.settings.relays = Relays()
        super().__init__(self.settings)
        self.up = threading.Event()

        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End the server soon; safe to call from any thread."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        await super().startup(sockets=sockets)
        self._loop = asyncio.get_running_loop()
        self.up.set()

    def serve_grpc(self, front: GrpcFront) -> None:
        """Relay HTTP/2 to the front from now on, and serve TLS. Called from another thread once the server is up."""
        if self._loop is None:
            raise RuntimeError("the server is not up yet")
        self.settings.grpc_port = front.port
        starting = asyncio.run_coroutine_threadsafe(self._listen_for_tls(front), self._loop)
        self.settings.tls_port = starting.result(timeout=10)

    async def _listen_for_tls(self, front: GrpcFront) -> int:
        def protocol() -> _Protocol:
            return _Protocol(
                config=self.settings, server_state=self.server_state, app_state={}, _loop=self._loop
            )

        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=front.tls)
        self.servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def main_loop(self) -> None:
        """Tick as uvicorn does, but end at once when asked to: tests start and stop many servers."""
        ticks = asyncio.create_task(super().main_loop())
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({ticks, stop}, return_when=asyncio.FIRST_COMPLETED)
        ticks.cancel()
        stop.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close idle connections at once; leave uvicorn's grace period to those that are in use."""
        for server in self.servers:
            server.close()
        self.settings.relays.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(3):
            await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets=sockets)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises :class:`ServeError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(256)
    except OSError as error:
        sock.close()
        raise ServeError(
            f"cannot listen on {host}:{port}: {error.strerror}. Choose another --port; 0 takes a free one."
        ) from None
    return sock


@dataclass(frozen=True)
class LocalScalekit:
    """A running local Scalekit, as :func:`running` yields it."""

    url: str
    """The environment's base URL, such as `http://127.0.0.1:40123`."""
    client_id: str
    client_secret: str
    environment: Environment
    grpc_roots: Path | None = None
    """The certificate that gRPC clients must trust, where gRPC is served."""

    @property
    def store(self) -> Store:
        """What it remembers."""
        return self.environment.store

    @property
    def requests(self) -> RequestLog:
        """What it was asked."""
        return self.environment.requests

    @property
    def faults(self) -> Faults:
        """What it does wrong on purpose."""
        return self.environment.faults

    @property
    def clock(self) -> Clock:
        """Its clock, which can be moved forward."""
        return self.environment.clock

    @property
    def settings(self) -> Settings:
        """Its switches, which may be changed at any time."""
        return self.environment.settings

    @property
    def credentials(self) -> Credentials:
        """Its clients and their secrets, for rotation and for other permissions."""
        return self.environment.credentials

    @property
    def env(self) -> dict[str, str]:
        """The environment variables that point the provider and the SDK here."""
        roots = {ROOTS_VARIABLE: str(self.grpc_roots)} if self.grpc_roots else {}
        return roots | {
            "SCALEKIT_ENVIRONMENT_URL": self.url,
            "SCALEKIT_CLIENT_ID": self.client_id,
            "SCALEKIT_CLIENT_SECRET": self.client_secret,
        }


@contextlib.contextmanager
def running(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    data: Path | None = None,
    faults: Iterable[str] = (),
    settings: Settings | None = None,
    client_id: str = DEFAULT_CLIENT_ID,
    client_secret: str = DEFAULT_CLIENT_SECRET,
    upstreams: Mapping[str, str] | None = None,
    grpc: bool = False,
) -> Iterator[LocalScalekit]:
    """Serve one environment in a thread, for the length of the block; port 0 takes a free one.

    Several may run at once; each is an environment of its own. ``upstreams`` is a short form of the
    setting of that name. What ``data`` names outlives the block. With ``grpc`` the SDKs' gRPC calls are
    served, too; clients must trust the certificate in ``grpc_roots``.
    """
    settings = settings or Settings()
    if upstreams is not None:
        settings.upstreams = upstreams
    armed = Faults(faults)
    with contextlib.closing(Store(data)) as store, listen(host, port) as sock:
        credentials = Credentials(store.clock, signing_key=store.secret_key())
        credentials.add_client(client_id, client_secret)
        app = create_app(store, settings=settings, credentials=credentials, faults=armed)
        server = _Server(app)
        thread = threading.Thread(
            target=_run, args=(server, sock), name=f"local-scalekit-{_url(sock)}", daemon=True
        )
        thread.start()
        try:
            if not server.up.wait(timeout=10):
                raise ServeError("the local Scalekit did not start within 10 seconds")
            with _grpc_front(_url(sock), data) if grpc else contextlib.nullcontext() as front:
                if front is not None:
                    server.serve_grpc(front)
                roots = front.roots if front else None
                yield LocalScalekit(_url(sock), client_id, client_secret, app.state.environment, roots)
        finally:
            server.stop()
            thread.join(timeout=10)


def _run(server: _Server, sock: socket.socket) -> None:
    asyncio.run(server.serve(sockets=[sock]))


def serve(
    host: str = "127.0.0.1",
    port: int = 8787,
    data: Path | None = None,
    faults: Iterable[str] = (),
    *,
    settings: Settings | None = None,
    client_id: str = DEFAULT_CLIENT_ID,
    client_secret: str = DEFAULT_CLIENT_SECRET,
    allow_remote: bool = False,
    grpc: bool = False,
    announce: Callable[[LocalScalekit], None] = lambda _: None,
) -> None:
    """Serve one environment until SIGINT or SIGTERM.

    ``announce`` is called once requests are served; the rest is as for :func:`running`. Raises
    :class:`ServeError` when the address cannot be used, :class:`~.faults.FaultError` for a specification it
    cannot read and :class:`~.store.StoreError` for a directory it cannot use.
    """
    if not allow_remote and not is_loopback(host.strip("[]")):
        raise ServeError(
            f"{host} can be reached from other machines, and this server holds credentials in clear text. "
            "Use 127.0.0.1, or say --allow-remote."
        )
    settings = settings or Settings()
    if allow_remote:
        settings.host_names |= {host, socket.gethostname(), socket.getfqdn()}
    with (
        _end_signals() as ended,
        running(
            host=host,
            port=port,
            data=data,
            faults=faults,
            settings=settings,
            client_id=client_id,
            client_secret=client_secret,
            grpc=grpc,
        ) as scalekit,
    ):
        announce(scalekit)
        ended.wait()


@contextlib.contextmanager
def _end_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, for the length of the block."""
    ended = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: ended.set()) for number in numbers]
    try:
        yield ended
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextlib.contextmanager
def _grpc_front(url: str, directory: Path | None) -> Iterator[GrpcFront]:
    """A gRPC server for the length of the block, whose certificate lies in the directory."""
    with tempfile.TemporaryDirectory(prefix="local-scalekit-") as temporary:
        try:
            front = GrpcFront(url, directory or Path(temporary))
        except GrpcUnavailable as error:
            raise ServeError(str(error)) from None
        with contextlib.closing(front):
            yield front


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
