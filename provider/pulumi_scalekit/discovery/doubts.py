"""What in a document speaks against a way to authenticate, or an address, that is complete by itself.

A definition that is complete has to work, so it is complete only where the document leaves no room. What leaves room is
a doubt: it is reported as missing, and one flag settles it. All doubts about authentication are settled together, by
`--scheme` or `--auth`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pulumi_scalekit.definition.normalize import mapping

from .documents import Document, general_prose, pointer, requirements, text_of
from .header_parameters import HeaderParameter, is_ordinary, query_signature
from .hosts import host_of, is_callable, registered_domain
from .issuers import issuer, logins
from .makers import maker
from .offers import MOSTLY, Offer, reach, undecided
from .origins import is_called_lasting
from .prose import says_signed
from .schemes import SIGNED, Scheme, is_lasting, is_signature
from .text import words


@dataclass(frozen=True)
class Doubt:
    """One thing that speaks against what was chosen."""

    text: str
    pointer: str
    fix: str
    is_settled: bool = False
    """Whether the document settles it itself, so that it is an assumption."""


@dataclass(frozen=True)
class Case:
    """A way to authenticate, and the document that it was chosen from."""

    document: Document
    schemes: Mapping[str, Scheme]
    parameters: list[HeaderParameter]
    ranked: list[Offer]
    chosen: Offer
    base: str
    """The base URL of the API."""

    @property
    def main(self) -> Scheme:
        """The scheme that the way is named after."""
        return self.chosen.used[0]

    @property
    def is_static(self) -> bool:
        """Whether it is a key or a token."""
        return self.chosen.type in {"API_KEY", "BEARER"}

    @cached_property
    def logins(self) -> tuple[str, ...]:
        """The paths of the document's logins and token endpoints."""
        return tuple(logins(self.document))

    @property
    def confirm(self) -> str:
        """How to say that the way is right."""
        return f"give --scheme {self.chosen.name}"


def doubts(case: Case) -> Iterator[Doubt]:
    """Everything that speaks against a way to authenticate, in the order of the questions that it raises.

    Args:
        case: The way that was chosen, which a connector can do in full.

    Example:
        Of a document whose only operation is beside a `POST /login`, and whose bearer scheme says nothing more, it
        gives one doubt: that the login may issue the token, which then expires.
    """
    for look in _DOUBTS:
        if (doubt := look(case)) is not None:
            yield doubt


def _of_scheme(case: Case) -> Doubt | None:
    scheme = next((scheme for scheme in case.chosen.used if scheme.doubt), None)
    if scheme is None:
        return None
    fix = f"give --auth {case.chosen.type.lower()} where account holders have it, and it does not expire"
    return Doubt(f"{scheme.name}: {scheme.doubt}", scheme.pointer, fix)


def _of_use(case: Case) -> Doubt | None:
    """No operation says what it takes."""
    if beside := undecided(case.document, case.ranked):
        names = ", ".join(f"{scheme.name} ({scheme.summary})" for scheme in beside)
        text = f"no operation says whether it takes one of these or several together: {names}"
        return Doubt(
            text, case.main.pointer, "choose with --scheme; several that go together are joined by +"
        )
    if any(requirements(case.document)):
        return None
    text = f"no operation says that it takes {case.chosen.name} ({case.main.summary})"
    if not case.schemes:
        text = f"the document declares no way to authenticate; {case.chosen.name} looks like one"
    return Doubt(text, case.main.pointer, f"{case.confirm} where it is how calls authenticate")


def _of_reach(case: Case) -> Doubt | None:
    """Other operations take something else."""
    if not case.chosen.is_accepted:
        return None
    accepted, every = reach(case.document, case.chosen, frozenset(case.logins))
    if accepted >= MOSTLY * every:
        return None
    others = [o.name for o in case.ranked if o is not case.chosen and o.is_accepted]
    text = f"{case.chosen.name}: {accepted} of the {every} operations with security accept it"
    text += f"; others take {', '.join(others)}" if others else ""
    return Doubt(text, case.main.pointer, f"{case.confirm} where these operations are the ones to call")


def _of_account(case: Case) -> Doubt | None:
    """A header names the account, and is not a credential."""
    if not case.is_static or not case.chosen.is_account:
        return None
    text = f"{case.main.name}: the header {case.main.header} names the account, and is not a credential"
    fix = "give the auth type with --auth, or --auth api_key where it is a credential nonetheless"
    return Doubt(text, case.main.pointer, fix)


def _of_several(case: Case) -> Doubt | None:
    """An account is to have several values."""
    headers = [scheme.header or "Authorization" for scheme in case.chosen.used]
    if len(headers) < 2:
        return None
    text = f"the headers {', '.join(headers)} go together. Some may be the application's own, or come from a call"
    return Doubt(text, case.main.pointer, f"{case.confirm} where each account holder has all of them")


def _of_signature(case: Case) -> Doubt | None:
    """Requests are signed, as a parameter or the prose says."""
    credentials = frozenset(scheme.header.lower() for scheme in case.chosen.used if scheme.header)
    fix = f"give --auth {case.chosen.type.lower()} where calls without a signature will do"
    if name := query_signature(case.document):
        return Doubt(f"query parameter {name}: {SIGNED}", "#/paths", fix)
    for parameter in case.parameters:
        if is_signature(parameter.name) and not is_ordinary(parameter, credentials):
            return Doubt(f"header parameter {parameter.name}: {SIGNED}", "#/paths", fix)
    if case.is_static and any(map(says_signed, general_prose(case.document))):
        text = "the document's prose says that requests are signed, and a connector sends the same value with each"
        return Doubt(text, "#/info/description", fix)
    return None


def _of_origin(case: Case) -> Doubt | None:
    """A token or a key comes from a call, or nothing tells where it comes from."""
    if not case.is_static or any(scheme.doubt for scheme in case.chosen.used):
        return None
    used = case.chosen.used
    tokens = [s for s in used if s.type == "BEARER" or "token" in words(s.header)]
    if len(used) > 1 and not tokens:
        return None
    issued = ((issuer(case.document, case.schemes, scheme), scheme) for scheme in tokens or used[:1])
    if path := next((path for path, _ in issued if path), ""):
        return _issued(
            case, f"{path} of this document issues tokens, so they may expire", pointer("paths", path)
        )
    token = next(iter(tokens), used[0])
    if _is_said_to_last(token):
        return None
    by_user = next((scheme.name for scheme in case.schemes.values() if scheme.type == "OAUTH"), "")
    lasting = is_lasting(token)
    if by_user and token.is_jwt and not lasting:
        return _issued(case, f"{by_user} (OAuth) issues tokens, so they may expire", token.pointer)
    is_unexplained = token.type == "BEARER" and not lasting
    made = maker(case.document, case.schemes, token) if is_unexplained else ""
    if token.is_jwt or (is_unexplained and not made):
        kind = "JWT" if token.is_jwt else "token"
        text = f"{token.name}: the document does not say where this {kind} comes from. If {by_user or 'a login'} "
        return _issued(case, f"{text}issues it, it expires", token.pointer)
    if path := next(iter(case.logins), ""):
        text = f"{token.name}: {path} of this document may be the login that issues it, so it may expire"
        return _issued(case, text, pointer("paths", path))
    return Doubt(f"{token.name}: taken for {made}", token.pointer, "", is_settled=True) if made else None


def _is_said_to_last(token: Scheme) -> bool:
    """Whether more than a name says that somebody makes a credential: its description, or, but for a JWT, "key"."""
    if is_called_lasting(f"{token.description} {token.example}"):
        return True
    declared = token.summary if token.summary.startswith("http") else ""
    return not token.is_jwt and "key" in f"{token.name} {token.header} {declared}".lower()


def _issued(case: Case, text: str, where: str) -> Doubt:
    fix = f"give --auth {case.chosen.type.lower()} where keys or tokens can be made that do not expire"
    return Doubt(f"{text}, and the account holder would have to get one first", where, fix)


def _of_company(case: Case) -> Doubt | None:
    """OAuth is that of another company than the API."""
    if case.chosen.type != "OAUTH" or not (ours := registered_domain(host_of(case.base))):
        return None
    flow = mapping(case.main.flow)
    for url in (text_of(flow.get("authorizationUrl")), text_of(flow.get("tokenUrl"))):
        theirs = registered_domain(host_of(url))
        if theirs and theirs != ours and is_callable(url):
            text = f"{case.main.name}: OAuth is at {theirs}, the API at {ours}, so it may be another service's login"
            return Doubt(
                text, case.main.pointer, f"give --auth oauth where {theirs} issues tokens for {ours}"
            )
    return None


_DOUBTS: Final[tuple[Callable[[Case], Doubt | None], ...]] = (
    _of_scheme,
    _of_use,
    _of_reach,
    _of_account,
    _of_several,
    _of_signature,
    _of_origin,
    _of_company,
)
