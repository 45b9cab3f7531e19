"""A guarded HTTP fetcher, for documents whose addresses come from a server that nobody has vouched for.

An MCP server's response names the URLs of its metadata. Whoever runs the server could name an address inside the
user's network, or one that never stops sending. So every request here

- goes to https, or to http on this very machine while the MCP server is there too;
- goes to hosts other than the MCP server's own at public addresses only, and to the address that was checked;
- follows redirects within the same origin only, carries no credentials and no cookies;
- has a deadline and a limit on what it reads.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urljoin

import httpx

from pulumi_scalekit._version import __version__
from pulumi_scalekit.settings import is_loopback

LIMIT: Final = 256 * 1024
"""How much of one response is read, in bytes."""
REDIRECTS: Final = 3
"""How many redirects are followed."""

Resolver = Callable[[str, int], list[str]]
"""Gives the addresses of a host and port."""


class FetchError(Exception):
    """A URL gave no usable response. `str()` of it is the reason, in a clause."""

    def __init__(self, reason: str, *, unreachable: bool = False) -> None:
        self.unreachable = unreachable
        """Whether no connection came about, or it broke."""
        super().__init__(reason)


@dataclass(frozen=True)
class Response:
    """An HTTP response, read as far as the limit."""

    url: str
    """The URL that responded, after redirects."""
    status: int
    headers: httpx.Headers
    body: bytes
    redirect: str = ""
    """Where a redirect that was not followed leads to."""
    fault: str = ""
    """Why the body is not all there, in a clause; empty where it is."""

    @property
    def is_event_stream(self) -> bool:
        """Whether the body is a stream of server-sent events."""
        kind: str = self.headers.get("content-type", "")
        return kind.partition(";")[0].strip().lower() == "text/event-stream"

    @property
    def event_names(self) -> list[str]:
        """The names of the complete events in an event stream."""
        stream = self.body.decode("utf-8", "replace") if self.is_event_stream else ""
        return [
            name.strip()
            for event in _events(stream)
            for name in re.findall(r"^event:(.*)$", event, re.MULTILINE)
        ]

    def json(self) -> Any:
        """The JSON value of the body, or of the first event that holds one in an event stream; else `None`."""
        text = self.body.decode("utf-8", "replace")
        if self.is_event_stream:
            return event_data(text)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None


def event_data(stream: str) -> Any:
    """The JSON value of the first complete server-sent event that holds one, else `None`."""
    for event in _events(stream):
        data = "\n".join(line[5:].lstrip() for line in event.split("\n") if line.startswith("data:"))
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            continue
    return None


def _events(stream: str) -> list[str]:
    """The complete events of a stream."""
    return stream.replace("\r\n", "\n").split("\n\n")[:-1]


def check_url(text: str, *, allow_loopback: bool) -> httpx.URL:
    """A URL that may be requested.

    Args:
        text: The URL.
        allow_loopback: Whether http to this very machine will do.

    Raises:
        FetchError: It is not a URL, or not one that may be requested.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise FetchError("is not a URL") from None
    if not url.host or url.scheme not in {"https", "http"}:
        raise FetchError("is not an https URL")
    if url.userinfo:
        raise FetchError("contains credentials")
    if url.scheme == "http" and not (allow_loopback and is_loopback(url.host)):
        raise FetchError("is not encrypted: https only, and http on this very machine")
    return url


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedFetcher:
    """Requests the documents of one MCP server."""

    def __init__(
        self,
        server: str,
        *,
        timeout: float = 10.0,
        resolver: Resolver = resolve,
    ) -> None:
        """Make a fetcher.

        Args:
            server: The MCP server's URL, which the user gave: its host is called wherever it is.
            timeout: Seconds that one request may take in all.
            resolver: How to resolve host names.

        Raises:
            FetchError: The URL may not be requested.
        """
        self._server = check_url(server, allow_loopback=True)
        self._timeout = timeout
        self._resolver = resolver
        # This machine's own servers are reached without the proxy that the process environment may name.
        direct = dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"))
        self._client = httpx.Client(mounts=direct)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, url: str) -> Response:
        """Get a document.

        Raises:
            FetchError: It cannot be fetched in whole, or may not be.
        """
        response = self._request("GET", url, {"Accept": "application/json"}, None)
        if response.fault:
            raise FetchError(response.fault)
        return response

    def listen(self, url: str) -> Response:
        """Get the first event of an event stream.

        Raises:
            FetchError: No response came, or the URL may not be requested.
        """
        return self._request("GET", url, {"Accept": "text/event-stream"}, None)

    def post(self, url: str, content: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
        """Post a JSON document.

        Raises:
            FetchError: No response came, or the URL may not be requested.
        """
        sent = {"Content-Type": "application/json", **headers}
        return self._request("POST", url, sent, json.dumps(content).encode())

    def _request(self, method: str, text: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        deadline = time.monotonic() + self._timeout
        for _ in range(REDIRECTS + 1):
            response = self._once(method, text, headers, body, deadline)
            location = response.headers.get("location") if 300 <= response.status < 400 else None
            if location is None:
                return response
            try:
                target = urljoin(text, location)
            except ValueError:
                raise FetchError("redirects to what is not a URL") from None
            # Only the same origin is followed, and only where the method stays what it is.
            if _origin(target) != _origin(text) or (method != "GET" and response.status not in {307, 308}):
                return replace(response, redirect=target)
            text = target
        raise FetchError("redirects too often")

    def _once(
        self, method: str, text: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> Response:
        url = check_url(text, allow_loopback=is_loopback(self._server.host))
        pinned, extensions = self._pin(url)
        sent = {
            **headers,
            "Host": url.netloc.decode("ascii"),
            "User-Agent": f"pulumi-scalekit/{__version__}",
            # Compressed responses could be small on the wire and huge in memory.
            "Accept-Encoding": "identity",
            # A connection belongs to the name that its certificate was checked for; two names may share an address.
            "Connection": "close",
        }
        request = self._client.build_request(
            method, pinned, headers=sent, content=body, extensions=extensions
        )
        request.headers.pop("Cookie", None)
        request.extensions["timeout"] = httpx.Timeout(max(0.05, deadline - time.monotonic())).as_dict()
        try:
            response = self._client.send(request, stream=True, auth=_anonymous, follow_redirects=False)
            try:
                return self._read(
                    Response(text, response.status_code, response.headers, b""), response, deadline
                )
            finally:
                response.close()
        except httpx.TimeoutException:
            raise FetchError(f"did not respond within {self._timeout:g} seconds", unreachable=True) from None
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise FetchError(f"cannot be reached: {reason}", unreachable=True) from None

    def _pin(self, url: httpx.URL) -> tuple[httpx.URL, dict[str, Any]]:
        """The URL to connect to: for foreign hosts, with an address that was checked in the place of the name.

        Otherwise a name could lead to a public address when it is checked and to another when it is used.
        """
        extensions: dict[str, Any] = {}
        if url.host == self._server.host:
            return url, extensions
        if _proxied(url):
            # The proxy resolves names, and decides where it may go; addresses can be judged all the same.
            if _literal(url.host) and not _public(url.host):
                raise FetchError(f"is at {url.host}, which is not a public address")
            return url, extensions
        port = url.port or {"https": 443, "http": 80}[url.scheme]
        try:
            addresses = self._resolver(url.host, port)
        except (OSError, UnicodeError):
            raise FetchError(
                f"cannot be reached: the name {url.host} does not resolve", unreachable=True
            ) from None
        near = is_loopback(self._server.host)
        for address in addresses:
            if not (_public(address) or (near and is_loopback(address))):
                raise FetchError(f"is at {address}, which is not a public address")
        if not addresses:
            raise FetchError(f"cannot be reached: the name {url.host} has no address", unreachable=True)
        if not _literal(url.host):
            extensions["sni_hostname"] = url.host
        return url.copy_with(host=addresses[0]), extensions

    def _read(self, known: Response, response: httpx.Response, deadline: float) -> Response:
        """The response with its body as far as the limit, and why it is not all there."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            return replace(known, fault="responds compressed, though it was asked not to")
        for chunk in response.iter_raw():
            known = replace(known, body=known.body + chunk)
            if len(known.body) > LIMIT:
                fault = f"responds with more than {LIMIT // 1024} KB"
                return replace(known, body=known.body[:LIMIT], fault=fault)
            if time.monotonic() > deadline:
                raise FetchError(
                    f"did not send its whole response within {self._timeout:g} seconds", unreachable=True
                )
            # A stream may stay open forever: what is looked for is a JSON value, or the older transport's event.
            if known.is_event_stream and (known.json() is not None or "endpoint" in known.event_names):
                break
        return known


def _anonymous(request: httpx.Request) -> httpx.Request:
    # Keeps httpx from taking credentials for the host out of a .netrc file.
    return request


def _origin(text: str) -> tuple[str, str, int | None]:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return "", text, None
    return url.scheme, url.host, url.port


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _public(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_global and not found.is_multicast)


def _proxied(url: httpx.URL) -> bool:
    if is_loopback(url.host):
        return False
    proxies = urllib.request.getproxies()
    return bool((proxies.get(url.scheme) or proxies.get("all")) and not urllib.request.proxy_bypass(url.host))
