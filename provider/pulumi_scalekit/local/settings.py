"""How a local Scalekit behaves, where the real one is undocumented, configurable or bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

UpdateSemantics = Literal["documented", "merge-metadata", "partial", "wiping", "keep-empty"]
"""What an update does with properties that the payload leaves out.

``documented`` is what the newest SDK texts say, property by property (Node SDK 2.18, Java SDK 2.6, 2026):
`display_name`, `proxy_url` and `auth_patterns` are required; `metadata` left out is cleared; `proxy_enabled`
left out is false; `description` and `icon_src` are kept when they are left out or empty. The others are older
readings: ``merge-metadata`` is ``documented`` with old keys of `metadata` kept (seen in September 2026),
``partial`` keeps what is left out (the OpenAPI text), ``wiping`` resets it (the vendor's demo code), and
``keep-empty`` keeps it and cannot tell an empty value from one left out (a proto3 message without field
presence).
"""

SameName = Literal["allowed", "just-made", "refused"]
"""What a create does when a custom connector of that name exists.

``allowed`` makes a second one, ``just-made`` refuses with 409 for a while after the first one was created (the
newest SDK texts, without saying how long), ``refused`` always.
"""

IdentifierFormat = Literal["name", "opaque"]
"""``name`` makes `MYASANA:48213`, ``opaque`` makes `prov_84210394875610382`."""

UPDATE_SEMANTICS: tuple[str, ...] = get_args(UpdateSemantics)
IDENTIFIER_FORMATS: tuple[str, ...] = get_args(IdentifierFormat)
SAME_NAMES: tuple[str, ...] = get_args(SameName)


@dataclass
class Settings:
    """Switches and limits. They may be changed while the server runs."""

    update_semantics: UpdateSemantics = "documented"
    identifier_format: IdentifierFormat = "name"
    same_name: SameName = "allowed"
    just_made: float = 60.0
    """Seconds after its creation that a connector counts as just made."""
    reserved_connection_names: frozenset[str] = frozenset({"scalekit"})
    """Names that no connection can have. The real ones are not public."""
    in_use_status: Literal[400, 409] = 400
    """The HTTP status of a delete that is refused because the connector is in use: 400 with
    `PROVIDER_HAS_EXISTING_CONNECTIONS`, or 409 `ABORTED`."""
    existing_account_status: Literal[400, 409] = 400
    """The HTTP status of an account's creation whose identifier is taken: 400 as in the SDK's tests against the
    live service, or 409 as in the OpenAPI text."""
    token_lifetime: float = 3600.0
    """Seconds that an access token is valid."""
    requests_per_minute: int | None = None
    """The environment's rate limit; None for no limit. Token requests count."""
    host_names: frozenset[str] = frozenset()
    """Host names that clients on other machines use. Without any, only loopback names are served."""
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
