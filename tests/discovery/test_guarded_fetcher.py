"""Requests whose addresses somebody else chose."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pulumi_scalekit.discovery import guarded_fetcher
from pulumi_scalekit.discovery.guarded_fetcher import FetchError, GuardedFetcher, event_data
from pulumi_scalekit.discovery.mcp import read_mcp

from .conftest import Reply, Site


def no_resolver(host: str, port: int) -> list[str]:
    """Fails the test when a name is resolved."""
    raise AssertionError(f"{host} was resolved")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://metadata.acme.io/x", "not encrypted"),
        ("file:///etc/passwd", "not an https URL"),
        ("gopher://127.0.0.1/", "not an https URL"),
        ("https://user:pw@acme.io/", "credentials"),
        ("https://", "not an https URL"),
        ("https://[::1", "not a URL"),
    ],
)
def test_refused_urls(url: str, reason: str) -> None:
    """Metadata is fetched over https only, without credentials in the URL; nothing is even resolved."""
    with pytest.raises(FetchError, match=reason):
        GuardedFetcher("https://mcp.acme.io", resolver=no_resolver).get(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.5",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fd00::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.5",
        "224.0.0.1",
    ],
)
def test_foreign_hosts_must_be_public(address: str) -> None:
    """A host other than the MCP server's is not asked when any of its addresses is inside somebody's network."""
    fetcher = GuardedFetcher("https://mcp.acme.io", resolver=lambda host, port: ["93.184.216.34", address])
    with pytest.raises(FetchError, match="not a public address"):
        fetcher.get("https://auth.evil.io/.well-known/oauth-authorization-server")


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "https://169.254.169.254/latest", "https://[::1]/", "http://127.0.0.1/"]
)
def test_literal_private_addresses(url: str) -> None:
    """A public MCP server cannot point to an address inside the network by writing it out."""
    with pytest.raises(FetchError, match=r"not a public address|not encrypted"):
        GuardedFetcher("https://mcp.acme.io").get(url)


def test_the_checked_address_is_the_one_that_is_used(site: Site) -> None:
    """A foreign host is connected to at the address that was checked, under its own name."""
    site.replies["/meta"] = Reply(body={"a": 1})
    port = int(site.url.rpartition(":")[2])
    asked: list[str] = []

    def resolver(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    fetcher = GuardedFetcher("http://127.0.0.1:1/mcp", resolver=resolver)
    assert fetcher.get(f"http://localhost:{port}/meta").json() == {"a": 1}
    assert asked == ["localhost"]
    assert site.asked[0][2]["host"] == f"localhost:{port}"
    assert site.asked[0][2]["connection"] == "close"


def test_refusal_is_reported(site: Site) -> None:
    """Metadata that points into a network ends as a note; nothing was asked there."""
    site.guard(resource_metadata="https://169.254.169.254/latest/meta-data")
    reading = read_mcp(f"{site.url}/mcp", timeout=2)
    assert any("not a public address" in note.text for note in reading.notes.taken)
    missing = [note.path for note in reading.notes.taken if note.origin == "missing"]
    assert "auth_patterns[0].type" in missing


def test_redirects_within_the_origin(site: Site) -> None:
    """A redirect within the origin is followed."""
    site.replies["/a"] = Reply(302, headers={"Location": "/b"})
    site.replies["/b"] = Reply(body={"found": True})
    assert GuardedFetcher(site.url).get(f"{site.url}/a").json() == {"found": True}


def test_redirects_elsewhere_are_not_followed(sites: Callable[[], Site]) -> None:
    """A redirect to another host, port or scheme is not followed; its target is reported."""
    site, other = sites(), sites()
    site.replies["/a"] = Reply(302, headers={"Location": f"{other.url}/b"})
    response = GuardedFetcher(site.url).get(f"{site.url}/a")
    assert response.redirect == f"{other.url}/b"
    assert other.asked == []


def test_endless_redirects(site: Site) -> None:
    """Redirects that never end are given up."""
    site.replies["/a"] = Reply(302, headers={"Location": "/a"})
    with pytest.raises(FetchError, match="too often"):
        GuardedFetcher(site.url).get(f"{site.url}/a")
    assert len(site.asked) == guarded_fetcher.REDIRECTS + 1


def test_a_redirected_post_stays_a_post(site: Site) -> None:
    """A POST follows the redirects that keep it one, and no others."""
    site.replies["/a"] = Reply(308, headers={"Location": "/b"})
    site.replies["/b"] = Reply(body={"ok": True})
    assert GuardedFetcher(site.url).post(f"{site.url}/a", {}, {}).json() == {"ok": True}
    site.replies["/a"] = Reply(302, headers={"Location": "/b"})
    assert GuardedFetcher(site.url).post(f"{site.url}/a", {}, {}).redirect == f"{site.url}/b"


def test_size_limit(site: Site) -> None:
    """A response that never stops is cut off at the limit."""

    def endless(send: Callable[[bytes], None]) -> None:
        while True:
            send(b"x" * 65536)

    site.replies["/a"] = Reply(stream=endless)
    with pytest.raises(FetchError, match="more than 256 KB"):
        GuardedFetcher(site.url).get(f"{site.url}/a")


def test_deadline(site: Site) -> None:
    """A response that trickles in is given up at the deadline, however alive the connection is."""

    def slow(send: Callable[[bytes], None]) -> None:
        for _ in range(1200):
            send(b" ")
            time.sleep(0.05)

    site.replies["/a"] = Reply(stream=slow)
    start = time.monotonic()
    with pytest.raises(FetchError, match=r"within 0\.4 seconds") as caught:
        GuardedFetcher(site.url, timeout=0.4).get(f"{site.url}/a")
    assert time.monotonic() - start < 30
    assert caught.value.unreachable


def test_silence(site: Site) -> None:
    """A server that accepts and says nothing is given up at the deadline."""
    given_up = threading.Event()

    def silent(_send: Callable[[bytes], None]) -> None:
        given_up.wait(30)

    site.replies["/a"] = Reply(stream=silent)
    with pytest.raises(FetchError, match=r"within 0\.3 seconds"):
        GuardedFetcher(site.url, timeout=0.3).get(f"{site.url}/a")
    given_up.set()


def test_compression_is_refused(site: Site) -> None:
    """Compressed responses, which could be small on the wire and huge in memory, are refused."""
    body = gzip.compress(b"0" * 1_000_000)
    site.replies["/a"] = Reply(body=body, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchError, match="compressed"):
        GuardedFetcher(site.url).get(f"{site.url}/a")
    assert site.asked[0][2]["accept-encoding"] == "identity"


def test_an_open_event_stream_is_not_waited_for(site: Site) -> None:
    """Reading of an event stream ends with the first whole event."""
    read = threading.Event()
    ended: list[bool] = []

    def stream(send: Callable[[bytes], None]) -> None:
        send(b': hello\n\ndata: {"a":\r\ndata: 1}\r\n\r\n')
        ended.append(not read.wait(30))

    site.replies["/a"] = Reply(content_type="text/event-stream; charset=utf-8", stream=stream)
    assert GuardedFetcher(site.url).get(f"{site.url}/a").json() == {"a": 1}
    assert not ended
    read.set()


@pytest.mark.parametrize(
    "event", ["event:endpoint\ndata:/x", "data: /x\nevent: endpoint", "event: endpoint\r\ndata: /x"]
)
def test_the_older_transports_event_ends_the_waiting(site: Site, event: str) -> None:
    """However a server writes the event of the older transport, an open stream is not waited for after it."""
    done = threading.Event()

    def stream(send: Callable[[bytes], None]) -> None:
        send(f"{event}\n\n".encode())
        done.wait(60)

    site.replies["/a"] = Reply(content_type="Text/Event-Stream", stream=stream)
    assert GuardedFetcher(site.url, timeout=30).listen(f"{site.url}/a").event_names == ["endpoint"]
    done.set()


def test_no_credentials_from_files(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials that the user keeps for a host in .netrc, and cookies, are not sent."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    site.replies["/a"] = Reply(body={}, headers={"Set-Cookie": "a=1"})
    fetcher = GuardedFetcher(site.url)
    fetcher.get(f"{site.url}/a")
    fetcher.get(f"{site.url}/a")
    for _, _, headers, _ in site.asked:
        assert not {"authorization", "cookie"} & set(headers)


def test_a_broken_connection_is_an_error(site: Site) -> None:
    """A connection that breaks in the middle of a response is an error with a reason."""
    site.replies["/a"] = Reply(body=b"{", headers={"Transfer-Encoding": "chunked"})
    with pytest.raises(FetchError, match="cannot be reached"):
        GuardedFetcher(site.url).get(f"{site.url}/a")


@pytest.mark.parametrize("text", ["data: {}", "data: no json\n\n", "", "event: x\n\n"])
def test_incomplete_events(text: str) -> None:
    """Events that are not complete, or hold no JSON, hold no value."""
    assert event_data(text) is None


def test_deeply_nested_answers(site: Site) -> None:
    """JSON that is nested endlessly is not a value, rather than a crash."""
    site.replies["/a"] = Reply(body=b"[" * 100_000)
    assert GuardedFetcher(site.url).get(f"{site.url}/a").json() is None


def test_names_that_do_not_resolve() -> None:
    """A name that does not resolve is said to be out of reach."""

    def resolver(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(FetchError, match="does not resolve") as caught:
        GuardedFetcher("https://mcp.acme.io", resolver=resolver).get("https://auth.acme.io/x")
    assert caught.value.unreachable
    assert json.dumps(str(caught.value))


def test_a_server_on_this_machine_needs_no_proxy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is set for the outside world is left out for this machine's own servers."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.replies["/here"] = Reply(body={})
    assert GuardedFetcher(site.url).get(f"{site.url}/here").status == 200
