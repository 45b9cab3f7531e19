"""How a local Scalekit behaves, where the real one is undocumented, configurable or bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

UpdateSemantics = Literal["partial", "wiping", "keep-empty"]
"""What an update does with fields that the payload leaves out.

``partial`` keeps them (the OpenAPI text), ``wiping`` resets them (the vendor's demo code), ``keep-empty``
keeps them and cannot tell an empty value from one left out (a proto3 message without field presence).
"""

IdentifierFormat = Literal["name", "opaque"]
"""``name`` makes `MYASANA:48213`, ``opaque`` makes `prov_84210394875610382`."""

UPDATE_SEMANTICS: tuple[str, ...] = get_args(UpdateSemantics)
IDENTIFIER_FORMATS: tuple[str, ...] = get_args(IdentifierFormat)


@dataclass
class Settings:
    """Switches and limits. They may be changed while the server runs."""

    update_semantics: UpdateSemantics = "partial"
    identifier_format: IdentifierFormat = "name"
    in_use_status: Literal[400, 409] = 400
    """The HTTP status of a delete that is refused because the connector is in use."""
    token_lifetime: float = 3600.0
    """Seconds that an access token is valid."""
    requests_per_minute: int | None = None
    """The environment's rate limit; None for no limit. Token requests count."""
    max_body: int = 1024 * 1024
    """The largest body of an API request, in bytes. Proxied bodies are streamed and not limited."""
    default_page_size: int = 30
    max_page_size: int = 1000
    upstreams: Mapping[str, str] = field(default_factory=dict)
    """Where Tool Proxy really sends requests, by origin: `https://api.example.com` → `http://127.0.0.1:9000`.
    The key `*` stands for every origin that is not named."""
    magic_link_lifetime: float = 600.0
    """Seconds that a magic link can be used."""
    upstream_timeout: float = 60.0
    """Seconds that Tool Proxy waits for an upstream's next bytes."""
