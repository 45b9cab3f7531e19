"""From an OpenAPI document to a first call, on this machine alone: `python examples/first-call/run.py`.

The local Scalekit stands in for the environment, and a few lines for the API. Against a real environment, run the same
commands with its settings, and open the link in a browser.
"""

import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import httpx

from pulumi_scalekit import local
from pulumi_scalekit.operations.pulumi_cli import find_engine

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


class Api(http.server.BaseHTTPRequestHandler):
    """The upstream: it lists the notes of whoever has a token."""

    def do_GET(self) -> None:
        """List the notes."""
        allowed = self.headers.get("authorization", "").startswith("Bearer ")
        body = json.dumps({"notes": ["Buy milk"]} if allowed else {"error": "no token"}).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def run(*command: str, environ: dict[str, str], cwd: Path) -> str:
    """Show a command, run it, and return what it printed."""
    print(f"\n$ {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)
    done = subprocess.run(command, cwd=cwd, env=environ, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    print(done.stdout, end="", flush=True)
    return done.stdout


def allow(link: str) -> None:
    """What the account's holder does in a browser: open the link, and allow the access."""
    with httpx.Client(follow_redirects=True, trust_env=False) as browser:
        question = browser.post(link)
        browser.post(question.url, data={"decision": "allow"}).raise_for_status()


def main() -> None:
    """Run every step."""
    api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    upstreams = {"https://api.team-notes.app": f"http://127.0.0.1:{api.server_port}"}
    with tempfile.TemporaryDirectory() as folder, local.running(upstreams=upstreams) as scalekit:
        project = Path(shutil.copytree(HERE, Path(folder, "project")))
        state = Path(folder, "state")
        state.mkdir()
        environ = {
            **os.environ,
            **scalekit.env,
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "first-call",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "no_proxy": "localhost,127.0.0.1",  # all of it is on this machine, the engine too
            "NOTES_CLIENT_SECRET": "a-secret-of-the-application",
        }
        tool, engine = str(BIN / "pulumi-scalekit"), find_engine(environ)
        run(tool, "new", "--openapi", "openapi.yaml", "--out", "connector.json", environ=environ, cwd=project)
        run(engine, "stack", "init", "dev", environ=environ, cwd=project)
        run(engine, "up", "--yes", "--skip-preview", "--stack", "dev", environ=environ, cwd=project)
        link = run(tool, "accounts", "create", "notes", "user_123", environ=environ, cwd=project).strip()
        allow(link)
        run(tool, "call", "Notes", "/v1/notes", "--account", "user_123", environ=environ, cwd=project)


if __name__ == "__main__":
    main()
