"""Small applications behind `httpx.MockTransport`, and clients of them."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from pulumi_scalekit.api.client import Client
from pulumi_scalekit.settings import Settings

HOST = "env.example.com"
URL = f"https://{HOST}"
SECRET = "canary-of-the-client/secret+1"
Reply = httpx.Response | Exception
Handler = Callable[[httpx.Request], Reply]


class App:
    """An environment: signs clients in, and answers everything else as its handler says.

    Keeps every request that it gets, and the tokens that it gave out.
    """

    def __init__(self, handler: Handler | None = None) -> None:
        self.handler = handler or (lambda _request: ok())
        self.requests: list[httpx.Request] = []
        self.tokens: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Respond to a request."""
        with self._lock:
            self.requests.append(request)
        reply = self.token_handler(request) if request.url.path == "/oauth/token" else self.handler(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def token_handler(self, _request: httpx.Request) -> Reply:
        """Give a new token out."""
        with self._lock:
            self.tokens.append(f"canary-token-{len(self.tokens)}")
            return ok({"access_token": self.tokens[-1], "expires_in": 3600, "token_type": "Bearer"})

    @property
    def counts(self) -> Counter[str]:
        """How many requests of each kind came: `GET /api/v1/providers` and so on."""
        return Counter(f"{r.method} {r.url.path}" for r in self.requests)

    def count(self, path: str) -> int:
        """How many requests came to a path, whatever the method."""
        return sum(r.url.path == path for r in self.requests)


class Script:
    """A handler that gives its answers in turn, and the last one forever."""

    def __init__(self, *replies: Reply | Callable[[], Reply]) -> None:
        self.replies = replies
        self.given = 0
        self._lock = threading.Lock()

    def __call__(self, _request: httpx.Request) -> Reply:
        """Give the next answer."""
        with self._lock:
            reply = self.replies[min(self.given, len(self.replies) - 1)]
            self.given += 1
        if isinstance(reply, httpx.Response):
            # A response is read once; each request gets its own.
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return reply if isinstance(reply, Exception) else reply()


class Environment(App):
    """An environment that keeps connectors, and can be told to fail or to list late."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.connectors: dict[str, dict[str, Any]] = {}
        self.before: list[Reply] = []
        """What writes are answered instead of being done."""
        self.after: list[Reply] = []
        """What writes are answered after they were done."""
        self.listings: list[Sequence[str] | Reply] = []
        """What lists are answered: identifiers to leave out, or a reply; then the truth."""
        self._number = 0

    def add(self, name: str, **more: Any) -> str:
        """Store a connector."""
        self._number += 1
        identifier = f"C:{self._number}"
        self.connectors[identifier] = {"identifier": identifier, "display_name": name, **more}
        return identifier

    def _answer(self, request: httpx.Request) -> Reply:
        with self._lock:
            if request.method == "GET":
                return self._list(request)
            if self.before:
                return self.before.pop(0)
            done = self._write(request)
            return self.after.pop(0) if self.after else done

    def _list(self, request: httpx.Request) -> Reply:
        if request.url.path != "/api/v1/providers":
            return ok()
        hidden = self.listings.pop(0) if self.listings else ()
        if isinstance(hidden, (httpx.Response, Exception)):
            return hidden
        return ok({"providers": [c for i, c in self.connectors.items() if i not in hidden]})

    def _write(self, request: httpx.Request) -> Reply:
        if request.method == "POST":
            payload = json.loads(request.content)
            identifier = self.add(payload.pop("display_name"), **payload)
            return ok({"provider": self.connectors[identifier]}, 201)
        identifier = request.url.path.rsplit("/", 1)[-1]
        if identifier not in self.connectors:
            return refusal(404, "not found")
        if request.method == "DELETE":
            del self.connectors[identifier]
            return ok()
        self.connectors[identifier] = {"identifier": identifier, **json.loads(request.content)}
        return ok({"provider": self.connectors[identifier]})


def client(app: Callable[[httpx.Request], httpx.Response], **settings: Any) -> Client:
    """A client of an application, that hardly repeats anything."""
    quick: dict[str, Any] = {"backoff": 0.001, "list_delay": 0.015, "timeout": 5.0, "rate_limit_wait": 2.0}
    return Client(
        Settings(URL, "skc_test", SECRET, **{**quick, **settings}), transport=httpx.MockTransport(app)
    )


def ok(body: object = None, status: int = 200) -> httpx.Response:
    """A success."""
    return httpx.Response(status, json={} if body is None else body)


def refusal(
    status: int, message: str = "no", *, headers: Mapping[str, str] | None = None, **info: Any
) -> httpx.Response:
    """A failure in the form that Scalekit gives it."""
    return httpx.Response(
        status, json={"code": 2, "message": message, "details": [info]}, headers=dict(headers or {})
    )


def connector(name: str, **more: Any) -> dict[str, Any]:
    """A small definition."""
    return {
        "display_name": name,
        "auth_patterns": [{"type": "BEARER", "display_name": "Token"}],
        "proxy_url": "https://api.example.com",
        "proxy_enabled": True,
        **more,
    }


def at_once(number: int, work: Callable[[int], object]) -> list[object]:
    """What `work(0)` to `work(number - 1)` answer or raise, all started together."""
    gate = threading.Barrier(number)
    results: list[object] = [None] * number

    def run(index: int) -> None:
        gate.wait()
        try:
            results[index] = work(index)
        except Exception as error:  # noqa: BLE001 - it is the result
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive(), "a thread is stuck"
    return results
