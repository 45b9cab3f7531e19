"""The ways to authenticate that a document offers, weighed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi_scalekit.definition.normalize import mapping

from .documents import Document, listed, operations, requirements, ways
from .schemes import INCOMPLETE, Scheme, is_account, is_lasting
from .text import words

MOSTLY: Final = 0.9
"""The share of the operations from which on a way counts as accepted by all."""
_INTERNAL: Final = frozenset(["admin", "internal", "superuser"])


@dataclass(frozen=True)
class Offer:
    """Schemes that together give access, and to how much."""

    schemes: tuple[Scheme, ...]
    operations: int
    """How many operations accept it."""
    position: int
    is_accepted: bool = True
    """Whether the document says that it gives access, rather than declares its schemes only."""
    companions: tuple[Scheme, ...] = ()
    """Headers that name the account, and that go with its key or token."""

    @property
    def name(self) -> str:
        """The schemes' names."""
        return "+".join(scheme.name for scheme in self.schemes)

    @property
    def type(self) -> str:
        """The auth type that it becomes, or the empty string."""
        if any(scheme.signed for scheme in self.schemes):
            return ""
        return "API_KEY" if len(self.used) > 1 else self.used[0].type

    @property
    def used(self) -> tuple[Scheme, ...]:
        """The schemes that a connector does, where it cannot do them all.

        That is OAuth with its endpoints, else the first that it can do; and of keys and tokens in headers of their own
        all.
        """
        able = [scheme for scheme in self.schemes if scheme.type]
        if not able:
            return self.schemes[:1]
        main = min(able, key=lambda s: (s.rank >= INCOMPLETE, s.type != "OAUTH", able.index(s)))
        if main.type not in {"API_KEY", "BEARER"}:
            return (main,)
        return (*self._together(main, able), *self.companions)

    def _together(self, main: Scheme, able: list[Scheme]) -> tuple[Scheme, ...]:
        """The keys and tokens that have headers of their own."""
        keys = [s for s in able if s.type == "API_KEY"]
        tokens = [main] if main.type == "BEARER" else [s for s in able if s.type == "BEARER"][:1]
        if tokens and not all(s.header for s in keys):  # both would be in Authorization
            return (main,) if main in tokens else tuple(keys)
        return tuple(s for s in able if s in keys or s in tokens)

    @property
    def is_account(self) -> bool:
        """Whether its headers name the account only, and are not credentials."""
        return all(is_account(scheme.header) for scheme in self.used)

    @property
    def is_internal(self) -> bool:
        """Whether it is rather for the vendor's own pages and people than for accounts.

        That is a cookie, a key that is called an administrator's, or a token that nothing calls a key.
        """
        return any(
            scheme.header == "Cookie"
            or (scheme.type == "BEARER" and not is_lasting(scheme))
            or _INTERNAL & {*words(scheme.name), *words(scheme.header)}
            for scheme in self.used
        )

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
    is: OAuth with both endpoints, then static credentials, those that are called keys before others and else in the
    document's order, then what is short-lived, depends on undocumented placeholders or is incomplete, then what a
    connector cannot do. What is declared only comes last, where operations accept anything at all.
    """
    counted: Counter[tuple[str, ...]] = Counter()
    order: dict[tuple[str, ...], int] = {}

    def names(requirement: Any) -> tuple[str, ...]:
        return tuple(name for name in mapping(requirement) if name in schemes)

    for requirement in listed(document.get("security")):
        if key := names(requirement):
            order.setdefault(key, len(order))
    for *_, operation in operations(document):
        for key in dict.fromkeys(names(way) for way in ways(document, operation)):
            if key:
                counted[key] += 1
    for key in counted:
        order.setdefault(key, len(order))
    accepted = len(order) or len(schemes)
    for name in schemes:
        order.setdefault((name,), len(order))
    made = [
        Offer(tuple(schemes[name] for name in key), counted[key], place, is_accepted=place < accepted)
        for key, place in order.items()
    ]
    # What a connector cannot do in full does not count when the others are weighed. Nor does what is for the vendor's
    # own pages and people, where a key, or OAuth with its endpoints, gives access to more than half of it.
    able = [offer for offer in made if offer.type and not offer.rest and not offer.is_account]
    most = max((offer.operations for offer in able), default=0)
    of_accounts = [offer for offer in able if not offer.is_internal]
    has_others = any(2 * o.operations > most and o.type != "BASIC" and o.rank <= 1 for o in of_accounts)
    if has_others:
        most = max(offer.operations for offer in of_accounts)

    def suitability(offer: Offer) -> tuple[bool, bool, bool, bool, bool, int, int, bool, int]:
        wide = offer.operations >= MOSTLY * most
        made_once = offer.type in {"API_KEY", "BEARER"} and is_lasting(offer.used[0])
        internal = offer.is_internal and has_others
        place = (0 if wide else -offer.operations, offer.rank, not made_once, offer.position)
        return (not offer.is_accepted, not offer.type, offer.is_account, internal, not wide, *place)

    return sorted(made, key=suitability)


def undecided(document: Document, ranked: list[Offer]) -> list[Scheme]:
    """The schemes of which nothing says whether one of them or all of them together give access.

    That is so of several offers where neither the root nor an operation has a `security`, and their headers differ.
    """
    if len(ranked) < 2 or any(requirements(document)):
        return []
    able = [scheme for offer in ranked for scheme in offer.schemes if scheme.type]
    headers = {scheme.header.lower() for scheme in able}
    return able if len(headers) > 1 else []


def reach(document: Document, offer: Offer, besides: frozenset[str]) -> tuple[int, int]:
    """How many operations accept a way to authenticate, and how many demand one at all.

    Args:
        document: The document.
        offer: The way.
        besides: Paths that do not count, such as those of logins, which take other credentials by their nature.
    """
    names = {scheme.name for scheme in offer.schemes}
    accepting = demanding = 0
    for path, _, operation in operations(document):
        accepted = [mapping(way).keys() for way in ways(document, operation)]
        if path not in besides and any(accepted):
            demanding += 1
            accepting += any(way == names for way in accepted)
    return accepting, demanding


def unreferenced(document: Document, schemes: Mapping[str, Scheme]) -> list[Scheme]:
    """The schemes that no operation names, in a document whose operations name others."""
    named = {
        name for listing in requirements(document) for requirement in listing for name in mapping(requirement)
    }
    return [scheme for name, scheme in schemes.items() if name not in named] if named else []


def demanded_scopes(document: Document, name: str) -> tuple[list[str], frozenset[str]]:
    """The scopes of a scheme that operations demand: all of them, and those that every operation demands."""
    every: frozenset[str] | None = None
    seen: dict[str, None] = {}
    own = [ways(document, operation) for *_, operation in operations(document)]
    for accepted in own or [listed(document.get("security"))]:
        for requirement in accepted:
            if name in mapping(requirement):
                scopes = [
                    scope for scope in listed(requirement[name]) if isinstance(scope, str) and scope.strip()
                ]
                seen.update(dict.fromkeys(scopes))
                every = frozenset(scopes) if every is None else every & frozenset(scopes)
    return list(seen), every or frozenset()
