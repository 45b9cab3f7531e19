"""`compare` and `promote` of connections: what is the same elsewhere, and what belongs to an environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.operations.compare_connections import ConnectionComparison
from pulumi_scalekit.operations.connections import LiveConnection
from pulumi_scalekit.operations.ownership import Ownership
from pulumi_scalekit.operations.promote import divide_connections
from pulumi_scalekit.operations.state import Managed

from .conftest import Result, connect, seed, writes
from .samples import ASANA, FRESHDESK, GITHUB, TAVILY
from .test_compare import DEV, PAIR, PRODUCTION

Run = Callable[..., Result]
DEV_APP = {"client_id": "dev-app", "client_secret": "canary-dev", "scopes": ["email", "profile"]}
PRODUCTION_APP = {"client_id": "production-app", "client_secret": "canary-production", "scopes": ["email"]}


def settings(scalekit: LocalScalekit, name: str) -> dict[str, Any]:
    """The stored settings of a connection's OAuth application."""
    connection = scalekit.store.get_connection(name=name)
    assert connection is not None
    found: dict[str, Any] = connection.settings["oauth_config"]
    return found


def actions(result: Result) -> dict[str, str]:
    """The actions of a comparison, by name."""
    return {c["connection_name"]: c["action"] for c in result.json["connections"]}


@pytest.fixture
def asanas(dev: LocalScalekit, production: LocalScalekit) -> tuple[str, str]:
    """A connector that is the same in both environments."""
    return seed(dev, ASANA)[0], seed(production, ASANA)[0]


def test_settings_are_compared_and_credentials_are_not(
    command: Run, dev: LocalScalekit, production: LocalScalekit, asanas: tuple[str, str]
) -> None:
    """Scopes in another order are the same; client ids and secrets belong to an environment."""
    connect(dev, "asana", asanas[0], app=DEV_APP)
    connect(production, "asana", asanas[1], app={**PRODUCTION_APP, "scopes": ["profile", "email"]})
    connect(production, "legacy", asanas[1])
    shown = command("compare", *PAIR, "--json", "--exit-code")
    assert (shown.code, actions(shown)) == (0, {"asana": "same", "legacy": "only in target"})
    connect(dev, "legacy", asanas[0], app={**DEV_APP, "prompt": "consent"})
    shown = command("compare", *PAIR, "--json", "--exit-code")
    assert (shown.code, actions(shown)) == (3, {"asana": "same", "legacy": "update"})
    (change,) = [c["changes"][1] for c in shown.json["connections"] if c["changes"]]
    assert change == {"path": "oauth_app.prompt", "source": "consent", "target": None, "proposed": "consent"}
    text = command("compare", *PAIR).text
    assert "Client ids and client secrets belong to an environment: not compared." in text
    assert "canary" not in text
    assert "connections" not in command("compare", *PAIR, "--no-connections").text.lower()


def test_an_update_keeps_the_credentials_of_the_target(
    command: Run, dev: LocalScalekit, production: LocalScalekit, asanas: tuple[str, str]
) -> None:
    """Scopes are promoted, what only the target sets is emptied, and its client id and secret stay."""
    connect(dev, "asana", asanas[0], app=DEV_APP)
    connect(production, "asana", asanas[1], app={**PRODUCTION_APP, "prompt": "login", "pkce_enabled": True})
    before = writes(dev)
    report = command("promote", *PAIR, "--yes", "--json").json["connections"]
    assert [(c["connection_name"], c["promoted"]) for c in report] == [("asana", True)]
    stored = settings(production, "asana")
    assert (stored["client_id"], stored["client_secret"]) == ("production-app", "canary-production")
    assert stored["scopes"] == DEV_APP["scopes"]
    assert not stored["prompt"]
    assert writes(dev) == before
    again = command("compare", *PAIR, "--json", "--exit-code")
    assert (again.code, actions(again)) == (0, {"asana": "same"})


def test_what_needs_no_secret_is_created(command: Run, dev: LocalScalekit, production: LocalScalekit) -> None:
    """Connections of static types and over MCP come after their new connectors; another one is left, by name."""
    asana, freshdesk, github, tavily = seed(dev, ASANA, FRESHDESK, GITHUB, TAVILY)
    connect(dev, "asana", asana, app=DEV_APP)
    connect(dev, "desk", freshdesk, "BASIC", auth_mode="ORG_WIDE", context={"domain": "acme.freshdesk.com"})
    connect(dev, "github", github)
    connect(dev, "tavily", tavily, "BEARER")
    result = command("promote", *PAIR, "--yes")
    assert result.code == 3
    assert "! left to you: it needs an OAuth application of production" in result.out
    made = {c.name: c for c in production.store.connections()}
    assert sorted(made) == ["desk", "github", "tavily"]
    assert (made["desk"].auth_mode, made["desk"].resolved_proxy_url) == (
        "ORG_WIDE",
        "https://acme.freshdesk.com/api",
    )
    identifiers = {p.identifier for p in production.store.providers()}
    assert {c.provider_key for c in made.values()} <= identifiers
    before = writes(production)
    assert command("promote", *PAIR, "--yes").code == 3
    assert writes(production) == before
    assert "canary" not in result.text


def test_what_cannot_change_in_place_is_left(
    command: Run, dev: LocalScalekit, production: LocalScalekit, asanas: tuple[str, str]
) -> None:
    """Another mode would make another connection, so it is named and nothing is written."""
    connect(dev, "asana", asanas[0], app=DEV_APP, auth_mode="ORG_WIDE")
    connect(production, "asana", asanas[1], app=PRODUCTION_APP)
    before = writes(production)
    result = command("promote", *PAIR, "--yes", "--json")
    assert result.code == 3
    (connection,) = result.json["connections"]
    assert connection["action"] == "replace"
    assert connection["left_to_do"].startswith(
        "auth_mode cannot change in place: delete it in production first"
    )
    assert writes(production) == before


def test_what_fails_is_named(command: Run, dev: LocalScalekit, production: LocalScalekit) -> None:
    """A connection whose connector was refused is not created; another one is, and the next run does the rest."""
    asana, tavily = seed(dev, {**GITHUB, "display_name": "Asana"}, TAVILY)
    connect(dev, "asana", asana)
    connect(dev, "tavily", tavily, "BEARER")
    production.faults.add("create:error=400*1")
    result = command("promote", *PAIR, "--yes")
    assert result.code == 1
    assert "error: asana: the target has no connector 'Asana': promote that first" in result.err
    assert [c.name for c in production.store.connections()] == ["tavily"]
    production.faults.clear()
    assert command("promote", *PAIR, "--yes").code == 0
    assert sorted(c.name for c in production.store.connections()) == ["asana", "tavily"]


def test_half_a_comparison_is_none(
    command: Run, dev: LocalScalekit, production: LocalScalekit, asanas: tuple[str, str]
) -> None:
    """Where one environment does not show its connections, none is called new."""
    connect(dev, "asana", asanas[0], app=DEV_APP)
    production.faults.add("connection-list:error=403")
    result = command("compare", *PAIR, "--json")
    assert result.json["connections"] == []
    assert "Without connections, which may not be read" in result.err


def test_a_connection_that_moves_meanwhile_is_not_overwritten(
    command: Run,
    dev: LocalScalekit,
    production: LocalScalekit,
    asanas: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What somebody changed between the comparison and the writes stops the promotion."""
    from pulumi_scalekit.cli import promote

    connect(dev, "asana", asanas[0], app=DEV_APP)
    connect(production, "asana", asanas[1], app=PRODUCTION_APP)

    def touch(*_arguments: object, **_more: object) -> None:
        made = production.store.get_connection(name="asana")
        assert made is not None
        changed = {"oauth_config": {**PRODUCTION_APP, "prompt": "login"}}
        production.store.update_connection(made.id, lambda stored: replace(stored, settings=changed))

    monkeypatch.setattr(promote, "_ask", touch)
    result = command("promote", *PAIR)
    assert result.code == 1
    assert "Nothing was changed: asana changed in the meantime" in result.err
    assert settings(production, "asana")["scopes"] == PRODUCTION_APP["scopes"]


def _compared(name: str, *, in_target: bool) -> ConnectionComparison:
    def side(id_: str) -> LiveConnection:
        return LiveConnection(id_, name, {}, {"display_name": "CRM"}, {"auth_type": "BEARER"})

    action = "update" if in_target else "create"
    target = side(f"production-{name}") if in_target else None
    return ConnectionComparison(name, "CRM", action, side(f"dev-{name}"), target)  # type: ignore[arg-type]


def test_what_stacks_manage_is_left_to_them() -> None:
    """A connection that the target's stack manages, or would make, is not written behind its back."""
    managed = {
        (PRODUCTION, "production-one"): Managed("production", "one", "production-one", PRODUCTION, "urn"),
        (DEV, "dev-two"): Managed("dev", "two", "dev-two", DEV, "urn"),
    }
    compared = [
        _compared("one", in_target=True),
        _compared("two", in_target=False),
        _compared("three", in_target=True),
    ]
    ownership = Ownership({}, {PRODUCTION: {"production"}}, managed)
    free, blocked = divide_connections(compared, ownership, DEV, PRODUCTION)
    assert [c.name for c in free] == ["three"]
    assert [(b.comparison.name, b.stack) for b in blocked] == [("one", "production"), ("two", "production")]
    assert "declared by the program as 'two'" in blocked[1].reason
