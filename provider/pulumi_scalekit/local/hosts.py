"""The host names that the server goes by.

A site may let its own name resolve to 127.0.0.1 (DNS rebinding), so that its pages could read tokens and
credentials here. Such a request carries the site's name in its Host header, and is refused for it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from pulumi_scalekit.settings import is_loopback


def is_own(host: str, names: Collection[str]) -> bool:
    """Whether a Host header, with or without a port, is one of the server's: loopback, or one of ``names``.

    Where there are names, other machines can reach the server, and any address is one of its own: a name
    alone can be made to resolve to it.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if is_loopback(name) or name in {each.lower() for each in names}:
        return True
    return bool(names) and _address(name) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
