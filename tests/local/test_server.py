"""The local Scalekit as a server: durability, addresses, the command."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import typer
from typer.testing import CliRunner

from pulumi_scalekit import local
from pulumi_scalekit.cli.serve import add_to
from pulumi_scalekit.local import ServeError, Store, StoreError
from pulumi_scalekit.local.hosts import is_own

from .conftest import BEARER, Session


@contextmanager
def served(*arguments: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command in a process of its own; yield it with the URL that it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pulumi_scalekit.cli", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("SCALEKIT_")}, **env},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        yield process, found[0]
    finally:
        process.kill()
        process.wait(timeout=10)
        process.stdout.close()


def sign_in(http: httpx.Client, secret: str = "local-secret", client_id: str = "skc_local") -> None:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    token = http.post("/oauth/token", data=form).raise_for_status().json()["access_token"]
    http.headers["authorization"] = f"Bearer {token}"


def test_a_restart_keeps_everything_and_tokens_stay_valid(tmp_path: Path) -> None:
    """With a data directory, connectors and tokens outlive the server."""
    with local.running(data=tmp_path) as server, httpx.Client(base_url=server.url) as http:
        session = Session(http, server.environment, over_socket=True)
        session.sign_in()
        made = session.create()
        headers = dict(http.headers)
    with local.running(data=tmp_path) as server, httpx.Client(base_url=server.url, headers=headers) as http:
        assert Session(http, server.environment, over_socket=True).list() == [made]


def test_kill_9_in_the_middle_of_writes_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Whatever was answered with 201 before a SIGKILL is there afterwards, whole."""
    acknowledged: list[str] = []
    with served("--data", str(tmp_path)) as (process, url):
        with httpx.Client(base_url=url) as http:
            sign_in(http)
            headers = dict(http.headers)

        def write(name: str) -> None:
            with httpx.Client(base_url=url, headers=headers) as http:
                try:
                    for _ in range(10_000):
                        answer = http.post("/api/v1/custom-providers", json={**BEARER, "display_name": name})
                        acknowledged.append(answer.json()["provider"]["identifier"])
                except httpx.HTTPError:
                    return

        writers = [threading.Thread(target=write, args=(f"Writer {n}",)) for n in range(3)]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + 20
        while len(acknowledged) < 60 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        for writer in writers:
            writer.join()
    assert len(acknowledged) >= 60
    with local.running(data=tmp_path) as server:
        stored = server.store.providers()
        # At most one write of each writer was committed without its answer having arrived.
        assert set(acknowledged) <= {provider.identifier for provider in stored}
        assert len(stored) <= len(acknowledged) + len(writers)
        assert all(provider.payload["proxy_url"] == BEARER["proxy_url"] for provider in stored)


def test_the_database_is_private_and_syncs_fully(tmp_path: Path) -> None:
    """Others cannot read the file, and each commit waits for the disk."""
    store = Store(tmp_path)
    assert (tmp_path / "scalekit.sqlite3").stat().st_mode & 0o077 == 0
    assert store._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert store._db.execute("PRAGMA synchronous").fetchone()[0] == 2
    store.close()


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_files_have_their_modes_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """The directory and the database are their owner's only, also under a umask of all or nothing."""
    before = os.umask(umask)
    try:
        store = Store(tmp_path / "new")
        store.create_provider(BEARER)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    store.close()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}, modes


def test_a_directory_is_for_one_server(tmp_path: Path) -> None:
    """A second server on the same directory is refused, and can start when the first has ended."""
    with local.running(data=tmp_path), pytest.raises(StoreError, match="in use by another local Scalekit"):
        Store(tmp_path)
    Store(tmp_path).close()


@pytest.mark.parametrize(
    ("host", "names", "own"),
    [
        ("localhost", (), True),
        ("LOCALHOST:8787", (), True),
        ("127.0.0.1:1", (), True),
        ("[::1]:8787", (), True),
        ("evil.example", (), False),
        ("localhost.evil.example", (), False),
        ("127.0.0.1.evil.example:80", (), False),
        ("10.0.0.1", (), False),
        ("", (), False),
        ("[", (), False),
        ("a@localhost", (), True),
        ("ci.example:8787", ("CI.example",), True),
        ("10.0.0.1", ("ci.example",), True),
        ("evil.example", ("ci.example",), False),
    ],
)
def test_only_own_host_names_are_served(host: str, names: tuple[str, ...], own: bool) -> None:
    """Loopback names and those that were given are the server's own, and addresses where others can reach it."""
    assert is_own(host, names) is own


def test_a_rebound_name_gets_nothing(server: Session) -> None:
    """Every path, tokens and API included, is closed to a Host that is not the server's."""
    for method, path in (("POST", "/oauth/token"), ("GET", "/api/v1/providers"), ("GET", "/proxy/x")):
        answer = server.http.request(method, path, headers={"host": "evil.example"})
        assert answer.status_code == 421
    server.environment.settings.host_names = frozenset({"evil.example"})
    assert server.http.get("/api/v1/providers", headers={"host": "evil.example"}).status_code == 200


def test_a_further_host_name_is_served_by_an_option() -> None:
    """`--name` adds a name, such as a container's; others stay closed."""
    with served("--name", "ci.example") as (_, url):
        statuses = [
            httpx.get(f"{url}/api/v1/providers", headers={"host": host}).status_code
            for host in ("ci.example:8787", "evil.example")
        ]
    assert statuses == [401, 421]


@pytest.mark.parametrize("version", [2, 99])
def test_a_database_of_another_version_is_refused(tmp_path: Path, version: int) -> None:
    """An older or newer schema is not touched; the message says what to do."""
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "scalekit.sqlite3") as db:
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    with pytest.raises(StoreError, match=rf"schema version {version}.*another directory"):
        Store(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A foreign file in its place is named, and stays as it is."""
    path = tmp_path / "scalekit.sqlite3"
    path.write_text("not a database " * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store(tmp_path)
    assert path.read_text() == "not a database " * 100


def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """Where there is no place for the database, the message names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"scalekit.* cannot be written: "):
        Store(tmp_path / "file" / "data")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failure_of_its_own_is_a_500_that_writes_nothing(tmp_path: Path) -> None:
    """When the database refuses a write, the answer says so, and the next write works."""
    with local.running(data=tmp_path) as server, httpx.Client(base_url=server.url) as http:
        session = Session(http, server.environment, over_socket=True)
        session.sign_in()
        server.store._db.execute("PRAGMA query_only = ON")
        answer = http.post("/api/v1/custom-providers", json=BEARER)
        assert (answer.status_code, answer.json()["code"]) == (500, 13)
        assert answer.json()["details"][0]["request_info"]["request_id"] == answer.headers["x-request-id"]
        server.store._db.execute("PRAGMA query_only = OFF")
        assert session.list() == []
        session.create()
        assert len(session.list()) == 1


def test_writes_from_many_clients_are_all_kept(tmp_path: Path) -> None:
    """Forty clients at once get forty connectors with forty identifiers."""
    with local.running(data=tmp_path) as server:
        made: list[str] = []
        with httpx.Client(base_url=server.url, limits=httpx.Limits(max_connections=None)) as http:
            sign_in(http)

            def write() -> None:
                answer = http.post("/api/v1/custom-providers", json=BEARER)
                made.append(answer.json()["provider"]["identifier"])

            threads = [threading.Thread(target=write) for _ in range(40)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert sorted(made) == sorted(p.identifier for p in server.store.providers())
        assert len(set(made)) == 40


def test_only_loopback_is_served_unless_told_otherwise() -> None:
    """An address that others can reach needs a flag of its own."""
    with pytest.raises(ServeError, match="--allow-remote"):
        local.serve(host="0.0.0.0", port=0)


def test_a_taken_port_is_a_clear_message() -> None:
    """The message names the address and the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServeError, match=r"cannot listen on 127\.0\.0\.1:\d+.*--port"):
            local.serve(port=taken.getsockname()[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_with_the_callers_credentials(tmp_path: Path, number: signal.Signals) -> None:
    """Id and secret come from the environment, the secret is not printed, and a signal ends it cleanly."""
    env = {"SCALEKIT_CLIENT_ID": "skc_mine", "SCALEKIT_CLIENT_SECRET": "canary-secret"}
    with served("--data", str(tmp_path), "--fault", "list:error*1", **env) as (process, url):
        with httpx.Client(base_url=url) as http:
            sign_in(http, "canary-secret", "skc_mine")
            assert [http.get("/api/v1/providers").status_code for _ in range(2)] == [500, 200]
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        rest = process.stdout.read()
    assert f"SCALEKIT_ENVIRONMENT_URL={url}" in rest
    assert "canary-secret" not in rest
    assert "Traceback" not in rest
    # The database was closed: SQLite leaves no side files.
    assert [path.name for path in tmp_path.iterdir()] == ["scalekit.sqlite3"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "0.0.0.0"], "--allow-remote"),
        (["--fault", "create:explode"], "no fault 'explode'"),
        (["--upstream", "nonsense"], "ORIGIN=ORIGIN"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], says: str) -> None:
    """A wrong option is one line and exit code 1."""
    app = typer.Typer()
    add_to(app)
    result = CliRunner().invoke(app, ["--port", "0", *arguments])
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert says in result.stderr
