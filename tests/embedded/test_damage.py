"""Damage: a state, a layout or a secret that no engine wrote is refused in one line, and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulumi_embedded.errors import EmbeddedError
from pulumi_embedded.state.secrets import IncorrectPassphrase, SecretsManager

from ..support.stacks import PASSPHRASE, SALT
from .harness import Bench, embedded


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A project with an empty stack."""
    bench = Bench(tmp_path)
    bench.init(embedded())
    return bench


PROGRAM: dict[str, Any] = {
    "a": {"size": 1, "token": {"$secret_config": "token"}},
    "b": {"size": {"$ref": "a.serial"}},
    "$export": {"s": {"$secret": "out"}},
}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of a stack after an update."""
    bench = Bench(tmp_path_factory.mktemp("applied"))
    bench.init(embedded(), {"token": {"secret": "hunter2"}})
    bench.declare(PROGRAM)
    bench.ok(embedded(), "up", "--yes", "--skip-preview")
    return json.dumps(bench.checkpoint())


def nested(depth: int) -> Any:
    """Return a list in a list, and so on."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda latest: latest["manifest"].update(magic="x"), "magic cookie mismatch"),
        (lambda latest: latest["manifest"].update(version="v1.0.0"), "magic cookie mismatch"),
        (lambda latest: latest.update(pending_operations=[{"type": "creating"}]), "`resource` is missing"),
        (lambda latest: latest.update(pending_operations=[None]), "entry that is not an object"),
        (lambda latest: latest.update(resources={}), "`resources` is not of the right type"),
        (lambda latest: latest["resources"][1].pop("urn"), "lacks its `urn`"),
        (lambda latest: latest["resources"][1].pop("type"), "lacks its `type`"),
        (lambda latest: latest["resources"][1].update(urn="a"), "is not a URN"),
        (lambda latest: latest["resources"][1].update(inputs=[1]), "`inputs` of the wrong type"),
        (lambda latest: latest["resources"][-1].update(inputs={"x": nested(700)}), "nested too deeply"),
        (lambda latest: latest["resources"].append(latest["resources"][-1]), "duplicate resource"),
        (
            lambda latest: latest["resources"][-1].update(dependencies=[{}]),
            "`dependencies` of the wrong type",
        ),
        (lambda latest: latest["resources"][-1].update(propertyDependencies={"a": 5}), "of the wrong type"),
    ],
)
def test_a_damaged_state_is_refused_in_one_line(
    bench: Bench, applied: str, change: Callable[[dict[str, Any]], Any], named: str
) -> None:
    """A state that no engine wrote is not used, and the message says what is wrong with it."""
    document = json.loads(applied)
    change(document["checkpoint"]["latest"])
    (bench.backend / ".pulumi" / "stacks" / "bench" / "dev.json").write_text(json.dumps(document))
    before = bench.checkpoint()
    run = bench.run(embedded(), "up", "--yes", "--skip-preview")
    assert run.code == 1
    assert run.stderr.startswith("error: snapshot integrity failure")
    assert named in run.stderr
    assert bench.checkpoint() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda latest: latest.update(manifest=[1]), "`manifest` is not of the right type"),
        (lambda latest: latest["manifest"].update(version=5), "`version` is not of the right type"),
        (lambda latest: latest.update(resources=[1]), "an entry that is not an object"),
        (lambda latest: latest["resources"][0].update(urn=5), "lacks its `urn`"),
        (lambda latest: latest.update(secrets_providers=[1]), "`secrets_providers` is not of the right type"),
        (lambda latest: latest["secrets_providers"].update(state=[1]), "`state` is not of the right type"),
    ],
)
def test_a_damaged_state_is_refused_by_every_command(
    bench: Bench, applied: str, change: Callable[[dict[str, Any]], Any], named: str, tmp_path: Path
) -> None:
    """What only looks at a state, or imports one, needs one that is whole, too."""
    document = json.loads(applied)
    change(document["checkpoint"]["latest"])
    (bench.backend / ".pulumi" / "stacks" / "bench" / "dev.json").write_text(json.dumps(document))
    commands = [("stack",), ("stack", "ls"), ("stack", "output"), ("stack", "export")]
    for command in commands:
        run = bench.run(embedded(), *command)
        assert (run.code, named in run.stderr) == (1, True), run.text
    bench.init(embedded())
    file = tmp_path / "import.json"
    file.write_text(json.dumps({"version": 3, "deployment": document["checkpoint"]["latest"]}))
    run = bench.run(embedded(), "stack", "import", "--force", "--file", str(file))
    assert (run.code, named in run.stderr) == (1, True), run.text


def test_an_import_mends_a_damaged_state(bench: Bench, applied: str, tmp_path: Path) -> None:
    """What was exported before can be imported in place of a state that no command reads any more."""
    latest = json.loads(applied)["checkpoint"]["latest"]
    exported = tmp_path / "exported.json"
    exported.write_text(json.dumps({"version": 3, "deployment": latest}))
    (bench.backend / ".pulumi" / "stacks" / "bench" / "dev.json").write_text("{")
    assert bench.run(embedded(), "stack").code == 1
    bench.ok(embedded(), "stack", "import", "--file", str(exported))
    assert bench.checkpoint()["checkpoint"]["latest"]["resources"] == latest["resources"]


@pytest.mark.parametrize("text", [b"[1]", b"{", b"\xff", b"version: [1]"])
def test_a_damaged_layout_is_refused_in_one_line(bench: Bench, text: bytes) -> None:
    """A `meta.yaml` that says no version is not guessed at."""
    (bench.backend / ".pulumi" / "meta.yaml").write_bytes(text)
    run = bench.run(embedded(), "stack", "ls")
    assert run.code != 0
    assert run.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("salt", "named"),
    [
        ("v1:@@@@:v1:AAAA:BBBB", "the encryption salt is not in"),
        ("v1:a05+mlqvtdY=", "the encryption salt is not in"),
        (SALT.rsplit(":", 1)[0], "the encryption salt is not in"),
        (f"{SALT}:x", "the encryption salt is not in"),
        (SALT.replace("v1:", "v2:", 1), "the encryption salt is not in"),
        (SALT.replace(":v1:", ":v1:@", 1), "the encryption salt is not in"),
    ],
)
def test_a_damaged_salt_is_refused_in_one_line(salt: str, named: str) -> None:
    """A salt that nobody wrote so is called that, and not an incorrect passphrase."""
    with pytest.raises(EmbeddedError, match=named) as error:
        SecretsManager.open(PASSPHRASE, salt)
    assert not isinstance(error.value, IncorrectPassphrase)


@pytest.mark.parametrize(
    "stored",
    [
        {"ciphertext": "x"},
        {"ciphertext": "v1:AAAA:BBBB"},
        {"ciphertext": "v1:@@:@@"},
        {"ciphertext": "v1:A:B"},
        {"ciphertext": "v1:AAAA:BBBB:CCCC"},
        {"ciphertext": "v2:AAAA:BBBB"},
        {"ciphertext": "v1:biRX2fjK1ghLqHEv:"},
        {"ciphertext": 5},
        {"ciphertext": "sealed: {"},
        {"plaintext": "{"},
        {"plaintext": None},
        {},
    ],
    ids=str,
)
def test_a_damaged_secret_is_refused_in_one_line(stored: dict[str, Any]) -> None:
    """Whatever stands in the place of a secret, the message is one line that calls it a secret."""
    secrets = SecretsManager.open(PASSPHRASE, SALT)
    content = str(stored.get("ciphertext", ""))
    if content.startswith("sealed: "):
        stored = {"ciphertext": secrets.crypter.encrypt(content.removeprefix("sealed: "))}
    with pytest.raises(EmbeddedError, match=r"^[^\n]*secret[^\n]*\Z"):
        secrets.read(stored)
