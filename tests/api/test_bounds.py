"""Every call ends: whatever the server sends, and however slowly."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit import local
from pulumi_scalekit.api import bounds
from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connectors import MAX_DEPTH as MAX_CONNECTOR_DEPTH
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.api.pages import MAX_PAGES
from pulumi_scalekit.api.responses import MAX_DEPTH, depth, parse_json
from pulumi_scalekit.errors import Interrupted, ProtocolError, Redirected, Unauthenticated
from pulumi_scalekit.settings import Settings

from .apps import HOST, App, client, ok


@contextlib.contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says yes to a token request, and then does with a connection whatever it likes."""
    token = b'{"access_token": "t", "expires_in": 60}'
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while head := connection.recv(65536):
                if not head.startswith(b"POST /oauth/token"):
                    answer(connection)
                    return
                while b"grant_type" not in head:
                    head += connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(token), token))

    def accept() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


def trickle(*pieces: bytes) -> Callable[[socket.socket], None]:
    """Send the last piece a byte at a time, forever; each byte comes well within any single time-out."""

    def answer(connection: socket.socket) -> None:
        for piece in pieces[:-1]:
            connection.sendall(piece)
        while True:
            time.sleep(0.05)
            connection.sendall(pieces[-1])

    return answer


SLOW = {
    "nothing at all": trickle(b""),
    "a header without an end": trickle(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
    "headers without an end": trickle(b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n"),
    "interim answers forever": trickle(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body without an end": trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "a body that is long in coming": trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"a"),
}


@pytest.mark.parametrize("what", SLOW)
def test_an_exchange_has_one_deadline(what: str) -> None:
    """However slowly an answer trickles in, the call ends when its time is up."""
    with raw_server(SLOW[what]) as url, Client(Settings(url, "a", "b", timeout=0.4, attempts=1)) as api:
        began = time.monotonic()
        with pytest.raises(Interrupted, match=r"no response within 0\.4 seconds"):
            api.call("x", "GET", "/x")
        assert 0.3 < time.monotonic() - began < 15


def test_connections_are_used_again() -> None:
    """Calls one after the other go over one connection."""
    with local.running() as scalekit:
        settings = Settings(scalekit.url, scalekit.client_id, scalekit.client_secret)
        with Client(settings) as api:
            for _ in range(5):
                Connectors(api).listed()
        assert len(scalekit.requests) == 6
        assert len({request.connection for request in scalekit.requests}) == 1


def test_as_many_connections_as_calls_at_once() -> None:
    """Threads that call at once have a connection each, which later ones use again."""
    with local.running(faults=["list:latency=0.3"]) as scalekit:
        settings = Settings(scalekit.url, scalekit.client_id, scalekit.client_secret)
        with Client(settings) as api:
            for _ in range(2):
                with ThreadPoolExecutor(4) as threads:
                    list(threads.map(lambda _: Connectors(api).listed(), range(4)))
        lists = [request.connection for request in scalekit.requests if request.operation == "list"]
        assert len(lists) == 8
        assert len(set(lists)) == 4


def endless(sent: list[int]) -> Iterator[bytes]:
    """A body of a thousand pieces, which notes each that is taken."""
    for _ in range(1000):
        sent.append(1)
        yield b" " * 64 * 1024


def test_a_huge_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer beyond the limit is an error, and is not read to its end."""
    monkeypatch.setattr(bounds, "MAX_BODY", 1024 * 1024)
    sent: list[int] = []
    app = App(lambda _r: httpx.Response(200, content=endless(sent)))
    with pytest.raises(ProtocolError, match="larger than 1 MiB"):
        client(app, attempts=1).call("x", "GET", "/x")
    assert len(sent) < 20


def unauthorized(where: str, respond: Callable[[], httpx.Response]) -> App:
    """An environment that refuses the token request, or the first token that it gave out."""
    app = App(lambda _r: respond() if len(app.tokens) == 1 else ok())
    if where == "the token request":
        app.token_handler = lambda _r: respond()  # type: ignore[method-assign]
    return app


@pytest.mark.parametrize("where", ["the token request", "a call"])
def test_what_httpx_reads_by_itself_is_cut_off(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A response that comes between two requests may be no larger than others."""
    monkeypatch.setattr(bounds, "MAX_BODY", 1024 * 1024)
    sent: list[int] = []
    app = unauthorized(where, lambda: httpx.Response(401, content=endless(sent)))
    with pytest.raises(ProtocolError, match="larger than 1 MiB"):
        client(app, attempts=1).call("x", "GET", "/x")
    assert len(sent) < 20


@pytest.mark.parametrize("where", ["the token request", "a call"])
def test_what_httpx_reads_by_itself_is_not_unpacked(where: str) -> None:
    """A response that comes between two requests is left compressed: it could become any size at once."""
    bomb = gzip.compress(b" " * 1024 * 1024)
    responses = []

    def respond() -> httpx.Response:
        responses.append(httpx.Response(401, headers={"content-encoding": "gzip"}, content=iter([bomb])))
        return responses[-1]

    with contextlib.suppress(Unauthenticated):
        client(unauthorized(where, respond), attempts=1).call("x", "GET", "/x")
    assert [response.content for response in responses] == [bomb]


def test_a_response_that_is_passed_on_has_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads it as it comes may read all of it."""
    monkeypatch.setattr(bounds, "MAX_BODY", 1024)
    app = App(lambda _r: httpx.Response(200, content=iter([b"a" * 1024] * 3)))
    with client(app).stream("x", "GET", "/x") as response:
        assert len(response.read()) == 3 * 1024


def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the size after decompression."""
    monkeypatch.setattr(bounds, "MAX_BODY", 1024 * 1024)
    bomb = gzip.compress(b" " * 8 * 1024 * 1024)
    app = App(lambda _r: httpx.Response(200, headers={"content-encoding": "gzip"}, content=bomb))
    with pytest.raises(ProtocolError, match="larger than 1 MiB"):
        client(app, attempts=1).call("x", "GET", "/x")


def test_an_answer_that_is_compressed_more_than_once_is_not_unpacked() -> None:
    """A few hundred bytes could become gigabytes at once, before anybody counts them."""
    bomb = gzip.compress(gzip.compress(b"{}"))
    app = App(lambda _r: httpx.Response(200, headers={"content-encoding": "gzip, gzip"}, content=bomb))
    with pytest.raises(ProtocolError, match="compressed more than once"):
        client(app, attempts=1).call("x", "GET", "/x")


@pytest.mark.parametrize("token", ["a" * 70_000, 7, ["next"], {"a": 1}])
def test_an_unusable_page_token_is_an_error(token: object) -> None:
    """What cannot stand in a URL is not sent."""
    app = App(lambda _r: ok({"providers": [], "next_page_token": token}))
    with pytest.raises(ProtocolError, match="unusable page token"):
        Connectors(client(app)).listed()
    assert app.count("/api/v1/providers") == 1


def test_a_listing_that_repeats_its_page_token_ends() -> None:
    """A page token that comes a second time would lead round in circles."""
    app = App(lambda _r: ok({"providers": [], "next_page_token": "same"}))
    with pytest.raises(ProtocolError, match="repeats a page forever"):
        Connectors(client(app)).listed()
    assert app.count("/api/v1/providers") == 2


def test_a_listing_that_always_has_one_more_page_ends() -> None:
    """So does one whose page tokens never repeat."""
    app = App()
    app.handler = lambda _r: ok({"providers": [], "next_page_token": f"{len(app.requests)}"})
    with pytest.raises(ProtocolError, match=f"did not come to an end within {MAX_PAGES} pages"):
        Connectors(client(app)).listed()
    assert app.count("/api/v1/providers") == MAX_PAGES


def test_pages_are_followed_to_the_end() -> None:
    """A list of several pages is read whole, with the token of each page and the same filter."""
    app = App()

    def page(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page_token", "0"))
        following = {"next_page_token": str(number + 1)} if number < 2 else {"next_page_token": ""}
        return ok({"providers": [{"identifier": f"C:{number}"}], **following})

    app.handler = page
    assert [c["identifier"] for c in Connectors(client(app)).listed()] == ["C:0", "C:1", "C:2"]
    for request in app.requests[1:]:
        assert request.url.params["filter.provider_type"] == "CUSTOM"
        assert request.url.params["page_size"] == "1000"


@pytest.mark.parametrize(
    "providers", [{}, "text", 7, [1], [None], [[]], [{}], [{"identifier": 1}], [{"identifier": None}]]
)
def test_what_is_no_list_of_connectors_is_an_error(providers: object) -> None:
    """A list of something else is refused as a whole."""
    app = App(lambda _r: ok({"providers": providers or {"a": 1}}))
    with pytest.raises(ProtocolError, match="not such a list"):
        Connectors(client(app)).listed()


BUILT_IN = {"identifier": "GMAIL", "display_name": "Gmail"}
CUSTOM = {"identifier": "A:1", "display_name": "A", "is_custom": True}


@pytest.mark.parametrize(
    "nothing",
    [
        httpx.Response(204),
        httpx.Response(200),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"providers": None}),
    ],
)
def test_an_empty_response_is_not_an_empty_environment(nothing: httpx.Response) -> None:
    """A list that says nothing is read as all connectors, of which no environment has none; or not at all."""
    app = App(lambda _r: httpx.Response(nothing.status_code, content=nothing.content))
    with pytest.raises(ProtocolError, match="returned neither entries nor that there are none"):
        Connectors(client(app)).listed()

    def all_only(request: httpx.Request) -> httpx.Response:
        everything = request.url.params["filter.provider_type"] == "ALL"
        return ok({"providers": [BUILT_IN, CUSTOM]}) if everything else ok({})

    app.handler = all_only
    assert Connectors(client(app)).listed() == [CUSTOM]


@pytest.mark.parametrize("page", [{"providers": []}, {"total_size": 0}, {"providers": [], "total_size": "0"}])
def test_an_empty_list_says_so(page: dict[str, object]) -> None:
    """By an empty list, or by its size, as a number or as protobuf writes one."""
    assert Connectors(client(App(lambda _r: ok(page)))).listed() == []


@pytest.mark.parametrize(
    "page",
    [
        {"total_size": 1},
        {"providers": [], "total_size": 3},
        {"providers": [CUSTOM], "total_size": "2"},
        {"connections": []},
    ],
)
def test_a_list_must_be_as_long_as_it_says(page: dict[str, object]) -> None:
    """What does not add up is not a list: nothing is created or forgotten by it."""
    with pytest.raises(ProtocolError, match=r"of a list that has|not such a list"):
        Connectors(client(App(lambda _r: ok(page)))).listed()


def test_very_many_small_values_are_refused_before_they_are_read() -> None:
    """They would take fifty times their size in memory, and minutes."""
    content = b'{"providers": [' + b"0," * 2_100_000 + b"0]}"
    app = App(lambda _r: httpx.Response(200, content=content))
    with pytest.raises(ProtocolError, match="not a usable JSON object"):
        client(app, attempts=1).call("x", "GET", "/x")


UNUSABLE = {
    "empty list": b"[]",
    "text": b'"text"',
    "null": b"null",
    "HTML": b"<html>",
    "cut short": b'{"providers": [{"identifier": "',
    "two values": b"{} {}",
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "a float that overflows": b'{"a": 1e999}',
    "an integer that overflows": b'{"a": 1' + b"0" * 400 + b"}",
    "an integer of a million digits": b'{"a": 1' + b"0" * 1_000_000 + b"}",
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "half a surrogate pair in bytes": b'{"a": "\xed\xa0\x80"}',
    "another encoding": '{"a": 1}'.encode("utf-16"),
    "half a surrogate pair as a key": b'{"\\udfff": 1}',
    "no UTF-8": b'{"a": "\xff\xfe"}',
    "deep lists": b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
    "deep mappings": b'{"a":' * 200 + b"1" + b"}" * 200,
    "lists beyond any stack": b'{"a":' + b"[" * 300_000 + b"]" * 300_000 + b"}",
    "lists beyond any stack, unfinished": b'{"a":' + b"[" * 300_000,
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_is_no_usable_json_object_is_an_error(what: str) -> None:
    """Bodies that Pulumi could not carry, or Python not read, are one clear error."""
    app = App(lambda _r: httpx.Response(200, content=UNUSABLE[what]))
    with pytest.raises(
        ProtocolError, match=r"not a usable JSON object\. Check that SCALEKIT_ENVIRONMENT_URL"
    ):
        client(app, attempts=1).call("x", "GET", "/x")


@pytest.mark.parametrize("content", [b"", b"  \n", b"{}"])
def test_an_empty_answer_is_an_empty_object(content: bytes) -> None:
    """A success may say nothing."""
    assert client(App(lambda _r: httpx.Response(200, content=content))).call("x", "DELETE", "/x") == {}


def test_a_connector_too_deep_for_pulumi_is_an_error() -> None:
    """An answer that Pulumi's messages could not hold is refused before it gets there."""

    def nested(levels: int) -> dict[str, object]:
        value: object = "core"
        for _ in range(levels - 1):
            value = [value]
        return {"identifier": "C:1", "x": value}

    for levels, fine in ((MAX_CONNECTOR_DEPTH, True), (MAX_CONNECTOR_DEPTH + 1, False)):
        app = App(lambda _r, levels=levels: ok({"providers": [{**nested(levels), "display_name": "A"}]}))  # type: ignore[misc]
        with contextlib.nullcontext() if fine else pytest.raises(ProtocolError, match="C:1 nests deeper"):
            Connectors(client(app)).named("A")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(JSON)
def test_ordinary_json_is_read_as_python_reads_it(value: object) -> None:
    """Strictness changes nothing about what is fine; members that are null are left out."""
    text = json.dumps(value)
    expected = json.loads(
        text, object_hook=lambda o: {key: item for key, item in o.items() if item is not None}
    )
    assert parse_json(text.encode()) == expected


@given(st.binary())
def test_any_bytes_are_json_or_a_value_error(content: bytes) -> None:
    """Nothing else is ever raised."""
    with contextlib.suppress(ValueError):
        assert depth(parse_json(content)) <= MAX_DEPTH


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_not_followed(status: int, method: str) -> None:
    """A redirect ends the call: no other host hears of it, and so of no token or secret."""
    app = App(lambda _r: httpx.Response(status, headers={"location": "https://evil.example.org/steal"}))
    with pytest.raises(Redirected, match="redirects elsewhere") as caught:
        client(app).call("x", method, "/x", body={} if method == "POST" else None)
    assert "evil" not in str(caught.value)
    assert app.count("/x") == 1
    assert {request.url.host for request in app.requests} == {HOST}


def test_a_redirected_token_request_keeps_the_secret() -> None:
    """Nor does the token request follow one."""
    app = App()
    app.token_handler = lambda _r: httpx.Response(307, headers={"location": "https://evil.example.org/"})  # type: ignore[method-assign]
    with pytest.raises(Redirected):
        client(app).call("x", "GET", "/x")
    assert [request.url.host for request in app.requests] == [HOST]
