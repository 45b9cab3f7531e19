"""`pulumi-scalekit call`: dry runs, and calls through Tool Proxy to a real upstream."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit import local
from pulumi_scalekit.api.accounts import Accounts
from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.errors import NotSent
from pulumi_scalekit.settings import Settings
from pulumi_scalekit.tool_proxy.account import InjectionError
from pulumi_scalekit.tool_proxy.calls import ToolProxy
from pulumi_scalekit.tool_proxy.dry_run import dry_run

KEY = "canary-5b1c"
HEADED = {
    "type": "API_KEY",
    "display_name": "Keys",
    "fields": [
        {"field_name": "app", "header_name": "X-App"},
        {"field_name": "api_key", "header_name": "X-Key", "input_type": "password"},
    ],
}


def definition(pattern: Mapping[str, Any], url: str = "https://api.example.com/v1") -> dict[str, Any]:
    """A definition of one auth pattern."""
    return {"display_name": "Under Test", "proxy_url": url, "auth_patterns": [dict(pattern)]}


def fields(*names: str) -> list[dict[str, str]]:
    """Declared fields."""
    return [{"field_name": name} for name in names]


@pytest.mark.parametrize(
    ("pattern", "headers"),
    [
        ({"type": "BEARER", "fields": fields("token")}, {"Authorization": "Bearer ****"}),
        ({"type": "OAUTH", "oauth_config": {}}, {"Authorization": "Bearer ****"}),
        ({"type": "BASIC", "fields": fields("username")}, {"Authorization": "Basic ****"}),
        (
            {
                "type": "API_KEY",
                "fields": fields("api_key"),
                "auth_header_key_override": "X-API-Key",
                "auth_field_mutations": {"api_key": {"prefix": "Key "}},
            },
            {"X-API-Key": "Key ****"},
        ),
        (HEADED, {"X-App": "****", "X-Key": "****"}),
        ({"type": "NO_AUTH", "is_mcp": True}, {}),
    ],
    ids=lambda value: value.get("type", "") if isinstance(value, dict) else "",
)
def test_a_dry_run_shows_the_masked_request(pattern: dict[str, Any], headers: dict[str, str]) -> None:
    """Every auth type shows its headers with the credential masked, whether a value is given or not."""
    for given in ({}, {"token": KEY, "username": KEY, "api_key": KEY, "app": KEY}):
        shown = dry_run(definition(pattern), "GET", "/x?y=1", given)
        assert shown.request.masked_url == "https://api.example.com/v1/x?y=1"
        assert shown.request.masked() == headers
        assert KEY not in repr(shown)


def test_a_dry_run_fills_placeholders_and_names_what_it_assumed() -> None:
    """The name takes the place of a value that is not given, and is reported."""
    pattern = {"type": "BASIC", "fields": fields("site_name", "username")}
    shown = dry_run(definition(pattern, "https://{{site_name}}/api"), "GET", "/x", {"username": "u"})
    assert shown.request.masked_url == "https://site-name/api/x"
    assert shown.assumed == ("site_name",)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("x", "/v1/x"),
        ("/a%2Fb/~c;d?e=1&f=%26", "/v1/a%2Fb/~c;d?e=1&f=%26"),
        ("/a b?c=d e&f=ü", "/v1/a%20b?c=d%20e&f=%C3%BC"),
        ("", "/v1/"),
    ],
)
def test_a_path_is_completed_and_encoded(target: str, url: str) -> None:
    """A slash in front may be left out, and what a URL cannot hold is percent-encoded; nothing twice."""
    shown = dry_run(definition({"type": "NO_AUTH"}), "GET", target, {})
    assert shown.request.url == f"https://api.example.com{url}"


@pytest.mark.parametrize(
    ("connection", "account", "headers"),
    [("zoë", "a", []), ("c", "zoë", []), ("c", "a", [("X-Name", KEY + "ë")])],
)
def test_what_no_header_can_hold_is_refused(
    environment: local.LocalScalekit, connection: str, account: str, headers: list[tuple[str, str]]
) -> None:
    """A name or a header of other characters than ASCII is one message that names the header, not its value."""
    with (
        Client(Settings(environment.url, environment.client_id, environment.client_secret)) as client,
        pytest.raises(NotSent, match="characters other than ASCII") as refused,
        ToolProxy(client).call(connection, account, "GET", "/", headers=headers),
    ):
        pass
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "target", ["/../x", "/a/%2e%2e/x", "..", "/a\\..\\b", "https://evil.example/x", "/x#y"]
)
def test_a_path_that_leads_elsewhere_is_refused(environment: local.LocalScalekit, target: str) -> None:
    """Neither a dry run nor a call takes a path that would not stay below `proxy_url`."""
    with pytest.raises(InjectionError, match="the path "):
        dry_run(definition({"type": "NO_AUTH"}), "GET", target, {})
    with (
        Client(Settings(environment.url, environment.client_id, environment.client_secret)) as client,
        pytest.raises(InjectionError, match="the path "),
        ToolProxy(client).call("c", "a", "GET", target),
    ):
        pass
    assert environment.requests.count("proxy") == 0


# --- The command, against a real upstream -------------------------------------------------------------------


class Echo(BaseHTTPRequestHandler):
    """Answers with what it received; 404 below /missing."""

    def do_POST(self) -> None:
        """Respond to a call."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        received = body.decode("latin-1")
        text = f"{self.command} {self.path} {self.headers['x-key']} {self.headers['x-more']} {received}"
        self.send_response(404 if self.path.startswith("/v1/missing") else 200)
        content = text.encode()
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def environment() -> Iterator[local.LocalScalekit]:
    """An environment with one connector, and its upstream."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with local.running() as running:
        running.settings.upstreams = {"https://api.example.com": f"http://127.0.0.1:{server.server_port}"}
        settings = Settings(running.url, running.client_id, running.client_secret)
        with Client(settings) as client:
            Connectors(client).create({**definition(HEADED), "proxy_enabled": True})
        yield running
    server.shutdown()
    server.server_close()


def call(environment: local.LocalScalekit, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "pulumi_scalekit.cli", "call", *arguments],
        env={"PATH": "", **environment.env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_a_call_makes_and_removes_what_it_needs(environment: local.LocalScalekit, tmp_path: Path) -> None:
    """With values alone, a connection and an account are made for the call, and nothing is left of them."""
    (tmp_path / "key").write_text(KEY + "\n")
    done = call(
        environment, "Under Test", "/x?y=1", "-X", "POST", "-f", "app=a", "-f", f"api_key=@{tmp_path / 'key'}",
        "-H", "X-More: 1", "-d", "hello",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"POST /v1/x?y=1 {KEY} 1 hello"), done.stderr
    assert "HTTP 200 OK" in done.stderr
    assert KEY not in done.stderr
    assert list(environment.store.connections()) == []
    assert list(environment.store.accounts()) == []


@pytest.mark.parametrize(
    "fault", ["account-create:drop-after-commit*1", "connection-create:error-after-commit=504*1"]
)
def test_what_a_lost_response_made_is_removed(environment: local.LocalScalekit, fault: str) -> None:
    """Where the response to a create is lost, the call ends, and nothing of what was made stays."""
    environment.faults.add(fault)
    done = call(environment, "Under Test", "/x", "-f", "app=a", "-f", "api_key=k")
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert list(environment.store.accounts()) == []
    assert list(environment.store.connections()) == []


def test_an_account_that_was_named_is_not_deleted_on_a_guess(environment: local.LocalScalekit) -> None:
    """In another's connection, an account of a given name may have been there: the message says how to look."""
    (connector,) = environment.store.providers()
    with Client(Settings(environment.url, environment.client_id, environment.client_secret)) as client:
        identifier = connector.identifier
        Connections(client).create(name="theirs", connector=identifier, auth_type="API_KEY")
    environment.faults.add("account-create:drop-after-commit*1")
    done = call(environment, "Under Test", "/x", "-a", "user_1", "-f", "app=a", "-f", "api_key=k")
    assert done.returncode == 1
    assert "pulumi-scalekit accounts delete theirs user_1" in done.stderr
    assert [account.identifier for account in environment.store.accounts()] == ["user_1"]


def test_the_only_account_is_used_and_named(environment: local.LocalScalekit) -> None:
    """Without --account and --field the connection's only account is called as, and the command says so."""
    (connector,) = environment.store.providers()
    with Client(Settings(environment.url, environment.client_id, environment.client_secret)) as client:
        Connections(client).create(name="theirs", connector=connector.identifier, auth_type="API_KEY")
        account = {"authorization_details": {"static_auth": {"details": {"app": "a", "api_key": KEY}}}}
        Accounts(client).create("theirs", "user_1", account)
    done = call(environment, "Under Test", "/x")
    assert (done.returncode, done.stdout) == (0, f"GET /v1/x {KEY} None ")
    assert "GET /x through connection theirs as user_1, its only connected account\n" in done.stderr
    assert "as user_1\n" in call(environment, "Under Test", "/x", "-a", "user_1").stderr


def test_a_refusal_of_the_upstream_is_shown_and_fails(environment: local.LocalScalekit) -> None:
    """Another status than 2xx is shown with its body, and ends with 1; what was made is removed all the same."""
    done = call(environment, "Under Test", "/missing", "-f", "app=a", "-f", "api_key=k")
    assert (done.returncode, done.stdout) == (1, "GET /v1/missing k None ")
    assert "HTTP 404" in done.stderr
    assert list(environment.store.connections()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Under Test", "/x"], "has no connection to call through"),
        (["Undr Test", "/x"], "Did you mean 'Under Test'?"),
        (["Under Test", "/x", "-c", "nope", "-a", "user"], "There is no connection named 'nope'"),
        (["Under Test", "/x", "-f", "ap=a"], "the connector has no field ap; it has app, api_key"),
    ],
)
def test_a_call_that_cannot_be_made_says_why(
    environment: local.LocalScalekit, arguments: list[str], message: str
) -> None:
    """One sentence with the way out, and no traceback."""
    done = call(environment, *arguments)
    assert done.returncode == 1
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_connection_of_another_connector_is_refused(environment: local.LocalScalekit) -> None:
    """A call goes through the connector that was named, or not at all."""
    other = {**definition(HEADED), "display_name": "Other", "proxy_enabled": True}
    with Client(Settings(environment.url, environment.client_id, environment.client_secret)) as client:
        identifier = Connectors(client).create(other)["identifier"]
        Connections(client).create(name="others", connector=identifier, auth_type="API_KEY")
    done = call(environment, "Under Test", "/x", "-c", "others", "-f", "app=a", "-f", "api_key=k")
    assert done.returncode == 1
    assert f"The connection 'others' is not one of 'Under Test', but of {identifier}" in done.stderr
    assert environment.requests.count("account-create") == 0


def test_a_path_cannot_leave_the_proxy(environment: local.LocalScalekit) -> None:
    """A call never becomes one of Scalekit's own API: nothing is sent, not even to make an account."""
    path = "/../api/v1/custom-providers/X:1"
    done = call(environment, "Under Test", path, "-X", "DELETE", "-f", "app=a", "-f", "api_key=k")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: the path holds a dot segment" in done.stderr
    assert list(environment.requests.of("connection-create")) == []


def test_a_body_may_be_any_file(environment: local.LocalScalekit, tmp_path: Path) -> None:
    """The bytes of a file arrive as they are, in a POST unless another method is given."""
    (tmp_path / "data").write_bytes(bytes([255, 0, 10]))
    done = call(
        environment, "Under Test", "/x", "-f", "app=a", "-f", "api_key=k", "-d", f"@{tmp_path / 'data'}"
    )
    assert (done.returncode, done.stdout) == (0, "POST /v1/x k None \u00ff\0\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "app=@{directory}/data"], "is not text"),
        (["-f", "app=@{directory}/none"], "cannot be read"),
        (["-f", "app=a", "-H", "X Y: 1"], "'X Y' is not a header name"),
        (["-f", "app=a", "--json"], "--json goes with --dry-run"),
        (["--dry-run", "--account", "user_1"], "--account and --connection are for a call that is sent"),
    ],
)
def test_options_that_make_no_call_are_refused(
    environment: local.LocalScalekit, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """A mistake in an option is named before anything is sent."""
    (tmp_path / "data").write_bytes(bytes([255]))
    done = call(environment, "Under Test", "/x", *(each.format(directory=tmp_path) for each in arguments))
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", "").split())
    assert environment.requests.count("connection-create") == 0


def test_a_payload_file_can_be_tried_before_it_is_deployed(
    environment: local.LocalScalekit, tmp_path: Path
) -> None:
    """A dry run of a file asks no environment."""
    path = tmp_path / "payload.json"
    path.write_text(json.dumps(definition(HEADED)))
    before = len(list(environment.requests))
    done = call(environment, str(path), "/x", "--dry-run", "--json", "-f", f"api_key={KEY}")
    assert json.loads(done.stdout) == {
        "method": "GET",
        "url": "https://api.example.com/v1/x",
        "headers": {"X-App": "****", "X-Key": "****"},
        "body": None,
        "assumed": ["app"],
    }
    assert len(list(environment.requests)) == before


def test_a_dry_run_shows_what_the_caller_adds(environment: local.LocalScalekit, tmp_path: Path) -> None:
    """Headers and body are there as they would go out: an injected header replaces the caller's."""
    path = tmp_path / "payload.json"
    path.write_text(json.dumps(definition(HEADED)))
    added = ["-H", "Accept: text/plain", "-H", "x-key: mine", "-H", "Identifier: x", "-d", '{"a": 1}']
    done = call(environment, str(path), "/x", "--dry-run", "-f", "app=a", *added)
    assert done.stdout.splitlines() == [
        "POST https://api.example.com/v1/x",
        "Accept: text/plain",
        "X-App: ****",
        "X-Key: ****",
        "",
        '{"a": 1}',
    ]
    done = call(environment, str(path), "/x", "--dry-run", "--json", "-X", "PUT", *added)
    shown = json.loads(done.stdout)
    assert (shown["method"], shown["body"]) == ("PUT", '{"a": 1}')
    assert shown["headers"] == {"Accept": "text/plain", "X-App": "****", "X-Key": "****"}
