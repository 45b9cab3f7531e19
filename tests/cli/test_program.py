"""`review --program`: what a program declares, without credentials."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Result

Run = Callable[..., Result]
PROGRAM = """
    import pulumi
    import pulumi_scalekit as scalekit

    config = pulumi.Config()
    print("said by the program")
    assert scalekit.get_connectors() == []
    pulumi.runtime.invoke("other:index:getThing", {})

    first = scalekit.Connector(
        "first",
        display_name=config.require("name"),
        proxy_url="https://{{domian}}/api",
        auth_patterns=[
            scalekit.BasicAuth(
                display_name="Basic",
                fields=[
                    scalekit.Field("domain"),
                    scalekit.Field("username", label="Key"),
                ],
                mutations={"pasword": scalekit.Mutation(default="X")},
            )
        ],
    )


    def declare(name):
        return scalekit.Connector(
            name,
            display_name=name.title(),
            description=first.identifier.apply(lambda made: f"beside {made}"),
            metadata={"token": config.require_secret("token")},
            proxy_url="http://plain.example.com",
            auth_patterns=[{"type": "BEARER", "display_name": "T", "fields": [{"field_name": "token", "label": "T"}]}],
        )


    declare("second")
"""

HIDING = """
    import pulumi
    import pulumi_scalekit as scalekit

    scalekit.Connector(
        "hidden",
        display_name=" Hidden",
        proxy_url="https://canary.example.com",
        metadata={"canary": 3},
        auth_patterns=[scalekit.BearerAuth(display_name="T", fields=[scalekit.Field("token")])],
        opts=pulumi.ResourceOptions(additional_secret_outputs=["metadata", "proxy_url"]),
    )
"""


@pytest.fixture
def program(command: Run) -> Path:
    """A program in the current directory, with two connectors that break rules."""
    Path("__main__.py").write_text(textwrap.dedent(PROGRAM).lstrip())
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    Path("Pulumi.dev.yaml").write_text("config:\n  shop:name: First!\n  shop:token:\n    secure: v1:abc\n")
    Path("Pulumi.test.yaml").write_text("config:\n  shop:name: Other\n  shop:token: plain\n")
    return Path("__main__.py")


def line(program: Path, text: str) -> int:
    """The line that has a text."""
    return next(n for n, found in enumerate(program.read_text().splitlines(), 1) if text in found)


def results(log: dict[str, Any]) -> set[tuple[str, str, int]]:
    """The rule, the file and the line of each result of a SARIF log."""
    found = set()
    for result in log["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        found.add((result["ruleId"], place["artifactLocation"]["uri"], place["region"]["startLine"]))
    return found


def test_a_program_is_reviewed_without_credentials(command: Run, program: Path) -> None:
    """Every connector is reviewed with the stack's configuration; no setting is asked for."""
    done = command("review", "--program", ".", "--json", environ={})
    assert done.code == 3
    assert {reviewed["name"] for reviewed in done.json} == {"First!", "Second"}
    paths = {reviewed["name"]: [f["path"] for f in reviewed["findings"]] for reviewed in done.json}
    assert "display_name" in paths["First!"]
    assert "proxy_url" in paths["Second"]
    assert "description" not in paths["Second"], "what is not known yet is not a mistake"
    assert "auth_patterns[0].mutations.pasword" in paths["First!"], "as the program calls it"
    other = command("review", "--program", ".", "--config-file", "Pulumi.test.yaml", "--json", environ={})
    assert "Other" in {reviewed["name"] for reviewed in other.json}


def test_any_value_of_a_configuration_file_is_taken(command: Run, program: Path) -> None:
    """A date, a country, a number as a key: a configuration file is read as Pulumi reads it."""
    Path("Pulumi.test.yaml").write_text(
        "config:\n  shop:name: no\n  shop:since: 2024-01-31\n  7: 1\n  shop:token: plain\n"
    )
    done = command("review", "--program", ".", "--config-file", "Pulumi.test.yaml", "--json", environ={})
    assert "no" in {reviewed["name"] for reviewed in done.json}


def test_the_project_file_configures_all_stacks(command: Run, program: Path) -> None:
    """A program sees the values and defaults of the project's file, and what its stack's file says before them."""
    Path("Pulumi.yaml").write_text(
        "name: shop\nruntime: python\nconfig:\n  name: Default\n  shop:token: {type: string, default: plain}\n"
        "  declared: {type: string}\n"
    )
    Path("Pulumi.dev.yaml").unlink()
    Path("Pulumi.test.yaml").unlink()
    done = command("review", "--program", ".", "--json", environ={})
    assert "Default" in {reviewed["name"] for reviewed in done.json}
    Path("Pulumi.dev.yaml").write_text("config:\n  name: Own\n")
    done = command("review", "--program", ".", "--json", environ={})
    assert "Own" in {reviewed["name"] for reviewed in done.json}


def test_a_program_is_reviewed_in_its_own_order(command: Run, program: Path) -> None:
    """Connectors come as they are declared, in whatever order Pulumi registers them."""
    declared = """
    scalekit.Connector(
        "{0}",
        display_name="{0}",
        proxy_url={1},
        auth_patterns=[scalekit.BearerAuth(display_name="T", fields=[scalekit.Field("token")])],
    )
    """
    late = 'pulumi.Output.from_input("https://a.example.com").apply(str)'
    parts = ["import pulumi\nimport pulumi_scalekit as scalekit"]
    parts += [
        textwrap.dedent(declared).format(f"C{number}", late if number < 4 else "'https://b.example.com'")
        for number in range(8)
    ]
    program.write_text("\n".join(parts))
    reviewed = command("review", "--program", ".", "--json").json
    assert [entry["name"] for entry in reviewed] == [f"C{number}" for number in range(8)]


def test_what_a_program_keeps_secret_is_not_shown(command: Run, program: Path) -> None:
    """Of what `additional_secret_outputs` lists neither values nor keys are shown; the rest is reviewed."""
    program.write_text(textwrap.dedent(HIDING))
    for form in ("table", "json", "sarif"):
        done = command("review", "--program", ".", "--format", form, environ={})
        assert "canary" not in done.text
        assert "begins or ends with a blank" in done.text


@pytest.mark.parametrize("key", ["stackConfigDir", "config"])
def test_configuration_in_a_folder_of_its_own(command: Run, program: Path, key: str) -> None:
    """The stacks' files are where the project's file says, and of the same ending; their names may be any."""
    Path("Pulumi.yaml").rename("Pulumi.yml")
    Path("Pulumi.yml").write_text(f"name: shop\nruntime: python\n{key}: stacks\n")
    Path("stacks").mkdir()
    Path("stacks/Pulumi.[eu].yml").write_text("config:\n  shop:name: Folder\n  shop:token: plain\n")
    done = command("review", "--program", ".", "--json", environ={})
    assert "Folder" in {reviewed["name"] for reviewed in done.json}


def test_results_point_into_the_python_file(command: Run, program: Path) -> None:
    """SARIF has the line of the property, also in a nested object, a dict and a function."""
    log = command("review", "--program", ".", "--format", "sarif", environ={}).json
    found = {(rule, place) for rule, uri, place in results(log) if uri == "__main__.py"}
    assert len(found) == len(results(log))
    places = {place for _, place in found}
    for text in ("display_name=config", "{{domian}}", 'Field("domain")', '"pasword"', "http://plain"):
        assert line(program, text) in places, text


def test_a_program_that_fails(command: Run, program: Path) -> None:
    """The error is one line with the place in the program."""
    program.write_text(program.read_text() + "\nraise ValueError('broken\\nhere')\n")
    done = command("review", "--program", ".", environ={})
    last = len(program.read_text().splitlines())
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert f"ValueError: broken here ({Path.cwd()}/__main__.py:{last})" in done.err


@pytest.mark.parametrize("folder", [".", "src"])
def test_the_file_that_main_names_is_reviewed(command: Run, program: Path, folder: str) -> None:
    """Where `main` names a file, that is run, in its folder, and not the `__main__.py` beside it."""
    file = Path(folder, "infra.py")
    file.parent.mkdir(exist_ok=True)
    check = (
        "import os, sys\nassert os.getcwd() == os.path.dirname(os.path.abspath(__file__)) not in sys.path\n"
    )
    file.write_text(check + program.read_text())
    Path("Pulumi.yaml").write_text(f"name: shop\nruntime: python\nmain: {file}\n")
    program.write_text("raise ValueError('not this one')\n")
    done = command("review", "--program", ".", "--json", environ={})
    assert {reviewed["name"] for reviewed in done.json} == {"First!", "Second"}
    assert {reviewed["source"] for reviewed in done.json} == {str(file)}


def test_a_program_finds_nothing_beside_the_script_that_runs_it(command: Run, program: Path) -> None:
    """The program imports what it could import on Pulumi, and is told its own name."""
    check = "import sys\nassert len(sys.argv) == 1\nimport selection\n"
    program.write_text(check)
    done = command("review", "--program", ".", environ={})
    assert "ModuleNotFoundError: No module named 'selection'" in done.err


def test_a_program_in_another_language_cannot_be_reviewed(command: Run, program: Path) -> None:
    """It is said that the program is not in Python, rather than that a file of it is missing."""
    Path("Pulumi.yaml").write_text("name: shop\nruntime: nodejs\n")
    done = command("review", "--program", ".", environ={})
    assert done.code == 1
    assert "is not a Python program" in done.err
    assert "`pulumi-scalekit review --stack`" in done.err


def test_native_resources_are_reviewed(command: Run, program: Path) -> None:
    """A Python program that declares through the native provider is reviewed by the same rules."""
    program.write_text(
        "import pulumi\n"
        "declared = {'display_name': 'Native!', 'proxy_url': 'https://api.example.com', 'auth_patterns': []}\n"
        "pulumi.CustomResource('scalekit:index:Connector', 'one', declared)\n"
    )
    done = command("review", "--program", ".", "--json", environ={})
    (reviewed,) = done.json
    assert (reviewed["name"], reviewed["source"]) == ("Native!", "__main__.py")
    assert {finding["path"] for finding in reviewed["findings"]} >= {"display_name", "auth_patterns"}
