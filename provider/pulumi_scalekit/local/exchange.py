"""One request to the local Scalekit and what becomes of it, as faults see it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from .errors import ApiError, TooLarge
from .request_log import Request
from .store import Lag

TRANSPORT = "pulumi_scalekit.transport"
"""The ASGI extension under which the server passes the connection's transport."""

PAGE = "_page"
"""The name of routes that are pages for people."""


ADMIN = "_local"
"""The name of routes under `/_local` that are not pages."""

PROXY = "proxy"
"""The name of Tool Proxy's routes."""


@dataclass(frozen=True)
class Reply:
    """A whole response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def json(cls, content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """Return a response with a JSON body."""
        pairs = (("content-type", "application/json"), *(headers or {}).items())
        return cls(status, pairs, json.dumps(content).encode())


class Break(Exception):
    """The exchange ends here: with another response, a part of one, or none.

    ``instead`` is sent in place of the operation's response. ``after`` is sent up to ``keep`` bytes of its
    body, and the connection closed. With neither the connection is closed at once.
    """

    def __init__(
        self,
        *,
        reset: bool = False,
        instead: Reply | None = None,
        after: Reply | None = None,
        keep: int = 0,
    ) -> None:
        super().__init__()
        self.reset = reset
        self.instead = instead
        self.after = after
        self.keep = keep


@dataclass
class Behaviour:
    """How faults bend an operation. The defaults mean: as the settings say."""

    token_lifetime: float | None = None
    revoke_token: bool = False
    lag: Lag | None = None
    update_semantics: str | None = None
    same_name: str | None = None
    identifier_format: str | None = None
    new_identifier: bool = False
    repeat_page_token: bool = False


@dataclass
class Exchange:
    """One request and what is decided about it."""

    log: Request
    now: float
    scope: Scope
    receive: Receive
    max_body: int
    behaviour: Behaviour = field(default_factory=Behaviour)
    _body: bytes | None = None

    @property
    def request_id(self) -> str:
        """The id that the response carries, as a header and in error bodies."""
        return self.log.request_id

    def refusal(self, error: ApiError) -> Reply:
        """Return a failure as a response. Tool Proxy reports its own in another form than the API."""
        body = error.proxy_body() if self.log.operation == PROXY else error.body(self.request_id)
        return Reply.json(body, error.status, error.headers)

    @property
    def host(self) -> str:
        """The Host header; in process there may be none."""
        return Headers(scope=self.scope).get("host", "localhost")

    @property
    def target(self) -> str:
        """The path and query as they came over the wire."""
        return self.log.path

    async def body(self) -> bytes:
        """Return the request's body. Raises :class:`TooLarge` beyond the limit."""
        if self._body is None:
            limit = f"the request body is larger than {self.max_body} bytes"
            length = Headers(scope=self.scope).get("content-length", "")
            if length.isascii() and length.isdigit() and int(length) > self.max_body:
                raise TooLarge(limit)
            received = bytearray()
            more = True
            while more:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    break
                received += message.get("body", b"")
                more = message.get("more_body", False)
                if len(received) > self.max_body:
                    raise TooLarge(limit)
            self._body = bytes(received)
        return self._body
