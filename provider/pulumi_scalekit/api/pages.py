"""Lists, page by page: what counts as one.

A list decides what is created, forgotten and duplicated, so a response counts only if it is what the contract says.
A page without entries shows itself by an empty list or by `total_size` 0. Whether Scalekit's gateway leaves empty
members out, as proto3's JSON may, is not known; if it does, a page of an empty list is `{}`. Since that is also what
a broken gateway may send, `{}` (or no body at all) is not a list: see `SilentPage`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pulumi_scalekit.errors import ProtocolError

from .client import Client
from .responses import Attributes

MAX_PAGES: Final = 1000
"""Pages of one list that are read at most."""
MAX_PAGE_TOKEN: Final = 4096
"""Characters of a page token at most: it goes into a URL."""


class SilentPage(ProtocolError):
    """A list came back as `{}`, or without a body: it may be empty, or not a list at all."""


def read_list(
    client: Client,
    action: str,
    path: str,
    params: Mapping[str, str | int],
    key: str,
    identity: str,
) -> list[Attributes]:
    """Everything that a list call returns, from all its pages.

    Args:
        client: What makes the calls.
        action: What is being done, for messages.
        path: The list's path.
        params: Its query, but for the page token.
        key: The member of a page that holds its entries.
        identity: The member that tells an entry from others, a string: what has none is not an entry.

    Raises:
        SilentPage: The first page says nothing.
        ProtocolError: A page is not one of such a list, the list has no end, or it is shorter than it says.
        ScalekitError: As `Client.call`.
    """
    failed = f"{action} failed: {client.settings.environment_url}"
    query: dict[str, str | int] = {**params}
    seen: set[str] = set()
    found: list[Attributes] = []
    for _ in range(MAX_PAGES):
        page = client.call(action, "GET", path, params=query)
        if not page and not seen:
            raise SilentPage(f"{failed} returned neither entries nor that there are none")
        total = _total(page)
        entries = page.get(key)
        if entries is None and total == 0:
            entries = []
        if not isinstance(entries, list) or not all(
            isinstance(entry, dict) and isinstance(entry.get(identity), str) for entry in entries
        ):
            raise ProtocolError(f"{failed} returned something that is not such a list")
        found += entries
        token = page.get("next_page_token")
        if not token:
            if total is not None and total > len(found):
                raise ProtocolError(f"{failed} returned {len(found)} entries of a list that has {total}")
            return found
        if not isinstance(token, str) or len(token) > MAX_PAGE_TOKEN:
            raise ProtocolError(f"{failed} returned an unusable page token")
        if token in seen:
            raise ProtocolError(f"{failed} repeats a page forever")
        seen.add(token)
        query["page_token"] = token
    raise ProtocolError(f"{failed} did not come to an end within {MAX_PAGES} pages")


def _total(page: Attributes) -> int | None:
    """The size that a page says the whole list has; proto3's JSON writes long integers as strings."""
    total = page.get("total_size")
    if isinstance(total, str) and re.fullmatch(r"[0-9]{1,18}", total):
        return int(total)
    return total if isinstance(total, int) and not isinstance(total, bool) else None
