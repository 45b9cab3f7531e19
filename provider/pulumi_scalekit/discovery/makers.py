"""Whether a document shows that its bearer tokens are keys that somebody makes: the counterpart of `issuers`.

A scheme that says no more than `bearer` fits a key that lasts and a login's token alike. Where its own words do not
tell, the document's other words may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_scalekit.definition.normalize import mapping

from .documents import Document, follow, general_prose, operations, text_of
from .origins import says_made
from .schemes import Scheme
from .text import words

_KEYS: Final = frozenset(
    # A list would take a line for each word.
    "apikey apikeys apitoken apitokens accesskeys accesstokens personalaccesstokens".split()  # noqa: SIM905
)
_MAKES: Final = re.compile(
    r"(?:create|generate|mint|add|issue|list|get|rotate|revoke)s?\s+(?:(?:an?|all|new|the|your)\s+)*(?:[\w']+\s+)?"
    r"(?:api[-_ ]?(?:key|token)|personal access token)s?\b",
    re.IGNORECASE,
)
# Whose keys they are: those of other things, such as a subscription, are not the service's own.
_HOLDERS: Final = frozenset(
    "account org organization organisation project team workspace tenant user company me".split()  # noqa: SIM905
)


def maker(document: Document, schemes: Mapping[str, Scheme], token: Scheme) -> str:
    """What shows that somebody makes a bearer token, in words, or the empty string.

    That is prose about API keys or tokens that are made, the responses to calls without one, and, unless it is called
    a JWT, an operation that makes the service's own keys. In a document that declares a key, too, they are about that.

    Args:
        document: The document.
        schemes: The document's schemes, by name.
        token: The one in question.

    Example:
        Where a document has `POST /api-keys`, and its bearer scheme has no description, it returns
        `"the key that /api-keys of this document is about"`.
    """
    if any(scheme.type == "API_KEY" and scheme.header != "Cookie" for scheme in schemes.values()):
        return ""
    if any(map(says_made, general_prose(document))):
        return "the key or token that, as the document's prose says, somebody makes"
    if any(map(says_made, _refusals(document))):
        return "the key that the document's responses to calls without one speak of"
    path = "" if token.is_jwt else next(_making(document), "")
    return f"the key that {path} of this document is about" if path else ""


def _refusals(document: Document) -> Iterator[str]:
    """The descriptions of the responses to calls without a valid credential."""
    for *_, operation in operations(document):
        for status, response in mapping(operation.get("responses")).items():
            if str(status) in {"401", "403"}:
                yield text_of(mapping(follow(document, response)).get("description"))


def _making(document: Document) -> Iterator[str]:
    """The paths of operations that make, list or revoke keys of the service's own."""
    for path, _, operation in operations(document):
        steps = [step for step in path.split("/") if step]
        holders = [words(step) for step in steps if step.startswith("{")]
        if not steps or steps[-1].startswith("{") or not all(_HOLDERS & set(holder) for holder in holders):
            continue
        if is_about_keys(steps[-1], operation):
            yield path


def is_about_keys(step: str, operation: Mapping[str, Any]) -> bool:
    """Whether the last step of an operation's path, or its summary, says that it is about keys that somebody makes."""
    return "".join(words(step)) in _KEYS or bool(_MAKES.match(text_of(operation.get("summary"))))
