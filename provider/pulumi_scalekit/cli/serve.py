"""`serve`: a local Scalekit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .console import Screen, help_text

if TYPE_CHECKING:
    from pulumi_scalekit.local import LocalScalekit

EXTRA: Final = ("cryptography", "starlette", "uvicorn")
"""The modules that only the extra `local` installs."""

HELP: Final = help_text("""
Run a local Scalekit: a real HTTP server with the documented API, on this machine only.

Point the provider, the SDK or curl at the URL that it prints. Without --data everything is gone when it ends. The
client id and secret come from SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET, else they are skc_local and local-secret.

[bold]Examples[/bold]

  pulumi-scalekit serve --data .scalekit
  pulumi-scalekit serve --port 0 --fault 'create:drop-after-commit*1'
  pulumi-scalekit serve \\
      --upstream https://api.example.com=http://127.0.0.1:9000

A fault is OPERATION:FAULT\\[=VALUE]\\[*TIMES]\\[,skip=N]\\[,every=N]\\[,p=P]\\[,seed=N]. Which there are, and what
each does, is in docs/local-scalekit.md.
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve", help=HELP, short_help="Run a local Scalekit.", rich_help_panel="Try")(serve)


def serve(
    *,
    port: Annotated[
        int, typer.Option(metavar="PORT", help="The port; 0 takes a free one.", min=0, max=65535)
    ] = 8787,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The directory that keeps the environment.", file_okay=False),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="A fault to switch on; may be given several times.", metavar="SPEC"),
    ] = None,
    upstream: Annotated[
        list[str] | None,
        typer.Option(
            help="Send proxied calls for the first origin to the second; `*` stands for any origin.",
            metavar="ORIGIN=ORIGIN",
        ),
    ] = None,
    rate_limit: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Requests a minute before 429; none by default.", min=1),
    ] = None,
    grpc: Annotated[
        bool,
        typer.Option("--grpc", help="Serve the official SDK's gRPC calls, too; needs scalekit-sdk-python."),
    ] = False,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let --host be an address that other machines can reach.")
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A further host name by which clients reach it; may be given several times."
        ),
    ] = None,
) -> None:
    """Run the server until it is interrupted."""
    try:
        from pulumi_scalekit.local import (
            DEFAULT_CLIENT_ID,
            DEFAULT_CLIENT_SECRET,
            FaultError,
            ServeError,
            Settings,
            StoreError,
        )
        from pulumi_scalekit.local import serve as run_server
        from pulumi_scalekit.local.grpc_bridge import ROOTS_VARIABLE
    except ModuleNotFoundError as error:
        if (module := (error.name or "").partition(".")[0]) not in EXTRA:
            raise
        Screen().error(
            f"`serve` needs the module {module}, which is in the extra `local`: "
            'pip install "pulumi-scalekit[local]"'
        )
        raise typer.Exit(1) from None

    settings = Settings(requests_per_minute=rate_limit, host_names=frozenset(name or ()))
    client_id = os.environ.get("SCALEKIT_CLIENT_ID") or DEFAULT_CLIENT_ID
    secret = os.environ.get("SCALEKIT_CLIENT_SECRET") or DEFAULT_CLIENT_SECRET
    own_secret = secret == DEFAULT_CLIENT_SECRET

    def announce(scalekit: LocalScalekit) -> None:
        url, roots = scalekit.url, scalekit.grpc_roots
        kept = f"kept in {data}" if data else "gone when the server ends (keep it with --data DIR)"
        shown = DEFAULT_CLIENT_SECRET if own_secret else '"$SCALEKIT_CLIENT_SECRET"'
        typer.echo(
            f"Local Scalekit at {url}; what it holds is {kept}.\n\n"
            f"  export SCALEKIT_ENVIRONMENT_URL={url}\n"
            f"  export SCALEKIT_CLIENT_ID={client_id}\n"
            f"  export SCALEKIT_CLIENT_SECRET={shown}\n"
            + (f"  export {ROOTS_VARIABLE}={roots.absolute()}\n" if roots else "")
            + "\nStop it with Ctrl+C."
        )

    try:
        settings.upstreams = dict(_origins(item) for item in upstream or ())
        run_server(
            host,
            port,
            data,
            fault or (),
            settings=settings,
            client_id=client_id,
            client_secret=secret,
            allow_remote=allow_remote,
            grpc=grpc,
            announce=announce,
        )
    except (ServeError, StoreError, FaultError) as error:
        Screen().error(str(error))
        raise typer.Exit(1) from None


def _origins(item: str) -> tuple[str, str]:
    from pulumi_scalekit.local import ServeError

    origin, separator, target = item.rpartition("=")
    if not separator or not origin or not target.startswith(("http://", "https://")):
        raise ServeError(
            f"--upstream {item} is not ORIGIN=ORIGIN, such as https://api.example.com=http://127.0.0.1:9000"
        )
    return origin.rstrip("/"), target.rstrip("/")
