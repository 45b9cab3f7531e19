"""`curl`: the printed commands do what they say when a shell runs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pulumi_scalekit.definition.normalize import normalize_live
from pulumi_scalekit.errors import InvalidRequest
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.operations.curl import Command

from .conftest import SECRETS, Result, seed, writes
from .samples import ASANA, FRESHDESK, TAVILY, older_asana

Run = Callable[..., Result]
NASTY = """'; touch pwned; echo '"$(touch pwned)`touch pwned`\\ ${HOME} %s !! é\n\t#"""

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@pytest.fixture
def shell(environ: dict[str, str]) -> Callable[[str], str]:
    """Runs a printed script in a shell that has the credentials, and answers its output."""

    def call(script: str) -> str:
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            env={"PATH": os.environ["PATH"], **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


@needs_curl
def test_a_create_arrives_as_it_is(
    command: Run, shell: Callable[[str], str], dev: LocalScalekit, production: LocalScalekit
) -> None:
    """Whatever characters a definition has, the shell changes and runs none of them."""
    nasty = FRESHDESK | {"description": NASTY, "metadata": {"quo'te": NASTY}}
    seed(dev, nasty)
    before = writes(production)
    result = command("curl", "create", "My Freshdesk", "--from", "dev", "--env", "production")
    assert writes(production) == before
    shell(result.out)
    (created,) = production.store.providers()
    assert normalize_live(created.payload) == normalize_live(nasty)
    assert not Path("pwned").exists()


@needs_curl
def test_an_update_has_the_identifier(
    command: Run, shell: Callable[[str], str], dev: LocalScalekit, production: LocalScalekit
) -> None:
    """The identifier is that of the target's connector of the same name."""
    seed(dev, ASANA)
    (identifier,) = seed(production, older_asana())
    shell(command("curl", "update", "My Asana", "--from", "dev", "--env", "production").out)
    (updated,) = production.store.providers()
    assert (updated.identifier, normalize_live(updated.payload)) == (identifier, normalize_live(ASANA))


@needs_curl
def test_a_delete_has_the_identifier(
    command: Run, shell: Callable[[str], str], production: LocalScalekit
) -> None:
    """Only the connector that was named is deleted."""
    seed(production, ASANA, TAVILY)
    shell(command("curl", "delete", "Tavily", "--env", "production").out)
    assert [p.payload["display_name"] for p in production.store.providers()] == ["My Asana"]


@needs_curl
def test_without_a_token_nothing_is_sent(
    command: Run, environ: dict[str, str], production: LocalScalekit
) -> None:
    """Where the credentials are wrong, curl says so in a line, and the change is not tried."""
    seed(production, TAVILY)
    script = command("curl", "delete", "Tavily", "--env", "production").out
    before = production.requests.count("delete")
    wrong = {"PATH": os.environ["PATH"], **environ, "SCALEKIT_PRODUCTION_CLIENT_SECRET": "wrong"}
    done = subprocess.run(["sh", "-c", script], env=wrong, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "401" in done.stderr
    assert production.requests.count("delete") == before


def test_an_update_from_a_file(command: Run, production: LocalScalekit) -> None:
    """A file's payload is sent whole, whoever's answer it was; its errors are refused."""
    (identifier,) = seed(production, TAVILY)
    live = TAVILY | {"identifier": "OTHER:1", "id": "prov_1", "description": "New"}
    Path("payload.json").write_text(json.dumps(live))
    report = command(
        "curl", "update", "Tavily", "--file", "payload.json", "--env", "production", "--json"
    ).json
    assert report["method"] == "PUT"
    assert report["url"].endswith(f"/api/v1/custom-providers/{identifier.replace(':', '%3A')}")
    assert report["body"] == TAVILY | {"description": "New", "icon_src": "", "metadata": {}}
    Path("payload.json").write_text(json.dumps(TAVILY | {"proxy_url": "ftp://x"}))
    refused = command("curl", "update", "Tavily", "--file", "payload.json", "--env", "production")
    assert refused.code == 1
    assert "proxy_url must start with https://" in refused.err


def test_the_name_counts_beside_a_file(command: Run, production: LocalScalekit) -> None:
    """A file says what a connector becomes, and the name which one: a mistyped one is refused, not passed over."""
    seed(production, TAVILY)
    Path("payload.json").write_text(json.dumps(TAVILY))
    said = ("--file", "payload.json", "--env", "production")
    assert command("curl", "update", "Tavilly", *said).code == 1
    assert command("curl", "update", "tavily", *said).code == 0
    created = command("curl", "create", "Tavilly", *said)
    assert (created.code, created.out) == (2, "")
    assert "payload.json defines 'Tavily'" in " ".join(created.err.split())


def test_a_create_of_what_exists_is_refused(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """No command is printed that would make a duplicate."""
    seed(dev, TAVILY)
    (identifier,) = seed(production, TAVILY)
    result = command("curl", "create", "Tavily", "--from", "dev", "--env", "production")
    assert (result.code, result.out) == (1, "")
    assert identifier in result.err


def test_credentials_stay_in_variables(command: Run, production: LocalScalekit) -> None:
    """The commands name the profile's own variables, and hold neither secret nor token."""
    seed(production, TAVILY)
    out = command("curl", "delete", "Tavily", "--env", "production").out
    assert "client_secret=$SCALEKIT_PRODUCTION_CLIENT_SECRET" in out
    assert 'Authorization: Bearer $env_access_token"' in out
    assert SECRETS[1] not in out


def test_an_identifier_that_is_none_is_refused() -> None:
    """Nothing that is no identifier gets into a URL."""
    with pytest.raises(InvalidRequest):
        Command.of("DELETE", "https://x.example.com", "../connections/1")
