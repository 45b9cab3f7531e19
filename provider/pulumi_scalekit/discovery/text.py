"""Words for people out of names and prose that were written for machines or for web pages."""

from __future__ import annotations

import re
from typing import Final

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of surrogate pairs, which no encoding can write."""
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


_LONGEST: Final = 200


def first_sentence(text: object) -> str:
    """The first sentence of Markdown prose: headings, tables, quotes and code are passed over.

    One of more than 200 characters is cut after a word.
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
        if len(sentence) <= _LONGEST:
            return sentence
        return sentence[: _LONGEST - 3].rsplit(" ", 1)[0].rstrip(",;:") + "..."
    return ""
