"""Words for people out of names and prose that were written for machines or for web pages."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of surrogate pairs, which no encoding can write."""
_LONGEST_TITLE: Final = 1000
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ACRONYMS: Final = {
    "api": "API",
    "id": "ID",
    "url": "URL",
    "jwt": "JWT",
    "sid": "SID",
    "uuid": "UUID",
    "ip": "IP",
}
# What a document's title says about itself rather than about the service.
_SELF: Final = frozenset(
    # A list would take a line for each word.
    "api apis rest restful http https web public reference documentation docs specification spec openapi "  # noqa: SIM905
    "swagger collection preview beta developer developers platform service services json".split()
)
# Titles of vendors with several APIs: such words name one of them.
_PARTS: Final = frozenset(
    # A list would take a line for each word.
    "account accounts admin administration advanced app application auth authentication backend beta "  # noqa: SIM905
    "business catalog central client cloud common contacts control core customer customers data "
    "event events export external gateway general identity import integration integrations internal "
    "main management messaging open orders partner partners payments plane production products query "
    "reporting reports resource resources server unified user users v1 v2 v3".split()
)
_VERSION: Final = re.compile(r"\bv?\d+(\.\d+)*\b|\bv\d+\w*\b", re.IGNORECASE)
_HOST_NOISE: Final = frozenset(
    # A list would take a line for each word.
    "api apis www app rest gateway public us eu uk au de ap na mcp server com co org net gov ac edu io".split()  # noqa: SIM905
)


def words(name: str) -> list[str]:
    """The words of an identifier in any of the usual spellings, in lower case."""
    return [part.lower() for part in re.split(r"[^A-Za-z0-9]+", _CAMEL.sub(" ", name)) if part]


def label(name: str) -> str:
    """A label for an identifier: `Store hash` for `store_hash`, `API key` for `api-key`."""
    parts = [_ACRONYMS.get(word, word) for word in words(name)]
    text = " ".join(parts) or name
    return text[:1].upper() + text[1:]


def identifier(name: str) -> str:
    """A field name for any name: `store_hash` stays, `X-API-Key` becomes `x_api_key`."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return name
    return "_".join(words(name)) or "value"


def plain(text: object) -> str:
    """Prose without Markdown and HTML, on one line; the empty string for anything that is not a string."""
    if not isinstance(text, str):
        return ""
    text = CONTROL.sub(" ", text)
    text = re.sub(r"!\[[^\[\]]*\]\([^()]*\)", "", text)
    text = re.sub(r"\[([^\[\]]*)\]\s?\([^()]*\)", r"\1", text)
    text = re.sub(r"</?[A-Za-z][^<>]*>", " ", text)
    return " ".join(re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", text).split())


def first_sentence(text: object, limit: int = 200) -> str:
    """The first sentence of Markdown prose: headings, tables, quotes and code are passed over.

    Args:
        text: The prose.
        limit: How many characters the sentence may have; a longer one is cut after a word.
    """
    if not isinstance(text, str):
        return ""
    for paragraph in re.split(r"\n\s*\n", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        lines = [line.strip() for line in paragraph.splitlines()]
        prose = plain(" ".join(line for line in lines if line and line[0] not in "#|>-=*+"))
        if len(prose.split()) < 3 or re.match(r"(note|warning|important|deprecated)\b", prose, re.IGNORECASE):
            continue
        match = re.match(r"(.{15,}?[.!?])(?=\s|$)", prose)
        sentence = match.group(1) if match else prose.rstrip(":")
        if len(sentence) <= limit:
            return sentence
        return sentence[: limit - 3].rsplit(" ", 1)[0].rstrip(",;:") + "..."
    return ""


def connector_name(title: str, host: str = "", provider: str = "") -> str:
    """A display name out of a document's title, with the service's name in front where the title does not name it.

    Scalekit takes letters, digits and spaces only.

    Args:
        title: The document's title.
        host: The host of its server.
        provider: The service's name, where the document states it elsewhere.

    Example:
        >>> connector_name("Query API", "api.acme.io")
        'Acme Query'

    Returns:
        The name, at most 200 characters; empty when neither holds one.
    """
    ascii_title = unicodedata.normalize("NFKD", title[:_LONGEST_TITLE]).encode("ascii", "ignore").decode()
    ascii_title = re.sub(r"\([^()]*\)|'s\b", " ", ascii_title)
    parts = re.findall(r"[A-Za-z0-9]+", _VERSION.sub(" ", ascii_title)) or re.findall(
        r"[A-Za-z0-9]+", ascii_title
    )
    while parts and parts[-1].lower() in _SELF:
        parts.pop()
    while parts and parts[0].lower() in {"the", "welcome", "to"}:
        parts.pop(0)
    if not parts or all(part.lower() in _SELF for part in parts):
        return provider or name_of_host(host)
    name = " ".join(parts)
    if all(part.lower() in _SELF | _PARTS for part in parts):
        # The title names a part of a service, such as its Core API, and not the service.
        name = " ".join(filter(None, [provider or name_of_host(host), *parts]))
    return name[:200].strip()


def name_of_host(host: str) -> str:
    """The name of who runs a host, as far as a domain name says: `Example` for `api.eu.example.com`."""
    if not re.search(r"[A-Za-z]", host.rpartition(".")[2]):
        return ""  # an IP address
    labels = [part for part in re.sub(r"\{\{[^}]*\}\}", "", host).split(".")[:-1] if part]
    telling = [part for part in labels if part.lower() not in _HOST_NOISE]
    found = telling[-1:] or labels[-1:]
    return " ".join(re.findall(r"[A-Za-z0-9]+", found[0])).title()[:200] if found else ""
