"""Connections under every fault, and in processes that die: made once, complete, and nothing left to do."""

from __future__ import annotations

import itertools
import random

import pytest

from pulumi_scalekit.local import LocalScalekit

from .connection_matrix import AS_FOR_CONNECTORS, Cell, cells, play
from .connection_stack import ConnectionStack, Declared, check, empty_with_connectors, oauth, static

CELLS = [
    # What means the same for connectors is the same loop, whatever it strikes.
    pytest.param(
        cell,
        id=str(cell),
        marks=[pytest.mark.thorough]
        if cell.operation != "create" and cell.fault.name in AS_FOR_CONNECTORS
        else [],
    )
    for cell in cells()
]


@pytest.mark.parametrize("cell", CELLS)
def test_the_invariant_holds(environment: LocalScalekit, cell: Cell) -> None:
    """Exactly the declared connections with their settings, state as live; in as many runs as told."""
    assert play(cell, environment) == cell.fault.outcome


def test_a_process_that_dies_after_any_request(environment: LocalScalekit) -> None:
    """Whichever request is the last one, the next run makes each connection complete, and none twice."""
    for requests in itertools.count(1):
        identifiers = empty_with_connectors(environment)
        declared = {"crm": oauth(identifiers, "crm", prompt="consent"), "two": oauth(identifiers, "two")}
        stack = ConnectionStack(environment, threads=1)
        died = stack.run_until_death(lambda declared=declared, stack=stack: stack.up(declared), requests)  # type: ignore[misc]
        run = stack.up(declared)
        if not run.succeeded:
            # It was complete, and no state knew of it.
            assert all("SCALEKIT_ADOPT_IDENTICAL=true" in message for message in run.errors), run.errors
            stack.settings["adoptIdentical"] = True
            run = stack.up(declared)
        assert run.succeeded, (requests, run.errors)
        check(stack, declared)
        if not died:
            break
    assert requests > 8, "a create takes several requests"


def test_a_complete_one_is_taken_over_where_that_is_allowed(environment: LocalScalekit) -> None:
    """Of a static type there is no draft: what a stopped run made is refused, with the setting that takes it over."""
    identifiers = empty_with_connectors(environment)
    declared = {"one": static(identifiers, "one")}
    stack = ConnectionStack(environment)
    assert stack.run_until_death(lambda: stack.up(declared), 2)
    (made,) = environment.store.connections()
    run = stack.up(declared)
    assert len(run.errors) == 1
    assert f"exists already in {environment.url}: {made.id}. Nothing was created." in run.errors[0]
    assert "SCALEKIT_ADOPT_IDENTICAL=true" in run.errors[0]
    other = {"one": static(identifiers, "one", auth_mode="ORG_WIDE")}
    assert not ConnectionStack(environment, adoptIdentical=True).up(other).succeeded, "it is not as declared"
    stack.settings["adoptIdentical"] = True
    assert stack.up(declared).succeeded
    check(stack, declared)


def test_another_draft_is_not_taken_up(environment: LocalScalekit) -> None:
    """A draft with another mode or another context is somebody else's."""
    identifiers = empty_with_connectors(environment)
    stack = ConnectionStack(environment)
    declared = {"one": oauth(identifiers, "one")}
    mode = {"one": {**declared["one"], "auth_mode": "ORG_WIDE"}}
    context = {"one": {**declared["one"], "context": {"domain": "acme.example.com"}}}
    assert stack.run_until_death(lambda: stack.up(mode), 2)
    for other in (declared, context):
        assert "exists already" in "".join(ConnectionStack(environment).up(other).errors)
    assert stack.up(mode).succeeded
    check(stack, mode)


def test_another_environment_is_not_touched(environment: LocalScalekit) -> None:
    """A connection that was made elsewhere is neither changed, read, replaced nor deleted."""
    identifiers = empty_with_connectors(environment)
    declared = {"one": oauth(identifiers, "one")}
    stack = ConnectionStack(environment)
    assert stack.up(declared).succeeded
    stack.state["one"].inputs["environment_url"] = "https://elsewhere.example.com"
    stack.state["one"].outputs["environment_url"] = "https://elsewhere.example.com"
    environment.requests.clear()
    for run in (stack.up({"one": oauth(identifiers, "one", prompt="x")}), stack.refresh(), stack.up({})):
        (message,) = run.errors
        assert "lives in https://elsewhere.example.com" in message
    assert environment.requests.count("connection-update") == 0
    assert environment.requests.count("connection-delete") == 0


def test_one_in_use_stays(environment: LocalScalekit) -> None:
    """A delete that accounts stand in the way of names them; when they are gone, the next run does it."""
    identifiers = empty_with_connectors(environment)
    stack = ConnectionStack(environment)
    assert stack.up({"one": static(identifiers, "one")}).succeeded
    client = stack._host().provider._session.connections.client
    details = {"authorization_details": {"static_auth": {"details": {"token": "t"}}}}
    body = {"connector": "one", "identifier": "user_1", "connected_account": details}
    client.call("make an account", "POST", "/api/v1/connected_accounts", body=body)
    (message,) = stack.up({}).errors
    assert "Remove these connected accounts first, then run again: user_1" in message
    assert list(stack.state) == ["one"]
    gone = {"connector": "one", "identifier": "user_1"}
    client.call("remove it", "POST", "/api/v1/connected_accounts:delete", body=gone)
    assert stack.up({}).succeeded
    check(stack, {})


FAULTS = (
    "connection-create:drop-after-commit*1",
    "connection-create:error=503*1",
    "connection-create:error=400*1",
    "connection-create:cut*1",
    "connection-update:error=400*1",
    "connection-update:drop-after-commit*1",
    "connection-update:error=500*2",
    "connection-get:error=503*1",
    "connection-list:error=503*1",
    "connection-list:stale=2",
    "connection-delete:drop-after-commit*1",
    "connection-delete:error=400*1",
    "any:rate-limited=0*2",
    "any:token-revoked*1",
)


def edited(chance: random.Random, identifiers: dict[str, str]) -> Declared:
    """A program with some of six connections, each as it may be edited in place."""
    program = {}
    for number in chance.sample(range(6), chance.randint(1, 6)):
        name = f"c{number}" if chance.random() < 0.8 else f"c{number} renamed"
        if number % 3 == 0:
            program[f"c{number}"] = static(identifiers, name, enabled=chance.random() < 0.5)
        else:
            settings = {
                "prompt": chance.choice(("consent", "login")),
                "client_secret": chance.choice("abc") * 8,
            }
            scopes = chance.sample(("read", "write"), chance.randint(1, 2))
            program[f"c{number}"] = oauth(identifiers, name, scopes=scopes, **settings)
    return program


@pytest.mark.parametrize(
    "seed", [*range(2), *(pytest.param(n, marks=pytest.mark.thorough) for n in range(2, 40))]
)
def test_random_programs(environment: LocalScalekit, seed: int) -> None:
    """After edits, faults and dead processes, a quiet run ends with exactly what is declared."""
    chance = random.Random(seed)
    identifiers = empty_with_connectors(environment)
    stack = ConnectionStack(environment, threads=chance.choice((1, 4)), attempts=3, adoptIdentical=True)
    declared: Declared = {}
    is_finished = True
    for _ in range(8):
        # What failed or died with an unknown outcome is finished before it is changed or dropped, as messages say.
        declared = {**edited(chance, identifiers), **({} if is_finished else declared)}
        for fault in chance.sample(FAULTS, chance.randint(0, 2)):
            environment.faults.add(fault)
        program = declared
        if chance.random() < 0.4:
            died = stack.run_until_death(lambda program=program: stack.up(program), chance.randint(1, 12))  # type: ignore[misc]
            is_finished = not died and stack.up(program).succeeded
        else:
            is_finished = stack.up(program).succeeded
        environment.faults.clear()
        if chance.random() < 0.3:
            assert stack.refresh().succeeded
    assert stack.refresh().succeeded
    run = stack.up(declared)
    assert run.succeeded, run.errors
    check(stack, declared)
