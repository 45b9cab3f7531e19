"""`import` and its options, with an engine that does nothing but keep states."""

from __future__ import annotations

import ast
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connections import Connections
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.errors import EngineError
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.operations.import_ import apply_import, plan_import
from pulumi_scalekit.operations.ownership import read_ownership
from pulumi_scalekit.operations.pulumi_cli import ENGINE_VARIABLE, Project, find_engine, find_project
from pulumi_scalekit.operations.state import managed_connectors, resources_of
from pulumi_scalekit.settings import Settings

from . import fake_engine
from .conftest import Result, connect, seed, writes
from .samples import ASANA, FRESHDESK, TAVILY

Run = Callable[..., Result]
EMPTY: dict[str, Any] = {"version": 3, "deployment": {"manifest": {}}}


@dataclass
class Stacks:
    """A project with stacks in a fake engine, and the command run in it."""

    file: Path
    command: Run
    environ: dict[str, str]

    def __call__(self, *arguments: str) -> Result:
        """Run the command."""
        return self.command(*arguments, environ=self.environ)

    @property
    def kept(self) -> dict[str, Any]:
        """What the engine keeps."""
        kept: dict[str, Any] = json.loads(self.file.read_text())
        return kept

    def managed(self, stack: str) -> dict[str, str]:
        """The identifiers that a stack manages, by resource name."""
        return {m.resource: m.identifier for m in managed_connectors(self.kept["stacks"][stack], stack)}


@pytest.fixture
def stacks(command: Run, dev: LocalScalekit, tmp_path: Path) -> Stacks:
    """A project in the current directory with the empty stacks `dev` and `other`, both of one environment."""
    file = tmp_path / "engine.json"
    config = {
        "scalekit:environmentUrl": {"value": dev.url, "secret": False},
        "scalekit:clientId": {"value": dev.client_id, "secret": False},
        "scalekit:clientSecret": {"value": dev.client_secret, "secret": True},
    }
    file.write_text(
        json.dumps({"stacks": {"dev": EMPTY, "other": EMPTY}, "config": {"dev": config, "other": config}})
    )
    engine = tmp_path / "engine"
    script = " ".join(map(shlex.quote, (sys.executable, fake_engine.__file__, str(file))))
    engine.write_text(f'#!/bin/sh\nexec {script} "$@"\n')
    engine.chmod(0o755)
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    return Stacks(file, command, {ENGINE_VARIABLE: str(engine)})


def test_without_settings_the_stacks_that_have_them_are_named(stacks: Stacks) -> None:
    """Without settings in a Pulumi project, the message says which names `--env` could have."""
    for name in ("dev", "other", "elsewhere"):
        Path(f"Pulumi.{name}.yaml").write_text("config: {}\n")
    result = stacks("list")
    assert result.code == 1
    assert result.err.endswith("Or name a stack of the program here: --env dev or --env other\n")


def test_code_goes_beside_a_program(stacks: Stacks, dev: LocalScalekit) -> None:
    """A program that exists is not touched: the code is a module of its own, and the next step is named."""
    Path("__main__.py").write_text("mine = 1\n")
    seed(dev, ASANA)
    result = stacks("import", "--stack", "dev")
    assert result.code == 0
    assert Path("__main__.py").read_text() == "mine = 1\n"
    assert "protect=True" in Path("imported_connectors.py").read_text()
    assert "add `import imported_connectors` to __main__.py" in result.out
    assert stacks.managed("dev").keys() == {"my-asana"}
    assert writes(dev) == 1


def test_a_stack_may_be_named_with_its_organization(stacks: Stacks, dev: LocalScalekit) -> None:
    """The copy of the state from before is beside the program, whatever the stack is called by."""
    kept = stacks.kept
    for part in kept.values():
        part["acme/dev"] = part["dev"]
    stacks.file.write_text(json.dumps(kept))
    seed(dev, ASANA)
    assert stacks("import", "--stack", "acme/dev").code == 0
    assert Path("dev.before-import.json").exists()


def test_more_code_goes_to_the_end(stacks: Stacks, dev: LocalScalekit) -> None:
    """A later import extends the module; what is there stays as it is, and names do not clash."""
    seed(dev, ASANA)
    stacks("import", "--stack", "dev", "--out", "infra/connectors.py")
    first = Path("infra/connectors.py").read_text()
    seed(dev, FRESHDESK | {"display_name": "my  ASANA"})
    assert stacks("import", "--stack", "dev", "--out", "infra/connectors.py").code == 0
    second = Path("infra/connectors.py").read_text()
    assert second.startswith(first)
    names = [n.targets[0].id for n in ast.parse(second).body if isinstance(n, ast.Assign)]
    assert names == ["my_asana", "my_asana_2"]
    assert stacks.managed("dev").keys() == {"my-asana", "my-asana-2"}
    assert second.count("import pulumi\n") == 1


def test_only_what_is_named(stacks: Stacks, dev: LocalScalekit) -> None:
    """Names select; the rest stays unmanaged."""
    asana, tavily = seed(dev, ASANA, TAVILY)
    report = stacks("import", tavily, "--stack", "dev", "--json").json
    assert [e["identifier"] for e in report["imported"]] == [tavily]
    assert stacks.managed("dev") == {"tavily": tavily}
    again = stacks("import", "my asana", "Tavily", "--stack", "dev", "--json").json
    assert [e["identifier"] for e in again["imported"]] == [asana]
    assert again["already_managed"] == [tavily]


def test_connections_of_a_connector_that_is_declared_elsewhere(stacks: Stacks, dev: LocalScalekit) -> None:
    """They come without it, and name it by its identifier; a second import, and one without code, leave them alone."""
    asana, tavily = seed(dev, ASANA, TAVILY)
    stacks("import", "--stack", "dev", "--out", "first.py")
    one = connect(dev, "desk one", tavily, "BEARER")
    Path("__main__.py").write_text("import first\n")
    assert stacks("import", "--stack", "dev", "--no-code", "--json").json["connections"] == []
    report = stacks("import", "--stack", "dev", "--json").json
    assert (report["imported"], [c["id"] for c in report["connections"]]) == ([], [one])
    source = Path("imported_connectors.py").read_text()
    assert f'connector="{tavily}",\n    connection_name="desk one",\n    auth_type="BEARER"' in source
    again = stacks("import", "--stack", "dev", "--json").json
    assert (again["connections"], again["connections_already_managed"]) == ([], [one])

    # In the connector's own module, its variable stands for it.
    connect(dev, "asana", asana)
    stacks("import", "My Asana", "--stack", "dev", "--out", "first.py")
    assert (
        'asana_connection = scalekit.Connection(\n    "asana",\n    connector=my_asana,'
        in Path("first.py").read_text()
    )


def test_what_nobody_manages(stacks: Stacks, dev: LocalScalekit) -> None:
    """`list --unmanaged` names connectors and connections without an owner, and the share that has one."""
    asana, tavily = seed(dev, ASANA, TAVILY)
    stacks("import", tavily, "--stack", "other")
    with Client(Settings(dev.url, dev.client_id, dev.client_secret)) as client:
        connection = Connections(client).create(name="asana", connector=asana, auth_type="OAUTH")
    found = stacks("list", "--env", "dev", "--unmanaged", "--json")
    assert found.code == 3
    assert [c["identifier"] for c in found.json["connectors"]] == [asana]
    assert [c["id"] for c in found.json["connections"]] == [connection["id"]]
    assert (found.json["managed"], found.json["total"]) == (1, 3)
    assert "1 of 3 (33 %)" in stacks("list", "--env", "dev", "--unmanaged").err

    state = stacks.kept
    resources = state["stacks"]["other"]["deployment"]["resources"]
    urn = "urn:pulumi:other::shop::pulumi-python:dynamic/scalekit:Connection::asana"
    outputs = {"environment_url": dev.url}
    resources.append({"urn": urn, "type": urn.split("::")[2], "id": connection["id"], "outputs": outputs})
    stacks.file.write_text(json.dumps(state))
    stacks("import", asana, "--stack", "dev")
    complete = stacks("list", "--env", "dev", "--unmanaged")
    assert (complete.code, complete.out) == (0, "")
    assert "3 of 3 (100 %)" in complete.err


def test_a_broken_definition_is_found_before_anything_is_written(stacks: Stacks, dev: LocalScalekit) -> None:
    """What Pulumi would refuse is named first; --force imports it all the same, and ends with 3."""
    seed(dev, TAVILY, FRESHDESK | {"proxy_url": "https://{{host}}/api"})
    kept = stacks.kept
    refused = stacks("import", "--stack", "dev")
    assert refused.code == 1
    assert "Nothing was imported" in refused.err
    assert "\n  My Freshdesk: proxy_url has the placeholder {{host}}" in refused.err
    assert stacks.kept == kept
    assert [path.name for path in Path().iterdir()] == ["Pulumi.yaml"]
    assert stacks("import", "Tavily", "--stack", "dev").code == 0
    forced = stacks("import", "--stack", "dev", "--force", "--json")
    assert (forced.code, [bool(entry["errors"]) for entry in forced.json["imported"]]) == (3, [True])
    assert stacks.managed("dev").keys() == {"tavily", "my-freshdesk"}


def test_a_dry_run_writes_nothing(stacks: Stacks, dev: LocalScalekit) -> None:
    """`--dry-run` shows the code, and writes neither code nor state nor a backup."""
    seed(dev, ASANA)
    kept = stacks.kept
    result = stacks("import", "--stack", "dev", "--dry-run")
    assert "my_asana = scalekit.Connector(" in result.out
    assert stacks.kept == kept
    assert [path.name for path in Path().iterdir()] == ["Pulumi.yaml"]


def test_the_backup_is_the_state_before(stacks: Stacks, dev: LocalScalekit) -> None:
    """Each import that changes something keeps the state from before; none overwrites an earlier one."""
    seed(dev, ASANA)
    first = stacks("import", "--stack", "dev", "--json").json["backup"]
    between = stacks.kept["stacks"]["dev"]
    seed(dev, TAVILY)
    second = stacks("import", "--stack", "dev", "--json").json["backup"]
    assert first != second
    assert json.loads(Path(first).read_text()) == EMPTY
    assert json.loads(Path(second).read_text()) == between


def test_protection_is_in_code_and_state(stacks: Stacks, dev: LocalScalekit) -> None:
    """`--no-protect` leaves the protection out of both."""
    seed(dev, ASANA)
    stacks("import", "--stack", "dev", "--no-protect")
    assert "protect" not in Path("__main__.py").read_text()
    assert "protect" not in resources_of(stacks.kept["stacks"]["dev"])[-1]


def test_a_name_for_one_connector_only(stacks: Stacks, dev: LocalScalekit) -> None:
    """`--as` names one resource; for several it is wrong usage."""
    seed(dev, ASANA, TAVILY)
    assert stacks("import", "--stack", "dev", "--as", "x").code == 2
    assert stacks("import", "Tavily", "--stack", "dev", "--as", "search").code == 0
    assert stacks.managed("dev").keys() == {"search"}


def test_a_file_without_code_is_wrong_usage(stacks: Stacks) -> None:
    """`--out` says where code goes, and `--no-code` that there is none."""
    assert stacks("import", "--stack", "dev", "--out", "more.py", "--no-code").code == 2


def test_a_state_with_pending_operations_stays_as_it_is(stacks: Stacks, dev: LocalScalekit) -> None:
    """Nothing is written to a state that an interrupted update left behind; the engine's command is named."""
    seed(dev, ASANA)
    kept = stacks.kept
    pending = {
        **EMPTY["deployment"],
        "pending_operations": [{"resource": {"urn": "a::b"}, "type": "creating"}],
    }
    kept["stacks"]["dev"] = {**EMPTY, "deployment": pending}
    stacks.file.write_text(json.dumps(kept))
    result = stacks("import", "--stack", "dev")
    assert result.code == 1
    assert "Run `engine refresh --stack dev` first" in result.err
    assert stacks.kept == kept


def test_commands_for_a_program_elsewhere_have_its_place(stacks: Stacks, dev: LocalScalekit) -> None:
    """What is to be run next can be run from the current directory."""
    Path("infra").mkdir()
    Path("Pulumi.yaml").rename("infra/Pulumi.yaml")
    seed(dev, ASANA)
    result = stacks("import", "--stack", "dev", "--program", "infra")
    assert f"`engine preview --stack dev --expect-no-changes --cwd {Path('infra').resolve()}`" in result.out


def test_another_stacks_connectors_are_refused(stacks: Stacks, dev: LocalScalekit) -> None:
    """What another stack of the project manages is refused, and the rest can be imported by name."""
    seed(dev, ASANA, TAVILY)
    stacks("import", "Tavily", "--stack", "other")
    refused = stacks("import", "--stack", "dev")
    assert refused.code == 1
    assert "'Tavily' is managed by the stack other of this project, as 'tavily'" in refused.err
    assert stacks("import", "My Asana", "--stack", "dev").code == 0


def test_a_stack_without_an_update_is_known_by_its_configuration(stacks: Stacks, dev: LocalScalekit) -> None:
    """What the first update of a stack will create is that stack's to create."""
    ownership = read_ownership(Project(Path.cwd(), stacks.environ[ENGINE_VARIABLE]))
    assert ownership.stacks == {dev.url: {"dev", "other"}}


def test_duplicates_are_refused(stacks: Stacks, dev: LocalScalekit) -> None:
    """Two connectors of one name cannot be declared; one of them can, by its identifier."""
    first, _ = seed(dev, TAVILY, TAVILY)
    refused = stacks("import", "--stack", "dev")
    assert refused.code == 1
    assert "have the same display name: 'Tavily'" in refused.err
    assert stacks("import", first, "--stack", "dev").code == 0


def test_a_file_that_is_no_python_is_refused(stacks: Stacks, dev: LocalScalekit) -> None:
    """Code is not added to what cannot be read as Python, and the state stays as it is."""
    seed(dev, ASANA)
    Path("broken.py").write_text("def (")
    kept = stacks.kept
    result = stacks("import", "--stack", "dev", "--out", "broken.py")
    assert result.code == 1
    assert "broken.py cannot be extended" in result.err
    assert stacks.kept == kept


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("my-connectors.py", "'my-connectors' is not a Python name"),
        ("class/more.py", "'class' is not a Python name"),
        ("json.py", "'json' is the name of another module"),
        ("code/more.py", "'code' is the name of another module"),
        ("more.txt", "its name does not end in .py"),
        ("../more.py", "it is not below"),
    ],
)
def test_code_that_no_program_can_import_is_refused(
    stacks: Stacks, dev: LocalScalekit, out: str, reason: str
) -> None:
    """A file whose name or place keeps it from being imported is refused before anything is written."""
    seed(dev, ASANA)
    kept = stacks.kept
    result = stacks("import", "--stack", "dev", "--out", out)
    assert result.code == 1
    assert reason in result.err
    assert stacks.kept == kept
    assert not Path(out).exists()


@pytest.mark.parametrize(
    "statement",
    ["", "import infra", "from more import x", "# import infra.more"],
)
def test_the_import_that_is_missing_is_named(stacks: Stacks, dev: LocalScalekit, statement: str) -> None:
    """A module in a folder is imported by its dotted name; another one of the same name does not count."""
    seed(dev, ASANA)
    Path("__main__.py").write_text(f"{statement}\n")
    result = stacks("import", "--stack", "dev", "--out", "infra/more.py")
    assert "add `import infra.more` to __main__.py" in result.out


@pytest.mark.parametrize(
    "statement", ["import infra.more", "from infra import a, more", "from infra.more import x"]
)
def test_an_import_that_is_there_is_not_asked_for(stacks: Stacks, dev: LocalScalekit, statement: str) -> None:
    """A program that imports the module already runs it."""
    seed(dev, ASANA)
    Path("__main__.py").write_text(f"{statement}\n")
    result = stacks("import", "--stack", "dev", "--out", "infra/more.py")
    assert result.code == 0
    assert "add `" not in result.out


def test_code_goes_into_the_file_that_main_names(stacks: Stacks, dev: LocalScalekit) -> None:
    """Pulumi runs the file that `main` names, which cannot import what is beside it: the code is added to it."""
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: src/infra.py\n")
    Path("src").mkdir()
    Path("src/infra.py").write_text("mine = 1\n")
    seed(dev, ASANA)
    result = stacks("import", "--stack", "dev")
    assert "Code:          src/infra.py" in result.out
    assert "add `" not in result.out
    source = Path("src/infra.py").read_text()
    assert "mine = 1\n" in source
    assert "my_asana = scalekit.Connector(" in source


def test_a_module_beside_the_file_that_main_names_needs_a_path(stacks: Stacks, dev: LocalScalekit) -> None:
    """The statement for a program that is a file puts its folder on the import path first."""
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: infra.py\n")
    Path("infra.py").write_text("")
    seed(dev, ASANA)
    result = stacks("import", "--stack", "dev", "--out", "more.py")
    assert "add `import sys; sys.path.insert(0, '.'); import more` to infra.py" in result.out


def test_a_connector_and_a_connection_of_one_name_have_their_own_errors(
    stacks: Stacks, dev: LocalScalekit
) -> None:
    """What is wrong with a connector is said even where a connection of the same name is wrong, too."""
    (asana,) = seed(dev, ASANA | {"display_name": "crm", "proxy_url": "https://{{nowhere}}.example.com"})
    connect(
        dev, "crm", asana, app={"client_id": "x", "client_secret": "y", "token_uri": "http://crm.example.com"}
    )
    result = stacks("import", "--stack", "dev", "--force")
    assert "! crm: proxy_url has the placeholder {{nowhere}}" in result.out
    assert "! crm: oauth_app.token_uri must start with https://" in result.out


@pytest.mark.parametrize("runtime", ["yaml", "{name: nodejs}"])
def test_a_program_in_another_language_is_refused(stacks: Stacks, dev: LocalScalekit, runtime: str) -> None:
    """Python code in a program of another language would never run: the way that it has is named."""
    Path("Pulumi.yaml").write_text(f"name: shop\nruntime: {runtime}\n")
    seed(dev, ASANA)
    kept = stacks.kept
    result = stacks("import", "--stack", "dev")
    assert result.code == 1
    assert "is not a Python program" in result.err
    assert "`pulumi import`" in result.err
    assert stacks.kept == kept
    assert not Path("__main__.py").exists()


def test_an_unknown_stack_is_one_line(stacks: Stacks) -> None:
    """A stack that the engine does not know is named in one line, with what may have been meant."""
    result = stacks("import", "--stack", "xyz")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert "There is no stack 'xyz' of the project in" in result.err
    assert "stack ls` lists those that exist" in result.err
    assert stacks("import", "--stack", "dve").err.endswith(". Did you mean 'dev'?\n")


def test_a_resource_that_is_only_read_keeps_its_name(stacks: Stacks, dev: LocalScalekit) -> None:
    """A connector whose name a `Connector.get` of the program has is imported under another."""
    seed(dev, ASANA)
    stacks("import", "--stack", "dev")
    kept = stacks.kept
    resources_of(kept["stacks"]["dev"])[-1] |= {"external": True, "id": "OTHER:1"}
    stacks.file.write_text(json.dumps(kept))
    assert stacks("import", "--stack", "dev").code == 0
    assert stacks.managed("dev").keys() == {"my-asana-2"}


def test_an_encrypted_input_is_not_reviewed_as_missing(stacks: Stacks, dev: LocalScalekit) -> None:
    """What the state keeps encrypted is shown as secret, and no rule says that it is missing."""
    seed(dev, TAVILY | {"description": "Search"})
    stacks("import", "--stack", "dev")
    kept = stacks.kept
    encrypted = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    resources_of(kept["stacks"]["dev"])[-1]["inputs"]["proxy_url"] = encrypted
    stacks.file.write_text(json.dumps(kept))
    (reviewed,) = stacks("review", "--stack", "dev", "--json").json
    assert reviewed["findings"] == []
    assert {i["item"]: i["value"] for i in reviewed["checklist"]}["Proxy URL"] == "[secret or not yet known]"


def test_a_state_that_changes_meanwhile_is_not_overwritten(stacks: Stacks, dev: LocalScalekit) -> None:
    """What another command has written since the state was read stays; no file is left."""
    seed(dev, ASANA)
    project = Project(Path(), stacks.environ[ENGINE_VARIABLE])
    with Client(Settings(dev.url, dev.client_id, dev.client_secret)) as api:
        plan = plan_import(project, "dev", Connectors(api).listed(), environment_url=dev.url)
    stacks("import", "--stack", "dev", "--no-code")
    kept, files = stacks.kept, sorted(Path().iterdir())
    with pytest.raises(EngineError, match="state of dev has changed since it was read"):
        apply_import(plan)
    assert stacks.kept == kept
    assert sorted(Path().iterdir()) == files


# --- Finding the engine and the project ----------------------------------------------------------------------


def executable(path: Path) -> Path:
    """A command that does nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_cli_comes_first(tmp_path: Path) -> None:
    """`pulumi` on PATH, else `pulumi-embedded`, unless the variable names another command."""
    embedded = executable(tmp_path / "a" / "pulumi-embedded")
    assert find_engine({"PATH": str(embedded.parent)}) == str(embedded)
    cli = executable(tmp_path / "b" / "pulumi")
    path = f"{embedded.parent}:{cli.parent}"
    assert find_engine({"PATH": path}) == str(cli)
    assert find_engine({"PATH": path, ENGINE_VARIABLE: "pulumi-embedded"}) == str(embedded)
    with pytest.raises(EngineError, match="names 'nothing', which is not a command here"):
        find_engine({"PATH": path, ENGINE_VARIABLE: "nothing"})


def test_without_an_engine_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither is installed, the message says how to get one."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(EngineError, match=r"pulumi-scalekit\[embedded\]"):
        find_engine({"PATH": str(tmp_path)})


def test_the_project_may_be_above(tmp_path: Path) -> None:
    """A directory below a project belongs to it; without one there is an error."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: src\n")
    below = tmp_path / "src" / "more"
    below.mkdir(parents=True)
    assert find_project(below) == tmp_path
    project = Project.at(below)
    assert (project.name, project.folder) == ("shop", tmp_path / "src")
    (tmp_path / "Pulumi.yaml").unlink()
    with pytest.raises(EngineError, match="no Pulumi project"):
        Project.at(below)


@pytest.mark.parametrize("content", ["", "runtime: python", "name: [", "name: 3", "- x"])
def test_a_project_file_without_a_name_is_an_error(tmp_path: Path, content: str) -> None:
    """A project file that cannot be used is named."""
    (tmp_path / "Pulumi.yaml").write_text(content)
    with pytest.raises(EngineError, match=r"Pulumi\.yaml"):
        _ = Project(tmp_path).name
