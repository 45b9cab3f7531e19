"""Every mistake at once, at preview."""

from __future__ import annotations

import json

import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import bearer
from ..support.engines import Project
from ..support.live import live

WRONG = {
    "display_name": "My/Connector",
    "description": 5,
    "dispaly_name": "My Connector",
    "proxy_url": "https://{{domain}}.example.com",
    "icon_src": "http://example.com/icon.svg",
    "metadata": {"ab": "a short key", "team": "", "owner": {"name": "nested"}},
    "auth_patterns": [
        {
            "type": "API_KEY",
            "fields": [
                {"field_name": "version", "is_path_param": True},
                {"field_name": "version"},
                {"field_name": "mode", "input_type": "select"},
                {"label": "No name"},
                {"field_name": "tenant", "required": "yes"},
            ],
            "oauth_config": {"token_uri": "https://example.com/token"},
            "auth_header_key_override": "X Key",
            "auth_field_mutations": {
                "nobody": {"prefix": "x"},
                "api_key": {"prefix": "a\nb", "default": "d"},
            },
            "allowed_proxy_domains": ["https://example.com"],
        },
        {
            "type": "OAUTH",
            "display_name": "Over MCP",
            "is_mcp": True,
            "oauth_config": {"token_uri": "example.com/token", "pkce_enabled": True},
        },
    ],
}
PATHS = {
    "auth_patterns",
    "auth_patterns[0].allowed_proxy_domains[0]",
    "auth_patterns[0].auth_field_mutations.api_key.prefix",
    "auth_patterns[0].auth_field_mutations.nobody",
    "auth_patterns[0].auth_header_key_override",
    "auth_patterns[0].display_name",
    "auth_patterns[0].fields",
    "auth_patterns[0].fields[0].is_path_param",
    "auth_patterns[0].fields[1].field_name",
    "auth_patterns[0].fields[2].options",
    "auth_patterns[0].fields[3].field_name",
    "auth_patterns[0].fields[4].required",
    "auth_patterns[0].is_mcp",
    "auth_patterns[0].oauth_config",
    "auth_patterns[1].oauth_config.token_uri",
    "description",
    "dispaly_name",
    "display_name",
    "icon_src",
    "metadata.ab",
    "metadata.owner",
    "metadata.team",
    "proxy_url",
}


def test_every_mistake_at_once(project: Project, scalekit: LocalScalekit) -> None:
    """A definition with more than 20 mistakes reports each path in one preview, each with what to do."""
    assert len(PATHS) >= 20
    project.write("wrong.json", json.dumps(WRONG))
    project.program('scalekit.Connector.from_json("wrong", "wrong.json")')
    plan = project.preview(code=None)
    errors = [message for message in plan.diagnostics if message.startswith("error")]
    reported: set[str] = set()
    for error in errors:
        _, _, finding = error.partition("has a problem: ")
        path, _, advice = finding.partition(" ")
        assert "; " in advice, error
        reported.add(path)
    assert reported == PATHS
    assert live(scalekit) == {}
    assert project.resources() == {}


@pytest.mark.thorough
def test_a_changed_definition_is_checked_too(project: Project, scalekit: LocalScalekit) -> None:
    """A mistake in a change stops the preview, and the connector stays as it is."""
    project.declare({"one": bearer("One")})
    project.up()
    before = live(scalekit)
    project.declare({"one": bearer("One", proxy_url="http://api.example.com")})
    assert len(project.preview(code=None).said("proxy_url must start with https://")) == 1
    project.up(code=None)
    assert live(scalekit) == before


@pytest.mark.thorough
def test_program_errors(project: Project, scalekit: LocalScalekit) -> None:
    """What the program itself does wrong reads as one message, too."""
    scenarios: dict[str, tuple[str, str]] = {
        "a file that is not there": (
            'scalekit.Connector.from_json("one", "missing.json")',
            "one: cannot read missing.json: No such file or directory",
        ),
        "a misspelled argument": (
            'scalekit.Connector("one", dispaly_name="One")',
            "__main__.py:6: Connector() has no argument dispaly_name; did you mean display_name?",
        ),
        "a misspelled argument of a pattern": (
            'scalekit.BearerAuth("Token", feilds=[])',
            "__main__.py:6: BearerAuth() has no argument feilds; did you mean fields?",
        ),
        "two of one name": (
            """
            pattern = [scalekit.NoAuth(display_name="None", is_mcp=True)]
            for name in ("one", "two"):
                scalekit.Connector(
                    name, display_name="Same", proxy_url="https://mcp.example.com", auth_patterns=pattern
                )
            """,
            "The connectors 'one' and 'two' have the same display name",
        ),
        "two of one name, by output": (
            """
            pattern = [scalekit.NoAuth(display_name="None", is_mcp=True)]
            for name in ("one", "two"):
                scalekit.Connector(
                    name,
                    display_name=pulumi.Output.from_input("Same"),
                    proxy_url="https://mcp.example.com",
                    auth_patterns=pattern,
                )
            """,
            "have the same display name",
        ),
    }
    for name, (source, message) in scenarios.items():
        project.program(source)
        plan = project.preview(code=None)
        assert plan.said(message), (name, plan.result)
    assert live(scalekit) == {}
