"""A connector definition and its parts as typed classes, in the payload's own words.

Every class here stands for a JSON object of the documentation, and a plain `dict` with the same keys can stand
wherever one of these can. All values may be Pulumi inputs. Keys that Scalekit takes but this version does not
know go into `extra`.

This file is where a property of a definition is declared, see `payload`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import pulumi

from .payload import JsonObject, Payload, Spec


@dataclass(frozen=True)
class Option(Payload):
    """One choice of a `select` field.

    Example:
        >>> scalekit.Option("eu", display_name="Europe", default=True)
    """

    IDENTITY: ClassVar[str] = "value"

    value: pulumi.Input[str]
    """What is stored when this option is chosen."""
    display_name: pulumi.Input[str] | None = None
    """What the account holder sees."""
    description: pulumi.Input[str] | None = None
    """A longer explanation of the choice."""
    default: pulumi.Input[bool] | None = None
    """Whether the option is chosen beforehand."""
    extra: JsonObject | None = None
    """Further keys."""


@dataclass(frozen=True)
class Field(Payload):
    """An input that is collected from the account holder, in `fields` or `account_fields`.

    Example:
        >>> scalekit.Field("api_key", label="API key", input_type="password", required=True)
    """

    IDENTITY: ClassVar[str] = "field_name"

    field_name: Annotated[pulumi.Input[str], Spec(min_length=1)]
    """The name that placeholders, mutations and stored credentials use, such as `api_key`."""
    label: pulumi.Input[str] | None = None
    """What the account holder sees."""
    input_type: Annotated[
        pulumi.Input[str] | None, Spec(known_values=("text", "password", "select", "textarea"))
    ] = None
    """The kind of input: `text`, `password`, `select`, `textarea`."""
    hint: pulumi.Input[str] | None = None
    """Help text beside the input."""
    required: pulumi.Input[bool] | None = None
    """Whether a value must be given."""
    options: pulumi.Input[Sequence[pulumi.Input[Option | JsonObject]]] | None = None
    """The choices of a `select` field."""
    is_path_param: pulumi.Input[bool] | None = None
    """Whether the value goes into the URL; it is then not a credential."""
    header_name: pulumi.Input[str] | None = None
    """API_KEY: the header that carries this very value. Several fields may have one."""
    extra: JsonObject | None = None
    """Further keys."""


@dataclass(frozen=True)
class Scope(Payload):
    """An OAuth scope that a connection may ask for.

    Example:
        >>> scalekit.Scope("tickets:read", display_name="Read tickets", required=True)
    """

    IDENTITY: ClassVar[str] = "scope"

    scope: Annotated[pulumi.Input[str], Spec(min_length=1)]
    """The scope as the authorization server knows it."""
    display_name: pulumi.Input[str] | None = None
    """What the account holder sees."""
    description: pulumi.Input[str] | None = None
    """What the scope allows."""
    required: pulumi.Input[bool] | None = None
    """Whether every connection has the scope."""
    extra: JsonObject | None = None
    """Further keys."""


@dataclass(frozen=True)
class OAuthConfig(Payload):
    """The authorization server of an `OAuth` pattern. Over MCP it has `pkce_enabled` at most.

    Example:
        >>> scalekit.OAuthConfig(
        ...     authorize_uri="https://example.com/authorize",
        ...     token_uri="https://example.com/token",
        ...     available_scopes=[scalekit.Scope("read")],
        ... )
    """

    authorize_uri: Annotated[pulumi.Input[str] | None, Spec(is_url=True)] = None
    """The authorization endpoint."""
    token_uri: Annotated[pulumi.Input[str] | None, Spec(is_url=True)] = None
    """The token endpoint."""
    user_info_uri: Annotated[pulumi.Input[str] | None, Spec(is_url=True)] = None
    """The endpoint that tells who authorized."""
    available_scopes: pulumi.Input[Sequence[pulumi.Input[Scope | JsonObject]]] | None = None
    """The scopes on offer."""
    pkce_enabled: pulumi.Input[bool] | None = None
    """Whether to use PKCE (RFC 7636)."""
    custom_scope_name: pulumi.Input[str] | None = None
    """The name of the scope parameter where it is not `scope`."""
    allow_use_scalekit_credentials: pulumi.Input[bool] | None = None
    """Whether Scalekit's own OAuth application may be used."""
    extra: JsonObject | None = None
    """Further keys."""


@dataclass(frozen=True)
class Mutation(Payload):
    """How a stored credential is changed before it is sent: `default` when empty, then `prefix`, then `suffix`.

    Example:
        >>> scalekit.Mutation(suffix="/token")
    """

    prefix: pulumi.Input[str] | None = None
    """Put before the value."""
    suffix: pulumi.Input[str] | None = None
    """Put after the value."""
    default: pulumi.Input[str] | None = None
    """Used when the value is empty."""
    extra: JsonObject | None = None
    """Further keys."""


@dataclass(frozen=True)
class Auth(Payload):
    """One way to authenticate to the upstream: what all authentication patterns have."""

    TYPE: ClassVar[Annotated[str, Spec(key="type", min_length=1, is_immutable=True)]]
    """`OAUTH`, `BASIC`, `BEARER`, `API_KEY`, or `NO_AUTH` for public MCP servers."""
    CREDENTIALS: ClassVar[tuple[str, ...]] = ()
    """The names of the fields that are credentials: what mutations apply to."""

    display_name: Annotated[pulumi.Input[str], Spec(min_length=1)]
    """The label of this option."""
    description: pulumi.Input[str] | None = None
    """A short explanation of the option."""
    fields: pulumi.Input[Sequence[pulumi.Input[Field | JsonObject]]] = ()
    """Inputs of the static types."""
    account_fields: pulumi.Input[Sequence[pulumi.Input[Field | JsonObject]]] | None = None
    """Inputs per connected account of an OAUTH connector, such as path parameters."""
    oauth_config: pulumi.Input[OAuthConfig | JsonObject] | None = None
    """OAUTH only: endpoints and scopes."""
    auth_header_key_override: pulumi.Input[str] | None = None
    """The header that carries the credential where it is not `Authorization`."""
    mutations: Annotated[
        pulumi.Input[Mapping[str, pulumi.Input[Mutation | JsonObject]]] | None,
        Spec(key="auth_field_mutations"),
    ] = None
    """Changes to a credential before it is sent, by field name."""
    is_mcp: Annotated[pulumi.Input[bool] | None, Spec(is_immutable=True)] = None
    """Whether the upstream is an MCP server."""
    allowed_proxy_domains: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    """The domains that proxied requests may go to."""
    extra: JsonObject | None = None
    """Further keys."""


@dataclass(frozen=True)
class OAuth(Auth):
    """Users authorize access in the upstream's OAuth flow, and Scalekit exchanges the tokens (`OAUTH`).

    Example:
        >>> scalekit.OAuth("OAuth 2.0", oauth_config=scalekit.OAuthConfig(pkce_enabled=True), is_mcp=True)
    """

    TYPE = "OAUTH"
    CREDENTIALS = ("token",)


@dataclass(frozen=True)
class BasicAuth(Auth):
    """HTTP Basic authentication with the fields `username` and `password` (`BASIC`).

    Example:
        >>> scalekit.BasicAuth(
        ...     "Basic", fields=[scalekit.Field("username"), scalekit.Field("password", input_type="password")]
        ... )
    """

    TYPE = "BASIC"
    CREDENTIALS = ("username", "password")


@dataclass(frozen=True)
class BearerAuth(Auth):
    """A long-lived bearer token in the field `token`, or `bearer_token` (`BEARER`).

    Example:
        >>> scalekit.BearerAuth("Token", fields=[scalekit.Field("token", input_type="password")])
    """

    TYPE = "BEARER"
    CREDENTIALS = ("token", "bearer_token")


@dataclass(frozen=True)
class ApiKeyAuth(Auth):
    """An API key in the field `api_key`, sent as it is; or several, each in its own header (`API_KEY`).

    Example:
        >>> scalekit.ApiKeyAuth("Key", fields=[scalekit.Field("api_key")], auth_header_key_override="X-API-Key")
    """

    TYPE = "API_KEY"
    CREDENTIALS = ("api_key",)


@dataclass(frozen=True)
class NoAuth(Auth):
    """No authentication: public MCP servers only (`NO_AUTH`).

    Example:
        >>> scalekit.NoAuth("None", is_mcp=True)
    """

    TYPE = "NO_AUTH"


AUTH_CLASSES: Final[tuple[type[Auth], ...]] = (OAuth, BasicAuth, BearerAuth, ApiKeyAuth, NoAuth)
"""The classes of the auth types that a definition may declare."""


@dataclass(frozen=True, kw_only=True)
class Definition(Payload):
    """A connector definition: the payload of create and update, and what a `Connector` takes."""

    display_name: Annotated[
        pulumi.Input[str],
        Spec(min_length=1, max_length=200, pattern=r"^[a-zA-Z0-9 ]*[a-zA-Z0-9][a-zA-Z0-9 ]*$"),
    ]
    """The connector's name: 1 to 200 letters, digits and spaces."""
    description: pulumi.Input[str] | None = None
    """What the connector connects to."""
    auth_patterns: Annotated[pulumi.Input[Sequence[pulumi.Input[Auth | JsonObject]]], Spec(min_length=1)]
    """How accounts authenticate. Today's API takes exactly one pattern."""
    proxy_url: Annotated[
        pulumi.Input[str], Spec(min_length=1, max_length=2048, pattern=r"^https://", is_url=True)
    ]
    """The upstream's base URL, https, with `{{name}}` placeholders where needed."""
    proxy_enabled: pulumi.Input[bool] = True
    """Whether calls may go through the proxy. Tool calling needs it."""
    icon_src: Annotated[
        pulumi.Input[str] | None, Spec(max_length=2048, pattern=r"^(https://.*)?$", is_url=True)
    ] = None
    """An https URL of an icon; an 800×800 SVG works best."""
    metadata: Annotated[
        pulumi.Input[
            Mapping[
                Annotated[str, Spec(min_length=3, max_length=25)],
                Annotated[pulumi.Input[str], Spec(min_length=1, max_length=256)],
            ]
        ]
        | None,
        Spec(max_length=20),
    ] = None
    """At most 20 pairs of plain strings: keys of 3–25, values of 1–256 characters."""
