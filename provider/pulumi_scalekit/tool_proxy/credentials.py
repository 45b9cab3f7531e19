"""The headers that carry a connected account's credentials.

Documented: the header of each auth type, and the order of mutations (`default` where the value is empty, then
`prefix`, then `suffix`). Inferred: that a value which no header can carry is refused.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pulumi_scalekit.definition.keys import CREDENTIALS
from pulumi_scalekit.definition.normalize import mapping, mappings
from pulumi_scalekit.definition.urls import HEADER_NAME

from .account import MASK, AccountValues, InjectionError

_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_FRAMING: Final = {"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}
"""Headers that say where a message goes, or where it ends."""


@dataclass(frozen=True)
class Injected:
    """A header that carries a credential."""

    name: str
    value: str = field(repr=False)
    masked: str


def credential_headers(pattern: Mapping[str, Any], account: AccountValues) -> Iterator[Injected]:
    """Yield the headers that carry the account's credentials, as the auth pattern says."""
    kind = str(pattern.get("type"))
    name = str(pattern.get("auth_header_key_override") or "Authorization")
    if kind == "NO_AUTH":
        return
    if kind == "BASIC":
        yield _basic(name, pattern, account)
    elif kind in {"BEARER", "OAUTH"}:
        # Of several names for the one credential that counts which the account has.
        names = CREDENTIALS[kind]
        credential = next(filter(account.detail, names), names[0])
        text = account.access_token if kind == "OAUTH" else account.detail(credential)
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
    user, password = (_mutated(pattern, key, account.detail(key))[0] for key in CREDENTIALS["BASIC"])
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
        for spec in mappings(pattern.get("fields"))
        if spec.get("header_name")
    ]
    # One field with a header name puts the pattern in many-headers mode; without any there is one key.
    sent = False
    for header, credential, required in named or [(name, CREDENTIALS["API_KEY"][0], True)]:
        value, masked = _mutated(pattern, credential, account.detail(credential))
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
    mutation = mapping(mapping(pattern.get("auth_field_mutations")).get(credential))
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
