"""What a connection is: its properties, their rules, and when two of them mean the same.

The names are those of the vendor's SDK contract (`CreateConnection`, `UpdateConnection`, `OAuthConnectionConfig`;
Python SDK 2.21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .finding import Finding
from .keys import AUTH_TYPES, CATALOGUE_TYPES, CONTEXT_KEYS, UNKNOWN
from .normalize import mapping, mappings
from .urls import PLACEHOLDER, same_url

AUTH_MODES: Final = ("USER", "ORG_WIDE")
"""Whose credentials accounts hold: each user's, the default, or one that an admin authorizes for all."""
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
ENDPOINTS: Final = ("authorize_uri", "token_uri", "user_info_uri")
"""The settings that are URLs."""
SECRET: Final = "client_secret"
SECRET_VARIABLE: Final = "client_secret_variable"
"""Names the environment variable that has the secret, which then is in no state."""
SECRET_VERSION: Final = "client_secret_version"
"""Another version means that the variable has another secret."""
RESPONSE_KEYS: Final = {
    "connector": "provider_key",
    "connection_name": "key_id",
    "auth_type": "type",
    "auth_mode": "auth_mode",
    "enabled": "enabled",
}
"""Declared properties, by what responses call them."""
_BY_REGISTRATION: Final = (
    *ENDPOINTS,
    "client_id",
    "pkce_enabled",
    "token_endpoint_auth_method",
    "use_platform_creds",
)
"""What Dynamic Client Registration fills in, over MCP."""
_OAUTH_TYPES: Final[Mapping[str, type]] = {
    **OAUTH_SETTINGS,
    SECRET: str,
    SECRET_VARIABLE: str,
    SECRET_VERSION: int,
}
_WORDS: Final = {str: "a string", bool: "a boolean", list: "a list of strings", int: "a whole number"}


def findings(connection: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with a declared connection. What is not known yet is not wrong yet.

    Example:
        >>> [str(f) for f in findings({"connector": "CRM:1", "auth_type": "BEARER", "connection_name": ""})]
        ['is required; give the name that Tool Proxy calls use']
    """
    name, auth_type = connection.get("connection_name"), connection.get("auth_type")
    if name is not UNKNOWN and not (isinstance(name, str) and name.strip() and name.isprintable()):
        what = "give the name that Tool Proxy calls use"
        yield Finding("connection-name", "connection_name", "is required", what)
    elif isinstance(name, str) and len(name) > MAX_NAME:
        what = f"must have at most {MAX_NAME} characters"
        yield Finding("connection-name", "connection_name", what, "make it shorter")
    if connection.get("connector") is None:
        yield Finding(
            "connection-connector", "connector", "is required", "give a Connector, or its identifier"
        )
    if auth_type is None:
        what = "give the type of the connector's auth pattern"
        yield Finding("connection-auth-type", "auth_type", "is required", what)
    elif auth_type is not UNKNOWN and auth_type not in (*AUTH_TYPES, *CATALOGUE_TYPES):
        what = f"use one of {', '.join(AUTH_TYPES)}"
        yield Finding("connection-auth-type", "auth_type", "is not an auth type of Scalekit", what)
    mode = connection.get("auth_mode")
    if mode is not None and mode is not UNKNOWN and mode not in AUTH_MODES:
        what = f"must be one of {', '.join(AUTH_MODES)}"
        yield Finding("connection-auth-mode", "auth_mode", what, "leave it out for the default")
    enabled = connection.get("enabled")
    if enabled is not None and enabled is not UNKNOWN and not isinstance(enabled, bool):
        yield Finding("connection-enabled", "enabled", "must be a boolean", "give True or False")
    yield from _context_findings(connection.get("context"))
    yield from _app_findings(connection.get("oauth_app"), auth_type)


def lacks_app(connection: Mapping[str, Any]) -> bool:
    """Whether a connection is of the type that needs an OAuth application, and declares none.

    Over MCP, Dynamic Client Registration fills one in.
    """
    return connection.get("auth_type") == "OAUTH" and not connection.get("oauth_app")


DRAFT: Final = Finding(
    "connection-draft",
    "oauth_app",
    "is not given, so the connection stays a draft: its connector uses OAuth",
    "give the client id and the secret of the upstream's OAuth application",
    severity="hint",
)
"""The hint for a connection that lacks an OAuth application, and whose connector is not one over MCP."""
RULES: Final[Mapping[str, str]] = {
    "connection-name": f"A connection has a name that can be shown, of {MAX_NAME} characters at most.",
    "connection-connector": "A connection names its connector by the identifier.",
    "connection-auth-type": "A connection has the type of its connector's auth pattern.",
    "connection-auth-mode": f"A connection's accounts are of {' or '.join(AUTH_MODES)}.",
    "connection-enabled": "A connection is enabled, or it is not.",
    "connection-context": f"A connection's context is {' and '.join(CONTEXT_KEYS)}.",
    "connection-oauth-app": "An OAuth application has the settings of Scalekit's API, of their types.",
    "connection-draft": "A connection of an OAuth connector over REST has an OAuth application: else a hint.",
}
"""What each rule about connections wants, by the name that its findings have."""


def _context_findings(context: Any) -> Iterator[Finding]:
    rule = "connection-context"
    if context is None or context is UNKNOWN:
        return
    known = " and ".join(CONTEXT_KEYS)
    if not isinstance(context, Mapping):
        yield Finding(rule, "context", "must be an object", f"give {known}")
        return
    for key, value in context.items():
        if key not in CONTEXT_KEYS:
            yield Finding(rule, f"context.{key}", "is unknown", f"Scalekit takes {known} only")
        elif value is not UNKNOWN and not (isinstance(value, str) and value):
            yield Finding(rule, f"context.{key}", "must be a string", "give one, or leave it out")


def _app_findings(app: Any, auth_type: Any) -> Iterator[Finding]:
    def finding(key: str, message: str, fix: str) -> Finding:
        return Finding("connection-oauth-app", f"oauth_app.{key}" if key else "oauth_app", message, fix)

    if app is None or app is UNKNOWN:
        return
    if not isinstance(app, Mapping):
        yield finding("", "must be an OAuthApp", "give one, or an object of the same properties")
        return
    if auth_type not in (None, UNKNOWN, "OAUTH"):
        what = f"belongs to connections of the type OAUTH, and this one is {auth_type}"
        yield finding("", what, "leave it out")
    for key, value in app.items():
        kind = _OAUTH_TYPES.get(key)
        if kind is None:
            yield finding(key, "is unknown", f"use {', '.join(sorted(_OAUTH_TYPES))}")
        elif value is not UNKNOWN and not _is_of(value, kind):
            yield finding(key, f"must be {_WORDS[kind]}", "correct it")
    if app.get(SECRET) is not None and app.get(SECRET_VARIABLE) is not None:
        yield finding(SECRET, f"and {SECRET_VARIABLE} exclude each other", "leave one out")
    if app.get(SECRET_VERSION) is not None and app.get(SECRET_VARIABLE) is None:
        yield finding(SECRET_VERSION, f"is of use with {SECRET_VARIABLE} only", "leave it out")
    method = app.get("token_endpoint_auth_method")
    if isinstance(method, str) and method not in TOKEN_ENDPOINT_AUTH_METHODS:
        what = f"must be one of {', '.join(TOKEN_ENDPOINT_AUTH_METHODS)}"
        yield finding("token_endpoint_auth_method", what, "leave it out for the default")
    for key in ENDPOINTS:
        if isinstance(app.get(key), str) and not app[key].startswith("https://"):
            yield finding(key, "must start with https://", "give an https URL")
    scopes, required = app.get("scopes") or [], app.get("required_scopes") or []
    if isinstance(scopes, list) and isinstance(required, list) and UNKNOWN not in scopes:
        for scope in required:
            if scope is not UNKNOWN and scope not in scopes:
                yield finding("required_scopes", f"has {scope!r}, which scopes has not", "add it there")


def _is_of(value: Any, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(item is UNKNOWN or isinstance(item, str) for item in value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def same_setting(key: str, old: Any, new: Any) -> bool:
    """Whether two values of one setting mean the same.

    The order of scopes does not count, nor how an endpoint's host is written, and protobuf does not tell what is empty
    from what is left out.
    """
    if key in ENDPOINTS and isinstance(old, str) and isinstance(new, str):
        return old.endswith("/") == new.endswith("/") and same_url(old, new)
    if isinstance(old, list) and isinstance(new, list):
        # What is wrong is compared as well: it need not be strings.
        return UNKNOWN not in (*old, *new) and sorted(old, key=str) == sorted(new, key=str)
    return old is not UNKNOWN and new is not UNKNOWN and ((not old and not new) or bool(old == new))


def same_secret(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two declared OAuth applications have the same client secret, as far as they say."""
    keys = (SECRET, SECRET_VARIABLE, SECRET_VERSION)
    return all(same_setting(key, old.get(key), new.get(key)) for key in keys)


def same_app(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two declared OAuth applications mean the same."""
    return same_secret(old, new) and not differing_settings(old, new, {**old, **new})


def differing_settings(old: Mapping[str, Any], new: Mapping[str, Any], among: Mapping[str, Any]) -> list[str]:
    """The settings that differ, of those in `among`; the secret is none of them."""
    return [
        key for key in OAUTH_SETTINGS if key in among and not same_setting(key, old.get(key), new.get(key))
    ]


def kept_settings(old: Mapping[str, Any], new: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """The settings of an application that were declared, are no longer, and are live all the same."""
    kept = [
        key
        for key in OAUTH_SETTINGS
        if key in old and key not in new and old[key] and same_setting(key, old[key], live.get(key))
    ]
    secrets = {SECRET, SECRET_VARIABLE}
    if secrets & old.keys() and not secrets & new.keys() and live.get(SECRET):
        kept.append(SECRET)
    return kept


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
        key: old[key] if key in old and same_setting(key, old[key], value) else value
        for key, value in new.items()
    }


def oauth_config(
    old: Mapping[str, Any], new: Mapping[str, Any], secret: str | None, live: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings to send for an OAuth application: those declared, and those emptied that no longer are.

    Args:
        old: The application as it was declared, or nothing.
        new: The application as it is declared now.
        secret: The client secret, or the masked one that keeps the stored secret; `None` to send none.
        live: The settings as they are stored.
    """
    emptied = {key: kind() for key, kind in OAUTH_SETTINGS.items() if key in old and key not in new}
    config = {**emptied, **{key: new[key] for key in OAUTH_SETTINGS if key in new}}
    # The contract sets required scopes and whether scopes may be selected together: the one that is not declared is
    # sent as it is.
    if "required_scopes" in config:
        config.setdefault("scope_selection_allowed", live.get("scope_selection_allowed") is True)
    elif "scope_selection_allowed" in config:
        scopes = config.get("scopes", live.get("scopes") or [])
        if required := [scope for scope in live.get("required_scopes") or [] if scope in scopes]:
            config["required_scopes"] = required
    return config if secret is None else {**config, SECRET: secret}


# --- Out of a response --------------------------------------------------------------------------------------


def declaration_of(
    live: Mapping[str, Any], connector: Mapping[str, Any], secret_variable: str = ""
) -> dict[str, Any]:
    """A live connection as a program would declare it, without what it has by default.

    Args:
        live: The response to a read, with the settings.
        connector: Its connector's attributes. What the connector says itself is not repeated.
        secret_variable: Stands for a client secret that is stored, and that no response shows: the environment
            variable that is to have it.

    Example:
        >>> live = {"provider_key": "CRM:1", "key_id": "crm", "type": "BEARER", "auth_mode": "USER", "enabled": True}
        >>> declaration_of(live, {})
        {'connector': 'CRM:1', 'connection_name': 'crm', 'auth_type': 'BEARER'}
    """
    declared: dict[str, Any] = {
        key: live[name] for key, name in RESPONSE_KEYS.items() if live.get(name) not in (None, "")
    }
    if declared.get("auth_mode") == AUTH_MODES[0]:
        del declared["auth_mode"]
    if declared.get("enabled") is not False:
        declared.pop("enabled", None)
    if context := context_of(connector.get("proxy_url"), live.get("resolved_proxy_url")):
        declared["context"] = context
    pattern, config = pattern_of(connector), shown_settings(live)
    if live.get("type") == "OAUTH":
        inherited = mapping(pattern.get("oauth_config"))
        is_registered = pattern.get("is_mcp") is True
        app = {
            key: config[key]
            for key in OAUTH_SETTINGS
            if not same_setting(key, config.get(key), inherited.get(key))
            and not (is_registered and key in _BY_REGISTRATION)
            and config.get(key) is not None
        }
        if secret_variable and config.get(SECRET) and not is_registered:
            app[SECRET_VARIABLE] = secret_variable
        if app:
            declared["oauth_app"] = app
    return declared


def pattern_of(connector: Mapping[str, Any]) -> Mapping[str, Any]:
    """A connector's one auth pattern; empty where it has none."""
    return next(iter(mappings(connector.get("auth_patterns"))), {})


def shown_settings(live: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings that a response shows of a connection; empty where it shows none."""
    return mapping(live.get("oauth_config"))


def has_context(resolved: object, template: object, context: Any) -> bool:
    """Whether a connection was made with a context, as far as the filled `proxy_url` tells.

    Of a URL that the template cannot give, as one from an earlier template, the declared values have to be parts.

    Args:
        resolved: The filled `proxy_url`, or nothing where it is no template.
        template: The connector's `proxy_url`; `None` where it is not known.
        context: What a program declares.

    Example:
        >>> has_context("https://acme.example.com/api", "https://{{domain}}/api", {"domain": "acme.example.com"})
        True
        >>> has_context("https://acme.example.com/api", "https://{{domain}}/api", {"domain": "example.com"})
        False
    """
    given: Mapping[str, Any] = context if isinstance(context, Mapping) else {}
    if UNKNOWN in (context, *given.values()):
        return True
    url = str(resolved or "")

    def fill(placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        return str(given[name]) if name in CONTEXT_KEYS and name in given else placeholder[0]

    if isinstance(template, str):
        filled = PLACEHOLDER.sub(fill, template)
        if not url:
            return filled == template
        if same_url(url, filled):
            return True
        if _filled(template, url):
            return False
    parts = (re.search(rf"(?i)(?<![\w.-]){re.escape(str(value))}(?![\w.-])", url) for value in given.values())
    return all(parts) if given else not url or bool(PLACEHOLDER.search(url))


def context_of(template: object, resolved: object) -> dict[str, str]:
    """What a connection's context filled in a templated `proxy_url`, which no response says itself.

    Example:
        >>> context_of("https://{{domain}}/api/{{version}}", "https://acme.example.com/api/{{version}}")
        {'domain': 'acme.example.com'}
    """
    if not isinstance(template, str) or not isinstance(resolved, str) or not resolved:
        return {}
    found = _filled(template, resolved)
    filled = found.groupdict() if found else {}
    return {name: text for name, text in filled.items() if not PLACEHOLDER.fullmatch(text)}


def _filled(template: str, resolved: str) -> re.Match[str] | None:
    """A match of a URL with the template that it may have been filled from."""
    pattern, end = "", 0
    names: list[str] = []
    for match in PLACEHOLDER.finditer(template):
        pattern += re.escape(template[end : match.start()])
        if match[1] not in CONTEXT_KEYS:
            pattern += re.escape(match[0])  # an account fills it
        elif match[1] in names:
            pattern += f"(?P={match[1]})"
        else:
            pattern += f"(?P<{match[1]}>.+?)"
            names.append(match[1])
        end = match.end()
    return re.fullmatch(pattern + re.escape(template[end:]), resolved, re.IGNORECASE)
