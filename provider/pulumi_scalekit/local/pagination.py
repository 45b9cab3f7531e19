"""Pages of a list: sizes, opaque tokens, and what every list says beside its items."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from .errors import InvalidArgument, Violation


def parse_page_size(text: str, *, default: int, maximum: int, refuse_larger: bool = False) -> int:
    """Read `page_size`: 0 and none mean the default, larger ones are cut to the maximum or refused."""
    if not text:
        return default
    if not (re.fullmatch(r"[0-9]{1,10}", text) and int(text) < 2**32):
        raise InvalidArgument(
            "page_size is not valid", [Violation("page_size", "must be an unsigned number", "uint32")]
        )
    if refuse_larger and int(text) > maximum:
        violation = Violation("page_size", f"must be at most {maximum}", "uint32.lte")
        raise InvalidArgument("page_size is not valid", [violation])
    return min(int(text), maximum) or default


Direction = Literal["after", "before"]


def page_token(direction: Direction, seq: int) -> str:
    """Return the opaque token of the page after, or before, the row ``seq``."""
    return base64.urlsafe_b64encode(f"{direction}:{seq}".encode()).decode().rstrip("=")


def parse_page_token(token: str) -> tuple[Direction, int]:
    """Read a token made by :func:`page_token`; none is the first page."""
    if not token:
        return "after", 0
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        direction, _, seq = text.partition(":")
        number = int(seq)
    except (ValueError, binascii.Error):
        direction, number = "", 0
    if direction == "after":
        return "after", number
    if direction == "before":
        return "before", number
    raise InvalidArgument(
        "page_token is not valid",
        [Violation("page_token", "must come from an earlier response", "page_token")],
    )


class _Row(Protocol):
    @property
    def seq(self) -> int: ...


Row = TypeVar("Row", bound=_Row)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list, with the tokens of its neighbours; an empty token means there is none."""

    items: Sequence[Row]
    next_token: str
    previous_token: str
    total: int

    def as_json(self) -> dict[str, object]:
        """Return what every list says beside its items."""
        return {
            "next_page_token": self.next_token,
            "total_size": self.total,
            "prev_page_token": self.previous_token,
        }


def paginate(found: Sequence[Row], token: str, size: int) -> Page[Row]:
    """Cut the page that a token names out of rows in ascending order."""
    direction, seq = parse_page_token(token)
    if direction == "after":
        start = next((at for at, row in enumerate(found) if row.seq > seq), len(found))
        end = start + size
    else:
        end = next((at for at, row in enumerate(found) if row.seq >= seq), len(found))
        start = max(0, end - size)
    items = found[start:end]
    return Page(
        items,
        page_token("after", items[-1].seq) if items and end < len(found) else "",
        page_token("before", items[0].seq) if items and start > 0 else "",
        len(found),
    )
