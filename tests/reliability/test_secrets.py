"""Canaries: a client secret, tokens and secret inputs that must not turn up anywhere, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit import local
from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import bearer
from ..support.engines import Project, Result
from ..support.live import change, live

CLIENT_SECRET = "canaryOfTheClient-5f0c"
NEW_SECRET = "canaryOfTheNewClientSecret-77aa"
SECRET_INPUTS: dict[str, Any] = {
    # An identifier is made from the name by the server, in capitals and without spaces; it is no secret.
    "display_name": "Canary of the name {0}",
    "description": "the canaryDescription{0} of it",
    "proxy_url": "https://canaryurl{0}.example.com/v1",
    "icon_src": "https://example.com/canaryIcon{0}.svg",
    "metadata": {"team": "canaryMetadata{0}", "long": "canaryLong{0}" * 15},
    "auth_patterns": [
        {
            "type": "BEARER",
            "display_name": "canaryPattern{0}",
            "fields": [{"field_name": "token", "hint": "canaryHint{0} and " + "canaryTail{0}" * 20}],
        }
    ],
}
"""One connector for each, in which this property alone is secret."""

PROGRAM = """
for name, value in json.loads(pathlib.Path("secrets.json").read_text()).items():
    plain = {
        "display_name": f"Connector {name.replace('_', ' ')}",
        "description": "plain",
        "proxy_url": "https://api.example.com",
        "auth_patterns": [{"type": "BEARER", "display_name": "T", "fields": [{"field_name": "token"}]}],
    }
    scalekit.Connector(name, **{**plain, name: pulumi.Output.secret(value["value"])}, adopt=value["adopt"])
"""

# The CLI itself logs each property that it passes on, from level 9 up: that is its own doing, before and after
# this provider has it. See "What Pulumi's own logs show" in docs/reliability.md.
CLI_LOGS = ("Marshaling property for RPC[", "Unmarshaling property for RPC[")


@dataclass
class Watch:
    """Runs commands at the highest verbosity, and looks for canaries in all that they leave."""

    project: Project
    scalekit: LocalScalekit
    tokens: list[str] = field(default_factory=list)
    kept_from_logs: tuple[str, ...] = (CLIENT_SECRET, NEW_SECRET)
    """Client secrets that are in no stack configuration."""

    def __post_init__(self) -> None:
        issue = self.scalekit.credentials.issue

        def noted(*args: Any) -> str:
            self.tokens.append(issue(*args))
            return self.tokens[-1]

        self.scalekit.credentials.issue = noted  # type: ignore[method-assign]

    def run(self, *arguments: str, code: int | None = 0) -> Result:
        """Run a command and look at what it printed."""
        verbose = ("-v=9", "--logtostderr") if self.project.engine.name == "cli" else ()
        result = self.project.run(*arguments, *verbose, code=code)
        for line in (*result.stdout.splitlines(), *_own(result.stderr)):
            assert not self.found(line), (arguments, line[:2000])
        assert "secret_paths" not in result.stdout, "how the provider remembers secrets is nothing to show"
        # What the environment alone holds, the CLI does not log either.
        for secret in (*self.tokens, *self.kept_from_logs):
            assert secret not in result.text, arguments
        return result

    def declare(self, variant: str = "", adopt: bool = False, **only: Any) -> None:
        """Make the program declare the connectors, with their canaries marked by a variant."""
        inputs = only or SECRET_INPUTS
        self.project.program(PROGRAM)
        self.project.write(
            "secrets.json",
            json.dumps({k: {"value": _filled(v, variant), "adopt": adopt} for k, v in inputs.items()}),
        )

    @property
    def credentials(self) -> list[str]:
        """Every client secret and token."""
        return [CLIENT_SECRET, NEW_SECRET, *self.tokens]

    def found(self, text: str) -> bool:
        """Whether a canary, or a part of one, is in a text."""
        return "anary" in text or any(secret in text for secret in self.credentials)

    def look_at_files(self) -> None:
        """Check the state, its backups and history, the settings of the stack, and Pulumi's home."""
        seen = 0
        own = {self.project.directory / "secrets.json", self.project.directory / "__main__.py"}
        for root in (self.project.backend, self.project.directory, Path(self.project.env["PULUMI_HOME"])):
            for path in root.rglob("*"):
                if path.is_file() and path not in own and path.suffix != ".pyc":
                    seen += 1
                    assert not self.found(path.read_text(errors="replace")), path
        assert seen > 5


def _own(stderr: str) -> Iterator[str]:
    for line in stderr.splitlines():
        try:
            message = json.loads(line)["msg"]
        except (ValueError, KeyError, TypeError):
            yield line
            continue
        if not str(message).startswith(CLI_LOGS):
            yield line


def _filled(value: Any, variant: str) -> Any:
    if isinstance(value, str):
        return value.replace("{0}", variant)
    if isinstance(value, dict):
        return {key: _filled(item, variant) for key, item in value.items()}
    return [_filled(item, variant) for item in value]


@pytest.fixture
def scalekit() -> Iterator[LocalScalekit]:
    """An environment with a client secret that can be recognised."""
    with local.running(client_secret=CLIENT_SECRET) as running:
        yield running


@pytest.fixture
def watch(project: Project, scalekit: LocalScalekit) -> Watch:
    """A project under watch."""
    project.env.update({"SCALEKIT_BACKOFF": "0.01", "SCALEKIT_LIST_DELAY": "0.2", "SCALEKIT_ATTEMPTS": "2"})
    project.env["PYTHONDONTWRITEBYTECODE"] = "1"
    return Watch(project, scalekit)


@pytest.mark.thorough
def test_nothing_secret_is_left_anywhere(watch: Watch, scalekit: LocalScalekit) -> None:
    """Create, update, drift, failures that repeat what was sent, and destroy: nothing shows or stores a secret."""
    faults = scalekit.faults
    watch.declare()
    faults.add("create:echo")
    failed = watch.run("up", "--yes", "--skip-preview", code=None)
    assert "[secret]" in failed.text
    faults.clear()
    watch.run("up", "--yes", "--diff")
    assert len(live(scalekit)) == len(SECRET_INPUTS)
    watch.look_at_files()

    watch.declare("Two")
    faults.add("update:echo")
    watch.run("up", "--yes", "--skip-preview", "--diff", code=None)
    faults.clear()
    faults.add("update:error=500")
    watch.run("up", "--yes", "--skip-preview", code=None)
    faults.clear()
    faults.add("update:error-after-commit=500")
    watch.run("up", "--yes", "--skip-preview")
    faults.clear()

    change(scalekit, "Connector description", {"description": "canaryDrift"})
    change(scalekit, "Connector auth patterns", {"auth_patterns[0].fields[0].hint": "canaryDrift"})
    watch.run("refresh", "--yes", "--diff")
    watch.look_at_files()

    faults.add("delete:echo,skip=2")
    watch.run("destroy", "--yes", "--skip-preview", code=None)
    faults.clear()
    watch.run("destroy", "--yes")
    assert live(scalekit) == {}
    watch.look_at_files()
    assert watch.tokens


@pytest.mark.thorough
def test_messages_about_secret_values_do_not_quote_them(watch: Watch, scalekit: LocalScalekit) -> None:
    """A mistake in a secret property, a name that is taken and the plan of an adoption name the property only."""
    watch.declare(
        display_name="canary_underscores!",
        proxy_url="http://canaryinsecure.example.com/{{canaryplaceholder}}",
        icon_src="ftp://canary.example.com",
        metadata={"team": "canary" * 50, "x": "canaryShort"},
        auth_patterns=[{"type": "canaryType", "display_name": "", "fields": [{"label": "canaryLabel"}]}],
    )
    watch.run("preview", code=None)
    for name, value in SECRET_INPUTS.items():
        plain = bearer(f"Connector {name.replace('_', ' ')}")
        scalekit.store.create_provider({**plain, name: _filled(value, "Old")})
    watch.declare("Old")
    assert "exists already" in watch.run("preview", code=None).text
    others = {name: value for name, value in SECRET_INPUTS.items() if name != "display_name"}
    watch.declare("New", adopt=True, **others)
    plan = watch.run("preview", "--diff").text
    assert "takes over" in plan
    assert "(secret)" in plan
    watch.run("up", "--yes", "--skip-preview")
    watch.look_at_files()


@pytest.mark.thorough
def test_a_rotated_secret_is_used_at_once(watch: Watch, scalekit: LocalScalekit) -> None:
    """When the old client secret and its tokens are revoked, `refresh` and `destroy` work with the new one."""
    project = watch.project
    del project.env["SCALEKIT_CLIENT_SECRET"]
    watch.kept_from_logs = (NEW_SECRET,)
    watch.run("config", "set", "--secret", "scalekit:clientSecret", CLIENT_SECRET)
    watch.declare(description="canaryDescription")
    watch.run("up", "--yes", "--skip-preview")

    scalekit.credentials.add_secret(scalekit.client_id, NEW_SECRET)
    scalekit.credentials.revoke_secret(scalekit.client_id, CLIENT_SECRET, tokens=True)
    refused = watch.run("refresh", "--yes", "--skip-preview", code=None)
    assert "The client secret came from the stack's configuration, scalekit:clientSecret" in refused.text
    # The state keeps the old one, and Pulumi hands it out: the variable goes first.
    project.env["SCALEKIT_CLIENT_SECRET"] = NEW_SECRET
    watch.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    watch.run("destroy", "--yes", "--skip-preview")
    assert live(scalekit) == {}
    watch.look_at_files()
