"""What the user says about a connector, laid over what was read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pulumi_scalekit.definition.keys import AUTH_TYPES

from .blueprint import PATTERN, Blueprint, HeaderKey, Scope
from .errors import DiscoveryError
from .notes import Notes
from .text import identifier, label


@dataclass(frozen=True)
class Overrides:
    """What the user says about a connector. `None` and empty tuples leave a property to the documents."""

    display_name: str | None = None
    description: str | None = None
    icon_src: str | None = None
    proxy_url: str | None = None
    auth: str | None = None
    """The auth type: `OAUTH`, `BASIC`, `BEARER`, `API_KEY` or `NO_AUTH`."""
    headers: tuple[str, ...] = ()
    """The header of the credential; several for an API that takes several keys."""
    prefix: str | None = None
    """What goes before the credential; empty for nothing."""
    authorize_uri: str | None = None
    token_uri: str | None = None
    user_info_uri: str | None = None
    scopes: tuple[str, ...] = ()
    pkce: bool | None = None


def lay_over(blueprint: Blueprint, overrides: Overrides, notes: Notes) -> Blueprint:
    """A blueprint with what the user says in the place of what was read, and the notes that belong to it.

    Raises:
        DiscoveryError: A value contradicts another, or is not one of those that are allowed.
    """
    for name in ("display_name", "description", "icon_src", "proxy_url"):
        value = getattr(overrides, name)
        if value is not None:
            notes.given(name, value)
            blueprint = replace(blueprint, **{name: value})
    if overrides.auth is not None:
        blueprint = _typed(blueprint, overrides.auth, notes)
    if not blueprint.type and overrides.headers:
        notes.given(f"{PATTERN}.type", "API_KEY, since there is a header for it")
        blueprint = replace(blueprint, type="API_KEY")
    if overrides.headers:
        blueprint = _with_headers(blueprint, overrides.headers, notes)
    if overrides.prefix is not None:
        if blueprint.type not in {"BEARER", "API_KEY", "OAUTH"}:
            raise DiscoveryError(
                "A prefix belongs to a token or an API key: use it with --auth bearer or api_key"
            )
        notes.given(f"{PATTERN}.auth_field_mutations", f"{overrides.prefix!r} goes before the credential")
        # Of several headers, it is Authorization where a word goes before the credential.
        plain = [key for key in blueprint.keys if key.header.lower() == "authorization"] or blueprint.keys
        keys = tuple(
            replace(key, prefix=overrides.prefix, suffix="") if key in plain else key
            for key in blueprint.keys
        )
        blueprint = replace(blueprint, prefix=overrides.prefix, suffix="", keys=keys)
    return _with_oauth(blueprint, overrides, notes)


def _typed(blueprint: Blueprint, auth: str, notes: Notes) -> Blueprint:
    if auth not in AUTH_TYPES:
        raise DiscoveryError(f"{auth} is not an auth type. Use one of {', '.join(AUTH_TYPES)}")
    path = f"{PATTERN}.type"
    doubtful = any(note.origin != "found" for note in notes.taken if note.path == path)
    if blueprint.type == auth and not doubtful:
        return blueprint
    if blueprint.type != auth:
        # What was read about another way to authenticate does not hold for this one.
        kept = [note for note in notes.taken if not note.path.startswith(f"{PATTERN}.")]
        notes.taken = kept
        blueprint = replace(
            blueprint, header="", prefix="", suffix="", hint="", keys=(), key_as_username=False, scopes=()
        )
        blueprint = replace(blueprint, authorize_uri="", token_uri="", user_info_uri="", pkce=False)
    notes.given(path, auth)
    return replace(blueprint, type=auth)


def _with_headers(blueprint: Blueprint, headers: tuple[str, ...], notes: Notes) -> Blueprint:
    # A prefix was read for the header that was read.
    notes.drop(f"{PATTERN}.auth_field_mutations")
    notes.drop(f"{PATTERN}.auth_header_key_override")
    if len(headers) > 1:
        if blueprint.type != "API_KEY":
            raise DiscoveryError("Several headers are for API keys: use them with --auth api_key")
        notes.given(f"{PATTERN}.fields", f"a key for each of the headers {', '.join(headers)}")
        names = [identifier(header).lower() for header in headers]
        keys = tuple(HeaderKey(h, n, label(n)) for h, n in zip(headers, names, strict=True))
        return replace(blueprint, keys=keys, header="", prefix="", suffix="")
    if blueprint.type not in {"BEARER", "API_KEY", "OAUTH"}:
        raise DiscoveryError(
            "A header belongs to a token or an API key: use it with --auth bearer or api_key"
        )
    header = "" if headers[0].lower() == "authorization" else headers[0]
    notes.given(f"{PATTERN}.auth_header_key_override", headers[0])
    return replace(blueprint, header=header, prefix="", suffix="", keys=())


def _with_oauth(blueprint: Blueprint, overrides: Overrides, notes: Notes) -> Blueprint:
    endpoints = {name: getattr(overrides, name) for name in ("authorize_uri", "token_uri", "user_info_uri")}
    given = {name: value for name, value in endpoints.items() if value is not None}
    if not given and not overrides.scopes and overrides.pkce is None:
        return blueprint
    if not blueprint.type:
        notes.given(f"{PATTERN}.type", "OAUTH, since there are OAuth settings")
        blueprint = replace(blueprint, type="OAUTH")
    if blueprint.type != "OAUTH":
        raise DiscoveryError("OAuth endpoints and scopes belong to --auth oauth")
    if blueprint.is_mcp and (given or overrides.scopes):
        raise DiscoveryError("Over MCP the server announces the OAuth endpoints and scopes: leave them out")
    where = f"{PATTERN}.oauth_config"
    for name, value in given.items():
        notes.given(f"{where}.{name}", value)
        blueprint = replace(blueprint, **{name: value})
    if overrides.scopes:
        # The scopes that are named are the ones that are wanted; what the document says of them is kept.
        known = {scope.scope: scope for scope in blueprint.scopes}
        notes.given(f"{where}.available_scopes", ", ".join(overrides.scopes))
        blueprint = replace(
            blueprint, scopes=tuple(known.get(s, Scope(s)) for s in dict.fromkeys(overrides.scopes))
        )
    if overrides.pkce is not None:
        notes.given(f"{where}.pkce_enabled", "true" if overrides.pkce else "false")
        blueprint = replace(blueprint, pkce=overrides.pkce)
    return blueprint
