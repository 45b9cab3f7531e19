"""What `make up`, `make preview` and `make down` do: the quickstart, from a clone to live connectors.

Works with nothing but the project's virtual environment. Picks the Pulumi engine, starts a local Scalekit unless
the environment names a real one, and keeps all that it makes in `.local/`.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
STATE = LOCAL / "state"
BIN = Path(sys.executable).parent
SERVER = LOCAL / "scalekit" / "server.json"
SERVER_LOG = LOCAL / "scalekit" / "server.log"
SERVER_LOCK = LOCAL / "scalekit" / "server.lock"
INSTALLED = LOCAL / "pulumi"
INSTALL_FAILED = LOCAL / "pulumi-not-installable"
STACK = "dev"
PORT = 8787
LOOPBACK = ("127.0.0.1", "localhost", "::1")
INSTALLER = "https://get.pulumi.com/"
INSTALLER_SECONDS = 5
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
    run([engine, "up", "--yes", "--stack", STACK], environ)
    print("\nWhat lives in the environment now:\n", flush=True)
    run([str(BIN / "pulumi-scalekit"), "list"], environ)


def preview() -> None:
    """Show what `make up` would do."""
    environ = environment()
    engine = choose_engine()
    prepare_stack(engine, environ)
    run([engine, "preview", "--diff", "--stack", STACK], environ)


def down() -> None:
    """Destroy the quickstart's connectors, and stop the local Scalekit."""
    if SERVER.exists() or chosen_environment():
        # The local Scalekit comes first, whatever is exported: what lives there is to be destroyed.
        environ = environment(local=SERVER.exists())
        engine = choose_engine()
        prepare_stack(engine, environ)
        run([engine, "destroy", "--yes", "--stack", STACK], environ)
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
    """Try once, and for a bounded time, to install the CLI with the SDK's own installer."""
    LOCAL.mkdir(exist_ok=True)
    if not installer_responds():
        INSTALL_FAILED.write_text("Delete this file to have `make up` try to install the Pulumi CLI again.\n")
        return
    print(
        f"The Pulumi CLI is not on PATH: installing it into {INSTALLED.relative_to(ROOT)}, which takes up to "
        f"{INSTALL_SECONDS // 60} minutes ...",
        flush=True,
    )
    code = (
        "import sys; from pulumi.automation import PulumiCommand;"
        "PulumiCommand.install(root=sys.argv[1], skip_version_check=False)"
    )
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


def installer_responds() -> bool:
    """Whether the installer can be downloaded at all: without a network that is known within seconds."""
    try:
        with urllib.request.urlopen(INSTALLER, timeout=INSTALLER_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def prepare_stack(engine: str, environ: dict[str, str]) -> None:
    """Make the stack where it does not exist, select it, and free it of the lock of a run that was killed."""
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
    if environ["PULUMI_BACKEND_URL"] == STATE.as_uri() and locked_by_the_dead():
        print("An earlier run was killed; its lock is removed.", flush=True)
        run([engine, "cancel", "--yes", "--stack", STACK], environ)


def locked_by_the_dead() -> bool:
    """Whether all locks of the stack are of processes of this machine that have ended."""
    locks = list(STATE.glob(f".pulumi/locks/**/{STACK}/*.json"))
    for lock in locks:
        holder = json.loads(lock.read_text())
        if holder["hostname"] != socket.gethostname():
            return False
        try:
            os.kill(holder["pid"], 0)
        except ProcessLookupError:
            continue
        except PermissionError:
            pass
        return False
    return bool(locks)


# --- The environment ----------------------------------------------------------------------------------------


def chosen_environment() -> str:
    """The environment that the caller chose, or "" for the project's own local Scalekit.

    Its own URL may be exported, too, as the README says, also while its server does not run.
    """
    url = os.environ.get("SCALEKIT_ENVIRONMENT_URL", "")
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port if parts.hostname in LOOPBACK else None
    except ValueError:
        return url  # the provider says what is wrong with it
    if port is not None and (port == known_server().get("port") or not listens(port)):
        return ""
    return url


def environment(*, local: bool = False) -> dict[str, str]:
    """The process environment for the engine: the caller's own settings, and defaults for all that is missing.

    Args:
        local: Whether the project's own local Scalekit is meant, whatever the caller chose.
    """
    chosen = "" if local else chosen_environment()
    if chosen and SERVER.exists():
        raise QuickstartError(
            f"SCALEKIT_ENVIRONMENT_URL names {chosen}, and the connectors of the last `make up` live in the local "
            "Scalekit. Run `make down` first"
        )
    environ = dict(os.environ)
    environ["PATH"] = f"{BIN}{os.pathsep}{environ.get('PATH', '')}"
    environ.setdefault("PULUMI_SKIP_UPDATE_CHECK", "true")
    if "PULUMI_BACKEND_URL" not in environ:
        STATE.mkdir(parents=True, exist_ok=True)
        environ["PULUMI_BACKEND_URL"] = STATE.as_uri()
    # The passphrase that belongs to the salt in the dev stack's file.
    environ.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    environ["PULUMI_CONFIG_PASSPHRASE"] = "quickstart"
    # A proxy leads out of this machine; Pulumi's engine and the local Scalekit are on it.
    for name in ("NO_PROXY", "no_proxy"):
        environ[name] = ",".join(filter(None, (environ.get(name), *LOOPBACK)))
    if chosen:
        print(f"Environment: {chosen}, from SCALEKIT_ENVIRONMENT_URL.", flush=True)
        return environ
    # The local Scalekit has credentials of its own; those of a real environment must not reach it.
    for name in ("SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET", "SCALEKIT_ENV_URL"):
        environ.pop(name, None)
    url, credentials = start_server(environ)
    print(f"Environment: a local Scalekit at {url} (its log: {SERVER_LOG.relative_to(ROOT)}).", flush=True)
    return {**environ, "SCALEKIT_ENVIRONMENT_URL": url, **credentials}


def start_server(environ: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Start the local Scalekit where it does not run yet, and wait until it responds."""
    credentials = {"SCALEKIT_CLIENT_ID": "skc_local", "SCALEKIT_CLIENT_SECRET": "local-secret"}
    SERVER.parent.mkdir(parents=True, exist_ok=True)
    if not server_runs():
        launch_server({**environ, **credentials})
    url = f"http://127.0.0.1:{known_server()['port']}"
    for _ in range(300):
        if responds(url):
            return url, credentials
        if not server_runs():
            break
        time.sleep(0.1)
    raise QuickstartError(
        f"the local Scalekit does not respond at {url}: its log is {SERVER_LOG.relative_to(ROOT)}"
    )


def launch_server(environ: dict[str, str]) -> None:
    """Start the server process. Its port stays the same from run to run: the stack records its URL."""
    known = known_server().get("port")
    port = first_free([known] if known else [PORT, 0])
    if port is None:
        raise QuickstartError(
            f"another program has port {known}, where this project's local Scalekit was: stop that program and "
            f"run again, or remove the folder {LOCAL.name} to begin again"
        )
    with SERVER_LOG.open("a") as log, SERVER_LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            [BIN / "pulumi-scalekit", "serve", "--port", str(port), "--data", SERVER.parent / "data"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
    SERVER.write_text(json.dumps({"port": port, "pid": process.pid}))


def stop_server() -> None:
    """Stop the local Scalekit that this project started, and forget its port."""
    if server_runs():
        os.kill(known_server()["pid"], signal.SIGTERM)
        for _ in range(100):
            if not server_runs():
                break
            time.sleep(0.1)
        print("The local Scalekit is stopped.")
    SERVER.unlink(missing_ok=True)


def known_server() -> dict[str, int]:
    """Port and process id of the server that was started last."""
    return dict(json.loads(SERVER.read_text())) if SERVER.exists() else {}


def server_runs() -> bool:
    """Whether this project's server runs. It inherits a lock, and so has it for exactly as long as it lives."""
    if not SERVER_LOCK.exists():
        return False
    with SERVER_LOCK.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def first_free(ports: list[int]) -> int | None:
    """The first of these ports that nothing listens on; 0 stands for any."""
    for port in ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    return None


def listens(port: int) -> bool:
    """Whether a program of this machine listens on a port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False


def responds(url: str) -> bool:
    """Whether an HTTP server responds there, with whatever status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/api/v1/providers", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def run(command: list[str], environ: dict[str, str]) -> None:
    """Run a step in the foreground. Ctrl-C is the step's own: it has work under way to finish and to record."""
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        code = subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt
    if code:
        step = " ".join([Path(command[0]).name, *command[1:]])
        raise QuickstartError(f"`{step}` failed: its message above says why")


if __name__ == "__main__":
    sys.exit(main())
