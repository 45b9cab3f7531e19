"""Rules about URLs, their placeholders, and the domains that requests may go to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import urlsplit

from pulumi_scalekit.auth import Definition, OAuthConfig
from pulumi_scalekit.payload import properties_of

from ..finding import Finding
from ..keys import CONTEXT_KEYS, FIELD_KEYS, UNKNOWN, has_unknown
from ..paths import Path, format_path
from ..urls import HOST_LABEL, PLACEHOLDER, domain_allows, placeholders, url_fault
from .rule import rule
from .shapes import field_names, fields_of, has_unknown_names, patterns, type_of

_URLS: Final = tuple(declared.key for declared in properties_of(Definition) if declared.spec.is_url)
_ENDPOINTS: Final = tuple(declared.key for declared in properties_of(OAuthConfig) if declared.spec.is_url)
_BRACES: Final = "write placeholders as {{name}}; in an f-string of Python, double each brace: {{{{name}}}}"


@rule("url")
def urls(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Every URL is a well-formed https URL: `proxy_url`, `icon_src` and the OAuth endpoints."""
    candidates: list[tuple[Path, object]] = [((key,), definition.get(key)) for key in _URLS]
    for where, pattern in patterns(definition):
        config = pattern.get("oauth_config")
        if isinstance(config, Mapping):
            candidates += [((*where, "oauth_config", key), config.get(key)) for key in _ENDPOINTS]
    for path, url in candidates:
        if not isinstance(url, str) or not url:
            continue
        # The schema has said so already where the contract has the same rule.
        if len(path) == 1 and not url.startswith("https://"):
            continue
        if fault := url_fault(url):
            fix = _BRACES if "placeholder" in fault else "give a plain https URL"
            yield Finding("url", format_path(path), fault, fix)


@rule("placeholder-undeclared")
def placeholder_undeclared(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A placeholder of `proxy_url` names a field, for OAUTH of `account_fields`; over MCP a context fills some.

    These are `{{domain}}` and `{{version}}`, for OAUTH over MCP.
    """
    names = placeholders(definition.get("proxy_url"))
    for _, pattern in patterns(definition):
        if has_unknown_names(pattern) or not (kind := type_of(pattern)):
            continue
        right, wrong = FIELD_KEYS if kind != "OAUTH" else FIELD_KEYS[::-1]
        for name in names:
            if name in field_names(pattern, right):
                continue
            if kind == "OAUTH" and name in CONTEXT_KEYS and pattern.get("is_mcp") in (True, UNKNOWN):
                continue
            if kind == "NO_AUTH":
                fix = "write the address out: a pattern without authentication collects no values"
            elif name in field_names(pattern, wrong):
                fix = f"move the field from {wrong} to {right}, where {kind} collects it"
            elif close := get_close_matches(name, sorted(field_names(pattern, right)), 1):
                fix = f"did you mean {{{{{close[0]}}}}}? Otherwise add a field of that name to {right}"
            else:
                fix = f"add a field of that name to {right}, or correct the placeholder"
            yield Finding(
                "placeholder-undeclared",
                "proxy_url",
                f"has the placeholder {{{{{name}}}}} that no field fills",
                fix,
            )


@rule("placeholder-not-a-path-parameter")
def placeholder_not_a_path_parameter(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A placeholder other than `{{domain}}` and `{{version}}` names a field with `is_path_param`: else a warning."""
    names = [name for name in placeholders(definition.get("proxy_url")) if name not in CONTEXT_KEYS]
    for where, pattern in patterns(definition):
        for at, field in fields_of(pattern, "account_fields" if type_of(pattern) == "OAUTH" else "fields"):
            if field.get("field_name") in names and field.get("is_path_param") not in (True, UNKNOWN):
                yield Finding(
                    "placeholder-not-a-path-parameter",
                    format_path((*where, *at, "is_path_param")),
                    f"is not true, though proxy_url has {{{{{field['field_name']}}}}}: Scalekit documents that path "
                    "parameters fill it",
                    "set it to true",
                    severity="warning",
                )


@rule("path-parameter-unused")
def path_parameter_unused(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """A field with `is_path_param` is used by a URL; otherwise it is collected for nothing."""
    for where, pattern in patterns(definition):
        config = pattern.get("oauth_config")
        found: list[object] = [definition.get("proxy_url")]
        if isinstance(config, Mapping):
            found += [config.get(key) for key in _ENDPOINTS]
        if UNKNOWN in found or config is UNKNOWN:
            continue
        used = {name for url in found for name in placeholders(url)}
        for at, field in fields_of(pattern, *FIELD_KEYS):
            name = field.get("field_name")
            if field.get("is_path_param") is True and isinstance(name, str) and name not in used:
                yield Finding(
                    "path-parameter-unused",
                    format_path((*where, *at, "is_path_param")),
                    f"makes {name!r} a path parameter, but proxy_url has no {{{{{name}}}}}",
                    "use it in proxy_url, or drop the field",
                )


@rule("proxy-domain", "proxy-domain-excludes-proxy-url")
def proxy_domains(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """`allowed_proxy_domains` lists domain names, and lets the host of `proxy_url` through."""
    url = definition.get("proxy_url")
    host = urlsplit(url).hostname if isinstance(url, str) and not url_fault(url) and "{{" not in url else None
    for where, pattern in patterns(definition):
        domains = pattern.get("allowed_proxy_domains")
        if not isinstance(domains, list) or not domains:
            continue
        for index, domain in enumerate(domains):
            bare = domain.removeprefix("*.") if isinstance(domain, str) else ""
            if isinstance(domain, str) and not (
                PLACEHOLDER.search(domain) or all(HOST_LABEL.fullmatch(label) for label in bare.split("."))
            ):
                braces = "{" in domain or "}" in domain
                yield Finding(
                    "proxy-domain",
                    format_path((*where, "allowed_proxy_domains", index)),
                    "has single braces, and a placeholder has two on each side"
                    if braces
                    else "is not a domain name",
                    _BRACES if braces else "give the bare domain, without scheme, port or path",
                )
        if (
            host
            and not has_unknown(domains)
            and not any(isinstance(domain, str) and domain_allows(domain, host) for domain in domains)
        ):
            yield Finding(
                "proxy-domain-excludes-proxy-url",
                format_path((*where, "allowed_proxy_domains")),
                "does not let the host of proxy_url through, so no call would pass",
                "add that host",
                severity="warning",
            )
