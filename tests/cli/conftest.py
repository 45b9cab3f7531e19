"""Two environments, and the command run against them in this very process."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from pulumi_scalekit import local
from pulumi_scalekit.api import paths
from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.cli.app import run
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.settings import Settings

SNAPSHOTS = Path(__file__).parent / "snapshots"
SECRETS = ("dev-secret-0c91", "production-secret-77ab")
"""The client secrets of both environments: they may appear in no output."""


@dataclass(frozen=True)
class Result:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def text(self) -> str:
        """All that it printed."""
        return self.out + self.err


class Run(Protocol):
    """Runs the command."""

    def __call__(
        self,
        *arguments: str,
        terminal: bool = False,
        stdin: str | None = None,
        environ: Mapping[str, str] = ...,
    ) -> Result:
        """Run it with these arguments."""


@pytest.fixture
def dev() -> Iterator[LocalScalekit]:
    """The environment `dev`."""
    with local.running(client_id="skc_dev", client_secret=SECRETS[0]) as running:
        yield running


@pytest.fixture
def production() -> Iterator[LocalScalekit]:
    """The environment `production`."""
    with local.running(client_id="skc_production", client_secret=SECRETS[1]) as running:
        yield running


@pytest.fixture
def environ(dev: LocalScalekit, production: LocalScalekit) -> dict[str, str]:
    """The variables that name both environments, and that make repetitions quick."""
    return {"SCALEKIT_BACKOFF": "0.01", "SCALEKIT_LIST_DELAY": "0.2"} | {
        f"SCALEKIT_{name}_{key.removeprefix('SCALEKIT_')}": value
        for name, scalekit in (("DEV", dev), ("PRODUCTION", production))
        for key, value in scalekit.env.items()
    }


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], tmp_path: Path
) -> Callable[..., Result]:
    """Runs `pulumi-scalekit` in an empty directory, and checks that it shows no secret and no traceback.

    With `terminal`, it prints as to a terminal of 80 columns without colour.
    """
    for key in list(os.environ):
        if key.startswith(("SCALEKIT_", "PULUMI_")):
            monkeypatch.delenv(key)
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)

    def call(
        *arguments: str,
        terminal: bool = False,
        stdin: str | None = None,
        environ: Mapping[str, str] = environ,
    ) -> Result:
        out, err = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", "80")
            patch.setenv("NO_COLOR", "1")
            patch.setenv("TERM", "dumb" if not terminal else "xterm")
            if terminal:
                patch.setenv("FORCE_COLOR", "1")
            for key, value in environ.items():
                patch.setenv(key, value)
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setattr(sys, "stdin", io.StringIO(stdin or ""))
            with pytest.raises(SystemExit) as ended:
                run(list(arguments))
        code = ended.value.code
        result = Result(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
        assert "Traceback" not in result.text, result.text
        assert not [secret for secret in SECRETS if secret in result.text], result.text
        return result

    return call


def seed(scalekit: LocalScalekit, *definitions: Mapping[str, Any]) -> list[str]:
    """Create connectors, duplicates too, and return their identifiers."""
    settings = Settings(scalekit.url, scalekit.client_id, scalekit.client_secret)
    with Client(settings) as client:
        made = [client.call("create", "POST", paths.CUSTOM_PROVIDERS, body=dict(d)) for d in definitions]
        return [str(response["provider"]["identifier"]) for response in made]


def connect(
    scalekit: LocalScalekit,
    name: str,
    connector: str,
    auth_type: str = "OAUTH",
    app: Mapping[str, Any] | None = None,
    **more: Any,
) -> str:
    """Create a connection with its OAuth application, if it has one, and return its id."""
    settings = Settings(scalekit.url, scalekit.client_id, scalekit.client_secret)
    with Client(settings) as client:
        connections = Connections(client)
        made = connections.create(name=name, connector=connector, auth_type=auth_type, **more)["id"]
        if app:
            connections.update(
                made, name=name, connector=connector, auth_type=auth_type, oauth_config={**app}
            )
    return str(made)


def writes(scalekit: LocalScalekit) -> int:
    """How many writes the environment has seen."""
    kinds = ("create", "update", "delete")
    return sum(scalekit.requests.count(o) for kind in kinds for o in (kind, f"connection-{kind}"))


@pytest.fixture
def snapshot() -> Callable[[str, str], None]:
    """Compares a screen with the file of that name. UPDATE_SNAPSHOTS=1 writes the files."""

    def check(name: str, screen: str) -> None:
        path = SNAPSHOTS / f"{name}.txt"
        screen = stable(screen)
        if os.environ.get("UPDATE_SNAPSHOTS"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(screen, encoding="utf-8")
        assert path.exists(), f"there is no {path}: run with UPDATE_SNAPSHOTS=1 and look at it"
        assert screen == path.read_text(encoding="utf-8")

    return check


def stable(screen: str) -> str:
    """A screen without what differs from run to run: control sequences, ports, identifiers."""
    screen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
    screen = re.sub(r"127\.0\.0\.1:\d{5}", "127.0.0.1:00000", screen)
    screen = re.sub(r"\b([A-Z0-9]+):\d{5}\b", r"\1:00000", screen)
    screen = re.sub(r"%3A\d{5}\b", "%3A00000", screen)
    screen = re.sub(r"prov_\d+", "prov_0", screen)
    return "".join(f"{line.rstrip()}\n" for line in screen.splitlines())
