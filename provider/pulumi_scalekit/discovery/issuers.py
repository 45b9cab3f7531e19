"""Operations of a document that issue its own credentials: logins and token endpoints.

What such a call returns expires, and no account holder has it at hand. OpenAPI has no word for that, so it is read from
the operation: its path, and what it takes and returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_scalekit.definition.normalize import mapping

from .documents import Document, operations, requirements, text_of, ways
from .makers import is_about_keys
from .operation_fields import returned, taken
from .schemes import Scheme, is_lasting
from .text import words

_STEPS: Final = frozenset(
    # A list would take a line for each word.
    "token tokens login signin auth authenticate authentication authorize oauth oauth2 session sessions jwt".split()  # noqa: SIM905
)
_TOKEN: Final = re.compile(r"(?:access|auth|bearer|id|session|jwt)?_?(?:token|jwt)", re.IGNORECASE)
_TAKEN: Final = re.compile(r"grant_?type|password|(?:client|access|app)_?secret|secret_?key", re.IGNORECASE)
_LOGIN: Final = frozenset(["login", "signin", "authenticate"])
_KEY: Final = re.compile(r"api[-_]?key", re.IGNORECASE)
_SAID: Final = re.compile(
    r"\b(?:generate|create|issue|obtain|request|exchange)s?\s+(?:an?\s+|the\s+|new\s+)*(?:\w+\s+)?(?:token|jwt)\b"
    r"|\b(?:get|fetch)\w*\s+(?:an?\s+|the\s+)?(?:access|auth\w*|bearer|jwt)\s+token\b|\b(?:log|sign)[- ]?in\b",
    re.IGNORECASE,
)


def issuer(document: Document, schemes: Mapping[str, Scheme], scheme: Scheme) -> str:
    """The path of the operation that issues the credential of a scheme, or the empty string.

    Its path or summary calls it a login or a token endpoint, and it takes a password or a secret, or is open to all
    and returns a token. A login may take a key, too. Of what is described as made by hand, it is one that returns it
    under the name of its header, beside a refresh token, or for a password where the header is called a token.

    Args:
        document: The document.
        schemes: The document's schemes, by name.
        scheme: The one in question: a bearer token or a key.

    Example:
        A document with `POST /login`, which takes a password, returns an `access_token` and needs no credential, has
        `/login` as the issuer of its bearer tokens.
    """
    lasting = is_lasting(scheme)
    # Without a word about security anywhere, an operation without one need not be open to all.
    is_silent = not any(mapping(way) for listing in requirements(document) for way in listing)
    for path, _, operation in operations(document):
        if not _is_called_so(path, operation):
            continue
        if lasting:
            if _renews(document, operation, scheme.header) or _logs_in(document, operation, scheme.header):
                return path
            continue
        names = list(taken(document, operation))
        if any(map(_TAKEN.fullmatch, names)) or (_is_login(path) and any(map(_KEY.fullmatch, names))):
            return path
        closed = is_silent or _demands(document, schemes, operation)
        if not closed and any(map(_TOKEN.fullmatch, returned(document, operation))):
            return path
    return ""


def logins(document: Document) -> Iterator[str]:
    """The paths of operations that their path or summary calls a login or a token endpoint, whatever they do."""
    for path, _, operation in operations(document):
        if _is_called_so(path, operation) and not is_about_keys(_last_step(path), operation):
            yield path


def _last_step(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _is_called_so(path: str, operation: Mapping[str, Any]) -> bool:
    """Whether an operation's path or summary calls it a login or a token endpoint."""
    step = _last_step(path)
    if "{" in step:
        return False
    return bool(
        _STEPS & {*words(step), "".join(words(step))} or _SAID.search(text_of(operation.get("summary")))
    )


def _renews(document: Document, operation: Mapping[str, Any], header: str) -> bool:
    """Whether an operation returns a header's value under the header's name, beside a refresh token."""
    names = {"".join(words(name)) for name in returned(document, operation)}
    return bool(header) and {"refreshtoken", "".join(words(header))} <= names


def _is_login(path: str) -> bool:
    step = words(_last_step(path))
    return bool(_LOGIN & {*step, "".join(step)})


def _logs_in(document: Document, operation: Mapping[str, Any], header: str) -> bool:
    """Whether an operation returns the value of a header that is called a token, for a password."""
    named = words(header)
    if "token" not in named or "password" not in {name.lower() for name in taken(document, operation)}:
        return False
    # A vendor's name may stand before it, but an API token is not just any token.
    ends = {"".join(named[start:]) for start in range(len(named)) if "api" not in named[:start]}
    return not ends.isdisjoint("".join(words(name)) for name in returned(document, operation))


def _demands(document: Document, schemes: Mapping[str, Scheme], operation: Mapping[str, Any]) -> bool:
    """Whether an operation takes a token or key itself, as one that makes further keys does."""
    accepted = [mapping(way) for way in ways(document, operation)]
    passwords = {name for name, scheme in schemes.items() if scheme.type == "BASIC"}
    return bool(accepted) and all(way.keys() - passwords for way in accepted)
