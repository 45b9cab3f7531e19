"""The paths of Scalekit's API that this package calls, and what may stand in them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from pulumi_scalekit.errors import NotSent

TOKEN: Final = "/oauth/token"
PROVIDERS: Final = "/api/v1/providers"
"""Every connector, built-in ones too; the API calls them providers."""
CUSTOM_PROVIDERS: Final = "/api/v1/custom-providers"
CONNECTIONS: Final = "/api/v1/connections"
APP_CONNECTIONS: Final = f"{CONNECTIONS}/app"
ACCOUNTS: Final = "/api/v1/connected_accounts"
TOOL_PROXY: Final = "/proxy"

MAX_CONNECTION_ID: Final = 255
"""Characters of a connection's id at most."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9_:-]{1,255}")


def custom_provider_path(identifier: str) -> str:
    """The path of one custom connector.

    Raises:
        NotSent: It is not an identifier.
    """
    return f"{CUSTOM_PROVIDERS}/{quote(checked_identifier(identifier), safe='')}"


def connection_path(connection_id: str, *, verb: str = "") -> str:
    """The path of one connection, or of something that is done to it.

    Args:
        connection_id: Its id.
        verb: What is done: `enable` or `disable`.

    Raises:
        NotSent: It is not a connection's id.
    """
    usable = connection_id.isprintable() and len(connection_id) <= MAX_CONNECTION_ID
    if not usable or connection_id in {"", ".", ".."}:
        raise NotSent(
            f"looking up the connection {connection_id[:80]!r}",
            detail=f"the id of a connection has 1 to {MAX_CONNECTION_ID} printable characters",
        )
    return f"{CONNECTIONS}/{quote(connection_id, safe='')}{f':{verb}' if verb else ''}"


def checked_identifier(identifier: str) -> str:
    """The identifier of a connector itself, if it is one.

    Raises:
        NotSent: It has characters that no identifier of Scalekit has; it is not sent anywhere.
    """
    if not is_identifier(identifier):
        raise NotSent(
            f"looking up the connector {identifier[:80]!r}",
            detail="an identifier has 1 to 255 letters, digits, '_', ':' and '-'",
            remedy="Use the identifier that `pulumi-scalekit list` shows",
        )
    return identifier


def is_identifier(value: object) -> bool:
    """Whether a value can be a connector's identifier: the pattern of the list call's own filter."""
    return isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None
