"""What descriptions say about how a credential is sent.

OpenAPI has no word for the `Token ` in `Authorization: Token 123`; vendors write it into the description. The
rules here know the usual ways to write it, and no vendor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

# A stand-in for the credential: <API_KEY>, {token}, [key], $TOKEN, your-api-key, YOUR_KEY, xxxx, "...".
_MARKED: Final = (
    r"<[^<>\n]{1,60}>|\{\{?[^{}\n]{1,60}\}?\}|\[[^\[\]\n]{1,60}\]|\$\{?\w+\}?"
    r"|(?i:your|my)[-_ ]?[\w-]+(?: (?i:key|token|secret))?"
    r"|[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)+|[xX]{3,}[\w-]*|\*{3,}|\.{3}|…"
)
# Words that are a stand-in only behind a word that names an authentication scheme.
_WORD: Final = (
    r"(?i:(?:api|access|auth|secret|private)?[-_ ]?(?:key|token|secret|jwt|credentials?))\b|[A-Z]{3,}\b"
)
# Bounded, and looked for at the start of words only, so that no text takes longer than in proportion to its length.
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9._-]{0,40}"
_KNOWN: Final = frozenset(
    # A list would take a line for each word.
    "bearer token apikey api-key api_key key oauth oauth2 jwt basic geniekey apitoken".split()  # noqa: SIM905
)
_NO_SCHEME: Final = frozenset(
    # A list would take a line for each word.
    "a an the your my our this api access auth authentication authorization header headers secret private "  # noqa: SIM905
    "personal user client application app key: token: is in as to of with for set use using value pass curl "
    "request http https and or it its each all any valid provide include following where enter insert paste "
    "type supply add put specify send copy replace get find see".split()
)
# `Token token="<key>"`: a scheme, a parameter, and quotes that belong to the value.
_SHAPE: Final = re.compile(
    rf"(?P<prefix>(?:{_SCHEME}\s+)?{_SCHEME}=(?P<quote>[\"']?)|{_SCHEME}\s+)[\"']?"
    rf"(?:(?P<marked>{_MARKED})|(?P<word>{_WORD})|(?P<sample>[A-Za-z0-9][A-Za-z0-9._=-]{{7,}}))"
)
_SPAN: Final = re.compile(
    r"`([^`\n]{3,160})`|\"([^\"\n]{3,160})\"|'([^'\n]{3,160})'|<code>([^<]{3,160})</code>"
)
_SAID: Final = (
    # "prefixed with SSWS", "add the prefix `Token`"
    re.compile(
        rf"\bprefix(?:ed)?(?:\s+it)?(?:\s+(?:with|by|of))?(?:\s+(?:the|word|string|text|value))*\s+[\"'`]?(?P<word>{_SCHEME})(?![\w-])"
    ),
    # "prefix your API key with 'Token '"
    re.compile(
        rf"\b[Pp]refix\s+(?:your|the)\s+(?:\w+\s+){{0,3}}?(?:key|token)\s+with\s+[\"'`](?P<word>{_SCHEME})(?![\w-])"
    ),
    # "preceded by the word Token"
    re.compile(
        rf"\bpreceded\s+(?:by|with)(?:\s+(?:the|word|string|text))*\s+[\"'`]?(?P<word>{_SCHEME})(?![\w-])"
    ),
    # "with the Token prefix"
    re.compile(
        rf"(?<!not )(?<!n't )\b(?:includ(?:e|es|ing)|with)\s+(?:the\s+)?[\"'`]?(?P<word>{_SCHEME})[\"'`]?\s+prefix\b"
    ),
    # "the word Token followed by a space and your key", "'Bearer' [space] and then your token"
    re.compile(rf"(?<![\w.-])(?P<word>{_SCHEME})[\"'`]?,?\s{{0,20}}(?:\[space\]|followed\s+by)"),
)


@dataclass(frozen=True)
class Affixes:
    """What is put around a credential."""

    prefix: str
    suffix: str = ""
    is_certain: bool = True
    """Whether the text says it of the header, rather than shows an example of a credential."""
    is_single_key: bool = False
    """Whether what the text shows in the credential's place is one key or token."""
    is_possessive: bool = False
    """Whether words such as `your key` stand in the credential's place, behind a word that is not known."""


def affixes(texts: Iterable[str], header: str) -> Affixes | None:
    """What descriptions of a header say that is put around its credential, or `None` if they say nothing.

    Args:
        texts: The descriptions, the most telling one first.
        header: The header's name.
    """
    for text in texts:
        for piece in _after_header(text, header):
            if (found := _shaped(piece)) is not None:
                return found
        for piece, is_shown in _pieces(text):
            found = _shaped(piece)
            if found is not None and not is_shown and found.is_possessive:
                continue  # "Enter your key" is an instruction, not a header
            if found is not None:
                known = found.prefix.strip(" =\"'").split(" ")[0].lower() in _KNOWN
                return replace(found, is_certain=known)
        for said in _SAID:
            for match in said.finditer(text):
                word = match["word"].rstrip(".")
                telling = word.lower() in _KNOWN or word[:1].isupper()
                if telling and word.lower() not in _NO_SCHEME:
                    single = _is_single_key(text[match.end() :][:80].partition(". ")[0])
                    return Affixes(f"{word} ", is_single_key=single)
    return None


def header_example(texts: Iterable[str], header: str) -> Affixes | None:
    """What a spelled-out `Header: value` line says, or a header "set to `value`", in prose that is about much else."""
    quoted = re.compile(
        rf"(?i:{re.escape(header)})[\"'`*]*\s+(?:\w+\s+)?(?i:header)\b[^.\n`]{{0,60}}`(?P<rest>[^\n`]{{3,120}})`"
    )
    for text in texts:
        values = [*_after_header(text, header), *(match["rest"] for match in quoted.finditer(text))]
        for value in values:
            if (found := _shaped(value)) is not None:
                return found
    return None


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of a text that may be a header's value: whatever is quoted, short texts, formats.

    With each goes whether it is shown as a value, rather than the prose itself.
    """
    for match in _SPAN.finditer(text):
        piece = next(group for group in match.groups() if group is not None).strip()
        if not piece.lower().startswith(("curl", "http")):
            yield piece, True
    if len(text) <= 80 and not re.search(r"[.:;]\s", text):
        yield text.strip(), False
    for match in re.finditer(
        r"(?i:\b(?:format|form))(?:\s+(?:is|of))?:?\s+[\"'`]?(?P<rest>[^\n`]{3,80})", text
    ):
        yield match["rest"], True


def _after_header(text: str, header: str) -> Iterator[str]:
    for match in re.finditer(
        rf"(?i:{re.escape(header)})[\"'`*]*\s*[:=]\s*[\"'`]?(?P<rest>[^\n`]{{3,120}})", text
    ):
        yield match["rest"].lstrip()


def _shaped(piece: str) -> Affixes | None:
    match = _SHAPE.match(piece)
    if match is None:
        return None
    prefix = match["prefix"]
    scheme = re.match(_SCHEME, prefix)
    word = scheme.group().lower() if scheme else ""
    if word in _NO_SCHEME:
        return None
    if match["word"] and word not in _KNOWN:
        return None
    if match["sample"] and not (
        any(char.isdigit() for char in match["sample"]) and match.end() == len(piece)
    ):
        return None
    # Nothing but the value may be left: else the words are a sentence, not a header.
    quote = match["quote"] or ""
    rest = piece[match.end() :]
    suffix = quote if quote and rest.startswith(quote) else ""
    prefix = prefix if suffix or not quote else prefix[: -len(quote)]
    shown = match["marked"] or match["word"] or ""
    possessive = word not in _KNOWN and bool(re.match(r"(?:your|my)\s", shown, re.IGNORECASE))
    single = _is_single_key(shown + rest)
    return Affixes(re.sub(r"\s+", " ", prefix), suffix, is_single_key=single, is_possessive=possessive)


def _is_single_key(text: str) -> bool:
    """Whether a text speaks of one key or token, rather than of encoded credentials."""
    pair = re.search(r"base-?64|encoded|user|credential|:", text, re.IGNORECASE)
    return pair is None and bool(re.search(r"key|token", text, re.IGNORECASE))


_KEY_AS_USERNAME: Final = re.compile(
    r"(?:key|token)\b[^.\n]{0,60}?\b(?:as|for|in)\b[^.\n]{0,30}?\buser\s?-?name"
    r"|user\s?-?name\b[^.\n]{0,40}?\b(?:is|with|to|be|=|:)\b[^.\n]{0,20}?\b(?:api|secret|access)[-_ ]?(?:key|token)",
    re.IGNORECASE,
)
_NO_PASSWORD: Final = re.compile(
    r"password\b[^.]{0,60}?\b(?:blank|empty)|\b(?:blank|empty|no|without(?: an?)?)\s+password|omit[^.]{0,20}password"
    r"|\b(?:blank|empty)\b[^.]{0,30}\bpassword",
    re.IGNORECASE,
)
# The user name before the colon, and nothing behind it: base64("<api_key>:").
_KEY_AND_NOTHING: Final = re.compile(
    r"base-?64[^.\n]{0,40}?(?:key|token)[>}\]]{0,2}:[`\"')>\]]", re.IGNORECASE
)


def key_as_username(text: str) -> bool:
    """Whether prose says that Basic authentication takes an API key as user name, and no password."""
    flat = " ".join(text.split())
    if _KEY_AND_NOTHING.search(flat):
        return True
    return bool(_KEY_AS_USERNAME.search(flat) and _NO_PASSWORD.search(flat))


_SIGNED: Final = re.compile(
    r"\b(?:requests?|calls?|messages?)\s+(?:\w+\s+){0,2}?(?:be|are|is)\s+signed\b"
    r"|\bsign(?:ing)?\s+(?:each|every|the|all|your)\s+(?:api\s+)?(?:request|call|message)s?\b"
    r"|\bsignature\s+(?:must|has to|should|needs to)\s+be\s+(?:generated|computed|calculated|created)"
    r"|(?<![\w-])(?:[\w-]{1,40}-)?signature\s{0,20}:\s{0,20}[<{]",
    re.IGNORECASE,
)


def says_signed(text: str) -> bool:
    """Whether prose says that callers sign their requests; those of webhooks are signed by the vendor.

    >>> says_signed("All requests must be signed."), says_signed("Webhook requests are signed.")
    (True, False)
    """
    return any(
        re.search(r"web-?hook|callback", text[max(0, match.start() - 80) : match.end() + 80], re.IGNORECASE)
        is None
        for match in _SIGNED.finditer(text)
    )


_HEADER_WORD: Final = re.compile(
    r"(?<![\w-])((?:[A-Za-z0-9]+-)*api[-_]?(?:key|token)|X-[A-Za-z0-9-]*(?:key|token))(?![\w-])",
    re.IGNORECASE,
)


def header_in_message(message: str) -> str:
    """The key header that an error message names, such as `X-API-Key` in "missing X-API-Key header"."""
    for match in _HEADER_WORD.finditer(message):
        # "invalid api_key" is a parameter or a code as often as a header.
        if "-" in match.group(1):
            return match.group(1)
    return ""
