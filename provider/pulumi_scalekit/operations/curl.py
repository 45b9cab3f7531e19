"""The documented `curl` commands, ready to paste: for those who have to run a change by hand.

Every value is quoted for a POSIX shell. The credentials and the token appear as shell variables only, so nothing
secret is printed. `python3` takes the token out of the response, because `jq` is not everywhere.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_scalekit.api import paths

TOKEN_VARIABLE = "env_access_token"
"""The shell variable that holds the token, as in the documentation."""


@dataclass(frozen=True)
class Command:
    """One call as a shell command."""

    method: str
    url: str
    body: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls, method: str, environment_url: str, identifier: str = "", payload: Mapping[str, Any] | None = None
    ) -> Command:
        """The command that creates a connector, or that replaces the definition of one or deletes it.

        Raises:
            NotSent: The identifier is not valid.
        """
        path = paths.CUSTOM_PROVIDERS if method == "POST" else paths.custom_provider_path(identifier)
        return cls(method, f"{environment_url}{path}", payload)

    @property
    def text(self) -> str:
        """The command. It takes the token from the shell variable."""
        lines = [
            f"curl --silent --show-error --fail-with-body --request {self.method} {shlex.quote(self.url)}",
            f'  --header "Authorization: Bearer ${TOKEN_VARIABLE}"',
        ]
        if self.body is not None:
            data = json.dumps(self.body, indent=2, ensure_ascii=False)
            lines += ["  --header 'Content-Type: application/json'", f"  --data {shlex.quote(data)}"]
        return " \\\n".join(lines)


def token_command(environment_url: str, prefix: str = "SCALEKIT_") -> str:
    """The command that puts a token into the shell variable, from the credentials in others.

    Args:
        environment_url: The environment.
        prefix: The start of the credentials' variables, as in `SCALEKIT_DEV_`.
    """
    # Where curl fails, it says why, and there is nothing to take a token from.
    take = 'import json, sys; response = sys.stdin.read() or sys.exit(1); print(json.loads(response)["access_token"])'
    url = shlex.quote(f"{environment_url}{paths.TOKEN}")
    ask = [
        f"{TOKEN_VARIABLE}=$(curl --silent --show-error --fail {url}",
        "  --data-urlencode 'grant_type=client_credentials'",
        f'  --data-urlencode "client_id=${prefix}CLIENT_ID"',
        f'  --data-urlencode "client_secret=${prefix}CLIENT_SECRET" |',
    ]
    return " \\\n".join(ask) + f"\n  python3 -c {shlex.quote(take)})"
