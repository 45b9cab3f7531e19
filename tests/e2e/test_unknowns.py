"""Connectors whose properties come from another resource's outputs, nested ones too."""

from __future__ import annotations

import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.engines import Project
from ..support.live import live

pytestmark = pytest.mark.thorough

# The resource `source` is replaced when its value changes, so that a preview does not know its new outputs.
PROGRAM = """
import pulumi.dynamic


class SourceProvider(pulumi.dynamic.ResourceProvider):
    def create(self, props):
        value = props["value"]
        return pulumi.dynamic.CreateResult(
            value, {"value": value, "url": f"https://{value}.example.com", "label": f"Label {value}"}
        )

    def diff(self, _id, olds, news):
        changed = olds["value"] != news["value"]
        return pulumi.dynamic.DiffResult(changed, replaces=["value"] if changed else [])


class Source(pulumi.dynamic.Resource):
    url: pulumi.Output[str]
    label: pulumi.Output[str]

    def __init__(self, name, value):
        super().__init__(SourceProvider(), name, {"value": value, "url": None, "label": None})


source = Source("source", VALUE)


def connector(name, *, opts=None, **changes):
    properties = {
        "display_name": name.title(),
        "proxy_url": "https://api.example.com",
        "auth_patterns": [
            scalekit.BearerAuth(display_name="Token", fields=[scalekit.Field("token", label="Token")])
        ],
        **changes,
    }
    return scalekit.Connector(name, **properties, opts=opts)


connector("top", description=source.label, proxy_url=source.url, metadata={"label": source.label})
connector(
    "deep",
    auth_patterns=[
        scalekit.OAuth(
            display_name="OAuth",
            oauth_config=scalekit.OAuthConfig(
                authorize_uri=source.url.apply(lambda url: f"{url}/authorize"),
                token_uri=pulumi.Output.concat(source.url, "/token"),
                available_scopes=[
                    scalekit.Scope("read", description=source.label),
                    source.label.apply(lambda label: {"scope": label.replace(" ", "-")}),
                ],
            ),
        )
    ],
)
connector(
    "whole",
    display_name=source.label.apply(lambda label: f"Whole {label}"),
    auth_patterns=source.label.apply(
        lambda label: [{"type": "NO_AUTH", "display_name": label, "fields": [], "is_mcp": True}]
    ),
)
connector("stays", description=source.label, opts=pulumi.ResourceOptions(replace_on_changes=["auth_patterns"]))
connector("moves", description=source.label, opts=pulumi.ResourceOptions(replace_on_changes=["description"]))
"""

UPDATED = {
    "top": {"description", "proxy_url", "metadata.label"},
    "deep": {
        "auth_patterns[0].oauth_config.authorize_uri",
        "auth_patterns[0].oauth_config.token_uri",
        "auth_patterns[0].oauth_config.available_scopes[0].description",
        "auth_patterns[0].oauth_config.available_scopes[1]",
    },
    "whole": {"display_name", "auth_patterns"},
    "stays": {"description"},
    "moves": {"description"},
}


def test_unknown_values(project: Project, scalekit: LocalScalekit) -> None:
    """Previews of create, update and replace neither crash nor plan a wrong step when values are unknown."""
    project.program(PROGRAM.replace("VALUE", "'one'"))
    plan = project.preview()
    assert plan.ops == {key: ["create"] for key in ["source", *UPDATED]}
    assert plan.diagnostics == []
    project.up()
    assert_values(scalekit, "one")
    identifiers = {name: resource["id"] for name, resource in project.resources().items()}

    project.program(PROGRAM.replace("VALUE", "'two'"))
    plan = project.preview()
    assert {name: ops for name, ops in plan.ops.items() if ops == ["update"]}.keys() == {
        "top",
        "deep",
        "whole",
        "stays",
    }
    assert set(plan.ops["moves"]) == set(plan.ops["source"])
    assert "replace" in plan.ops["moves"]
    assert {name: plan.paths[name] for name in UPDATED} == UPDATED
    assert [message for message in plan.diagnostics if message.startswith("error")] == []

    project.up()
    assert_values(scalekit, "two")
    after = {name: resource["id"] for name, resource in project.resources().items()}
    assert {name for name in after if after[name] != identifiers[name]} == {"moves"}
    project.nothing_to_do()


def assert_values(scalekit: LocalScalekit, value: str) -> None:
    """What is live has the values of the source."""
    stored = live(scalekit)
    assert stored.keys() == {"Top", "Deep", f"Whole Label {value}", "Stays", "Moves"}
    assert stored["Top"]["proxy_url"] == f"https://{value}.example.com"
    assert stored["Top"]["metadata"] == {"label": f"Label {value}"}
    assert stored["Deep"]["auth_patterns"][0]["oauth_config"] == {
        "authorize_uri": f"https://{value}.example.com/authorize",
        "token_uri": f"https://{value}.example.com/token",
        "available_scopes": [
            {"scope": "read", "description": f"Label {value}"},
            {"scope": f"Label-{value}"},
        ],
    }
    assert stored[f"Whole Label {value}"]["auth_patterns"][0]["display_name"] == f"Label {value}"
    assert stored["Stays"]["description"] == stored["Moves"]["description"] == f"Label {value}"
