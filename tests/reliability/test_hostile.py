"""Hostile definitions and hostile servers, by fuzzing: a clear error or a success, and never a stray request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi.dynamic import CreateResult

from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.api.paths import checked_identifier
from pulumi_scalekit.provider.connector import ConnectorProvider
from pulumi_scalekit.provider.failures import Failure
from pulumi_scalekit.provider.session import Session
from pulumi_scalekit.settings import Settings

from ..api.apps import HOST, SECRET, URL, App, Environment, client
from ..support.definitions import ALL, bearer
from ..support.host import over_the_wire

NASTY = st.sampled_from(
    [
        "",
        "..",
        "%2f",
        "a\r\nX-Evil: 1",
        "\x00",
        "\x1b[2J",
        "\x9b31m",
        "\u202e",
        "https://evil.example.org",
        "https://u:p@h/{{",
        "{{domain}}",
        "https://" + "a" * 3000,
        "a" * 70_000,
        "🦊" * 300,
        "C:1",
        "CUSTOM",
    ]
)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | NASTY
)


def json_of(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """JSON values whose mappings have these keys."""
    return st.recursive(
        SCALAR,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=25,
    )


def keys_in(value: Any) -> set[str]:
    """Every key of a JSON value, at any depth."""
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in keys_in(item)}
    return {key for item in value for key in keys_in(item)} if isinstance(value, list) else set()


DEFINITION_KEYS = sorted(keys_in(list(ALL)))
ANSWER_KEYS = [
    *["providers", "provider", "identifier", "id", "next_page_token", "access_token", "expires_in"],
    *["code", "message", "details", "error_code", "validation_error_info", "field_violations", "error"],
    *["request_info", "resource_info", "required_permissions", "connections", "connected_accounts", "key_id"],
    *DEFINITION_KEYS,
]
# A valid definition with values replaced at random gets further than one that is random from the start.
DEFINITION = st.builds(
    lambda base, changes: {**base, **changes},
    st.sampled_from(ALL),
    st.dictionaries(
        st.sampled_from(DEFINITION_KEYS), json_of(st.sampled_from(DEFINITION_KEYS) | NASTY), max_size=4
    ),
)
ANSWER = st.builds(
    httpx.Response,
    st.sampled_from([200, 201, 204, 301, 307, 400, 401, 403, 404, 409, 429, 500, 503]),
    headers=st.dictionaries(
        st.sampled_from(["location", "retry-after", "x-request-id", "content-type", "set-cookie"]),
        st.sampled_from(["https://evil.example.org/", "0", "-1", "nan", "a" * 5000, "text/html", "x=1"]),
        max_size=3,
    ),
    content=st.binary(max_size=50)
    | json_of(st.sampled_from(ANSWER_KEYS)).map(lambda v: json.dumps(v).encode()),
)
ROUNDS = settings(suppress_health_check=list(HealthCheck))


def provider_of(app: Callable[[httpx.Request], httpx.Response]) -> ConnectorProvider:
    """A provider that talks to an application."""
    provider = ConnectorProvider()
    provider._session = Session(Settings(URL, "skc_test", SECRET))
    api = client(app, backoff=0, attempts=2, rate_limit_wait=0.0)
    provider._session._opened = Connectors(api), Connections(api)
    return provider


def survive(call: Callable[[], Any]) -> Any:
    """What a call answers, or `None` where it fails as it should: with a message, and not with a defect."""
    try:
        return call()
    except Failure as failure:
        message = str(failure)
    assert "failed unexpectedly" not in message, message
    assert message.isprintable(), message
    assert "canary" not in message
    return None


@ROUNDS
@given(DEFINITION)
def test_any_definition_is_checked_or_refused(definition: dict[str, Any]) -> None:
    """Nothing that a program can declare makes the provider fail, or make a request that it should not."""
    app = Environment()
    provider = provider_of(app)
    checked = survive(lambda: provider.check({}, over_the_wire(definition)))
    if checked is not None and not checked.failures:
        created = survive(lambda: provider.create(over_the_wire(checked.inputs)))
        if created is not None:
            state = over_the_wire(created.outs)
            assert provider.diff(created.id, state, over_the_wire(checked.inputs)).changes is False
            survive(lambda: provider.read(created.id, state))
            survive(lambda: provider.update(created.id, state, over_the_wire(checked.inputs)))
            survive(lambda: provider.delete(created.id, state))
    assert {request.url.host for request in app.requests} <= {HOST}
    assert all(request.url.path.startswith(("/api/v1/", "/oauth/token")) for request in app.requests)


@ROUNDS
@given(st.lists(ANSWER, min_size=1, max_size=8), st.booleans())
def test_any_answer_is_used_or_refused(answers: list[httpx.Response], token_too: bool) -> None:
    """Nothing that a server can say makes the provider fail, hang, or talk to anybody else."""
    turn = iter(range(10**6))

    def reply(_request: httpx.Request) -> httpx.Response:
        answer = answers[next(turn) % len(answers)]
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    app = App(reply)
    if token_too:
        app.token_handler = reply  # type: ignore[method-assign]
    provider = provider_of(app)
    declared = bearer("Connector 1")
    state = {**declared, "identifier": "C:1", "environment_url": URL}
    for call in (
        lambda: provider.check({}, over_the_wire(declared)),
        lambda: provider.check({}, over_the_wire({**declared, "adopt": True})),
        lambda: provider.create(over_the_wire(declared)),
        lambda: provider.create(over_the_wire({**declared, "adopt": "C:1"})),
        lambda: provider.read("C:1", over_the_wire(state)),
        lambda: provider.update(
            "C:1", over_the_wire(state), over_the_wire({**declared, "description": "new"})
        ),
        lambda: provider.delete("C:1", over_the_wire(state)),
    ):
        result = survive(call)
        if isinstance(result, CreateResult):
            assert checked_identifier(result.id)
        for outputs in (getattr(result, "outs", None), getattr(result, "inputs", None)):
            over_the_wire(outputs)  # what is kept goes back to Pulumi in one piece
    assert {request.url.host for request in app.requests} <= {HOST}
    assert len(app.requests) < 200


@pytest.mark.parametrize("levels", [10, 25, 200])
def test_a_deep_definition_is_no_defect(levels: int) -> None:
    """However deep the keys that nobody declared are nested."""
    value: Any = "core"
    for _ in range(levels):
        value = {"x": value}
    definition = bearer("Deep")
    definition["auth_patterns"] = [{**definition["auth_patterns"][0], "x_vendor": value}]
    provider = provider_of(Environment())
    checked = survive(lambda: provider.check({}, definition))
    if checked is not None and not checked.failures:
        survive(lambda: provider.create(checked.inputs))
