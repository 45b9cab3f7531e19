"""The base URL of an API, with placeholders, out of `servers` or of `host` and `basePath`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin

from pulumi_scalekit.definition.normalize import mapping
from pulumi_scalekit.definition.urls import PLACEHOLDER, placeholders
from pulumi_scalekit.settings import is_loopback

from .blueprint import Input
from .documents import Document, follow, listed, operations, pointer, text_of
from .hosts import LONGEST_HOST, host_of, is_callable, like, own_host
from .text import first_sentence, identifier

_BRACES: Final = re.compile(r"\{\{?\s*([^{}/]{1,80}?)\s*\}?\}|<([A-Za-z][\w -]{0,60})>")
_LONGEST: Final = 2048
"""How many characters a URL may have, for Scalekit and so for what is read."""
_TEST: Final = re.compile(
    r"(?<![a-z])(sandbox(?:es)?|demo|test|tests|testing|staging|stage|stg|dev|devel|development|qa|uat|pre-?prod(?:uction)?|"
    r"non-?prod(?:uction)?|mock|mocks|mocked|canary|paper|simulat(?:or|ion)|integration env\w*|localhost|local|beta|"
    r"playground)(?![a-z])",
    re.IGNORECASE,
)
_PRODUCTION: Final = re.compile(
    r"(?<![a-z-])(?:production|prod|live|produ(?:ção|cción|ktion|zione))(?![a-z])", re.IGNORECASE
)
_NOT_PRODUCTION: Final = re.compile(r"\b(?:non|pre|not)[- ]?(?:for |a |in )?prod", re.IGNORECASE)
_REGION: Final = re.compile(
    # Two letters only as a code: "de" and "in" are words.
    r"(?<![A-Za-z])(?:EU|AU|UK|CA|IN|JP|DE|CN|(?i:europe\w*|emea|apac|asia|australia\w*|canada|india|japan|germany|fedramp|"
    r"gov\w*|china))(?![A-Za-z])"
)
# Parts of host names within a company's own network.
_INTERNAL: Final = re.compile(r"(?:^|\.)(?:corp|internal|intern|intranet|lan)\.", re.IGNORECASE)
# Words in front of a host that an API has, as opposed to another system of it.
_API_LABEL: Final = re.compile(
    r"(?:api|apis|rest|www|gateway|app|my|web|connect|platform|public|v\d+)[.-]?", re.IGNORECASE
)
# Defaults that are part of the address rather than an example of somebody's own name.
_FIXED_NAMES: Final = frozenset(
    ["protocol", "scheme", "schema", "port", "basepath", "base_path", "path", "apiversion", "api_version"]
)
# What differs from account to account, whatever its default is.
_OWN_NAMES: Final = re.compile(
    r"(?:tenant|workspace|org|organi[sz]ation|account|company|customer|store|shop)[-_]?(?:id|name|domain|slug)?",
    re.IGNORECASE,
)
_OWN: Final = re.compile(r"\byour\b", re.IGNORECASE)
# Of these, words that may be an account's own name all the same.
_WORDS: Final = re.compile(r"(?:api|apis|www|app|rest|gateway)(?:\.|$)", re.IGNORECASE)
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
    guesses: tuple[str, ...] = ()
    """Its variables that were filled in, and that may be the account's own."""

    @property
    def host(self) -> str:
        """The host, without its port; empty in a relative URL."""
        return host_of(self.url)

    @property
    def for_tests(self) -> bool:
        """Whether it looks like a system for tests rather than the real one."""
        if self.for_production:
            return False
        # A registered domain, such as acme.dev, is the service's name.
        before = ".".join(self.host.split(".")[:-2])
        return bool(
            _TEST.search(PLACEHOLDER.sub("", before))
            or _TEST.search(first_sentence(f"{self.description} - server"))
            or any(_TEST.fullmatch(step.strip("_")) for step in self.url.split("/")[3:])
        )

    @property
    def for_production(self) -> bool:
        """Whether its description says that it is the real system, for everybody."""
        said = first_sentence(f"{self.description} - server")
        return bool(_PRODUCTION.search(said)) and not _NOT_PRODUCTION.search(said)

    @property
    def usable(self) -> bool:
        """Whether a connector could call it from elsewhere."""
        return is_callable(self.url)

    @property
    def rank(self) -> int:
        """The lower, the more likely the API's own: described as production, neither, for tests or internal."""
        if self.for_tests or _INTERNAL.search(self.host):
            return 2
        return 0 if self.for_production and not _REGION.search(self.description) else 1


def servers(document: Document) -> list[Server]:
    """Every address that a document gives, in its order."""
    if "swagger" in document:
        return _swagger_servers(document)
    found = [
        _server(entry, pointer("servers", index))
        for index, entry in enumerate(listed(follow(document, document.get("servers"))))
    ]
    # Some documents give the address with each path; the one that most have is the API's.
    total = 0
    counted: Counter[str] = Counter()
    first: dict[str, Server] = {}
    for _, path_item, operation in operations(document):
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
    """The address to call: one described as production, else the first that is not a test system, else the first.

    Of duplicates, it is the encrypted one; of two hosts, one of which is the other with something before it, the
    shorter.

    Args:
        candidates: The addresses.
        wanted: A part of the URL or description of the one to take, or its number from 1.
    """
    if wanted:
        if wanted.isdigit() and 1 <= int(wanted) <= len(candidates):
            return candidates[int(wanted) - 1]
        return next((s for s in candidates if wanted.lower() in f"{s.url} {s.description}".lower()), None)
    usable = sorted((s for s in candidates if s.usable), key=lambda s: (s.rank, s.url.startswith("http://")))
    if not usable:
        return None
    first = usable[0]
    # "paper-api.acme.io" beside "api.acme.io" is another system of the same API.
    return next((s for s in usable if s.rank == first.rank and _is_extended(first.host, s.host)), first)


def _is_extended(longer: str, shorter: str) -> bool:
    """Whether a host is another one with something before it, such as `eu.` but not `api.`."""
    before = longer.removesuffix(shorter)
    if before in {"", longer} or before[-1] not in ".-" or "{{" in shorter:
        return False
    return shorter.count(".") > 1 and not _API_LABEL.fullmatch(before)


def other_hosts(document: Document, chosen: Server) -> list[tuple[str, int]]:
    """The base URLs of operations that have servers of their own on other hosts, with how many each has."""
    counted: Counter[str] = Counter()
    for _, path_item, operation in operations(document):
        own = listed(operation.get("servers")) or listed(path_item.get("servers"))
        found = [_server(entry, "#/paths") for entry in own]
        telling = found and PLACEHOLDER.sub("", found[0].host).strip(".")
        if telling and all(server.host != chosen.host for server in found):
            counted[found[0].url] += 1
    return counted.most_common()


def absolute(reference: str, base: str) -> Server:
    """An OAuth endpoint: a URL with `{{name}}` placeholders. Relative ones are the server's.

    Args:
        reference: The endpoint as the document has it.
        base: The base URL of the API, with placeholders.
    """
    reference = templated(reference.strip()[:_LONGEST])
    if re.match(r"[a-z][a-z0-9+.-]*://", reference, re.IGNORECASE):
        own = own_host(reference)
        url = like(own.url, base)
        inputs = {name: known for name, known in own.inputs.items() if name in placeholders(url)}
        return Server(url, "", inputs=inputs, remarks=(own.remark,) if own.remark else ())
    try:
        return Server(urljoin(f"{base}/", reference) if base else "", "")
    except ValueError:
        return Server("", "")


def secured(url: str) -> str:
    """The URL over https: Scalekit calls nothing else."""
    return "https://" + url.removeprefix("http://") if url.startswith("http://") else url


def templated(url: str) -> str:
    """A URL with its placeholders in Scalekit's form."""
    return _BRACES.sub(lambda match: "{{" + identifier(match.group(1) or match.group(2)) + "}}", url)


def _server(entry: Any, where: str) -> Server:
    entry = mapping(entry)
    url = text_of(entry.get("url")).strip()[:_LONGEST]
    # OpenAPI 3.2 names servers; generators have had extensions for it.
    described = ("description", "name", "x-fern-server-name", "x-speakeasy-server-id", "x-name")
    description = next(filter(None, (text_of(entry.get(key)) for key in described)), "")
    variables = mapping(entry.get("variables"))
    inputs: dict[str, Input] = {}
    remarks: list[str] = []
    guesses: list[str] = []

    def fill(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        variable = mapping(variables.get(name))
        value = _fixed(name, variable)
        if value is not None:
            remarks.append(f"{name} is filled with its default {value}")
            if name.lower() not in _FIXED_NAMES and _WORDS.match(value) and not listed(variable.get("enum")):
                guesses.append(name)
            return value
        default = text_of(variable.get("default"))
        if is_loopback(default) and _TEST.search(description):
            return default  # this machine, for tests
        made = identifier(name)
        options = [item for item in listed(variable.get("enum")) if isinstance(item, str)]
        hint = first_sentence(variable.get("description"))
        if not hint and default and not options:
            hint = f"For example {default}"
        inputs[made] = Input(made, "", hint, tuple(dict.fromkeys(options)), default)
        return "{{" + made + "}}"

    own = own_host(_tidied(_BRACES.sub(fill, url)))
    if own.remark:
        remarks.append(own.remark)
    return Server(own.url, where, description, {**inputs, **own.inputs}, tuple(remarks), tuple(guesses))


def _fixed(name: str, variable: Mapping[str, Any]) -> str | None:
    """The value of a variable that is the same for everyone, or `None` where accounts differ in it."""
    options = [item for item in listed(variable.get("enum")) if isinstance(item, str)]
    default = variable.get("default")
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        default = str(default)
    if len(options) == 1:
        return options[0]
    if not isinstance(default, str) or len(default) > LONGEST_HOST:
        return None
    if name.lower() in {"protocol", "scheme", "schema"}:
        return "https"
    if name.lower() in _FIXED_NAMES:
        return default
    if "://" in default:  # the whole address
        return default if is_callable(default) else None
    if _OWN_NAMES.fullmatch(name) or _OWN.search(text_of(variable.get("description"))):
        return None
    if "." in default and (not is_callable(f"https://{default}") or own_host(f"https://{default}").remark):
        return None
    return default if not options and _FIXED_VALUES.fullmatch(default) else None


def _tidied(url: str) -> str:
    """A base URL without what a base URL does not have: query, fragment, credentials, trailing slash."""
    url = url.split("#")[0].split("?")[0].rstrip("/")
    if url.startswith("//"):
        url = f"https:{url}"
    url = re.sub(r"^([A-Za-z]+://)[^/@]*@", r"\1", url)
    return re.sub(r"^(https://[^/]+?):443(?=/|$)", r"\1", url)


def _swagger_servers(document: Document) -> list[Server]:
    host, base = text_of(document.get("host")).strip(), text_of(document.get("basePath")).strip()
    host = re.sub(r"^https?://", "", host).rstrip("/")  # some give the whole address
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
