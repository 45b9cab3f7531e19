"""The `new` command: flags, output, exit codes and questions."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pulumi_scalekit
from pulumi_scalekit.cli.app import run
from pulumi_scalekit.definition.changes import same
from pulumi_scalekit.definition.check import errors
from pulumi_scalekit.definition.normalize import normalize
from pulumi_scalekit.payload import to_payload

from .conftest import HELLO, Reply, Site
from .documents import BEARER, Document, code_flow, key_in, openapi

Outcome = tuple[int, str, str]
New = Callable[..., Outcome]


@pytest.fixture
def new(capsys: pytest.CaptureFixture[str]) -> New:
    """Runs the command: gives its exit code, standard output and standard error."""

    def call(*arguments: str | Path) -> Outcome:
        with pytest.raises(SystemExit) as caught:
            run(["new", *map(str, arguments)])
        captured = capsys.readouterr()
        code = caught.value.code
        return (code if isinstance(code, int) else 0), captured.out, captured.err

    return call


@pytest.fixture
def file(tmp_path: Path) -> Callable[[Document], Path]:
    """Writes a document to a file."""

    def write(document: Document) -> Path:
        path = tmp_path / "openapi.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


COMPLETE = openapi(
    {"o": code_flow(), "t": BEARER},
    servers=[{"url": "https://{tenant}.acme.io/v1"}],
    security=[{"t": []}, {"o": []}],
)


def test_complete(new: New, file: Callable[[Document], Path]) -> None:
    """A complete definition goes to standard output, the report to standard error, and the exit code is 0."""
    code, out, err = new("--openapi", file(COMPLETE), "--format", "json")
    assert code == 0
    assert errors(json.loads(out)) == []
    lines = err.splitlines()
    assert any(line.startswith("found    auth_patterns[0].type: OAUTH: o ") for line in lines)
    assert "The definition passes review." in lines
    assert "Other ways to authenticate, for --scheme: t (BEARER)" in lines


def test_incomplete(new: New, file: Callable[[Document], Path]) -> None:
    """What is missing is named by property path with the flag that gives it, and the exit code is 3."""
    document = openapi({"o": code_flow(tokenUrl="")}, servers=[])
    code, out, err = new("--openapi", file(document), "--format", "json")
    assert code == 3
    assert json.loads(out)["proxy_url"] == ""
    assert "missing  proxy_url: the document names no server (#/servers)" in err
    assert "→ give it with --token-url" in err
    assert err.splitlines()[-1] == "Look after: proxy_url, auth_patterns[0].oauth_config.token_uri"
    flags = ["--proxy-url", "https://api.acme.io", "--token-url", "https://acme.io/token"]
    code, out, _ = new("--openapi", file(document), "--format", "json", *flags)
    assert code == 0
    assert errors(json.loads(out)) == []


def test_a_token_of_which_nothing_is_said(new: New, file: Callable[[Document], Path]) -> None:
    """Where a bearer token comes from is asked with exit code 3, and the flag that the report has settles it."""
    path = file(openapi({"t": BEARER}))
    code, out, err = new("--openapi", path, "--format", "json")
    assert code == 3
    assert json.loads(out)["auth_patterns"][0]["type"] == "BEARER"
    assert "t: the document does not say where this token comes from" in err
    (line,) = [line for line in err.splitlines() if " auth_patterns[0].type: " in line]
    assert line.startswith("missing  auth_patterns[0].type: BEARER: t (http bearer)")
    assert "→ give --auth bearer where" in err
    assert err.splitlines()[-1] == "Look after: auth_patterns[0].type"
    code, settled, err = new("--openapi", path, "--format", "json", "--auth", "bearer")
    assert (code, settled) == (0, out)
    assert "missing" not in err


SOURCES: list[tuple[Document, list[str]]] = [
    (COMPLETE, []),
    (COMPLETE, ["--auth", "bearer"]),
    (openapi({"a": key_in("Authorization", 'As `Token token="<key>"`.')}), []),
    (openapi({"a": key_in("X-A"), "b": key_in("X-B")}, security=[{"a": [], "b": []}]), []),
    (openapi({"a": key_in("X-A")}, title='Acme "quoted" \\ API', description='It\'s "quoted".\nYes.'), []),
    (openapi(), []),
]


@pytest.mark.parametrize("number", range(len(SOURCES)))
def test_python_and_json_mean_the_same(
    number: int, new: New, file: Callable[[Document], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python that is written declares exactly the definition that is written as JSON."""
    document, flags = SOURCES[number]
    path = file(document)
    _, payload, _ = new("--openapi", path, "--format", "json", *flags)
    _, source, _ = new("--openapi", path, *flags)
    declared: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(pulumi_scalekit, "Connector", lambda name, **given: declared.append((name, given)))
    exec(compile(source, "new.py", "exec"), {})
    ((_, properties),) = declared
    plain = {key: to_payload(value) for key, value in properties.items()}
    assert same(normalize(plain), normalize(json.loads(payload)))


def test_control_characters_do_not_reach_the_terminal(new: New, file: Callable[[Document], Path]) -> None:
    """A document cannot steer the terminal with escape sequences, nor put them into the definition."""
    evil = "\x1b]0;owned\x07"
    scheme = code_flow(scopes={"a": f"Reads {evil} all your notes."})
    document = openapi(
        {f"o{evil}": scheme}, description=f"Acme {evil} keeps notes.", title=f"Acme {evil} API"
    )
    _, out, err = new("--openapi", file(document), "--format", "json")
    assert "\x1b" not in err + json.loads(out)["description"]
    assert "\x07" not in err
    assert "\\u001b" not in out


def test_machine_output(new: New, file: Callable[[Document], Path], tmp_path: Path) -> None:
    """--json prints the definition with the whole report, beside what --out gets."""
    target = tmp_path / "made" / "acme.json"
    code, out, err = new("--openapi", file(COMPLETE), "--json", "--out", target)
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["complete"] is True
    assert report["definition"] == json.loads(target.read_text(encoding="utf-8"))
    assert report["file"] == str(target)
    assert {"name": "t", "type": "BEARER", "summary": "http bearer", "chosen": False} in report["choices"]
    assert {note["origin"] for note in report["notes"]} <= {"given", "found", "assumed", "missing"}
    assert all(note["path"] and note["text"] for note in report["notes"])


def block(text: str, start: str) -> str:
    """The indented block of a page that begins with a line."""
    lines = text[text.index(f"    {start}") :].splitlines()
    end = next(number for number, line in enumerate(lines) if line and not line.startswith("    "))
    return "\n".join(line[4:] for line in lines[:end]).strip()


def test_the_example_of_the_docs(new: New, tmp_path: Path) -> None:
    """The definition and the report that the page shows are what the command prints for the page's document."""
    page = (Path(__file__).parents[2] / "docs" / "new.md").read_text(encoding="utf-8")
    (tmp_path / "acme.yaml").write_text(block(page, "# acme.yaml"), encoding="utf-8")
    code, out, err = new("--openapi", tmp_path / "acme.yaml")
    assert code == 0
    assert block(page, "acme_notes = ") in out
    assert block(page, "found    proxy_url") == err.strip()


def test_files_are_not_overwritten(new: New, file: Callable[[Document], Path], tmp_path: Path) -> None:
    """An existing file is left alone unless --force is given."""
    target = tmp_path / "acme.py"
    target.write_text("mine", encoding="utf-8")
    code, _, err = new("--openapi", file(COMPLETE), "--out", target)
    assert (code, target.read_text(encoding="utf-8")) == (2, "mine")
    assert "--force" in err
    assert new("--openapi", file(COMPLETE), "--out", target, "--force")[0] == 0
    assert "scalekit.Connector(" in target.read_text(encoding="utf-8")


FLAGS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "basic": (
        ["--auth", "basic", "--proxy-url", "https://{{domain}}/api"],
        {"type": "BASIC", "fields": ["domain", "username", "password"]},
    ),
    "key": (
        ["--auth", "api_key", "--header", "X-Key", "--prefix", "Acme ", "--proxy-url", "https://api.acme.io"],
        {
            "type": "API_KEY",
            "auth_header_key_override": "X-Key",
            "auth_field_mutations": {"api_key": {"prefix": "Acme "}},
        },
    ),
    "key in Authorization": (
        ["--auth", "API_KEY", "--header", "authorization", "--proxy-url", "https://api.acme.io"],
        {"type": "API_KEY", "auth_header_key_override": None},
    ),
    "header alone": (["--header", "X-Key", "--proxy-url", "https://api.acme.io"], {"type": "API_KEY"}),
    "two keys": (
        ["--header", "X-Id", "--header", "X-Secret", "--proxy-url", "https://api.acme.io"],
        {"type": "API_KEY", "fields": ["x_id", "x_secret"]},
    ),
    "oauth": (
        [
            *["--authorize-url", "https://acme.io/a", "--token-url", "https://acme.io/t", "--scope", "read"],
            *[
                "--scope",
                "write",
                "--pkce",
                "--user-info-url",
                "https://acme.io/me",
                "--proxy-url",
                "https://{{shop}}.io",
            ],
        ],
        {
            "type": "OAUTH",
            "account_fields": ["shop"],
            "oauth_config": {
                "authorize_uri": "https://acme.io/a",
                "token_uri": "https://acme.io/t",
                "user_info_uri": "https://acme.io/me",
                "available_scopes": [
                    {"scope": "read", "display_name": "Read"},
                    {"scope": "write", "display_name": "Write"},
                ],
                "pkce_enabled": True,
            },
        },
    ),
}


@pytest.mark.parametrize("name", FLAGS)
def test_flags_alone(name: str, new: New) -> None:
    """Flags alone make a whole definition, without any document."""
    flags, expected = FLAGS[name]
    code, out, err = new("--name", "Acme", "--description", "Notes", "--format", "json", *flags)
    assert (code, "missing" in err) == (0, False)
    (pattern,) = json.loads(out)["auth_patterns"]
    for key in ("fields", "account_fields"):
        if key in expected:
            pattern[key] = [field["field_name"] for field in pattern[key]]
    assert {key: pattern.get(key) for key in expected} == expected


WRONG: dict[str, tuple[list[str], int, str]] = {
    "nothing": ([], 2, "give --openapi FILE"),
    "two sources": (["--openapi", "a", "--mcp", "b"], 2, "give one of"),
    "a catalogue without an entry": (["--nango", "a.yaml"], 2, "go together"),
    "an entry without a catalogue": (["--provider", "a"], 2, "go together"),
    "no such catalogue": (["--nango", "/none.yaml", "--provider", "a"], 1, "Cannot read"),
    "choice without document": (["--name", "A", "--server", "1"], 2, "--openapi"),
    "no such file": (["--openapi", "/nowhere/x.json"], 1, "No such file"),
    "no such type": (["--auth", "magic"], 2, "magic"),
    "bad URL": (["--mcp", "http://acme.io/mcp"], 1, "not encrypted"),
    "a resource in JSON": (["--name", "A", "--resource", "a", "--format", "json"], 2, "JSON has none"),
    "prefix for basic": (["--auth", "basic", "--prefix", "x"], 1, "A prefix belongs"),
    "header for basic": (["--auth", "basic", "--header", "x"], 1, "A header belongs"),
    "scopes for bearer": (["--auth", "bearer", "--scope", "x"], 1, "--auth oauth"),
    "many headers for bearer": (["--auth", "bearer", "--header", "a", "--header", "b"], 1, "--auth api_key"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage(name: str, new: New) -> None:
    """What cannot be is refused with a message and nothing on standard output."""
    flags, expected, message = WRONG[name]
    code, out, err = new(*flags)
    assert (code, out) == (expected, "")
    assert message in " ".join(err.replace("│", " ").split())


def test_review_findings_are_missing_notes(new: New) -> None:
    """Whatever the review finds wrong with an answer is named, even where nothing was read."""
    code, _, err = new("--name", "Acme!", "--auth", "bearer", "--proxy-url", "http://acme.io")
    assert code == 3
    assert "missing  display_name: may hold only letters" in err
    assert "missing  proxy_url: must start with https://" in err
    assert new("--name", "Acme")[0] == 3


@pytest.mark.parametrize("url", ["https://[x/mcp", "https://[{{a}}/mcp"])
def test_an_mcp_url_that_is_none(new: New, url: str) -> None:
    """Half an IPv6 address is named as what it is."""
    code, _, err = new("--mcp", url, "--auth", "oauth")
    assert code == 3
    assert "missing  proxy_url: is not a URL" in err


def test_mcp(new: New, site: Site) -> None:
    """--mcp asks the server and makes a definition of an MCP connector."""
    site.replies["/mcp"] = Reply(body=HELLO)
    code, out, err = new("--mcp", f"{site.url}/mcp", "--proxy-url", "https://mcp.acme.io/mcp", "-f", "json")
    assert code == 0
    assert json.loads(out)["auth_patterns"][0]["type"] == "NO_AUTH"
    assert "found    auth_patterns[0].type: NO_AUTH" in err


def test_unreachable_mcp(new: New) -> None:
    """An MCP server that cannot be reached is said plainly; the exit code is 3, and --auth settles it."""
    arguments = [
        "--mcp",
        "http://127.0.0.1:9/mcp",
        "--proxy-url",
        "https://mcp.acme.io/mcp",
        "--name",
        "Acme",
    ]
    code, _, err = new(*arguments)
    assert code == 3
    assert "cannot be reached" in err
    assert "OAUTH was assumed" in err
    assert new(*arguments, "--auth", "bearer")[0] == 0


def test_standard_input_document(new: New, monkeypatch: pytest.MonkeyPatch) -> None:
    """--openapi - reads the document from standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(COMPLETE).encode())))
    code, out, _ = new("--openapi", "-", "--format", "json")
    assert code == 0
    assert json.loads(out)["proxy_url"] == "https://{{tenant}}.acme.io/v1"


def in_terminal(arguments: list[str], answers: list[str]) -> Outcome:
    """Run the command with a terminal for questions and answers; standard output stays a pipe."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pulumi_scalekit.cli", "new", *arguments],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "200"},
    )
    os.close(slave)
    os.write(master, "".join(f"{answer}\n" for answer in answers).encode())
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:
        pass  # Linux ends a terminal that nobody holds any more with an error
    finally:
        os.close(master)
    assert process.stdout is not None
    with process.stdout:
        out = process.stdout.read().decode()
    return process.wait(60), out, shown.decode()


def test_questionnaire() -> None:
    """In a terminal and without flags, the command asks for everything that makes a connector."""
    answers = [
        "",
        "Acme",
        "Keeps notes",
        "https://{{domain}}/api",
        "magic",
        "api_key",
        "Authorization",
        "Token ",
    ]
    code, out, shown = in_terminal(["--format", "json"], answers)
    assert code == 0, shown
    made = json.loads(out)
    assert (made["display_name"], made["proxy_url"]) == ("Acme", "https://{{domain}}/api")
    assert made["auth_patterns"][0]["auth_field_mutations"] == {"api_key": {"prefix": "Token "}}
    assert "Base URL of the API" in shown


def test_questions_for_what_is_missing(file: Callable[[Document], Path]) -> None:
    """In a terminal, what a document leaves open is asked for, and nothing else."""
    document = openapi({"o": code_flow(tokenUrl="")}, servers=[])
    answers = ["https://api.acme.io", "https://acme.io/token"]
    code, out, shown = in_terminal(["--openapi", str(file(document)), "--format", "json"], answers)
    assert code == 0, shown
    assert json.loads(out)["auth_patterns"][0]["oauth_config"]["token_uri"] == "https://acme.io/token"


def test_enter_confirms_what_is_in_doubt(file: Callable[[Document], Path]) -> None:
    """In a terminal, what is in doubt is told and asked for once, and Enter confirms what was found."""
    document = openapi({"t": BEARER}, servers=[{"url": "https://sandbox.acme.io"}])
    code, out, shown = in_terminal(["--openapi", str(file(document)), "--format", "json"], ["", ""])
    assert code == 0, shown
    assert json.loads(out)["proxy_url"] == "https://sandbox.acme.io"
    assert json.loads(out)["auth_patterns"][0]["type"] == "BEARER"
    assert shown.count("where this token comes from") == 1
    assert shown.count("looks like that of a test") == 1
