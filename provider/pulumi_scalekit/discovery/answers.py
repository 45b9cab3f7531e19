"""What the user says, laid over what was read; and the result, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pulumi_scalekit.definition.check import findings
from pulumi_scalekit.definition.finding import Finding
from pulumi_scalekit.definition.schema import AUTH_TYPES

from .blueprint import PATTERN, Blueprint, HeaderKey, Scope
from .documents import Document
from .mcp import read_mcp
from .notes import ORIGINS, Choice, DiscoveryError, Note, Notes
from .openapi import Reading, read_openapi
from .text import identifier, label


@dataclass(frozen=True)
class Answers:
    """What the user says about a connector. `None` and empty tuples leave a property to the documents."""

    display_name: str | None = None
    description: str | None = None
    icon_src: str | None = None
    proxy_url: str | None = None
    auth: str | None = None
    """The auth type: `OAUTH`, `BASIC`, `BEARER`, `API_KEY` or `NO_AUTH`."""
    headers: tuple[str, ...] = ()
    """The header of the credential; several for an API that takes several keys."""
    prefix: str | None = None
    """What goes before the credential; empty for nothing."""
    authorize_uri: str | None = None
    token_uri: str | None = None
    user_info_uri: str | None = None
    scopes: tuple[str, ...] = ()
    pkce: bool | None = None


@dataclass(frozen=True)
class Result:
    """A new definition, and what is known about it."""

    definition: dict[str, Any]
    notes: tuple[Note, ...]
    """Given, found, assumed, missing: in this order."""
    choices: tuple[Choice, ...]
    warnings: tuple[Finding, ...]
    """What the review says besides errors, which are among the missing notes."""

    @property
    def missing(self) -> list[Note]:
        """What has to be filled in or looked after before the definition can be used."""
        return [note for note in self.notes if note.origin == "missing"]

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {
            "definition": self.definition,
            "complete": not self.missing,
            "notes": [note.to_json() for note in self.notes],
            "choices": [choice.to_json() for choice in self.choices],
            "warnings": [{"path": f.path, "rule": f.rule, "message": str(f)} for f in self.warnings],
        }


@dataclass(frozen=True)
class Source:
    """Where to read from: a document, an MCP server, or neither."""

    document: Document | None = None
    scheme: str = ""
    server: str = ""
    mcp: str = ""
    timeout: float = 10.0


def discover(source: Source, answers: Answers) -> Result:
    """Make a definition.

    Args:
        source: What to read.
        answers: What the user says; it goes before whatever is read.

    Raises:
        DiscoveryError: The source cannot be used, or an answer is none.
    """
    return conclude(read(source, answers), answers)


def read(source: Source, answers: Answers) -> Reading:
    """Read a source.

    Raises:
        DiscoveryError: The source cannot be used.
    """
    if source.document is not None:
        return read_openapi(
            source.document,
            scheme=source.scheme,
            auth=answers.auth or "",
            server=source.server,
            proxy_url=answers.proxy_url or "",
        )
    if source.mcp:
        return read_mcp(source.mcp, timeout=source.timeout)
    return Reading(Blueprint(), Notes())


def conclude(reading: Reading, answers: Answers) -> Result:
    """Lay the answers over a reading, write the definition and review it.

    Raises:
        DiscoveryError: An answer is none, such as an unknown auth type.
    """
    notes = Notes(list(reading.notes.taken))
    blueprint = _laid_over(reading.blueprint, answers, notes)
    definition = blueprint.definition()
    reviewed = findings(definition)
    missing = [note.path for note in notes.taken if note.origin == "missing"]
    for finding in reviewed:
        if finding.severity == "error" and not any(_concerns(path, finding.path) for path in missing):
            notes.missing(finding.path, finding.message, fix=finding.fix)
    ordered = sorted(notes.taken, key=lambda note: ORIGINS.index(note.origin))
    warnings = tuple(finding for finding in reviewed if finding.severity != "error")
    return Result(definition, tuple(dict.fromkeys(ordered)), reading.choices, warnings)


def _concerns(path: str, place: str) -> bool:
    """Whether a note on a property says what a finding there would say again."""
    return path == place or path.startswith((f"{place}.", f"{place}["))


def _laid_over(blueprint: Blueprint, answers: Answers, notes: Notes) -> Blueprint:
    for name in ("display_name", "description", "icon_src", "proxy_url"):
        value = getattr(answers, name)
        if value is not None:
            notes.given(name, value)
            blueprint = replace(blueprint, **{name: value})
    if answers.auth is not None:
        blueprint = _typed(blueprint, answers.auth, notes)
    if not blueprint.type and answers.headers:
        notes.given(f"{PATTERN}.type", "API_KEY, since there is a header for it")
        blueprint = replace(blueprint, type="API_KEY")
    if answers.headers:
        blueprint = _with_headers(blueprint, answers.headers, notes)
    if answers.prefix is not None:
        if blueprint.type not in {"BEARER", "API_KEY", "OAUTH"}:
            raise DiscoveryError(
                "A prefix belongs to a token or an API key: use it with --auth bearer or api_key"
            )
        notes.given(f"{PATTERN}.auth_field_mutations", f"{answers.prefix!r} goes before the credential")
        keys = tuple(replace(key, prefix=answers.prefix, suffix="") for key in blueprint.keys)
        blueprint = replace(blueprint, prefix=answers.prefix, suffix="", keys=keys)
    return _with_oauth(blueprint, answers, notes)


def _typed(blueprint: Blueprint, auth: str, notes: Notes) -> Blueprint:
    if auth not in AUTH_TYPES:
        raise DiscoveryError(f"{auth} is no auth type. Use one of {', '.join(AUTH_TYPES)}")
    path = f"{PATTERN}.type"
    doubtful = any(note.origin != "found" for note in notes.taken if note.path == path)
    if blueprint.type == auth and not doubtful:
        return blueprint
    if blueprint.type != auth:
        # What was read about another way to authenticate does not hold for this one.
        kept = [note for note in notes.taken if not note.path.startswith(f"{PATTERN}.")]
        notes.taken = kept
        blueprint = replace(
            blueprint, header="", prefix="", suffix="", hint="", keys=(), key_as_username=False, scopes=()
        )
        blueprint = replace(blueprint, authorize_uri="", token_uri="", user_info_uri="", pkce=False)
    notes.given(path, auth)
    return replace(blueprint, type=auth)


def _with_headers(blueprint: Blueprint, headers: tuple[str, ...], notes: Notes) -> Blueprint:
    if len(headers) > 1:
        if blueprint.type != "API_KEY":
            raise DiscoveryError("Several headers are for API keys: use them with --auth api_key")
        notes.given(f"{PATTERN}.fields", f"a key for each of the headers {', '.join(headers)}")
        names = [identifier(header).lower() for header in headers]
        keys = tuple(HeaderKey(h, n, label(n)) for h, n in zip(headers, names, strict=True))
        return replace(blueprint, keys=keys, header="", prefix="", suffix="")
    if blueprint.type not in {"BEARER", "API_KEY", "OAUTH"}:
        raise DiscoveryError(
            "A header belongs to a token or an API key: use it with --auth bearer or api_key"
        )
    header = "" if headers[0].lower() == "authorization" else headers[0]
    notes.given(f"{PATTERN}.auth_header_key_override", headers[0])
    # A prefix was read for the header that was read.
    return replace(blueprint, header=header, prefix="", suffix="", keys=())


def _with_oauth(blueprint: Blueprint, answers: Answers, notes: Notes) -> Blueprint:
    endpoints = {name: getattr(answers, name) for name in ("authorize_uri", "token_uri", "user_info_uri")}
    told = {name: value for name, value in endpoints.items() if value is not None}
    if not told and not answers.scopes and answers.pkce is None:
        return blueprint
    if not blueprint.type:
        notes.given(f"{PATTERN}.type", "OAUTH, since there are OAuth settings")
        blueprint = replace(blueprint, type="OAUTH")
    if blueprint.type != "OAUTH":
        raise DiscoveryError("OAuth endpoints and scopes belong to --auth oauth")
    if blueprint.is_mcp and (told or answers.scopes):
        raise DiscoveryError("Over MCP the server tells the OAuth endpoints and scopes: leave them out")
    where = f"{PATTERN}.oauth_config"
    for name, value in told.items():
        notes.given(f"{where}.{name}", value)
        blueprint = replace(blueprint, **{name: value})
    if answers.scopes:
        # The scopes that are named are the ones that are wanted; what the document says of them is kept.
        known = {scope.scope: scope for scope in blueprint.scopes}
        notes.given(f"{where}.available_scopes", ", ".join(answers.scopes))
        blueprint = replace(
            blueprint, scopes=tuple(known.get(s, Scope(s)) for s in dict.fromkeys(answers.scopes))
        )
    if answers.pkce is not None:
        notes.given(f"{where}.pkce_enabled", "true" if answers.pkce else "false")
        blueprint = replace(blueprint, pkce=answers.pkce)
    return blueprint
