"""Whether an API wants Proof Key for Code Exchange (RFC 7636). OpenAPI before 3.2 has no word for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pulumi_scalekit.definition.normalize import mapping

from .documents import Document, listed, operations, pointer, text_of
from .operation_fields import taken

_NAMES: Final = frozenset(["code_verifier", "code_challenge", "code_challenge_method"])
_PROSE: Final = re.compile(
    r"\bPKCE\b|proof key for code exchange|code_verifier|code_challenge", re.IGNORECASE
)
_REFUSED: Final = re.compile(
    r"(?:not|n't|without|no)\s+(?:\w+\s+){0,3}(?:PKCE|proof key)|PKCE\W{1,3}(?:is\s+)?(?:not|un)\s?supported",
    re.IGNORECASE,
)
# Paths of OAuth's own endpoints.
_ENDPOINT: Final = re.compile(r"oauth|token|authori[sz]e", re.IGNORECASE)


@dataclass(frozen=True)
class Sign:
    """A sign that PKCE is used."""

    reason: str
    pointer: str
    is_stated: bool
    """Whether the document states it as a parameter, rather than mentions it in prose."""


def find_pkce(document: Document, description: str, where: str) -> Sign | None:
    """The strongest sign of PKCE in a document, or `None`.

    Args:
        document: The document.
        description: What the security scheme says of itself.
        where: The JSON pointer of the security scheme.
    """
    for path, _, operation in operations(document):
        if not _ENDPOINT.search(path):
            continue
        if name := next((name for name in taken(document, operation) if name in _NAMES), ""):
            return Sign(f"the operation {path[:80]} takes {name}", pointer("paths", path), is_stated=True)
    texts = [
        (description, where),
        (text_of(mapping(document.get("info")).get("description")), "#/info/description"),
    ]
    texts += [(text_of(mapping(tag).get("description")), "#/tags") for tag in listed(document.get("tags"))]
    texts += [
        (text_of(operation.get("description")), pointer("paths", path))
        for path, _, operation in operations(document)
        if _ENDPOINT.search(path)
    ]
    for text, place in texts:
        if _PROSE.search(text) and not _REFUSED.search(text):
            return Sign("its prose speaks of PKCE", place, is_stated=False)
    return None
