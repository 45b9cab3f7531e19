"""Tool Proxy as a proxy: what goes through, what stays behind, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from .conftest import Runtime, oauth, static

BEARER = {"type": "BEARER", "fields": [{"field_name": "token"}]}
OAUTH = {
    "type": "OAUTH",
    "oauth_config": {"authorize_uri": "https://a.example/a", "token_uri": "https://a.example/t"},
}


@pytest.fixture
def bearer(runtime: Runtime) -> Runtime:
    """A runtime with an account of a BEARER connector."""
    runtime.set_up(BEARER, static(token="s3cret"))
    return runtime


# --- What goes through --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PURGE"])
def test_any_method_goes_through(bearer: Runtime, method: str) -> None:
    """The method reaches the upstream as it is, known or not."""
    assert bearer.call("/x", method).status_code == 200
    assert bearer.upstream.last.method == method


@pytest.mark.parametrize(
    "target",
    ["/a%2Fb/c%20d", "/x?a=1&a=2&b=%26", "/~user/*/x;y=1", "/?q", "/", "", "/%E2%82%AC", "//double"],
)
def test_the_target_arrives_byte_for_byte(bearer: Runtime, target: str) -> None:
    """Path and query keep their percent-encoding; nothing is normalized on the way."""
    headers = {
        "connection_name": "under-test",
        "identifier": "user_1",
        "authorization": bearer.http.headers["authorization"],
    }
    request = httpx.Request(
        "GET", bearer.scalekit.url, headers=headers, extensions={"target": f"/proxy{target}".encode()}
    )
    with httpx.HTTPTransport() as transport:
        assert transport.handle_request(request).status_code == 200
    assert bearer.upstream.last.target == (target or "/")


def test_a_trailing_slash_of_the_base_is_kept_for_the_base_itself(runtime: Runtime) -> None:
    """`proxy_url` with a trailing slash is called as it is, and paths join with one slash."""
    runtime.set_up(BEARER, static(token="x"), proxy_url="https://mcp.example.com/mcp/")
    for path, target in (("", "/mcp/"), ("/", "/mcp/"), ("/tools", "/mcp/tools")):
        runtime.call(path)
        assert runtime.upstream.last.target == target


def test_the_query_of_the_base_is_kept(runtime: Runtime) -> None:
    """A query in `proxy_url` stands before the caller's."""
    runtime.set_up(BEARER, static(token="x"), proxy_url="https://api.example.com/v1?tenant=7")
    runtime.call("/x?a=b")
    assert runtime.upstream.last.target == "/v1/x?tenant=7&a=b"


def test_headers_of_the_caller_go_through(bearer: Runtime) -> None:
    """End-to-end headers arrive with their values; repeated ones stay repeated."""
    extra = [("Accept", "text/csv"), ("X-Trace", "1"), ("X-Trace", "2"), ("Content-Type", "text/x; a=b")]
    own = [("connection_name", "under-test"), ("identifier", "user_1")]
    bearer.http.post("/proxy/x", headers=extra + own, content=b"x")
    last = bearer.upstream.last
    assert last.header("accept")[-1] == "text/csv"
    assert last.header("x-trace") == ["1", "2"]
    assert last.header("content-type") == ["text/x; a=b"]


def test_what_is_scalekits_stays_behind(bearer: Runtime) -> None:
    """The environment's token, the names of connection and account and the SDK's own headers do not go on."""
    bearer.call("/x", headers={"x-sdk-version": "1", "x-api-version": "2"})
    last = bearer.upstream.last
    for name in ("connection_name", "identifier", "x-sdk-version", "x-api-version"):
        assert last.header(name) == []
    assert last.header("authorization") == ["Bearer s3cret"]
    assert bearer.http.headers["authorization"] not in str(last.headers)


def test_the_environments_token_never_goes_on(runtime: Runtime) -> None:
    """Where the credential has a header of its own, the upstream sees no Authorization at all."""
    pattern = {**BEARER, "type": "API_KEY", "auth_header_key_override": "X-Key"}
    runtime.set_up({**pattern, "fields": [{"field_name": "api_key"}]}, static(api_key="k"))
    runtime.call("/x")
    assert runtime.upstream.last.header("authorization") == []
    assert runtime.upstream.last.header("x-key") == ["k"]


def test_the_caller_cannot_replace_an_injected_header(runtime: Runtime) -> None:
    """An injected header wins over the caller's of the same name, however it is written."""
    pattern = {"type": "API_KEY", "fields": [{"field_name": "api_key"}], "auth_header_key_override": "X-Key"}
    runtime.set_up(pattern, static(api_key="right"))
    runtime.call("/x", headers={"x-KEY": "wrong"})
    assert runtime.upstream.last.header("x-key") == ["right"]


def test_hop_by_hop_headers_end_here(bearer: Runtime) -> None:
    """RFC 9110, section 7.6.1: such headers, and those that Connection names, are not forwarded."""
    hop = {
        "Connection": "keep-alive, X-Hop",
        "X-Hop": "1",
        "Keep-Alive": "timeout=5",
        "TE": "trailers",
        "Trailer": "X-T",
        "Proxy-Authorization": "Basic eDp5",
        "Proxy-Connection": "keep-alive",
    }
    bearer.call("/x", headers={**hop, "X-Stays": "1"})
    last = bearer.upstream.last
    for name in ("X-Hop", "Keep-Alive", "TE", "Trailer", "Proxy-Authorization", "Proxy-Connection"):
        assert last.header(name) == []
    assert last.header("X-Stays") == ["1"]


def test_status_headers_and_body_come_back(bearer: Runtime) -> None:
    """The upstream's answer is the caller's, except for headers of the upstream's connection."""
    answer = bearer.call("/teapot", "POST")
    assert (answer.status_code, answer.content) == (418, b'{"error": "short and stout"}')
    assert answer.headers["x-upstream"] == "yes"
    assert answer.headers.get_list("date") == ["Tue, 01 Jan 2030 00:00:00 GMT"]
    assert answer.headers.get_list("x-request-id") == ["upstream-1"]
    assert "x-secret-hop" not in answer.headers
    assert "keep-alive" not in answer.headers


@pytest.mark.parametrize(("path", "status"), [("/redirect", 302), ("/unauthorized", 401), ("/empty", 204)])
def test_answers_are_not_interpreted(bearer: Runtime, path: str, status: int) -> None:
    """Redirects are not followed and the upstream's 401 is not ours: both come back as they are."""
    answer = bearer.call(path)
    assert (answer.status_code, len(bearer.upstream.received)) == (status, 1)
    assert answer.headers.get("location", "https://elsewhere.example/x") == "https://elsewhere.example/x"


def test_compressed_answers_stay_compressed(bearer: Runtime) -> None:
    """A content coding is end to end: the bytes are the upstream's."""
    with bearer.http.stream(
        "GET", "/proxy/compressed", headers={"connection_name": "under-test", "identifier": "user_1"}
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == b"hello " * 1000


# --- Streams ------------------------------------------------------------------------------------------------


def test_large_bodies_stream_both_ways(bearer: Runtime) -> None:
    """Ten mebibytes in chunks, beyond the limit of API requests, go there and back unchanged."""

    def chunks() -> Iterator[bytes]:
        for number in range(160):
            yield bytes([number]) * 65536

    answer = bearer.call("/echo", "POST", content=chunks())
    wanted = hashlib.sha256(b"".join(chunks())).hexdigest()
    assert bearer.upstream.last.header("transfer-encoding") == ["chunked"]
    assert hashlib.sha256(answer.content).hexdigest() == wanted


@pytest.mark.parametrize(("body", "length"), [(b"12345", ["5"]), (b"", ["0"])])
def test_a_known_length_stays_known(bearer: Runtime, body: bytes, length: list[str]) -> None:
    """A body of known length arrives with that length, not in chunks."""
    bearer.call("/x", "POST", content=body)
    assert bearer.upstream.last.header("content-length") == length
    assert bearer.upstream.last.header("transfer-encoding") == []


def test_events_are_not_held_back(bearer: Runtime) -> None:
    """A server-sent event arrives while the upstream still holds the next one."""
    headers = {"connection_name": "under-test", "identifier": "user_1"}
    with bearer.http.stream("GET", "/proxy/events", headers=headers) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: first"
        assert not bearer.upstream.release.is_set()
        bearer.upstream.release.set()
        assert [line for line in lines if line] == ["data: second"]


def test_an_upstream_is_let_go_when_the_caller_leaves(bearer: Runtime) -> None:
    """A caller who hangs up in the middle of an endless answer ends the upstream's connection, too."""
    headers = {"connection_name": "under-test", "identifier": "user_1"}
    with bearer.http.stream("GET", "/proxy/endless", headers=headers) as answer:
        assert next(answer.iter_raw())
    assert bearer.upstream.gone.wait(5)


def test_a_silent_upstream_is_let_go_when_the_caller_leaves(bearer: Runtime) -> None:
    """A caller who hangs up before the upstream answers ends the upstream's connection, too."""
    with pytest.raises(httpx.ReadTimeout):
        bearer.call("/silent", "POST", content=b"whole", timeout=0.2)
    assert bearer.upstream.gone.wait(5)


def test_a_caller_may_leave_in_the_middle_of_a_body(
    bearer: Runtime, capfd: pytest.CaptureFixture[str]
) -> None:
    """A body that ends early ends the call: it is no failure of the server, and nothing is passed off as whole."""

    def until(happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not happened():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def chunks() -> Iterator[bytes]:
        yield b"part"
        until(lambda: bool(bearer.scalekit.requests.of("proxy")))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bearer.call("/echo", "POST", content=chunks())
    (request,) = bearer.scalekit.requests.of("proxy")
    until(lambda: request.duration is not None)
    assert request.status is None
    assert bearer.upstream.received == []
    assert "Traceback" not in capfd.readouterr().err


def test_an_answer_cut_short_is_not_passed_off_as_whole(bearer: Runtime) -> None:
    """When the upstream breaks off, the caller's connection does, too."""
    with pytest.raises(httpx.RemoteProtocolError):
        bearer.call("/cut")


def test_calls_run_side_by_side(bearer: Runtime) -> None:
    """Four calls reach the upstream before the first of them is answered."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(bearer.call, ["/meet"] * 4))
    assert [answer.status_code for answer in answers] == [200] * 4


def test_a_streamable_http_mcp_call_goes_through(runtime: Runtime) -> None:
    """An MCP request (a POST that takes JSON or an event stream) reaches the server and streams back."""
    pattern = {"type": "BEARER", "is_mcp": True, "fields": [{"field_name": "token"}]}
    runtime.set_up(pattern, static(token="t"), proxy_url="https://mcp.example.com/mcp/events")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"connection_name": "under-test", "identifier": "user_1"}
    headers |= {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    with runtime.http.stream("POST", "/proxy", json=call, headers=headers) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.iter_lines()
        assert next(lines) == "data: first"
        runtime.upstream.release.set()
        assert "data: second" in list(lines)
    last = runtime.upstream.last
    assert (last.method, last.target) == ("POST", "/mcp/events")
    assert last.header("mcp-protocol-version") == ["2025-06-18"]
    assert last.header("authorization") == ["Bearer t"]


# --- Refusals -----------------------------------------------------------------------------------------------


def message(answer: httpx.Response) -> str:
    """Return the message of a refusal in the form that is Tool Proxy's own."""
    body = answer.json()
    assert body.keys() == {"detail", "code"}
    return body["detail"]


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({}, 400, "connection_name"),
        ({"connection_name": "under-test"}, 400, "identifier"),
        ({"connection_name": "nope", "identifier": "user_1"}, 404, "'nope'"),
        ({"connection_name": "under-test", "identifier": "nobody"}, 404, "'nobody'"),
    ],
)
def test_who_calls_through_what_must_be_known(
    bearer: Runtime, headers: dict[str, str], status: int, says: str
) -> None:
    """A missing header, connection or account is named, and nothing reaches the upstream."""
    answer = bearer.http.get("/proxy/x", headers=headers)
    assert answer.status_code == status
    assert says in message(answer)
    assert bearer.upstream.received == []


def test_a_call_wants_a_token(bearer: Runtime) -> None:
    """Without the environment's token nothing is looked up."""
    assert bearer.call("/x", headers={"authorization": "Bearer x"}).status_code == 401
    assert bearer.upstream.received == []


def test_an_account_that_is_not_active_is_told_to_authorize(runtime: Runtime) -> None:
    """An OAUTH account without a token is PENDING_AUTH; the message names the way on."""
    runtime.set_up(OAUTH, None)
    answer = runtime.call("/x")
    assert answer.status_code == 400
    assert "PENDING_AUTH" in message(answer)
    assert "magic link" in message(answer)


def test_a_disabled_connection_takes_no_calls(bearer: Runtime) -> None:
    """Switched off, a connection refuses; switched on again, it works."""
    (connection,) = bearer.scalekit.store.connections()
    for verb, status in (("disable", 400), ("enable", 200)):
        assert bearer.http.patch(f"/api/v1/connections/{connection.id}:{verb}").status_code == 200
        assert bearer.call("/x").status_code == status


@pytest.mark.parametrize(
    ("pattern", "details", "config", "changes", "says"),
    [
        (
            BEARER,
            static(token="t"),
            None,
            {"proxy_url": "https://{{domain}}/x"},
            "path_variables.domain in its authorization_details.static_auth.details",
        ),
        (
            OAUTH,
            oauth("t"),
            None,
            {"proxy_url": "https://{{domain}}/x"},
            "path_variables.domain in its api_config",
        ),
        (BEARER, static(other="x"), None, {}, "no token"),
        ({"type": "BASIC"}, static(other="x"), None, {}, "neither username nor password"),
        ({"type": "API_KEY"}, static(other="x"), None, {}, "no api_key"),
        (BEARER, static(token="a\r\nX-Evil: 1"), None, {}, "no header can carry"),
        (BEARER, static(token="evil "), None, {}, "begins or ends with a space"),
        ({"type": "API_KEY"}, static(api_key=" evil"), None, {}, "begins or ends with a space"),
        (
            {"type": "API_KEY", "auth_header_key_override": "Host"},
            static(api_key="evil"),
            None,
            {},
            "'Host' is not the name of a header that can carry a credential",
        ),
        (
            {"type": "API_KEY", "fields": [{"field_name": "api_key", "header_name": "X Key"}]},
            static(api_key="evil"),
            None,
            {},
            "'X Key' is not the name of a header",
        ),
        (
            BEARER,
            static(token="evil"),
            None,
            {"proxy_url": "https://api.example.com/a b"},
            "do not make a valid HTTP request",
        ),
        (BEARER, static(token=["x"]), None, {}, "neither text nor a number"),
        (BEARER, static(token="t"), None, {"proxy_enabled": False}, "proxy_enabled is false"),
        (
            BEARER,
            static(token="t", domain="evil.example/x?"),
            None,
            {"proxy_url": "https://{{domain}}.example.com"},
            "is not a host name",
        ),
        (
            BEARER,
            static(token="t", domain="user@evil.example"),
            None,
            {"proxy_url": "https://{{domain}}/x"},
            "is not a host name",
        ),
    ],
)
def test_what_cannot_be_injected_is_a_clear_refusal(
    runtime: Runtime,
    pattern: dict[str, Any],
    details: dict[str, Any],
    config: dict[str, Any] | None,
    changes: dict[str, Any],
    says: str,
) -> None:
    """An unfilled template, a missing credential or a hostile value: a 400 that says what and how to mend it."""
    runtime.set_up(pattern, details, config, **changes)
    answer = runtime.call("/v1")
    assert answer.status_code == 400
    assert says in message(answer)
    assert "evil" not in message(answer).lower()
    assert runtime.upstream.received == []


@pytest.mark.parametrize("path", ["/../admin", "/a/%2e%2e/b", "/a/..%2fb", "/a/..%5Cb"])
def test_a_path_cannot_leave_the_base(runtime: Runtime, path: str) -> None:
    """Dot segments, however they are written, are refused: they could climb above `proxy_url`."""
    runtime.set_up(BEARER, static(token="t"), proxy_url="https://api.example.com/v1")
    headers = {"connection_name": "under-test", "identifier": "user_1", **runtime.http.headers}
    request = httpx.Request(
        "GET", runtime.scalekit.url, headers=headers, extensions={"target": f"/proxy{path}".encode()}
    )
    with httpx.HTTPTransport() as transport:
        assert transport.handle_request(request).status_code == 400
    assert runtime.upstream.received == []


@pytest.mark.parametrize(
    ("domains", "status"),
    [
        (["example.com"], 200),
        (["api.example.com"], 200),
        (["*.example.com"], 200),
        (["other.example", "EXAMPLE.com"], 200),
        (["other.example"], 403),
        (["ample.com"], 403),
        (["www.api.example.com"], 403),
        ([], 200),
    ],
)
def test_allowed_proxy_domains_are_enforced(runtime: Runtime, domains: list[str], status: int) -> None:
    """Requests go to a listed domain and its subdomains only; an empty list restricts nothing."""
    runtime.set_up({**BEARER, "allowed_proxy_domains": domains}, static(token="t"))
    assert runtime.call("/x").status_code == status
    assert bool(runtime.upstream.received) == (status == 200)


def test_allowed_proxy_domains_hold_for_filled_templates(runtime: Runtime) -> None:
    """What an account fills in cannot lead elsewhere."""
    pattern = {**BEARER, "allowed_proxy_domains": ["freshdesk.example"]}
    runtime.set_up(pattern, static(token="t", domain="evil.example"), proxy_url="https://{{domain}}/api")
    answer = runtime.call("/x")
    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED")


def test_an_unreachable_upstream_is_a_502(bearer: Runtime) -> None:
    """The origin is named; the account's credential is not."""
    bearer.scalekit.settings.upstreams = {"*": "http://127.0.0.1:1"}
    answer = bearer.call("/x")
    assert answer.status_code == 502
    assert "http://127.0.0.1:1" in message(answer)
    assert "s3cret" not in answer.text


def test_an_upstream_that_breaks_off_is_a_502(bearer: Runtime) -> None:
    """It was reached, and the message says what it did."""
    answer = bearer.call("/nothing")
    assert answer.status_code == 502
    assert "broke the connection off: Server disconnected" in message(answer)


def test_a_silent_upstream_is_a_504(bearer: Runtime) -> None:
    """An upstream that does not answer in time is given up."""
    bearer.scalekit.settings.upstream_timeout = 0.1
    assert bearer.call("/slow").status_code == 504


def test_upstreams_are_mapped_by_origin(runtime: Runtime) -> None:
    """Only the named origin leads to the local upstream; its Host stays that of the real one."""
    runtime.scalekit.settings.upstreams = {"https://api.example.com": runtime.upstream.url}
    runtime.set_up(BEARER, static(token="t"))
    assert runtime.call("/x").status_code == 200
    assert runtime.upstream.last.header("host") == ["api.example.com"]


def test_calls_are_logged_with_what_was_injected(bearer: Runtime) -> None:
    """The log names connection, account, upstream and headers, and masks the credential."""
    bearer.call("/x?a=b")
    (request,) = bearer.scalekit.requests.of("proxy")
    assert request.injected == {
        "connection": "under-test",
        "identifier": "user_1",
        "url": "https://api.example.com/x?a=b",
        "headers": {"Authorization": "Bearer ****"},
    }


@pytest.mark.parametrize(
    ("fault", "reached"), [("proxy:error=503*1", 0), ("proxy:error-after-commit=503*1", 1)]
)
def test_faults_strike_proxied_calls_too(bearer: Runtime, fault: str, reached: int) -> None:
    """Before or after the upstream was reached, as for every operation."""
    bearer.scalekit.faults.add(fault)
    assert bearer.call("/x").status_code == 503
    assert len(bearer.upstream.received) == reached
    assert bearer.call("/x").status_code == 200
