"""Where the settings of an environment come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit.errors import EngineError, SettingsError
from pulumi_scalekit.operations.environments import (
    complete_stacks,
    credentials_prefix,
    environment_profile,
    stack_profile,
    variable_prefix,
)
from pulumi_scalekit.operations.pulumi_cli import ConfigValue, Project

PLAIN = {
    "SCALEKIT_ENVIRONMENT_URL": "https://plain.example.com",
    "SCALEKIT_CLIENT_ID": "plain",
    "SCALEKIT_CLIENT_SECRET": "plain-secret",
}
NAMED = {
    "SCALEKIT_EU_1_ENVIRONMENT_URL": "https://eu.example.com",
    "SCALEKIT_EU_1_CLIENT_ID": "eu",
    "SCALEKIT_EU_1_CLIENT_SECRET": "eu-secret",
}


class Stacks(Project):
    """A project whose stacks have configurations, without an engine."""

    def __init__(self, **stacks: dict[str, str]) -> None:
        super().__init__(Path("/project"))
        self._stacks = stacks

    @property
    def config_files(self) -> dict[str, Path]:
        """A file for each, and one of a stack that is not there."""
        return {stack: Path(f"Pulumi.{stack}.yaml") for stack in (*self._stacks, "elsewhere")}

    def has_stack(self, name: str) -> bool:
        """As the engine would tell."""
        return name in self._stacks

    def config(self, stack: str, *, decrypted: bool = True) -> dict[str, Any]:
        """As the engine would tell."""
        return {
            f"scalekit:{key}": ConfigValue(value, key == "clientSecret")
            for key, value in self._stacks[stack].items()
        }


CONFIG = {"environmentUrl": "https://stack.example.com", "clientId": "stack", "clientSecret": "stack-secret"}


def test_without_a_name_the_plain_variables_count() -> None:
    """No `--env`: the plain variables."""
    profile = environment_profile(None, environ=PLAIN | NAMED)
    assert (profile.url, profile.settings.client_secret) == ("https://plain.example.com", "plain-secret")


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("dev", "SCALEKIT_DEV_"), ("eu-1", "SCALEKIT_EU_1_"), ("a.b c", "SCALEKIT_A_B_C_")],
)
def test_the_variables_of_a_name(name: str, prefix: str) -> None:
    """A name's variables are in capitals, with an underscore for whatever else is in it."""
    assert variable_prefix(name) == prefix


def test_a_name_reads_its_own_variables() -> None:
    """`--env eu-1` reads SCALEKIT_EU_1_…, and says so of the secret."""
    profile = environment_profile("eu-1", environ=PLAIN | NAMED)
    assert (profile.url, profile.settings.client_id) == ("https://eu.example.com", "eu")
    assert profile.settings.secret_source == "SCALEKIT_EU_1_CLIENT_SECRET"
    assert credentials_prefix(profile) == "SCALEKIT_EU_1_"


@pytest.mark.parametrize("left_out", sorted(NAMED))
def test_a_name_never_falls_back_to_the_plain_variables(left_out: str) -> None:
    """With one of its variables missing, the name is an error, whatever else is set."""
    variables = PLAIN | {key: value for key, value in NAMED.items() if key != left_out}
    with pytest.raises(SettingsError, match=left_out):
        environment_profile("eu-1", Stacks(**{"eu-1": CONFIG}), variables)


def test_an_unknown_name_names_every_place() -> None:
    """With neither variables nor a stack, the message says what to set."""
    with pytest.raises(SettingsError, match=r"SCALEKIT_QA_CLIENT_SECRET; there is no stack .* in /project"):
        environment_profile("qa", Stacks(dev=CONFIG), PLAIN)


def test_a_stack_of_that_name_is_next() -> None:
    """Without variables of its own, the name is the stack's."""
    profile = environment_profile("dev", Stacks(dev=CONFIG), {})
    assert (profile.url, profile.settings.client_secret) == ("https://stack.example.com", "stack-secret")
    assert profile.stack == "dev"


def test_variables_win_over_the_stack() -> None:
    """Where both are there, the variables count."""
    assert environment_profile("eu-1", Stacks(**{"eu-1": CONFIG}), NAMED).url == "https://eu.example.com"


@pytest.mark.parametrize("left_out", ["environmentUrl", "clientId"])
def test_a_stack_without_settings_is_no_environment(left_out: str) -> None:
    """A stack that leaves its environment to the plain variables cannot be named: they may mean another one."""
    config = {key: value for key, value in CONFIG.items() if key != left_out}
    with pytest.raises(SettingsError, match=f"pulumi config set --stack dev scalekit:{left_out}"):
        environment_profile("dev", Stacks(dev=config), PLAIN)


def test_a_misspelled_key_of_a_stack_is_named() -> None:
    """What a stack has in the place of a key that is missing is named beside the command that sets it."""
    config = {"environmentURL": "https://stack.example.com", "clientId": "stack"}
    with pytest.raises(
        SettingsError, match="has scalekit:environmentURL, which is not read: the key is scalekit:env"
    ):
        environment_profile("dev", Stacks(dev=config), PLAIN)


def test_a_secret_of_its_own_completes_a_stack() -> None:
    """The one variable that is left out of a stack's configuration can be the profile's own secret."""
    stacks = Stacks(dev={key: value for key, value in CONFIG.items() if key != "clientSecret"})
    profile = environment_profile("dev", stacks, PLAIN | {"SCALEKIT_DEV_CLIENT_SECRET": "own"})
    assert (profile.url, profile.settings.client_id) == ("https://stack.example.com", "stack")
    assert (profile.settings.client_secret, profile.stack) == ("own", "dev")
    assert profile.settings.secret_source == "SCALEKIT_DEV_CLIENT_SECRET"
    with pytest.raises(SettingsError, match="SCALEKIT_QA_ENVIRONMENT_URL and SCALEKIT_QA_CLIENT_ID"):
        environment_profile("qa", stacks, {"SCALEKIT_QA_CLIENT_SECRET": "own"})


def test_the_plain_secret_serves_the_same_client_only() -> None:
    """The plain secret counts for a stack whose client the plain client id names, and for no other."""
    same = PLAIN | {"SCALEKIT_CLIENT_ID": "stack"}
    assert environment_profile("dev", Stacks(dev=CONFIG), same).settings.client_secret == "plain-secret"
    assert environment_profile("dev", Stacks(dev=CONFIG), PLAIN).settings.client_secret == "stack-secret"
    alone = {"SCALEKIT_CLIENT_SECRET": "plain-secret"}
    assert environment_profile("dev", Stacks(dev=CONFIG), alone).settings.client_secret == "stack-secret"


def test_a_missing_secret_is_explained() -> None:
    """A stack without a secret names both ways to give one, also where the plain secret is set but of no client."""
    stacks = Stacks(dev={key: value for key, value in CONFIG.items() if key != "clientSecret"})
    with pytest.raises(
        SettingsError, match=r"'dev' has no client secret: .*--secret --stack dev .*_ID=stack"
    ):
        environment_profile("dev", stacks, {"SCALEKIT_CLIENT_SECRET": "whose"})


def test_a_stack_by_the_providers_rule() -> None:
    """`--stack` reads what the provider reads: the configuration first, then the plain variables."""
    assert stack_profile("dev", Stacks(dev=CONFIG), PLAIN).url == "https://stack.example.com"
    assert stack_profile("bare", Stacks(bare={}), PLAIN).url == "https://plain.example.com"


def test_only_stacks_that_name_an_environment_are_offered() -> None:
    """A stack without an environment is not, nor is one that has a configuration file only."""
    project = Stacks(dev={}, half={"environmentUrl": "https://a.dev"}, production=CONFIG)
    assert complete_stacks(project) == ["production"]


def test_nothing_is_offered_where_the_engine_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the message says about settings is said all the same."""

    def fail(*_: object) -> bool:
        raise EngineError("the backend cannot be reached")

    monkeypatch.setattr(Stacks, "has_stack", fail)
    assert complete_stacks(Stacks(production=CONFIG)) == []


def test_a_wrong_url_of_a_name_is_named_with_its_variable() -> None:
    """The variable of the name, not the plain one."""
    with pytest.raises(
        SettingsError, match=r"not eu\.example\.com\. It is set by SCALEKIT_EU_1_ENVIRONMENT_URL$"
    ):
        environment_profile("eu-1", environ=NAMED | {"SCALEKIT_EU_1_ENVIRONMENT_URL": "eu.example.com"})
