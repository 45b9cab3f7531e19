"""A connector's name out of a document's title, the host of its server, and who provides it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pulumi_scalekit.definition.normalize import mapping

from .documents import Document, text_of
from .hosts import host_of

_LONGEST_TITLE: Final = 1000
# What a document's title says about itself rather than about the service.
_SELF: Final = frozenset(
    # A list would take a line for each word.
    "api apis beta collection developer developers docs documentation endpoints http https json official "  # noqa: SIM905
    "openapi platform preview public reference references rest restful service services spec specification swagger ui "
    "unofficial web".split()
)
_API: Final = frozenset(["api", "apis", "openapi", "swagger"])
# Titles of vendors with several APIs: such words name one of them.
_PARTS: Final = frozenset(
    # A list would take a line for each word.
    "account accounts admin administrator advanced agent agents analytics app application assets async auth "  # noqa: SIM905
    "backend bank banking base batch beta billing bookings business calendar calls campaigns cards catalog "
    "central channel chat client clients cloud commerce common company connect console contacts content control "
    "core crm custom customer customers customs dashboard data database default delivery detail details devices "
    "digital directory document documents domain ecommerce edge email emails enterprise event events export "
    "external fields files flow full gateway general global graph health history hr hub identity import index "
    "insights integration integrations internal inventory invoices jobs knowledge ledger legacy link list live "
    "logs loyalty main manager managers master mcp media members merchant mobile model models module modules "
    "monitor my network new notifications object objects open order orders page pages partner partners payables "
    "payment payments payroll people personal personnel plane plans policy portal pricing private process product "
    "production products profile profiles project projects provider query real record records registry remote "
    "reporting reports resource resources risk rules run sales sample schedule score search secure security self "
    "send server session sessions shipments shop simple site sms sso staff stock storage store stores "
    "subscriptions support sync system systems tables task tasks tax team teams test text ticket tickets time "
    "token tool tools trade transfers unified universal update user users utility v1 v2 v3 vendor video view "
    "voice wallet warehouse web3 webhook webhooks work workflow workflows workspace".split()
)
# Endings of nouns for what a service does; few services are named so.
_ABSTRACT: Final = re.compile(
    r"\w{3,}(?:ing|ings|ment|ments|tion|tions|sion|sions|ity|ities|ance|ence|ics|ship)|and|for|of|the|with|by|to|a|an|in|on",
    re.IGNORECASE,
)
# Where many keep their services: such a domain names none of them.
_HOSTERS: Final = re.compile(
    r"(?:^|\.)(?:amazonaws\.com|azure-api\.net|azurewebsites\.net|azurecontainerapps\.io|cloudfunctions\.net|run\.app|"
    r"appspot\.com|herokuapp\.com|vercel\.app|netlify\.app|workers\.dev|onrender\.com|fly\.dev|railway\.app|ngrok\.io|"
    r"ngrok-free\.app|github\.io|githubusercontent\.com|web\.app|firebaseapp\.com|cloudapp\.net|cloudfront\.net|"
    r"rapidapi\.com|stoplight\.io|redocly\.com|readme\.io|swaggerhub\.com|apiary\.io|apiary-mock\.com|mockable\.io|"
    r"getpostman\.com)$",
    re.IGNORECASE,
)
# What contacts and external documents lead to where they lead to nobody in particular.
_NOBODY: Final = re.compile(
    r"(?:^|\.)(?:github\.com|gmail\.com|outlook\.com|example\.\w+|swagger\.io|openapis\.org)$", re.IGNORECASE
)
_VERSION: Final = re.compile(r"\bv?\d+(\.\d+)*\b|\bv\d+\w*\b", re.IGNORECASE)
_API_LABELS: Final = frozenset(["api", "apis", "app", "rest", "gateway", "server"])
_HOST_NOISE: Final = frozenset(
    # A list would take a line for each word.
    "api apis www app rest gateway public us eu uk au de ap na mcp server com co org net gov ac edu io".split()  # noqa: SIM905
)


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
    if not re.match(r"\w+\.\w", ascii_title.strip()):  # a domain, such as api.video
        parts = _without_opening(parts)
    if not parts or all(part.lower() in _SELF for part in parts):
        return provider or name_of_host(host)
    name = " ".join(parts)
    service = provider or name_of_host(host)
    if _names_a_part(parts) and not _shares_a_word(parts, host) and service.lower() not in name.lower():
        name = f"{service} {name}"
    return name[:200].strip()


def _without_opening(parts: list[str]) -> list[str]:
    """The words of a title without what it begins with about itself: `Developer API`, `Welcome to the`."""
    opening = 0
    while opening < len(parts) and parts[opening].lower() in _SELF:
        opening += 1
    if _API & {part.lower() for part in parts[:opening]}:
        parts = parts[opening:]
    while parts and parts[0].lower() in {"the", "welcome", "to", "for", "of"}:
        parts = parts[1:]
    return parts


def _names_a_part(parts: list[str]) -> bool:
    """Whether a title names a part of a service, such as its Core API, and not the service."""
    return all(
        word in _SELF or word in _PARTS or _ABSTRACT.fullmatch(word) or word.isdigit()
        for word in map(str.lower, parts)
    )


def _shares_a_word(parts: list[str], host: str) -> bool:
    """Whether a word of a title stands in the name of its host's domain."""
    domain = name_of_host(host).replace(" ", "").lower()
    return any(len(part) > 2 and part.lower() in domain for part in parts)


def name_of_host(host: str) -> str:
    """The name of who runs a host, as far as a domain name says: `Example` for `api.eu.example.com`."""
    if not re.search(r"[A-Za-z]", host.rpartition(".")[2]) or _HOSTERS.search(host):
        return ""  # an IP address, or somebody else's domain
    labels = [part for part in re.sub(r"\{\{[^}]*\}\}", "", host).split(".")[:-1] if part]
    telling = [part for part in labels if part.lower() not in _HOST_NOISE]
    if labels and labels[-1].lower() in _API_LABELS:
        return " ".join(host.split(".")[-2:]).title()[:200]  # such as api.video, which is somebody's name
    found = telling[-1:] or labels[-1:]
    return " ".join(re.findall(r"[A-Za-z0-9]+", found[0])).title()[:200] if found else ""


def service_name(document: Document, host: str) -> str:
    """The name of the service, or of who runs it: as its provider, its host or its contact has it.

    It is spelled as in the document's prose.

    Args:
        document: The document.
        host: The host of the server that is called.
    """
    info = mapping(document.get("info"))
    if provider := connector_name(text_of(info.get("x-providerName")).partition(".")[0]):
        return provider
    contact = mapping(info.get("contact"))
    places = [
        *(host_of(text_of(holder.get("url"))) for holder in (contact, mapping(document.get("externalDocs")))),
        text_of(contact.get("email")).rpartition("@")[2],
        host_of(text_of(info.get("termsOfService"))),
    ]
    named = (name_of_host(place) for place in places if not _NOBODY.search(place))
    name = name_of_host(host) or next(filter(None, named), "")
    prose = " ".join(
        text_of(holder.get(key)) for holder in (info, contact) for key in ("description", "name")
    )
    spelled = re.search(rf"\b{re.escape(name)}\b", prose, re.IGNORECASE) if name else None
    return spelled.group() if spelled and not spelled.group().islower() else name
