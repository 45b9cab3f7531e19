"""Headers that operations take as ordinary parameters, some of which are credentials all the same."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from pulumi_scalekit.definition.normalize import mapping

from .documents import Document, follow, listed, operations, text_of
from .offers import Offer
from .schemes import Scheme, keyed_header, unless_issued

_CREDENTIAL_HEADER: Final = re.compile(
    r"authorization|(?:[a-z0-9]+[-_])*(?:api|access|account|auth|app|application|client|secret|private|subscription|license)"
    r"[-_]?(?:key|token|secret)|(?:[a-z0-9]+-)*x?-?(?:token|apikey|api-key|auth)|(?:[a-z0-9]+-)+secret",
    re.IGNORECASE,
)
_HALF: Final = 0.5
"""The share of the operations from which on they count as requiring a header."""
_ALWAYS: Final = 0.9
"""The share of the operations from which on a header counts as sent with every call."""
# What names the account that a key belongs to.
_ACCOUNT_HEADER: Final = re.compile(
    r"(?:[a-z0-9]+-)*(?:user|account|acct|client|app|application|tenant|org|organi[sz]ation|merchant|consumer|partner)"
    r"[-_]?(?:id|key|uuid)|(?:[a-z0-9]+-)*(?:account|tenant|org|organi[sz]ation|workspace|merchant)",
    re.IGNORECASE,
)
# In a query, a time stamp is a filter as often as a part of a signature.
_QUERY_SIGNATURE: Final = re.compile(r"(?:\w+[-_])?(?:signature|sig|hmac)", re.IGNORECASE)
_ORDINARY_HEADERS: Final = frozenset(
    ["accept", "content-type", "authorization", "user-agent", "accept-language", "cookie", "host"]
)


@dataclass(frozen=True)
class HeaderParameter:
    """A header that operations take as an ordinary parameter."""

    name: str
    description: str
    share: float
    """The share of the operations that have it."""
    required: float
    """The share of the operations that require it."""


def header_parameters(document: Document, place: str = "header") -> list[HeaderParameter]:
    """The header parameters of at least half of the operations.

    Args:
        document: The document.
        place: Where the parameters are; `query` instead of headers.
    """
    total = 0
    seen: Counter[str] = Counter()
    required: Counter[str] = Counter()
    first: dict[str, tuple[str, str]] = {}
    for _, path_item, operation in operations(document):
        total += 1
        named = {}
        for entry in [*listed(path_item.get("parameters")), *listed(operation.get("parameters"))]:
            parameter = mapping(follow(document, entry))
            if parameter.get("in") == place and (name := text_of(parameter.get("name"))):
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
    """The scheme that a header parameter amounts to, or `None` where it does not look like a credential."""
    if not _CREDENTIAL_HEADER.fullmatch(parameter.name):
        return None
    scheme = Scheme(
        parameter.name,
        "#/paths",
        summary=f"header parameter {parameter.name}",
        description=parameter.description,
    )
    read = unless_issued(keyed_header(scheme, parameter.name, [parameter.description], context))
    share = f"{parameter.share:.0%} of the operations take the header {parameter.name} as a parameter"
    return replace(read, assumption="; ".join(filter(None, (share, read.assumption))))


def guessed(parameters: list[HeaderParameter], context: list[str]) -> list[Offer]:
    """The ways to authenticate that header parameters amount to, where a document declares no scheme.

    All of them go together, but for an `Authorization` that operations do not require: it is another way, too.
    """
    read = [(p, scheme) for p in parameters if (scheme := scheme_of_parameter(p, context)) is not None]
    together = [scheme for p, scheme in read if scheme.header or p.required >= _HALF]
    apart = [scheme for _, scheme in read if scheme not in together]
    ways = [tuple(together), *((scheme,) for scheme in apart)]
    return [Offer(way, 0, place) for place, way in enumerate(ways) if way]


def companions(parameters: list[HeaderParameter], credentials: frozenset[str]) -> list[Scheme]:
    """The headers that name the account beside its key, such as a user id, as further keys.

    Args:
        parameters: The headers of the operations.
        credentials: The headers that the credentials are in, in lower case.
    """
    return [
        Scheme(
            parameter.name,
            "#/paths",
            type="API_KEY",
            summary=f"header parameter {parameter.name}",
            header=parameter.name,
            description=parameter.description,
            assumption=f"{parameter.required:.0%} of the operations require the header {parameter.name}, "
            "and it belongs to the account",
        )
        for parameter in parameters
        if parameter.required >= _ALWAYS
        and parameter.name.lower() not in credentials
        and _ACCOUNT_HEADER.fullmatch(parameter.name)
    ]


def query_signature(document: Document) -> str:
    """The query parameter that at least half of the operations require as a signature, or the empty string."""
    return next(
        (
            parameter.name
            for parameter in header_parameters(document, "query")
            if parameter.required >= _HALF and _QUERY_SIGNATURE.fullmatch(parameter.name)
        ),
        "",
    )


def is_ordinary(parameter: HeaderParameter, credentials: frozenset[str]) -> bool:
    """Whether a header parameter needs no remark to the caller."""
    return (
        parameter.required < _HALF
        or parameter.name.lower() in _ORDINARY_HEADERS
        or parameter.name.lower() in credentials
    )
