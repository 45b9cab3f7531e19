"""The state behind magic links: links, authorizations under way, and an authorization server.

All of it is kept in memory, and used by the one event loop that serves requests. Links are valid for a while; flows,
codes and verifications work once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from .clock import Clock
from .errors import NotFound

TOKEN_LIFETIME = 3600
CODE_LIFETIME = 60.0
VERIFICATION_LIFETIME = 600.0


@dataclass(frozen=True)
class Link:
    """A magic link: who may connect what until when."""

    account_id: str
    expires: float
    state: str = ""
    user_verify_url: str = ""


@dataclass(frozen=True)
class Flow:
    """An authorization under way, found by its `state`."""

    link: Link
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    verifier: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Grant:
    """What an authorization code stands for."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str | None
    expires: float


class OAuthError(Exception):
    """A refusal of the authorization server, by its code of RFC 6749, section 5.2."""


class AuthorizationServer:
    """Issues codes, and trades each once for a token."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._grants: dict[str, Grant] = {}

    def grant(self, client_id: str, redirect_uri: str, scopes: tuple[str, ...], challenge: str | None) -> str:
        """Return a code for what a person allowed."""
        code = secrets.token_urlsafe(24)
        expires = self._clock.now() + CODE_LIFETIME
        self._grants[code] = Grant(client_id, redirect_uri, scopes, challenge, expires)
        return code

    def redeem(
        self, code: str, *, client_id: str, redirect_uri: str, verifier: str | None
    ) -> dict[str, object]:
        """Trade a code for a token response. Raises :class:`OAuthError`."""
        grant = self._grants.pop(code, None)
        if grant is None or grant.expires <= self._clock.now():
            raise OAuthError("invalid_grant")
        if (grant.client_id, grant.redirect_uri) != (client_id, redirect_uri):
            raise OAuthError("invalid_grant")
        # A challenge without its verifier, or the other way round, is a downgrade.
        if (grant.challenge is None) != (verifier is None):
            raise OAuthError("invalid_grant")
        if grant.challenge and not hmac.compare_digest(grant.challenge, challenge_of(verifier or "")):
            raise OAuthError("invalid_grant")
        return {
            "access_token": f"local-access-{secrets.token_urlsafe(18)}",
            "refresh_token": f"local-refresh-{secrets.token_urlsafe(18)}",
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME,
            "scope": " ".join(grant.scopes),
        }


class Authorizations:
    """The links and flows of one environment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._links: dict[str, Link] = {}
        self._flows: dict[str, Flow] = {}
        self._verifications: dict[str, tuple[Link, float]] = {}
        self.server = AuthorizationServer(clock)

    def add_link(self, link: Link) -> str:
        """Keep a link and return its secret part."""
        token = secrets.token_urlsafe(24)
        self._links[token] = link
        return token

    def link(self, token: str) -> Link:
        """Return a link that is still valid. Raises :class:`NotFound`."""
        link = self._links.get(token)
        if link is None or link.expires <= self._clock.now():
            raise NotFound("this link is no longer valid; ask for a new one")
        return link

    def add_flow(self, flow: Flow) -> str:
        """Keep a flow and return its state."""
        state = secrets.token_urlsafe(24)
        self._flows[state] = flow
        return state

    def take_flow(self, state: str) -> Flow | None:
        """Return the flow of a state, once."""
        return self._flows.pop(state, None)

    def add_verification(self, link: Link) -> str:
        """Keep what has to be verified, and return the id of the request."""
        request_id = secrets.token_urlsafe(24)
        self._verifications[request_id] = (link, self._clock.now() + VERIFICATION_LIFETIME)
        return request_id

    def verification(self, request_id: str) -> Link | None:
        """Return what an auth request id stands for, until it is used up or too old."""
        link, expires = self._verifications.get(request_id, (None, 0.0))
        return link if expires > self._clock.now() else None

    def end_verification(self, request_id: str) -> None:
        """Use an auth request id up."""
        self._verifications.pop(request_id, None)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
