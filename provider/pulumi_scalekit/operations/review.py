"""The review of a definition before it goes anywhere: the rules' findings, and the documentation's review list.

The list is that of "Create your own connector": display name and description, the auth type, required fields, OAuth
endpoints and scopes, the proxy URL, and `is_mcp`. The findings are those of `definition`, and what only matters to a
reader.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from pulumi_scalekit.definition import connection
from pulumi_scalekit.definition.account_values import account_values
from pulumi_scalekit.definition.check import findings
from pulumi_scalekit.definition.finding import Finding, Severity
from pulumi_scalekit.definition.keys import FIELD_KEYS, UNKNOWN, has_unknown
from pulumi_scalekit.definition.normalize import mappings
from pulumi_scalekit.definition.paths import as_written
from pulumi_scalekit.definition.rules import RULES
from pulumi_scalekit.definition.urls import placeholders

RANK: Final[Mapping[Severity, int]] = {"hint": 1, "warning": 2, "error": 3}
"""Severities in order."""

State = Literal["ok", "error", "warning", "hint", "not used"]


@dataclass(frozen=True)
class Subject:
    """A definition to review, and where it comes from."""

    name: str
    """What messages call it: its display name, or its resource's."""
    definition: Mapping[str, Any]
    identifier: str = ""
    source: str = ""
    """The file or the environment that it is from."""
    path: str = ""
    """Its place in that file, in Pulumi's notation, such as `providers[2]`."""
    written: Mapping[str, str] = field(default_factory=dict)
    """The paths that a program wrote otherwise than the payload has them, by those of the payload."""
    is_connection: bool = False
    """Whether it is a connection, and its definition the arguments of one."""
    is_mcp: bool | None = None
    """Of a connection: whether its connector is one over MCP; `None` where that is not known."""


@dataclass(frozen=True)
class Item:
    """An entry of the review list."""

    title: str
    value: str
    """What the definition says, in a line."""
    state: State


@dataclass(frozen=True)
class Review:
    """What there is to say about a definition."""

    subject: Subject
    findings: tuple[Finding, ...]
    checklist: tuple[Item, ...] = field(default=())

    @property
    def worst(self) -> Severity | None:
        """The highest severity of the findings."""
        return max((f.severity for f in self.findings), key=RANK.__getitem__, default=None)


def review(subjects: Sequence[Subject]) -> list[Review]:
    """Review definitions, each by itself and all together."""
    duplicates = Counter(filter(None, map(_visible_name, subjects)))
    reviews = []
    for subject in subjects:
        if subject.is_connection:
            reviews.append(_review_connection(subject))
            continue
        found = [*findings(subject.definition), *_for_readers(subject.definition)]
        if (count := duplicates[_visible_name(subject)]) > 1:
            found.append(
                Finding(
                    "duplicate-display-name",
                    "display_name",
                    f"is that of {count} connectors",
                    "give each connector a name of its own, or delete the duplicate",
                    severity="warning",
                )
            )
        found.sort(key=lambda f: -RANK[f.severity])
        listed = tuple(checklist(subject.definition, found))
        reviews.append(Review(subject, tuple(_as_written(f, subject.written) for f in found), listed))
    return reviews


def _visible_name(subject: Subject) -> str:
    """A display name without outer blanks, since names that differ by those look alike; "" where there is none."""
    name = subject.definition.get("display_name")
    return name.strip() if isinstance(name, str) else ""


def _review_connection(subject: Subject) -> Review:
    definition = subject.definition
    found = list(connection.findings(definition))
    if connection.lacks_app(definition) and subject.is_mcp is False:
        found.append(connection.DRAFT)
    return Review(subject, tuple(found), tuple(connection_checklist(definition, found)))


def connection_checklist(definition: Mapping[str, Any], found: Sequence[Finding]) -> Iterator[Item]:
    """What a connection says, in the manner of the documentation's review list."""
    app = definition.get("oauth_app")
    settings = app if isinstance(app, Mapping) else {}
    values = {
        "Connection name": ("connection_name", definition.get("connection_name")),
        "Connector": ("connector", definition.get("connector")),
        "Auth type": ("auth_type", definition.get("auth_type")),
        "Auth mode": ("auth_mode", definition.get("auth_mode", connection.AUTH_MODES[0])),
        "Context": ("context", definition.get("context")),
        "OAuth application": ("oauth_app", settings.get("client_id") if settings else app),
        "OAuth scopes": ("oauth_app.scopes", settings.get("scopes")),
    }
    for title, (path, value) in values.items():
        worst = max(
            (f.severity for f in found if f.path == path or f.path.startswith(f"{path}.")),
            key=RANK.__getitem__,
            default=None,
        )
        yield Item(title, _shown(value), worst or ("ok" if value else "not used"))


def _as_written(finding: Finding, names: Mapping[str, str]) -> Finding:
    path, message = (as_written(text, names) for text in (finding.path, finding.message))
    return replace(finding, path=path, message=message)


def _for_readers(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """What Scalekit does not mind, and readers do."""
    if not definition.get("description"):
        yield Finding(
            "description-missing",
            "description",
            "is not given",
            "say in a sentence what the connector connects to",
            severity="hint",
        )
    for index, pattern in enumerate(mappings(definition.get("auth_patterns"))):
        for key in FIELD_KEYS:
            for position, spec in enumerate(mappings(pattern.get(key))):
                if not spec.get("label"):
                    yield Finding(
                        "label-missing",
                        f"auth_patterns[{index}].{key}[{position}].label",
                        "is not given",
                        "say what the account holder has to enter",
                        severity="hint",
                    )


def checklist(definition: Mapping[str, Any], found: Iterable[Finding]) -> Iterator[Item]:
    """The documentation's review list, with what the definition says to each point."""
    found = list(found)
    patterns = mappings(definition.get("auth_patterns"))

    def item(title: str, value: object, paths: str, *, used: bool = True) -> Item:
        matching = [f for f in found if re.match(rf"(?:{paths})(?!\w)", f.path)]
        worst = max((f.severity for f in matching), key=RANK.__getitem__, default=None)
        return Item(title, _shown(value), worst or ("ok" if used else "not used"))

    pattern = r"auth_patterns(\[\d+\])?"
    kinds = ", ".join(_shown(p.get("type", "?")) for p in patterns)
    fields = [_field_text(f) for p in patterns for f in mappings(p.get("fields"))]
    account = [_field_text(f) for p in patterns for f in mappings(p.get("account_fields"))]
    configs = [c for p in patterns if isinstance(c := p.get("oauth_config"), Mapping)]
    endpoints = [
        f"{key} {_shown(config[key])}"
        for config in configs
        for key in ("authorize_uri", "token_uri", "user_info_uri")
        if config.get(key)
    ]
    scopes = [_scope_text(s) for c in configs for s in mappings(c.get("available_scopes"))]
    mcp = [p.get("is_mcp") is True for p in patterns]
    names = placeholders(definition.get("proxy_url"))
    filled = f"  (placeholders: {', '.join(names)})" if names else ""
    config = rf"{pattern}\.oauth_config"
    yield item("Display name", definition.get("display_name"), "display_name")
    yield item("Description", definition.get("description"), "description")
    yield item("Auth type", kinds, rf"{pattern}$|{pattern}\.type")
    yield item("Fields", ", ".join(fields), rf"{pattern}\.fields", used=bool(fields))
    yield item("Account fields", ", ".join(account), rf"{pattern}\.account_fields", used=bool(account))
    yield item(
        "OAuth endpoints",
        "\n".join(endpoints),
        rf"{config}$|{config}\.(?:authorize_uri|token_uri|user_info_uri|pkce_enabled)",
        used=bool(endpoints),
    )
    yield item("OAuth scopes", ", ".join(scopes), rf"{config}\.available_scopes", used=bool(scopes))
    yield item("Proxy URL", f"{_shown(definition.get('proxy_url'))}{filled}", "proxy_url|proxy_enabled")
    yield _first_call(definition, found)
    places = [f"{place}: {', '.join(names)}" for place, names in account_values(definition).items()]
    yield Item("An account gives", "\n".join(places), "ok" if places else "not used")
    yield item("MCP", "yes" if any(mcp) else "no", rf"{pattern}\.is_mcp", used=any(mcp))


def _first_call(definition: Mapping[str, Any], found: Iterable[Finding]) -> Item:
    """What a call through the connector would send, its fields' values standing for themselves."""
    from pulumi_scalekit.tool_proxy.account import InjectionError
    from pulumi_scalekit.tool_proxy.dry_run import dry_run

    title = "A call sends"
    if any(f.severity == "error" for f in found) or has_unknown(definition):
        return Item(title, "", "not used")
    try:
        request = dry_run(definition, "GET", "/", {}).request
    except InjectionError as error:
        return Item(title, str(error), "warning")
    headers = [f"{name}: {value}" for name, value in request.masked().items()]
    return Item(title, "\n".join([request.masked_url, *headers]), "ok")


def _field_text(spec: Mapping[str, Any]) -> str:
    notes = [
        note
        for note, key in (("required", "required"), ("in the URL", "is_path_param"))
        if spec.get(key) is True
    ]
    name = _shown(spec.get("field_name", "?"))
    return f"{name} ({', '.join(notes)})" if notes else name


def _scope_text(scope: Mapping[str, Any]) -> str:
    return f"{_shown(scope.get('scope', '?'))}{' (required)' if scope.get('required') is True else ''}"


def _shown(value: Any) -> str:
    if value is UNKNOWN:
        return "[secret or not yet known]"
    if isinstance(value, (list, Mapping)):
        return ", ".join(map(_shown, value))
    return value if isinstance(value, str) else "" if value is None else str(value)


# --- What a rule is, for reports ----------------------------------------------------------------------------

_OWN_RULES: Final[Mapping[str, str]] = {
    "duplicate-display-name": "Each connector of an environment has a display name of its own.",
    "description-missing": "A connector says what it connects to.",
    "label-missing": "Every input has a label for those who fill it in.",
}
_SCHEMA_RULE: Final = "Every property has the type, the length and the form that Scalekit's API asks for."


def rule_summaries(used: Iterable[str] = ()) -> dict[str, str]:
    """What each rule wants, by the name that its findings have; the schema's as far as they are used."""
    summaries = {name: rule.summary for rule in RULES for name in rule.names}
    summaries.update(connection.RULES)
    summaries.update(_OWN_RULES)
    for name in used:
        summaries.setdefault(name, _SCHEMA_RULE)
    return summaries
