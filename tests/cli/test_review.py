"""`review`: sources, exit codes, SARIF."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit.definition.paths import format_path
from pulumi_scalekit.definition.rules import RULES
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.operations.review import Subject, review
from pulumi_scalekit.operations.sarif import nearest_line, property_lines, sarif

from .conftest import Result, seed
from .samples import ASANA, FRESHDESK, GITHUB, TAVILY

Run = Callable[..., Result]


def wrong() -> dict[str, Any]:
    """A payload with one error, one warning and one hint."""
    payload = copy.deepcopy(TAVILY)
    payload["proxy_url"] = "http://api.tavily.com"
    payload["proxy_enabled"] = False
    return payload


@pytest.mark.parametrize(
    ("payload", "fail_on", "code"),
    [
        (ASANA, "hint", 0),
        (TAVILY, "error", 0),
        (TAVILY, "warning", 0),
        (TAVILY, "hint", 3),
        (TAVILY | {"proxy_enabled": False}, "error", 0),
        (TAVILY | {"proxy_enabled": False}, "warning", 3),
        (wrong(), "error", 3),
        (wrong(), "never", 0),
    ],
)
def test_exit_code_by_severity(command: Run, payload: dict[str, Any], fail_on: str, code: int) -> None:
    """The exit code is 3 when there is a finding as severe as `--fail-on` says, and 0 otherwise."""
    Path("payload.json").write_text(json.dumps(payload))
    assert command("review", "payload.json", "--fail-on", fail_on).code == code


@pytest.mark.parametrize(
    "content",
    [
        lambda p: p,
        lambda p: [p],
        lambda p: {"providers": [p | {"identifier": "TAVILY:1", "id": "prov_1", "is_custom": True}]},
        lambda p: {"provider": p | {"identifier": "TAVILY:1", "categories": []}},
    ],
    ids=["payload", "list", "list answer", "create answer"],
)
def test_every_shape_of_file(command: Run, content: Callable[[dict[str, Any]], Any]) -> None:
    """A payload, a list of payloads and Scalekit's answers are read alike."""
    Path("payload.json").write_text(json.dumps(content(wrong())))
    (reviewed,) = command("review", "payload.json", "--json").json
    assert reviewed["name"] == "Tavily"
    assert {(f["severity"], f["path"]) for f in reviewed["findings"]} == {
        ("error", "proxy_url"),
        ("warning", "proxy_enabled"),
        ("hint", "description"),
    }
    assert {i["item"]: i["state"] for i in reviewed["checklist"]}["Proxy URL"] == "error"


@pytest.mark.parametrize("content", ["", "[]", "{}", "nope", "3", "[1]"])
def test_a_file_without_a_connector_is_an_error(command: Run, content: str) -> None:
    """What has no connector is said, not passed as fine."""
    Path("payload.json").write_text(content)
    result = command("review", "payload.json")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: payload.json")


def test_an_environment_is_reviewed_as_a_whole(command: Run, dev: LocalScalekit) -> None:
    """Duplicates, which no single definition shows, are found in an environment."""
    seed(dev, ASANA, GITHUB, ASANA)
    reviews = command("review", "--env", "dev", "--json").json
    rules = {r["identifier"]: [f["rule"] for f in r["findings"]] for r in reviews}
    assert sorted(rules.values()) == [[], ["duplicate-display-name"], ["duplicate-display-name"]]


def test_values_of_several_lines_are_told_apart_in_a_pipe(command: Run) -> None:
    """Where a value has one line, its parts have semicolons between them."""
    Path("payload.json").write_text(json.dumps(ASANA))
    shown = command("review", "payload.json").out
    assert re.search(r"authorize_uri https://\S+; token_uri https://", shown), shown


def test_only_names_are_duplicates() -> None:
    """Names that differ by blanks are duplicates; connectors without a name, or with an empty one, are not."""
    names = ("None", "None ", "Other", None, None, "", "")
    reviews = review([Subject(str(name), TAVILY | {"display_name": name}) for name in names])
    found = [any(f.rule == "duplicate-display-name" for f in reviewed.findings) for reviewed in reviews]
    assert found == [True, True, False, False, False, False, False]


def test_sources_exclude_each_other(command: Run) -> None:
    """Only one of FILE, --env and --stack can be reviewed."""
    assert command("review", "x.json", "--env", "dev").code == 2


@pytest.mark.parametrize(
    "options",
    [
        ("payload.json", "--program", "."),
        ("payload.json", "--config-file", "payload.json"),
        ("--program", ".", "--env", "dev", "--config-file", "payload.json"),
        ("payload.json", "--json", "--format", "sarif"),
    ],
)
def test_no_option_is_ignored(command: Run, options: tuple[str, ...]) -> None:
    """An option that another makes useless is wrong usage."""
    Path("payload.json").write_text(json.dumps(TAVILY))
    assert command("review", *options).code == 2


@pytest.mark.parametrize("key", ["", "providers"])
def test_what_is_not_an_object_in_a_list_is_named(command: Run, key: str) -> None:
    """A list with something else in it is not reviewed in part."""
    content = [TAVILY, "x"]
    Path("payload.json").write_text(json.dumps({key: content} if key else content))
    done = command("review", "payload.json")
    assert done.code == 1
    assert f"payload.json has something else than a JSON object at {key}[1]" in done.err


def test_sarif_points_to_lines(command: Run) -> None:
    """Each result has the line of its property in the file, or of the closest one around it."""
    text = json.dumps({"providers": [ASANA, wrong()]}, indent=1)
    Path("payload.json").write_text(text)
    log = command("review", "payload.json", "--format", "sarif").json
    run = log["runs"][0]
    lines = text.splitlines()
    found = {}
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "payload.json"}
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        found[result["ruleId"]] = (result["level"], lines[place["region"]["startLine"] - 1].strip())
    assert found == {
        "schema-string-pattern-mismatch": ("error", '"proxy_url": "http://api.tavily.com",'),
        "proxy-disabled": ("warning", '"proxy_enabled": false'),
        "description-missing": ("note", "{"),
    }


def test_sarif_has_every_rule() -> None:
    """The log describes every rule, used or not, in the words of the rule itself."""
    rules = sarif(review([Subject("x", wrong())]))["runs"][0]["tool"]["driver"]["rules"]
    texts = {rule["id"]: rule["shortDescription"]["text"] for rule in rules}
    for rule in RULES:
        for name in rule.names:
            assert texts[name] == rule.summary


def test_sarif_of_an_environment_has_no_lines(command: Run, dev: LocalScalekit) -> None:
    """Where there is no file, results name the connector and its property."""
    seed(dev, TAVILY)
    log = command("review", "--env", "dev", "--format", "sarif").json
    (location,) = log["runs"][0]["results"][0]["locations"]
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "Tavily: description"
    assert "region" not in location["physicalLocation"]


def test_sarif_places_are_uris(command: Run) -> None:
    """What a URI cannot hold as it is, is escaped in the name of a file."""
    Path("my päyload.json").write_text(json.dumps(wrong()))
    log = command("review", "my päyload.json", "--format", "sarif").json
    places = [result["locations"][0]["physicalLocation"] for result in log["runs"][0]["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"my%20p%C3%A4yload.json"}


def test_standard_input_is_called_so(command: Run) -> None:
    """Messages do not call standard input by a dash."""
    assert command("review", "-", stdin="[]").err.startswith("error: standard input has no connector")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.sampled_from([None, 1, 3]), st.booleans())
def test_every_property_has_its_line(value: Any, indent: int | None, ascii_only: bool) -> None:
    """Every property of a JSON text is found, on the line where its key, or else its value, begins."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = property_lines(text)
    lines = text.split("\n")
    expected: set[str] = set()

    def walk(item: Any, path: tuple[str | int, ...]) -> None:
        written = format_path(path)
        expected.add(written)
        if path and isinstance(path[-1], str):
            assert json.dumps(path[-1], ensure_ascii=ascii_only) in lines[found[written] - 1]
        children = (
            item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        )
        for step, child in children:
            walk(child, (*path, step))

    walk(value, ())
    assert set(found) == expected


def test_a_missing_property_is_on_its_parents_line() -> None:
    """The closest property around a missing one has the line."""
    lines = {"": 1, "a": 2, "a[0]": 3, 'a[0]["x.y"]': 4}
    assert nearest_line("a[0].b.c", lines) == 3
    assert nearest_line('a[0]["x.y"].z', lines) == 4
    assert nearest_line("b", lines) == 1


def test_the_review_list_covers_the_documentation() -> None:
    """The list has the documentation's points, and shows what the definition says to each."""
    values = {i.title: (i.value, i.state) for i in review([Subject("x", ASANA)])[0].checklist}
    assert values["Auth type"] == ("OAUTH", "ok")
    assert values["OAuth scopes"] == ("email (required), profile (required)", "ok")
    assert values["OAuth endpoints"][0].startswith("authorize_uri https://app.asana.com/-/oauth_authorize")
    assert values["Fields"] == ("", "not used")
    assert values["MCP"] == ("no", "not used")
    assert values["A call sends"] == ("https://app.asana.com/api/\nAuthorization: Bearer ****", "ok")
    basic = {i.title: i.value for i in review([Subject("x", FRESHDESK)])[0].checklist}
    assert basic["Proxy URL"] == "https://{{domain}}/api  (placeholders: domain)"
    assert basic["An account gives"] == "authorization_details.static_auth.details: domain, username"


def test_the_first_call_is_shown_once_there_are_no_errors() -> None:
    """What a call would send is worked out from a definition without errors only, and says why there is none."""

    def sends(definition: dict[str, Any]) -> tuple[str, str]:
        item = next(i for i in review([Subject("x", definition)])[0].checklist if i.title == "A call sends")
        return item.value, item.state

    value, state = sends(FRESHDESK)
    assert (value.splitlines()[0], state) == ("https://domain/api/", "ok")
    assert sends(wrong()) == ("", "not used")
    disabled, state = sends(TAVILY | {"proxy_enabled": False})
    assert "proxy_enabled is false" in disabled
    assert state == "warning"
