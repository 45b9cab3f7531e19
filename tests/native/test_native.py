"""The native face on the real CLI: what dynamic providers do, and what they cannot do."""

from __future__ import annotations

import json
import re

import pytest

from pulumi_scalekit import local
from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import BEARER, OAUTH, bearer, named
from ..support.engines import Project
from ..support.live import change, create, identifier_of, live

pytestmark = pytest.mark.thorough

CLASSES = """
import pulumi

class Connector(pulumi.CustomResource):
    def __init__(self, name, opts=None, **properties):
        outputs = dict.fromkeys(("identifier", "environment_url"))
        super().__init__("scalekit:index:Connector", name, {**outputs, **properties}, opts)

class Provider(pulumi.ProviderResource):
    def __init__(self, name, url, client_id, client_secret):
        secret = pulumi.Output.secret(client_secret)
        settings = {"environmentUrl": url, "clientId": client_id, "clientSecret": secret}
        super().__init__("scalekit", name, settings)
"""


@pytest.fixture(autouse=True)
def native(project: Project) -> None:
    """Programs import the native classes from a module beside them."""
    project.write("native.py", CLASSES)


def test_a_life(project: Project, scalekit: LocalScalekit) -> None:
    """A connector is created, previewed as unchanged, updated by its exact path, put right after drift, and deleted."""
    project.declare({"one": bearer("One"), "two": named(OAUTH, "Two")})
    assert project.preview().ops == {"one": ["create"], "two": ["create"]}
    project.up()
    assert live(scalekit).keys() == {"One", "Two"}
    project.nothing_to_do()

    project.declare({"one": bearer("One", description="New"), "two": named(OAUTH, "Two")})
    plan = project.preview()
    assert plan.ops == {"one": ["update"]}
    assert plan.paths == {"one": {"description"}}
    project.up()
    assert live(scalekit)["One"]["description"] == "New"

    change(scalekit, "Two", {"auth_patterns[0].oauth_config.token_uri": "https://example.com/elsewhere"})
    plan = project.preview("--refresh")
    assert plan.paths == {"two": {"auth_patterns[0].oauth_config.token_uri"}}
    project.up("--refresh")
    project.nothing_to_do()
    project.destroy()
    assert live(scalekit) == {}


def test_mistakes(project: Project, scalekit: LocalScalekit) -> None:
    """Every mistake is reported at preview, in one plain message each, and nothing is created."""
    project.declare({"one": {**BEARER, "proxy_url": "http://example.com", "icon_src": "x"}})
    text = project.run("preview", code=None).text
    assert "proxy_url must start with https://" in text
    assert "icon_src must start with https://" in text
    scalekit.faults.add("create:error=503")
    project.declare({"one": bearer("One")})
    text = project.up(code=None).text
    assert "create connector 'One' failed" in text
    assert "Exception calling application" not in text
    assert live(scalekit) == {}


def test_import(project: Project, scalekit: LocalScalekit) -> None:
    """`pulumi import` takes over an existing connector by its identifier, and nothing is left to do."""
    create(scalekit, bearer("One"), "ONE:12345")
    project.run("import", "scalekit:index:Connector", "one", "ONE:12345", "--yes", "--protect=false")
    project.declare({"one": bearer("One")})
    project.nothing_to_do()
    text = project.run("import", "scalekit:index:Connector", "other", "NOBODY:1", "--yes", code=None).text
    assert f"There is no connector NOBODY:1 in {scalekit.url}" in text


def test_a_second_import(project: Project, scalekit: LocalScalekit) -> None:
    """A program with a second resource for one connector is refused; without it, the connector stays as it is.

    The import itself cannot be refused: Pulumi shows a provider nothing of the rest of the stack then.
    """
    create(scalekit, bearer("One"), "ONE:12345")
    project.declare({"one": bearer("One", adopt="ONE:12345")})
    project.up()
    project.run("import", "scalekit:index:Connector", "other", "ONE:12345", "--yes", "--protect=false")
    project.declare({"one": bearer("One", adopt="ONE:12345"), "other": bearer("One")})
    text = project.run("preview", code=None).text
    assert re.search("The connectors '(one|other)' and '(one|other)' have the same display name", text), text
    project.declare({"one": bearer("One", adopt="ONE:12345")})
    text = project.up().text
    assert "stays as it is: the resource 'one' of this stack manages it" in text
    assert project.resources().keys() == {"one"}
    assert live(scalekit).keys() == {"One"}
    project.nothing_to_do()


def test_get_connectors(project: Project, scalekit: LocalScalekit) -> None:
    """The function lists what lives in the environment, sorted by name."""
    create(scalekit, bearer("Two"), "TWO:1")
    create(scalekit, bearer("One"), "ONE:1")
    project.program("""
    found = pulumi.runtime.invoke("scalekit:index:getConnectors", {}).value
    pulumi.export("identifiers", [connector["identifier"] for connector in found["connectors"]])
    """)
    project.up()
    assert project.outputs() == {"identifiers": ["ONE:1", "TWO:1"]}


def test_two_environments(project: Project, scalekit: LocalScalekit) -> None:
    """Explicit providers put the same connector into two environments with one program."""
    with local.running() as production:
        project.write("one.json", json.dumps(bearer("One")))
        urls = {"dev": scalekit.url, "production": production.url}
        project.program(f"""
        from native import Connector, Provider
        for name, url in {urls!r}.items():
            provider = Provider(name, url, {scalekit.client_id!r}, {scalekit.client_secret!r})
            declared = json.loads(pathlib.Path("one.json").read_text())
            one = Connector(f"one-{{name}}", pulumi.ResourceOptions(provider=provider), **declared)
            pulumi.export(name, one.identifier)
        """)
        project.up()
        project.run("preview", "--expect-no-changes")
        identifiers = {
            name: identifier_of(where, "One")
            for name, where in (("dev", scalekit), ("production", production))
        }
        assert project.outputs() == identifiers
        project.destroy()
        assert live(scalekit) == live(production) == {}


def test_secrets(project: Project, scalekit: LocalScalekit) -> None:
    """What is marked as secret, at any depth, is encrypted in the state and shown nowhere; the rest stays readable."""
    secret = "s3cr3t-Tenant"
    project.run("config", "set", "--secret", "tenant", secret)
    project.program(f"""
    from native import Connector
    tenant = pulumi.Config().require_secret("tenant")
    metadata = {{"tenant": tenant, "team": "platform"}}
    Connector("one", **{bearer("One")!r}, metadata=metadata)
    """)
    results = [project.up(), project.run("preview", "--diff"), project.run("stack", "export")]
    assert live(scalekit)["One"]["metadata"]["tenant"] == secret
    assert '"team": "platform"' in results[-1].text
    # A refusal may quote what was sent.
    scalekit.faults.add("update:echo*1")
    project.run("config", "set", "--secret", "tenant", f"{secret}-2")
    results.append(project.up(code=None))
    assert "the server did not accept" in results[-1].text
    assert all(secret not in result.text for result in results)


def test_outputs_are_known_in_the_preview_of_an_update(project: Project, scalekit: LocalScalekit) -> None:
    """What depends on the identifier of a connector that is updated is no change."""
    source = """
    from native import Connector
    one = Connector("one", **json.loads(pathlib.Path("one.json").read_text()))
    Connector("two", **json.loads(pathlib.Path("two.json").read_text()), metadata={"other": one.identifier})
    """
    project.program(source)
    project.write("one.json", json.dumps(bearer("One")))
    project.write("two.json", json.dumps(bearer("Two")))
    project.up()
    project.write("one.json", json.dumps(bearer("One", description="New")))
    assert project.preview().ops == {"one": ["update"]}
