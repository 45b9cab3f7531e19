"""The wrong environment: a stack of one, run with the settings of another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit import local
from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import OAUTH, bearer, named
from ..support.engines import Project
from ..support.live import change, identifier_of, live, remove

pytestmark = pytest.mark.thorough

DECLARED = {"one": bearer("One"), "two": named(OAUTH, "Two")}
WRITES = ("create", "update", "delete")


def test_the_wrong_environment(project: Project, scalekit: LocalScalekit) -> None:
    """Preview, up, refresh and destroy each stop with both URLs: nothing written, nothing forgotten."""
    project.declare(DECLARED)
    project.up()
    before, state = live(scalekit), _by_urn(project)
    with local.running() as production:
        project.env.update(production.env)
        for name in ("preview", "up", "refresh", "destroy"):
            flags = [] if name == "preview" else ["--yes", "--skip-preview"]
            text = project.run(name, *flags, code=None).text
            said = f"lives in {scalekit.url}, but the settings of this run name {production.url}"
            assert said in text, (name, text)
            assert "Nothing was changed" in text
        assert live(production) == {}
        assert [production.requests.count(operation) for operation in WRITES] == [0, 0, 0]
    assert live(scalekit) == before
    assert _by_urn(project) == state


def _by_urn(project: Project) -> dict[str, tuple[Any, ...]]:
    """What the state knows of each resource, without when and from where it was written."""
    return {
        resource["urn"]: tuple(resource.get(key) for key in ("id", "inputs", "outputs"))
        for resource in project.state()
    }


def test_an_environment_that_moved(make_project: Callable[[LocalScalekit], Project], tmp_path: Path) -> None:
    """With SCALEKIT_FORMER_ENVIRONMENT_URL a stack follows its environment to a new URL, once and for all."""
    data = tmp_path / "environment"
    with local.running(data=data) as before:
        project = make_project(before)
        project.declare(DECLARED)
        project.up()
        stored, former = live(before), before.url
        identifiers = {name: resource["id"] for name, resource in project.resources().items()}
    with local.running(data=data) as after:
        assert after.url != former
        project.env.update(after.env)
        project.env["SCALEKIT_FORMER_ENVIRONMENT_URL"] = former
        plan = project.preview()
        assert plan.paths == {key: {"environment_url"} for key in DECLARED}
        project.up()
        assert live(after).keys() == stored.keys()
        resources = project.resources()
        assert {name: resource["id"] for name, resource in resources.items()} == identifiers
        assert {r["outputs"]["environment_url"] for r in resources.values()} == {after.url}
        del project.env["SCALEKIT_FORMER_ENVIRONMENT_URL"]
        project.nothing_to_do()


def test_an_empty_environment(project: Project, scalekit: LocalScalekit) -> None:
    """A refresh forgets what is gone from among others, and nothing where all is gone, unless a setting allows it."""
    project.declare(DECLARED)
    project.up()
    remove(scalekit, "One")
    project.refresh()
    assert project.resources().keys() == {"two"}
    remove(scalekit, "Two")
    state = _by_urn(project)
    for command in (("refresh",), ("up", "--refresh"), ("destroy", "--refresh")):
        text = project.run(*command, "--yes", "--skip-preview", code=None).text
        assert "the environment has none. Nothing was forgotten" in text, command
        assert _by_urn(project) == state
    project.env["SCALEKIT_ALLOW_EMPTY_ENVIRONMENT"] = "true"
    project.up("--refresh")
    assert live(scalekit).keys() == {"One", "Two"}
    project.nothing_to_do()


def test_destroy_needs_no_permission(project: Project, scalekit: LocalScalekit) -> None:
    """A `destroy` of what is gone already is not held up where the environment is empty."""
    project.declare({"one": bearer("One")})
    project.up()
    remove(scalekit, "One")
    project.destroy()
    assert project.resources() == {}


def test_two_environments_in_one_program(project: Project, scalekit: LocalScalekit) -> None:
    """Explicit providers keep a connector of one name in two environments, each with its own credentials."""
    with local.running(client_id="skc_production", client_secret="production-secret") as production:
        environments = {"dev": scalekit, "production": production}
        clients = {
            name: (where.url, where.client_id, where.client_secret) for name, where in environments.items()
        }
        # The variables are those of a third environment, which nothing may be asked of.
        project.env.update(
            SCALEKIT_ENVIRONMENT_URL="https://elsewhere.invalid", SCALEKIT_CLIENT_SECRET="wrong"
        )
        del project.env["SCALEKIT_CLIENT_ID"]
        project.program(f"""
        declared = json.loads(pathlib.Path("one.json").read_text())
        for name, (url, client, secret) in {clients!r}.items():
            provider = scalekit.Provider(
                name, environment_url=url, client_id=client, client_secret=secret, parallel=4, backoff=0.01
            )
            options = pulumi.ResourceOptions(provider=provider)
            one = scalekit.Connector(f"one-{{name}}", **declared, opts=options)
            connection = scalekit.Connection(
                f"use-{{name}}", connector=one, connection_name="support", opts=options
            )
            pulumi.export(name, one.identifier)
        """)
        for description in ("Before", "After"):
            project.write("one.json", json.dumps(bearer("One", description=description)))
            project.up()
            for name, where in environments.items():
                assert {key: found["description"] for key, found in live(where).items()} == {
                    "One": description
                }, name
                assert len(where.store.connections()) == 1, name
            assert project.outputs() == {
                name: identifier_of(where, "One") for name, where in environments.items()
            }
        project.nothing_to_do()
        assert production.client_secret not in json.dumps(project.state())
        change(production, "One", {"description": "Changed"})
        assert project.preview("--refresh").paths == {"one-production": {"description"}}
        project.destroy()
        assert [live(where) for where in environments.values()] == [{}, {}]


def test_a_component_passes_its_provider_on(project: Project, scalekit: LocalScalekit) -> None:
    """Connectors in a component go to the provider in its `providers`; with another URL, they are refused."""
    with local.running(client_id="skc_production", client_secret="production-secret") as production:
        project.write("one.json", json.dumps(bearer("One")))

        def declare(where: LocalScalekit) -> None:
            project.program(f"""
            provider = scalekit.Provider(
                "production",
                environment_url={where.url!r},
                client_id={where.client_id!r},
                client_secret={where.client_secret!r},
            )
            team = pulumi.ComponentResource(
                "team:index:Team", "team", opts=pulumi.ResourceOptions(providers=[provider])
            )
            declared = json.loads(pathlib.Path("one.json").read_text())
            one = scalekit.Connector("one", **declared, opts=pulumi.ResourceOptions(parent=team))
            scalekit.Connection(
                "use", connector=one, connection_name="use", opts=pulumi.ResourceOptions(parent=team)
            )
            """)

        declare(production)
        project.up()
        assert live(production).keys() == {"One"}
        assert len(production.store.connections()) == 1
        assert live(scalekit) == {}
        project.nothing_to_do()

        declare(scalekit)
        refused = project.preview(code=None).result.text
        assert f"lives in {production.url}, but the settings of this run name {scalekit.url}" in refused
        project.up(code=None)
        assert (live(production).keys(), live(scalekit)) == ({"One"}, {})
        declare(production)
        project.up()
        project.nothing_to_do()
