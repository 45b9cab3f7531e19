"""What makes a connector, before it is written down as a definition.

Answers to questions, OpenAPI documents and MCP metadata all end here, so that the payload is put together in one place.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pulumi_scalekit.definition.urls import placeholders

from .text import label

PATTERN: Final = "auth_patterns[0]"
"""The property path of the one auth pattern."""
# Scalekit fills these two placeholders from the account as they are; others have to be path parameters.
_WELL_KNOWN: Final = ("domain", "version")
_LABELS: Final = {
    "OAUTH": "OAuth 2.0",
    "BASIC": "Basic Auth",
    "BEARER": "Bearer Token",
    "API_KEY": "API Key",
    "NO_AUTH": "No authentication",
}
_SECRET_WORDS: Final = ("key", "token", "secret", "password", "auth", "signature", "cookie", "jwt")


@dataclass(frozen=True)
class Input:
    """A value that is collected from the account holder to fill a placeholder."""

    name: str
    label: str = ""
    hint: str = ""
    options: tuple[str, ...] = ()
    default: str = ""

    def to_payload(self) -> dict[str, Any]:
        """The input as an entry of `fields` or `account_fields`."""
        made: dict[str, Any] = {"field_name": self.name, "label": self.label or label(self.name)}
        made["input_type"] = "select" if self.options else "text"
        if self.hint:
            made["hint"] = self.hint
        made["required"] = True
        if self.options:
            made["options"] = [
                {
                    "value": value,
                    "display_name": value,
                    **({"default": True} if value == self.default else {}),
                }
                for value in self.options
            ]
        if self.name not in _WELL_KNOWN:
            made["is_path_param"] = True
        return made


@dataclass(frozen=True)
class HeaderKey:
    """A header that carries a value which the account holder types in."""

    header: str
    field_name: str
    label: str = ""
    hint: str = ""
    prefix: str = ""
    suffix: str = ""

    @property
    def secret(self) -> bool:
        """Whether the value is hidden while it is typed in, as its names tell."""
        names = f"{self.header} {self.field_name}".lower()
        return any(word in names for word in _SECRET_WORDS)


@dataclass(frozen=True)
class Scope:
    """An OAuth scope on offer."""

    scope: str
    description: str = ""
    required: bool = False

    def to_payload(self) -> dict[str, Any]:
        """The scope as an entry of `available_scopes`."""
        made: dict[str, Any] = {
            "scope": self.scope,
            "display_name": label(self.scope.rstrip("/").rsplit("/", 1)[-1] or self.scope),
        }
        if self.description:
            made["description"] = self.description
        return {**made, "required": True} if self.required else made


@dataclass(frozen=True)
class Blueprint:
    """What makes a connector. Empty strings stand for what is not known."""

    display_name: str = ""
    description: str = ""
    proxy_url: str = ""
    icon_src: str = ""
    inputs: Mapping[str, Input] = field(default_factory=dict)
    """What is known about the inputs that placeholders stand for, by name."""
    type: str = ""
    header: str = ""
    """The header of the credential where it is not `Authorization`."""
    prefix: str = ""
    suffix: str = ""
    hint: str = ""
    """Help text for the credential."""
    keys: tuple[HeaderKey, ...] = ()
    """API_KEY with several headers: each of them; `header`, `prefix` and `suffix` are then unused."""
    key_as_username: bool = False
    """BASIC: an API key stands in the user name's place, and there is no password."""
    fixed_password: str = ""
    """BASIC with such a key: what everybody's password is, such as `X`."""
    authorize_uri: str = ""
    token_uri: str = ""
    user_info_uri: str = ""
    scopes: tuple[Scope, ...] = ()
    pkce: bool = False
    is_mcp: bool = False

    def definition(self) -> dict[str, Any]:
        """The payload. What is not known is empty in it, for somebody to fill in."""
        return self._with_distinct_fields()._payload()

    def _with_distinct_fields(self) -> Blueprint:
        """The blueprint with names such that no placeholder is taken for the credential.

        A placeholder of the name of a key with a header of its own is that key: one field fills both.
        """
        keys: list[HeaderKey] = []
        for key in self.keys:
            if any(key.header.lower() == other.header.lower() for other in keys):
                continue  # two schemes of one header are one key
            taken = {other.field_name for other in keys}
            name = next(n for n in _numbered(key.field_name) if n not in taken)
            keys.append(replace(key, field_name=name))
        renamed = replace(self, keys=tuple(keys))
        if renamed._many or self.type == "OAUTH":
            return renamed
        taken = {entry["field_name"] for entry in renamed._credentials()}
        for name in taken & set(placeholders(self.proxy_url)):
            own = f"url_{name}"
            known = replace(self.inputs.get(name, Input(name)), name=own)
            url = re.sub(rf"\{{\{{\s*{re.escape(name)}\s*\}}\}}", f"{{{{{own}}}}}", renamed.proxy_url)
            renamed = replace(renamed, proxy_url=url, inputs={**renamed.inputs, own: known})
        return renamed

    def _payload(self) -> dict[str, Any]:
        made: dict[str, Any] = {"display_name": self.display_name}
        if self.description:
            made["description"] = self.description
        made["auth_patterns"] = [self._pattern()] if self.type else []
        made |= {"proxy_url": self.proxy_url, "proxy_enabled": True}
        return {**made, "icon_src": self.icon_src} if self.icon_src else made

    def _pattern(self) -> dict[str, Any]:
        name = _LABELS.get(self.type, self.type)
        pattern: dict[str, Any] = {"type": self.type, "display_name": name}
        if self.type != "NO_AUTH":
            pattern["description"] = (
                f"Authenticate with {self.display_name or 'the upstream'} using {_how(self)}"
            )
        urls = (self.proxy_url, self.authorize_uri, self.token_uri, self.user_info_uri)
        names = list(dict.fromkeys(name for url in urls for name in placeholders(url)))
        inputs = [self.inputs.get(name, Input(name)).to_payload() for name in names]
        if self.type == "OAUTH":
            pattern |= {"fields": [], "oauth_config": self._oauth_config()}
            if inputs:
                pattern["account_fields"] = inputs
        else:
            pattern["fields"] = self._fields(inputs)
        if self.header and not self._many:
            pattern["auth_header_key_override"] = self.header
        if mutations := self._mutations():
            pattern["auth_field_mutations"] = mutations
        return {**pattern, "is_mcp": True} if self.is_mcp else pattern

    def _fields(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The inputs and the credentials; what is both is one field."""
        credentials = {entry["field_name"]: entry for entry in self._credentials()}
        shared = []
        for entry in inputs:
            both = {**entry, **credentials.pop(entry["field_name"], {})}
            shared.append({**both, "input_type": entry["input_type"]} if "options" in entry else both)
        return [*shared, *credentials.values()]

    @property
    def _many(self) -> bool:
        return self.type == "API_KEY" and bool(self.keys)

    def _oauth_config(self) -> dict[str, Any]:
        if self.is_mcp:
            return {"pkce_enabled": True}
        config: dict[str, Any] = {"authorize_uri": self.authorize_uri, "token_uri": self.token_uri}
        if self.user_info_uri:
            config["user_info_uri"] = self.user_info_uri
        if self.scopes:
            config["available_scopes"] = [scope.to_payload() for scope in self.scopes]
        return {**config, "pkce_enabled": True} if self.pkce else config

    def _credentials(self) -> list[dict[str, Any]]:
        def entry(field_name: str, text: str, hint: str, *, secret: bool = True) -> dict[str, Any]:
            kind = "password" if secret else "text"
            return {
                "field_name": field_name,
                "label": text,
                "input_type": kind,
                **({"hint": hint} if hint else {}),
                "required": True,
            }

        whose = f"Your {self.display_name}" if self.display_name else "Your"
        if self._many:
            return [
                {
                    **entry(key.field_name, key.label or label(key.field_name), key.hint, secret=key.secret),
                    "header_name": key.header,
                }
                for key in self.keys
            ]
        if self.type == "BASIC":
            if self.key_as_username:
                return [entry("username", "API key", self.hint or f"{whose} API key")]
            return [
                entry("username", "User name", self.hint, secret=False),
                entry("password", "Password", ""),
            ]
        if self.type == "BEARER":
            return [entry("token", "Bearer token", self.hint or f"{whose} access token")]
        if self.type == "API_KEY":
            return [entry("api_key", "API key", self.hint or f"{whose} API key")]
        return []

    def _mutations(self) -> dict[str, dict[str, str]]:
        changed: dict[str, tuple[str, str]] = {}
        if self._many:
            changed = {key.field_name: (key.prefix, key.suffix) for key in self.keys}
        elif self.type in {"BEARER", "OAUTH"}:
            changed = {"token": (self.prefix, self.suffix)}
        elif self.type == "API_KEY":
            changed = {"api_key": (self.prefix, self.suffix)}
        made = {}
        if self.type == "BASIC" and self.fixed_password:
            made["password"] = {"default": self.fixed_password}
        for name, (prefix, suffix) in changed.items():
            mutation = {"prefix": prefix, "suffix": suffix}
            if kept := {key: value for key, value in mutation.items() if value}:
                made[name] = kept
        return made


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in itertools.count(2))


def _how(blueprint: Blueprint) -> str:
    return {
        "OAUTH": "OAuth 2.0",
        "BASIC": "an API key" if blueprint.key_as_username else "a user name and password",
        "BEARER": "a bearer token",
        "API_KEY": "API keys" if len(blueprint.keys) > 1 else "an API key",
    }.get(blueprint.type, blueprint.type)
