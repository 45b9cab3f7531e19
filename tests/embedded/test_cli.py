"""The command line apart from deployments: stacks, configuration, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from pulumi_embedded.cli.global_options import hoist_global_options
from pulumi_embedded.state.urns import ROOT_STACK_TYPE

from ..support.stacks import PASSPHRASE, lay_out_stack
from .harness import Bench, Engine, Run, cli, embedded


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A project with an empty stack."""
    bench = Bench(tmp_path)
    bench.init(embedded())
    return bench


def stackless(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that PULUMI_STACK selects the stack."""
    environment = {key: value for key, value in bench.environment().items() if key != "PULUMI_STACK"}
    monkeypatch.setattr(bench, "environment", lambda: environment)


def test_stacks_are_made_selected_listed_and_removed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The selection is remembered, by project and backend, and goes away with the stack."""
    stackless(bench, monkeypatch)
    run = bench.run(embedded(), "up", "--yes")
    assert (run.code, "no stack selected" in run.stderr) == (6, True)
    bench.ok(embedded(), "stack", "init", "two")
    bench.ok(embedded(), "stack", "init", "three", "--no-select")
    listed = json.loads(bench.ok(embedded(), "stack", "ls", "--json").stdout)
    assert [(found["name"], found["current"]) for found in listed] == [
        ("dev", False),
        ("three", False),
        ("two", True),
    ]
    other = cli()
    if other is not None:
        assert bench.ok(other, "stack", "--show-name").stdout.strip() == "two"
    assert bench.run(embedded(), "stack", "init", "two").code == 1
    bench.ok(embedded(), "stack", "select", "dev")
    assert bench.ok(embedded(), "stack", "--show-name").stdout == "dev\n"
    assert "Current stack is dev" in bench.ok(embedded(), "stack").stdout
    assert bench.run(embedded(), "stack", "select", "nope").code == 6
    assert bench.run(embedded(), "stack", "rm", "two").code == 1
    bench.ok(embedded(), "stack", "rm", "two", "--yes")
    assert not (bench.project / "Pulumi.two.yaml").exists()
    bench.ok(embedded(), "stack", "rm", "dev", "--yes", "--preserve-config")
    assert (bench.project / "Pulumi.dev.yaml").exists()
    assert bench.run(embedded(), "up", "--yes").code == 6


def test_a_stack_with_resources_is_not_removed(bench: Bench) -> None:
    """Removing a stack that has resources takes --force."""
    bench.declare({"a": {"size": 1}})
    bench.ok(embedded(), "up", "--yes", "--skip-preview")
    run = bench.run(embedded(), "stack", "rm", "--yes")
    assert run.code == 1
    assert "still has resources" in run.stderr
    bench.ok(embedded(), "stack", "rm", "--yes", "--force")
    assert list(bench.live()) == ["a-1"]


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "a b",
        "x/y/z/w",
        ".",
        "..",
        "organization/bench/..",
        "organization/../x",
    ],
)
def test_a_bad_stack_name_is_refused(bench: Bench, name: str) -> None:
    """A name of other characters, or that leads out of its folder, and another organization, make no stack."""
    assert bench.run(embedded(), "stack", "init", name).code == 2


def other_stack(bench: Bench) -> dict[str, Any]:
    """Make a stack of another project in the same backend, with a resource; returns its checkpoint."""
    folder = bench.root / "other"
    folder.mkdir(exist_ok=True)
    lay_out_stack(folder, bench.backend, name="other")
    path = bench.backend / ".pulumi" / "stacks" / "other" / "dev.json"
    checkpoint = bench.checkpoint(project="other")
    urn = "urn:pulumi:dev::other::pulumi:pulumi:Stack::other-dev"
    checkpoint["checkpoint"]["latest"]["resources"] = [{"urn": urn, "custom": False, "type": ROOT_STACK_TYPE}]
    path.write_text(json.dumps(checkpoint))
    return checkpoint


def test_a_stack_of_another_project_is_not_deployed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program is not run on a stack of another project, nor is one made; looking at such a stack is allowed."""
    before = other_stack(bench)
    settings = (bench.project / "Pulumi.dev.yaml").read_text()
    name = "organization/other/dev"
    for engine in [engine for engine in (embedded(), cli()) if engine is not None]:
        for arguments in (
            ("preview", "--stack", name),
            ("preview", "--json", "--stack", name),
            ("up", "--yes", "--stack", name),
            ("refresh", "--yes", "--stack", name),
            ("destroy", "--yes", "--stack", name),
            ("stack", "init", "organization/other/new"),
        ):
            run = bench.run(engine, *arguments)
            assert (run.code, 'project name "other" doesn\'t match Pulumi.yaml' in run.text) == (1, True), (
                run.text
            )
        bench.ok(engine, "stack", "export", "--stack", name)
        assert bench.run(engine, "preview", "--stack", "organization/other/none").code == 6
    with monkeypatch.context() as patch:
        patch.setattr(bench, "environment", lambda: {**Bench.environment(bench), "PULUMI_STACK": name})
        assert bench.run(embedded(), "up", "--yes", "--config", "key=value").code == 1
    assert bench.checkpoint(project="other") == before
    assert (bench.project / "Pulumi.dev.yaml").read_text() == settings


def test_removing_a_stack_of_another_project_keeps_the_configuration_of_this_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration beside Pulumi.yaml, and a selection, are those of a stack of this project."""
    stackless(bench, monkeypatch)
    settings = (bench.project / "Pulumi.dev.yaml").read_text()
    for engine in [engine for engine in (cli(), embedded()) if engine is not None]:
        other_stack(bench)
        bench.ok(embedded(), "stack", "select", "dev")
        bench.ok(engine, "stack", "rm", "organization/other/dev", "--yes", "--force")
        assert (bench.project / "Pulumi.dev.yaml").read_text() == settings
    assert bench.ok(embedded(), "stack", "--show-name").stdout == "dev\n"
    other_stack(bench)
    bench.ok(embedded(), "stack", "select", "organization/other/dev")
    bench.ok(embedded(), "stack", "rm", "organization/other/dev", "--yes", "--force")
    assert bench.run(embedded(), "stack").code == 6


def test_importing_into_a_stack_of_another_project_leaves_this_one_as_it_is(
    bench: Bench, tmp_path: Path
) -> None:
    """What is imported is encrypted as that stack is, and the configuration here gets no salt of another project."""
    before = other_stack(bench)
    (bench.project / "Pulumi.dev.yaml").unlink()
    exported = tmp_path / "exported.json"
    for engine in [engine for engine in (cli(), embedded()) if engine is not None]:
        bench.ok(engine, "stack", "export", "--stack", "organization/other/dev", "--file", str(exported))
        bench.ok(engine, "stack", "import", "--stack", "organization/other/dev", "--file", str(exported))
        assert not (bench.project / "Pulumi.dev.yaml").exists()
    after = bench.checkpoint(project="other")["checkpoint"]["latest"]
    assert after["secrets_providers"] == before["checkpoint"]["latest"]["secrets_providers"]


@pytest.mark.parametrize("name", ["a/b", "..", ""])
def test_a_bad_project_name_is_refused(bench: Bench, name: str) -> None:
    """A project's name is a folder of the backend, and does not lead out of it."""
    edit_project(bench, name=name)
    run = bench.run(embedded(), "stack", "ls")
    assert (run.code, "a project name may only contain" in run.stderr) == (2, True)


def test_configuration_is_set_shown_and_removed(bench: Bench) -> None:
    """Plain, secret, typed and structured values; what is secret is shown only when asked for."""
    bench.ok(embedded(), "config", "set", "plain", "5")
    bench.ok(embedded(), "config", "set", "--secret", "token", "hunter2")
    bench.ok(embedded(), "config", "set", "--type", "int", "number", "5")
    bench.ok(embedded(), "config", "set", "--path", "tree.branch[0].leaf", "true")
    bench.ok(embedded(), "config", "set", "--path", "tree.secret", "--secret", "inner")
    bench.ok(embedded(), "config", "set", "other:key", "v")
    file = (bench.project / "Pulumi.dev.yaml").read_text()
    assert "hunter2" not in file
    assert "inner" not in file
    shown = bench.ok(embedded(), "config").stdout
    assert "hunter2" not in shown
    assert "[secret]" in shown
    assert bench.ok(embedded(), "config", "get", "token").stdout == "hunter2\n"
    assert bench.ok(embedded(), "config", "get", "tree").stdout == (
        '{"branch":[{"leaf":true}],"secret":"inner"}\n'
    )
    assert bench.ok(embedded(), "config", "get", "--path", "tree.branch[0].leaf").stdout == "true\n"
    other = cli()
    if other is not None:
        assert (
            bench.ok(other, "config", "get", "tree").stdout == '{"branch":[{"leaf":true}],"secret":"inner"}\n'
        )
        assert bench.ok(other, "config", "get", "token").stdout == "hunter2\n"
    bench.ok(embedded(), "config", "rm", "plain")
    run = bench.run(embedded(), "config", "get", "plain")
    assert run.code == 1
    assert "not found" in run.stderr


@pytest.mark.parametrize(
    ("kind", "text"),
    [("int", "x"), ("int", "9" * 20), ("float", "nan"), ("float", "-inf"), ("bool", "yes"), ("date", "x")],
)
def test_a_value_of_another_type_is_refused(bench: Bench, kind: str, text: str) -> None:
    """What is not of the type that `--type` names, or what no program can get, is not written."""
    before = (bench.project / "Pulumi.dev.yaml").read_text()
    run = bench.run(embedded(), "config", "set", "--type", kind, "key", "--", text)
    assert (run.code, "Traceback" in run.text) == (2, False)
    assert kind in run.stderr
    assert (bench.project / "Pulumi.dev.yaml").read_text() == before


def test_the_project_file_may_declare_configuration(bench: Bench) -> None:
    """Defaults and values of the project reach the program; a missing or mistyped value is named."""
    file = bench.project / "Pulumi.yaml"
    bench.declare({"a": {"size": {"$config": "size"}}})
    file.write_text(
        file.read_text() + "config:\n  size: {type: integer, default: 7}\n  need: {type: string}\n"
    )
    run = bench.run(embedded(), "up", "--yes")
    assert run.code == 1
    assert "missing configuration value 'need'" in run.stderr
    bench.ok(embedded(), "config", "set", "need", "x")
    bench.ok(embedded(), "up", "--yes", "--skip-preview")
    assert bench.live()["a-1"]["size"] == "7"
    bench.ok(embedded(), "config", "set", "size", "seven")
    run = bench.run(embedded(), "up", "--yes")
    assert run.code == 1
    assert "must be of type 'integer'" in run.stderr


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"secret": {"type": "string", "secret": True}}, "'secret' must be encrypted as it's secret"),
        (
            {"list": {"type": "array", "items": {"type": "integer"}}},
            "'list' must be of type 'array<integer>'",
        ),
        ({"x": {"type": "string"}, "y": {}, "z": {}}, "is missing configuration values 'x', 'y' and 'z'"),
        ({"x": {"default": 1, "value": 2}}, "'x' cannot have both a 'default' and 'value' attribute"),
    ],
)
def test_a_schema_of_the_configuration_is_enforced(bench: Bench, schema: dict[str, Any], named: str) -> None:
    """A value that is not of the declared type, not encrypted, or missing, is named as the CLI names it."""
    bench.ok(embedded(), "config", "set", "secret", "plain")
    bench.ok(embedded(), "config", "set", "--path", "list[0]", "x")
    edit_project(bench, config=schema)
    run = bench.run(embedded(), "preview")
    assert run.code != 0
    assert named in run.stderr


def edit_project(bench: Bench, **settings: Any) -> None:
    """Set keys of the project file."""
    file = bench.project / "Pulumi.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **settings}))


def test_values_of_the_configuration_are_written_as_the_cli_writes_them(bench: Bench) -> None:
    """Numbers, dates and words of YAML have the text that they have for a program on the CLI."""
    written = {
        "1.0": "1",
        "1.50": "1.5",
        "1e6": "1000000",
        "1.5e-7": "1.5e-7",
        "100000000000000000000000.0": "1e+23",
        "1_000": "1000",
        "0x10": "16",
        "017": "15",
        "-0o17": "-15",
        "089": "89",
        "12345678901234567890": "12345678901234567890",
        "123456789012345678901234567890": "1.2345678901234568e+29",
        "1e400": "1e400",
        "yes": "yes",
        "true": "true",
        "1:30": "1:30",
        "~": "",
        "2024-01-02": "2024-01-02 00:00:00 +0000 UTC",
        "2024-01-02T03:04:05.25+02:00": "2024-01-02 03:04:05.25 +0200 +0200",
        "[1.0, '<a>', {x: 1e25}]": r'[1,"\u003ca\u003e",{"x":1e+25}]',
    }
    file = bench.project / "Pulumi.dev.yaml"
    lines = [f"  bench:k{number}: {text}\n" for number, text in enumerate(written)]
    file.write_text(f"{file.read_text()}config:\n{''.join(lines)}")
    shown = json.loads(bench.ok(embedded(), "config", "--json").stdout)
    found = {text: shown[f"bench:k{number}"]["value"] for number, text in enumerate(written)}
    assert found == written


def test_a_project_may_always_refresh(bench: Bench) -> None:
    """`options.refresh: always` refreshes before an update, unless that is told not to."""
    edit_project(bench, options={"refresh": "always"})
    bench.declare({"a": {"size": 1}})
    update = ("up", "--yes", "--skip-preview")
    bench.ok(embedded(), *update)
    bench.take_calls()
    bench.ok(embedded(), *update)
    assert [call["call"] for call in bench.take_calls()] == ["read", "diff", "check", "diff"]
    bench.ok(embedded(), *update, "--refresh=false")
    assert [call["call"] for call in bench.take_calls()] == ["check", "diff"]


@pytest.mark.parametrize(
    ("variable", "value", "code", "says"),
    [
        ("PULUMI_OPTION_EXPECT_NO_CHANGES", "true", 7, "no changes were expected"),
        ("PULUMI_OPTION_EXPECT_NO_CHANGES", "perhaps", 0, "4 created"),
        ("PULUMI_OPTION_TARGET", "**::a,**::b", 0, "3 created"),
        ("PULUMI_OPTION_POLICY_PACK", "x", 1, "the option --policy-pack of up: not supported"),
        ("PULUMI_OPTION_RUN_PROGRAM", "false", 0, "4 created"),
        ("PULUMI_OPTION_SAVE_PLAN", "of-another-command", 0, "4 created"),
        ("PULUMI_OPTION_COLOR", "pink", 2, "unsupported color option"),
    ],
)
def test_options_come_from_the_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, code: int, says: str
) -> None:
    """Each option may be given by the variable that the CLI has for it."""
    monkeypatch.setattr(bench, "environment", lambda: {**Bench.environment(bench), variable: value})
    bench.declare({"a": {}, "b": {}, "c": {}})
    run = bench.run(embedded(), "up", "--yes", "--skip-preview")
    assert (run.code, says in run.text) == (code, True), run.text


def test_settings_that_are_not_followed_are_refused(bench: Bench) -> None:
    """A range of CLI versions and a project file in JSON are refused by name."""
    edit_project(bench, requiredPulumiVersion=">=3")
    assert "`requiredPulumiVersion` in Pulumi.yaml: not supported" in bench.run(embedded(), "preview").stderr
    file = bench.project / "Pulumi.yaml"
    (bench.project / "Pulumi.json").write_text(json.dumps(yaml.safe_load(file.read_text())))
    file.unlink()
    assert "Pulumi.json): not supported" in bench.run(embedded(), "preview").stderr


def in_terminal(bench: Bench, engine: Engine, *arguments: str, types: str) -> Run:
    """Run a command in a terminal, with what the user types."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [*engine.command, *arguments],
        cwd=bench.project,
        env={**bench.environment(), "TERM": "dumb"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    os.write(master, types.encode())
    shown = b""
    # The end of the terminal is an error: nobody has the other side open.
    with suppress(OSError):
        while part := os.read(master, 65536):
            shown += part
    os.close(master)
    return Run(process.wait(), shown.decode(errors="replace"), "")


def test_a_terminal_is_asked_once_there_is_a_preview(bench: Bench) -> None:
    """In a terminal, `up` asks after the preview and shows details; with --skip-preview it does not ask."""
    bench.declare({"a": {"size": 1}})
    run = in_terminal(bench, embedded(), "up", types="details\nno\n")
    assert (run.code, run.text.count("Do you want to perform this update? [yes/no/details]")) == (8, 2), (
        run.text
    )
    assert not bench.live()
    assert in_terminal(bench, embedded(), "up", types="yes\n").code == 0
    assert list(bench.live()) == ["a-1"]
    run = in_terminal(bench, embedded(), "destroy", "--skip-preview", types="no\n")
    assert (run.code, "Do you want" in run.text) == (0, False), run.text
    assert not bench.live()


def test_confirmations_may_be_skipped_for_all_commands(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """PULUMI_SKIP_CONFIRMATIONS approves what otherwise takes --yes."""
    commands = [("up",), ("refresh",), ("destroy",), ("cancel",), ("stack", "rm")]
    for command in commands:
        run = bench.run(embedded(), *command)
        assert (run.code, "--yes" in run.stderr) in ((1, True), (2, True)), run.text
    environment = {**bench.environment(), "PULUMI_SKIP_CONFIRMATIONS": "true"}
    monkeypatch.setattr(bench, "environment", lambda: environment)
    for command in commands:
        bench.ok(embedded(), *command)


def test_a_missing_extra_is_named_in_one_line() -> None:
    """Without the modules of the extra, the command says what to install."""
    without = "import sys; sys.modules['cryptography'] = None; import pulumi_embedded.cli.main as m; m.main()"
    run = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert 'pip install "pulumi-scalekit[embedded]"' in run.stderr
    assert "Traceback" not in run.stderr


def test_global_options_may_follow_the_command() -> None:
    """As with the CLI, `up -C folder --color never` is the same as `-C folder --color never up`."""
    assert hoist_global_options(
        ["up", "-y", "-C", "x", "--color=never", "--non-interactive", "-s", "dev"]
    ) == [
        "-C",
        "x",
        "--color=never",
        "--non-interactive",
        "up",
        "-y",
        "-s",
        "dev",
    ]
    assert hoist_global_options(["up", "--refresh=true", "--suppress-permalink=false"]) == ["up", "--refresh"]
    value = ["config", "set", "k", "--", "-C", "--suppress-progress", "--refresh=true"]
    assert hoist_global_options(value) == value


def test_a_wrong_invocation_ends_with_two(bench: Bench) -> None:
    """An unknown option, a missing approval and a missing project are the user's to fix."""
    assert bench.run(embedded(), "up", "--bogus").code == 2
    assert bench.run(embedded(), "preview", "--json=x").code == 2
    assert bench.run(embedded(), "up", "--non-interactive").code == 2
    assert bench.run(embedded(), "-C", str(bench.root), "preview", "--stack", "dev").code == 2
    assert bench.run(embedded(), "--color", "pink", "preview").code == 2


def test_a_passphrase_may_be_in_a_file(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PULUMI_CONFIG_PASSPHRASE_FILE names a file with the passphrase; blanks around it do not count."""
    bench.ok(embedded(), "config", "set", "--secret", "token", "hunter2")
    file = tmp_path / "passphrase"
    file.write_text(f"{PASSPHRASE}\n")
    environment = {**bench.environment(), "PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    del environment["PULUMI_CONFIG_PASSPHRASE"]
    monkeypatch.setattr(bench, "environment", lambda: environment)
    assert bench.ok(embedded(), "config", "get", "token").stdout == "hunter2\n"


def test_what_is_not_shown_needs_no_passphrase(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of a configuration, and a value that is no secret, can be read without opening any secret."""
    bench.ok(embedded(), "config", "set", "--secret", "token", "hunter2")
    bench.ok(embedded(), "config", "set", "plain", "5")
    environment = {**bench.environment(), "PULUMI_CONFIG_PASSPHRASE": "another"}
    monkeypatch.setattr(bench, "environment", lambda: environment)
    engines = [engine for engine in (embedded(), cli()) if engine is not None]
    for engine in engines:
        listed = json.loads(bench.ok(engine, "config", "--json").stdout)
        assert {key.partition(":")[2]: value["secret"] for key, value in listed.items()} == {
            "plain": False,
            "token": True,
        }
        assert "[secret]" in bench.ok(engine, "config").stdout
        assert bench.ok(engine, "config", "get", "plain").stdout == "5\n"
        assert bench.run(engine, "config", "get", "token").code != 0


def test_about_says_what_is_in_use(bench: Bench) -> None:
    """`about` names the engine, the backend and the stack, and says what the engine is for."""
    text = bench.ok(embedded(), "about").stdout
    assert "embedded" in text
    assert f"file://{bench.backend}" in text
    assert "pulumi.com/docs/install" in text
    assert bench.ok(embedded(), "version").stdout.startswith("v3.")
    assert bench.ok(embedded(), "--version").stdout == bench.ok(embedded(), "version").stdout
