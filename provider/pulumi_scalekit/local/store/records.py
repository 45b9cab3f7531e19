"""What the store keeps: connectors, connections and connected accounts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

IdentifierFormat = Callable[[str], str]
"""Makes a connector's identifier of its display name."""


@dataclass(frozen=True)
class Provider:
    """A connector definition with what the server added to it."""

    seq: int
    identifier: str
    id: str
    payload: Json
    is_custom: bool = True
    categories: tuple[str, ...] = ()
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True)
class Connection:
    """A connection of a connector; its name is what callers pass as `connection_name`."""

    seq: int
    id: str
    name: str
    provider_key: str
    type: str
    enabled: bool
    is_app: bool
    """Whether it was created with `flags.is_app`: only those can have connected accounts."""
    auth_mode: str
    """`USER` or `ORG_WIDE`."""
    settings: Json = field(repr=False)
    """`oauth_config` or `static_config`, with secrets in clear text."""
    resolved_proxy_url: str = ""
    """The connector's `proxy_url` with what `context` filled in; empty where it has no placeholders."""
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True)
class Account:
    """A connected account: one user's credentials for one connection."""

    seq: int
    id: str
    connection_id: str
    identifier: str
    status: str
    authorization_details: Json = field(repr=False)
    api_config: Json = field(repr=False)
    updated_at: float = 0.0
    last_used_at: float | None = None


@dataclass(frozen=True)
class Lag:
    """How late lists show a write: by a number of lists, or by seconds."""

    lists: int = 0
    seconds: float = 0.0


def plain_name(display_name: str) -> str:
    """What a connector's identifier takes of its display name: letters and digits, whatever their case."""
    return "".join(char for char in display_name.upper() if char.isalnum())


def name_and_number(display_name: str) -> str:
    """Make an identifier such as `MYASANA:48213` from a display name."""
    letters = "".join(filter(str.isascii, plain_name(display_name)))
    return f"{letters}:{secrets.randbelow(90_000) + 10_000}"


def opaque(_display_name: str) -> str:
    """Make an identifier such as `prov_84210394875610382`, the other format seen in public material."""
    return f"prov_{secrets.randbelow(9 * 10**16) + 10**16}"
