"""What a server stored: its own form of a declaration is no difference, anything else is one."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from pulumi_scalekit.definition.changes import replacements, same
from pulumi_scalekit.definition.keys import UNKNOWN
from pulumi_scalekit.definition.normalize import create_payload, normalize, normalize_live
from pulumi_scalekit.definition.paths import format_path
from pulumi_scalekit.definition.stored import accepted_form, merge_drift, unapplied

from ..support.definitions import API_KEY, BEARER, NO_AUTH, OAUTH
from ..support.live import ABSENT, edit
from ..support.strategies import definitions

P = "auth_patterns[0]"
OC = f"{P}.oauth_config"

# What was declared, and how the server stored it otherwise.
OWN_FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a slash at the end": (BEARER, {"proxy_url": "https://api.example.com/"}),
    "a lower-cased host": (
        {**OAUTH, "proxy_url": "https://{{region}}.Example.com/API"},
        {"proxy_url": "https://{{region}}.example.com/API"},
    ),
    "a default port": (BEARER, {"proxy_url": "https://api.example.com:443"}),
    "an endpoint with a slash": (OAUTH, {f"{OC}.token_uri": "https://example.com/token/"}),
    "blanks around a name": ({**BEARER, "display_name": " Plain bearer "}, {"display_name": "Plain bearer"}),
    "a header name in another case": (API_KEY, {f"{P}.fields[0].header_name": "x-api-key"}),
    "an added default": (BEARER, {f"{P}.fields[0].input_type": "text", f"{P}.version": 2}),
    "scopes in another order": (
        OAUTH,
        {f"{OC}.available_scopes": OAUTH["auth_patterns"][0]["oauth_config"]["available_scopes"][::-1]},
    ),
    "fields in another order": (API_KEY, {f"{P}.fields": API_KEY["auth_patterns"][0]["fields"][::-1]}),
    "options in another order": (
        OAUTH,
        {f"{P}.account_fields[0].options": OAUTH["auth_patterns"][0]["account_fields"][0]["options"][::-1]},
    ),
    "domains in another order": (OAUTH, {f"{P}.allowed_proxy_domains": ["Example.org", "example.com"]}),
}

# What was declared, what the server has in other places, and the paths that say so.
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "a description kept": (BEARER, {"description": "Old"}, {"description"}),
    "an icon kept": (BEARER, {"icon_src": "https://cdn.example.com/old.svg"}, {"icon_src"}),
    "metadata merged": (OAUTH, {"metadata.old": "x"}, {"metadata.old"}),
    "a proxy that stayed off": (BEARER, {"proxy_enabled": ABSENT}, {"proxy_enabled"}),
    "another path": (BEARER, {"proxy_url": "https://api.example.com/v1"}, {"proxy_url"}),
    "a placeholder in another case": (
        OAUTH,
        {"proxy_url": "https://{{Region}}.example.com/api"},
        {"proxy_url"},
    ),
    "a type kept": (BEARER, {f"{P}.type": "API_KEY"}, {f"{P}.type"}),
    "MCP kept": (BEARER, {f"{P}.is_mcp": True}, {f"{P}.is_mcp"}),
    "a field kept": (BEARER, {f"{P}.fields[1]": {"field_name": "old"}}, {f"{P}.fields.old"}),
    "a scope kept": (
        OAUTH,
        {f"{OC}.available_scopes[2]": {"scope": "old"}},
        {f"{OC}.available_scopes.old"},
    ),
    "a mutation kept": (
        BEARER,
        {f"{P}.auth_field_mutations": {"token": {"prefix": "x"}}},
        {f"{P}.auth_field_mutations"},
    ),
    "a label kept, in another order": (
        API_KEY,
        {
            f"{P}.fields": [
                {**API_KEY["auth_patterns"][0]["fields"][1], "label": "Old"},
                API_KEY["auth_patterns"][0]["fields"][2],
                API_KEY["auth_patterns"][0]["fields"][0],
            ]
        },
        {f"{P}.fields.app_key.label"},
    ),
    "an undocumented key dropped": (OAUTH, {f"{P}.x_vendor": ABSENT}, {f"{P}.x_vendor"}),
    "a blank cut off a prefix": (
        edit(BEARER, {f"{P}.auth_field_mutations": {"token": {"prefix": "Key "}}}),
        {f"{P}.auth_field_mutations": {"token": {"prefix": "Key"}}},
        {f"{P}.auth_field_mutations.token.prefix"},
    ),
}


def paths(declared: dict[str, Any], stored: dict[str, Any], before: dict[str, Any] | None = None) -> set[str]:
    """Where a declaration is not stored as it was declared."""
    return {format_path(change.path) for change in unapplied(declared, stored, before)}


@pytest.mark.parametrize("case", OWN_FORMS)
def test_a_form_of_its_own(case: str) -> None:
    """A server that writes a definition in its own way has applied it, and nothing has drifted."""
    declared, edits = OWN_FORMS[case]
    stored = edit(declared, edits)
    assert unapplied(declared, stored) == []
    form = accepted_form(declared, stored)
    assert same(form, normalize_live(stored)) or "order" in case
    assert same(merge_drift(normalize(declared), form, normalize_live(stored)), normalize(declared))


@pytest.mark.parametrize("case", OTHERS)
def test_something_else(case: str) -> None:
    """What a server kept or dropped is told by its path, and goes on to show as drift."""
    declared, edits, expected = OTHERS[case]
    stored = edit(declared, edits)
    assert paths(declared, stored) == expected
    merged = merge_drift(normalize(declared), accepted_form(declared, stored), normalize_live(stored))
    assert not same(merged, normalize(declared))
    assert unapplied(merged, stored) == []


def test_a_key_that_the_server_kept() -> None:
    """A key that a pattern declared before and no longer does is kept, not added."""
    before = edit(BEARER, {f"{P}.auth_header_key_override": "X-Old"})
    assert paths(BEARER, before) == set()
    assert paths(BEARER, before, before) == {f"{P}.auth_header_key_override"}
    assert paths(BEARER, edit(BEARER, {f"{P}.version": 2}), before) == set()


def test_an_addition_of_somebody_else_is_drift() -> None:
    """What the server added when it stored the definition is no drift; what came later is."""
    stored = edit(BEARER, {f"{P}.version": 2})
    form = accepted_form(BEARER, stored)
    later = normalize_live(edit(stored, {f"{P}.fields[0].hint": "Ask IT"}))
    merged = merge_drift(normalize(BEARER), form, later)
    assert same(merged, normalize(edit(BEARER, {f"{P}.fields[0].hint": "Ask IT"})))


@given(declared=definitions(), stored=definitions())
def test_laws(declared: dict[str, Any], stored: dict[str, Any]) -> None:
    """What is stored as declared is applied; what is not differs; and no argument is changed."""
    declared, stored = create_payload(declared), create_payload(stored)
    copies = copy.deepcopy((declared, stored))
    assert unapplied(declared, declared) == []
    if unapplied(declared, stored):
        assert not same(normalize(declared), normalize_live(stored))
    assert unapplied(declared, accepted_form(declared, stored)) == []
    assert (declared, stored) == copies


@pytest.mark.parametrize(
    ("old", "edits", "expected"),
    [
        (BEARER, {f"{P}.type": "API_KEY"}, [f"{P}.type"]),
        (BEARER, {f"{P}.type": "OAUTH", f"{P}.is_mcp": True}, [f"{P}.type", f"{P}.is_mcp"]),
        (NO_AUTH, {f"{P}.is_mcp": ABSENT}, [f"{P}.is_mcp"]),
        (BEARER, {f"{P}.is_mcp": False}, []),
        (BEARER, {f"{P}.type": UNKNOWN}, []),
        (BEARER, {f"{P}.display_name": "Other", "proxy_url": "https://x.example"}, []),
        (BEARER, {"auth_patterns": UNKNOWN}, []),
    ],
)
def test_replacements(old: dict[str, Any], edits: dict[str, Any], expected: list[str]) -> None:
    """A different type, or a switch to or from MCP, takes a new connector; an absent `is_mcp` is false."""
    assert [format_path(path) for path in replacements(old, edit(old, edits))] == expected
