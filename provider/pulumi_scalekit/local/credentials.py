"""API clients, their secrets and the bearer tokens made from them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from .clock import Clock
from .errors import PermissionDenied, Unauthenticated

READ = "agent_connectors:read"
WRITE = "agent_connectors:write"
READ_CONNECTIONS = "sso:read"
WRITE_CONNECTIONS = "sso:write"
READ_ACCOUNTS = "connected_accounts:read"
WRITE_ACCOUNTS = "connected_accounts:write"
REVOKE_ACCOUNTS = "connected_accounts:revoke"
ACCESS_ACCOUNTS = "connected_accounts:access"

PERMISSIONS = (
    READ,
    WRITE,
    READ_CONNECTIONS,
    WRITE_CONNECTIONS,
    READ_ACCOUNTS,
    WRITE_ACCOUNTS,
    REVOKE_ACCOUNTS,
    ACCESS_ACCOUNTS,
)
"""Everything that a client can be allowed to do here."""

DEFAULT_CLIENT_ID = "skc_local"
DEFAULT_CLIENT_SECRET = "local-secret"


@dataclass(frozen=True)
class Client:
    """An API client and what it may do."""

    client_id: str
    permissions: frozenset[str]

    def require(self, permission: str) -> None:
        """Raise :class:`PermissionDenied` unless the client has ``permission``."""
        if permission not in self.permissions:
            raise PermissionDenied(
                f"client {self.client_id} lacks the permission {permission}", required=[permission]
            )


class Credentials:
    """Checks client secrets, issues tokens and checks them.

    A client may have several valid secrets, so that one can be rotated without a gap. Tokens are
    signed (HMAC-SHA256, in JWT form) rather than stored, so they outlive a restart of the server
    when ``signing_key`` does.
    """

    def __init__(self, clock: Clock, *, signing_key: bytes | None = None) -> None:
        self._clock = clock
        self._key = signing_key or secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._clients: dict[str, Client] = {}
        self._digests: dict[str, dict[bytes, str]] = {}
        self._revoked: set[str] = set()
        self._revoked_secrets: set[str] = set()
        self._revoked_before = 0.0

    def add_client(self, client_id: str, secret: str, permissions: Iterable[str] = PERMISSIONS) -> Client:
        """Register a client with one secret; by default it may do everything."""
        client = Client(client_id, frozenset(permissions))
        with self._lock:
            self._clients[client_id] = client
            self._digests[client_id] = {}
        self.add_secret(client_id, secret)
        return client

    def knows(self, client_id: str) -> bool:
        """Whether there is a client of that id."""
        with self._lock:
            return client_id in self._clients

    def add_secret(self, client_id: str, secret: str) -> None:
        """Make ``secret`` valid for the client, beside those it has."""
        digest = _digest(secret)
        with self._lock:
            self._digests[client_id][digest] = digest.hex()[:16]
            self._revoked_secrets.discard(digest.hex()[:16])

    def revoke_secret(self, client_id: str, secret: str, *, tokens: bool = False) -> None:
        """Make ``secret`` invalid; with ``tokens``, also every token that it was traded for."""
        digest = _digest(secret)
        with self._lock:
            self._digests[client_id].pop(digest, None)
            if tokens:
                self._revoked_secrets.add(digest.hex()[:16])

    def check_secret(self, client_id: str, secret: str) -> tuple[Client, str] | None:
        """Return the client and the id of its secret, or None.

        Every stored digest is compared, in constant time, and an unknown client costs one comparison
        as well: how long the response takes says nothing about what was right.
        """
        given = _digest(secret)
        with self._lock:
            client = self._clients.get(client_id)
            known = dict(self._digests.get(client_id) or {bytes(32): ""})
        found = None
        for digest, secret_id in known.items():
            if hmac.compare_digest(digest, given):
                found = secret_id
        return (client, found) if client and found else None

    def issue(self, client: Client, secret_id: str, lifetime: float) -> str:
        """Return a bearer token that is valid for ``lifetime`` seconds."""
        now = self._clock.now()
        claims = {
            "client_id": client.client_id,
            "exp": now + lifetime,
            "iat": now,
            "jti": secrets.token_hex(8),
            "sid": secret_id,
        }
        head = _b64(b'{"alg":"HS256","typ":"JWT"}') + b"." + _b64(json.dumps(claims).encode())
        return (head + b"." + _b64(self._sign(head))).decode()

    def authenticate(self, authorization: str | None) -> Client:
        """Return the client behind an ``Authorization`` header.

        Raises :class:`Unauthenticated` when there is no bearer token or it is not valid now.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("no bearer token in the Authorization header")
        claims = self._claims(token.strip())
        if claims is None:
            raise Unauthenticated("the access token is not valid")
        if float(str(claims["exp"])) <= self._clock.now():
            raise Unauthenticated("the access token has expired")
        with self._lock:
            revoked = (
                claims["jti"] in self._revoked
                or claims["sid"] in self._revoked_secrets
                or float(str(claims["iat"])) < self._revoked_before
            )
            client = self._clients.get(str(claims["client_id"]))
        if revoked or client is None:
            raise Unauthenticated("the access token has been revoked")
        return client

    def revoke_token(self, authorization: str | None) -> None:
        """Revoke the one token of an ``Authorization`` header, if it is one of ours."""
        claims = self._claims((authorization or "").partition(" ")[2].strip())
        if claims is not None:
            with self._lock:
                self._revoked.add(str(claims["jti"]))

    def revoke_tokens(self) -> None:
        """Revoke every token issued until now."""
        with self._lock:
            self._revoked_before = self._clock.now()

    def _sign(self, data: bytes) -> bytes:
        return hmac.new(self._key, data, hashlib.sha256).digest()

    def _claims(self, token: str) -> dict[str, object] | None:
        head, _, signature = token.encode("utf-8", "replace").rpartition(b".")
        try:
            if not hmac.compare_digest(self._sign(head), _unb64(signature)):
                return None
            claims: dict[str, object] = json.loads(_unb64(head.partition(b".")[2]))
        except (ValueError, binascii.Error):
            return None
        return claims


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _unb64(data: bytes) -> bytes:
    return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))
