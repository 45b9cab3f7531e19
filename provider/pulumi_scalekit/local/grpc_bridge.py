"""gRPC beside the HTTP API, for the parts of the official SDKs that do not speak HTTP.

The SDKs speak gRPC to the host and port of their environment URL: the Python SDK over TLS, also where that URL is
plain `http://`; the Node SDK over HTTP/2 in clear text for `http://`, over TLS for `https://`. So all share one
port, and a connection is told by its first bytes: a TLS handshake (whose ALPN then says HTTP/1.1 or HTTP/2), the
preface of HTTP/2, or HTTP/1.1. What is HTTP/2 is relayed to the gRPC server here. Every call is translated into
the HTTP request that the method's own `google.api.http` annotation names, is carried out by the local Scalekit,
and the response is translated back. Messages and annotations come from the Python SDK, which must be installed.

A client must trust the certificate: gRPC for Python reads it from the file that the environment variable
`GRPC_DEFAULT_SSL_ROOTS_FILE_PATH` names, Node from `NODE_EXTRA_CA_CERTS`.
"""

from __future__ import annotations

import asyncio
import datetime
import importlib
import ipaddress
import json
import os
import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

ROOTS_VARIABLE = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
CERTIFICATE_FILE = "grpc-ca.pem"
TLS_HANDSHAKE = b"\x16"
"""The first byte of a TLS connection (RFC 8446, section 5.1); no HTTP request begins with it."""
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n"
"""How a connection of HTTP/2 begins (RFC 9113, section 3.4); no HTTP/1.1 client sends it."""
ALPN = ("h2", "http/1.1")

SERVICES = ("providers", "connections", "connected_accounts")
_VALID = datetime.timedelta(days=30)


class GrpcUnavailable(Exception):
    """The front cannot run: what it needs is not installed."""


@dataclass(frozen=True)
class Binding:
    """The HTTP request that stands for a gRPC method."""

    verb: str
    template: str
    body: str
    """The field that is the request's body, `*` for the whole message, empty for none."""

    def request(self, message: Mapping[str, Any]) -> tuple[str, httpx.QueryParams, object]:
        """Return path, query and body of the HTTP request for a message in its JSON form."""
        rest = dict(message)

        def fill(match: re.Match[str]) -> str:
            return quote(str(rest.pop(match[1], "")), safe=":")

        path = re.sub(r"\{(\w+)\}", fill, self.template)
        if self.body == "*":
            return path, httpx.QueryParams(), rest
        body = rest.pop(self.body, {}) if self.body else None
        return path, httpx.QueryParams(list(_flat(rest))), body


class GrpcFront:
    """A gRPC server on a free loopback port, which calls the HTTP API at ``url``."""

    def __init__(self, url: str, directory: Path) -> None:
        grpc = _import("grpc")
        for service in (*SERVICES, "errdetails"):
            _import(f"scalekit.v1.{service}.{service}_pb2")
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        certificate, key = make_certificate()
        self.tls = tls_context(certificate, key)
        self.roots = directory / CERTIFICATE_FILE
        write_file(self.roots, certificate, 0o644)
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=8, thread_name_prefix="local-scalekit-grpc"),
            handlers=[_handler(grpc, self._http)],
        )
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self) -> None:
        """Stop the server."""
        self._server.stop(0).wait()
        self._http.close()


def tls_context(certificate: bytes, key: bytes) -> ssl.SSLContext:
    """Return the server's side of TLS, which lets a client choose HTTP/2 or HTTP/1.1 by ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(list(ALPN))
    # The library reads the key from a file only.
    with tempfile.TemporaryDirectory(prefix="local-scalekit-") as directory:
        path = Path(directory, "tls.pem")
        write_file(path, key + certificate, 0o600)
        context.load_cert_chain(path)
    return context


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file that has this mode from the start, whatever the umask."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    path.chmod(mode)


@dataclass
class Relays:
    """The connections that are relayed, and whose they are."""

    open: set[Relay] = field(default_factory=set)
    peers: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    """The client's address and port, by those that the relay uses at this machine."""

    def close(self) -> None:
        """Close all of them."""
        for relay in list(self.open):
            relay.close()


class Relay(asyncio.Protocol):
    """One end of a relayed connection; the other end writes where this one reads."""

    def __init__(self, relays: Relays, port: int = 0, first: bytes = b"") -> None:
        self._relays = relays
        self._port = port
        self._pending = bytearray(first)
        self._connecting: asyncio.Future[None] | None = None
        self._own: tuple[str, int] | None = None
        self.transport: asyncio.Transport | None = None
        self.peer: Relay | None = None

    @classmethod
    def take_over(cls, transport: asyncio.Transport, first: bytes, port: int, relays: Relays) -> None:
        """Relay an accepted connection to a port of this machine, beginning with what it sent already."""
        relay = cls(relays, port, first)
        relay.connection_made(transport)
        transport.set_protocol(relay)
        transport.pause_reading()
        relay._connecting = asyncio.ensure_future(relay._connect())

    async def _connect(self) -> None:
        back = Relay(self._relays)
        back.peer, self.peer = self, back
        try:
            await asyncio.get_running_loop().create_connection(lambda: back, "127.0.0.1", self._port)
        except OSError:
            self.close()
            return
        if self.transport is None or self.transport.is_closing() or back.transport is None:
            back.close()
            return
        self._own = back.transport.get_extra_info("sockname")[:2]
        self._relays.peers[self._own] = self.transport.get_extra_info("peername")[:2]
        self.data_received(bytes(self._pending))
        self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
            self._relays.open.add(self)

    def data_received(self, data: bytes) -> None:
        """Pass data on."""
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.write(data)

    def pause_writing(self) -> None:
        """Let the other end read no more until this one has written what it has."""
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        """Let the other end read again."""
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end, too."""
        del exc
        self._relays.open.discard(self)
        if self._own is not None:
            self._relays.peers.pop(self._own, None)
        if self.peer is not None:
            self.peer.close()

    def close(self) -> None:
        """Close this end."""
        if self.transport is not None:
            self.transport.close()


def make_certificate() -> tuple[bytes, bytes]:
    """Return a certificate for loopback names that signs itself, and its key, both as PEM."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError:
        raise _missing("cryptography") from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local Scalekit")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def bindings() -> dict[str, tuple[Binding, Any]]:
    """Return the HTTP binding and the descriptor of every method that the front knows, by gRPC path."""
    http = _import("google.api.annotations_pb2").http
    found = {}
    for service_name in SERVICES:
        module = _import(f"scalekit.v1.{service_name}.{service_name}_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                rule = method.GetOptions().Extensions[http]
                verb = rule.WhichOneof("pattern")
                if verb is not None:
                    binding = Binding(verb.upper(), getattr(rule, verb), rule.body)
                    found[f"/{service.full_name}/{method.name}"] = (binding, method)
    return found


def _handler(grpc: Any, http: httpx.Client) -> Any:
    known = bindings()
    json_format = _import("google.protobuf.json_format")
    message_class = _import("google.protobuf.message_factory").GetMessageClass

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc has no types
        def service(self, details: Any) -> Any:
            entry = known.get(details.method)
            if entry is None:
                return None
            binding, method = entry
            request_class, response_class = map(message_class, (method.input_type, method.output_type))

            def call(message: Any, context: Any) -> Any:
                fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
                path, query, body = binding.request(fields)
                # The SDK's channel repeats its first token beside the current one: the first entry counts.
                tokens = [value for key, value in context.invocation_metadata() if key == "authorization"]
                sent = {"authorization": tokens[0]} if tokens else {}
                try:
                    response = http.request(binding.verb, path, params=query, json=body, headers=sent)
                    content = response.json() if response.content else {}
                except (httpx.HTTPError, ValueError) as error:
                    # What a fault did to the HTTP response is a broken transport here.
                    context.abort(grpc.StatusCode.UNAVAILABLE, f"no response: {error}")
                if not response.is_success:
                    context.abort_with_status(_status(grpc, json_format, content))
                return json_format.ParseDict(content, response_class(), ignore_unknown_fields=True)

            return grpc.unary_unary_rpc_method_handler(
                call,
                request_deserializer=request_class.FromString,
                response_serializer=response_class.SerializeToString,
            )

    return Handler()


def _status(grpc: Any, json_format: Any, body: Mapping[str, Any]) -> Any:
    """Return the gRPC status that a refusal in the gateway's form stands for, with its details."""
    number = body.get("code", 2)
    code = next((each for each in grpc.StatusCode if each.value[0] == number), grpc.StatusCode.UNKNOWN)
    status = _import("google.rpc.status_pb2").Status()
    json_format.ParseDict(body, status, ignore_unknown_fields=True)
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    return _Status(code, status.message, metadata)


@dataclass(frozen=True)
class _Status:
    """What `grpc.Status` asks for: a code, a message and trailing metadata."""

    code: Any
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from _flat(item, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}", item if isinstance(item, str) else json.dumps(item)


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise _missing(name.partition(".")[0]) from None


def _missing(name: str) -> GrpcUnavailable:
    return GrpcUnavailable(f"the gRPC front needs {name}: pip install scalekit-sdk-python")
