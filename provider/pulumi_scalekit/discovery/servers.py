"""The base URL of an API, with placeholders, out of `servers` or of `host` and `basePath`."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from pulumi_scalekit.definition.urls import PLACEHOLDER
from pulumi_scalekit.settings import is_loopback

from .blueprint import Input
from .documents import Document, follow, listed, mapping, operations, pointer, text_of
from .text import first_sentence, identifier

_BRACES: Final = re.compile(r"\{\{?\s*([^{}/]{1,80}?)\s*\}?\}|<([A-Za-z][\w -]{0,60})>")
_TEST: Final = re.compile(
    r"(?<![a-z])(sandbox|demo|test|testing|staging|stage|stg|dev|development|qa|uat|preprod|mock|canary)(?![a-z])",
    re.IGNORECASE,
)
# Host labels that stand for the reader's own: your-domain, yourcompany, my-instance, {acme}.
_YOURS: Final = re.compile(
    r"(?:your|my)[-_]?(?:own)?[-_]?(?:sub-?domain|domain|company|instance|site|org|organi[sz]ation|account|tenant|"
    r"workspace|store|shop|team|host|server|app)(?:[-_]?(?:name|id))?"
    r"|(?:sub-?domain|tenant|instance|company|workspace)(?:[-_]?name)?",
    re.IGNORECASE,
)
_EXAMPLE: Final = re.compile(
    r"(^|\.)(example\.(com|org|net)|[\w-]+\.example|[\w-]+\.(test|invalid|local|localhost))$", re.IGNORECASE
)
# Defaults that are part of the address rather than an example of somebody's own name.
_FIXED_NAMES: Final = frozenset(
    ["protocol", "scheme", "schema", "port", "basepath", "base_path", "path", "apiversion", "api_version"]
)
_FIXED_VALUES: Final = re.compile(
    r"(api|apis|www|app|rest|gateway|v\d+(\.\d+)*|\d+|https?)(\.[\w.-]+)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Server:
    """One address of an API."""

    url: str
    """The base URL with `{{name}}` placeholders; relative when the document gives no host."""
    pointer: str
    description: str = ""
    inputs: Mapping[str, Input] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    """What was decided about its variables, for the report."""

    @property
    def host(self) -> str:
        """The host, without its port; empty in a relative URL."""
        match = re.match(r"[a-z][a-z0-9+.-]*://([^/?#]*)", self.url, re.IGNORECASE)
        return match.group(1).rsplit("@", 1)[-1].split(":")[0] if match else ""

    @property
    def for_tests(self) -> bool:
        """Whether it looks like a system for tests rather than the real one."""
        return bool(_TEST.search(self.host) or _TEST.search(first_sentence(f"{self.description} - server")))

    @property
    def usable(self) -> bool:
        """Whether a connector could call it from elsewhere."""
        host = PLACEHOLDER.sub("x", self.host)
        if (
            not host
            or is_loopback(host)
            or _EXAMPLE.search(host)
            or urlsplit(self.url).scheme not in {"http", "https"}
        ):
            return False
        try:
            return ipaddress.ip_address(host).is_global
        except ValueError:
            return "." in host or "{{" in self.host


def servers(document: Document) -> list[Server]:
    """Every address that a document gives, in its order."""
    if "swagger" in document:
        return _swagger_servers(document)
    found = [
        _server(entry, pointer("servers", index))
        for index, entry in enumerate(listed(document.get("servers")))
    ]
    # Some documents give the address with each path; the one that most have is the API's.
    total = 0
    counted: Counter[str] = Counter()
    first: dict[str, Server] = {}
    for path_item, operation in operations(document):
        total += 1
        for entry in listed(operation.get("servers")) or listed(path_item.get("servers")):
            server = _server(entry, "#/paths")
            if server.host:
                counted[server.url] += 1
                first.setdefault(server.url, server)
    own = [first[url] for url, _ in counted.most_common()]
    if not any(server.host for server in found):
        return own + found
    if own and counted[own[0].url] * 2 > total and own[0].url not in {server.url for server in found}:
        return [own[0], *found]
    return found


def choose(candidates: list[Server], wanted: str = "") -> Server | None:
    """The address to call: the first that is not a test system, else the first; of duplicates, the encrypted one.

    Args:
        candidates: The addresses.
        wanted: A part of the URL or description of the one to take, or its number from 1.
    """
    if wanted:
        if wanted.isdigit() and 1 <= int(wanted) <= len(candidates):
            return candidates[int(wanted) - 1]
        return next((s for s in candidates if wanted.lower() in f"{s.url} {s.description}".lower()), None)
    usable = sorted((s for s in candidates if s.usable), key=lambda server: server.url.startswith("http://"))
    return next((server for server in usable if not server.for_tests), usable[0] if usable else None)


def other_hosts(document: Document, chosen: Server) -> list[tuple[str, int]]:
    """The base URLs of operations that have servers of their own on other hosts, with how many each has."""
    counted: Counter[str] = Counter()
    for path_item, operation in operations(document):
        own = listed(operation.get("servers")) or listed(path_item.get("servers"))
        found = [_server(entry, "#/paths") for entry in own]
        telling = found and PLACEHOLDER.sub("", found[0].host).strip(".")
        if telling and all(server.host != chosen.host for server in found):
            counted[found[0].url] += 1
    return counted.most_common()


def absolute(reference: str, base: str) -> str:
    """An OAuth endpoint as an absolute URL with `{{name}}` placeholders; relative ones are the server's."""
    reference = templated(reference.strip())
    if re.match(r"[a-z][a-z0-9+.-]*://", reference, re.IGNORECASE):
        return reference
    return urljoin(f"{base}/", reference) if base else ""


def templated(url: str) -> str:
    """A URL with its placeholders in Scalekit's form."""
    return _BRACES.sub(lambda match: "{{" + identifier(match.group(1) or match.group(2)) + "}}", url)


def _server(entry: Any, where: str) -> Server:
    entry = mapping(entry)
    url, description = text_of(entry.get("url")).strip(), text_of(entry.get("description"))
    variables = mapping(entry.get("variables"))
    inputs: dict[str, Input] = {}
    remarks: list[str] = []

    def fill(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        variable = mapping(variables.get(name))
        value = _fixed(name, variable)
        if value is not None:
            remarks.append(f"{name} is filled with its default {value}")
            return value
        made = identifier(name)
        options = [item for item in listed(variable.get("enum")) if isinstance(item, str)]
        default = text_of(variable.get("default"))
        hint = first_sentence(variable.get("description"))
        if not hint and default and not options:
            hint = f"For example {default}"
        inputs[made] = Input(made, "", hint, tuple(dict.fromkeys(options)), default)
        return "{{" + made + "}}"

    filled = _BRACES.sub(fill, url)
    return _own_host(_tidied(filled), where, description, inputs, tuple(remarks))


def _fixed(name: str, variable: Mapping[str, Any]) -> str | None:
    """The value of a variable that is the same for everyone, or `None` where accounts differ in it."""
    options = [item for item in listed(variable.get("enum")) if isinstance(item, str)]
    default = variable.get("default")
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        default = str(default)
    if len(options) == 1:
        return options[0]
    if not isinstance(default, str):
        return None
    if name.lower() in {"protocol", "scheme", "schema"}:
        return "https"
    if name.lower() in _FIXED_NAMES:
        return default
    return default if not options and _FIXED_VALUES.fullmatch(default) else None


def _own_host(
    url: str, where: str, description: str, inputs: dict[str, Input], remarks: tuple[str, ...]
) -> Server:
    """Make a placeholder of `your-domain` in a host, or of a whole host such as `your-server.com`."""
    match = re.match(r"([a-z]+://)([^/:{}]+)\.([^/:.{}]+\.[^/:.{}]+(?:[/:].*)?)$", url, re.IGNORECASE)
    if match and _YOURS.fullmatch(match.group(2)):
        inputs = {
            **inputs,
            "subdomain": Input("subdomain", hint=f"The first part of your host name: {match.group(2)}"),
        }
        remarks = (*remarks, f"{match.group(2)} stands for the account's own name")
        url = f"{match.group(1)}{{{{subdomain}}}}.{match.group(3)}"
    elif whole := re.match(
        r"([a-z]+://)(your[-_][\w.-]+|your\w*(?:domain|server|host|instance)[\w.-]*)", url, re.IGNORECASE
    ):
        host = whole.group(2)
        inputs = {**inputs, "domain": Input("domain", hint="Your host name, without https://")}
        remarks = (*remarks, f"{host} stands for the account's own host")
        url = f"{whole.group(1)}{{{{domain}}}}{url[whole.end() :]}"
    return Server(url, where, description, inputs, remarks)


def _tidied(url: str) -> str:
    """A base URL without what a base URL does not have: query, fragment, credentials, trailing slash."""
    url = url.split("#")[0].split("?")[0].rstrip("/")
    if url.startswith("//"):
        url = f"https:{url}"
    url = re.sub(r"^([A-Za-z]+://)[^/@]*@", r"\1", url)
    return re.sub(r"^(https://[^/]+?):443(?=/|$)", r"\1", url)


def _swagger_servers(document: Document) -> list[Server]:
    host, base = text_of(document.get("host")).strip(), text_of(document.get("basePath")).strip()
    template = mapping(document.get("x-ms-parameterized-host"))
    if not host and (given := text_of(template.get("hostTemplate"))):
        names = {
            text_of(spec.get("name")): {
                "default": spec.get("default"),
                "description": spec.get("description"),
            }
            for spec in (mapping(follow(document, item)) for item in listed(template.get("parameters")))
        }
        prefix = "" if "://" in given or template.get("useSchemePrefix") is False else "https://"
        entry = {"url": f"{prefix}{given}{base}", "variables": names}
        return [_server(entry, pointer("x-ms-parameterized-host"))]
    if not host:
        return []
    schemes = [scheme for scheme in listed(document.get("schemes")) if isinstance(scheme, str)]
    scheme = "http" if schemes and "https" not in schemes else "https"
    path = f"/{base.strip('/')}" if base.strip("/") else ""
    return [_server({"url": f"{scheme}://{host}{path}"}, pointer("host"))]
