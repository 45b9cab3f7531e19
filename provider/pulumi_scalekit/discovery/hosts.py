"""Hosts that documents write in the place of the reader's own, and hosts that nobody else can call.

Documents write `your-domain.acme.io`, `contoso.acme.io` or `https://<host>/api` for what differs from account to
account. Such a name becomes a placeholder. A whole host of an example domain (RFC 2606) says nothing at all.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from pulumi_scalekit.definition.urls import PLACEHOLDER
from pulumi_scalekit.settings import is_loopback

from .blueprint import Input

# What differs from account to account, as host names put it.
_ACCOUNT: Final = (
    r"(?:sub-?domain|domain|company|instance|site|org|organi[sz]ation|account|acct|tenant|customer|client|workspace|"
    r"store|shop|team|project|host|hostname|server|cluster|realm|environment|env|app|application|installation|url|"
    r"region)"
)
_STAND_IN: Final = re.compile(
    # your-domain, my_company, yourcompany123, your-acme-domain
    rf"your(?:[-_]?own)?[-_]?\w[\w-]*|your|my[-_]?{_ACCOUNT}(?:[-_]?(?:name|id))?"
    # {site} without braces: subdomain, tenant-name, org-account
    r"|(?:sub-?domain|domain|tenant|instance|company|workspace)(?:[-_]?(?:name|id))?"
    rf"|{_ACCOUNT}[-_](?:name|id|domain|{_ACCOUNT})"
    # names of companies that do not exist, as vendors' own documentation has them
    r"|example|contoso|fabrikam|northwind|adventure-?works|woodgrove|examplecompany|[\w-]*-example|example-[\w-]*"
    r"|x{3,}|foo|foobar|placeholder",
    re.IGNORECASE,
)
# Stand-ins in front of somebody's domain only: as the domain itself they may be a service.
_LEADING: Final = re.compile(
    r"acme|acme-?(?:corp|inc|co)|test-?company|some-?company|demo-?company|initech", re.IGNORECASE
)
_WHOLE: Final = re.compile(
    rf"your[-_][\w-]+|your{_ACCOUNT}[\w-]*|my[-_]?{_ACCOUNT}|contoso|fabrikam|examplecompany"
    r"|(?:sub-?)?domain|company|host(?:name)?|server|instance|tenant|customer|example-[\w-]+|[\w-]+-example",
    re.IGNORECASE,
)
LONGEST_HOST: Final = 253
"""How many characters a host name may have (RFC 1035)."""
_SECOND_LEVEL: Final = frozenset(["co", "com", "org", "net", "ac", "gov", "edu"])
_SAYS_NOTHING: Final = re.compile(
    r"(^|\.)(example\.[a-z]{2,6}|example\.co\.\w\w|[\w-]+\.(example|test|invalid|local|localhost|internal)"
    # tunnels to somebody's own machine
    r"|ngrok\.(io|app|dev)|ngrok-free\.(app|dev)|loca\.lt|localhost\.run|serveo\.net|trycloudflare\.com)$",
    re.IGNORECASE,
)
_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class OwnHost:
    """A URL with placeholders for what its host has in the place of the account's own."""

    url: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    remark: str = ""
    """What was decided, for the report; empty where nothing was."""


def host_of(url: str) -> str:
    """The host of a URL, without credentials and port; empty in a relative URL.

    >>> host_of("https://{{site}}.acme.io:8443/v1")
    '{{site}}.acme.io'
    """
    match = _URL.match(url)
    return match["host"].rpartition("@")[2].partition(":")[0] if match else ""


def is_callable(url: str) -> bool:
    """Whether a URL with placeholders leads to a host that others than its reader may call."""
    host = PLACEHOLDER.sub("x", host_of(url))
    try:
        if urlsplit(PLACEHOLDER.sub("x", url)).scheme not in {"http", "https"}:
            return False
    except ValueError:  # such as the brackets of half an IPv6 address
        return False
    if not host or is_loopback(host) or _SAYS_NOTHING.search(host):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return bool(re.fullmatch(r"[\w.-]+", host)) and ("." in host.strip(".") or "{{" in host_of(url))


def own_host(url: str) -> OwnHost:
    """Make a placeholder of a stand-in: `subdomain` of one in front of a domain, `domain` of a whole host.

    >>> own_host("https://your-site.acme.io/v1").url
    'https://{{subdomain}}.acme.io/v1'
    >>> own_host("https://bi.mycompany.com/v1").url
    'https://{{domain}}/v1'
    """
    match = _URL.match(url)
    if match is None or _SAYS_NOTHING.search(host := host_of(url)) or is_loopback(host):
        return OwnHost(url)
    labels = _labels(host)
    registered = _registered(labels)
    if _is_whole(labels, registered):
        made = f"{match['scheme']}://{{{{domain}}}}{match['rest']}"
        own = Input("domain", hint="Your host name, without https://")
        return OwnHost(made, {"domain": own}, f"{host} stands for the account's own host")
    front = labels[: -len(registered)]
    for index, part in enumerate(front):
        if _is_stand_in(part, host) or (index == 0 and _LEADING.fullmatch(part)):
            changed = ".".join([*front[:index], "{{subdomain}}", *front[index + 1 :], *registered])
            rest = match["host"].rpartition("@")[2][len(host) :] + match["rest"]
            own = Input("subdomain", hint=f"Your part of the host name, in the place of {part}")
            made = f"{match['scheme']}://{changed}{rest}"
            return OwnHost(made, {"subdomain": own}, f"{part} stands for the account's own name")
    return OwnHost(url)


def registered_domain(host: str) -> str:
    """The part of a host that somebody has registered; empty for an IP address and where a placeholder is part of it.

    >>> registered_domain("api.eu.acme.co.uk"), registered_domain("{{site}}.acme.io"), registered_domain("{{domain}}")
    ('acme.co.uk', 'acme.io', '')
    """
    if len(host) > LONGEST_HOST:
        return ""
    found = ".".join(_registered(_labels(host))).lower()
    return found if re.search(r"\.[a-z]+$", found) and "{" not in found else ""


def _labels(host: str) -> list[str]:
    return re.split(r"\.(?![^{]*\}\})", host)


def _registered(labels: list[str]) -> list[str]:
    size = 3 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2 else 2
    return labels[-size:]


def _is_whole(labels: list[str], registered: list[str]) -> bool:
    name = registered[0]
    if "{{" in name:
        return False
    return bool(_WHOLE.fullmatch(name) or (len(labels) == 1 and _STAND_IN.fullmatch(name)))


def _is_stand_in(part: str, host: str) -> bool:
    if "{{" in part:
        return False
    # Host names have no underscores, and nobody writes one label of a real one in capitals.
    shouted = len(part) > 2 and part.isupper() and not PLACEHOLDER.sub("", host).isupper()
    return bool(_STAND_IN.fullmatch(part)) or "_" in part or shouted


def like(url: str, base: str) -> str:
    """A URL with the placeholders of another, where their hosts differ in nothing else.

    >>> like("https://{{subdomain}}.acme.io/token", "https://{{site}}.acme.io/v1")
    'https://{{site}}.acme.io/token'
    """
    ours, theirs = host_of(url), host_of(base)
    if "{{" not in ours or PLACEHOLDER.sub("*", ours) != PLACEHOLDER.sub("*", theirs):
        return url
    return url.replace(ours, theirs, 1)
