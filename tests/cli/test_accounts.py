"""`accounts`: the connected accounts of a connection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.settings import Settings

from .conftest import Result, seed
from .samples import ASANA, FRESHDESK

Run = Callable[..., Result]
KEY = "canary-key-4471"


@pytest.fixture
def connected(dev: LocalScalekit) -> LocalScalekit:
    """The environment `dev` with a connection `desk` of a BASIC connector and `asana` of an OAUTH one."""
    desk, asana = seed(dev, FRESHDESK, ASANA)
    with Client(Settings(dev.url, dev.client_id, dev.client_secret)) as client:
        Connections(client).create(name="desk", connector=desk, auth_type="BASIC")
        Connections(client).create(name="asana", connector=asana, auth_type="OAUTH")
    return dev


def test_an_account_by_link(command: Run, connected: LocalScalekit) -> None:
    """`create` prints a link and nothing else to standard output; its holder connects the account there."""
    made = command("accounts", "create", "desk", "user_1", "--env", "dev")
    assert made.code == 0
    link = made.out.strip()
    listed = command("accounts", "list", "desk", "--env", "dev", "--json").json
    assert [(a["identifier"], a["status"]) for a in listed] == [("user_1", "PENDING_AUTH")]
    values = {"domain": "acme.freshdesk.com", "username": KEY}
    httpx.post(link, data=values, follow_redirects=True).raise_for_status()
    again = command("accounts", "list", "desk", "--env", "dev")
    assert "user_1      ACTIVE" in again.out
    assert KEY not in again.text


def test_an_account_of_known_values(command: Run, connected: LocalScalekit, tmp_path: Path) -> None:
    """`create --field` stores the values where the auth pattern wants them; they are never shown."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    values = ("--field", "domain=acme.freshdesk.com", "--field", f"username=@{tmp_path / 'key'}")
    made = command("accounts", "create", "desk", "user_2", *values, "--env", "dev")
    assert made.code == 0
    (account,) = connected.store.accounts()
    details = account.authorization_details["static_auth"]["details"]
    assert details == {"username": KEY, "domain": "acme.freshdesk.com"}
    listed = command("accounts", "list", "desk", "--env", "dev", "--json")
    assert KEY not in made.text + listed.text


def test_an_account_that_is_there_is_not_replaced(command: Run, connected: LocalScalekit) -> None:
    """A second `create --field` says what to do; another refusal stays as it is."""
    create = ("accounts", "create", "desk", "user_1", "--field", f"username={KEY}", "--env", "dev")
    assert command(*create).code == 0
    again = command(*create)
    assert again.code == 1
    assert "has a connected account 'user_1' already" in again.err
    assert "`pulumi-scalekit accounts delete desk user_1`" in again.err
    called = command(
        "call", "My Freshdesk", "--account", "user_1", "--field", f"username={KEY}", "--env", "dev"
    )
    assert "already. Leave --field out to call as this one" in called.err
    connected.faults.add("account-create:error=400*1")
    other = command("accounts", "create", "desk", "user_2", "--field", f"username={KEY}", "--env", "dev")
    assert other.code == 1
    assert "already" not in other.err


def test_an_account_without_a_status(
    command: Run, connected: LocalScalekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the response has no status, none is shown."""
    monkeypatch.setattr("pulumi_scalekit.operations.accounts.create_account", lambda *_: {"id": "ca_1"})
    made = command("accounts", "create", "desk", "user_3", "--field", "username=x", "--env", "dev")
    assert made.out == "Created user_3 in desk.\n"


def test_an_account_is_deleted(command: Run, connected: LocalScalekit) -> None:
    """`delete` asks, which only a terminal can be; --yes does not. A second time there is nothing to delete."""
    command("accounts", "create", "desk", "user_3", "--env", "dev")
    refused = command("accounts", "delete", "desk", "user_3", "--env", "dev")
    assert refused.code == 1
    assert "nobody to ask" in refused.err
    assert len(list(connected.store.accounts())) == 1
    assert command("accounts", "delete", "desk", "user_3", "--yes", "--env", "dev").code == 0
    assert list(connected.store.accounts()) == []
    again = command("accounts", "delete", "desk", "user_3", "--yes", "--env", "dev")
    assert again.code == 1
    assert "no connected account 'user_3'" in again.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "nope"), "There is no connection named 'nope'"),
        (("list", "dekc"), "Did you mean 'desk'?"),
        (("create", "desk", "u", "--field", "dmain=x"), "the connector has no field dmain"),
        (("create", "asana", "u", "--field", "email=x"), "the connector has no field email"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    command: Run, connected: LocalScalekit, arguments: tuple[str, ...], message: str
) -> None:
    """Each mistake is one line that names it, and nothing is created."""
    done = command("accounts", *arguments, "--env", "dev")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert message in done.err
    assert list(connected.store.accounts()) == []
