"""The page at the root and the magic-link pages, in a real browser."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from .browser import CHROMIUM, Browser, browser
from .conftest import Runtime, static

needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine: install chromium to run the pages in a browser"
)
IMAGES = Path(__file__).parents[2] / "docs" / "images"

ASANA = {
    "type": "OAUTH",
    "display_name": "OAuth 2.0",
    "fields": [],
    "oauth_config": {
        "authorize_uri": "https://app.asana.com/-/oauth_authorize",
        "token_uri": "https://app.asana.com/-/oauth_token",
        "pkce_enabled": True,
        "available_scopes": [
            {"scope": "profile", "display_name": "Profile", "required": True},
            {"scope": "email", "display_name": "Email", "required": False},
        ],
    },
}
FRESHDESK = {
    "type": "BASIC",
    "display_name": "Basic Auth",
    "fields": [
        {"field_name": "domain", "label": "Freshdesk Domain", "input_type": "text", "required": True},
        {"field_name": "username", "label": "API Key", "input_type": "password", "required": True},
    ],
    "auth_field_mutations": {"password": {"default": "X"}},
}
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


def furnish(runtime: Runtime, description: str = "Metrics, monitors and logs") -> None:
    """Give the environment connectors of every kind, and a few calls."""
    asana = runtime.connector(
        ASANA,
        display_name="My Asana",
        description="Manage tasks, projects and teams",
        proxy_url="https://app.asana.com/api",
    )
    runtime.oauth_app(runtime.connection(asana, "OAUTH", "asana-support"))
    runtime.account(connector="asana-support", identifier="user_123", connected_account={})
    freshdesk = runtime.connector(
        FRESHDESK,
        display_name="My Freshdesk",
        description="Tickets, contacts and companies",
        proxy_url="https://{{domain}}/api",
        icon_src="https://cdn.example.com/icon.svg",
    )
    runtime.connection(freshdesk, "BASIC", "under-test")
    runtime.account(static(domain="acme.freshdesk.example", username="canary-key"))
    runtime.connector(
        {
            "type": "API_KEY",
            "display_name": "API Key",
            "fields": [
                {
                    "field_name": "api_key",
                    "label": "Key",
                    "input_type": "password",
                    "header_name": "DD-API-KEY",
                },
                {"field_name": "app_key", "label": "App", "header_name": "DD-APPLICATION-KEY"},
            ],
        },
        display_name="My Datadog",
        description=description,
        proxy_url="https://api.datadoghq.example",
    )
    mcp = {
        "type": "OAUTH",
        "display_name": "OAuth 2.1",
        "is_mcp": True,
        "oauth_config": {"pkce_enabled": True},
    }
    runtime.connector(mcp, display_name="Github MCP", proxy_url="https://api.githubcopilot.com/mcp/")
    assert runtime.call("/v2/tickets?page=1").status_code == 200
    assert runtime.call("/v2/teapot", "POST", content=b"{}").status_code == 418


@needs_browser
def test_the_page_shows_the_environment(runtime: Runtime, chromium: Browser) -> None:
    """Connectors, auth types, fields, scopes, connections, accounts and calls are all on the page."""
    furnish(runtime)
    chromium.forget()
    chromium.open(runtime.scalekit.url + "/")
    chromium.wait("document.querySelectorAll('.card').length === 6")
    text = chromium.text()
    for expected in (
        *("My Asana", "MYASANA:", "OAUTH", "profile", "email", "asana-support", "user_123", "PENDING_AUTH"),
        *(
            "Freshdesk Domain",
            "username",
            "under-test",
            "ACTIVE",
            "https://{{domain}}/api",
            "password: default",
        ),
        *("header DD-API-KEY", "MCP", "built in", "6 connectors", "2 calls"),
        *("GET /v2/tickets?page=1", "418", "https://acme.freshdesk.example/api/v2/tickets?page=1"),
        "Authorization: Basic ****",
    ):
        assert expected in text
    assert "canary-key" not in text
    assert "local-secret" not in text


@needs_browser
def test_values_are_never_markup(runtime: Runtime, chromium: Browser) -> None:
    """A description full of markup is shown as it is; no script of it runs, nothing violates the policy."""
    furnish(runtime, HOSTILE)
    chromium.forget()
    chromium.open(runtime.scalekit.url + "/")
    chromium.wait("document.querySelectorAll('.card').length === 6")
    assert HOSTILE in chromium.text()
    assert chromium.evaluate("window.pwned") is None
    assert chromium.requested() == {runtime.scalekit.url}
    assert chromium.complaints() == []


@needs_browser
def test_the_filter_narrows_connectors_and_calls(runtime: Runtime, chromium: Browser) -> None:
    """Words in the filter must all occur; clearing it shows everything again."""
    furnish(runtime)
    chromium.open(runtime.scalekit.url + "/")
    chromium.wait("document.querySelectorAll('.card').length === 6")
    for words, cards, rows in (
        ("freshdesk", 1, 2),
        ("oauth asana", 1, 0),
        ("nothing-like-it", 0, 0),
        ("", 6, 2),
    ):
        chromium.type("#filter", words)
        assert chromium.evaluate("document.querySelectorAll('.card').length") == cards, words
        assert chromium.evaluate("document.querySelectorAll('#calls tbody .badge').length") == rows, words


@needs_browser
def test_a_refused_call_says_why(runtime: Runtime, chromium: Browser) -> None:
    """What kept a call from its upstream stands beside it, so that the page alone tells what to mend."""
    furnish(runtime)
    headers = {"connection_name": "asana-support", "identifier": "user_123"}
    assert runtime.http.get("/proxy/me", headers=headers).status_code == 400
    chromium.open(runtime.scalekit.url + "/")
    chromium.wait("document.querySelectorAll('#calls tbody tr').length === 3")
    row = chromium.evaluate("document.querySelector('#calls tbody tr').innerText")
    assert "GET /me" in row
    assert "user_123 of connection asana-support is PENDING_AUTH" in row


@needs_browser
def test_management_requests_are_shown_with_what_they_concern(runtime: Runtime, chromium: Browser) -> None:
    """Method, path, status, time, operation, connector, connection and fault of each stand in a row."""
    furnish(runtime)
    runtime.scalekit.faults.add("list:error=503*1")
    assert runtime.http.get("/api/v1/providers").status_code == 503
    assert runtime.http.put("/api/v1/custom-providers/NOPE:1", json={}).status_code == 404
    chromium.open(runtime.scalekit.url + "/")
    chromium.wait("document.querySelectorAll('#requests tbody tr').length > 5")
    rows = "[...document.querySelectorAll('#requests tbody tr')].map((row) => row.innerText)"
    missing, failed, *_ = chromium.evaluate(rows)
    assert all(word in missing for word in ("PUT /api/v1/custom-providers/NOPE:1", "404", "update", "NOPE:1"))
    assert all(word in failed for word in ("GET /api/v1/providers", "503", " ms", "list:error=503*1"))
    chromium.type("#filter", "connection-create freshdesk")
    (created,) = chromium.evaluate(rows)
    assert all(word in created for word in ("201", "My Freshdesk", "MYFRESHDESK:", "connection under-test"))
    assert "1 of " in chromium.evaluate("document.getElementById('requests-count').textContent")
    assert "/_local" not in chromium.evaluate("document.querySelector('#requests tbody').textContent")


@needs_browser
def test_an_empty_environment_and_an_empty_result_say_so(runtime: Runtime, chromium: Browser) -> None:
    """Without connectors the page says how to get one; with a filter it says that nothing matches."""
    chromium.open(runtime.scalekit.url + "/")
    chromium.wait("document.body.innerText.includes('No connector of your own yet')")
    assert "No calls through Tool Proxy yet." in chromium.text()
    assert "POST /oauth/token" in chromium.text()
    furnish(runtime)
    chromium.wait("document.querySelectorAll('.card').length === 6")
    assert "No connector of your own yet" not in chromium.text()
    chromium.type("#filter", "nothing-like-it")
    assert "No connector matches." in chromium.text()
    assert "No call matches." in chromium.text()
    assert "No request matches." in chromium.text()
    assert "0 of 6 connectors" in chromium.text()


@needs_browser
def test_a_phone_shows_everything_without_scrolling_sideways(
    runtime: Runtime, chromium: Browser, tmp_path: Path
) -> None:
    """On a narrow screen each call becomes a block of its own, whose cells have their columns' titles."""
    furnish(runtime)
    chromium.open(runtime.scalekit.url + "/")
    chromium.wait("document.querySelectorAll('#calls tbody tr').length === 2")
    chromium.screenshot(tmp_path / "phone.png", width=360, height=800)
    assert chromium.evaluate("document.documentElement.scrollWidth") == 360
    cell = "document.querySelector('#calls td[data-label=Upstream]')"
    assert chromium.evaluate(f"getComputedStyle({cell}, '::before').content") == '"Upstream"'
    assert chromium.evaluate(f"{cell}.getBoundingClientRect().right <= 360")
    chromium.screenshot(tmp_path / "desk.png")


@needs_browser
def test_the_page_follows_what_happens(runtime: Runtime, chromium: Browser) -> None:
    """A connector that is created while the page is open appears by itself."""
    chromium.open(runtime.scalekit.url + "/")
    chromium.wait("document.querySelectorAll('.card').length === 2")
    runtime.connector(ASANA, display_name="Late")
    chromium.wait("document.body.innerText.includes('Late')")


@needs_browser
def test_light_and_dark(runtime: Runtime, chromium: Browser, tmp_path: Path) -> None:
    """The page has a light and a dark form; with UPDATE_SCREENSHOTS=1 the documentation's images are made."""
    furnish(runtime)
    runtime.http.get(
        "/proxy/users/me", headers={"connection_name": "asana-support", "identifier": "user_123"}
    )
    folder = IMAGES if os.environ.get("UPDATE_SCREENSHOTS") else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    grounds = {}
    for dark, name in ((False, "local-scalekit.png"), (True, "local-scalekit-dark.png")):
        chromium.dark(dark)
        chromium.open(runtime.scalekit.url + "/")
        chromium.wait("document.querySelectorAll('.card').length === 6")
        chromium.wait("[...document.images].every((image) => image.complete)")
        chromium.screenshot(folder / name, height=1030)
        grounds[dark] = chromium.evaluate("getComputedStyle(document.body).backgroundColor")
        assert struct.unpack(">II", (folder / name).read_bytes()[16:24]) == (1280, 1030)
        assert chromium.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    chromium.dark(False)
    assert grounds[False] != grounds[True]


def link_for(runtime: Runtime, connection: str, identifier: str, **more: str) -> str:
    """Ask for a magic link."""
    body = {"connector": connection, "identifier": identifier, **more}
    answer = runtime.http.post("/api/v1/connected_accounts/magic_link", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["link"]


def status(runtime: Runtime, connection: str, identifier: str) -> str:
    """Return the status of an account."""
    params = {"connector": connection, "identifier": identifier}
    (account,) = runtime.http.get("/api/v1/connected_accounts", params=params).json()["connected_accounts"]
    return account["status"]


@needs_browser
def test_a_person_clicks_through_oauth(runtime: Runtime, chromium: Browser) -> None:
    """Magic link, Connect, Allow: the account is ACTIVE, and a call carries the token that was issued."""
    runtime.oauth_app(runtime.connection(runtime.connector(ASANA), "OAUTH"))
    chromium.forget()
    chromium.open(link_for(runtime, "under-test", "user_1"))
    assert "Connect Under Test" in chromium.text()
    assert status(runtime, "under-test", "user_1") == "PENDING_AUTH"
    chromium.click("button.primary")
    chromium.wait("document.body.innerText.includes('Allow access?')")
    assert "profile" in chromium.text()
    chromium.click("button[value=allow]")
    chromium.wait("document.body.innerText.includes('The account is connected')")
    assert status(runtime, "under-test", "user_1") == "ACTIVE"
    assert runtime.call("/me").status_code == 200
    (value,) = runtime.upstream.last.header("authorization")
    assert value.startswith("Bearer local-access-")
    assert chromium.complaints() == []


@needs_browser
def test_a_person_denies(runtime: Runtime, chromium: Browser) -> None:
    """Deny leads back with the reason, and the account stays unauthorized."""
    runtime.oauth_app(runtime.connection(runtime.connector(ASANA), "OAUTH"))
    chromium.open(link_for(runtime, "under-test", "user_1"))
    chromium.click("button.primary")
    chromium.wait("document.body.innerText.includes('Allow access?')")
    chromium.click("button[value=deny]")
    chromium.wait("document.body.innerText.includes('access_denied')")
    assert status(runtime, "under-test", "user_1") == "PENDING_AUTH"


@needs_browser
def test_a_person_fills_the_fields_of_a_static_type(runtime: Runtime, chromium: Browser) -> None:
    """The page asks for the pattern's fields, and what is typed is what is injected."""
    runtime.connection(runtime.connector(FRESHDESK, proxy_url="https://{{domain}}/api"), "BASIC")
    chromium.open(link_for(runtime, "under-test", "user_1"))
    chromium.type("[name=domain]", "acme.freshdesk.example")
    chromium.type("[name=username]", "typed-key")
    assert chromium.evaluate("document.querySelector('[name=username]').type") == "password"
    chromium.click("button.primary")
    chromium.wait("document.body.innerText.includes('The account is connected')")
    assert runtime.call("/v2/tickets").status_code == 200
    assert runtime.upstream.last.header("host") == ["acme.freshdesk.example"]


# --- Without a browser --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/_local/static/style.css", "/_local/static/app.js"])
def test_pages_forbid_everything_that_is_not_theirs(runtime: Runtime, path: str) -> None:
    """Every page has a policy without inline code and other hosts, and cannot be framed."""
    answer = runtime.anonymous.get(runtime.scalekit.url + path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/_local/state", "/_local/icons/X:1"])
def test_the_page_is_closed_to_other_sites(runtime: Runtime, path: str) -> None:
    """A name that was rebound to this machine cannot read the page or its data."""
    answer = runtime.anonymous.get(runtime.scalekit.url + path, headers={"host": "evil.example"})
    assert answer.status_code == 421


@pytest.mark.parametrize("name", ["..%2findex.html", "index.html", "x"])
def test_only_the_pages_own_files_are_served(runtime: Runtime, name: str) -> None:
    """Nothing else can be read through the static path."""
    assert runtime.anonymous.get(f"{runtime.scalekit.url}/_local/static/{name}").status_code == 404


def test_a_magic_link_page_keeps_what_was_typed(runtime: Runtime) -> None:
    """Where a required field is empty the others keep their values, but for passwords."""
    runtime.connection(runtime.connector(FRESHDESK), "BASIC")
    link = link_for(runtime, "under-test", "user_1")
    for form, shown in (
        ({"domain": "acme.freshdesk.example"}, 'value="acme.freshdesk.example"'),
        ({"username": "canary-key"}, "Fill in: Freshdesk Domain."),
    ):
        answer = runtime.anonymous.post(link, data=form)
        assert answer.status_code == 400
        assert shown in answer.text
        assert "canary-key" not in answer.text


def test_the_state_holds_no_credential(runtime: Runtime) -> None:
    """What the page reads has neither details of accounts nor injected values."""
    furnish(runtime)
    text = runtime.anonymous.get(runtime.scalekit.url + "/_local/state").text
    assert "canary-key" not in text
    assert "authorization_details" not in text
    assert "Basic ****" in text
    assert "app-secret" not in text


def test_an_icon_is_fetched_by_the_server(runtime: Runtime) -> None:
    """An icon comes from this server, with a policy under which no script of an SVG runs."""
    furnish(runtime)
    freshdesk = next(p for p in runtime.scalekit.store.providers() if p.payload.get("icon_src"))
    answer = runtime.anonymous.get(f"{runtime.scalekit.url}/_local/icons/{freshdesk.identifier}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert runtime.upstream.last.header("host") == ["cdn.example.com"]
    assert runtime.upstream.last.header("authorization") == []


@pytest.mark.parametrize("path", ["", "teapot", "redirect", "endless"])
def test_what_is_no_icon_is_not_found(runtime: Runtime, path: str) -> None:
    """Whatever is not a small image is a 404, and the page shows letters instead."""
    icon_src = f"https://cdn.example.com/{path}" if path else ""
    identifier = runtime.connector(ASANA, icon_src=icon_src)
    assert runtime.anonymous.get(f"{runtime.scalekit.url}/_local/icons/{identifier}").status_code == 404
