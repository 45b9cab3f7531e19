"""What users read: the server's words, made safe to show."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit.api.responses import api_error
from pulumi_scalekit.errors import ApiError, InvalidRequest, ScalekitError
from pulumi_scalekit.redaction import MAX_TEXT, Redaction, printable

from .apps import SECRET, App, client, refusal
from .test_bounds import JSON

BELL, ESCAPE, C1, OVERRIDE = "\a", "\x1b]0;owned\x07\x1b[2J", "\x9b31m", "\u202egnp.exe"


def test_a_refusal_reads_as_one_message() -> None:
    """Action, Scalekit's words, each refused property, status, code, request id and remedy."""
    info = {
        "error_code": "INVALID_ARGUMENT",
        "validation_error_info": {
            "field_violations": [
                {"field": "proxy_url", "description": "must start with https://", "constraint": "prefix"},
                {"field": "auth_patterns[0].type", "description": "is unknown"},
            ]
        },
        "request_info": {"request_id": "req_1"},
    }
    app = App(lambda _r: refusal(400, "validation failed", **info))
    with pytest.raises(InvalidRequest) as caught:
        client(app).call("create connector 'A'", "POST", "/x", body={})
    assert str(caught.value) == (
        "create connector 'A' failed: Scalekit returned “validation failed: proxy_url: must start with "
        "https://; auth_patterns[0].type: is unknown” (HTTP 400, INVALID_ARGUMENT, request req_1). "
        "Correct the named properties and run again"
    )


@pytest.mark.parametrize("text", [BELL, ESCAPE, C1, OVERRIDE, "a\r\nFake: line", "a\tb", "a\u2028b", "\x00"])
def test_a_message_cannot_drive_the_terminal(text: str) -> None:
    """Control characters, escape sequences and direction marks of a server never reach the screen."""
    info = {
        "error_code": text,
        "request_info": {"request_id": text},
        "validation_error_info": {"field_violations": [{"field": text, "description": text}]},
        "resource_info": {"required_permissions": [text]},
    }
    for body in ({"message": text, "details": [info]}, {"error": "x", "error_description": text}):
        assert str(api_error("x", 400, {"x-request-id": "r"}, body)).isprintable()


def test_a_message_is_of_bounded_length() -> None:
    """A server cannot fill the screen."""
    many = [{"field": "f" * 10_000, "description": "d" * 10_000}] * 10_000
    body = {"message": "m " * 10**6, "details": [{"validation_error_info": {"field_violations": many}}] * 9}
    assert len(str(api_error("x", 400, {}, body))) < 60_000


def test_a_long_text_is_not_cut_inside_a_word() -> None:
    """Half of a secret value would not be recognised as one: the cut goes before the word."""
    shown = printable("the value " + "canary" * MAX_TEXT)
    assert shown == "the value…"
    assert printable("a " * MAX_TEXT).startswith("a a a")
    assert printable("x" * 10 * MAX_TEXT) == "…"


FORMS = {
    "raw": SECRET,
    "form": quote_plus(SECRET),
    "path": quote(SECRET),
    "quoted": quote(SECRET, safe=""),
    "JSON": json.dumps(SECRET)[1:-1],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["message", "description", "code", "header", "permission", "token answer"])
def test_a_server_that_repeats_the_secret_does_not_get_it_shown(form: str, place: str) -> None:
    """The client secret is taken out of whatever a server says, in each form that it may have there."""
    said = f"you sent {FORMS[form]}!"
    info = {
        "error_code": said if place == "code" else "E",
        "validation_error_info": {"field_violations": [{"field": "f", "description": said}]},
        "resource_info": {"required_permissions": [said]},
    }
    app = App(lambda _r: refusal(400, said, headers={"x-request-id": said}, **info))
    if place == "token answer":
        app.token_handler = lambda _r: httpx.Response(401, json={"error": said})  # type: ignore[method-assign]
    with pytest.raises(ApiError) as caught:
        client(app).call("x", "GET", "/x")
    assert "you sent [secret]" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_server_that_repeats_the_token_does_not_get_it_shown() -> None:
    """Nor is any token that this process got."""
    app = App()
    app.handler = lambda r: refusal(
        401 if "token-0" in r.headers["authorization"] else 400, f"bad: {app.tokens}"
    )
    with pytest.raises(ApiError) as caught:
        client(app).call("x", "GET", "/x")
    assert "canary" not in str(caught.value)
    assert app.tokens == ["canary-token-0", "canary-token-1"]


def test_errors_of_the_network_are_discreet_and_printable() -> None:
    """A broken status line is quoted by the HTTP library: with neither secrets nor control characters."""
    app = App(lambda _r: httpx.RemoteProtocolError(f"illegal status line: {ESCAPE} {SECRET} canary-token-0"))
    with pytest.raises(ScalekitError) as caught:
        client(app, attempts=1).call("x", "GET", "/x")
    assert str(caught.value).isprintable()
    assert "canary" not in str(caught.value)


@given(status=st.integers(300, 599), body=JSON, header=st.text(st.characters(max_codepoint=255), max_size=50))
def test_any_refusal_is_a_printable_message(status: int, body: object, header: str) -> None:
    """Whatever shape an error has, it becomes a message."""
    error = api_error("x", status, {"x-request-id": header, "retry-after": header}, body)
    assert str(error).isprintable()


DETAIL = st.fixed_dictionaries(
    {},
    optional={
        "error_code": JSON,
        "validation_error_info": JSON | st.fixed_dictionaries({"field_violations": JSON}),
        "request_info": JSON | st.fixed_dictionaries({"request_id": JSON}),
        "resource_info": JSON | st.fixed_dictionaries({"required_permissions": JSON}),
    },
)


@given(st.fixed_dictionaries({"message": JSON, "details": st.lists(DETAIL | JSON, max_size=4) | JSON}))
def test_known_members_of_unknown_types_are_survived(body: dict[str, object]) -> None:
    """Where the contract says text there may be anything."""
    assert str(api_error("x", 400, {}, body)).startswith("x failed: Scalekit returned “")


@given(st.text(min_size=4, max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_no_form_of_a_secret_survives(secret: str, before: str, after: str) -> None:
    """Redaction removes a secret wherever it stands."""
    hide = Redaction(secret)
    for form in (secret, quote_plus(secret), json.dumps(secret)[1:-1]):
        shown = hide(before + form + after)
        assert form not in shown.replace("[secret]", "") or form in "[secret]"


def test_a_short_secret_is_removed_where_it_is_a_word() -> None:
    """A secret of up to three characters is not taken out of longer words, which would tell what it is."""
    assert Redaction("7")("port 7 of 1742, (7)") == "port [secret] of 1742, ([secret])"
