"""A blueprint out of what an MCP server says about itself.

The order of asking is that of the MCP specification's authorization chapter:

1. `initialize` without credentials. A 401 may name the protected-resource metadata in `WWW-Authenticate`.
2. The protected-resource metadata (RFC 9728): where the 401 says, else at the well-known path with the server's
   path inserted behind it, else at the root.
3. The authorization server's metadata (RFC 8414, then OpenID Connect discovery), with its path inserted or appended.
   Servers of the specification's 2025-03-26 version have it at their own root, without step 2.

What comes out is the auth type: `OAUTH` with Dynamic Client Registration, `BEARER` or `API_KEY` with a key that the
account holder types in, or `NO_AUTH`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pulumi_scalekit.definition.normalize import mapping
from pulumi_scalekit.definition.urls import PLACEHOLDER

from .blueprint import PATTERN, Blueprint
from .documents import listed, text_of
from .errors import DiscoveryError
from .guarded_fetcher import FetchError, GuardedFetcher, Resolver, Response, resolve
from .hosts import host_of
from .names import connector_name, name_of_host
from .notes import Notes
from .oauth_metadata import (
    Challenge,
    authorization_metadata_urls,
    covers,
    origin,
    parse_challenges,
    well_known,
)
from .prose import header_in_message
from .reading import Reading
from .text import first_sentence, plain

PROTOCOL: Final = "2025-06-18"
"""The version of MCP that is offered in `initialize`."""
_NOT_THERE: Final = frozenset([400, 404, 405, 410])
"""What servers respond with where they have no metadata."""
_SECRET: Final = re.compile(
    r"(?:.*[-_.])?(?:api|access|auth|secret|private)?[-_]?(?:key|token|secret|password|auth|signature|sig|credentials?)"
    r"|apikey|.*(?:Key|Token|Secret)",
    re.IGNORECASE,
)
_SERVERS: Final = 3
"""How many authorization servers are asked, of those that the metadata lists."""


def read_mcp(url: str, *, timeout: float = 10.0, resolver: Resolver = resolve) -> Reading:
    """Ask an MCP server how it wants to be called.

    Args:
        url: The server's URL.
        timeout: Seconds that one request may take; there are at most about a dozen.
        resolver: How to resolve host names.

    Raises:
        DiscoveryError: The URL cannot be that of an MCP server.
    """
    notes = Notes()
    url, secrets = without_credentials(url.strip().partition("#")[0])
    if PLACEHOLDER.search(url):
        _note_url(url, secrets, notes)
        notes.missing(
            f"{PATTERN}.type",
            "the URL has placeholders, so there is no one server to ask",
            fix="give the auth type with --auth",
        )
        return Reading(_named(Blueprint(proxy_url=url, is_mcp=True), {}, {}, notes), notes)
    try:
        fetcher = GuardedFetcher(url, timeout=timeout, resolver=resolver)
    except FetchError as error:
        raise DiscoveryError(f"The MCP server's URL {error}") from None
    try:
        _note_url(url, secrets, notes)
        return _Conversation(url, fetcher, notes).read()
    finally:
        fetcher.close()


def without_credentials(url: str) -> tuple[str, list[str]]:
    """A URL without the credentials in its query, and their names.

    >>> without_credentials("https://mcp.acme.io/mcp?apiKey=123&team=7")
    ('https://mcp.acme.io/mcp?team=7', ['apiKey'])
    """
    base, mark, query = url.partition("?")
    pieces = query.split("&") if mark else []
    secret = [piece for piece in pieces if _SECRET.fullmatch(piece.partition("=")[0])]
    kept = "&".join(piece for piece in pieces if piece not in secret)
    return (f"{base}?{kept}" if kept else base), [piece.partition("=")[0] for piece in secret]


def _note_url(url: str, secrets: list[str], notes: Notes) -> None:
    notes.given("proxy_url", url)
    if secrets:
        notes.missing(
            "proxy_url",
            f"the URL has a credential in its query ({', '.join(secrets)}), which would be in the definition and in "
            "every log: it was left out, and the server was asked without it",
            fix="let the account holder give it: --auth bearer, or --auth api_key with --header",
        )


@dataclass
class _Conversation:
    url: str
    fetcher: GuardedFetcher
    notes: Notes
    is_foreign: bool = False
    """Whether the server's metadata is about another resource."""
    is_refused: bool = False
    """Whether metadata is there, and cannot be read."""
    failures: list[str] = field(default_factory=list)
    """What could not be fetched, for the report."""

    def read(self) -> Reading:
        blueprint = Blueprint(proxy_url=self.url, is_mcp=True)
        try:
            response = self._initialize()
        except FetchError as error:
            return self._unreachable(blueprint, error)
        hello = mapping(mapping(response.json()).get("result"))
        if response.redirect:
            self.notes.assumed(
                "proxy_url",
                f"the server redirects to {without_credentials(response.redirect)[0]}",
                self.url,
                "make that the URL if it is right",
            )
        challenges = parse_challenges(response.headers.get_list("www-authenticate"))
        resource, resource_url = self._protected_resource(challenges)
        blueprint = _named(blueprint, mapping(hello.get("serverInfo")), resource, self.notes)
        if "mcp-session-id" in response.headers:
            self.notes.assumed(
                f"{PATTERN}.is_mcp",
                "the server opens a session for its clients, and Scalekit supports stateless servers only: it works if "
                "the server accepts calls without the session too",
                self.url,
            )
        issuers = [text for text in listed(resource.get("authorization_servers")) if isinstance(text, str)]
        found = self._authorization_server(issuers)
        if found is not None:
            return Reading(self._oauth(blueprint, *found, resource), self.notes)
        return Reading(
            self._static(blueprint, response, hello, challenges, issuers, resource_url), self.notes
        )

    def _initialize(self) -> Response:
        request = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": PROTOCOL,
                "capabilities": {},
                "clientInfo": {"name": "pulumi-scalekit", "version": "1"},
            },
        }
        # The version header belongs to what follows initialization, where both sides know the version.
        headers = {"Accept": "application/json, text/event-stream"}
        return self.fetcher.post(self.url, request, headers)

    def _unreachable(self, blueprint: Blueprint, error: FetchError) -> Reading:
        self.notes.missing(
            f"{PATTERN}.type",
            f"{self.url} {error}; so the auth type is not known. OAUTH was assumed, which most public "
            "servers take",
            self.url,
            "give the auth type with --auth, or run this where the server can be reached",
        )
        named = _named(blueprint, {}, {}, self.notes)
        return Reading(replace(named, type="OAUTH"), self.notes)

    # --- Metadata -----------------------------------------------------------------------------------------------

    def _metadata(self, url: str, what: str) -> Mapping[str, Any]:
        """A metadata document; empty when it cannot be fetched, with the reason kept."""
        try:
            response = self.fetcher.get(url)
        except FetchError as error:
            self.failures.append(f"{url} {error}")
            self.is_refused = True
            return {}
        if response.redirect:
            self.failures.append(f"{url} redirects to another origin, which is not followed")
            return {}
        if response.status != 200:
            if response.status not in _NOT_THERE:
                self.failures.append(f"{url} responds with HTTP {response.status}")
                self.is_refused = True
            return {}
        document = response.json()
        if not isinstance(document, Mapping):
            self.failures.append(f"{url} is not a JSON object, so not {what}")
            return {}
        return document

    def _protected_resource(self, challenges: list[Challenge]) -> tuple[Mapping[str, Any], str]:
        """The protected-resource metadata and its URL; both empty when there is none."""
        told = [c.parameters["resource_metadata"] for c in challenges if "resource_metadata" in c.parameters]
        for url in dict.fromkeys([*told, *well_known(self.url, "oauth-protected-resource")]):
            document = self._metadata(url, "protected-resource metadata")
            if not document:
                continue
            named = text_of(document.get("resource"))
            if not covers(named, self.url):
                # RFC 9728, section 3.3: metadata for another resource must not be used.
                self.is_foreign = True
                self.failures.append(
                    f"{url} is about another resource, {named[:200] or 'without a name'}, and was not used"
                )
                continue
            return document, url
        return {}, ""

    def _authorization_server(self, issuers: list[str]) -> tuple[Mapping[str, Any], str] | None:
        """The metadata of an authorization server, and its URL."""
        if issuers:
            for issuer in issuers[:_SERVERS]:
                urls = authorization_metadata_urls(issuer)
                if not urls:
                    self.failures.append(f"the authorization server {issuer[:200]!r}, which is not a URL")
                for url in urls:
                    document = self._metadata(url, "authorization-server metadata")
                    if not document:
                        continue
                    if text_of(document.get("issuer")).rstrip("/") != issuer.rstrip("/"):
                        # RFC 8414, section 3.3: metadata of another issuer must not be used.
                        self.failures.append(
                            f"{url} names another issuer than {issuer[:200]}, and was not used"
                        )
                        continue
                    return document, url
            return None
        # Before June 2025, MCP servers were their own authorization servers.
        root = origin(self.url)
        url = f"{root}/.well-known/oauth-authorization-server"
        document = self._metadata(url, "authorization-server metadata")
        issuer = text_of(document.get("issuer"))
        if not text_of(document.get("authorization_endpoint")) or not issuer:
            return None
        if issuer.rstrip("/") != root:
            # Nothing of the document goes into the definition; clients that check it may refuse it.
            self.failures.append(f"{url} names another issuer than {root}, which RFC 8414 forbids")
        return document, url

    # --- Decisions ----------------------------------------------------------------------------------------------

    def _oauth(
        self, blueprint: Blueprint, server: Mapping[str, Any], url: str, resource: Mapping[str, Any]
    ) -> Blueprint:
        notes = self.notes
        grants = [g for g in listed(server.get("grant_types_supported")) if isinstance(g, str)]
        if grants and "authorization_code" not in grants:
            notes.missing(
                f"{PATTERN}.type",
                f"the authorization server issues tokens by {', '.join(grants[:4])} only, without a user. "
                "BEARER takes a token that you get yourself",
                url,
            )
            return replace(blueprint, type="BEARER")
        notes.found(
            f"{PATTERN}.type",
            f"OAUTH: the authorization server {text_of(server.get('issuer'))} has metadata",
            url,
        )
        methods = listed(server.get("code_challenge_methods_supported"))
        where = f"{PATTERN}.oauth_config.pkce_enabled"
        if "S256" in methods:
            notes.found(where, "true: the authorization server supports S256", url)
        else:
            notes.assumed(where, "true: MCP demands PKCE, though the metadata does not name S256", url)
        if text_of(server.get("registration_endpoint")):
            notes.found(
                f"{PATTERN}.oauth_config", "the authorization server registers clients by itself", url
            )
        else:
            notes.assumed(
                f"{PATTERN}.oauth_config",
                "the metadata has no registration_endpoint, and Scalekit registers its client by Dynamic Client "
                "Registration: expect to register one by hand, or use --auth bearer",
                url,
            )
        methods = listed(resource.get("bearer_methods_supported"))
        if methods and "header" not in methods:
            notes.missing(
                f"{PATTERN}.type",
                "the server takes no tokens in headers, and a connector sends them there only",
                self.url,
            )
        scopes = [s for s in listed(resource.get("scopes_supported")) if isinstance(s, str)]
        if scopes:
            shown = ", ".join(scopes[:6]) + (", ..." if len(scopes) > 6 else "")
            notes.found(
                f"{PATTERN}.oauth_config",
                f"the server's scopes ({shown}) stay out of it: over MCP the server announces them",
                url,
            )
        self._report_failures(url)
        return replace(blueprint, type="OAUTH")

    def _static(
        self,
        blueprint: Blueprint,
        response: Response,
        hello: Mapping[str, Any],
        challenges: list[Challenge],
        issuers: list[str],
        resource_url: str,
    ) -> Blueprint:
        """The auth type where no authorization server's metadata could be fetched."""
        notes, where = self.notes, f"{PATTERN}.type"
        if issuers:
            notes.assumed(
                where, "OAUTH: the protected-resource metadata names an authorization server", resource_url
            )
            self._report_failures("")
            notes.missing(
                where,
                f"no metadata of the authorization server {issuers[0][:200]} could be fetched, so nothing "
                "confirms that Scalekit can use it",
                resource_url,
                "check its address, or give another type with --auth",
            )
            return replace(blueprint, type="OAUTH")
        self._report_failures("")
        if hello:
            notes.found(where, "NO_AUTH: the server accepted initialize without credentials", self.url)
            notes.assumed(
                where, "its tools need no credentials either; initialize alone does not show that", self.url
            )
            return replace(blueprint, type="NO_AUTH")
        if response.status in {401, 403}:
            return self._refused(blueprint, response, challenges, resource_url)
        try:
            older = "endpoint" in self.fetcher.listen(self.url).event_names
        except FetchError:
            older = False
        if older:
            notes.assumed(where, "NO_AUTH: the server opened its event stream without credentials", self.url)
            notes.missing(
                f"{PATTERN}.is_mcp",
                "the server has the older HTTP+SSE transport (MCP 2024-11-05), which keeps a session for each client, "
                "and Scalekit supports stateless servers only",
                self.url,
                "look for its Streamable HTTP URL, which often ends in /mcp",
            )
            return replace(blueprint, type="NO_AUTH")
        said = _rpc_error(response)
        why = (
            f"refused initialize with {said}"
            if said
            else f"responded to initialize with HTTP {response.status}, as no MCP server does"
        )
        notes.missing(
            where,
            f"{self.url} {why}, and has no OAuth metadata. OAUTH was assumed, which most public servers take",
            self.url,
            "check the URL, or give the auth type with --auth",
        )
        return replace(blueprint, type="OAUTH")

    def _refused(
        self, blueprint: Blueprint, response: Response, challenges: list[Challenge], resource_url: str
    ) -> Blueprint:
        """The auth type of a server that refuses, as far as its refusal says."""
        notes, where = self.notes, f"{PATTERN}.type"
        said = _rpc_error(response)
        status = f"HTTP {response.status}" + (f" ({said})" if said else "")
        schemes = {challenge.scheme for challenge in challenges}
        announced = [
            c.parameters["resource_metadata"] for c in challenges if "resource_metadata" in c.parameters
        ]
        header = header_in_message(plain(response.body[:4000].decode("utf-8", "replace")))
        if announced and not resource_url and not self.is_foreign:
            notes.assumed(where, f"OAUTH: the server's {status} announces OAuth metadata", self.url)
            notes.missing(
                where,
                f"the metadata {announced[0][:200]} cannot be read, so nothing confirms that Scalekit can use it",
                self.url,
                "give the type with --auth, or run this again when the server has it",
            )
            return replace(blueprint, type="OAUTH")
        if header and "basic" not in schemes:
            notes.found(where, f"API_KEY: the server's {status} names the header {header}", self.url)
            notes.found(f"{PATTERN}.auth_header_key_override", header, self.url)
            return replace(blueprint, type="API_KEY", header=header)
        if "basic" in schemes and "bearer" not in schemes:
            notes.found(where, f"BASIC: the server's {status} asks for it", self.url)
            return replace(blueprint, type="BASIC")
        if resource_url or self.is_refused or self.is_foreign:
            why = "names no authorization server" if resource_url else "of the server cannot be used"
            notes.assumed(where, f"BEARER: the server's {status} asks for a credential", self.url)
            notes.missing(
                where,
                f"the OAuth metadata {why}, so where its tokens come from is not known",
                resource_url or self.url,
                "give the type with --auth, and --header where it is not Authorization",
            )
        elif "bearer" in schemes:
            notes.found(
                where, f"BEARER: the server's {status} asks for it, and names no OAuth metadata", self.url
            )
        else:
            notes.assumed(
                where,
                f"BEARER: the server's {status} does not say what it wants",
                self.url,
                "give the type with --auth, and --header where it is not Authorization",
            )
        return replace(blueprint, type="BEARER")

    def _report_failures(self, used: str) -> None:
        for failure in self.failures:
            self.notes.assumed(f"{PATTERN}.type", f"made without this document: {failure}", used or self.url)


def _rpc_error(response: Response) -> str:
    """The JSON-RPC error of a response, in the server's words; empty where there is none."""
    error = mapping(mapping(response.json()).get("error"))
    message = plain(error.get("message"))[:200]
    return f"the JSON-RPC error {error.get('code', 0)}: {message}" if message else ""


def _named(
    blueprint: Blueprint, server: Mapping[str, Any], resource: Mapping[str, Any], notes: Notes
) -> Blueprint:
    told = (
        text_of(server.get("title")) or text_of(resource.get("resource_name")) or text_of(server.get("name"))
    )
    name = connector_name(re.sub(r"[-_]", " ", told))
    if name:
        name = name if re.search(r"\bMCP\b", name, re.IGNORECASE) else f"{name} MCP"
        notes.found("display_name", f"{name}: from the server's own name {told[:80]!r}", blueprint.proxy_url)
    elif name := name_of_host(host_of(blueprint.proxy_url)):
        name = f"{name} MCP"
        notes.assumed("display_name", f"{name}: from the host, since no document names the server")
    else:
        notes.missing("display_name", "no document names the server", fix="give a name with --name")
    description = first_sentence(server.get("description")) or (f"Connect to {name}" if name else "")
    if description:
        notes.assumed("description", description)
    icon = next(
        (
            source
            for item in listed(server.get("icons"))
            if (source := text_of(mapping(item).get("src"))).startswith("https://") and len(source) <= 2048
        ),
        "",
    )
    if icon:
        notes.found("icon_src", icon, blueprint.proxy_url)
    return replace(blueprint, display_name=name[:200], description=description, icon_src=icon)
