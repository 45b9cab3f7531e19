"""Import, promote and review against real stacks, on the Pulumi CLI and on the embedded engine."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.operations.pulumi_cli import ENGINE_VARIABLE

from ..support.definitions import API_KEY, OAUTH
from ..support.engines import Project
from .conftest import Result, connect, seed, writes
from .samples import ASANA, FRESHDESK, GITHUB, TAVILY, older_asana

Run = Callable[..., Result]
SHAPES = [ASANA, FRESHDESK, GITHUB, TAVILY, OAUTH, API_KEY]
CONFIG_SECRET = "config-secret-31aa"


TEXTS = (
    "",
    'it\'s "quoted"',
    "{{x}} ${y} %s \\n",
    "naïve ✓ 日本",
    "two\nlines\tand tabs",
    "a" * 200,
    "words " * 40,
)


def varied(definition: dict[str, Any], random: Random, number: int) -> dict[str, Any]:
    """A definition with texts and unknown keys of all kinds, still within the rules."""

    def value(depth: int = 0) -> Any:
        scalars = (None, True, False, 0, -3, 2.5, 1e22, -0.0, 2**53, *TEXTS)
        if depth == 3 or random.random() < 0.5:
            return random.choice(scalars)
        if random.random() < 0.5:
            return [value(depth + 1) for _ in range(random.randrange(4))]
        keys = random.sample(("class", "x-y", "é", "", "extra", "type", "id"), random.randrange(4))
        return {key: value(depth + 1) for key in keys}

    made = copy.deepcopy(definition)
    made |= {"display_name": f"Number {number}", "description": random.choice(TEXTS)}
    pattern = made["auth_patterns"][0]
    pattern["description"] = random.choice(TEXTS)
    pattern |= {key: value() for key in random.sample(("x_one", "x-two", "extra", "3", "mutations"), 2)}
    for entry in pattern["fields"]:
        entry |= {"hint": random.choice(TEXTS), "x_field": value()}
    return made


@pytest.fixture
def on(command: Run, project: Project) -> Run:
    """Runs the command on the project, with its engine."""

    def call(*arguments: str, **more: str) -> Result:
        environ = {**project.env, ENGINE_VARIABLE: project.engine.command, **more}
        result = command(*arguments, "--program", str(project.directory), environ=environ)
        assert CONFIG_SECRET not in result.text
        return result

    return call


def imported(project: Project) -> Path:
    """The module that an import writes."""
    return project.directory / "imported_connectors.py"


@pytest.mark.thorough
def test_connections_come_under_management(on: Run, project: Project, scalekit: LocalScalekit) -> None:
    """After an import, neither a preview nor a refresh finds a change; no secret is needed, nor written down."""
    app = {"client_id": "asana-app", "client_secret": "canary-secret", "scopes": ["email"]}
    desk = copy.deepcopy(FRESHDESK)
    desk["auth_patterns"][0]["fields"][0]["is_path_param"] = True
    asana, freshdesk, tavily = seed(scalekit, ASANA, desk, TAVILY)
    connect(scalekit, "asana", asana, app=app)
    connect(scalekit, "second", asana, app={**app, "prompt": "consent"}, auth_mode="ORG_WIDE")
    connect(scalekit, "desk", freshdesk, "BASIC", context={"domain": "acme.freshdesk.com"})
    before = writes(scalekit)
    project.program("import imported_connectors\n")
    report = on("import", "--stack", "dev", "--json", "My Asana", tavily).json
    assert [c["resource"] for c in report["connections"]] == ["asana", "second"]
    report = on("import", "--stack", "dev", "--json").json
    assert [c["resource"] for c in report["connections"]] == ["desk"]
    project.nothing_to_do()
    assert writes(scalekit) == before
    state = project.run("stack", "export", "--show-secrets").stdout
    assert "canary" not in imported(project).read_text() + state

    # Another setting is sent with the masked secret, without the variable.
    changed = imported(project).read_text().replace('prompt="consent"', 'prompt="login"')
    imported(project).write_text(changed)
    project.up()
    settings = scalekit.store.get_connection(name="second").settings["oauth_config"]
    assert (settings["prompt"], settings["client_secret"]) == ("login", "canary-secret")


@pytest.mark.thorough
def test_a_hundred_connectors_come_under_management(
    on: Run, project: Project, scalekit: LocalScalekit
) -> None:
    """After an import of 100 connectors of all shapes the preview is empty, and Scalekit has seen no write."""
    random = Random(2026)
    for number in range(100):
        scalekit.store.create_provider(varied(SHAPES[number % len(SHAPES)], random, number))
    project.run("config", "set", "--secret", "scalekit:clientSecret", CONFIG_SECRET)
    config = project.directory / "Pulumi.dev.yaml"
    settings = f"  scalekit:environmentUrl: {scalekit.url}\n  scalekit:clientId: {scalekit.client_id}\n"
    config.write_text(config.read_text().replace("config:\n", f"config:\n{settings}"))
    scalekit.credentials.add_secret(scalekit.client_id, CONFIG_SECRET)
    project.program("")
    without = dict.fromkeys(scalekit.env, "")
    # Without variables, `--env dev` is the stack of that name, with its configuration.
    assert len(on("list", "--env", "dev", "--json", **without).json) == 100

    report = on("import", "--stack", "dev", "--json", **without).json
    assert len(report["imported"]) == 100
    assert report["code"] == str(imported(project))

    project.write(
        "__main__.py", "import imported_connectors\n" + (project.directory / "__main__.py").read_text()
    )
    project.run("preview", "--expect-no-changes")
    assert writes(scalekit) == 0

    assert CONFIG_SECRET in project.run("stack", "export", "--show-secrets").stdout
    (stored,) = project.backend.glob(".pulumi/stacks/*/dev.json")
    state = stored.read_text()
    assert CONFIG_SECRET not in state
    assert CONFIG_SECRET not in Path(report["backup"]).read_text()
    assert Path(report["backup"]).stat().st_mode & 0o077 == 0

    code = imported(project).read_bytes()
    again = on("import", "--stack", "dev", "--json").json
    assert (again["imported"], len(again["already_managed"]), again["backup"]) == ([], 100, None)
    assert stored.read_text() == state
    assert imported(project).read_bytes() == code


@pytest.mark.thorough
def test_an_import_into_a_stack_that_lives(on: Run, project: Project, scalekit: LocalScalekit) -> None:
    """Connectors join a stack that has others; one that is declared already gets the name that it has there."""
    project.declare({"asana": ASANA})
    project.up()
    (tavily, _) = seed(scalekit, TAVILY, GITHUB)
    before = writes(scalekit)

    # The program declares Tavily already, under a name of its own.
    project.declare({"asana": ASANA, "search": TAVILY})
    named = on("import", tavily, "--stack", "dev", "--as", "search", "--no-code", "--no-protect")
    assert named.code == 0
    assert not imported(project).exists()

    on("import", "Github MCP", "--stack", "dev")
    project.program("import imported_connectors\n")
    source = (project.directory / "__main__.py").read_text()
    project.declare({"asana": ASANA, "search": TAVILY})
    project.write("__main__.py", source + (project.directory / "__main__.py").read_text())
    project.run("preview", "--expect-no-changes")
    assert writes(scalekit) == before

    # Forgetting the code does no harm: what was imported is protected.
    project.declare({"asana": ASANA, "search": TAVILY})
    refused = project.run("preview", code=None)
    assert "protect" in refused.text
    assert scalekit.requests.count("delete") == 0

    reviewed = on("review", "--stack", "dev", "--json").json
    assert {r["name"] for r in reviewed} == {"asana", "search", "github-mcp"}


@pytest.mark.thorough
def test_stacks_keep_what_they_manage(
    on: Run, project: Project, scalekit: LocalScalekit, dev: LocalScalekit, environ: dict[str, str]
) -> None:
    """A promotion leaves a managed connector to its stack; no other stack imports it; a broken state is not touched."""
    project.declare({"asana": older_asana()})
    project.up()
    seed(dev, ASANA, TAVILY)
    target = {f"SCALEKIT_LIVE_{key.removeprefix('SCALEKIT_')}": value for key, value in scalekit.env.items()}
    before = writes(scalekit)
    result = on("promote", "--from", "dev", "--to", "live", "--yes", **environ, **target)
    assert result.code == 3
    assert "My Asana is left alone: managed by the stack dev as 'asana'" in result.out
    assert f"{Path(project.engine.command).name} up --stack dev" in result.out
    assert writes(scalekit) == before + 1  # Tavily, which no stack manages

    project.run("stack", "init", "other")
    refused = on("import", "My Asana", "--stack", "other")
    assert refused.code == 1
    assert "'My Asana' is managed by the stack dev of this project, as 'asana'" in refused.err

    # As an update leaves it that is killed in the middle; `stack import` itself would clear it.
    (file,) = project.backend.glob(".pulumi/stacks/*/dev.json")
    state = json.loads(file.read_text())
    latest = state["checkpoint"]["latest"]
    latest["pending_operations"] = [{"resource": latest["resources"][-1], "type": "updating"}]
    file.write_text(json.dumps(state))
    pending = on("import", "Tavily", "--stack", "dev")
    assert pending.code == 1
    assert "pending operations" in pending.err
    assert not imported(project).exists()


@pytest.mark.thorough
def test_a_failed_import_leaves_no_code(
    on: Run, project: Project, scalekit: LocalScalekit, snapshot: Callable[[str, str], None]
) -> None:
    """Where the engine refuses the state, the code is taken back; an unknown stack is one line."""
    broken = copy.deepcopy(FRESHDESK)
    broken["auth_patterns"][0]["fields"][0]["field_name"] = "host"
    seed(scalekit, TAVILY, broken)
    unknown = on("import", "--stack", "nowhere")
    assert unknown.code == 1
    assert "nowhere" in unknown.err
    wrapper = project.directory / "engine"
    wrapper.write_text(
        "#!/bin/sh\ncase \"$*\" in *'stack import'*) echo 'error: the lock is held' >&2; exit 1;; esac\n"
        f"exec '{project.engine.command}' \"$@\"\n"
    )
    wrapper.chmod(0o755)
    refused = on("import", "--stack", "dev")
    assert refused.code == 1
    assert "My Freshdesk: proxy_url has the placeholder" in refused.err
    failed = on("import", "--stack", "dev", "--force", **{ENGINE_VARIABLE: str(wrapper)})
    assert failed.code == 1
    assert "the lock is held" in failed.err
    assert not imported(project).exists()
    assert not (project.directory / "__main__.py").exists()
    worked = on("import", "--stack", "dev", "--force")
    assert worked.code == 3  # one of the two breaks a rule
    screen = worked.out
    for here, anywhere in (
        (f" --cwd {project.directory}", ""),
        (f"{project.directory}/", ""),
        (Path(project.engine.command).name, "pulumi"),
        ("before-import.2", "before-import"),  # the refused import has left its copy
    ):
        screen = screen.replace(here, anywhere)
    snapshot("import", screen)
