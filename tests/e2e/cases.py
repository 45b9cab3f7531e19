"""The table of changes: what is declared or live, what is made of it, and the property paths of the plan.

Each row is used three times: as a change of the program, as a change behind Pulumi's back, and against the
live environment afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..support.definitions import API_KEY, BASIC, BEARER, NO_AUTH, OAUTH
from ..support.live import ABSENT, Definition, edit


@dataclass(frozen=True)
class Case:
    """One change of one definition."""

    base: Definition
    edits: Mapping[str, Any]
    """New values by property path."""
    paths: frozenset[str] = frozenset()
    """The paths that a plan names; those of `edits` when empty."""
    says: str = ""
    """What the preview says about the change in the program."""
    clears: bool = False
    """Whether it takes away what an update of Scalekit's cannot clear."""
    after: Definition = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "after", edit(self.base, self.edits))
        if not self.paths:
            object.__setattr__(self, "paths", frozenset(self.edits))


KEEP = "keep the old settings until they are made again or re-authorized"
_PATTERN = "auth_patterns[0]"
_OAUTH = f"{_PATTERN}.oauth_config"
_FIELD = f"{_PATTERN}.account_fields[0]"
_SCOPES = f"{_OAUTH}.available_scopes"


def _oauth(path: str, value: Any, *paths: str, says: str = "") -> Case:
    return Case(OAUTH, {path: value}, frozenset(paths), says)


def _api_key(path: str, value: Any, *paths: str, says: str = "") -> Case:
    return Case(API_KEY, {path: value}, frozenset(paths), says)


CHANGES: dict[str, Case] = {
    # Top-level properties.
    "description": _oauth("description", "Another"),
    "description-removed": Case(OAUTH, {"description": ABSENT}, clears=True),
    "description-added": Case(BEARER, {"description": "New – ünïcödé 🎉"}),
    "proxy-url": _oauth("proxy_url", "https://{{region}}.example.com/v2"),
    "proxy-disabled": _oauth(
        "proxy_enabled",
        False,
        says="proxy_enabled is false: tool calling through this connector will not work",
    ),
    "icon": _oauth("icon_src", "https://cdn.example.com/other.svg"),
    "icon-removed": Case(OAUTH, {"icon_src": ABSENT}, clears=True),
    "metadata-value": _oauth("metadata.team", "core"),
    "metadata-dashed-key": _oauth('metadata["cost-center"]', "43"),
    "metadata-dotted-key": _oauth('metadata["service.tier"]', "silver"),
    "metadata-added-key": _oauth("metadata.owner", "ops"),
    "metadata-removed-key": _oauth("metadata.team", ABSENT),
    "metadata-removed": _oauth("metadata", ABSENT),
    "metadata-added": Case(BEARER, {"metadata": {"team": "platform"}}),
    # Properties of the pattern.
    "pattern-name": _oauth(f"{_PATTERN}.display_name", "Sign in with OAuth"),
    "pattern-description": _oauth(f"{_PATTERN}.description", "Another way"),
    "header-override": _oauth(f"{_PATTERN}.auth_header_key_override", "X-Other"),
    "header-override-removed": _oauth(f"{_PATTERN}.auth_header_key_override", ABSENT),
    "mutation": _oauth(f"{_PATTERN}.auth_field_mutations.token.prefix", "v2 "),
    "mutation-removed": _oauth(f"{_PATTERN}.auth_field_mutations", ABSENT),
    "domain": _oauth(f"{_PATTERN}.allowed_proxy_domains[1]", "example.net"),
    "domain-added": _oauth(f"{_PATTERN}.allowed_proxy_domains[2]", "example.net"),
    "domain-removed": _oauth(f"{_PATTERN}.allowed_proxy_domains[1]", ABSENT),
    "unknown-key-value": _oauth(f"{_PATTERN}.x_vendor.retries", 4),
    "unknown-key-fraction": _oauth(f"{_PATTERN}.x_vendor.ratio", 0.25),
    "unknown-key-list": _oauth(f"{_PATTERN}.x_vendor.tags[1]", "c"),
    "unknown-key-removed": _oauth(f"{_PATTERN}.x_vendor", ABSENT),
    "unknown-key-added": Case(BEARER, {f"{_PATTERN}.x_vendor": {"nested": [1, 2.5, True, "x"]}}),
    "unknown-false-is-no-default": Case(BEARER, {f"{_PATTERN}.x_flag": False}),
    # The OAuth configuration.
    "authorize-uri": _oauth(f"{_OAUTH}.authorize_uri", "https://example.com/v2/authorize"),
    "token-uri": _oauth(f"{_OAUTH}.token_uri", "https://example.com/v2/token"),
    "user-info-uri": _oauth(f"{_OAUTH}.user_info_uri", "https://example.com/v2/me"),
    "user-info-uri-removed": _oauth(f"{_OAUTH}.user_info_uri", ABSENT),
    "pkce": _oauth(f"{_OAUTH}.pkce_enabled", False),
    "scope-name": _oauth(f"{_OAUTH}.custom_scope_name", "scopes"),
    "own-credentials": _oauth(f"{_OAUTH}.allow_use_scalekit_credentials", False),
    "scope": _oauth(
        f"{_SCOPES}[1].scope",
        "admin",
        says=f"adds scope admin; removes scope write: existing connections and connected accounts {KEEP}",
    ),
    "scope-label": _oauth(f"{_SCOPES}[0].display_name", "Reading"),
    "scope-description": _oauth(f"{_SCOPES}[0].description", "Read a little"),
    "scope-required": _oauth(f"{_SCOPES}[0].required", False),
    "scope-added": _oauth(
        f"{_SCOPES}[2]",
        {"scope": "admin"},
        says=f"adds scope admin: existing connections and connected accounts {KEEP}",
    ),
    "scope-removed": _oauth(
        f"{_SCOPES}[1]",
        ABSENT,
        says=f"removes scope write: existing connections and connected accounts {KEEP}",
    ),
    # Account fields and their options.
    "account-field-label": _oauth(f"{_FIELD}.label", "Zone"),
    "account-field-hint": _oauth(f"{_FIELD}.hint", "Which zone"),
    "account-field-required": _oauth(f"{_FIELD}.required", False),
    "account-field-path-param": _oauth(
        f"{_FIELD}.is_path_param", False, says="is not true, though proxy_url has {{region}}"
    ),
    "option-value": _oauth(f"{_FIELD}.options[0].value", "de"),
    "option-label": _oauth(f"{_FIELD}.options[0].display_name", "Germany"),
    "option-description": _oauth(f"{_FIELD}.options[0].description", "Berlin"),
    "option-default": _oauth(f"{_FIELD}.options[1].default", True),
    "option-added": _oauth(f"{_FIELD}.options[2]", {"value": "in"}),
    # Fields of the static types.
    "field-input-type": _api_key(f"{_PATTERN}.fields[0].input_type", "text"),
    "field-header": _api_key(f"{_PATTERN}.fields[0].header_name", "X-Key"),
    "field-header-removed": _api_key(
        f"{_PATTERN}.fields[1].header_name",
        ABSENT,
        says="is sent nowhere: once a field has a header_name, only fields that have one are",
    ),
    "field-added": _api_key(
        f"{_PATTERN}.fields[3]",
        {"field_name": "tenant", "label": "Tenant", "header_name": "X-Tenant"},
        says=f"adds field tenant: existing connections and connected accounts {KEEP}",
    ),
    "field-removed": _api_key(
        f"{_PATTERN}.fields[1]",
        ABSENT,
        # What comes after a removed element moves up: Pulumi compares lists by position.
        f"{_PATTERN}.fields[1].field_name",
        f"{_PATTERN}.fields[1].header_name",
        f"{_PATTERN}.fields[1].is_path_param",
        f"{_PATTERN}.fields[1].label",
        f"{_PATTERN}.fields[2]",
        says=f"removes field app_key: existing connections and connected accounts {KEEP}",
    ),
    "mutation-suffix": _api_key(f"{_PATTERN}.auth_field_mutations.api_key.suffix", "?"),
    "mutation-default-removed": _api_key(f"{_PATTERN}.auth_field_mutations.api_key.default", ABSENT),
    "basic-mutation": Case(BASIC, {f"{_PATTERN}.auth_field_mutations.username.suffix": "/key"}),
    "no-auth-description": Case(NO_AUTH, {f"{_PATTERN}.description": "Open to all"}),
}
"""Every property that can change in place, changed by itself."""


@dataclass(frozen=True)
class Same:
    """Two ways to write one definition."""

    one: Definition
    other: Definition


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [_reversed(item) for item in value]
    return value


def _with_nones(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{key: _with_nones(item) for key, item in value.items()}, "x_none": None}
    if isinstance(value, list):
        return [_with_nones(item) for item in value]
    return value


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


WRITTEN_OUT = edit(
    BEARER,
    {
        "description": "",
        "icon_src": "",
        "metadata": {},
        f"{_PATTERN}.description": "",
        f"{_PATTERN}.account_fields": [],
        f"{_PATTERN}.auth_header_key_override": "",
        f"{_PATTERN}.auth_field_mutations": {},
        f"{_PATTERN}.is_mcp": False,
        f"{_PATTERN}.allowed_proxy_domains": [],
        f"{_PATTERN}.fields[0].hint": "",
        f"{_PATTERN}.fields[0].input_type": "",
        f"{_PATTERN}.fields[0].options": [],
        f"{_PATTERN}.fields[0].is_path_param": False,
        f"{_PATTERN}.fields[0].header_name": "",
    },
)
"""`BEARER` with every default written out."""
OAUTH_WRITTEN_OUT = edit(
    OAUTH,
    {
        f"{_SCOPES}[1].description": "",
        f"{_FIELD}.options[1].default": False,
        f"{_FIELD}.options[1].description": "",
        f"{_PATTERN}.is_mcp": False,
        f"{_PATTERN}.auth_field_mutations.token.suffix": "",
    },
)
EMPTY_TAIL = edit(OAUTH, {f"{_PATTERN}.fields": ABSENT})

SAME: dict[str, Same] = {
    "key-order": Same(OAUTH, _reversed(OAUTH)),
    "key-order-static": Same(API_KEY, _reversed(API_KEY)),
    "defaults-added": Same(BEARER, WRITTEN_OUT),
    "defaults-dropped": Same(WRITTEN_OUT, BEARER),
    "oauth-defaults-added": Same(OAUTH, OAUTH_WRITTEN_OUT),
    "oauth-defaults-dropped": Same(OAUTH_WRITTEN_OUT, OAUTH),
    "empty-list-dropped": Same(OAUTH, EMPTY_TAIL),
    "empty-list-added": Same(EMPTY_TAIL, OAUTH),
    "none-added": Same(OAUTH, {**OAUTH, "auth_patterns": _with_nones(OAUTH["auth_patterns"])}),
    "none-dropped": Same({**BEARER, "description": None, "metadata": None}, BEARER),
    "none-added-static": Same(BEARER, {**BEARER, "description": None, "icon_src": None}),
    "floats": Same(OAUTH, _floats(OAUTH)),
    "integers": Same(_floats(OAUTH), OAUTH),
}
"""Definitions that mean the same, written in two ways."""
