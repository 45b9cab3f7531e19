"""Security schemes of OpenAPI 3 and Swagger 2.0, as what Scalekit makes of them.

A connector puts one credential into headers. So a scheme becomes an auth type where it does just that, and
otherwise it says why it cannot.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .documents import Document, follow, listed, mapping, operations, pointer, text_of
from .prose import affixes, header_example, key_as_username
from .servers import absolute
from .text import plain

_CREDENTIAL_HEADER: Final = re.compile(
    r"authorization|(?:[a-z0-9]+[-_])*(?:api|access|auth|app|application|secret|private|subscription|license)"
    r"[-_]?(?:key|token|secret)|(?:[a-z0-9]+-)*x?-?(?:token|apikey|api-key|auth)",
    re.IGNORECASE,
)
INCOMPLETE: Final = 4
"""The rank from which on a scheme needs more than the document tells."""
_ORDINARY_HEADERS: Final = frozenset(
    ["accept", "content-type", "authorization", "user-agent", "accept-language", "cookie", "host"]
)
# Where a step in OAuth has no counterpart in a connector.
_NO_USER: Final = {
    "clientCredentials": "client credentials",
    "application": "client credentials",
    "password": "password",
}


@dataclass(frozen=True)
class Scheme:
    """One security scheme, read."""

    name: str
    pointer: str
    type: str = ""
    """The auth type that it becomes, or empty where it becomes none."""
    summary: str = ""
    """What the document says that it is: `apiKey in header X-API-Key`."""
    header: str = ""
    """The header that it uses, empty for `Authorization`."""
    prefix: str = ""
    suffix: str = ""
    description: str = ""
    key_as_username: bool = False
    flow: Mapping[str, Any] = field(default_factory=dict)
    """The OAuth flow that is used."""
    assumption: str = ""
    """What the document leaves open and how it was taken."""
    obstacle: str = ""
    """Why it does not work, or not without more, in a connector."""
    unknown_prefix: bool = False
    """Whether a word may belong before the credential that nothing tells."""
    rank: int = 1
    """The lower, the better it suits connectors of many accounts."""


def read_schemes(document: Document, base: str = "") -> dict[str, Scheme]:
    """Every security scheme that a document declares, by name.

    Args:
        document: The document.
        base: The base URL of the API, which relative OAuth endpoints belong to.
    """
    swagger = "swagger" in document
    steps = ("securityDefinitions",) if swagger else ("components", "securitySchemes")
    holder: Any = document
    for step in steps:
        holder = mapping(follow(document, mapping(holder).get(step)))
    context = _context(document)
    found = {}
    for name, entry in mapping(holder).items():
        spec = follow(document, entry)
        where = pointer(*steps, str(name))
        if isinstance(spec, Mapping):
            found[str(name)] = _read(str(name), spec, where, context, base)
        else:
            found[str(name)] = Scheme(
                str(name),
                where,
                summary="a reference that leads out of this file",
                obstacle="it is described in another file: bundle the document into one file first",
            )
    return found


def _context(document: Document) -> list[str]:
    """The document's general prose, which often describes authentication."""
    texts = [text_of(mapping(document.get("info")).get("description"))]
    texts += [text_of(mapping(tag).get("description")) for tag in listed(document.get("tags"))]
    return [text for text in texts if text]


def _read(name: str, spec: Mapping[str, Any], where: str, context: list[str], base: str) -> Scheme:
    kind = text_of(spec.get("type"))
    scheme = Scheme(name, where, description=text_of(spec.get("description")))
    if kind == "apiKey":
        return _api_key(scheme, spec, context)
    if kind == "basic":  # Swagger 2.0
        return _basic(scheme, context)
    if kind == "http":
        return _http(scheme, spec, context)
    if kind == "oauth2":
        return _oauth(scheme, spec, base)
    if kind == "openIdConnect":
        url = text_of(spec.get("openIdConnectUrl"))
        return replace(
            scheme,
            type="OAUTH",
            summary="OpenID Connect",
            obstacle=f"the document names the discovery document {url} instead of the endpoints: take "
            "authorization_endpoint and token_endpoint from there",
            rank=INCOMPLETE,
        )
    if kind == "mutualTLS":
        return replace(scheme, summary="mutual TLS", obstacle="a connector has no client certificate")
    return replace(scheme, summary=f"of type {kind[:40]}", obstacle="OpenAPI knows no such type")


def _api_key(scheme: Scheme, spec: Mapping[str, Any], context: list[str]) -> Scheme:
    place, key = text_of(spec.get("in")), text_of(spec.get("name")).strip()
    scheme = replace(scheme, summary=f"apiKey in {place} {key}")
    if place == "query":
        return replace(scheme, obstacle="a connector puts credentials into headers, not into the query")
    if place == "cookie":
        return replace(
            scheme,
            type="API_KEY",
            header="Cookie",
            prefix=f"{key}=",
            assumption="the cookie is sent as a Cookie header; session cookies are short-lived",
            rank=5,
        )
    if place != "header" or not key:
        return replace(scheme, obstacle="it names no header")
    if re.search(r"sigv4|hmac", str(spec.get("x-amazon-apigateway-authtype", "")), re.IGNORECASE):
        return replace(scheme, obstacle="each request has to be signed, and a connector signs nothing")
    # Vendor extensions such as examples hold values; some show how the header looks.
    shown = [
        value for member, value in spec.items() if str(member).startswith("x-") and isinstance(value, str)
    ]
    return _keyed_header(scheme, key, [scheme.description, *shown], context)


def _keyed_header(scheme: Scheme, key: str, texts: list[str], context: list[str]) -> Scheme:
    """A header whose value is a credential: which type that is depends on what stands before it."""
    plain_authorization = key.lower() == "authorization"
    header = "" if plain_authorization else key
    said = affixes([text for text in texts if text], key)
    assumption = ""
    if said is None and plain_authorization:
        said = header_example(context, key)
        assumption = (
            f"the words before the key, {said.prefix!r}, are from an example in its prose" if said else ""
        )
    word = said.prefix.strip().lower() if said else ""
    if word == "bearer":
        return replace(scheme, type="BEARER", header=header, assumption=assumption)
    if word == "basic" and plain_authorization:
        return _basic(replace(scheme, assumption=assumption), context)
    if said is not None:
        return replace(
            scheme,
            type="API_KEY",
            header=header,
            prefix=said.prefix,
            suffix=said.suffix,
            assumption=assumption,
        )
    scheme = replace(scheme, type="API_KEY", header=header)
    if not plain_authorization:
        return scheme
    # Swagger 2.0 cannot declare a bearer token in any other way.
    hints = f"{scheme.name} {scheme.description}"
    if re.search(r"bearer|jwt|oauth", hints, re.IGNORECASE):
        return replace(
            scheme,
            type="BEARER",
            assumption="its name or description speaks of a bearer token, so `Bearer ` is put before it",
        )
    if re.search(r"basic", scheme.name, re.IGNORECASE):
        return _basic(replace(scheme, assumption="its name speaks of Basic authentication"), context)
    return replace(scheme, unknown_prefix=True, rank=2)


def _basic(scheme: Scheme, context: list[str]) -> Scheme:
    said = key_as_username(scheme.description)
    assumption = scheme.assumption
    if not said and not scheme.description and any(key_as_username(text) for text in context):
        said, assumption = (
            True,
            "its prose says that an API key is the user name and that there is no password",
        )
    if not said and re.fullmatch(
        r"(?:api|secret|access)[-_ ]?(?:key|token)(?:[-_ ]?auth)?", scheme.name, re.IGNORECASE
    ):
        said, assumption = True, "its name says that an API key is the user name; no password is asked for"
    if not said and not scheme.description and not assumption:
        assumption = (
            "a user name and a password are asked for; many APIs take a key in the place of one of them"
        )
    return replace(
        scheme,
        type="BASIC",
        summary=scheme.summary or "http basic",
        key_as_username=said,
        assumption=assumption,
    )


def _http(scheme: Scheme, spec: Mapping[str, Any], context: list[str]) -> Scheme:
    word = text_of(spec.get("scheme")).strip()
    scheme = replace(scheme, summary=f"http {word}")
    if word.lower() == "bearer":
        form = text_of(spec.get("bearerFormat"))
        short_lived = form.upper() == "JWT"
        return replace(
            scheme,
            type="BEARER",
            rank=2 if short_lived else 1,
            summary=f"http bearer ({form})" if form else scheme.summary,
        )
    if word.lower() == "basic":
        return _basic(scheme, context)
    if word.lower() in {
        "digest",
        "hoba",
        "mutual",
        "negotiate",
        "ntlm",
        "scram-sha-1",
        "scram-sha-256",
        "vapid",
        "dpop",
        "",
    }:
        return replace(scheme, obstacle="it takes more than a fixed header value")
    return replace(
        scheme,
        type="API_KEY",
        prefix=f"{word} ",
        assumption=f"the key is sent as `Authorization: {word} <key>`",
    )


def _oauth(scheme: Scheme, spec: Mapping[str, Any], base: str) -> Scheme:
    if "flow" in spec:  # Swagger 2.0
        flows = {text_of(spec.get("flow")): spec}
    else:
        flows = {
            str(name): flow for name, flow in mapping(spec.get("flows")).items() if isinstance(flow, Mapping)
        }
    scheme = replace(scheme, summary=f"oauth2 ({', '.join(flows) or 'no flows'})")
    for name in ("authorizationCode", "accessCode"):
        if flow := flows.get(name):
            endpoints = [text_of(flow.get(key)).strip() for key in ("authorizationUrl", "tokenUrl")]
            urls = [absolute(endpoint, base) if endpoint else "" for endpoint in endpoints]
            if not all(urls):
                return replace(scheme, type="OAUTH", flow=flow, rank=INCOMPLETE)
            # Placeholders are documented for proxy_url only, so static credentials are the safer choice.
            return replace(scheme, type="OAUTH", flow=flow, rank=3 if any("{{" in url for url in urls) else 0)
    if flow := flows.get("implicit"):
        # Who has an implicit flow nearly always has a token endpoint too, but the document need not say so.
        other = next((f for f in flows.values() if text_of(f.get("tokenUrl"))), None)
        merged = {**flow, "tokenUrl": other["tokenUrl"]} if other else flow
        return replace(
            scheme,
            type="OAUTH",
            flow=merged,
            rank=INCOMPLETE,
            assumption="the document has the implicit flow only; Scalekit uses the authorization code flow, so the "
            "upstream has to offer that too",
        )
    named = [_NO_USER.get(name, name) for name in flows]
    return replace(
        scheme,
        type="BEARER",
        rank=6,
        flow=next(iter(flows.values()), {}),
        obstacle=f"the upstream hands out tokens by {' or '.join(named) or 'no flow that it names'} only, "
        "without a user; no auth type of custom connectors does that. BEARER takes a token that you get yourself, and "
        "it has to be renewed when it expires",
    )


@dataclass(frozen=True)
class Offer:
    """Schemes that together give access, and to how much."""

    schemes: tuple[Scheme, ...]
    operations: int
    """How many operations accept it."""
    position: int

    @property
    def name(self) -> str:
        """The schemes' names."""
        return "+".join(scheme.name for scheme in self.schemes)

    @property
    def type(self) -> str:
        """The auth type that it becomes, or the empty string."""
        return self.used[0].type

    @property
    def used(self) -> tuple[Scheme, ...]:
        """The schemes that a connector does, where it cannot do them all.

        That is OAuth with its endpoints, else the first that it can do; and of header keys all.
        """
        able = [scheme for scheme in self.schemes if scheme.type]
        if not able:
            return self.schemes[:1]
        main = min(able, key=lambda s: (s.rank >= INCOMPLETE, s.type != "OAUTH", able.index(s)))
        return tuple(s for s in able if s.type == "API_KEY") if main.type == "API_KEY" else (main,)

    @property
    def rest(self) -> tuple[Scheme, ...]:
        """The schemes that it does not do besides."""
        return tuple(scheme for scheme in self.schemes if scheme not in self.used)

    @property
    def rank(self) -> int:
        """The lower, the better: the worst of its parts, and worse where parts are left out."""
        return max(scheme.rank for scheme in self.schemes) + (3 if self.rest else 0)


def offers(document: Document, schemes: Mapping[str, Scheme]) -> list[Offer]:
    """The ways to authenticate, the most suitable one first.

    What the operations accept decides, where the root's `security` holds for operations without their own. A way
    that fewer than nine tenths of the operations accept stands behind those that more do. Among equals, the order
    is: OAuth with both endpoints, then static credentials in the document's order, then what is short-lived,
    depends on undocumented placeholders or is incomplete, then what a connector cannot do.
    """
    root = document.get("security")
    counted: Counter[tuple[str, ...]] = Counter()
    order: dict[tuple[str, ...], int] = {}

    def names(requirement: Any) -> tuple[str, ...]:
        return tuple(name for name in mapping(requirement) if name in schemes)

    for requirement in listed(root):
        if key := names(requirement):
            order.setdefault(key, len(order))
    for _, operation in operations(document):
        own = operation.get("security", root)
        for key in dict.fromkeys(names(requirement) for requirement in listed(own)):
            if key:
                counted[key] += 1
    for key in [*counted, *((name,) for name in schemes)]:
        order.setdefault(key, len(order))
    made = [Offer(tuple(schemes[name] for name in key), counted[key], place) for key, place in order.items()]
    most = max((offer.operations for offer in made if offer.type), default=0)

    def suitability(offer: Offer) -> tuple[bool, bool, int, int, int]:
        wide = offer.operations >= 0.9 * most
        return (not offer.type, not wide, 0 if wide else -offer.operations, offer.rank, offer.position)

    return sorted(made, key=suitability)


def demanded_scopes(document: Document, name: str) -> tuple[list[str], frozenset[str]]:
    """The scopes of a scheme that operations demand: all of them, and those that every operation demands."""
    root = document.get("security")
    every: frozenset[str] | None = None
    seen: dict[str, None] = {}
    for security in [operation.get("security", root) for _, operation in operations(document)] or [root]:
        for requirement in listed(security):
            if name in mapping(requirement):
                scopes = [
                    scope for scope in listed(requirement[name]) if isinstance(scope, str) and scope.strip()
                ]
                seen.update(dict.fromkeys(scopes))
                every = frozenset(scopes) if every is None else every & frozenset(scopes)
    return list(seen), every or frozenset()


@dataclass(frozen=True)
class HeaderParameter:
    """A header that operations take as an ordinary parameter."""

    name: str
    description: str
    share: float
    """The share of the operations that have it."""
    required: float
    """The share of the operations that require it."""


def header_parameters(document: Document) -> list[HeaderParameter]:
    """The header parameters of at least half of the operations."""
    total = 0
    seen: Counter[str] = Counter()
    required: Counter[str] = Counter()
    first: dict[str, tuple[str, str]] = {}
    for path_item, operation in operations(document):
        total += 1
        named = {}
        for entry in [*listed(path_item.get("parameters")), *listed(operation.get("parameters"))]:
            parameter = mapping(follow(document, entry))
            if parameter.get("in") == "header" and (name := text_of(parameter.get("name"))):
                named[name.lower()] = parameter
        for lower, parameter in named.items():
            seen[lower] += 1
            required[lower] += parameter.get("required") is True
            first.setdefault(lower, (text_of(parameter.get("name")), text_of(parameter.get("description"))))
    return [
        HeaderParameter(*first[lower], share=count / total, required=required[lower] / total)
        for lower, count in seen.items()
        if count * 2 >= total
    ]


def scheme_of_parameter(parameter: HeaderParameter, context: list[str]) -> Scheme | None:
    """The scheme that a header parameter amounts to, or `None` where it looks like no credential."""
    if not _CREDENTIAL_HEADER.fullmatch(parameter.name):
        return None
    scheme = Scheme(
        parameter.name,
        "#/paths",
        summary=f"header parameter {parameter.name}",
        description=parameter.description,
    )
    read = _keyed_header(scheme, parameter.name, [parameter.description], context)
    share = f"{parameter.share:.0%} of the operations take the header {parameter.name} as a parameter"
    return replace(read, assumption="; ".join(filter(None, (share, read.assumption))))


def is_ordinary(parameter: HeaderParameter, credentials: frozenset[str]) -> bool:
    """Whether a header parameter is nothing that a caller has to be told of."""
    return (
        parameter.required < 0.5
        or parameter.name.lower() in _ORDINARY_HEADERS
        or parameter.name.lower() in credentials
    )


def hint_of(scheme: Scheme) -> str:
    """Help text for a credential: the description where it is short enough to be one.

    One that shows the header's whole value would make people type in what is put before the credential anyway.
    """
    text = plain(scheme.description)
    return text if 10 <= len(text) <= 120 and not scheme.prefix and "earer" not in text else ""
