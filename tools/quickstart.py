"""What `make up`, `make preview` and `make down` do: the quickstart, from a clone to live connectors.

Works with nothing but the project's virtual environment. Picks the Pulumi engine, starts a local Scalekit unless
the environment names a real one, and keeps all that it makes in `.local/`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
BIN = Path(sys.executable).parent
SERVER = LOCAL / "scalekit" / "server.json"
SERVER_LOG = LOCAL / "scalekit" / "server.log"
INSTALLED = LOCAL / "pulumi"
INSTALL_FAILED = LOCAL / "pulumi-not-installable"
STACK = "dev"
PORT = 8787
INSTALL_SECONDS = 120


class QuickstartError(Exception):
    """A step failed; the message says what to do."""


def main() -> int:
    """Run one of the three verbs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["up", "preview", "down"])
    verb = parser.parse_args().verb
    try:
        {"up": up, "preview": preview, "down": down}[verb]()
    except QuickstartError as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it goes on where it stopped.", file=sys.stderr)
        return 130
    return 0


def up() -> None:
    """Apply the quickstart, and show what lives in the environment then."""
    environ = environment()
    engine = choose_engine()
    prepare_stack(engine, environ)
    run([engine, "up", "--yes", "--stack", STACK], environ, "`make up` can be run again at any time")
    print("\nWhat lives in the environment now:\n", flush=True)
    run([str(BIN / "pulumi-scalekit"), "list"], environ, "see the message above")


def preview() -> None:
    """Show what `make up` would do."""
    environ = environment()
    engine = choose_engine()
    prepare_stack(engine, environ)
    run([engine, "preview", "--diff", "--stack", STACK], environ, "see the message above")


def down() -> None:
    """Destroy the quickstart's connectors, and stop the local Scalekit."""
    if os.environ.get("SCALEKIT_ENVIRONMENT_URL") or SERVER.exists():
        environ = environment()
        engine = choose_engine()
        prepare_stack(engine, environ)
        run([engine, "destroy", "--yes", "--stack", STACK], environ, "see the message above")
    else:
        print("There is no local Scalekit: nothing to destroy.")
    stop_server()


# --- The engine ---------------------------------------------------------------------------------------------


def choose_engine() -> str:
    """The Pulumi CLI from PATH, or installed into the project's folder, or the embedded engine."""
    if shutil.which("pulumi"):
        print("Engine: the Pulumi CLI from PATH.", flush=True)
        return "pulumi"
    own = INSTALLED / "bin" / "pulumi"
    if not own.exists() and not INSTALL_FAILED.exists():
        install_cli()
    if own.exists():
        print(
            f"Engine: the Pulumi CLI in {own.parent.relative_to(ROOT)}, installed for this project.",
            flush=True,
        )
        return str(own)
    print(
        "Engine: pulumi-embedded, for trying out: the Pulumi CLI is not on PATH and could not be installed "
        "(https://www.pulumi.com/docs/install/).",
        flush=True,
    )
    return str(BIN / "pulumi-embedded")


def install_cli() -> None:
    """Try once, quietly and for a bounded time, to install the CLI with the SDK's own installer."""
    code = (
        "import sys; from pulumi.automation import PulumiCommand;"
        "PulumiCommand.install(root=sys.argv[1], skip_version_check=False)"
    )
    LOCAL.mkdir(exist_ok=True)
    try:
        # In a session of its own, so that a time-out ends the installer's own children too.
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(INSTALLED)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(INSTALL_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    except subprocess.TimeoutExpired:
        pass
    if not (INSTALLED / "bin" / "pulumi").exists():
        shutil.rmtree(INSTALLED, ignore_errors=True)
        INSTALL_FAILED.write_text("Delete this file to have `make up` try to install the Pulumi CLI again.\n")


def prepare_stack(engine: str, environ: dict[str, str]) -> None:
    """Make the stack where it does not exist, and select it."""
    done = subprocess.run(
        [engine, "stack", "select", "--create", STACK],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise QuickstartError(f"the stack {STACK!r} could not be made:\n{done.stderr or done.stdout}")


# --- The environment ----------------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    """The process environment for the engine: the caller's own settings, and defaults for all that is missing."""
    environ = dict(os.environ)
    environ["PATH"] = f"{BIN}{os.pathsep}{environ.get('PATH', '')}"
    environ.setdefault("PULUMI_SKIP_UPDATE_CHECK", "true")
    if "PULUMI_BACKEND_URL" not in environ:
        state = LOCAL / "state"
        state.mkdir(parents=True, exist_ok=True)
        environ["PULUMI_BACKEND_URL"] = state.as_uri()
    # The passphrase that belongs to the salt in the dev stack's file.
    environ.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    environ["PULUMI_CONFIG_PASSPHRASE"] = "quickstart"
    if environ.get("SCALEKIT_ENVIRONMENT_URL"):
        print(
            f"Environment: {environ['SCALEKIT_ENVIRONMENT_URL']}, from SCALEKIT_ENVIRONMENT_URL.", flush=True
        )
        return environ
    # The local Scalekit has credentials of its own; those of a real environment must not reach it.
    for name in ("SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET", "SCALEKIT_ENV_URL"):
        environ.pop(name, None)
    url, credentials = start_server(environ)
    print(f"Environment: a local Scalekit at {url} (its log: {SERVER_LOG.relative_to(ROOT)}).", flush=True)
    return {**environ, "SCALEKIT_ENVIRONMENT_URL": url, **credentials}


def start_server(environ: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Start the local Scalekit where it does not run yet. Its port stays the same: the stack records its URL."""
    credentials = {"SCALEKIT_CLIENT_ID": "skc_local", "SCALEKIT_CLIENT_SECRET": "local-secret"}
    known = json.loads(SERVER.read_text()) if SERVER.exists() else {}
    port = known.get("port") or free_port()
    url = f"http://127.0.0.1:{port}"
    if known and answers(url):
        return url, credentials
    SERVER.parent.mkdir(parents=True, exist_ok=True)
    data = SERVER.parent / "data"
    with SERVER_LOG.open("a") as log:
        process = subprocess.Popen(
            [str(BIN / "pulumi-scalekit"), "serve", "--port", str(port), "--data", str(data)],
            env={**environ, **credentials},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    SERVER.write_text(json.dumps({"port": port, "pid": process.pid}))
    for _ in range(100):
        if answers(url):
            return url, credentials
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise QuickstartError(
        f"the local Scalekit did not start on port {port}: its log is {SERVER_LOG.relative_to(ROOT)}. "
        "If another program has that port, stop it and run again"
    )


def stop_server() -> None:
    """Stop the local Scalekit that this project started."""
    if not SERVER.exists():
        return
    known = json.loads(SERVER.read_text())
    # The process id may belong to another program by now: ask the one that has the port.
    if answers(f"http://127.0.0.1:{known['port']}"):
        try:
            os.kill(known["pid"], signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            return
        for _ in range(50):
            if not answers(f"http://127.0.0.1:{known['port']}"):
                break
            time.sleep(0.1)
        print("The local Scalekit is stopped.")


def free_port() -> int:
    """The default port, or any other that is free where that one is taken."""
    for port in (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise QuickstartError("no free port on 127.0.0.1")


def answers(url: str) -> bool:
    """Whether an HTTP server answers there, with whatever status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/api/v1/providers", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def run(command: list[str], environ: dict[str, str], remedy: str) -> None:
    """Run a step in the foreground."""
    done = subprocess.run(command, cwd=ROOT, env=environ)
    if done.returncode:
        step = " ".join([Path(command[0]).name, *command[1:]])
        raise QuickstartError(f"`{step}` failed; {remedy}")


if __name__ == "__main__":
    sys.exit(main())
