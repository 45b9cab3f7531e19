"""Identifiers go into paths: what is none goes nowhere."""

from __future__ import annotations

import itertools
import re
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.api.paths import checked_identifier
from pulumi_scalekit.errors import InvalidRequest, NotSent, ProtocolError, ServerError

from .apps import HOST, App, client, connector, ok, refusal

HOSTILE = [
    "",
    ".",
    "..",
    "../connections",
    "a/b",
    "a%2fb",
    "%2e%2e",
    "a b",
    "a?x=1",
    "a#b",
    "a;b",
    "a\\b",
    "a\r\nHost: evil.example.org",
    "a\x00",
    "@evil.example.org",
    "http://evil.example.org",
    "ÄSANA:1",
    "A:1\n",
    "x" * 256,
]


@pytest.mark.parametrize("identifier", HOSTILE)
def test_what_is_no_identifier_is_sent_nowhere(identifier: str) -> None:
    """Reads, updates and deletes refuse it before anything leaves, not even for a token."""
    app = App()
    api = client(app)
    connectors = Connectors(api)
    for use in (
        lambda: connectors.get(identifier),
        lambda: connectors.update(identifier, connector("A")),
        lambda: connectors.delete(identifier),
    ):
        with pytest.raises(NotSent, match="letters, digits") as caught:
            use()
        assert str(caught.value).isprintable()
        assert "Scalekit returned" not in str(caught.value)
    assert app.requests == []


@pytest.mark.parametrize("identifier", HOSTILE)
def test_a_server_cannot_plant_one(identifier: str) -> None:
    """A create that answers with a path instead of an identifier is an error, not state."""
    app = App(
        lambda r: ok({"provider": {"identifier": identifier}} if r.method == "POST" else {"providers": []})
    )
    with pytest.raises(ProtocolError, match="no usable identifier"):
        Connectors(client(app)).create(connector("A"))
    # Nor does it get one in by a list: what is adopted by name, or found after a lost answer, is kept as well.
    app.handler = lambda _r: ok({"providers": [{**connector("A"), "identifier": identifier}]})
    with pytest.raises(ProtocolError, match="no usable identifier"):
        Connectors(client(app)).named("A")
    lists = itertools.chain(
        [{"providers": []}], itertools.repeat({"providers": [{**connector("A"), "identifier": identifier}]})
    )
    app.handler = lambda r: refusal(500) if r.method == "POST" else ok(next(lists))
    with pytest.raises(ServerError):
        Connectors(client(app)).create(connector("A"))


@pytest.mark.parametrize("connection_id", HOSTILE)
def test_a_connection_id_is_one_quoted_segment(connection_id: str) -> None:
    """Whatever a server calls a connection, its delete goes to that one path or nowhere."""
    app = App(
        lambda request: ok(
            {"connection": {"id": connection_id, "key_id": "crm"}}
            if "/connections/" in str(request.url)
            else {}
        )
    )
    try:
        Connections(client(app)).delete(connection_id)
    except InvalidRequest:
        assert app.requests == []
        return
    path = app.requests[-1].url.raw_path
    assert path.startswith(b"/api/v1/connections/")
    assert unquote(path.decode()).removeprefix("/api/v1/connections/") == connection_id
    assert re.fullmatch(rb"(%[0-9A-F]{2}|[\w.~-])+", path.removeprefix(b"/api/v1/connections/"))


@given(st.from_regex(r"[A-Za-z0-9_:-]{1,255}", fullmatch=True))
def test_an_identifier_is_one_quoted_segment(identifier: str) -> None:
    """Every identifier that the API documents reaches the server as it is."""
    app = App()
    Connectors(client(app)).delete(identifier)
    request = app.requests[-1]
    assert request.url.host == HOST
    assert request.url.path == f"/api/v1/custom-providers/{identifier}"
    assert request.url.raw_path == f"/api/v1/custom-providers/{identifier.replace(':', '%3A')}".encode()


@given(st.text(max_size=300))
def test_any_text_is_an_identifier_or_refused(text: str) -> None:
    """Nothing in between: a URL made from what passes never leaves its path."""
    try:
        checked_identifier(text)
    except NotSent:
        return
    url = httpx.URL(f"https://{HOST}/api/v1/custom-providers/{text}")
    assert (url.host, url.path) == (HOST, f"/api/v1/custom-providers/{text}")
