"""Whatever is sent, the server answers, in its own form, and goes on."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulumi_scalekit.definition.keys import DEFINITION_KEYS
from pulumi_scalekit.local.serialization import MAX_DEPTH

from .conftest import BEARER, Session

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
PAYLOADS = st.dictionaries(st.sampled_from(DEFINITION_KEYS), JSON, max_size=2).map(
    lambda changes: {**BEARER, **changes}
)
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(payload=PAYLOADS | JSON)
def test_any_payload_is_taken_whole_or_refused(server: Session, payload: Any) -> None:
    """A create or update with any JSON is a 201 that reads back the same, or a 400; never a failure."""
    body = json.dumps(payload).encode("utf-8", "surrogatepass")
    answer = server.http.post("/api/v1/custom-providers", content=body)
    assert answer.status_code in {201, 400}, answer.text
    if answer.status_code == 201:
        made = answer.json()["provider"]
        (listed,) = server.list(identifier=made["identifier"])
        assert listed == made
        assert server.update(made["identifier"], payload).status_code in {200, 400}
    else:
        assert answer.json()["code"] == 3


@FUZZ
@given(
    path=st.text(st.characters(codec="latin-1"), max_size=20),
    method=st.sampled_from(["GET", "PUT", "DELETE", "POST"]),
)
def test_any_path_is_answered(server: Session, path: str, method: str) -> None:
    """Any identifier in a path, encoded or not, is found or not found."""
    for target in ("/" + quote(path, safe="/%:;@"), "/%2e%2e%2f", "/%00", "/%ff"):
        answer = server.http.request(method, f"/api/v1/custom-providers{target}", json=BEARER)
        assert answer.status_code in {200, 201, 400, 404, 405}
        assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /api/v1/providers HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"POST /api/v1/custom-providers HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"\x16\x03\x01\x00\x00",
    ],
)
def test_broken_http_ends_its_own_connection_only(server: Session, raw: bytes) -> None:
    """What is not HTTP, or breaks its rules, is refused; the next client is served."""
    host, port = server.http.base_url.host, server.http.base_url.port
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
    assert server.list() == []


def test_depth_has_a_limit_that_definitions_do_not_reach(server: Session) -> None:
    """Nesting is taken up to the limit and refused beyond it."""

    def nested(depth: int) -> dict[str, Any]:
        value: Any = "leaf"
        for _ in range(depth):
            value = [value]
        return {**BEARER, "auth_patterns": [{**BEARER["auth_patterns"][0], "x": value}]}

    # The payload, the list, the pattern and its key are levels of their own.
    good = server.http.post("/api/v1/custom-providers", json=nested(MAX_DEPTH - 3))
    bad = server.http.post("/api/v1/custom-providers", json=nested(MAX_DEPTH - 2))
    assert (good.status_code, bad.status_code) == (201, 400)
