"""`compare` and `promote`: matching, differences, ownership, and what a promotion writes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_scalekit.definition.changes import matched_changes
from pulumi_scalekit.definition.keys import ABSENT
from pulumi_scalekit.definition.normalize import normalize_live
from pulumi_scalekit.definition.paths import format_path
from pulumi_scalekit.errors import AmbiguousConnector, ConnectorNotFound
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.operations.compare import compare
from pulumi_scalekit.operations.ownership import Ownership
from pulumi_scalekit.operations.promote import divide, moved_meanwhile
from pulumi_scalekit.operations.state import Managed

from .conftest import Result, seed, writes
from .samples import ASANA, FRESHDESK, GITHUB, LEGACY, TAVILY, older_asana

Run = Callable[..., Result]
PAIR = ("--from", "dev", "--to", "production")


def answer(definition: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """A definition as the server answers it."""
    return {**definition, "identifier": f"X:{number}", "id": f"prov_{number}", "categories": []}


def compared(source: list[dict[str, Any]], target: list[dict[str, Any]], *names: str) -> dict[str, str]:
    """What a comparison says, by display name."""
    found = compare(source, target, names, source_name="dev", target_name="production")
    return {c.name: c.action for c in found}


def test_every_action() -> None:
    """Create, update, same and only in target, sorted by name."""
    source = [answer(ASANA, 1), answer(TAVILY, 2), answer(GITHUB, 3)]
    target = [answer(LEGACY, 4), answer(TAVILY, 5), answer(older_asana(), 6)]
    assert list(compared(source, target).items()) == [
        ("Github MCP", "create"),
        ("Legacy CRM", "only in target"),
        ("My Asana", "update"),
        ("Tavily", "same"),
    ]


def test_defaults_are_no_difference() -> None:
    """A default that is written out in one environment and left out in the other is the same."""
    spelled = copy.deepcopy(TAVILY) | {"description": "", "metadata": {}, "icon_src": ""}
    spelled["auth_patterns"][0] |= {"is_mcp": False, "account_fields": []}
    assert compared([answer(TAVILY)], [answer(spelled)]) == {"Tavily": "same"}


def test_what_cannot_change_in_place_is_a_replacement(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """Another auth type is compared as a replacement, and a promotion stops with it before any write."""
    other = copy.deepcopy(TAVILY)
    other["auth_patterns"][0] |= {"type": "API_KEY", "fields": [{"field_name": "api_key"}]}
    seed(dev, ASANA, other)
    (live,) = seed(production, TAVILY)
    before = writes(production)
    shown = command("compare", *PAIR, "--json", "--exit-code")
    by_name = {entry["display_name"]: entry for entry in shown.json["connectors"]}
    assert (shown.code, by_name["Tavily"]["action"]) == (3, "replace")
    assert by_name["Tavily"]["immutable"] == ["auth_patterns[0].type"]
    assert "cannot change in place" in command("compare", *PAIR).out
    for arguments in (["--yes"], ["--dry-run"], ["--yes", "Tavily"]):
        refused = command("promote", *PAIR, *arguments)
        assert refused.code == 1
        assert "Nothing was changed: Scalekit cannot change" in refused.err
        assert f"'Tavily' ({live}: auth_patterns[0].type)" in refused.err
    assert writes(production) == before
    assert command("promote", *PAIR, "--yes", "My Asana").code == 0


def test_names_select(command: Run) -> None:
    """Names and identifiers select from both environments; an unknown one is an error."""
    source, target = [answer(ASANA, 1), answer(TAVILY, 2)], [answer(LEGACY, 3)]
    assert compared(source, target, "X:2", "Legacy CRM") == {
        "Legacy CRM": "only in target",
        "Tavily": "create",
    }
    with pytest.raises(ConnectorNotFound, match="dev or production"):
        compared(source, target, "Nothing")


@pytest.mark.parametrize("side", ["dev", "production"])
def test_ambiguity_is_an_error(side: str) -> None:
    """Two connectors of one name cannot be matched; other names can still be asked for."""
    duplicates, single = [answer(TAVILY, 1), answer(TAVILY, 2), answer(ASANA, 3)], [answer(TAVILY, 4)]
    source, target = (duplicates, single) if side == "dev" else (single, duplicates)
    with pytest.raises(AmbiguousConnector, match=rf"2 connectors are named 'Tavily' in {side} \(X:1, X:2\)"):
        compared(source, target)
    assert "Tavily" not in compared(source, target, "My Asana")


def test_scopes_are_matched_by_name() -> None:
    """A scope that is inserted is one change, and those after it are none."""
    old, new = normalize_live(older_asana()), normalize_live(ASANA)
    found = {format_path(c.path): (c.old, c.new) for c in matched_changes(old, new)}
    assert set(found) == {"description", "auth_patterns[0].oauth_config.available_scopes.email"}
    assert found["auth_patterns[0].oauth_config.available_scopes.email"][0] is ABSENT


def test_another_order_is_a_change() -> None:
    """The same fields in another order are a change of the list of names."""
    other = copy.deepcopy(FRESHDESK)
    other["auth_patterns"][0]["fields"].reverse()
    (change,) = matched_changes(normalize_live(FRESHDESK), normalize_live(other))
    assert format_path(change.path) == "auth_patterns[0].fields"
    assert (change.old, change.new) == (["domain", "username"], ["username", "domain"])


def test_scope_changes_are_called_out() -> None:
    """A comparison says what added scopes mean for those who have authorized already."""
    (found,) = compare([answer(ASANA)], [answer(older_asana())], source_name="dev", target_name="production")
    assert found.authorization.startswith("adds scope email: existing connections")


# --- Ownership -----------------------------------------------------------------------------------------------

DEV, PRODUCTION = "https://dev.example.com", "https://production.example.com"


def divided(ownership: Ownership) -> tuple[list[str], list[tuple[str, str]]]:
    """What may be promoted, and what is left to which stack."""
    source, target = [answer(ASANA, 1), answer(TAVILY, 2)], [answer(older_asana(), 3)]
    found = compare(source, target, source_name="dev", target_name="production")
    free, blocked = divide(found, ownership, DEV, PRODUCTION)
    return [c.name for c in free], [(b.comparison.name, b.stack) for b in blocked]


def test_without_stacks_everything_is_promoted() -> None:
    """Where no stack manages anything, every create and update is free."""
    assert divided(Ownership()) == (["My Asana", "Tavily"], [])


def test_a_managed_connector_is_left_to_its_stack() -> None:
    """An update of a connector that a stack manages is that stack's."""
    owner = Managed("production", "asana", "X:3", PRODUCTION, "urn")
    assert divided(Ownership({(PRODUCTION, "X:3"): owner})) == (["Tavily"], [("My Asana", "production")])


def test_an_identifier_of_another_environment_is_no_owner() -> None:
    """The same identifier in another environment means nothing."""
    owner = Managed("dev", "asana", "X:3", DEV, "urn")
    assert divided(Ownership({(DEV, "X:3"): owner})) == (["My Asana", "Tavily"], [])


def test_a_declared_connector_is_created_by_its_program() -> None:
    """A connector that the program declares is created by the target's stack, where there is one."""
    owner = Managed("dev", "tavily", "X:2", DEV, "urn")
    declared = {(DEV, "X:2"): owner}
    assert divided(Ownership(declared, {PRODUCTION: {"live"}})) == (["My Asana"], [("Tavily", "live")])
    assert divided(Ownership(declared)) == (["My Asana", "Tavily"], [])


# --- Promotion -----------------------------------------------------------------------------------------------


def definitions(scalekit: LocalScalekit) -> dict[str, Any]:
    """What an environment holds, in normal form."""
    return {p.payload["display_name"]: normalize_live(p.payload) for p in scalekit.store.providers()}


def test_promotion_makes_the_environments_the_same(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """Afterwards the target has the source's definitions under its own identifiers, and keeps what only it has."""
    seed(dev, ASANA, FRESHDESK, GITHUB, TAVILY)
    identifier, *_ = seed(production, older_asana(), TAVILY, LEGACY)
    before = writes(dev)
    report = command("promote", *PAIR, "--yes", "--json").json
    assert {c["display_name"]: c["promoted"] for c in report["connectors"]} == {
        "Github MCP": True,
        "Legacy CRM": False,
        "My Asana": True,
        "My Freshdesk": True,
        "Tavily": False,
    }
    assert definitions(production) == definitions(dev) | {"Legacy CRM": normalize_live(LEGACY)}
    assert identifier in {p.identifier for p in production.store.providers()}
    assert writes(dev) == before
    assert production.requests.count("delete") == 0
    again = writes(production)
    assert command("promote", *PAIR, "--yes").code == 0
    assert writes(production) == again


def test_a_broken_definition_stops_a_promotion(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """What Pulumi would refuse is named, line by line, before any write; --force promotes it, and ends with 3."""
    fields = [{"field_name": "domain"}]
    broken = copy.deepcopy(FRESHDESK) | {"proxy_url": "https://{{host}}/api"}
    broken["auth_patterns"][0]["fields"] = fields
    seed(dev, TAVILY, broken)
    refused = command("promote", *PAIR, "--yes")
    assert refused.code == 1
    assert "Nothing was changed, since Pulumi would refuse what dev has:\n  My Freshdesk: " in refused.err
    assert "\n  My Freshdesk: proxy_url has the placeholder {{host}} that no field fills" in refused.err
    looked = command("promote", *PAIR, "--dry-run")
    assert (looked.code, "! My Freshdesk: proxy_url has the placeholder {{host}}" in looked.out) == (3, True)
    assert writes(production) == 0
    assert command("promote", *PAIR, "--yes", "Tavily").code == 0
    forced = command("promote", *PAIR, "--yes", "--force", "--json")
    (entry,) = [c for c in forced.json["connectors"] if c["display_name"] == "My Freshdesk"]
    assert (forced.code, entry["promoted"], bool(entry["errors"])) == (3, True, True)
    assert definitions(production).keys() == {"Tavily", "My Freshdesk"}


def test_a_dry_run_writes_nothing(command: Run, dev: LocalScalekit, production: LocalScalekit) -> None:
    """`--dry-run` shows and does not write."""
    seed(dev, ASANA)
    result = command("promote", *PAIR, "--dry-run")
    assert result.code == 0
    assert "production was not changed" in result.out
    assert writes(production) == 0


def test_without_an_answer_nothing_is_written(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """Where nobody can be asked, `--yes` is needed."""
    seed(dev, ASANA)
    result = command("promote", *PAIR)
    assert result.code == 1
    assert "Use --yes" in result.err
    assert writes(production) == 0


def test_one_failure_does_not_stop_the_rest(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """A refused connector is reported; the others are promoted."""
    seed(dev, ASANA, TAVILY)
    production.faults.add("create:error=400*1")
    result = command("promote", *PAIR, "--yes")
    assert result.code == 1
    assert "error: My Asana: create connector 'My Asana' failed" in result.err
    assert list(definitions(production)) == ["Tavily"]


def test_a_write_of_unknown_outcome_is_made_once(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """When the answer to a create is lost, the connector is found and not made again."""
    seed(dev, TAVILY)
    production.faults.add("create:drop-after-commit*1")
    assert command("promote", *PAIR, "--yes").code == 0
    assert len(production.store.providers()) == 1


def test_what_is_stored_differently_is_reported(
    command: Run, dev: LocalScalekit, production: LocalScalekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is read back: a difference is an error, with the property."""
    from pulumi_scalekit.api.connectors import Connectors

    seed(dev, TAVILY)
    genuine = Connectors.create

    def meddle(self: Connectors, payload: Any, **more: Any) -> Any:
        created = genuine(self, payload, **more)
        production.store.update_provider(
            created["identifier"], lambda stored: stored | {"description": "changed by somebody"}
        )
        return created

    monkeypatch.setattr(Connectors, "create", meddle)
    result = command("promote", *PAIR, "--yes")
    assert result.code == 1
    assert 'stored it differently: description: "" → "changed by somebody"' in result.err


def test_the_same_environment_twice_is_an_error(command: Run, dev: LocalScalekit) -> None:
    """An environment is not promoted to itself under another name."""
    other = {f"SCALEKIT_OTHER_{key.removeprefix('SCALEKIT_')}": value for key, value in dev.env.items()}
    result = command("promote", "--from", "dev", "--to", "other", environ={**other, **renamed(dev)})
    assert result.code == 1
    assert "are the same environment" in result.err


def renamed(scalekit: LocalScalekit) -> dict[str, str]:
    """The variables of the profile `dev` for an environment."""
    return {f"SCALEKIT_DEV_{key.removeprefix('SCALEKIT_')}": value for key, value in scalekit.env.items()}


def test_what_changed_while_asking_is_not_overwritten() -> None:
    """A connector that changed between the comparison and the answer is named."""
    before = compare([answer(ASANA)], [answer(older_asana())], source_name="dev", target_name="production")
    touched = answer(older_asana() | {"description": "Somebody's"})
    after = compare([answer(ASANA)], [touched], source_name="dev", target_name="production")
    assert moved_meanwhile(before, after) == ["My Asana"]
    assert moved_meanwhile(before, before) == []


def test_exit_code_of_a_comparison(command: Run, dev: LocalScalekit, production: LocalScalekit) -> None:
    """With `--exit-code`, 3 says that there is something to promote; what only the target has does not count."""
    seed(dev, TAVILY)
    seed(production, LEGACY)
    assert command("compare", *PAIR).code == 0
    assert command("compare", *PAIR, "--exit-code").code == 3
    seed(production, TAVILY)
    assert command("compare", *PAIR, "--exit-code").code == 0


def with_more(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition with every optional property."""
    return definition | {"description": "Old", "metadata": {"team": "x"}, "icon_src": "https://x.example.com"}


@pytest.mark.parametrize("semantics", ["wiping", "partial"])
def test_an_update_means_the_same_whatever_the_server_does(
    command: Run, dev: LocalScalekit, production: LocalScalekit, semantics: str
) -> None:
    """What only the target has goes away, whether the server keeps or wipes what is left out of an update."""
    seed(dev, TAVILY)
    seed(production, with_more(TAVILY))
    production.faults.add(f"update:semantics={semantics}")
    assert command("promote", *PAIR, "--yes").code == 0
    assert definitions(production) == definitions(dev)


def test_what_a_server_cannot_empty_is_reported(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """A server that takes an empty value for none leaves the old one: that is said, not passed over."""
    seed(dev, TAVILY)
    seed(production, with_more(TAVILY))
    production.faults.add("update:semantics=keep-empty")
    result = command("promote", *PAIR, "--yes")
    assert result.code == 1
    assert 'stored it differently: description: "" → "Old"' in result.err


def test_a_list_that_is_late_is_waited_for(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """A write that the next lists do not show yet is no difference."""
    seed(dev, ASANA, TAVILY)
    seed(production, older_asana())
    production.faults.add("list:stale=2")
    for _ in range(3):
        command("list", "--env", "production")
    result = command("promote", *PAIR, "--yes")
    assert result.code == 0, result.text


def test_an_update_may_move_the_identifier(
    command: Run, dev: LocalScalekit, production: LocalScalekit
) -> None:
    """Where an update gives the connector a new identifier, the result is found under that one."""
    seed(dev, ASANA)
    (before,) = seed(production, older_asana())
    production.faults.add("update:new-identifier*1")
    report = command("promote", *PAIR, "--yes", "--json").json
    (promoted,) = report["connectors"]
    assert promoted["promoted"]
    assert promoted["target_identifier"] not in (None, before)
