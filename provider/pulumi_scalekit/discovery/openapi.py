"""A blueprint out of an OpenAPI 3 or Swagger 2.0 document. Nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pulumi_scalekit.definition.normalize import mapping

from .blueprint import PATTERN, Blueprint, HeaderKey, Scope
from .documents import Document, text_of
from .doubts import Case, doubts
from .errors import DiscoveryError
from .header_parameters import HeaderParameter, companions, guessed, header_parameters, is_ordinary
from .hosts import host_of
from .names import connector_name, service_name
from .notes import Notes
from .offers import Offer, demanded_scopes, offers, unreferenced
from .pkce import find_pkce
from .reading import Choice, Reading
from .schemes import Scheme, hint_of, read_schemes
from .servers import Server, absolute, choose, other_hosts, secured, servers
from .text import first_sentence, identifier, label

_SHOWN: Final = 4
_EVERY_CALL: Final = re.compile(
    r"\b(?:every|each|all|any)\b[^.]{0,40}\b(?:requests?|calls?|endpoints?)\b|\brequire[sd]?\b|\bmust\b|\balways\b",
    re.IGNORECASE,
)
_MADE_UP_SCOPE: Final = re.compile(
    r"scopes?\d*|string|your[-_ ]?scopes?|example|additionalProp\d|<.*>|\.\.\.", re.IGNORECASE
)


def read_openapi(
    document: Document, *, scheme: str = "", auth: str = "", server: str = "", proxy_url: str = ""
) -> Reading:
    """Read a document.

    Args:
        document: The document, as `load_document` gives it.
        scheme: The security scheme to take, by name; several that go together are joined by `+`.
        auth: The auth type to take, such as `BEARER`.
        server: The server to take: its number from 1, or a part of its URL or description.
        proxy_url: The base URL that the user gave, for endpoints that are relative to it.

    Raises:
        DiscoveryError: The document has no such scheme or server.
    """
    notes = Notes()
    blueprint = _address(Blueprint(), document, server, notes)
    blueprint = _names(blueprint, document, notes)
    blueprint, choices = _authentication(
        blueprint, document, scheme, auth, proxy_url or blueprint.proxy_url, notes
    )
    return Reading(blueprint, notes, choices)


def _names(blueprint: Blueprint, document: Document, notes: Notes) -> Blueprint:
    info = mapping(document.get("info"))
    title = text_of(info.get("title"))
    host = host_of(blueprint.proxy_url)
    service = service_name(document, host)
    name = connector_name(title, host, service)
    if name and service and name.startswith(service) and service.lower() not in title.lower():
        notes.assumed(
            "display_name",
            f"{name}: with the service's name from its host, which the title {title!r} does not have",
            "#/servers",
        )
    elif name:
        notes.found("display_name", f"{name}: from the title {title!r}", "#/info/title")
    else:
        notes.missing("display_name", "the document has no title", "#/info", "give a name with --name")
    description = first_sentence(info.get("summary")) or first_sentence(info.get("description"))
    if description:
        notes.found("description", description, "#/info/description")
    elif name:
        description = f"Connect to {name}"
        notes.assumed("description", f"{description}: the document describes itself in no sentence", "#/info")
    return replace(blueprint, display_name=name, description=description)


def _address(blueprint: Blueprint, document: Document, wanted: str, notes: Notes) -> Blueprint:
    candidates = servers(document)
    chosen = choose(candidates, wanted)
    if chosen is None:
        if wanted:
            known = "; ".join(f"{i}. {s.url}" for i, s in enumerate(candidates, 1)) or "none"
            raise DiscoveryError(f"The document has no server {wanted!r}. It has: {known}")
        listed = ", ".join(server.url or "/" for server in candidates[:_SHOWN])
        why = (
            f"no server of the document can be called from elsewhere ({listed})"
            if listed
            else "the document names no server"
        )
        where = "#/host" if "swagger" in document else "#/servers"
        notes.missing("proxy_url", why, where, "give the base URL with --proxy-url")
        return blueprint
    url = secured(chosen.url)
    if url != chosen.url:
        notes.assumed(
            "proxy_url", f"{url}: the document says http, and Scalekit calls https only", chosen.pointer
        )
    else:
        notes.found("proxy_url", url, chosen.pointer)
    for remark in chosen.remarks:
        notes.assumed("proxy_url", remark, chosen.pointer)
    if chosen.for_tests and not wanted:
        notes.missing(
            "proxy_url",
            "the address looks like that of a test system, and the document names no other",
            chosen.pointer,
            "give the real one with --proxy-url, or take it with --server",
        )
    if chosen.guesses and not wanted:
        notes.missing(
            "proxy_url",
            f"{', '.join(chosen.guesses)} may differ from account to account, and the default is filled in",
            chosen.pointer,
            "give the address with --proxy-url, {{name}} where accounts differ, or take it with --server",
        )
    others = list(
        dict.fromkeys(
            s.url for s in candidates if s.usable and s.url.partition(":")[2] != chosen.url.partition(":")[2]
        )
    )
    if others and not wanted:
        notes.assumed(
            "proxy_url",
            f"chosen from several servers; the others: {_some(others)}",
            chosen.pointer,
            "choose with --server, or use a placeholder in --proxy-url",
        )
    elsewhere = other_hosts(document, chosen)
    if elsewhere:
        shown = _some([f"{url} ({count})" for url, count in elsewhere])
        notes.assumed(
            "proxy_url", f"some operations are elsewhere, out of this connector's reach: {shown}", "#/paths"
        )
    _inputs(chosen, notes)
    return replace(blueprint, proxy_url=url, inputs=chosen.inputs)


def _inputs(server: Server, notes: Notes) -> None:
    for name, known in server.inputs.items():
        kind = f"one of {len(known.options)} values" if known.options else "a value of the account's own"
        notes.found(
            "proxy_url", f"{{{{{name}}}}} is {kind}, collected from the account holder", server.pointer
        )


def _some(texts: list[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _authentication(
    blueprint: Blueprint, document: Document, wanted: str, auth: str, base: str, notes: Notes
) -> tuple[Blueprint, tuple[Choice, ...]]:
    schemes = read_schemes(document, base)
    parameters = header_parameters(document)
    context = [text_of(mapping(document.get("info")).get("description"))]
    ranked = [
        replace(offer, companions=_companions(offer, parameters))
        for offer in (offers(document, schemes) if schemes else guessed(parameters, context))
    ]
    chosen = _choose(ranked, schemes, wanted, auth)
    choices = tuple(
        Choice(
            offer.name,
            offer.type,
            ", ".join(s.summary for s in offer.schemes),
            chosen=offer is chosen and bool(offer.type),
        )
        for offer in ranked
    )
    if chosen is None or not chosen.type:
        if auth:
            # The user knows better than the document: the type is theirs, and so is the rest.
            return replace(blueprint, type=auth), choices
        obstacles = [
            f"{s.name} ({s.summary}): {s.obstacle}" for offer in ranked for s in offer.schemes if s.obstacle
        ]
        notes.missing(
            f"{PATTERN}.type",
            "; ".join(dict.fromkeys(obstacles))
            or "the document declares no security scheme, and no header parameter looks like a credential",
            "#/securityDefinitions" if "swagger" in document else "#/components/securitySchemes",
            "give the auth type with --auth, and --header where it is not Authorization",
        )
        return blueprint, choices
    blueprint = _fill(blueprint, document, chosen, base, notes)
    credentials = frozenset(
        name.lower() for name in [blueprint.header, *(key.header for key in blueprint.keys)] if name
    )
    is_open = any(scheme.obstacle for scheme in chosen.used)
    if not wanted and not auth and not is_open:
        for doubt in doubts(Case(document, schemes, parameters, ranked, chosen, base)):
            note = notes.assumed if doubt.is_settled else notes.missing
            note(f"{PATTERN}.type", doubt.text, doubt.pointer, doubt.fix)
    _note_unreferenced(document, schemes, credentials, notes)
    for parameter in parameters:
        if not is_ordinary(parameter, credentials):
            notes.assumed(
                PATTERN,
                f"callers send the header {parameter.name} themselves: {parameter.required:.0%} of the operations "
                "require it, and a connector adds credentials only",
                "#/paths",
            )
    return blueprint, choices


def _companions(offer: Offer, parameters: list[HeaderParameter]) -> tuple[Scheme, ...]:
    """The headers of operations that go with a way to authenticate, if it is a key or a token."""
    if offer.type not in {"API_KEY", "BEARER"}:
        return ()
    return tuple(companions(parameters, frozenset(scheme.header.lower() for scheme in offer.schemes)))


def _note_unreferenced(
    document: Document, schemes: Mapping[str, Scheme], credentials: frozenset[str], notes: Notes
) -> None:
    """Name the header keys that the document declares, and that no operation names."""
    for scheme in unreferenced(document, schemes):
        if not scheme.header or scheme.header == "Cookie" or scheme.header.lower() in credentials:
            continue
        said = first_sentence(scheme.description)
        note = notes.missing if _EVERY_CALL.search(scheme.description) else notes.assumed
        note(
            PATTERN,
            f"the document declares the header key {scheme.header} ({scheme.name}), which no operation names"
            + (f": {said}" if said else ""),
            scheme.pointer,
            "let the callers send it, or take it with --scheme",
        )


def _choose(ranked: list[Offer], schemes: Mapping[str, Scheme], wanted: str, auth: str) -> Offer | None:
    if wanted:
        for offer in ranked:
            if wanted.lower() in {offer.name.lower(), "+".join(sorted(offer.name.lower().split("+")))}:
                return offer
        by_name = {name.lower(): scheme for name, scheme in schemes.items()}
        together = [by_name.get(name) for name in wanted.lower().split("+")]
        if "+" in wanted and all(together):
            return Offer(tuple(scheme for scheme in together if scheme), 0, 0)
        known = ", ".join(offer.name for offer in ranked) or "none"
        raise DiscoveryError(f"The document has no security scheme {wanted!r}. It has: {known}")
    if auth:
        return next((offer for offer in ranked if offer.type == auth), None)
    return ranked[0] if ranked else None


def _fill(blueprint: Blueprint, document: Document, offer: Offer, base: str, notes: Notes) -> Blueprint:
    main = offer.used[0]
    accepted = f", accepted by {offer.operations} of the operations" if offer.operations else ""
    summaries = ", ".join(f"{scheme.name} ({scheme.summary})" for scheme in offer.schemes)
    guessed = main.pointer == "#/paths"
    note = notes.assumed if guessed else notes.found
    note(f"{PATTERN}.type", f"{offer.type}: {summaries}{accepted}", main.pointer)
    for scheme in offer.used:
        if scheme.assumption:
            notes.assumed(f"{PATTERN}.type", f"{scheme.name}: {scheme.assumption}", scheme.pointer)
        if scheme.obstacle:
            notes.missing(f"{PATTERN}.type", f"{scheme.name}: {scheme.obstacle}", scheme.pointer)
    for scheme in offer.rest:
        notes.missing(
            f"{PATTERN}.type",
            f"{scheme.name} ({scheme.summary}) goes with every call too, and a connector cannot send both",
            scheme.pointer,
            "let the callers send it",
        )
    blueprint = replace(blueprint, type=offer.type)
    if len(offer.used) > 1:
        return _several(blueprint, offer, notes)
    if offer.type == "OAUTH":
        return _oauth(blueprint, document, main, base, notes)
    if main.unknown_prefix:
        _note_prefix(main, "api_key", notes)
    if main.header:
        notes.found(f"{PATTERN}.auth_header_key_override", main.header, main.pointer)
    if main.prefix:
        field_name = "token" if offer.type == "BEARER" else "api_key"
        text = f"{main.prefix!r} goes before the credential" + (
            f" and {main.suffix!r} after it" if main.suffix else ""
        )
        note = notes.assumed if main.assumption else notes.found
        note(f"{PATTERN}.auth_field_mutations.{field_name}", text, main.pointer)
    if main.key_as_username:
        notes.found(f"{PATTERN}.fields", "username holds an API key, and there is no password", main.pointer)
    return replace(
        blueprint,
        header=main.header,
        prefix=main.prefix,
        suffix=main.suffix,
        hint=hint_of(main) if offer.type != "BASIC" or main.key_as_username else "",
        key_as_username=main.key_as_username,
    )


def _note_prefix(scheme: Scheme, field_name: str, notes: Notes) -> None:
    notes.missing(
        f"{PATTERN}.auth_field_mutations.{field_name}.prefix",
        f"the key of {scheme.name} goes into the Authorization header, and the document does not say which word, "
        "if any, goes before it; it is sent as it is",
        scheme.pointer,
        "give it with --prefix, such as --prefix 'Token '; --prefix '' if nothing does",
    )


def _several(blueprint: Blueprint, offer: Offer, notes: Notes) -> Blueprint:
    keys: list[HeaderKey] = []
    for scheme in offer.used:
        name = identifier(scheme.name).lower() if scheme.pointer == "#/paths" else identifier(scheme.name)
        header = scheme.header or "Authorization"
        prefix = "Bearer " if scheme.type == "BEARER" else scheme.prefix
        keys.append(HeaderKey(header, name, label(scheme.name), hint_of(scheme), prefix, scheme.suffix))
        behind = f" behind {prefix!r}" if prefix else ""
        notes.found(f"{PATTERN}.fields", f"{name} goes into the header {header}{behind}", scheme.pointer)
        if scheme.unknown_prefix:
            _note_prefix(scheme, name, notes)
    return replace(blueprint, keys=tuple(keys))


def _oauth(blueprint: Blueprint, document: Document, scheme: Scheme, base: str, notes: Notes) -> Blueprint:
    flow, where = scheme.flow, f"{PATTERN}.oauth_config"
    endpoints: dict[str, str] = {}
    inputs = dict(blueprint.inputs)
    for ours, theirs, name in (
        ("authorize_uri", "authorizationUrl", "--authorize-url"),
        ("token_uri", "tokenUrl", "--token-url"),
    ):
        reference = text_of(flow.get(theirs)).strip()
        endpoint = absolute(reference, base) if reference else Server("", "")
        url = endpoints[ours] = secured(endpoint.url) if endpoint.usable else ""
        if not url:
            why = f"the document has no {theirs}"
            if reference:
                why = f"{reference} " + (
                    "is an example, or leads to where nobody else can call it"
                    if endpoint.host
                    else "is relative to a server that is not known"
                )
            notes.missing(f"{where}.{ours}", why, scheme.pointer, f"give it with {name}")
            continue
        inputs = {**endpoint.inputs, **inputs}
        note = notes.found if url == endpoint.url and not endpoint.remarks else notes.assumed
        note(f"{where}.{ours}", "; ".join((url, *endpoint.remarks)), scheme.pointer)
        if "{{" in url:
            notes.assumed(
                f"{where}.{ours}",
                "its placeholder is filled from the connected account, as in proxy_url; Scalekit documents that for "
                "proxy_url only",
                scheme.pointer,
            )
    demanded, required = demanded_scopes(document, scheme.name)
    offered = mapping(flow.get("scopes"))
    scopes = tuple(
        Scope(
            str(scope), first_sentence(text) or " ".join(text_of(text).split())[:200], str(scope) in required
        )
        for scope, text in offered.items()
        if str(scope).strip() and not _MADE_UP_SCOPE.fullmatch(str(scope).strip())
    )
    if len(scopes) < len(offered):
        notes.assumed(
            f"{where}.available_scopes",
            "names that stand for a scope, such as `scope`, are left out",
            scheme.pointer,
        )
    known = {scope.scope for scope in scopes}
    scopes += tuple(Scope(scope, required=scope in required) for scope in demanded if scope not in known)
    if scopes:
        count = f"{len(scopes)} scope{'' if len(scopes) == 1 else 's'}"
        notes.found(
            f"{where}.available_scopes",
            f"{count}, {len(required)} of them required" if required else count,
            scheme.pointer,
        )
        if not required:
            notes.assumed(
                f"{where}.available_scopes", "no scope is required of every connection", scheme.pointer
            )
    else:
        notes.assumed(
            f"{where}.available_scopes",
            "none: the document lists no scopes",
            scheme.pointer,
            "add them with --scope",
        )
    sign = find_pkce(document, scheme.description, scheme.pointer)
    if sign is not None:
        note = notes.found if sign.is_stated else notes.assumed
        note(f"{where}.pkce_enabled", f"true: {sign.reason}", sign.pointer)
    return replace(
        blueprint,
        pkce=sign is not None,
        scopes=scopes,
        authorize_uri=endpoints["authorize_uri"],
        token_uri=endpoints["token_uri"],
        inputs=inputs,
    )
