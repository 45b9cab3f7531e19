"""Where the values that a definition collects go when an account is made."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.definition.account_values import account_values
from pulumi_scalekit.definition.keys import UNKNOWN

from ..support.definitions import API_KEY, BASIC, BEARER, NO_AUTH, OAUTH
from ..support.documented import DOCUMENTED
from ..support.live import edit

P = "auth_patterns[0]"
DETAILS = "authorization_details.static_auth.details"


@pytest.mark.parametrize(
    ("definition", "places"),
    [
        (BEARER, {DETAILS: ["token"]}),
        (BASIC, {DETAILS: ["username", "password"]}),
        (API_KEY, {DETAILS: ["api_key", "app_key"], f"{DETAILS}.path_variables": ["version"]}),
        (OAUTH, {"api_config.path_variables": ["region"]}),
        (NO_AUTH, {}),
        (
            edit(DOCUMENTED["github-mcp"], {"proxy_url": "https://{{domain}}.example.com/{{version}}/mcp"}),
            {"context": ["domain", "version"]},
        ),
        (edit(BEARER, {f"{P}.fields[0].field_name": UNKNOWN}), {}),
        ({"auth_patterns": UNKNOWN}, {}),
    ],
)
def test_places(definition: dict[str, Any], places: dict[str, list[str]]) -> None:
    """Credentials go into the details, path parameters below them, and those of OAUTH into `api_config`."""
    assert account_values(definition) == places
