"""The rules of a definition, one case each: what is wrong, where, and how grave it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit.definition.check import errors, findings
from pulumi_scalekit.definition.keys import UNKNOWN
from pulumi_scalekit.definition.rules import RULES
from pulumi_scalekit.definition.urls import placeholders

from ..support.definitions import ALL, API_KEY, BASIC, BEARER, NO_AUTH, OAUTH
from ..support.documented import DOCUMENTED
from ..support.live import ABSENT, edit
from ..support.strategies import ANYTHING, KEYS, damaged

P = "auth_patterns[0]"
OC = f"{P}.oauth_config"
MCP_OAUTH = DOCUMENTED["github-mcp"]

# base, edits → the findings as (rule, path, severity).
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], set[tuple[str, str, str]]]] = {
    "a second pattern": (
        BEARER,
        {"auth_patterns[1]": BEARER["auth_patterns"][0]},
        {("one-auth-pattern", "auth_patterns", "error")},
    ),
    "no pattern": (BEARER, {"auth_patterns": []}, {("schema-too-short", "auth_patterns", "error")}),
    "an auth type in other words": (BEARER, {f"{P}.type": "Bearer"}, {("auth-type", f"{P}.type", "error")}),
    "a catalogue type": (BEARER, {f"{P}.type": "SMART_FHIR"}, {("auth-type", f"{P}.type", "warning")}),
    "no display name": (BEARER, {"display_name": ABSENT}, {("schema-missing", "display_name", "error")}),
    "a display name of spaces": (
        BEARER,
        {"display_name": "  "},
        {("schema-string-pattern-mismatch", "display_name", "error")},
    ),
    "a display name that ends in a line break": (
        BEARER,
        {"display_name": "Name\n"},
        {("schema-string-pattern-mismatch", "display_name", "error")},
    ),
    "a long display name": (
        BEARER,
        {"display_name": "x" * 201},
        {("schema-string-too-long", "display_name", "error")},
    ),
    "a placeholder that is no path parameter": (
        BEARER,
        {
            "proxy_url": "https://{{tenant}}.example.com",
            f"{P}.fields[1]": {"field_name": "tenant", "label": "Tenant"},
        },
        {("placeholder-not-a-path-parameter", f"{P}.fields[1].is_path_param", "warning")},
    ),
    "a field beside fields with headers": (
        API_KEY,
        {
            f"{P}.fields[3]": {"field_name": "team", "label": "Team"},
            f"{P}.auth_header_key_override": "X-Key",
        },
        {
            ("not-sent", f"{P}.fields[3]", "warning"),
            ("not-sent", f"{P}.auth_header_key_override", "warning"),
        },
    ),
    "an http proxy URL": (
        BEARER,
        {"proxy_url": "http://x.example"},
        {("schema-string-pattern-mismatch", "proxy_url", "error")},
    ),
    "a proxy URL with credentials": (
        BEARER,
        {"proxy_url": "https://me:pw@x.example"},
        {("url", "proxy_url", "error")},
    ),
    "a malformed placeholder": (
        BEARER,
        {"proxy_url": "https://{{domain.example"},
        {("url", "proxy_url", "error")},
    ),
    "an undeclared placeholder": (
        BEARER,
        {"proxy_url": "https://{{domain}}"},
        {("placeholder-undeclared", "proxy_url", "error")},
    ),
    "a placeholder that the wrong list declares": (
        OAUTH,
        {f"{P}.fields": OAUTH["auth_patterns"][0]["account_fields"], f"{P}.account_fields": ABSENT},
        {("placeholder-undeclared", "proxy_url", "error")},
    ),
    "an unused path parameter": (
        API_KEY,
        {"proxy_url": "https://api.example.com"},
        {("path-parameter-unused", f"{P}.fields[2].is_path_param", "error")},
    ),
    "OAUTH without a configuration": (
        OAUTH,
        {OC: ABSENT},
        {("oauth-config-missing", OC, "error")},
    ),
    "OAUTH without endpoints": (
        OAUTH,
        {OC: {}},
        {
            ("oauth-endpoint-missing", f"{OC}.authorize_uri", "error"),
            ("oauth-endpoint-missing", f"{OC}.token_uri", "error"),
        },
    ),
    "an endpoint that is no URL": (
        OAUTH,
        {f"{OC}.token_uri": "/token"},
        {("url", f"{OC}.token_uri", "error")},
    ),
    "a configuration where none belongs": (
        BEARER,
        {OC: {"pkce_enabled": True}},
        {("oauth-config-unexpected", OC, "error")},
    ),
    "MCP with scopes": (
        MCP_OAUTH,
        {f"{OC}.available_scopes": [{"scope": "read"}]},
        {("mcp-oauth-config", f"{OC}.available_scopes", "error")},
    ),
    "MCP without PKCE": (MCP_OAUTH, {f"{OC}.pkce_enabled": False}, set()),
    "MCP with an empty configuration": (MCP_OAUTH, {OC: {}}, set()),
    "MCP without a configuration": (MCP_OAUTH, {OC: ABSENT}, {("oauth-config-missing", OC, "error")}),
    "MCP with a domain that the connection fills": (
        MCP_OAUTH,
        {"proxy_url": "https://{{domain}}/{{version}}/mcp"},
        set(),
    ),
    "MCP with a placeholder that nothing fills": (
        MCP_OAUTH,
        {"proxy_url": "https://{{tenant}}.example.com/mcp"},
        {("placeholder-undeclared", "proxy_url", "error")},
    ),
    "a bearer token by its other name": (BEARER, {f"{P}.fields[0].field_name": "bearer_token"}, set()),
    "an MCP host without is_mcp": (
        BEARER,
        {"proxy_url": "https://MCP.example.com/v1"},
        {("mcp-url", f"{P}.is_mcp", "hint")},
    ),
    "an MCP path without is_mcp": (
        BEARER,
        {"proxy_url": "https://example.com/v1/mcp/"},
        {("mcp-url", f"{P}.is_mcp", "hint")},
    ),
    "an MCP path with is_mcp": (BEARER, {"proxy_url": "https://example.com/mcp", f"{P}.is_mcp": True}, set()),
    "a path that only begins like MCP": (BEARER, {"proxy_url": "https://example.com/mcpherson"}, set()),
    "single braces in a host": (
        BEARER,
        {"proxy_url": "https://{domain}.example.com"},
        {("url", "proxy_url", "error")},
    ),
    "single braces in an endpoint": (
        OAUTH,
        {f"{OC}.token_uri": "https://example.com/{tenant}/token"},
        {("url", f"{OC}.token_uri", "error")},
    ),
    "single braces in a domain": (
        BEARER,
        {f"{P}.allowed_proxy_domains": ["api.example.com", "{domain}"]},
        {("proxy-domain", f"{P}.allowed_proxy_domains[1]", "error")},
    ),
    "a typo in an input type": (
        BEARER,
        {f"{P}.fields[0].input_type": "pasword"},
        {("unknown-input-type", f"{P}.fields[0].input_type", "hint")},
    ),
    "an input type of another kind": (BEARER, {f"{P}.fields[0].input_type": "date"}, set()),
    "a blank at the end of a name": (
        BEARER,
        {"display_name": "Plain bearer "},
        {("display-name-blanks", "display_name", "warning")},
    ),
    "a field name that is a list": (
        BEARER,
        {f"{P}.fields[0].field_name": ["token"]},
        {
            ("schema-string-type", f"{P}.fields[0].field_name", "error"),
            ("credential-field-missing", f"{P}.fields", "error"),
        },
    ),
    "BEARER without a token": (
        BEARER,
        {f"{P}.fields": []},
        {("credential-field-missing", f"{P}.fields", "error")},
    ),
    "a credential that is a path parameter": (
        BEARER,
        {f"{P}.fields[0].is_path_param": True, "proxy_url": "https://x.example/{{token}}"},
        {("credential-field-missing", f"{P}.fields", "error")},
    ),
    "a repeated field": (
        BASIC,
        {f"{P}.fields[1].field_name": "username"},
        {("duplicate-field", f"{P}.fields[1].field_name", "error")},
    ),
    "a repeated scope": (
        OAUTH,
        {f"{OC}.available_scopes[1].scope": "read"},
        {("duplicate-scope", f"{OC}.available_scopes[1].scope", "error")},
    ),
    "a repeated header": (
        API_KEY,
        {f"{P}.fields[1].header_name": "x-api-key"},
        {("duplicate-header", f"{P}.fields[1].header_name", "error")},
    ),
    "a mutation of nothing": (
        BASIC,
        {f"{P}.auth_field_mutations.usrname": {"prefix": "x"}},
        {("mutation-unknown-field", f"{P}.auth_field_mutations.usrname", "error")},
    ),
    "a mutation of a path parameter": (
        API_KEY,
        {f"{P}.auth_field_mutations.version": {"prefix": "v"}},
        {("mutation-not-a-credential", f"{P}.auth_field_mutations.version", "warning")},
    ),
    "a select without options": (
        BEARER,
        {f"{P}.fields[0].input_type": "select"},
        {("select-without-options", f"{P}.fields[0].options", "error")},
    ),
    "NO_AUTH outside MCP": (
        NO_AUTH,
        {f"{P}.is_mcp": ABSENT},
        {("no-auth-outside-mcp", f"{P}.type", "error")},
    ),
    "NO_AUTH with fields": (
        NO_AUTH,
        {f"{P}.fields": [{"field_name": "token"}]},
        {("no-auth-with-fields", f"{P}.fields", "error")},
    ),
    "a header with a space": (
        BEARER,
        {f"{P}.auth_header_key_override": "X Key"},
        {("header-name", f"{P}.auth_header_key_override", "error")},
    ),
    "a domain that is a URL": (
        BEARER,
        {f"{P}.allowed_proxy_domains": ["api.example.com", "https://x.example"]},
        {("proxy-domain", f"{P}.allowed_proxy_domains[1]", "error")},
    ),
    "a proxy that is switched off": (
        BEARER,
        {"proxy_enabled": False},
        {("proxy-disabled", "proxy_enabled", "warning")},
    ),
    "an unknown property": (BEARER, {"proxy": True}, {("unknown-property", "proxy", "error")}),
    "a property of the server's": (BEARER, {"id": "1"}, {("unknown-property", "id", "error")}),
    "a typo in a field": (
        BEARER,
        {f"{P}.fields[0].requird": True, f"{P}.fields[0].required": ABSENT},
        {("unknown-key", f"{P}.fields[0].requird", "hint")},
    ),
    "a typo in a mutation": (
        BASIC,
        {f"{P}.auth_field_mutations.username.prefx": "x"},
        {("unknown-key", f"{P}.auth_field_mutations.username.prefx", "hint")},
    ),
    "a key in camel case": (
        BEARER,
        {f"{P}.isMcp": True},
        {("unknown-key", f"{P}.isMcp", "hint")},
    ),
    "a key by its last word": (
        BEARER,
        {f"{P}.mutations": {"token": {"prefix": "x"}}},
        {("unknown-key", f"{P}.mutations", "hint")},
    ),
    "an unknown key that is like no other": (BEARER, {f"{P}.x_vendor": {"a": 1}}, set()),
    "nested metadata": (
        BEARER,
        {"metadata": {"team": {}}},
        {("schema-string-type", "metadata.team", "error")},
    ),
    "a short metadata key": (
        BEARER,
        {"metadata": {"ab": "x"}},
        {("schema-string-too-short", "metadata.ab", "error")},
    ),
    "too much metadata": (
        BEARER,
        {"metadata": {f"key{number}": "x" for number in range(21)}},
        {("schema-too-long", "metadata", "error")},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_rule(case: str) -> None:
    """A definition with one mistake has just that finding, with a path and what to do."""
    base, edits, expected = CASES[case]
    found = findings(edit(base, edits))
    assert {(f.rule, f.path, f.severity) for f in found} == expected
    assert len(found) == len(expected)
    assert all(f.message and f.fix for f in found)


def test_valid_definitions_have_no_findings() -> None:
    """The documented payloads and the definitions that other tests start from are flawless."""
    for definition in (*ALL, *DOCUMENTED.values()):
        assert findings(definition) == []


def test_every_rule_is_documented() -> None:
    """The reference is made from the rules' docstrings: each has one."""
    assert all(rule.summary for rule in RULES)


@given(definition=st.one_of(damaged(), st.dictionaries(st.one_of(KEYS, st.text()), ANYTHING, max_size=6)))
def test_findings_never_raise(definition: dict[str, Any]) -> None:
    """Whatever JSON comes, with unknown values anywhere, the answer is a list: errors first, none twice."""
    found = findings(definition)
    assert len(set(found)) == len(found)
    ranks = [("error", "warning", "hint").index(finding.severity) for finding in found]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("definition", [*ALL, *DOCUMENTED.values()], ids=lambda d: d["display_name"])
def test_an_unknown_value_is_no_mistake(definition: dict[str, Any]) -> None:
    """A value that is not known yet, at any place, makes a valid definition no worse."""

    def places(value: Any, path: str) -> list[str]:
        if isinstance(value, dict):
            return [p for k, v in value.items() for p in (f'{path}["{k}"]', *places(v, f'{path}["{k}"]'))]
        if isinstance(value, list):
            return [p for i, v in enumerate(value) for p in (f"{path}[{i}]", *places(v, f"{path}[{i}]"))]
        return []

    for place in places(definition, ""):
        assert errors(edit(definition, {place: UNKNOWN})) == [], place


def test_a_wrong_type_is_named_as_json_does() -> None:
    """What stands where something else belongs is named in JSON's words, not in Python's."""
    (found,) = findings({**BEARER, "auth_patterns": [None]})
    assert f"{found.path} {found}" == "auth_patterns[0] must be a mapping; it is null now"


def test_single_braces_are_called_so() -> None:
    """Braces that an f-string has halved are told in words about braces, with what to write."""
    (found,) = findings({**BEARER, "proxy_url": "https://{domain}/api"})
    assert str(found) == (
        "has single braces, and a placeholder has two on each side; "
        "write placeholders as {{name}}; in an f-string of Python, double each brace: {{{{name}}}}"
    )


def test_messages_hold_no_values() -> None:
    """Findings name properties, not their values, so that they can be shown where values must not be."""
    secret = "Hush-Hush 42"
    wrong = edit(
        BEARER, {"display_name": f"{secret}!", "proxy_url": f"http://{secret}", "description": [secret]}
    )
    assert errors(wrong)
    assert all(secret not in f"{f.path} {f}" for f in findings(wrong))


def test_placeholders() -> None:
    """Placeholders are found in order, once each, with or without spaces."""
    assert placeholders("https://{{a}}.{{ b }}/{{a}}") == ["a", "b"]
    assert placeholders(UNKNOWN) == []
