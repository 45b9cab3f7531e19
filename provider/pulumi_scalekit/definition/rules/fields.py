"""Rules about the inputs of a pattern, its credentials, and the headers that carry them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pulumi_scalekit.auth import Field
from pulumi_scalekit.payload import properties_by_key

from ..finding import Finding
from ..keys import AUTH_TYPES, CREDENTIALS, FIELD_KEYS, STATIC_TYPES, UNKNOWN
from ..paths import Path, format_path
from ..urls import CONTROL, HEADER_NAME, placeholders
from .rule import rule
from .shapes import field_names, fields_of, has_unknown_names, items, patterns, type_of

_INPUT_TYPES: Final = properties_by_key(Field)["input_type"].spec.known_values


@rule("credential-field-missing")
def credential_field(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A static type declares a field for its credential: `token`, `api_key`, `username` or `password`."""
    for where, pattern in patterns(definition):
        kind = type_of(pattern)
        if kind not in STATIC_TYPES or has_unknown_names(pattern):
            continue
        fields = [
            field for _, field in fields_of(pattern, "fields") if field.get("is_path_param") is not True
        ]
        if kind == "API_KEY" and any(field.get("header_name") for field in fields):
            continue  # many-headers mode: each such field is a credential of its own
        names = {name for field in fields if isinstance(name := field.get("field_name"), str)}
        if not names.intersection(CREDENTIALS[kind]):
            wanted = " or ".join(CREDENTIALS[kind])
            also = ", or give a field a header_name" if kind == "API_KEY" else ""
            yield Finding(
                "credential-field-missing",
                format_path((*where, "fields")),
                f"has no field for the credential of {kind}",
                f"add a field named {wanted}{also}",
            )


@rule("duplicate-field", "duplicate-scope", "duplicate-option", "duplicate-header")
def repeated_names(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Field names, scopes, option values and header names are each given once."""
    for where, pattern in patterns(definition):
        groups: list[tuple[str, str, list[tuple[Path, object]]]] = []
        for key in FIELD_KEYS:
            fields = fields_of(pattern, key)
            groups.append(
                ("duplicate-field", "field", [((*at, "field_name"), f.get("field_name")) for at, f in fields])
            )
            groups += [
                (
                    "duplicate-option",
                    "option",
                    [((*at, "options", i, "value"), o.get("value")) for i, o in items(field, "options")],
                )
                for at, field in fields
            ]
        headers: list[tuple[Path, object]] = [
            ((*at, "header_name"), str(field["header_name"]).lower())
            for at, field in fields_of(pattern, "fields")
            if isinstance(field.get("header_name"), str) and field["header_name"]
        ]
        groups.append(("duplicate-header", "header", headers))
        scopes = items(pattern.get("oauth_config"), "available_scopes")
        groups.append(
            (
                "duplicate-scope",
                "scope",
                [(("oauth_config", "available_scopes", i, "scope"), s.get("scope")) for i, s in scopes],
            )
        )
        for name_of_rule, noun, named in groups:
            known = [(path, name) for path, name in named if isinstance(name, str)]
            counts = Counter(name for _, name in known)
            first: dict[str, Path] = {}
            for path, name in known:
                if counts[name] > 1 and first.setdefault(name, path) != path:
                    yield Finding(
                        name_of_rule,
                        format_path((*where, *path)),
                        f"repeats the {noun} at {format_path((*where, *first[name]))}",
                        "remove one of them or rename it",
                    )


@rule("mutation-unknown-field", "mutation-not-a-credential", "mutation-control-character")
def mutations(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A mutation changes a credential of the pattern's type; only a `default` may be of an undeclared one."""
    for where, pattern in patterns(definition):
        declared = pattern.get("auth_field_mutations")
        kind = type_of(pattern)
        if not isinstance(declared, Mapping) or kind is None:
            continue
        names = field_names(pattern, *FIELD_KEYS)
        credentials = set(CREDENTIALS.get(kind, ()))
        if kind == "API_KEY":
            credentials |= {
                field["field_name"]
                for _, field in fields_of(pattern, "fields")
                if field.get("header_name") and isinstance(field.get("field_name"), str)
            }
        for name, mutation in declared.items():
            path = (*where, "auth_field_mutations", name)
            if isinstance(mutation, Mapping):
                for part, text in mutation.items():
                    if isinstance(text, str) and CONTROL.search(text):
                        yield Finding(
                            "mutation-control-character",
                            format_path((*path, part)),
                            "has a control character, which no header can carry",
                            "remove it",
                        )
            if has_unknown_names(pattern):
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
                    f"changes a field that is not a credential of {kind}, and mutations apply to those only",
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


@rule("select-without-options", "options-without-select")
def select_options(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A `select` field has options, and only a `select` field has them."""
    for where, pattern in patterns(definition):
        for at, field in fields_of(pattern, *FIELD_KEYS):
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


@rule("account-fields-unexpected")
def field_place(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """The static types collect `fields`; `account_fields` are for OAUTH connectors."""
    for where, pattern in patterns(definition):
        if type_of(pattern) in STATIC_TYPES and pattern.get("account_fields") not in (None, [], UNKNOWN):
            yield Finding(
                "account-fields-unexpected",
                format_path((*where, "account_fields")),
                "is collected for OAUTH connectors only",
                "move the inputs to fields",
                severity="warning",
            )


@rule("header-name", "header-name-unused")
def header_names(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Header names are tokens of RFC 9110: `auth_header_key_override` and `header_name`."""
    for where, pattern in patterns(definition):
        named: list[tuple[Path, object]] = []
        if "auth_header_key_override" in pattern:
            named.append((("auth_header_key_override",), pattern["auth_header_key_override"]))
        for at, field in fields_of(pattern, *FIELD_KEYS):
            if "header_name" in field:
                named.append(((*at, "header_name"), field["header_name"]))
                if field["header_name"] and type_of(pattern) in {*AUTH_TYPES} - {"API_KEY"}:
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
                    "is not a header name",
                    "use letters, digits and hyphens, such as X-API-Key",
                )


@rule("not-sent")
def not_sent(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Where a field of an API_KEY pattern has a `header_name`, other fields go into the URL or have one, too."""
    in_url = placeholders(definition.get("proxy_url"))
    for where, pattern in patterns(definition):
        fields = fields_of(pattern, "fields")
        if type_of(pattern) != "API_KEY" or not any(field.get("header_name") for _, field in fields):
            continue
        for at, field in fields:
            is_used = field.get("header_name") or field.get("is_path_param") in (True, UNKNOWN)
            if not is_used and field.get("field_name") not in (*in_url, UNKNOWN):
                yield Finding(
                    "not-sent",
                    format_path((*where, *at)),
                    "is sent nowhere: once a field has a header_name, only fields that have one are",
                    "give it a header_name, or remove it",
                    severity="warning",
                )
        if pattern.get("auth_header_key_override"):
            yield Finding(
                "not-sent",
                format_path((*where, "auth_header_key_override")),
                "has no effect once a field has a header_name",
                "remove it",
                severity="warning",
            )


@rule("unknown-input-type")
def input_types(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """An `input_type` that Scalekit does not document passes, with a hint at typos."""
    for where, pattern in patterns(definition):
        for at, field in fields_of(pattern, *FIELD_KEYS):
            kind = field.get("input_type")
            if not isinstance(kind, str) or not kind or kind in _INPUT_TYPES:
                continue
            if close := get_close_matches(kind.lower(), _INPUT_TYPES, 1, 0.7):
                yield Finding(
                    "unknown-input-type",
                    format_path((*where, *at, "input_type")),
                    f"is not an input type that Scalekit documents, but looks like {close[0]}",
                    f"write {close[0]} if that was meant; other types are sent as they are",
                    severity="hint",
                )
