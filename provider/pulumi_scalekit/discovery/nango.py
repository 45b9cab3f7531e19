"""A blueprint out of an entry of Nango's catalogue of APIs, the file `providers.yaml` of its public repository.

The user has the file; nothing of it is part of this package. An entry says how requests are made: `base_url` and
`headers` with `${…}` for what an account holder gives. What a connector can do of that is taken, and the rest is named.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pulumi_scalekit.definition.normalize import mapping
from pulumi_scalekit.definition.urls import placeholders

from .blueprint import PATTERN, Blueprint, HeaderKey, Input, Scope
from .documents import listed, load_value, text_of
from .errors import DiscoveryError
from .names import connector_name
from .notes import Notes
from .reading import Reading
from .text import identifier, label, plain

_SETTING: Final = re.compile(r"\$\{\s*connectionConfig\.([A-Za-z_]\w*)\s*\}")
_KEY: Final = re.compile(r"\$\{\s*(?:credentials\.)?(apiKey|accessToken)\s*\}")
_ANY: Final = re.compile(r"\$\{")
# Parameters that every authorization code flow has.
_USUAL: Final = frozenset(["response_type", "grant_type"])
# What belongs to a connection in Scalekit, rather than to its connector.
_OF_THE_CONNECTION: Final = frozenset(["prompt", "access_type"])
_CONTENT: Final = frozenset(["accept", "content-type", "user-agent"])


@dataclass(frozen=True)
class _Entry:
    """An entry of the catalogue, with what it takes over from the one that it is an alias of."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        return text_of(self.values.get(name)).strip()

    def members(self, name: str) -> Mapping[str, Any]:
        return mapping(self.values.get(name))

    @property
    def proxy(self) -> Mapping[str, Any]:
        return self.members("proxy")

    @property
    def headers(self) -> dict[str, str]:
        return {str(name): str(value) for name, value in mapping(self.proxy.get("headers")).items()}


def read_nango(path: str | Path, provider: str) -> Reading:
    """Read an entry of a catalogue.

    Args:
        path: The file, such as `providers.yaml`.
        provider: The entry's key, such as `klaviyo`.

    Raises:
        DiscoveryError: The file cannot be read, or has no such entry.
    """
    catalogue = load_value(path)
    if not isinstance(catalogue, Mapping) or not any("auth_mode" in mapping(v) for v in catalogue.values()):
        raise DiscoveryError(f"{path} is not a catalogue of Nango: no entry has an auth_mode")
    if provider not in catalogue:
        near = difflib.get_close_matches(provider, [str(key) for key in catalogue], n=3)
        raise DiscoveryError(
            f"{path} has no provider {provider!r}" + (f". Similar: {', '.join(near)}" if near else "")
        )
    return read_entry(catalogue, provider)


def read_entry(catalogue: Mapping[str, Any], key: str) -> Reading:
    """Read an entry of a catalogue that is loaded."""
    return _read(_entry(catalogue, key))


def _entry(catalogue: Mapping[str, Any], key: str) -> _Entry:
    own = mapping(catalogue.get(key))
    original = mapping(catalogue.get(text_of(own.get("alias"))))
    proxy = {**mapping(original.get("proxy")), **mapping(own.get("proxy"))}
    return _Entry({**original, **own, "proxy": proxy})


def _read(entry: _Entry) -> Reading:
    notes = Notes()
    name = connector_name(entry.text("display_name"))
    if name:
        notes.found("display_name", name, "display_name")
    blueprint = Blueprint(display_name=name, description=f"Connect to {name}" if name else "")
    url = _templated(entry, text_of(entry.proxy.get("base_url")), "proxy_url", "proxy.base_url", notes)
    blueprint = replace(blueprint, proxy_url=url)
    mode = entry.text("auth_mode")
    readers = {"OAUTH2": _oauth, "API_KEY": _api_key, "BASIC": _basic}
    if mode in readers:
        blueprint = readers[mode](entry, blueprint, notes)
    else:
        notes.missing(
            f"{PATTERN}.type",
            f"{mode or 'no auth_mode'}: a connector of this auth mode cannot be made from the catalogue",
            "auth_mode",
            "give --mcp URL instead" if mode.startswith("MCP") else "give the auth type with --auth",
        )
    if entry.values.get("require_client_certificate") is True:
        notes.missing(
            f"{PATTERN}.type", "a connector has no client certificate", "require_client_certificate"
        )
    return Reading(replace(blueprint, inputs=_inputs(entry, blueprint)), notes)


def _inputs(entry: _Entry, blueprint: Blueprint) -> dict[str, Input]:
    """What the catalogue says of the values that placeholders stand for."""
    urls = (blueprint.proxy_url, blueprint.authorize_uri, blueprint.token_uri)
    known = entry.members("connection_config")
    made = {}
    for name in dict.fromkeys(name for url in urls for name in placeholders(url)):
        spec = mapping(known.get(name))
        options = tuple(str(value) for value in listed(spec.get("enum")))
        made[name] = Input(
            name,
            text_of(spec.get("title")),
            plain(spec.get("description"))[:200],
            options,
            text_of(spec.get("default_value")),
        )
    return made


def _templated(entry: _Entry, value: str, path: str, source: str, notes: Notes) -> str:
    """A URL with `{{name}}` for the settings of a connection; empty, with a note, where it needs more than those."""
    if not value:
        notes.missing(path, "the entry has none", source)
        return ""
    ways = [way.strip() for way in value.split("||")]
    fixed = next((way for way in ways if not _ANY.search(way)), "")
    chosen = fixed or ways[0]
    if len(ways) > 1:
        notes.assumed(path, f"{chosen}: the entry has other ways, {value}", source)
    for name in _SETTING.findall(chosen):
        spec = mapping(entry.members("connection_config").get(name))
        if spec.get("automated") is True:
            notes.missing(path, f"{name} is known after the authorization only, from the upstream", source)
            return ""
    url = _SETTING.sub(r"{{\1}}", chosen)
    if _ANY.search(url):
        notes.missing(path, f"{chosen}: only settings of the connection can stand in it", source)
        return ""
    if url.startswith("{{"):
        url = f"https://{url}"
        notes.assumed(path, f"{url}: the account holder gives the host without https://", source)
    elif len(ways) < 2:
        notes.found(path, url, source)
    return url


def _oauth(entry: _Entry, blueprint: Blueprint, notes: Notes) -> Blueprint:
    where = f"{PATTERN}.oauth_config"
    notes.found(f"{PATTERN}.type", "OAUTH", "auth_mode")
    token_url = entry.values.get("token_url")
    token_url = mapping(token_url).get("OAUTH2") if isinstance(token_url, Mapping) else token_url
    authorize = entry.text("authorization_url")
    scopes = [scope for scope in listed(entry.values.get("default_scopes")) if isinstance(scope, str)]
    if scopes:
        notes.found(f"{where}.available_scopes", ", ".join(scopes), "default_scopes")
    else:
        notes.assumed(
            f"{where}.available_scopes", "none: the entry lists no scopes", "", "add them with --scope"
        )
    for name in ("authorization_params", "token_params"):
        for parameter, value in entry.members(name).items():
            _note_parameter(name, str(parameter), value, notes)
    if entry.text("body_format") == "json":
        notes.missing(f"{where}.token_uri", "the token endpoint takes JSON instead of a form", "body_format")
    if (separator := entry.values.get("scope_separator", " ")) != " ":
        notes.missing(
            f"{where}.available_scopes",
            f"scopes are separated by {separator!r} instead of a blank",
            "scope_separator",
        )
    for source in ("token_request_auth_method", "authorization_method"):
        if method := entry.text(source):
            what = f"the connection has to authenticate to the token endpoint by {method}"
            notes.assumed(PATTERN, what, source)
            break
    pkce = entry.values.get("disable_pkce") is not True
    notes.found(f"{where}.pkce_enabled", str(pkce).lower(), "disable_pkce")
    for header, value in entry.headers.items():
        key = _KEY.search(value)
        if key is None:
            _note_header(header, value, notes)
        elif header.lower() != "authorization" or not re.match(r"bearer\s", value, re.IGNORECASE):
            notes.missing(
                f"{PATTERN}.auth_header_key_override",
                f"the token is sent as {header}: {value}, and a connector sends it as a bearer token",
                "proxy.headers",
            )
    return replace(
        blueprint,
        type="OAUTH",
        authorize_uri=_templated(entry, authorize, f"{where}.authorize_uri", "authorization_url", notes),
        token_uri=_templated(entry, text_of(token_url), f"{where}.token_uri", "token_url", notes),
        scopes=tuple(Scope(scope, required=True) for scope in scopes),
        pkce=pkce,
    )


def _note_parameter(kind: str, name: str, value: Any, notes: Notes) -> None:
    if name in _OF_THE_CONNECTION:
        notes.assumed(PATTERN, f"the connection has to have {name}={value}", kind)
    elif name not in _USUAL or value not in ("code", "authorization_code"):
        place = "authorize_uri" if kind == "authorization_params" else "token_uri"
        notes.missing(
            f"{PATTERN}.oauth_config.{place}",
            f"requests to it have the parameter {name}={value}, which a connector does not add",
            kind,
            "try it in the URL's query, with --authorize-url" if place == "authorize_uri" else "",
        )


def _note_header(header: str, value: str, notes: Notes) -> None:
    """Name a header besides the credential's."""
    value = next((way.strip() for way in value.split("||") if not _ANY.search(way)), value)
    if _ANY.search(value):
        notes.missing(
            PATTERN,
            f"requests have the header {header}: {value}, which this auth type cannot send",
            "proxy.headers",
        )
    elif header.lower() not in _CONTENT:
        notes.assumed(PATTERN, f"callers send the header {header}: {value} themselves", "proxy.headers")


def _api_key(entry: _Entry, blueprint: Blueprint, notes: Notes) -> Blueprint:
    keys: list[HeaderKey] = []
    for header, value in entry.headers.items():
        found = _KEY.search(value) or _SETTING.search(value)
        if found is None or _ANY.search(value[: found.start()] + value[found.end() :]) or "||" in value:
            _note_header(header, value, notes)
            continue
        name = "api_key" if _KEY.search(value) else identifier(found[1])
        about = mapping(entry.members("credentials").get(found[1])) or mapping(
            entry.members("connection_config").get(found[1])
        )
        title, hint = text_of(about.get("title")) or label(found[1]), plain(about.get("description"))[:200]
        keys.append(HeaderKey(header, name, title, hint, value[: found.start()], value[found.end() :]))
    if not any(key.field_name == "api_key" for key in keys):
        where = next((name for name in ("query", "body") if _KEY.search(str(entry.proxy.get(name)))), "")
        why = (
            f"the key goes into the {where}, and a connector puts it into headers"
            if where
            else "no header has the key"
        )
        notes.missing(f"{PATTERN}.type", why, f"proxy.{where or 'headers'}", "give --auth and --header")
        return blueprint
    for key in keys:
        text = f"{key.header}: {key.prefix}<{key.field_name}>{key.suffix}"
        notes.found(f"{PATTERN}.fields", text, "proxy.headers")
    only = keys[0]
    if len(keys) > 1:
        notes.found(f"{PATTERN}.type", "API_KEY", "auth_mode")
        return replace(blueprint, type="API_KEY", keys=tuple(keys))
    header = "" if only.header.lower() == "authorization" else only.header
    is_bearer = only.prefix.lower() == "bearer " and not only.suffix
    notes.found(f"{PATTERN}.type", "BEARER" if is_bearer else "API_KEY", "proxy.headers")
    if is_bearer:
        return replace(blueprint, type="BEARER", header=header, hint=only.hint)
    return replace(
        blueprint, type="API_KEY", header=header, prefix=only.prefix, suffix=only.suffix, hint=only.hint
    )


def _basic(entry: _Entry, blueprint: Blueprint, notes: Notes) -> Blueprint:
    notes.found(f"{PATTERN}.type", "BASIC", "auth_mode")
    for header, value in entry.headers.items():
        if header.lower() == "authorization":
            notes.missing(
                f"{PATTERN}.fields",
                f"the header is {header}: {value}, and a connector sends user name and password as they are",
                "proxy.headers",
            )
        else:
            _note_header(header, value, notes)
    user = mapping(entry.members("credentials").get("username"))
    password = mapping(entry.members("credentials").get("password"))
    hint = plain(user.get("description"))[:200]
    if "default_value" in password and password.get("hidden"):
        fixed = str(password["default_value"])
        notes.found(
            f"{PATTERN}.fields", f"username holds a key, and the password is {fixed!r}", "credentials"
        )
        return replace(blueprint, type="BASIC", key_as_username=True, fixed_password=fixed, hint=hint)
    if user.get("hidden"):
        notes.missing(f"{PATTERN}.fields", "only the password is asked for", "credentials")
    return replace(blueprint, type="BASIC", hint=hint)
