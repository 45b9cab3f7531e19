"""`export`: files, and what they may overwrite."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pulumi_scalekit.definition.normalize import normalize, normalize_live
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.operations.codegen import HEADER

from .conftest import Result, seed, writes
from .samples import ASANA, FRESHDESK, TAVILY
from .test_codegen import execute

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def connectors(dev: LocalScalekit) -> list[str]:
    """Three connectors, two of them of the same name."""
    return seed(dev, ASANA, FRESHDESK, TAVILY, TAVILY | {"proxy_url": "https://duplicate.example.com"})


def test_python_goes_into_one_file(command: Run, dev: LocalScalekit) -> None:
    """The file declares every live connector; exporting changes nothing and is repeatable."""
    before = writes(dev)
    result = command("export", "--env", "dev", "--out", "out")
    assert result.out == "out/connectors.py\n"
    assert "warning: Connectors have the same display name: 'Tavily'" in result.err
    source = Path("out/connectors.py").read_text()
    declared = execute(source)
    assert list(declared) == ["my-asana", "my-freshdesk", "tavily", "tavily-2"]
    assert normalize(declared["my-freshdesk"]) == normalize_live(FRESHDESK)
    assert command("export", "--env", "dev", "--out", "out").code == 0
    assert Path("out/connectors.py").read_text() == source == command("export", "--env", "dev").out
    assert writes(dev) == before


def test_payloads_go_into_a_file_each(command: Run) -> None:
    """JSON payloads are what a create takes, one file for each connector."""
    assert command("export", "--env", "dev", "--format", "json", "--out", "out").code == 0
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "my-asana.json",
        "my-freshdesk.json",
        "tavily-2.json",
        "tavily.json",
    ]
    assert json.loads(Path("out/my-freshdesk.json").read_text()) == FRESHDESK


def test_one_connector_has_the_name_that_it_has_among_all(command: Run, connectors: list[str]) -> None:
    """The name of a duplicate does not depend on what else is exported."""
    second = sorted(connectors[2:])[1]
    result = command("export", second, "--env", "dev", "--json")
    assert [c["resource"] for c in result.json["connectors"]] == ["tavily-2"]


@pytest.mark.parametrize("form", ["python", "json"])
def test_a_persons_file_is_not_overwritten(command: Run, form: str) -> None:
    """A file that no export wrote stays as it is, and so does everything else, unless forced."""
    file = Path("out") / {"python": "connectors.py", "json": "tavily.json"}[form]
    file.parent.mkdir()
    file.write_text("mine")
    arguments = ("export", "--env", "dev", "--format", form, "--out", "out")
    refused = command(*arguments)
    assert refused.code == 1
    assert str(file) in refused.err
    assert [p.read_text() for p in Path("out").iterdir()] == ["mine"]
    assert command(*arguments, "--force").code == 0
    assert file.read_text() != "mine"


def test_a_link_stays_a_link(command: Run, tmp_path: Path) -> None:
    """Where the file to write is a symbolic link, what it leads to is written."""
    (tmp_path / "shared.py").touch()
    Path("connectors.py").symlink_to(tmp_path / "shared.py")
    assert command("export", "--env", "dev", "--out", ".").code == 0
    assert Path("connectors.py").is_symlink()
    assert "scalekit.Connector(" in (tmp_path / "shared.py").read_text()


def test_what_new_or_import_began_is_not_overwritten(command: Run) -> None:
    """A file of declarations that another command wrote is no export, and stays as it is."""
    Path("connectors.py").write_text(f"{HEADER}\n\nmine = 1\n")
    assert command("export", "--env", "dev", "--out", ".").code == 1
    assert "mine" in Path("connectors.py").read_text()


def test_a_name_that_is_two_is_an_error(command: Run) -> None:
    """A display name that several connectors have is refused, with their identifiers."""
    result = command("export", "Tavily", "--env", "dev")
    assert result.code == 1
    assert "2 connectors are named 'Tavily'" in result.err


def test_a_name_that_is_none_is_an_error(command: Run) -> None:
    """An unknown name is refused, with the closest one."""
    result = command("export", "My Asan", "--env", "dev")
    assert result.code == 1
    assert "Did you mean 'My Asana'?" in result.err


def test_an_export_can_be_used_as_a_payload(command: Run) -> None:
    """One connector's JSON is printed as an object, which `review` takes."""
    result = command("export", "My Freshdesk", "--env", "dev", "--format", "json")
    assert result.json == FRESHDESK
    assert command("review", "-", stdin=result.out).code == 0


def test_an_unwritable_directory_is_an_error(command: Run) -> None:
    """What cannot be written is said in a line."""
    Path("file").write_text("")
    result = command("export", "--env", "dev", "--out", "file/below")
    assert result.code == 1
    assert "error: Cannot write file/below/connectors.py: Not a directory" in result.err
