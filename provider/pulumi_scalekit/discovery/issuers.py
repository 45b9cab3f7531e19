"""Operations of a document that issue its own credentials: logins and token endpoints.

What such a call returns expires, and no account holder has it at hand. OpenAPI has no word for that, so it is read from
the operation: its path, what it takes, and a token in its response.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .documents import Document, follow, listed, mapping, operations_by_path, requirements
from .schemes import Scheme, is_lasting
from .text import words

_STEPS: Final = frozenset(
    # A list would take a line for each word.
    "token tokens login signin auth authenticate authentication authorize oauth oauth2 session sessions jwt".split()  # noqa: SIM905
)
_TOKEN: Final = re.compile(r"(?:access|auth|bearer|id|session|jwt)?_?(?:token|jwt)", re.IGNORECASE)
_TAKEN: Final = re.compile(r"grant_?type|password|client_?secret", re.IGNORECASE)


def issuer(document: Document, schemes: Mapping[str, Scheme], scheme: Scheme) -> str:
    """The path of the operation that issues the credential of a scheme, or the empty string.

    Args:
        document: The document.
        schemes: The document's schemes, by name.
        scheme: The one in question: a bearer token or a key. One that is described as made by hand has no issuer.

    Example:
        A document with `POST /login`, which takes a password, returns an `access_token` and needs no credential, has
        `/login` as the issuer of its bearer tokens.
    """
    if is_lasting(scheme):
        return ""
    # Without a word about security anywhere, an operation without one need not be open to all.
    is_silent = not any(mapping(way) for listing in requirements(document) for way in listing)
    for path, operation in operations_by_path(document):
        step = path.rstrip("/").rpartition("/")[2]
        if "{" in step or not _STEPS & {*words(step), "".join(words(step))}:
            continue
        taken, returned = set(_taken(document, operation)), set(_returned(document, operation))
        closed = is_silent or _demands(document, schemes, operation)
        if closed and not any(map(_TAKEN.fullmatch, taken)):
            continue
        if any(map(_TOKEN.fullmatch, returned)) or ("grant_type" in taken and not returned):
            return path
    return ""


def _demands(document: Document, schemes: Mapping[str, Scheme], operation: Mapping[str, Any]) -> bool:
    """Whether an operation takes a token or key itself, as one that makes further keys does."""
    ways = [mapping(way) for way in listed(operation.get("security", document.get("security")))]
    passwords = {name for name, scheme in schemes.items() if scheme.type == "BASIC"}
    return bool(ways) and all(way.keys() - passwords for way in ways)


def _taken(document: Document, operation: Mapping[str, Any]) -> Iterator[str]:
    """The parameters and fields that an operation takes."""
    for entry in listed(operation.get("parameters")):
        parameter = mapping(follow(document, entry))
        yield str(parameter.get("name"))
        yield from _properties(document, parameter.get("schema"), set())
    yield from _content(document, operation.get("requestBody"))


def _returned(document: Document, operation: Mapping[str, Any]) -> Iterator[str]:
    """The fields that an operation returns where it succeeds."""
    for status, response in mapping(operation.get("responses")).items():
        if str(status).startswith("2"):
            yield from _content(document, response)
            yield from _properties(document, mapping(follow(document, response)).get("schema"), set())


def _content(document: Document, holder: Any) -> Iterator[str]:
    for media in mapping(mapping(follow(document, holder)).get("content")).values():
        yield from _properties(document, mapping(media).get("schema"), set())


def _properties(document: Document, schema: Any, seen: set[int], depth: int = 3) -> Iterator[str]:
    found = mapping(follow(document, schema))
    if id(found) in seen or not depth:
        return
    seen.add(id(found))
    for name, inner in mapping(found.get("properties")).items():
        yield str(name)
        yield from _properties(document, inner, seen, depth - 1)
    for way in ("allOf", "oneOf", "anyOf"):
        for part in listed(found.get(way)):
            yield from _properties(document, part, seen, depth)
