"""What is tried again, how often, and after how long."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest

from pulumi_scalekit.errors import ApiError, Interrupted, RateLimited, ScalekitError, ServerError, Unreachable

from .apps import App, Reply, Script, at_once, client, ok, refusal

PASSING: dict[str, Reply] = {
    "500": refusal(500),
    "502 with HTML": httpx.Response(502, html="<h1>Bad gateway</h1>"),
    "503": refusal(503),
    "504": refusal(504),
    "408": refusal(408),
    "no connection": httpx.ConnectError("refused"),
    "connect timeout": httpx.ConnectTimeout("slow"),
    "read timeout": httpx.ReadTimeout("slow"),
    "dropped": httpx.RemoteProtocolError("Server disconnected without sending a response."),
    "reset": httpx.ReadError("reset"),
    "cannot send": httpx.WriteError("broken pipe"),
    "broken JSON": httpx.Response(200, content=b'{"a": '),
    "no JSON object": httpx.Response(200, json=[1]),
}
NEVER_SENT = {"no connection", "connect timeout"}


@pytest.mark.parametrize("failure", PASSING)
def test_a_passing_failure_is_repeated(failure: str) -> None:
    """What may be repeated is, and its success is the answer."""
    app = App(Script(PASSING[failure], PASSING[failure], ok({"done": True})))
    assert client(app).call("x", "PUT", "/x", body={}) == {"done": True}
    assert app.count("/x") == 3


@pytest.mark.parametrize("failure", PASSING)
def test_repetitions_are_bounded(failure: str) -> None:
    """A failure that does not pass is tried `attempts` times, and told in one line."""
    app = App(Script(PASSING[failure]))
    with pytest.raises(ScalekitError) as caught:
        client(app, attempts=4).call("update things", "PUT", "/x", body={})
    assert app.count("/x") == 4
    assert str(caught.value).startswith("update things failed: ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("failure", PASSING)
def test_an_unknown_outcome_is_left_to_the_caller(failure: str) -> None:
    """What may not be repeated is sent once, unless it surely did not arrive."""
    app = App(Script(PASSING[failure]))
    with pytest.raises(ScalekitError) as caught:
        client(app, attempts=3).call("x", "POST", "/x", body={}, repeatable=False)
    assert app.count("/x") == (3 if failure in NEVER_SENT else 1)
    assert getattr(caught.value, "ambiguous", None) is (failure not in NEVER_SENT)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 413, 422, 451])
def test_a_refusal_is_final(status: int) -> None:
    """What Scalekit refuses is not sent again, and is not of unknown outcome."""
    app = App(lambda _r: refusal(status, "because"))
    with pytest.raises(ApiError, match=f"because.*HTTP {status}") as caught:
        client(app).call("x", "PUT", "/x", body={})
    assert app.count("/x") == 1
    assert not caught.value.ambiguous


def test_an_error_says_whether_an_earlier_attempt_may_have_worked() -> None:
    """A 404 after a dropped connection may be the answer to the second of two deletes."""
    for first, repeated in (
        (httpx.ReadError("cut"), True),
        (refusal(429, headers={"retry-after": "0"}), False),
    ):
        app = App(Script(first, refusal(404)))
        with pytest.raises(ApiError) as caught:
            client(app).call("x", "DELETE", "/x")
        assert caught.value.repeated is repeated


def test_an_earlier_attempt_is_remembered_across_a_new_token() -> None:
    """Also where the token ended between the two."""
    app = App(Script(httpx.ReadError("cut"), refusal(401), refusal(404)))
    with pytest.raises(ApiError) as caught:
        client(app).call("x", "DELETE", "/x")
    assert caught.value.repeated


# --- Rate limits ------------------------------------------------------------------------------------------------


SOON = 60
"""Seconds that no call takes on a slow machine, and less than any that is waited for where it should not be."""


def http_date(seconds: float) -> str:
    """A date in the future, as headers have it."""
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date", "date by the server's clock"])
def test_retry_after_is_waited_for(status: int, form: str) -> None:
    """The server's own time is kept, in both forms that a header may have."""

    def refused() -> httpx.Response:
        headers = {
            "seconds": {"retry-after": "1"},
            "date": {"retry-after": http_date(2)},
            "date by the server's clock": {"retry-after": http_date(7201), "date": http_date(7200)},
        }[form]
        return refusal(status, headers=headers)

    app = App(Script(refused, ok()))
    began = time.monotonic()
    client(app, rate_limit_wait=5.0).call("x", "POST", "/x", body={})
    assert 0.9 < time.monotonic() - began < SOON


def test_a_rate_limited_create_is_sent_again() -> None:
    """A 429 is no unknown outcome: what may not be repeated is safe to repeat after it."""
    app = App(Script(refusal(429), refusal(429, headers={"retry-after": "0"}), ok({"n": 1})))
    assert client(app).call("x", "POST", "/x", body={}, repeatable=False) == {"n": 1}


@pytest.mark.parametrize("after", ["86400", "999999999999", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_time_beyond_the_cap_is_not_waited_for(after: str) -> None:
    """A `Retry-After` beyond the cap fails at once, for every thread, with the settings that change it."""
    app = App(lambda _r: refusal(429, "slow down", headers={"retry-after": after}))
    api = client(app, parallel=4)
    began = time.monotonic()
    for result in at_once(8, lambda _: api.call("x", "GET", "/x")):
        assert isinstance(result, RateLimited)
        assert "SCALEKIT_RATE_LIMIT_WAIT" in str(result)
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("after", ["nan", "-1", "inf", "soon", "", "1e3", "Thu, 99 Foo 2024", "9" * 400])
def test_a_senseless_retry_after_is_ignored(after: str) -> None:
    """What is no time is no reason to wait forever, or not at all."""
    app = App(Script(refusal(429, headers={"retry-after": after}), ok()))
    began = time.monotonic()
    client(app).call("x", "GET", "/x")
    assert 0.03 < time.monotonic() - began < SOON


@pytest.mark.parametrize("headers", [{}, {"retry-after": "0"}])
def test_a_rate_limit_without_an_end_ends_the_call(headers: dict[str, str]) -> None:
    """Where nothing comes through for as long as the cap, the call fails; the pauses grow meanwhile."""
    app = App(lambda _r: refusal(429, headers=headers))
    began = time.monotonic()
    with pytest.raises(RateLimited):
        client(app, rate_limit_wait=1.0).call("x", "GET", "/x")
    assert time.monotonic() - began < SOON
    assert 2 <= app.count("/x") <= 7


def test_a_slow_environment_is_waited_for_as_long_as_it_gets_on() -> None:
    """The cap starts again with each call that comes through: slow is not stuck."""
    recent: deque[float] = deque()
    lock = threading.Lock()

    def limited(_request: httpx.Request) -> httpx.Response:
        now = time.monotonic()
        with lock:
            while recent and recent[0] < now - 1:
                recent.popleft()
            if len(recent) >= 5:
                return refusal(429, headers={"retry-after": "1"})
            recent.append(now)
            return ok()

    api = client(App(limited), rate_limit_wait=2.0)
    began = time.monotonic()
    assert at_once(18, lambda _: api.call("x", "GET", "/x")) == [{}] * 18
    assert time.monotonic() - began > 2.5


def test_the_upstreams_rate_limit_is_not_scalekits() -> None:
    """`TOOL_ERROR` is the limit of the service behind a connector: waiting for it helps nobody."""
    app = App(lambda _r: refusal(429, error_code="TOOL_ERROR"))
    api = client(app)
    with pytest.raises(RateLimited):
        api.call("x", "GET", "/x")
    assert app.count("/x") == 1
    assert api.concurrency.limit == 32


def test_an_unavailable_service_is_not_waited_for_beyond_the_cap() -> None:
    """A 503 with a long `Retry-After` fails, and leaves the other threads alone."""
    app = App(lambda r: ok() if r.url.path == "/y" else refusal(503, headers={"retry-after": "3600"}))
    api = client(app)
    with pytest.raises(ServerError):
        api.call("x", "GET", "/x")
    began = time.monotonic()
    assert api.call("y", "GET", "/y") == {}
    assert time.monotonic() - began < SOON


def test_messages_of_the_network_have_a_remedy() -> None:
    """An unreachable host and an unfinished answer read differently."""
    app = App(lambda r: httpx.ConnectError("[Errno 111] Connection refused"))
    with pytest.raises(
        Unreachable,
        match=r"cannot reach https://env.example.com \(\[Errno 111\].*Check the environment's URL",
    ):
        client(app, attempts=1).call("x", "GET", "/x")
    app.handler = lambda r: httpx.ReadTimeout("")
    with pytest.raises(Interrupted, match=r"sent no response within 5 seconds\. Run again in a minute"):
        client(app, attempts=1).call("x", "GET", "/x")


QUIET = """
import httpx
from pulumi_scalekit.api.client import Client
from pulumi_scalekit.errors import ServerError
from pulumi_scalekit.settings import Settings
app = lambda request: httpx.Response(503)
client = Client(Settings("https://env.example.com", "a", "b", backoff=0.001), transport=httpx.MockTransport(app))
try:
    client.call("x", "GET", "/x")
except ServerError:
    pass
"""


def test_repetitions_are_silent() -> None:
    """Nothing lands on standard output or error, inside Pulumi the user's screen."""
    done = subprocess.run(
        [sys.executable, "-c", QUIET], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout + done.stderr == ""
