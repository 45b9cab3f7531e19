"""The upstream request that Tool Proxy makes of a definition and a connected account.

Pure functions: no network, no store. The local Scalekit sends with them, and a dry run shows what would be
sent, with credentials masked.

Documented: the order of mutations (`default` when the value is empty, then `prefix`, then `suffix`), the
header of each auth type, and where the values of placeholders come from. Inferred: how values are escaped
in a URL, and that a value which would change the URL's host or carry control characters is refused.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from pulumi_scalekit.definition.schema import CREDENTIALS
from pulumi_scalekit.definition.urls import HEADER_NAME, PLACEHOLDER, domain_allows, placeholders
from pulumi_scalekit.errors import ScalekitError

MASK: Final = "****"
"""What stands for a credential wherever a request is shown."""

_HOST_VALUE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_PATH: Final = re.compile(r"[\x21-\x7e]*")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_FRAMING: Final = {"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}
"""Headers that say where a message goes, or where it ends."""
NOT_FORWARDED: Final = frozenset(
    (
        "authorization",
        "connection_name",
        "content-length",
        "expect",
        "host",
        "identifier",
        "x-api-version",
        "x-sdk-version",
    )
)
"""Headers of a call that are for Scalekit, or are made anew for the upstream. In lower case."""


class InjectionError(ScalekitError):
    """No upstream request can be made; the message says what is missing or not allowed."""


class ForbiddenDomain(InjectionError):
    """The request would go to a domain that `allowed_proxy_domains` does not let through."""


@dataclass(frozen=True)
class AccountValues:
    """What a connected account holds. None of it is shown by `repr`."""

    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Credentials and other inputs by field name: `authorization_details.static_auth.details`."""
    path_variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Values of placeholders by name."""
    access_token: str = field(default="", repr=False)
    """The token of an OAUTH account."""

    @classmethod
    def from_api(
        cls, authorization_details: Mapping[str, Any], api_config: Mapping[str, Any] | None = None
    ) -> AccountValues:
        """Read the values out of a connected account, as the API has it.

        Placeholders are filled from `static_auth.details.path_variables`, or for OAUTH from
        `api_config.path_variables`; `oauth_token.domain` fills `{{domain}}` where neither does.
        """
        config = api_config or {}
        details = dict(_mapping(_mapping(authorization_details.get("static_auth")).get("details")))
        token = _mapping(authorization_details.get("oauth_token"))
        variables: dict[str, Any] = {"domain": token["domain"]} if token.get("domain") else {}
        variables |= _mapping(config.get("path_variables"))
        variables |= _mapping(details.pop("path_variables", None))
        return cls(details, variables, str(token.get("access_token") or ""))


@dataclass(frozen=True)
class Injected:
    """A header that carries a credential."""

    name: str
    value: str = field(repr=False)
    masked: str


@dataclass(frozen=True)
class UpstreamRequest:
    """What goes to the upstream: its URL and the headers that are injected."""

    url: str = field(repr=False)
    headers: tuple[Injected, ...]
    masked_url: str
    """The URL with values of credentials and password fields masked."""

    def masked(self) -> dict[str, str]:
        """Return the injected headers with their credentials masked, by name."""
        return {header.name: header.masked for header in self.headers}


def auth_pattern(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definition's one auth pattern. Raises `InjectionError` when it has none."""
    patterns = definition.get("auth_patterns")
    if isinstance(patterns, list) and patterns and isinstance(patterns[0], Mapping):
        return patterns[0]
    raise InjectionError("the connector has no auth pattern")


def upstream_request(
    definition: Mapping[str, Any], account: AccountValues, path: str = "", query: str = ""
) -> UpstreamRequest:
    """Return the upstream request for a call through a connector.

    `path` is relative to `proxy_url` and starts with a slash; it and `query` (without `?`) are taken as they
    are, percent-encoding and all. Raises `InjectionError` when the proxy is switched off, a placeholder has
    no value, a credential is missing or a value cannot be sent, and `ForbiddenDomain`.
    """
    if definition.get("proxy_enabled") is False:
        raise InjectionError("the connector's proxy_enabled is false, so it takes no proxied calls")
    pattern = auth_pattern(definition)
    template = definition.get("proxy_url")
    if not isinstance(template, str) or not template:
        raise InjectionError("the connector has no proxy_url")
    values = {name: _placeholder(name, account, pattern) for name in placeholders(template)}
    url = _join(_fill(template, values), path, query)
    _check_destination(url, pattern, account)
    shown = {name: MASK if name in _secret_fields(pattern) else text for name, text in values.items()}
    return UpstreamRequest(
        url=url,
        headers=tuple(credential_headers(pattern, account)),
        masked_url=_join(_fill(template, shown, check=False), path, query),
    )


# --- Credentials --------------------------------------------------------------------------------------------


def credential_headers(pattern: Mapping[str, Any], account: AccountValues) -> Iterator[Injected]:
    """Yield the headers that carry the account's credentials, as the auth pattern says."""
    kind = pattern.get("type")
    name = str(pattern.get("auth_header_key_override") or "Authorization")
    if kind == "NO_AUTH":
        return
    if kind == "BASIC":
        yield _basic(name, pattern, account)
    elif kind in {"BEARER", "OAUTH"}:
        (credential,) = CREDENTIALS[kind]
        text = account.access_token if kind == "OAUTH" else _detail(account, credential)
        value, masked = _mutated(pattern, credential, text)
        if not value:
            remedy = "authorize the account" if kind == "OAUTH" else "give the account that detail"
            raise InjectionError(f"the connected account has no {credential}: {remedy}")
        yield _header(name, f"Bearer {value}", f"Bearer {masked}")
    elif kind == "API_KEY":
        yield from _api_keys(name, pattern, account)
    else:
        raise InjectionError(f"the auth type {kind} is not one whose credentials are documented")


def _basic(name: str, pattern: Mapping[str, Any], account: AccountValues) -> Injected:
    user, password = (_mutated(pattern, key, _detail(account, key))[0] for key in CREDENTIALS["BASIC"])
    if not user and not password:
        raise InjectionError("the connected account has neither username nor password: give it those details")
    if ":" in user:
        # RFC 7617, section 2: the first colon ends the user-id.
        raise InjectionError("the username holds a colon, which Basic authentication cannot carry")
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return _header(name, f"Basic {encoded}", f"Basic {MASK}")


def _api_keys(name: str, pattern: Mapping[str, Any], account: AccountValues) -> Iterator[Injected]:
    named = [
        (str(spec["header_name"]), str(spec.get("field_name", "")), spec.get("required") is True)
        for spec in _specs(pattern, "fields")
        if spec.get("header_name")
    ]
    # One field with a header name puts the pattern in many-headers mode; without any there is one key.
    sent = False
    for header, credential, required in named or [(name, CREDENTIALS["API_KEY"][0], True)]:
        value, masked = _mutated(pattern, credential, _detail(account, credential))
        if value:
            sent = True
            yield _header(header, value, masked)
        elif required:
            raise InjectionError(f"the connected account has no {credential}: give the account that detail")
    if not sent:
        raise InjectionError(
            f"the connected account has none of {', '.join(credential for _, credential, _ in named)}: "
            "give it those details"
        )


def _mutated(pattern: Mapping[str, Any], credential: str, value: str) -> tuple[str, str]:
    """Return a credential after its mutation, and the same with the secret part masked."""
    mutation = _mapping(_mapping(pattern.get("auth_field_mutations")).get(credential))
    value = value or str(mutation.get("default") or "")
    if not value:
        return "", ""
    prefix, suffix = str(mutation.get("prefix") or ""), str(mutation.get("suffix") or "")
    return f"{prefix}{value}{suffix}", f"{prefix}{MASK}{suffix}"


def _header(name: str, value: str, masked: str) -> Injected:
    if not HEADER_NAME.fullmatch(name) or name.lower() in _FRAMING:
        raise InjectionError(f"{name!r} is not the name of a header that can carry a credential")
    # RFC 9110, section 5.5: CR, LF and NUL in a value are dangerous; outside ASCII its meaning is open; white
    # space at either end is not part of it, so such a credential would arrive as another one.
    if not _HEADER_VALUE.fullmatch(value):
        raise InjectionError(
            f"the credential for the header {name} holds characters that no header can carry"
        )
    if value != value.strip():
        raise InjectionError(f"the credential for the header {name} begins or ends with a space: remove it")
    return Injected(name, value, masked)


def _detail(account: AccountValues, name: str) -> str:
    value = account.details.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(int(value)) if float(value).is_integer() else str(value)
    raise InjectionError(f"the connected account's {name} is neither text nor a number")


# --- URLs ---------------------------------------------------------------------------------------------------


def _placeholder(name: str, account: AccountValues, pattern: Mapping[str, Any]) -> str:
    for source in (account.path_variables, account.details):
        if text := _detail(AccountValues(source), name):
            return text
    where = "api_config" if pattern.get("type") == "OAUTH" else "authorization_details.static_auth.details"
    raise InjectionError(
        f"proxy_url has the placeholder {{{{{name}}}}}, and the connected account has no value for it: "
        f"set path_variables.{name} in its {where}"
    )


def _fill(template: str, values: Mapping[str, str], *, check: bool = True) -> str:
    # What fills the authority must stay inside it; what fills the path or the query is escaped.
    scheme, separator, rest = template.partition("://")
    end = min((at for at in (rest.find(char) for char in "/?#") if at >= 0), default=len(rest))

    def authority(match: re.Match[str]) -> str:
        value = values[match[1]]
        if check and (not _HOST_VALUE.fullmatch(value) or ".." in value):
            raise InjectionError(
                f"the value of {{{{{match[1]}}}}} is no host name: give it without scheme and path, "
                "such as example.com"
            )
        return value

    def escaped(match: re.Match[str]) -> str:
        value = values[match[1]]
        if value in {".", ".."}:
            raise InjectionError(f"the value of {{{{{match[1]}}}}} is a dot segment")
        return quote(value, safe="" if check else "*")

    return scheme + separator + PLACEHOLDER.sub(authority, rest[:end]) + PLACEHOLDER.sub(escaped, rest[end:])


def check_target(path: str, query: str) -> None:
    """Check that a call's path and query can be sent as they are, and stay below `proxy_url`.

    Raises `InjectionError`.
    """
    if path and not path.startswith("/"):
        raise InjectionError("the path must start with a slash: it is relative to proxy_url")
    if not _PATH.fullmatch(path + query) or "\\" in path or "#" in path + query or "?" in path:
        raise InjectionError("the path holds characters that must be percent-encoded")
    if any(segment in {".", ".."} for segment in re.split(r"[/\\]", unquote(path))):
        raise InjectionError("the path holds a dot segment, which would leave proxy_url")


def _join(base: str, path: str, query: str) -> str:
    check_target(path, query)
    base, _, base_query = base.partition("#")[0].partition("?")
    queries = "&".join(part for part in (base_query, query) if part)
    joined = base.rstrip("/") + path if path else base
    return f"{joined}?{queries}" if queries else joined


def _check_destination(url: str, pattern: Mapping[str, Any], account: AccountValues) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InjectionError("proxy_url, filled, is not a URL") from None
    if parts.scheme != "https" or not host or "@" in parts.netloc:
        raise InjectionError("proxy_url, filled, is not an https URL of a host")
    domains = [domain for domain in pattern.get("allowed_proxy_domains") or () if isinstance(domain, str)]
    filled = [
        PLACEHOLDER.sub(lambda match: _placeholder(match[1], account, pattern), domain) for domain in domains
    ]
    if filled and not any(domain_allows(domain, host) for domain in filled):
        raise ForbiddenDomain(f"the connector's allowed_proxy_domains do not let requests to {host} through")


def _secret_fields(pattern: Mapping[str, Any]) -> set[str]:
    return {
        *CREDENTIALS.get(str(pattern.get("type")), ()),
        *(
            str(spec.get("field_name"))
            for key in ("fields", "account_fields")
            for spec in _specs(pattern, key)
            if spec.get("input_type") == "password" or spec.get("header_name")
        ),
    }


def _specs(pattern: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = pattern.get(key)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


_AS_IT_IS: Final = "%:/?#[]@!$&'()*+,;=|^`{}\"<>\\"
"""Beside letters and digits: percent-encoding and what delimits; what is not allowed is then refused, not hidden."""


@dataclass(frozen=True)
class DryRun:
    """What a call would become, and which values of it were made up."""

    method: str
    request: UpstreamRequest
    headers: tuple[tuple[str, str], ...]
    """The caller's headers that reach the upstream, and the injected ones with their credentials masked."""
    assumed: tuple[str, ...]
    """The names of the fields for which no value was given. The name takes its place."""


def dry_run(
    definition: Mapping[str, Any],
    method: str,
    target: str,
    fields: Mapping[str, str],
    headers: Iterable[tuple[str, str]] = (),
) -> DryRun:
    """The upstream request that a definition makes of a call. Nothing is sent.

    Args:
        definition: The connector's definition.
        method: The HTTP method.
        target: The path below `proxy_url`, with its query if it has one.
        fields: Values of the account, by field name. For those that are not given their name is used.
        headers: The caller's further headers. An injected one takes the place of one of the same name.

    Raises:
        InjectionError: The definition makes no request of this call; the message says why.
    """
    pattern = auth_pattern(definition)
    path, query = split_target(target)
    needed = [*placeholders(definition.get("proxy_url")), *_credentials(pattern)]
    assumed = tuple(dict.fromkeys(name for name in needed if name not in fields))
    # A name with an underscore is no host name; what is assumed is only shown.
    values = {**{name: name.replace("_", "-") for name in assumed}, **fields}
    account = AccountValues(values, values, values.get("token", "token"))
    request = upstream_request(definition, account, path, query)
    injected = request.masked()
    replaced = NOT_FORWARDED | {name.lower() for name in injected}
    forwarded = [(name, value) for name, value in headers if name.lower() not in replaced]
    return DryRun(method, request, (*forwarded, *injected.items()), assumed)


def split_target(target: str) -> tuple[str, str]:
    """The path and the query of a call, with what no URL can hold percent-encoded.

    Raises:
        InjectionError: It would not stay below `proxy_url`.
    """
    if _ABSOLUTE.match(target):
        raise InjectionError("the path is relative to proxy_url: give it without scheme and host")
    path, _, query = quote(target, safe=_AS_IT_IS).partition("?")
    path = path if path.startswith("/") else f"/{path}"
    check_target(path, query)
    return path, query


def check_fields(definition: Mapping[str, Any], fields: Mapping[str, str]) -> None:
    """Check that the connector has every field for which there is a value.

    Raises:
        InjectionError: It has not; the message names those that it has.
    """
    pattern = auth_pattern(definition)
    declared = [
        str(f.get("field_name"))
        for key in ("fields", "account_fields")
        for f in pattern.get(key) or ()
        if isinstance(f, Mapping)
    ]
    credentials = CREDENTIALS.get(str(pattern.get("type")), ())
    known = list(dict.fromkeys([*declared, *placeholders(definition.get("proxy_url")), *credentials]))
    if unknown := [name for name in fields if name not in known]:
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise InjectionError(f"the connector has no field {', '.join(unknown)}; {has}")


def _credentials(pattern: Mapping[str, Any]) -> Iterator[str]:
    """The fields whose values go into headers. A mutation's default stands in for those that no field collects."""
    declared = [f for f in pattern.get("fields") or () if isinstance(f, Mapping)]
    if headed := [str(f["field_name"]) for f in declared if f.get("header_name") and f.get("field_name")]:
        yield from headed
        return
    names = {f.get("field_name") for f in declared}
    for credential in CREDENTIALS.get(str(pattern.get("type")), ()):
        if credential in names or pattern.get("type") == "OAUTH":
            yield credential
