"""The one model of a connector definition, and all its rules.

A *definition* is the payload that Scalekit's custom-provider API takes: a display name, a proxy URL and
authentication patterns. The resource, the review, the local server and the generated reference all read
the fields and the rules from here.

Two layers check a definition:

- the *schema*: pydantic models with the types, lengths and patterns of the API's contract;
- the *rules*: functions over the whole definition that see what a schema cannot, such as a placeholder in
  `proxy_url` that no field fills.

Both answer with `Finding` values. `findings()` never stops at the first mistake and never raises on a wrong
definition, whatever its shape. Values that are not known yet (Pulumi previews) are passed as `UNKNOWN`;
what depends on them is left out of the check.

Sources of the rules: Scalekit's public guide "Create your own connector", and the contract which the
official Python SDK carries (its field constraints). Messages name properties, placeholders and declared
field names, never other values, so that they can be shown where the values must not be.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import urlsplit

from .finding import Finding
from .keys import ANSWER_ONLY, DEFINITION_KEYS, UNKNOWN
from .paths import Path, format_path
from .schema import (
    AUTH_TYPES,
    CATALOGUE_TYPES,
    CREDENTIALS,
    STATIC_TYPES,
    AuthPattern,
    FieldSpec,
    Mutation,
    OAuthConfig,
    Option,
    Scope,
    _Model,
)
from .urls import _CONTROL, _HOST_LABEL, HEADER_NAME, PLACEHOLDER, _url_fault, domain_allows, placeholders

# --- The schema: what the API's contract says about each property by itself ---------------------------------


# --- Findings -----------------------------------------------------------------------------------------------


# --- Helpers over definitions of any shape ------------------------------------------------------------------


def _items(parent: object, key: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The mappings in the list `parent[key]`, with their positions; other items are the schema's business."""
    value = parent.get(key) if isinstance(parent, Mapping) else None
    if not isinstance(value, list):
        return []
    return [(index, item) for index, item in enumerate(value) if isinstance(item, Mapping)]


def _patterns(definition: Mapping[str, Any]) -> list[tuple[Path, Mapping[str, Any]]]:
    return [(("auth_patterns", index), pattern) for index, pattern in _items(definition, "auth_patterns")]


def _fields(pattern: Mapping[str, Any], *keys: str) -> list[tuple[Path, Mapping[str, Any]]]:
    return [((key, index), field) for key in keys for index, field in _items(pattern, key)]


_FIELD_KEYS: Final = ("fields", "account_fields")


def _names(pattern: Mapping[str, Any], *keys: str) -> set[str]:
    return {
        field["field_name"]
        for _, field in _fields(pattern, *keys)
        if isinstance(field.get("field_name"), str)
    }


def _has_unknown(value: object) -> bool:
    """Whether any value at or below this one is not known yet."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Mapping):
        return any(_has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_unknown(item) for item in value)
    return False


def _names_unknown(pattern: Mapping[str, Any]) -> bool:
    """Whether the set of declared field names is not known yet."""
    return any(
        value is UNKNOWN
        or (
            isinstance(value, list)
            and any(
                item is UNKNOWN or (isinstance(item, Mapping) and item.get("field_name") is UNKNOWN)
                for item in value
            )
        )
        for value in (pattern.get(key) for key in _FIELD_KEYS)
    )


def _type(pattern: Mapping[str, Any]) -> str | None:
    value = pattern.get("type")
    return value if isinstance(value, str) else None


# --- The rules: what only the whole definition can tell -----------------------------------------------------

Check = Callable[[Mapping[str, Any]], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """A check beyond the schema, and the names under which its findings go."""

    check: Check
    names: tuple[str, ...]
    contract: bool
    """Whether Scalekit's API itself refuses what is an error by this rule, as far as its contract tells."""

    @property
    def summary(self) -> str:
        """What it wants, in one sentence."""
        return (self.check.__doc__ or "").strip()


RULES: list[Rule] = []
"""Every rule beyond the schema, in the order in which they are checked."""


def _rule(*names: str, contract: bool = False) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        RULES.append(Rule(check, names, contract))
        return check

    return register


@_rule("one-auth-pattern", contract=True)
def one_auth_pattern(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A connector has exactly one auth pattern: the list is there for later versions of the API."""
    patterns = definition.get("auth_patterns")
    if isinstance(patterns, list) and len(patterns) > 1:
        yield Finding(
            "one-auth-pattern",
            "auth_patterns",
            f"holds {len(patterns)} patterns, and Scalekit takes exactly one",
            "make one connector for each way to authenticate",
        )


@_rule("auth-type", contract=True)
def auth_type(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """`type` is OAUTH, BASIC, BEARER, API_KEY or NO_AUTH; other types of the catalogue are warned about."""
    for where, pattern in _patterns(definition):
        name = _type(pattern)
        if not name or name in AUTH_TYPES:
            continue
        path = format_path((*where, "type"))
        if name in CATALOGUE_TYPES:
            yield Finding(
                "auth-type",
                path,
                "is a type of Scalekit's own catalogue that is not documented for custom connectors",
                "expect that it cannot be created or changed by the API",
                severity="warning",
            )
            continue
        close = get_close_matches(name.upper().replace("-", "_").replace(" ", "_"), AUTH_TYPES, 1, 0.5)
        yield Finding(
            "auth-type",
            path,
            "is no auth type of Scalekit",
            f"did you mean {close[0]}?" if close else f"use one of {', '.join(AUTH_TYPES)}",
        )


@_rule("url")
def urls(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Every URL is a well-formed https URL: `proxy_url`, `icon_src` and the OAuth endpoints."""
    candidates: list[tuple[Path, object]] = [
        ((key,), definition[key]) for key in ("proxy_url", "icon_src") if key in definition
    ]
    for where, pattern in _patterns(definition):
        config = pattern.get("oauth_config")
        if isinstance(config, Mapping):
            candidates += [
                ((*where, "oauth_config", key), config[key])
                for key in ("authorize_uri", "token_uri", "user_info_uri")
                if key in config
            ]
    for path, url in candidates:
        if not isinstance(url, str) or not url:
            continue
        # The schema has said so already where the contract has the same rule.
        if len(path) == 1 and not url.startswith("https://"):
            continue
        if fault := _url_fault(url):
            fix = "write placeholders as {{name}}" if "placeholder" in fault else "give a plain https URL"
            yield Finding("url", format_path(path), fault, fix)


@_rule("placeholder-undeclared")
def placeholder_undeclared(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Every placeholder of `proxy_url` names a field: of `fields`, for OAUTH of `account_fields`."""
    names = placeholders(definition.get("proxy_url"))
    for _, pattern in _patterns(definition):
        if _names_unknown(pattern) or not (kind := _type(pattern)):
            continue
        right, wrong = _FIELD_KEYS if kind != "OAUTH" else _FIELD_KEYS[::-1]
        for name in names:
            if name in _names(pattern, right):
                continue
            if kind == "NO_AUTH":
                fix = "write the address out: a pattern without authentication collects no values"
            elif name in _names(pattern, wrong):
                fix = f"move the field from {wrong} to {right}, where {kind} collects it"
            elif close := get_close_matches(name, sorted(_names(pattern, right)), 1):
                fix = f"did you mean {{{{{close[0]}}}}}? Otherwise add a field of that name to {right}"
            else:
                fix = f"add a field of that name to {right}, or correct the placeholder"
            yield Finding(
                "placeholder-undeclared",
                "proxy_url",
                f"has the placeholder {{{{{name}}}}} that no field fills",
                fix,
            )


@_rule("path-parameter-unused")
def path_parameter_unused(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A field with `is_path_param` is used by a URL; otherwise it is collected for nothing."""
    for where, pattern in _patterns(definition):
        config = pattern.get("oauth_config")
        found: list[object] = [definition.get("proxy_url")]
        if isinstance(config, Mapping):
            found += [config.get(key) for key in ("authorize_uri", "token_uri", "user_info_uri")]
        if UNKNOWN in found or config is UNKNOWN:
            continue
        used = {name for url in found for name in placeholders(url)}
        for at, field in _fields(pattern, *_FIELD_KEYS):
            name = field.get("field_name")
            if field.get("is_path_param") is True and isinstance(name, str) and name not in used:
                yield Finding(
                    "path-parameter-unused",
                    format_path((*where, *at, "is_path_param")),
                    f"makes {name!r} a path parameter, but proxy_url has no {{{{{name}}}}}",
                    "use it in proxy_url, or drop the field",
                )


@_rule("oauth-config-missing", "oauth-config-unexpected", "oauth-endpoint-missing", "mcp-oauth-config")
def oauth_config(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """`oauth_config` stands exactly where it belongs: OAUTH has one, with endpoints; over MCP just PKCE."""
    for where, pattern in _patterns(definition):
        kind, config = _type(pattern), pattern.get("oauth_config")
        path = (*where, "oauth_config")
        is_mcp = pattern.get("is_mcp")
        if kind is None or kind in CATALOGUE_TYPES or config is UNKNOWN or is_mcp is UNKNOWN:
            continue
        if kind != "OAUTH":
            if "oauth_config" in pattern:
                yield Finding(
                    "oauth-config-unexpected",
                    format_path(path),
                    f"does not belong to a pattern of type {kind}",
                    "remove it, or make the type OAUTH",
                )
            continue
        if not isinstance(config, Mapping):
            if config is None:
                example = '{"pkce_enabled": true}' if is_mcp else "authorize_uri and token_uri"
                yield Finding("oauth-config-missing", format_path(path), "is required", f"add {example}")
            continue
        if is_mcp is True:
            yield from _mcp_oauth_config(path, config)
            continue
        for key in ("authorize_uri", "token_uri"):
            if not config.get(key):
                yield Finding(
                    "oauth-endpoint-missing",
                    format_path((*path, key)),
                    "is required",
                    "give the endpoint from the upstream's OAuth documentation",
                )


def _mcp_oauth_config(path: Path, config: Mapping[str, Any]) -> Iterator[Finding]:
    for key in config:
        if key != "pkce_enabled":
            yield Finding(
                "mcp-oauth-config",
                format_path((*path, key)),
                "does not belong to OAUTH over MCP: the server tells it by Dynamic Client Registration",
                'remove it; oauth_config is {"pkce_enabled": true}',
            )
    if config.get("pkce_enabled") in (None, False):
        yield Finding(
            "mcp-oauth-config",
            format_path((*path, "pkce_enabled")),
            "must be true for OAUTH over MCP",
            "set it to true",
        )


@_rule("credential-field-missing")
def credential_field(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A static type declares a field for its credential: `token`, `api_key`, `username` or `password`."""
    for where, pattern in _patterns(definition):
        kind = _type(pattern)
        if kind not in STATIC_TYPES or _names_unknown(pattern):
            continue
        fields = [field for _, field in _fields(pattern, "fields") if field.get("is_path_param") is not True]
        if kind == "API_KEY" and any(field.get("header_name") for field in fields):
            continue  # many-headers mode: each such field is a credential of its own
        names = {field.get("field_name") for field in fields}
        if not names.intersection(CREDENTIALS[kind]):
            wanted = " or ".join(CREDENTIALS[kind])
            also = ", or give a field a header_name" if kind == "API_KEY" else ""
            yield Finding(
                "credential-field-missing",
                format_path((*where, "fields")),
                f"has no field for the credential of {kind}",
                f"add a field named {wanted}{also}",
            )


@_rule("duplicate-field", "duplicate-scope", "duplicate-option", "duplicate-header")
def repeated_names(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Field names, scopes, option values and header names are each given once."""
    for where, pattern in _patterns(definition):
        groups: list[tuple[str, str, list[tuple[Path, object]]]] = []
        for key in _FIELD_KEYS:
            fields = _fields(pattern, key)
            groups.append(
                ("duplicate-field", "field", [((*at, "field_name"), f.get("field_name")) for at, f in fields])
            )
            groups += [
                (
                    "duplicate-option",
                    "option",
                    [((*at, "options", i, "value"), o.get("value")) for i, o in _items(field, "options")],
                )
                for at, field in fields
            ]
        headers: list[tuple[Path, object]] = [
            ((*at, "header_name"), str(field["header_name"]).lower())
            for at, field in _fields(pattern, "fields")
            if isinstance(field.get("header_name"), str) and field["header_name"]
        ]
        groups.append(("duplicate-header", "header", headers))
        scopes = _items(pattern.get("oauth_config"), "available_scopes")
        groups.append(
            (
                "duplicate-scope",
                "scope",
                [(("oauth_config", "available_scopes", i, "scope"), s.get("scope")) for i, s in scopes],
            )
        )
        for rule, noun, named in groups:
            known = [(path, name) for path, name in named if isinstance(name, str)]
            counts = Counter(name for _, name in known)
            first: dict[str, Path] = {}
            for path, name in known:
                if counts[name] > 1 and first.setdefault(name, path) != path:
                    yield Finding(
                        rule,
                        format_path((*where, *path)),
                        f"repeats the {noun} at {format_path((*where, *first[name]))}",
                        "remove one of them or rename it",
                    )


@_rule("mutation-unknown-field", "mutation-not-a-credential", "mutation-control-character")
def mutations(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A mutation changes a credential of the pattern's type; only a `default` may be of an undeclared one."""
    for where, pattern in _patterns(definition):
        declared = pattern.get("auth_field_mutations")
        kind = _type(pattern)
        if not isinstance(declared, Mapping) or kind is None:
            continue
        names = _names(pattern, *_FIELD_KEYS)
        credentials = set(CREDENTIALS.get(kind, ()))
        if kind == "API_KEY":
            credentials |= {
                field["field_name"]
                for _, field in _fields(pattern, "fields")
                if field.get("header_name") and isinstance(field.get("field_name"), str)
            }
        for name, mutation in declared.items():
            path = (*where, "auth_field_mutations", name)
            if isinstance(mutation, Mapping):
                for part, text in mutation.items():
                    if isinstance(text, str) and _CONTROL.search(text):
                        yield Finding(
                            "mutation-control-character",
                            format_path((*path, part)),
                            "holds a control character, which no header can carry",
                            "remove it",
                        )
            if _names_unknown(pattern):
                continue
            if name not in names and name not in credentials:
                close = get_close_matches(name, sorted(names | credentials), 1)
                yield Finding(
                    "mutation-unknown-field",
                    format_path(path),
                    "changes a field that is not declared",
                    f"did you mean {close[0]!r}?" if close else "declare the field, or remove the mutation",
                )
            elif name not in credentials:
                yield Finding(
                    "mutation-not-a-credential",
                    format_path(path),
                    f"changes a field that is no credential of {kind}, and mutations apply to those only",
                    "remove it",
                    severity="warning",
                )
            elif (
                kind != "OAUTH"  # the token of OAUTH comes from the flow, not from a field
                and name not in names
                and isinstance(mutation, Mapping)
                and not mutation.get("default")
            ):
                yield Finding(
                    "mutation-unknown-field",
                    format_path(path),
                    "changes a credential that no field collects, and gives it no default",
                    "declare the field, or give the mutation a default",
                )


@_rule("select-without-options", "options-without-select")
def select_options(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A `select` field has options, and only a `select` field has them."""
    for where, pattern in _patterns(definition):
        for at, field in _fields(pattern, *_FIELD_KEYS):
            kind, options = field.get("input_type"), field.get("options")
            path = format_path((*where, *at, "options"))
            if kind == "select" and options in (None, []):
                yield Finding("select-without-options", path, "is required for a select", "add the choices")
            elif isinstance(kind, str) and kind != "select" and options and options is not UNKNOWN:
                yield Finding(
                    "options-without-select",
                    path,
                    "is shown for input_type select only",
                    "make the field a select, or remove the options",
                    severity="warning",
                )


@_rule("no-auth-outside-mcp", "no-auth-with-fields")
def no_auth(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """NO_AUTH is for public MCP servers, and collects nothing."""
    for where, pattern in _patterns(definition):
        if _type(pattern) != "NO_AUTH":
            continue
        if pattern.get("is_mcp") in (None, False):
            yield Finding(
                "no-auth-outside-mcp",
                format_path((*where, "type")),
                "is NO_AUTH, which is for public MCP servers only",
                "set is_mcp to true, or choose another auth type",
            )
        for key in (*_FIELD_KEYS, "auth_field_mutations", "auth_header_key_override"):
            if (value := pattern.get(key)) and value is not UNKNOWN:
                yield Finding(
                    "no-auth-with-fields",
                    format_path((*where, key)),
                    "does not belong to NO_AUTH, which collects and sends nothing",
                    "remove it",
                )


@_rule("account-fields-unexpected")
def field_place(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """The static types collect `fields`; `account_fields` are for OAUTH connectors."""
    for where, pattern in _patterns(definition):
        if _type(pattern) in STATIC_TYPES and pattern.get("account_fields") not in (None, [], UNKNOWN):
            yield Finding(
                "account-fields-unexpected",
                format_path((*where, "account_fields")),
                "is collected for OAUTH connectors only",
                "move the inputs to fields",
                severity="warning",
            )


@_rule("header-name", "header-name-unused")
def header_names(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Header names are tokens of RFC 9110: `auth_header_key_override` and `header_name`."""
    for where, pattern in _patterns(definition):
        named: list[tuple[Path, object]] = []
        if "auth_header_key_override" in pattern:
            named.append((("auth_header_key_override",), pattern["auth_header_key_override"]))
        for at, field in _fields(pattern, *_FIELD_KEYS):
            if "header_name" in field:
                named.append(((*at, "header_name"), field["header_name"]))
                if field["header_name"] and _type(pattern) in {*AUTH_TYPES} - {"API_KEY"}:
                    yield Finding(
                        "header-name-unused",
                        format_path((*where, *at, "header_name")),
                        "is read for API_KEY patterns only",
                        "remove it, or make the type API_KEY",
                        severity="warning",
                    )
        for path, name in named:
            if isinstance(name, str) and name and not HEADER_NAME.fullmatch(name):
                yield Finding(
                    "header-name",
                    format_path((*where, *path)),
                    "is no header name",
                    "use letters, digits and hyphens, such as X-API-Key",
                )


@_rule("proxy-domain", "proxy-domain-excludes-proxy-url")
def proxy_domains(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """`allowed_proxy_domains` holds domain names, and lets the host of `proxy_url` through."""
    url = definition.get("proxy_url")
    host = (
        urlsplit(url).hostname if isinstance(url, str) and not _url_fault(url) and "{{" not in url else None
    )
    for where, pattern in _patterns(definition):
        domains = pattern.get("allowed_proxy_domains")
        if not isinstance(domains, list) or not domains:
            continue
        for index, domain in enumerate(domains):
            bare = domain.removeprefix("*.") if isinstance(domain, str) else ""
            if isinstance(domain, str) and not (
                PLACEHOLDER.search(domain) or all(_HOST_LABEL.fullmatch(label) for label in bare.split("."))
            ):
                yield Finding(
                    "proxy-domain",
                    format_path((*where, "allowed_proxy_domains", index)),
                    "is no domain name",
                    "give the bare domain, without scheme, port or path",
                )
        if (
            host
            and not _has_unknown(domains)
            and not any(isinstance(domain, str) and domain_allows(domain, host) for domain in domains)
        ):
            yield Finding(
                "proxy-domain-excludes-proxy-url",
                format_path((*where, "allowed_proxy_domains")),
                "does not let the host of proxy_url through, so no call would pass",
                "add that host",
                severity="warning",
            )


@_rule("mcp-mixed")
def mcp_on_every_pattern(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """`is_mcp` is true on every pattern of an MCP connector, or on none."""
    patterns = _patterns(definition)
    flags = [pattern.get("is_mcp") for _, pattern in patterns]
    if any(flag is UNKNOWN for flag in flags) or not any(flag is True for flag in flags):
        return
    for where, pattern in patterns:
        if pattern.get("is_mcp") is not True:
            yield Finding(
                "mcp-mixed",
                format_path((*where, "is_mcp")),
                "must be true on every pattern of an MCP connector",
                "set it to true",
            )


@_rule("proxy-disabled")
def proxy_disabled(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """With `proxy_enabled` false, tool calling does not work: allowed, with a warning."""
    if definition.get("proxy_enabled") is False:
        yield Finding(
            "proxy-disabled",
            "proxy_enabled",
            "is false: tool calling through this connector will not work",
            "set it to true unless that is what you want",
            severity="warning",
        )


@_rule("unknown-property", "unknown-key")
def unknown_properties(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """An unknown top-level property is an error; an unknown key in a pattern passes, with a hint at typos."""
    for key in definition:
        if key in DEFINITION_KEYS:
            continue
        if key in ANSWER_ONLY:
            message, fix = "is made by the server", "remove it"
        else:
            message = "is no property of a connector"
            close = get_close_matches(str(key), DEFINITION_KEYS, 1, 0.6)
            fix = f"did you mean {close[0]}?" if close else "remove it"
        yield Finding("unknown-property", format_path((key,)), message, fix)
    for where, pattern in _patterns(definition):
        yield from _typos(where, pattern, AuthPattern)


_NESTED: Final[Mapping[tuple[type[_Model], str], type[_Model]]] = {
    (AuthPattern, "fields"): FieldSpec,
    (AuthPattern, "account_fields"): FieldSpec,
    (AuthPattern, "oauth_config"): OAuthConfig,
    (OAuthConfig, "available_scopes"): Scope,
    (FieldSpec, "options"): Option,
}


def _meant(key: str, known: Sequence[str]) -> str | None:
    """The known key that another one looks like: misspelled, in another case, or just its end, or `None`."""
    plain = {name.replace("_", ""): name for name in known}
    bare = re.sub(r"[^a-z0-9]", "", key.lower())
    if close := get_close_matches(bare, plain, 1, 0.8):
        return plain[close[0]]
    # Such as `scopes` for `available_scopes`.
    ends = [name for name in known if name.endswith(f"_{key}")]
    return ends[0] if len(ends) == 1 else None


def _typos(where: Path, value: Mapping[str, Any], model: type[_Model]) -> Iterator[Finding]:
    known = tuple(model.model_fields)
    for key, item in value.items():
        if key not in known:
            # A known key that is present already is not what was meant.
            if meant := _meant(str(key), [name for name in known if name not in value]):
                yield Finding(
                    "unknown-key",
                    format_path((*where, key)),
                    f"is not a key that Scalekit documents, but looks like {meant}",
                    f"rename it to {meant} if that was meant; unknown keys are sent as they are",
                    severity="hint",
                )
            continue
        if key == "auth_field_mutations" and isinstance(item, Mapping):
            for name, mutation in item.items():
                if isinstance(mutation, Mapping):
                    yield from _typos((*where, key, name), mutation, Mutation)
        nested = _NESTED.get((model, key))
        if nested is None:
            continue
        if isinstance(item, Mapping):
            yield from _typos((*where, key), item, nested)
        for index, element in _items(value, key):
            yield from _typos((*where, key, index), element, nested)
