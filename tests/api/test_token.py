"""One access token for all threads: got once, renewed once, and never anywhere but in its header."""

from __future__ import annotations

import time
from urllib.parse import parse_qs

import httpx
import pytest

from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.errors import (
    ApiError,
    PermissionDenied,
    ProtocolError,
    ScalekitError,
    ServerError,
    Unauthenticated,
)

from .apps import HOST, SECRET, URL, App, at_once, client, ok, refusal


def bearer(request: httpx.Request) -> str:
    """The token of a request."""
    return request.headers["authorization"].removeprefix("Bearer ")


def test_threads_share_one_token() -> None:
    """32 threads that start together request one token."""
    app = App()
    api = client(app)
    at_once(32, lambda _: api.call("x", "GET", "/x"))
    assert app.count("/oauth/token") == 1
    assert {bearer(r) for r in app.requests if r.url.path == "/x"} == {"canary-token-0"}


def test_the_secret_is_in_the_form_of_the_token_request_only() -> None:
    """No URL, no header and no other body holds the client secret."""
    app = App()
    client(app).call("x", "POST", "/x", body={"a": 1})
    token_request, call = app.requests
    assert parse_qs(token_request.content.decode())["client_secret"] == [SECRET]
    for request in (token_request, call):
        assert request.url.host == HOST
        assert "canary" not in str(request.url)
    assert "authorization" not in token_request.headers
    assert not any(SECRET in str(value) for r in app.requests for value in r.headers.values())
    assert SECRET not in call.content.decode()


def test_a_revoked_token_is_renewed_once_for_all_threads() -> None:
    """When a token is revoked under 16 threads, one new one serves them all, and no call fails."""
    app = App()
    app.handler = lambda r: ok() if bearer(r) != "canary-token-0" else refusal(401, "revoked")
    api = client(app)
    assert all(result == {} for result in at_once(16, lambda _: api.call("x", "GET", "/x")))
    assert app.count("/oauth/token") == 2


def test_a_call_renews_the_token_once() -> None:
    """A token that is refused as soon as it is issued ends the call, and says where the secret came from."""
    app = App(lambda _r: refusal(401, "no such client"))
    with pytest.raises(Unauthenticated) as caught:
        client(app, secret_source="the vault").call("read things", "GET", "/x")
    assert app.counts == {"POST /oauth/token": 2, "GET /x": 2}
    assert "no such client" in str(caught.value)
    assert "the vault" in str(caught.value)


def test_refused_credentials_are_not_tried_again() -> None:
    """A wrong secret is sent once in a process, however many calls need a token."""
    app = App()
    app.token_handler = lambda _r: httpx.Response(  # type: ignore[method-assign]
        401, json={"error": "invalid_client", "error_description": "client authentication failed"}
    )
    api = client(app, secret_source="the vault")
    results = at_once(8, lambda _: api.call("x", "GET", "/x"))
    assert app.counts == {"POST /oauth/token": 1}
    for result in results:
        assert isinstance(result, Unauthenticated)
        assert "client authentication failed" in str(result)
        assert "The client secret came from the vault" in str(result)
        assert SECRET not in str(result)


FROM_VAULT = (
    "The client secret came from the vault: check that it is this client's current secret "
    "(Scalekit Dashboard, Developers > Settings > API Credentials)"
)
GIVE = "Give this API client tokens:issue in the Scalekit Dashboard (Developers > Settings > API Credentials)"
MISSING = {"resource_info": {"required_permissions": ["tokens:issue"]}}
FIELD = {"validation_error_info": {"field_violations": [{"field": "client_id", "description": "is unknown"}]}}


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (refusal(401, "no", **MISSING), f"“no (needs tokens:issue)” (HTTP 401). {FROM_VAULT}"),
        (refusal(400, "invalid", **FIELD), f"“invalid: client_id: is unknown” (HTTP 400). {FROM_VAULT}"),
        (refusal(403, "no"), f"“no” (HTTP 403). {FROM_VAULT}"),
        (refusal(403, "no", **MISSING), f"“no (needs tokens:issue)” (HTTP 403). {GIVE}"),
        (
            refusal(405, "no", **MISSING),
            "“no (needs tokens:issue)” (HTTP 405). Check that SCALEKIT_ENVIRONMENT_URL is a Scalekit environment",
        ),
    ],
    ids=lambda value: str(value.status_code) if isinstance(value, httpx.Response) else "",
)
def test_a_refused_token_request_reads_well(response: httpx.Response, words: str) -> None:
    """The message has all that Scalekit says, and the advice fits it."""
    app = App()
    app.token_handler = lambda _r: response  # type: ignore[method-assign]
    with pytest.raises(ApiError) as caught:
        client(app, secret_source="the vault").call("x", "GET", "/x")
    who = "" if response.status_code == 405 else " as client skc_test"
    assert str(caught.value) == f"request a token from {URL}{who} failed: Scalekit returned {words}"


def test_a_failing_token_request_is_shared() -> None:
    """Threads that wait for a token share the failure to get one, instead of each trying in turn."""
    app = App()

    def handler(_request: httpx.Request) -> httpx.Response:
        time.sleep(0.03)
        return refusal(503, "down")

    app.token_handler = handler  # type: ignore[method-assign]
    api = client(app, attempts=3)
    results = at_once(16, lambda _: api.call("x", "GET", "/x"))
    assert all(isinstance(result, ServerError) for result in results)
    assert app.counts["POST /oauth/token"] <= 6


def test_a_call_after_a_failed_token_request_tries_again() -> None:
    """A passing failure to request a token is not remembered."""
    app = App()
    working = app.token_handler
    api = client(app, attempts=1)
    app.token_handler = lambda _r: refusal(503, "down")  # type: ignore[method-assign]
    with pytest.raises(ServerError):
        api.call("x", "GET", "/x")
    app.token_handler = working  # type: ignore[method-assign]
    assert api.call("x", "GET", "/x") == {}


def test_a_failed_token_request_leaves_no_doubt() -> None:
    """A write that got no token did not begin, even where the token request itself was cut off."""
    app = App()
    app.token_handler = lambda r: httpx.ReadError("cut", request=r)  # type: ignore[method-assign]
    with pytest.raises(ScalekitError) as caught:
        client(app, attempts=2).call("x", "POST", "/x", body={}, repeatable=False)
    assert getattr(caught.value, "ambiguous", None) is False
    assert app.count("/x") == 0


@pytest.mark.parametrize(
    "response",
    [refusal(404, "not found"), httpx.Response(404, text="<html>"), refusal(409, "no"), refusal(405, "no")],
    ids=["404", "a gateway's 404", "409", "405"],
)
def test_a_refused_token_request_says_nothing_about_the_call(response: httpx.Response) -> None:
    """Whatever becomes of the token request, nobody takes it for an answer to what the token was for."""
    app = App()
    app.token_handler = lambda _r: response  # type: ignore[method-assign]
    api = client(app)
    for ask in (
        lambda: Connectors(api).delete("C:1"),
        lambda: Connections(api).delete("conn_1"),
        lambda: Connections(api).get("conn_1"),
    ):
        with pytest.raises(
            ApiError, match=r"request a token .* Check that SCALEKIT_ENVIRONMENT_URL"
        ) as caught:
            ask()
        assert type(caught.value) is ApiError
    assert set(app.counts) == {"POST /oauth/token"}


@pytest.mark.parametrize("lifetime", [3600, "3600", 3600.0, None, -5, 0, True, "soon", [], 10**300])
def test_odd_lifetimes_do_not_cost_a_token_each_call(lifetime: object) -> None:
    """Whatever `expires_in` says, tokens are used for as long as they hold."""
    app = App()
    app.token_handler = lambda _r: ok({"access_token": "t", "expires_in": lifetime})  # type: ignore[method-assign]
    api = client(app)
    for _ in range(3):
        api.call("x", "GET", "/x")
    assert app.count("/oauth/token") == 1


def test_a_token_is_renewed_before_it_ends() -> None:
    """The last tenth of a token's life is not used, so no call is refused for it."""
    app = App()
    api = client(app)
    tokens = iter(("first", "second"))
    app.token_handler = lambda _r: ok({"access_token": next(tokens), "expires_in": 0.2})  # type: ignore[method-assign]
    api.call("x", "GET", "/x")
    time.sleep(0.19)
    api.call("x", "GET", "/x")
    assert [bearer(r) for r in app.requests if r.url.path == "/x"] == ["first", "second"]


@pytest.mark.parametrize(
    "token", [None, "", 7, "a\r\nX-Evil: 1", "two words", "tök", "\x00", "x" * 20_000, {"a": 1}]
)
def test_an_unusable_token_is_an_error(token: object) -> None:
    """A token that is none, or would break the header, is never put into one."""
    app = App()
    app.token_handler = lambda _r: ok({"access_token": token, "expires_in": 60})  # type: ignore[method-assign]
    with pytest.raises(ProtocolError, match="no usable access token"):
        client(app).call("x", "GET", "/x")
    assert app.count("/x") == 0


def test_a_missing_permission_names_it() -> None:
    """A 403 does not renew the token; it says which permission the client lacks."""
    needs = {"required_permissions": ["agent_connectors:write"]}
    app = App(lambda _r: refusal(403, "denied", resource_info=needs))
    with pytest.raises(PermissionDenied, match="needs agent_connectors:write"):
        client(app).call("x", "POST", "/x", body={})
    assert app.counts == {"POST /oauth/token": 1, "POST /x": 1}


def test_a_403_names_no_other_permission() -> None:
    """Advice repeats what the response names, and nothing where it names nothing."""
    app = App(lambda _r: refusal(403, "denied", resource_info={"required_permissions": ["sso:write"]}))
    with pytest.raises(PermissionDenied, match=r"Give this API client sso:write in the Scalekit Dashboard"):
        client(app).call("x", "GET", "/x")
    app.handler = lambda _r: refusal(403, "denied")
    with pytest.raises(PermissionDenied, match="does not say which permission") as caught:
        client(app).call("x", "GET", "/x")
    assert ":read" not in str(caught.value)
    assert ":write" not in str(caught.value)
