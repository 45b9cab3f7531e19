"""Typed authentication patterns, in the payload's own words.

Every class here stands for a JSON object of the documentation, and a plain `dict` with the same keys can stand
wherever one of these can. All values may be Pulumi inputs. Keys that Scalekit takes but this version does not
know go into `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from .arguments import argument_error, unknown_argument

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):  # noqa: D103 - a stand-in for what only type checkers read
        return lambda cls: cls


JsonObject = Mapping[str, Any]


@dataclass_transform(frozen_default=True)
class Payload:
    """A JSON object of the payload: what all the classes here have in common.

    To a type checker a subclass is a frozen dataclass. Real dataclasses would compile their methods anew in each
    process that imports this package, which took a tenth of the time that importing `pulumi` takes.
    """

    _ATTRIBUTES: ClassVar[tuple[str, ...]] = ()
    _KEYS: ClassVar[Mapping[str, str]] = {}
    """Attribute names that differ from their keys in the payload."""

    def __init_subclass__(cls) -> None:
        own = [name for name, kind in cls.__annotations__.items() if not str(kind).startswith("ClassVar")]
        # A subclass that adds attributes puts them after the inherited ones, as a dataclass does.
        cls._ATTRIBUTES = tuple(dict.fromkeys((*cls._ATTRIBUTES, *own)))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kind = type(self).__name__
        if len(args) > len(self._ATTRIBUTES):
            raise argument_error(
                f"{kind}() takes at most {len(self._ATTRIBUTES)} arguments, {len(args)} were given"
            )
        values = dict(zip(self._ATTRIBUTES, args, strict=False))
        for name, value in kwargs.items():
            if name not in self._ATTRIBUTES:
                raise unknown_argument(kind, name, self._ATTRIBUTES, "keys of your own go into extra=")
            if name in values:
                raise argument_error(f"{kind}() got {name} twice")
            values[name] = value
        for name in self._ATTRIBUTES:
            if name not in values and self.is_required(name):
                raise argument_error(f"{kind}() needs {name}")
        self.__dict__.update(values)

    def __setattr__(self, name: str, _value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed: make a new object")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._ATTRIBUTES)

    __hash__ = None  # type: ignore[assignment]  # values may be dicts and lists

    def __repr__(self) -> str:
        given = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in self._ATTRIBUTES if name in self.__dict__
        )
        return f"{type(self).__name__}({given})"

    @classmethod
    def keys(cls) -> dict[str, str]:
        """The attributes in their order, each with its key in the payload."""
        return {name: cls._KEYS.get(name, name) for name in cls._ATTRIBUTES}

    @classmethod
    def is_required(cls, attribute: str) -> bool:
        """Whether an attribute has no default."""
        return not hasattr(cls, attribute)

    def to_payload(self) -> dict[str, Any]:
        """The JSON object: attributes that are `None` left out, `extra` merged in."""
        payload: dict[str, Any] = {}
        for name, key in self.keys().items():
            value = getattr(self, name)
            if value is None:
                continue
            if name == "extra":
                payload.update(to_payload(value))
            else:
                payload[key] = to_payload(value)
        return payload


def to_payload(value: Any) -> Any:
    """Replace typed objects by their JSON objects, at any depth, inside outputs too."""
    if isinstance(value, Payload):
        return value.to_payload()
    if isinstance(value, pulumi.Output):
        return value.apply(to_payload)
    if isinstance(value, Mapping):
        return {key: to_payload(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_payload(item) for item in value]
    return value


class Option(Payload):
    """One choice of a `select` field."""

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


class Field(Payload):
    """An input that is collected from the account holder."""

    field_name: pulumi.Input[str]
    """The name that placeholders, mutations and stored credentials use, such as `api_key`."""
    label: pulumi.Input[str] | None = None
    """What the account holder sees."""
    input_type: pulumi.Input[str] | None = None
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
    """API key patterns: the header that carries this very value. Several fields may have one."""
    extra: JsonObject | None = None
    """Further keys."""


class Scope(Payload):
    """An OAuth scope that a connection may ask for."""

    scope: pulumi.Input[str]
    """The scope as the authorization server knows it."""
    display_name: pulumi.Input[str] | None = None
    """What the account holder sees."""
    description: pulumi.Input[str] | None = None
    """What the scope allows."""
    required: pulumi.Input[bool] | None = None
    """Whether every connection has the scope."""
    extra: JsonObject | None = None
    """Further keys."""


class OAuthConfig(Payload):
    """The authorization server of an `OAuth` pattern. Over MCP it has `pkce_enabled=True` and nothing else."""

    authorize_uri: pulumi.Input[str] | None = None
    """The authorization endpoint."""
    token_uri: pulumi.Input[str] | None = None
    """The token endpoint."""
    user_info_uri: pulumi.Input[str] | None = None
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


class Mutation(Payload):
    """How a stored credential is changed before it is sent: `default` if empty, then `prefix`, then `suffix`."""

    prefix: pulumi.Input[str] | None = None
    """Put before the value."""
    suffix: pulumi.Input[str] | None = None
    """Put after the value."""
    default: pulumi.Input[str] | None = None
    """Used when the value is empty."""
    extra: JsonObject | None = None
    """Further keys."""


Fields = pulumi.Input[Sequence[pulumi.Input[Field | JsonObject]]]
Mutations = pulumi.Input[Mapping[str, pulumi.Input[Mutation | JsonObject]]]


class Auth(Payload):
    """What all authentication patterns have."""

    _KEYS: ClassVar[Mapping[str, str]] = {"mutations": "auth_field_mutations"}
    TYPE: ClassVar[str]
    """The auth type, as in the payload."""

    display_name: pulumi.Input[str]
    """The label of this option."""
    description: pulumi.Input[str] | None = None
    """A short explanation of the option."""
    fields: Fields = ()
    """Inputs that are collected from the account holder (static types)."""
    account_fields: Fields | None = None
    """Inputs per connected account of an OAuth connector, such as path parameters."""
    oauth_config: pulumi.Input[OAuthConfig | JsonObject] | None = None
    """OAuth only: endpoints and scopes."""
    auth_header_key_override: pulumi.Input[str] | None = None
    """The header that carries the credential where it is not `Authorization`."""
    mutations: Mutations | None = None
    """Changes to a credential before it is sent, by field name (`auth_field_mutations` in the payload)."""
    is_mcp: pulumi.Input[bool] | None = None
    """Whether the upstream is an MCP server."""
    allowed_proxy_domains: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    """The domains that proxied requests may go to."""
    extra: JsonObject | None = None
    """Further keys."""

    def to_payload(self) -> dict[str, Any]:
        """The JSON object, with its `type` first."""
        return {"type": self.TYPE, **super().to_payload()}


class OAuth(Auth):
    """Users authorize access in the upstream's OAuth flow, and Scalekit exchanges the tokens (`OAUTH`)."""

    TYPE: ClassVar[str] = "OAUTH"


class BasicAuth(Auth):
    """HTTP Basic authentication with the fields `username` and `password` (`BASIC`)."""

    TYPE: ClassVar[str] = "BASIC"


class BearerAuth(Auth):
    """A long-lived bearer token in the field `token` (`BEARER`)."""

    TYPE: ClassVar[str] = "BEARER"


class ApiKeyAuth(Auth):
    """An API key in the field `api_key`, sent as it is; or several, each in its own header (`API_KEY`)."""

    TYPE: ClassVar[str] = "API_KEY"


class NoAuth(Auth):
    """No authentication: public MCP servers only (`NO_AUTH`)."""

    TYPE: ClassVar[str] = "NO_AUTH"
