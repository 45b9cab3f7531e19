"""The properties of a definition: names, types, bounds and descriptions, each declared once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from .finding import Finding
from .keys import UNKNOWN
from .paths import Path, format_path

STATIC_TYPES: Final = ("BASIC", "BEARER", "API_KEY")
"""Auth types whose credentials the account holder types in."""


AUTH_TYPES: Final = ("OAUTH", *STATIC_TYPES, "NO_AUTH")
"""Auth types that a definition may declare."""


CATALOGUE_TYPES: Final = ("OAUTH_M2M", "GOOGLE_DWD", "TRELLO_OAUTH1", "TRUSTED_IDP", "SMART_FHIR")
"""Further types of Scalekit's own catalogue, undocumented for custom connectors: read, and warned about."""


CREDENTIALS: Final[Mapping[str, tuple[str, ...]]] = {
    "OAUTH": ("token",),
    "BASIC": ("username", "password"),
    "BEARER": ("token",),
    "API_KEY": ("api_key",),
}
"""The credential fields of each auth type: what mutations apply to."""


_HttpsOrEmpty = Annotated[StrictStr, StringConstraints(pattern=r"^(https://.*)?$", max_length=2048)]


class _Model(BaseModel):
    # Unknown keys survive: the server keeps patterns as free-form JSON.
    model_config = ConfigDict(extra="allow", strict=True)


class Option(_Model):
    """One choice of a `select` field."""

    value: StrictStr = Field(description="What is stored when this option is chosen.")
    display_name: StrictStr | None = Field(None, description="What the account holder sees.")
    description: StrictStr | None = Field(None, description="A longer explanation of the choice.")
    default: StrictBool | None = Field(None, description="Whether the option is chosen beforehand.")


class FieldSpec(_Model):
    """An input that is collected from the account holder, in `fields` or `account_fields`."""

    field_name: Annotated[StrictStr, StringConstraints(min_length=1)] = Field(
        description="The name that placeholders, mutations and stored credentials use, such as `api_key`."
    )
    label: StrictStr | None = Field(None, description="What the account holder sees.")
    input_type: StrictStr | None = Field(
        None, description="The kind of input: `text`, `password`, `select`, `textarea`."
    )
    hint: StrictStr | None = Field(None, description="Help text beside the input.")
    required: StrictBool | None = Field(None, description="Whether a value must be given.")
    options: list[Option] | None = Field(None, description="The choices of a `select` field.")
    is_path_param: StrictBool | None = Field(
        None, description="Whether the value goes into the URL; it is then not a credential."
    )
    header_name: StrictStr | None = Field(
        None, description="API_KEY: the header that carries this very value. Several fields may have one."
    )


class Scope(_Model):
    """An OAuth scope that a connection may ask for."""

    scope: Annotated[StrictStr, StringConstraints(min_length=1)] = Field(
        description="The scope as the authorization server knows it."
    )
    display_name: StrictStr | None = Field(None, description="What the account holder sees.")
    description: StrictStr | None = Field(None, description="What the scope allows.")
    required: StrictBool | None = Field(None, description="Whether every connection has the scope.")


class OAuthConfig(_Model):
    """The authorization server of an OAUTH pattern. Over MCP it holds `pkce_enabled` and nothing else."""

    authorize_uri: StrictStr | None = Field(None, description="The authorization endpoint.")
    token_uri: StrictStr | None = Field(None, description="The token endpoint.")
    user_info_uri: StrictStr | None = Field(None, description="The endpoint that tells who authorized.")
    available_scopes: list[Scope] | None = Field(None, description="The scopes on offer.")
    pkce_enabled: StrictBool | None = Field(None, description="Whether to use PKCE (RFC 7636).")
    custom_scope_name: StrictStr | None = Field(
        None, description="The name of the scope parameter where it is not `scope`."
    )
    allow_use_scalekit_credentials: StrictBool | None = Field(
        None, description="Whether Scalekit's own OAuth application may be used."
    )


class Mutation(_Model):
    """How a stored credential is changed before it is sent: `default` when empty, `prefix`, then `suffix`."""

    prefix: StrictStr | None = Field(None, description="Put before the value.")
    suffix: StrictStr | None = Field(None, description="Put after the value.")
    default: StrictStr | None = Field(None, description="Used when the value is empty.")


class AuthPattern(_Model):
    """One way to authenticate to the upstream."""

    type: Annotated[StrictStr, StringConstraints(min_length=1)] = Field(
        description="`OAUTH`, `BASIC`, `BEARER`, `API_KEY`, or `NO_AUTH` for public MCP servers."
    )
    display_name: Annotated[StrictStr, StringConstraints(min_length=1)] = Field(
        description="The label of this option."
    )
    description: StrictStr | None = Field(None, description="A short explanation of the option.")
    fields: list[FieldSpec] | None = Field(None, description="Inputs of the static types.")
    account_fields: list[FieldSpec] | None = Field(
        None, description="Inputs per connected account of an OAUTH connector, such as path parameters."
    )
    oauth_config: OAuthConfig | None = Field(None, description="OAUTH only: endpoints and scopes.")
    auth_header_key_override: StrictStr | None = Field(
        None, description="The header that carries the credential where it is not `Authorization`."
    )
    auth_field_mutations: dict[StrictStr, Mutation] | None = Field(
        None, description="Changes to a credential before it is sent, by field name."
    )
    is_mcp: StrictBool | None = Field(None, description="Whether the upstream is an MCP server.")
    allowed_proxy_domains: list[StrictStr] | None = Field(
        None, description="The domains that proxied requests may go to."
    )


class Definition(_Model):
    """A connector definition: the payload of create and update."""

    display_name: Annotated[
        StrictStr,
        StringConstraints(min_length=1, max_length=200, pattern=r"^[a-zA-Z0-9 ]*[a-zA-Z0-9][a-zA-Z0-9 ]*$"),
    ] = Field(description="The connector's name: 1 to 200 letters, digits and spaces.")
    description: StrictStr | None = Field(None, description="What the connector connects to.")
    auth_patterns: Annotated[list[AuthPattern], Field(min_length=1)] = Field(
        description="How accounts authenticate. Today's API takes exactly one pattern."
    )
    proxy_url: Annotated[
        StrictStr, StringConstraints(min_length=1, max_length=2048, pattern=r"^https://")
    ] = Field(description="The upstream's base URL, https, with `{{name}}` placeholders where needed.")
    proxy_enabled: StrictBool | None = Field(
        None, description="Whether calls may go through the proxy. Tool calling needs it."
    )
    icon_src: _HttpsOrEmpty | None = Field(
        None, description="An https URL of an icon; an 800×800 SVG works best."
    )
    metadata: (
        Annotated[
            dict[
                Annotated[StrictStr, StringConstraints(min_length=3, max_length=25)],
                Annotated[StrictStr, StringConstraints(min_length=1, max_length=256)],
            ],
            Field(max_length=20),
        ]
        | None
    ) = Field(
        None, description="At most 20 pairs of plain strings: keys of 3–25, values of 1–256 characters."
    )


_SCHEMA_ADVICE: Final[Mapping[str, tuple[str, str]]] = {
    "display_name:string_pattern_mismatch": (
        "may hold only letters, digits and spaces (ASCII), and at least one letter or digit",
        "drop the other characters",
    ),
    "proxy_url:string_pattern_mismatch": (
        "must start with https://",
        "give the upstream's https base URL",
    ),
    "icon_src:string_pattern_mismatch": ("must start with https://", "give an https URL or leave it out"),
    "auth_patterns:too_short": ("needs an entry", "add one authentication pattern"),
    "metadata:too_long": ("may hold at most 20 pairs", "remove some"),
}


def _schema_findings(definition: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        Definition.model_validate(definition)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=True):
            if detail["input"] is UNKNOWN:
                continue
            yield _schema_finding(detail)


def _schema_finding(detail: ErrorDetails) -> Finding:
    # pydantic marks the key of a mapping with "[key]"; the path is then that of the entry.
    key_at_fault = "[key]" in detail["loc"]
    location: Path = tuple(part for part in detail["loc"] if part != "[key]")
    kind = detail["type"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    top = str(location[0]) if location else ""
    if advice := _SCHEMA_ADVICE.get(f"{top}:{kind}") if len(location) == 1 else None:
        message, fix = advice
    elif kind == "missing":
        message, fix = "is required", "add it"
    elif kind in {"string_too_short", "too_short"}:
        least = context.get("min_length", 1)
        message = f"must have at least {least} character{'s' if least != 1 else ''}"
        fix = "give a value" if least == 1 else "make it longer"
    elif kind in {"string_too_long", "too_long"}:
        message, fix = f"must have at most {context.get('max_length')} characters", "make it shorter"
    else:
        wanted = {
            "string_type": "a string",
            "bool_type": "true or false",
            "list_type": "a list",
            "dict_type": "a mapping",
            "model_type": "a mapping",
            "model_attributes_type": "a mapping",
        }.get(kind)
        message = f"must be {wanted}" if wanted else "is not valid"
        fix = f"it is {_json_type(detail['input'])} now" if wanted else detail["msg"]
    if key_at_fault:
        message = f"has a key that {message}"
    return Finding(
        rule=f"schema-{kind.replace('_', '-')}",
        path=format_path(location),
        message=message,
        fix=fix,
    )


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence):
        return "a list"
    if value is None:
        return "null"
    return f"a {type(value).__name__}"
