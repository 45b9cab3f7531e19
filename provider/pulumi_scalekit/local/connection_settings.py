"""The settings of a connection: what an update makes of them, and how responses show them.

The names and types are those of the SDK's contract (`OAuthConnectionConfig`, `StaticAuthConfig`, Python SDK
2.21). Inferred: a setting that is left out, or null, keeps its value, and so does an empty list, since protobuf
cannot tell it from none. `required_scopes` is the exception that the contract names: it is replaced whenever
`scope_selection_allowed` is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_scalekit.definition.connection import (
    ENDPOINTS,
    OAUTH_SETTINGS,
    SECRET,
    TOKEN_ENDPOINT_AUTH_METHODS,
)
from pulumi_scalekit.definition.keys import CONTEXT_KEYS
from pulumi_scalekit.definition.urls import PLACEHOLDER, placeholders

from .errors import InvalidArgument, Violation
from .store import Connection, Json, Provider

MASK: Final = "********"
"""What stands for a secret in responses. Sent back, it keeps the stored one."""

SETTINGS: Final[Mapping[str, type]] = {
    **OAUTH_SETTINGS,
    SECRET: str,
    # What this package does not declare: the contract has it.
    "sync_user_profile_on_login": bool,
    "token_access_type": str,
    "tenant_id": str,
    "app_name": str,
}
"""Every setting of an OAuth application that an update takes, with its type."""
SECRETS: Final = (SECRET,)
CONFIGS: Final = ("oauth_config", "static_config")

_KINDS: Final = {str: "a string", bool: "a boolean", list: "a list of strings"}


def initial_settings(connector: Provider, pattern: Mapping[str, Any]) -> Json:
    """Return what a connection has from its creation: over MCP, a client by Dynamic Client Registration."""
    if pattern.get("type") == "OAUTH" and pattern.get("is_mcp") is True:
        return {"oauth_config": {"client_id": f"dcr-{connector.id}", "token_endpoint_auth_method": "none"}}
    return {}


def resolve_proxy_url(proxy_url: str, context: object) -> str:
    """Fill a templated `proxy_url` with a connection's context; empty where there is no template.

    Raises :class:`InvalidArgument` for a context that is not of the documented form.
    """
    if context is None:
        context = {}
    if not isinstance(context, dict):
        raise InvalidArgument("context is not valid", [Violation("context", "must be an object", "type")])
    wrong = [
        Violation(f"context.{key}", f"must be one of {', '.join(CONTEXT_KEYS)}, a string", "context")
        for key, value in context.items()
        if key not in CONTEXT_KEYS or not isinstance(value, str)
    ]
    if wrong:
        raise InvalidArgument("context is not valid", wrong)
    if not context or not placeholders(proxy_url):
        return ""
    return PLACEHOLDER.sub(lambda match: context.get(match[1].strip(), match[0]), proxy_url)


def change_settings(stored: Json, given: Mapping[str, object], auth_type: str) -> Json:
    """Return the settings after an update. Raises :class:`InvalidArgument` naming each that is wrong."""
    configs = [key for key in CONFIGS if given.get(key) is not None]
    if len(configs) > 1:
        violations = [Violation(key, "at most one kind of settings can be given", "oneof") for key in configs]
        raise InvalidArgument("the connection is not valid", violations)
    for key in configs:
        value = given[key]
        if not isinstance(value, dict):
            raise InvalidArgument(f"{key} is not valid", [Violation(key, "must be an object", "type")])
        if (key == "oauth_config") != (auth_type == "OAUTH"):
            violation = Violation(key, f"does not belong to the type {auth_type}", "oneof")
            raise InvalidArgument(f"{key} is not valid", [violation])
        if key == "static_config":
            return {key: _with_secrets(stored.get(key, {}), value)}
        return {key: _change_oauth(stored.get(key, {}), value)}
    return stored


def _change_oauth(stored: Json, given: Json) -> Json:
    known = {key: given[key] for key in SETTINGS if given.get(key) is not None}
    wrong = [
        Violation(f"oauth_config.{key}", f"must be {_KINDS[SETTINGS[key]]}", "type")
        for key, value in known.items()
        if not isinstance(value, SETTINGS[key])
        or (isinstance(value, list) and not all(isinstance(item, str) for item in value))
    ]
    method = known.get("token_endpoint_auth_method")
    if isinstance(method, str) and method and method not in TOKEN_ENDPOINT_AUTH_METHODS:
        what = f"must be one of {', '.join(TOKEN_ENDPOINT_AUTH_METHODS)}"
        wrong.append(Violation("oauth_config.token_endpoint_auth_method", what, "in"))
    if wrong:
        raise InvalidArgument("oauth_config is not valid", wrong)
    changes = {key: value for key, value in known.items() if value != []}
    changes |= {key: stored[key] for key in SECRETS if changes.get(key) == MASK and key in stored}
    changed = {**stored, **changes}
    if "scope_selection_allowed" in known:
        changed["required_scopes"] = known.get("required_scopes", [])
    missing = set(changed.get("required_scopes", ())) - set(changed.get("scopes", ()))
    if missing:
        violation = Violation("oauth_config.required_scopes", "must be a subset of scopes", "subset")
        raise InvalidArgument("oauth_config is not valid", [violation])
    return changed


def _with_secrets(stored: Any, given: Any) -> Any:
    """Return what was given, with the stored value wherever a masked one was sent back."""
    if isinstance(given, dict):
        before = stored if isinstance(stored, dict) else {}
        return {key: _with_secrets(before.get(key), value) for key, value in given.items()}
    return stored if given == MASK and stored is not None else given


def shown_settings(connection: Connection, pattern: Mapping[str, Any], redirect_uri: str) -> Json:
    """Return a connection's settings as responses show them, secrets masked.

    Endpoints and PKCE come from the connector where the connection does not set its own.
    """
    if connection.type == "OAUTH":
        declared = pattern.get("oauth_config") or {}
        inherited = {
            key: declared[key]
            for key in (*ENDPOINTS, "pkce_enabled", "custom_scope_name")
            if declared.get(key) is not None
        }
        own = connection.settings.get("oauth_config", {})
        masked = {key: MASK for key in SECRETS if own.get(key)}
        return {"oauth_config": {**inherited, **own, **masked, "redirect_uri": redirect_uri}}
    static = connection.settings.get("static_config")
    return {"static_config": _masked(static)} if static else {}


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    return MASK if isinstance(value, str) and value else value


def status_of(connection: Connection) -> str:
    """Return `COMPLETED` when accounts can be authorized with the connection, else `DRAFT`."""
    if connection.type != "OAUTH":
        return "COMPLETED"
    config = connection.settings.get("oauth_config", {})
    public = config.get("token_endpoint_auth_method") == "none"
    complete = config.get("client_id") and (public or config.get("client_secret"))
    return "COMPLETED" if complete or config.get("use_platform_creds") else "DRAFT"


def requested_scopes(connection: Connection, pattern: Mapping[str, Any]) -> Sequence[str]:
    """Return the scopes that an authorization asks for: the connection's own, or else all on offer."""
    own = connection.settings.get("oauth_config", {}).get("scopes")
    if own:
        return list(own)
    offered = (pattern.get("oauth_config") or {}).get("available_scopes") or ()
    return [str(each["scope"]) for each in offered if isinstance(each, Mapping) and each.get("scope")]
