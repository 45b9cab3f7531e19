"""Security schemes of OpenAPI 3 and Swagger 2.0, as what Scalekit makes of them.

A connector puts one credential into headers. So a scheme becomes an auth type where it does just that, and
otherwise it says why it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pulumi_scalekit.definition.normalize import mapping

from .documents import Document, follow, general_prose, pointer, text_of
from .origins import is_called_lasting, is_personal_token, names_oauth, says_expiring, says_issued
from .prose import affixes, header_example, key_as_username
from .servers import absolute
from .text import plain

INCOMPLETE: Final = 4
"""The rank from which on a scheme needs more than the document says."""
# Where a step in OAuth has no counterpart in a connector.
_NO_USER: Final = {
    "clientCredentials": "client credentials",
    "application": "client credentials",
    "password": "password",
}

SIGNED: Final = "each request has to be signed, and a connector sends the same value with each"
_SIGNATURE: Final = re.compile(
    r"(?:[a-z0-9]+[-_])*(?:signature|sign|signed|hmac|digest|timestamp|nonce|expires|expiry)|\w+-(?:signature|timestamp)-\w+"
    r"|[a-z]*(?:Signature|Timestamp|Nonce)",
    re.IGNORECASE,
)
_ACCOUNT: Final = re.compile(
    r"(?:[a-z0-9]+[-_])*(?:user|account|acct|tenant|org|organi[sz]ation|workspace)(?:[-_]?(?:id|uuid))?",
    re.IGNORECASE,
)
_SIGNED: Final = re.compile(
    r"hmac|sigv4|\bsha-?(?:256|512|1)\b|\bsignature (?:of|for)\b|\b(?:request|message) signature"
    r"|\bsign(?:ed|ing)?\s+(?:each|every|the|all|your)\s+(?:request|call|message)",
    re.IGNORECASE,
)


# The grant for machines, in prose that names no other.
_MACHINES: Final = re.compile(r"^(?!.*authori[sz]ation.code).*client.credentials?\b", re.IGNORECASE)
_JWT: Final = re.compile(r"jwt|json web token", re.IGNORECASE)
_DISCOURAGED: Final = re.compile(
    r"\b(?:discouraged|deprecated|not recommended|legacy|obsolete)\b", re.IGNORECASE
)


def is_lasting(scheme: Scheme) -> bool:
    """Whether a scheme speaks of a credential that somebody makes once, in the vendor's pages."""
    declared = scheme.summary if scheme.summary.startswith("http") else scheme.header
    return is_called_lasting(f"{scheme.name} {declared} {scheme.example} {scheme.description}")


def is_signature(name: str) -> bool:
    """Whether a header or parameter holds a part of a signature, as its name says.

    >>> is_signature("X-Acme-Signature"), is_signature("X-API-Key")
    (True, False)
    """
    return bool(_SIGNATURE.fullmatch(name))


def is_account(name: str) -> bool:
    """Whether a header names an account, as its name says, and so is not a credential by itself.

    >>> is_account("X-Acme-Org-Id"), is_account("X-Org-Key")
    (True, False)
    """
    return bool(_ACCOUNT.fullmatch(name))


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
    example: str = ""
    """What the document shows in the place of a credential, or calls it in SDKs."""
    key_as_username: bool = False
    flow: Mapping[str, Any] = field(default_factory=dict)
    """The OAuth flow that is used."""
    assumption: str = ""
    """What the document leaves open and how it was taken."""
    obstacle: str = ""
    """Why it does not work, or not without more, in a connector."""
    doubt: str = ""
    """Why what it takes may not be what account holders have, though it works in a connector."""
    signed: bool = False
    """Whether its value differs from call to call, so that nothing fixed can stand in its place."""
    unknown_prefix: bool = False
    """Whether a word may belong before the credential, and the document does not say which."""
    rank: int = 1
    """The lower, the better it suits connectors of many accounts."""

    @property
    def is_jwt(self) -> bool:
        """Whether it is a bearer token that is called a JWT, and so mostly expires within hours."""
        return self.type == "BEARER" and bool(
            _JWT.search(f"{self.name} {self.summary} {self.header} {self.description}")
        )


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
    context = general_prose(document)
    found = {}
    for name, entry in mapping(holder).items():
        spec = follow(document, entry)
        where = pointer(*steps, str(name))
        if isinstance(spec, Mapping):
            found[str(name)] = _unless_expiring(_read(str(name), spec, where, context, base), context)
        else:
            found[str(name)] = Scheme(
                str(name),
                where,
                summary="a reference that leads out of this file",
                obstacle="it is described in another file: bundle the document into one file first",
            )
    return _with_issuer(found)


def _with_issuer(schemes: dict[str, Scheme]) -> dict[str, Scheme]:
    """The schemes, with a doubt on a JWT where the document issues tokens to machines only."""
    issuer = next((s for s in schemes.values() if s.flow and s.type == "BEARER"), None)
    if issuer is None or any(scheme.type == "OAUTH" for scheme in schemes.values()):
        return schemes
    doubt = f"it is a JWT, and the document issues tokens by {issuer.name} ({issuer.summary}): BEARER takes one that "
    doubt += "you get yourself, and it has to be renewed when it expires"
    return {
        name: _doubted(s, doubt) if s.is_jwt and not s.obstacle and not is_lasting(s) else s
        for name, s in schemes.items()
    }


def _doubted(scheme: Scheme, doubt: str) -> Scheme:
    """The scheme with a doubt, unless it has one: it comes after those without."""
    return scheme if scheme.doubt else replace(scheme, rank=max(scheme.rank, INCOMPLETE), doubt=doubt)


def _example(spec: Mapping[str, Any]) -> str:
    """What vendor extensions show in the place of a credential: examples, defaults, and names for it in SDKs."""
    shown = [
        value
        for name, value in spec.items()
        if re.search("example|default|^x-fern-", str(name), re.IGNORECASE)
    ]
    parts = [part for value in shown for part in (value.values() if isinstance(value, Mapping) else [value])]
    return " ".join(part for part in parts if isinstance(part, str))


def _read(name: str, spec: Mapping[str, Any], where: str, context: list[str], base: str) -> Scheme:
    kind = text_of(spec.get("type"))
    scheme = Scheme(name, where, description=text_of(spec.get("description")), example=_example(spec))
    if kind == "apiKey":
        return unless_issued(_api_key(scheme, spec, context))
    if kind == "basic":  # Swagger 2.0
        return _basic(scheme, context)
    if kind == "http":
        return unless_issued(_http(scheme, spec, context))
    if kind == "oauth2":
        return _oauth(scheme, spec, base)
    if kind == "openIdConnect":
        url = text_of(spec.get("openIdConnectUrl"))
        if _MACHINES.search(plain(scheme.description)):
            return _without_user(replace(scheme, summary="OpenID Connect"), {"clientCredentials": {}})
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
    return replace(scheme, summary=f"of type {kind[:40]}", obstacle="OpenAPI does not know this type")


def unless_issued(scheme: Scheme) -> Scheme:
    """The scheme, doubted where it says that another call or an OAuth server issues the credential."""
    if scheme.type not in {"API_KEY", "BEARER"} or scheme.obstacle:
        return scheme
    is_token = scheme.type == "BEARER" and not is_lasting(scheme)
    if says_issued(scheme.description, is_token=is_token):
        doubt = (
            "its description says that another call issues the credential, so it may expire, and the account "
        )
        return _doubted(scheme, f"{doubt}holder would have to get it first")
    if is_token and names_oauth(f"{scheme.name} {scheme.summary} {scheme.description}"):
        doubt = "it is a token of an OAuth server that the document does not describe, so it may expire: its "
        return _doubted(scheme, f"{doubt}endpoints go with --auth oauth")
    return scheme


def _unless_expiring(scheme: Scheme, context: list[str]) -> Scheme:
    """The scheme, doubted where it is a token, and the document's prose is about tokens that expire."""
    is_token = scheme.type == "BEARER" or "token" in f"{scheme.header} {scheme.description}".lower()
    if scheme.type not in {"API_KEY", "BEARER"} or scheme.obstacle or not is_token or is_lasting(scheme):
        return scheme
    if not any(map(says_expiring, context)):
        return scheme
    doubt = "the document's prose speaks of tokens that expire, or that client credentials are exchanged for, and the "
    doubt += "account holder would have to get one first"
    return _doubted(scheme, doubt)


def _api_key(scheme: Scheme, spec: Mapping[str, Any], context: list[str]) -> Scheme:
    place, key = text_of(spec.get("in")), text_of(spec.get("name")).strip()
    scheme = replace(scheme, summary=f"apiKey in {place} {key}")
    authorizer = str(spec.get("x-amazon-apigateway-authtype", ""))
    if is_signature(key) or _SIGNED.search(f"{scheme.description} {authorizer}"):
        return replace(scheme, obstacle=SIGNED, signed=True)
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
    # Vendor extensions such as examples hold values; some show how the header looks.
    shown = [
        value for member, value in spec.items() if str(member).startswith("x-") and isinstance(value, str)
    ]
    return keyed_header(scheme, key, [scheme.description, *shown], context)


def keyed_header(scheme: Scheme, key: str, texts: list[str], context: list[str]) -> Scheme:
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
        basic = _basic(replace(scheme, assumption=assumption), context, is_named=False)
        return _of_single_key(basic) if said and said.is_single_key and not basic.key_as_username else basic
    if said is not None and not assumption and not said.is_certain:
        assumption = f"{said.prefix!r} stands before an example of the credential in its description"
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


def _of_single_key(basic: Scheme) -> Scheme:
    """A scheme of Basic authentication that is shown with a single key behind the word `Basic`."""
    doubt = (
        "the document shows `Basic` before one key. Give --auth basic where the key is the user name or the "
    )
    return _doubted(basic, f"{doubt}password, or --auth api_key --prefix 'Basic ' where it is sent as it is")


def _basic(scheme: Scheme, context: list[str], *, is_named: bool = True) -> Scheme:
    """Basic authentication.

    Args:
        scheme: The scheme.
        context: The document's general prose.
        is_named: Whether the scheme's name tells how Basic authentication is used, rather than what a header holds.
    """
    said = key_as_username(scheme.description)
    assumption = scheme.assumption
    if not said and not scheme.description and any(key_as_username(text) for text in context):
        said, assumption = (
            True,
            "its prose says that an API key is the user name and that there is no password",
        )
    if (
        not said
        and is_named
        and re.fullmatch(
            r"(?:api|secret|access)[-_ ]?(?:key|token)(?:[-_ ]?auth)?", scheme.name, re.IGNORECASE
        )
    ):
        said, assumption = True, "its name says that an API key is the user name; no password is asked for"
    if not said and not scheme.description and not assumption:
        assumption = (
            "a user name and a password are asked for; many APIs take a key in the place of one of them"
        )
        # Often it is for installations of one's own, or for requesting the token of another scheme.
        scheme = replace(scheme, rank=2)
    if _DISCOURAGED.search(scheme.description):
        scheme = replace(scheme, rank=5)
    return replace(
        scheme,
        type="BASIC",
        summary=scheme.summary or "http basic",
        key_as_username=said,
        assumption=assumption,
    )


def _http(scheme: Scheme, spec: Mapping[str, Any], context: list[str]) -> Scheme:
    word = text_of(spec.get("scheme")).strip()
    if spec.get("in") == "header" and text_of(spec.get("name")) and word.lower() not in {"basic", "bearer"}:
        return _api_key(scheme, spec, context)  # an apiKey that is called http
    scheme = replace(scheme, summary=f"http {word}")
    if word.lower() == "bearer":
        form = text_of(spec.get("bearerFormat"))
        token = replace(scheme, type="BEARER", summary=f"http bearer ({form})" if form else scheme.summary)
        return replace(token, rank=2 if token.is_jwt and not is_lasting(token) else 1)
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
    if is_personal_token(scheme.description):
        doubt = (
            "its description speaks of a key or token that somebody makes, and not of OAuth: for that, give "
        )
        scheme = _doubted(scheme, f"{doubt}--auth bearer")
    for name in ("authorizationCode", "accessCode"):
        if flow := flows.get(name):
            endpoints = [text_of(flow.get(key)).strip() for key in ("authorizationUrl", "tokenUrl")]
            servers = [absolute(endpoint, base) for endpoint in endpoints if endpoint]
            urls = [server.url for server in servers if server.usable]
            if len(urls) < 2:
                return replace(scheme, type="OAUTH", flow=flow, rank=INCOMPLETE)
            # Placeholders are documented for proxy_url only, so static credentials are the safer choice.
            rank = INCOMPLETE if scheme.doubt else 3 if any("{{" in url for url in urls) else 0
            return replace(scheme, type="OAUTH", flow=flow, rank=rank)
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
    return _without_user(scheme, flows)


def _without_user(scheme: Scheme, flows: Mapping[str, Mapping[str, Any]]) -> Scheme:
    """A scheme of OAuth whose flows issue tokens to machines only."""
    named = [_NO_USER.get(name, name) for name in flows]
    return replace(
        scheme,
        type="BEARER",
        rank=6,
        flow=next(iter(flows.values()), {}),
        obstacle=f"the upstream issues tokens by {' or '.join(named) or 'no flow that it names'} only, "
        "without a user; no auth type of custom connectors does that. BEARER takes a token that you get yourself, and "
        "it has to be renewed when it expires",
    )


def hint_of(scheme: Scheme) -> str:
    """Help text for a credential: the description where it is short enough to be one.

    One that shows the header's whole value would make people type in what is put before the credential anyway.
    """
    text = plain(scheme.description)
    return text if 10 <= len(text) <= 120 and not scheme.prefix and "earer" not in text else ""
