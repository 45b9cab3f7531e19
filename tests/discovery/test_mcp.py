"""What is made of an MCP server's metadata, over a socket."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_scalekit.definition.check import errors
from pulumi_scalekit.discovery import DiscoveryError, Overrides, Result, Source
from pulumi_scalekit.discovery.oauth_metadata import (
    authorization_metadata_urls,
    covers,
    parse_challenges,
    well_known,
)

from .conftest import HELLO, Reply, Site
from .documents import discover

TYPE = "auth_patterns[0].type"
PUBLIC = "https://mcp.acme.io/mcp"
"""A base URL that a review takes; the server in the tests is on http."""


def ask(site: Site, path: str = "/mcp", **answers: Any) -> Result:
    """What is made of a server."""
    return discover(Source(mcp=site.url + path, timeout=5), Overrides(**{"proxy_url": PUBLIC, **answers}))


def pattern(result: Result) -> dict[str, Any]:
    """The one auth pattern, without the words for people."""
    (only,) = result.definition["auth_patterns"]
    return {key: value for key, value in only.items() if key not in {"display_name", "description"}}


def texts(result: Result, origin: str) -> str:
    """The notes of one origin."""
    return "\n".join(f"{note.path}: {note.text}" for note in result.notes if note.origin == origin)


OAUTH = {"type": "OAUTH", "fields": [], "oauth_config": {"pkce_enabled": True}, "is_mcp": True}


def test_oauth_by_the_challenge(sites: Callable[[], Site]) -> None:
    """A 401 names the metadata, that names the authorization server, and that makes it OAUTH with PKCE."""
    site, other = sites(), sites()
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta", other.url, scopes_supported=["notes.read"], resource_name="Acme Notes")
    other.authorization("/.well-known/oauth-authorization-server", other.url)
    result = ask(site)
    assert pattern(result) == OAUTH
    assert result.definition["display_name"] == "Acme Notes MCP"
    assert result.missing == []
    assert errors(result.definition) == []
    assert site.paths == ["/mcp", "/meta"]
    assert other.paths == ["/.well-known/oauth-authorization-server"]
    assert "notes.read" in texts(result, "found")


def test_the_probe_is_a_plain_initialize(site: Site) -> None:
    """The server is asked by a well-formed `initialize`, without credentials."""
    site.replies["/mcp"] = Reply(body=HELLO)
    ask(site)
    method, _, headers, body = site.asked[0]
    request = json.loads(body)
    assert (method, request["method"], request["jsonrpc"]) == ("POST", "initialize", "2.0")
    assert headers["accept"] == "application/json, text/event-stream"
    assert "authorization" not in headers
    assert "cookie" not in headers


@pytest.mark.parametrize(
    "place", ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"]
)
def test_metadata_at_the_well_known_paths(site: Site, place: str) -> None:
    """Without a hint in the 401, the metadata is looked for with the path inserted, then at the root."""
    site.guard()
    site.resource(place, f"{site.url}/auth")
    site.authorization("/.well-known/oauth-authorization-server/auth", f"{site.url}/auth")
    assert pattern(ask(site)) == OAUTH


@pytest.mark.parametrize(
    "place",
    [
        "/.well-known/oauth-authorization-server/auth/v1",
        "/.well-known/openid-configuration/auth/v1",
        "/auth/v1/.well-known/openid-configuration",
    ],
)
def test_authorization_server_with_a_path(site: Site, place: str) -> None:
    """An issuer with a path has its metadata in any of the three places of RFC 8414 and OpenID Connect."""
    issuer = f"{site.url}/auth/v1"
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta", issuer)
    site.authorization(place, issuer)
    assert pattern(ask(site)) == OAUTH


def test_the_second_authorization_server_will_do(site: Site) -> None:
    """Where the first authorization server has no metadata, the next one is asked."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta", f"{site.url}/one", f"{site.url}/two")
    site.authorization("/.well-known/oauth-authorization-server/two", f"{site.url}/two")
    result = ask(site)
    assert pattern(result) == OAUTH
    assert f"{site.url}/two" in texts(result, "found")


def test_server_of_the_older_specification(site: Site) -> None:
    """A server without protected-resource metadata may be its own authorization server."""
    site.guard()
    site.authorization("/.well-known/oauth-authorization-server", site.url)
    assert pattern(ask(site)) == OAUTH


def test_public_server_with_optional_oauth(site: Site) -> None:
    """A server that greets anyone and has OAuth metadata is an OAUTH server."""
    site.replies["/mcp"] = Reply(body=HELLO)
    site.resource("/.well-known/oauth-protected-resource/mcp", site.url)
    site.authorization("/.well-known/oauth-authorization-server", site.url)
    assert pattern(ask(site)) == OAUTH


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_public_server(site: Site, kind: str) -> None:
    """A server that greets anyone and has no OAuth metadata needs none; it may answer as an event stream."""
    text = json.dumps(HELLO)
    body = text if kind == "application/json" else f"event: message\ndata: {text}\n\n"
    site.replies["/mcp"] = Reply(body=body.encode(), content_type=kind)
    result = ask(site)
    assert pattern(result) == {"type": "NO_AUTH", "fields": [], "is_mcp": True}
    assert result.definition["display_name"] == "Acme Notes MCP"
    assert errors(result.definition) == []
    assert result.missing == []


def test_sessions_are_told(site: Site) -> None:
    """Scalekit supports stateless servers only: a server that opens sessions is pointed out."""
    site.replies["/mcp"] = Reply(body=HELLO, headers={"Mcp-Session-Id": "1"})
    assert "stateless" in texts(ask(site), "assumed")


STATIC: dict[str, tuple[Reply, dict[str, Any], str]] = {
    "bearer": (
        Reply(401, {}, {"WWW-Authenticate": 'Bearer realm="acme"'}),
        {"type": "BEARER"},
        "found",
    ),
    "basic": (Reply(401, {}, {"WWW-Authenticate": 'Basic realm="acme"'}), {"type": "BASIC"}, "found"),
    "key": (
        Reply(401, {"error": "Missing X-Acme-Key header"}),
        {"type": "API_KEY", "auth_header_key_override": "X-Acme-Key"},
        "found",
    ),
    "silent": (Reply(401, {"error": "no"}), {"type": "BEARER"}, "assumed"),
    "forbidden": (Reply(403, b"", content_type="text/html"), {"type": "BEARER"}, "assumed"),
}


@pytest.mark.parametrize("name", STATIC)
def test_static_credentials(site: Site, name: str) -> None:
    """A server that refuses without OAuth metadata takes a static credential: the one that its refusal names."""
    reply, expected, origin = STATIC[name]
    site.replies["/mcp"] = reply
    result = ask(site, display_name="Acme")
    assert {key: pattern(result)[key] for key in expected} == expected
    assert "oauth_config" not in pattern(result)
    assert pattern(result)["is_mcp"] is True
    assert expected["type"] in texts(result, origin)
    assert errors(result.definition) == []


def test_without_registration_is_told(site: Site) -> None:
    """An authorization server that registers no clients is OAUTH with a warning."""
    site.guard()
    site.authorization("/.well-known/oauth-authorization-server", site.url, registration_endpoint=None)
    result = ask(site)
    assert pattern(result) == OAUTH
    assert "registration_endpoint" in texts(result, "assumed")


def test_without_s256_is_told(site: Site) -> None:
    """PKCE is set all the same where the metadata does not mention it, as an assumption."""
    site.guard()
    site.authorization(
        "/.well-known/oauth-authorization-server", site.url, code_challenge_methods_supported=None
    )
    assert "S256" in texts(ask(site), "assumed")


def test_client_credentials_only(site: Site) -> None:
    """An authorization server that knows no users leaves BEARER, with a note on what that takes."""
    site.guard()
    site.authorization(
        "/.well-known/oauth-authorization-server", site.url, grant_types_supported=["client_credentials"]
    )
    result = ask(site)
    assert pattern(result)["type"] == "BEARER"
    assert "client_credentials" in texts(result, "missing")


def test_tokens_outside_headers(site: Site) -> None:
    """A server that takes tokens in queries only cannot be served, and that is said."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta", site.url, bearer_methods_supported=["query"])
    site.authorization("/.well-known/oauth-authorization-server", site.url)
    assert "headers" in texts(ask(site), "missing")


def test_metadata_of_another_resource_is_not_used(site: Site) -> None:
    """Protected-resource metadata about another resource must not be used (RFC 9728, section 3.3)."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta", "https://evil.io", resource="https://other.io/mcp")
    result = ask(site)
    assert pattern(result)["type"] == "BEARER"
    assert "another resource" in texts(result, "assumed")


def test_metadata_of_another_issuer_is_not_used(site: Site) -> None:
    """Authorization-server metadata of another issuer must not be used (RFC 8414, section 3.3)."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta", f"{site.url}/auth")
    site.authorization("/.well-known/oauth-authorization-server/auth", "https://evil.io")
    result = ask(site)
    assert "another issuer" in texts(result, "assumed")
    assert TYPE in texts(result, "missing")


def test_unreachable_authorization_server_is_missing(site: Site) -> None:
    """Metadata that names an authorization server which cannot be asked leaves a doubt, and says so."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta", "http://127.0.0.1:9")
    result = ask(site)
    assert pattern(result) == OAUTH
    assert "http://127.0.0.1:9" in texts(result, "missing")
    assert "cannot be reached" in texts(result, "assumed")


def test_unreachable_server() -> None:
    """A server that cannot be reached gives an assumed definition and says plainly that nothing confirms it."""
    result = discover(Source(mcp="http://127.0.0.1:9/mcp"), Overrides(proxy_url=PUBLIC, display_name="Acme"))
    assert pattern(result) == OAUTH
    (note,) = result.missing
    assert note.path == TYPE
    assert "cannot be reached" in note.text
    assert "assumed" in note.text


def test_given_type_settles_an_unreachable_server() -> None:
    """With --auth, an unreachable server leaves nothing missing."""
    source = Source(mcp="http://127.0.0.1:9/mcp")
    result = discover(source, Overrides(proxy_url=PUBLIC, display_name="Acme", auth="BEARER"))
    assert pattern(result)["type"] == "BEARER"
    assert result.missing == []
    assert errors(result.definition) == []


def test_not_an_mcp_server(site: Site) -> None:
    """A URL that does not answer as an MCP server is pointed out."""
    result = ask(site)
    assert "as no MCP server does" in texts(result, "missing")


def test_plain_http_is_no_base_url(site: Site) -> None:
    """The local server's own http URL cannot be the connector's: the public one is missing."""
    site.replies["/mcp"] = Reply(body=HELLO)
    result = ask(site, proxy_url=None)
    assert [note.path for note in result.missing] == ["proxy_url"]


def test_placeholders_are_not_asked() -> None:
    """A URL with placeholders names no one server: nothing is asked, and the type has to be given."""
    url = "https://{{tenant}}.acme.io/mcp"
    assert TYPE in {note.path for note in discover(Source(mcp=url), Overrides()).missing}
    result = discover(Source(mcp=url), Overrides(auth="BEARER"))
    assert result.missing == []
    assert [field["field_name"] for field in pattern(result)["fields"]] == ["tenant", "token"]
    assert errors(result.definition) == []


@pytest.mark.parametrize(
    "url", ["ftp://acme.io", "http://acme.io/mcp", "https://user:pw@acme.io", "acme", "https://"]
)
def test_bad_urls(url: str) -> None:
    """What cannot be an MCP server's URL is refused before anything is asked."""
    with pytest.raises(DiscoveryError, match="The MCP server's URL"):
        discover(Source(mcp=url), Overrides())


def test_oauth_endpoints_do_not_belong_to_mcp(site: Site) -> None:
    """Endpoints and scopes over MCP are refused: the server tells them."""
    site.guard()
    with pytest.raises(DiscoveryError, match="leave them out"):
        ask(site, auth="OAUTH", scopes=("a",))


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_metadata_that_cannot_be_read_is_a_doubt(site: Site, status: int) -> None:
    """Metadata that is announced and cannot be read leaves the type open, whatever the status is."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.replies["/meta"] = Reply(status, {"error": "no"})
    result = ask(site)
    assert pattern(result) == OAUTH
    assert "/meta cannot be read" in texts(result, "missing")
    assert f"HTTP {status}" in texts(result, "assumed")


def test_well_known_metadata_behind_a_login_is_a_doubt(site: Site) -> None:
    """A server that guards its well-known metadata, too, may take a token or sign in users: that is missing."""
    site.guard()
    site.replies["/.well-known/oauth-protected-resource"] = Reply(401, {})
    result = ask(site)
    assert pattern(result)["type"] == "BEARER"
    assert TYPE in {note.path for note in result.missing}
    assert "BEARER" not in texts(result, "found")


def test_metadata_without_authorization_servers_is_a_doubt(site: Site) -> None:
    """Metadata that names no authorization server does not say where tokens come from."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta")
    result = ask(site)
    assert pattern(result)["type"] == "BEARER"
    assert "names no authorization server" in texts(result, "missing")


def test_metadata_without_authorization_servers_of_an_older_server(site: Site) -> None:
    """Where the metadata names no authorization server, the server's own metadata does."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta")
    site.authorization("/.well-known/oauth-authorization-server", site.url)
    assert pattern(ask(site)) == OAUTH


@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_quotes_around_the_metadata_url(site: Site, quote: str) -> None:
    """The metadata's URL is read in double quotes, in single ones, and in none."""
    challenge = f"Bearer error=invalid_token, resource_metadata={quote}{site.url}/meta{quote}"
    site.replies["/mcp"] = Reply(401, {}, {"WWW-Authenticate": challenge})
    site.resource("/meta", site.url)
    site.authorization("/.well-known/oauth-authorization-server", site.url)
    assert pattern(ask(site)) == OAUTH
    assert "/meta" in site.paths


def test_no_protocol_version_before_initialization(site: Site) -> None:
    """The version header is for what follows initialization: servers refuse a version that they do not know."""
    site.replies["/mcp"] = Reply(body=HELLO)
    ask(site)
    assert "mcp-protocol-version" not in site.asked[0][2]


@pytest.mark.parametrize(("status", "origin"), [(200, "missing"), (400, "missing"), (401, "assumed")])
def test_the_servers_own_error_is_quoted(site: Site, status: int, origin: str) -> None:
    """A JSON-RPC error is reported in the server's words."""
    error = {"code": -32602, "message": "Unknown tenant 7"}
    site.replies["/mcp"] = Reply(status, {"jsonrpc": "2.0", "id": 1, "error": error})
    assert "-32602: Unknown tenant 7" in texts(ask(site), origin)


def test_the_older_transport_is_named(site: Site) -> None:
    """A server with the HTTP+SSE transport of 2024-11-05 is recognised, with what that means for Scalekit."""
    body = b"event: endpoint\ndata: /messages?session=1\n\n"
    site.replies["/sse"] = Reply(body=body, content_type="text/event-stream")
    site.refuse_posts.add("/sse")
    result = ask(site, "/sse")
    assert "2024-11-05" in texts(result, "missing")
    assert pattern(result)["type"] == "NO_AUTH"


@pytest.mark.parametrize("kind", ["compressed", "long"])
def test_a_refusal_is_read_without_its_body(site: Site, kind: str) -> None:
    """The status and headers of a refusal count even where its body cannot be read."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta", site.url)
    site.authorization("/.well-known/oauth-authorization-server", site.url)
    refusal = site.replies["/mcp"]
    if kind == "compressed":
        refusal.body = gzip.compress(b"no")
        refusal.headers["Content-Encoding"] = "gzip"
    else:
        refusal.body = b"x" * 1_000_000
    assert pattern(ask(site)) == OAUTH


def test_a_key_in_the_url_is_not_copied(site: Site) -> None:
    """A credential in the URL's query goes neither into the definition, nor into the report, nor to the server."""
    site.guard()
    result = ask(site, "/mcp?apiKey=hush123&team=7", proxy_url=None)
    assert "hush123" not in json.dumps(result.to_json())
    assert "apiKey" in texts(result, "missing")
    assert result.definition["proxy_url"].endswith("/mcp?team=7")
    assert not any("hush123" in path for path in site.paths)


@pytest.mark.parametrize("issuer", ["https://[::1", "https://[oops]/", "::", "not a url", "https://"])
def test_a_malformed_issuer_is_a_doubt(site: Site, issuer: str) -> None:
    """An authorization server whose address is not a URL is reported as such."""
    site.guard(resource_metadata=f"{site.url}/meta")
    site.resource("/meta", issuer)
    result = ask(site)
    assert pattern(result) == OAUTH
    assert TYPE in texts(result, "missing")


@pytest.mark.parametrize("location", ["https://[::1", "//[", "http://[oops]/"])
def test_a_malformed_redirect_is_reported(site: Site, location: str) -> None:
    """A redirect to what is not a URL ends as a note."""
    site.replies["/mcp"] = Reply(302, {}, {"Location": location})
    assert TYPE in texts(ask(site), "missing")


# --- Rules over plain values --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="a, b", resource_metadata="https://x/y"',
            [("bearer", {"realm": "a, b", "resource_metadata": "https://x/y"})],
        ),
        ("Bearer", [("bearer", {})]),
        (
            'Basic realm="x", Bearer error=invalid_token',
            [("basic", {"realm": "x"}), ("bearer", {"error": "invalid_token"})],
        ),
        ('Negotiate, Bearer scope="a\\"b"', [("negotiate", {}), ("bearer", {"scope": 'a"b'})]),
        ('bearer Resource_Metadata = "u"', [("bearer", {"resource_metadata": "u"})]),
        ('Bearer a="unfinished', [("bearer", {})]),
        ("", []),
    ],
)
def test_challenges(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    """Challenges are parsed with several schemes, quoted commas and broken ends."""
    assert [(c.scheme, dict(c.parameters)) for c in parse_challenges([header])] == expected


def test_well_known_paths() -> None:
    """The well-known path is inserted before the resource's path (RFC 9728, section 3.1)."""
    assert well_known("https://a.io/x/mcp/?q=1", "oauth-protected-resource") == [
        "https://a.io/.well-known/oauth-protected-resource/x/mcp",
        "https://a.io/.well-known/oauth-protected-resource",
    ]
    assert well_known("https://a.io/", "oauth-protected-resource") == [
        "https://a.io/.well-known/oauth-protected-resource"
    ]
    assert authorization_metadata_urls("https://a.io/") == [
        "https://a.io/.well-known/oauth-authorization-server",
        "https://a.io/.well-known/openid-configuration",
    ]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("https://a.io/mcp", True),
        ("https://A.io:443/mcp/", True),
        ("https://a.io", True),
        ("https://a.io/mc", False),
        ("https://a.io/mcp/more", False),
        ("http://a.io/mcp", False),
        ("https://a.io.evil.io/mcp", False),
        ("https://a.io:444/mcp", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_covers(resource: str, expected: bool) -> None:
    """A resource identifier is the server's own if it has the same origin and a path at or above."""
    assert covers(resource, "https://a.io/mcp") is expected
