"""What a connection is: its properties, their rules, and when two of them mean the same.

The names are those of the vendor's SDK contract (`CreateConnection`, `UpdateConnection`, `OAuthConnectionConfig`;
Python SDK 2.21).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .keys import AUTH_TYPES, CATALOGUE_TYPES, UNKNOWN

AUTH_MODES: Final = ("USER", "ORG_WIDE")
"""Whose credentials accounts hold: each user's, the default, or one that an admin authorizes for all."""
CONTEXT_KEYS: Final = ("domain", "version")
"""What a connection can fill in a connector's templated `proxy_url`, at its creation only."""
TOKEN_ENDPOINT_AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post", "none")
MAX_NAME: Final = 300
"""Characters of a connection's name at most."""
OAUTH_SETTINGS: Final[Mapping[str, type]] = {
    "client_id": str,
    "scopes": list,
    "required_scopes": list,
    "scope_selection_allowed": bool,
    "authorize_uri": str,
    "token_uri": str,
    "user_info_uri": str,
    "pkce_enabled": bool,
    "prompt": str,
    "access_type": str,
    "token_endpoint_auth_method": str,
    "custom_scope_name": str,
    "use_platform_creds": bool,
}
"""The settings of an OAuth application that a response shows as they are."""
SECRET: Final = "client_secret"
SECRET_VARIABLE: Final = "client_secret_variable"
"""Names the environment variable that has the secret, which then is in no state."""
SECRET_VERSION: Final = "client_secret_version"
"""Another version means that the variable has another secret."""
_OAUTH_TYPES: Final[Mapping[str, type]] = {
    **OAUTH_SETTINGS,
    SECRET: str,
    SECRET_VARIABLE: str,
    SECRET_VERSION: int,
}
_WORDS: Final = {str: "a string", bool: "a boolean", list: "a list of strings", int: "a whole number"}


def mistakes(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a declared connection: property paths, each with what to do, as words after the path.

    What is not known yet is not wrong yet.
    """
    name, auth_type = inputs.get("connection_name"), inputs.get("auth_type")
    if name is not UNKNOWN and not (isinstance(name, str) and name.strip() and name.isprintable()):
        yield "connection_name", "is required; give the name that Tool Proxy calls use"
    elif isinstance(name, str) and len(name) > MAX_NAME:
        yield "connection_name", f"must have at most {MAX_NAME} characters; make it shorter"
    if inputs.get("connector") is None:
        yield "connector", "is required; give a Connector, or its identifier"
    if auth_type is None:
        yield "auth_type", "is required; give the type of the connector's auth pattern"
    elif auth_type is not UNKNOWN and auth_type not in (*AUTH_TYPES, *CATALOGUE_TYPES):
        yield "auth_type", f"is not an auth type of Scalekit; use one of {', '.join(AUTH_TYPES)}"
    mode = inputs.get("auth_mode")
    if mode is not None and mode is not UNKNOWN and mode not in AUTH_MODES:
        yield "auth_mode", f"must be one of {', '.join(AUTH_MODES)}"
    enabled = inputs.get("enabled")
    if enabled is not None and enabled is not UNKNOWN and not isinstance(enabled, bool):
        yield "enabled", "must be a boolean"
    yield from _context_mistakes(inputs.get("context"))
    yield from _oauth_mistakes(inputs.get("oauth_app"), auth_type)


def _context_mistakes(context: Any) -> Iterator[tuple[str, str]]:
    if context is None or context is UNKNOWN:
        return
    if not isinstance(context, Mapping):
        yield "context", f"must be an object with {' and '.join(CONTEXT_KEYS)}"
        return
    for key, value in context.items():
        if key not in CONTEXT_KEYS:
            yield f"context.{key}", f"is unknown; Scalekit takes {' and '.join(CONTEXT_KEYS)} only"
        elif value is not UNKNOWN and not (isinstance(value, str) and value):
            yield f"context.{key}", "must be a string"


def _oauth_mistakes(app: Any, auth_type: Any) -> Iterator[tuple[str, str]]:
    if app is None or app is UNKNOWN:
        return
    if not isinstance(app, Mapping):
        yield "oauth_app", "must be an OAuthApp, or an object of the same properties"
        return
    if auth_type not in (None, UNKNOWN, "OAUTH"):
        yield "oauth_app", f"belongs to connections of the type OAUTH; this one is {auth_type}. Leave it out"
    for key, value in app.items():
        kind = _OAUTH_TYPES.get(key)
        if kind is None:
            yield f"oauth_app.{key}", f"is unknown; use {', '.join(sorted(_OAUTH_TYPES))}"
        elif value is not UNKNOWN and not _is_of(value, kind):
            yield f"oauth_app.{key}", f"must be {_WORDS[kind]}"
    if app.get(SECRET) is not None and app.get(SECRET_VARIABLE) is not None:
        yield f"oauth_app.{SECRET}", f"and {SECRET_VARIABLE} exclude each other; leave one out"
    if app.get(SECRET_VERSION) is not None and app.get(SECRET_VARIABLE) is None:
        yield f"oauth_app.{SECRET_VERSION}", f"is of use with {SECRET_VARIABLE} only; leave it out"
    method = app.get("token_endpoint_auth_method")
    if isinstance(method, str) and method not in TOKEN_ENDPOINT_AUTH_METHODS:
        what = f"must be one of {', '.join(TOKEN_ENDPOINT_AUTH_METHODS)}"
        yield "oauth_app.token_endpoint_auth_method", what
    for key in ("authorize_uri", "token_uri", "user_info_uri"):
        if isinstance(app.get(key), str) and not app[key].startswith("https://"):
            yield f"oauth_app.{key}", "must start with https://"
    scopes, required = app.get("scopes") or [], app.get("required_scopes") or []
    if isinstance(scopes, list) and isinstance(required, list) and UNKNOWN not in scopes:
        for scope in required:
            if scope is not UNKNOWN and scope not in scopes:
                yield "oauth_app.required_scopes", f"has {scope!r}, which scopes has not; add it there"


def _is_of(value: Any, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(item is UNKNOWN or isinstance(item, str) for item in value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def same_setting(old: Any, new: Any) -> bool:
    """Whether two values of one setting mean the same.

    The order of scopes does not count, and protobuf does not tell what is empty from what is left out.
    """
    if isinstance(old, list) and isinstance(new, list):
        return UNKNOWN not in old and UNKNOWN not in new and sorted(old) == sorted(new)
    return old is not UNKNOWN and new is not UNKNOWN and ((not old and not new) or bool(old == new))


def same_secret(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two declared OAuth applications have the same client secret, as far as they say."""
    keys = (SECRET, SECRET_VARIABLE, SECRET_VERSION)
    return all(same_setting(old.get(key), new.get(key)) for key in keys)


def same_app(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two declared OAuth applications mean the same."""
    return same_secret(old, new) and not differing_settings(old, new, {**old, **new})


def differing_settings(old: Mapping[str, Any], new: Mapping[str, Any], among: Mapping[str, Any]) -> list[str]:
    """The settings that differ, of those in `among`; the secret is none of them."""
    return [key for key in OAUTH_SETTINGS if key in among and not same_setting(old.get(key), new.get(key))]


def live_app(declared: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """A declared OAuth application as it is live: what means the same keeps its declared form.

    Settings that were not declared are Scalekit's or the connector's own. A secret comes back masked, which tells
    nothing about it.
    """
    shown = {key: live.get(key) if key in OAUTH_SETTINGS else value for key, value in declared.items()}
    return {key: value for key, value in aligned_app(declared, shown).items() if value is not None}


def aligned_app(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A newly declared OAuth application, in which what means the same as before keeps its old form."""
    return {
        key: old[key] if key in old and same_setting(old[key], value) else value for key, value in new.items()
    }


def oauth_config(old: Mapping[str, Any], new: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """The settings to send for an OAuth application: those declared, and those emptied that no longer are.

    Args:
        old: The application as it was declared, or nothing.
        new: The application as it is declared now.
        secret: The client secret, or the masked one that keeps the stored secret; `None` to send none.
    """
    emptied = {key: kind() for key, kind in OAUTH_SETTINGS.items() if key in old and key not in new}
    config = {**emptied, **{key: new[key] for key in OAUTH_SETTINGS if key in new}}
    if "required_scopes" in config:
        # The contract applies required scopes where it is told whether scopes may be selected.
        config.setdefault("scope_selection_allowed", False)
    return config if secret is None else {**config, SECRET: secret}
