"""Documents that nobody would write, and some that somebody might: no crash, and no time out of proportion."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit.definition.check import errors
from pulumi_scalekit.discovery import DiscoveryError, Overrides, Result, Source, conclude
from pulumi_scalekit.discovery.documents import parse_document
from pulumi_scalekit.discovery.nango import read_entry
from pulumi_scalekit.yaml_reader import read_yaml

from .documents import BASIC, BEARER, Document, code_flow, discover, key_in, openapi, swagger

# What has been seen to trip something, or might: URLs, placeholders, references, half a surrogate pair.
TRAPS: list[Any] = [
    *[
        "",
        " ",
        "{}",
        "{{}}",
        "{a}",
        "{{a}}",
        "{a{b}c}",
        "}{",
        "<a b>",
        "a/",
        "/",
        "~1",
        "%zz",
        "\ud800",
        "\x00",
        "a" * 300,
    ],
    *[
        "http://[::1",
        "https://[x]/",
        "://",
        "//",
        "https://",
        "https://a:99999/",
        "https://ü.io",
        "https://xn--/",
    ],
    *[
        "https://{}",
        "https://{ }",
        "https://{a}:{b}@{c}",
        "https://a..b",
        "https://your-",
        "https://a.io/scope/",
    ],
    *["Bearer <x>", "Basic {key}", "127.0.0.1", "::1", "example", "signature", "header", "1e999"],
    *[{"$ref": "#/"}, {"$ref": "#"}, {"$ref": "#/components"}, {"$ref": 1}, {"": ""}, {None: None}, {1: 2}],
    *[
        [[]],
        [{}],
        {"type": "apiKey", "in": "header", "name": "a"},
        {"type": "oauth2", "flows": {"authorizationCode": {}}},
    ],
]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.sampled_from(TRAPS),
)
SEEDS: list[Document] = [
    openapi(
        {"o": code_flow(), "k": key_in("Authorization", "`Token <key>`")},
        security=[{"o": ["notes:read"]}, {"k": []}],
    ),
    openapi(
        {"b": BASIC},
        servers=[{"url": "https://{a}.acme.io", "variables": {"a": {"default": "x", "enum": ["x", "y"]}}}],
    ),
    openapi(
        {"a": key_in("X-App"), "s": key_in("X-Signature"), "t": BEARER},
        security=[{"a": [], "s": []}, {"t": []}],
        servers=[
            {"url": "https://your-site.acme.io", "description": "Production"},
            {"url": "https://{a}.acme.io"},
        ],
        paths={"/oauth/token": {"post": {"requestBody": {"content": {"x": {"schema": {"allOf": [{}]}}}}}}},
    ),
    swagger(
        {
            "a": {
                "type": "oauth2",
                "flow": "accessCode",
                "authorizationUrl": "https://acme.io/a",
                "tokenUrl": "https://acme.io/t",
                "scopes": {"read": "Read"},
            }
        },
        security=[{"a": []}],
    ),
    openapi(paths={"/a": {"get": {"parameters": [{"in": "header", "name": "X-Api-Key", "required": True}]}}}),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values below a value."""
    steps: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    return [inner for key, item in steps for inner in [(*path, key), *places(item, (*path, key))]]


def changed(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """A copy of a value with another value at a path."""
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], junk)
    return copy


def hold_promises(result: Result) -> None:
    """Whatever was read, the definition passes review or something is missing, and no field is there twice."""
    assert errors(result.definition) == [] or result.missing
    for finding in errors(result.definition):
        assert any(note.path.startswith(finding.path.split("[")[0]) for note in result.missing)
    for pattern in result.definition["auth_patterns"]:
        names = [field["field_name"] for field in [*pattern["fields"], *pattern.get("account_fields", [])]]
        assert len(set(names)) == len(names)
    assert json.loads(json.dumps(result.to_json()))


@given(st.data())
def test_any_document_gives_a_definition_or_says_what_is_missing(data: st.DataObject) -> None:
    """Whatever stands in a document: no crash, and a definition that passes review unless something is missing."""
    document = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([p for p in places(document) if p[0] not in {"openapi", "swagger"}]))
        document = changed(document, path, data.draw(JUNK))
    hold_promises(discover(Source(document), Overrides()))


ENTRIES: list[dict[str, Any]] = [
    {
        "display_name": "Acme",
        "auth_mode": "OAUTH2",
        "authorization_url": "https://${connectionConfig.site}.acme.io/a",
        "token_url": {"OAUTH2": "https://acme.io/t"},
        "authorization_params": {"prompt": "consent"},
        "token_params": {"grant_type": "authorization_code"},
        "default_scopes": ["notes"],
        "scope_separator": ",",
        "proxy": {"base_url": "https://api.acme.io", "headers": {"authorization": "Bearer ${accessToken}"}},
        "connection_config": {"site": {"title": "Site", "enum": ["a"], "default_value": "a"}},
    },
    {
        "display_name": "Acme",
        "auth_mode": "API_KEY",
        "credentials": {"apiKey": {"title": "Key", "description": "Your key"}},
        "proxy": {
            "base_url": "${connectionConfig.site} || https://acme.io",
            "headers": {"x-key": "${apiKey}", "x-id": "a${connectionConfig.id}b"},
            "query": {"a": "b"},
        },
    },
    {
        "alias": "other",
        "auth_mode": "BASIC",
        "credentials": {"username": {"hidden": True}, "password": {"default_value": "", "hidden": True}},
        "proxy": {"base_url": "https://acme.io"},
    },
]


@given(st.data())
def test_any_entry_of_a_catalogue_gives_a_definition_or_says_what_is_missing(data: st.DataObject) -> None:
    """The same holds for the entries of a catalogue."""
    entry = data.draw(st.sampled_from(ENTRIES))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([p for p in places(entry) if p != ("auth_mode",)]))
        entry = changed(entry, path, data.draw(JUNK))
    catalogue = {"acme": entry, "other": data.draw(st.sampled_from(ENTRIES))}
    hold_promises(conclude(read_entry(catalogue, "acme"), Overrides()))


PIECES = [
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!!int ",
    "!!binary ",
    "- ",
    ": ",
    "? ",
    "|",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "#",
]
PIECES += [
    "\t",
    "\n",
    "---\n",
    "...\n",
    "\ufeff",
    "0o7",
    "1_000",
    "1:2",
    "190:20:30",
    "~",
    "yes",
    "=",
    "2024-01-01",
    "&a [*a]",
]


@given(st.data())
def test_any_text_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever is written into a YAML document: it is read, or refused with a reason."""
    text = yaml.safe_dump(data.draw(st.sampled_from(SEEDS)), sort_keys=False)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        text = (
            text[:place] + data.draw(st.sampled_from(PIECES)) + text[place + data.draw(st.integers(0, 6)) :]
        )
    try:
        document = parse_document(text.encode(), "text")
    except DiscoveryError:
        return
    hold_promises(discover(Source(document), Overrides()))


class _Reference(yaml.SafeLoader):
    """PyYAML's own loader, without the types that are left out here."""


_Reference.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith((":timestamp", ":value", ":bool"))]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Reference.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.sampled_from(PIECES),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SCALARS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_yaml_is_read_as_pyyaml_reads_it(value: Any) -> None:
    """The reader from events returns what PyYAML's loader returns."""
    text = yaml.safe_dump(value, allow_unicode=True)
    assert read_yaml(text) == yaml.load(text, Loader=_Reference)


MERGED = """
base: &base {a: 1, b: 2}
more: &more {b: 3, c: 4}
one: {<<: *base, b: 5}
two: {b: 6, <<: [*base, *more]}
same: [&x [1, *base], *x]
tagged: [!!str 1, !!int "2", !!float "3", ! yes, "<<", 2024-01-31, =]
"""


def test_words_and_times_are_strings() -> None:
    """What only YAML 1.1 takes for a boolean or a number stays text, as OpenAPI's YAML 1.2 has it."""
    text = "{country: no, switch: On, answer: yes, time: 1:30, really: true, off: FALSE}"
    values = {"country": "no", "switch": "On", "answer": "yes", "time": "1:30", "really": True, "off": False}
    assert read_yaml(text) == values


def test_anchors_merge_keys_and_tags() -> None:
    """Aliases, merge keys and YAML's own tags mean what they mean to PyYAML."""
    assert read_yaml(MERGED) == yaml.load(MERGED, Loader=_Reference)


@pytest.mark.parametrize(
    "text", ["*nowhere", "{[a]: b}", "!!set {a}", "!x y", "<<: 1\na: b", "{a: &x {<<: *x}, b: [}"]
)
def test_yaml_that_is_refused(text: str) -> None:
    """What plain values cannot say is refused as PyYAML refuses it: with the place."""
    with pytest.raises(yaml.YAMLError):
        read_yaml(text)


LENGTH = 100_000
BAITS = [
    "a",
    "a ",
    "a.",
    "1.",
    "1 ",
    "v1 ",
    "-",
    "A-",
    "aA",
    "\n\n",
    "# a\n",
    "[",
    "![",
    "](",
    "<",
    "<a",
    "{",
    "{{",
    "`",
    "(",
    '"',
    "'",
]
BAITS += [
    "the ",
    "key ",
    "token ",
    "prefix the ",
    "followed by",
    "api key as ",
    "user name ",
    "no a b ",
    "every ",
    "Bearer <",
]
BAITS += ["Authorization: ", "x-api-", "your-", "a-example.", "://", "/", "@"]
BAITS += ["issued by ", "obtained from the ", "session ", "signature ", "Basic key "]


def baited(text: str) -> Iterator[Document]:
    """Documents with a text in every place that rules look at."""
    keys = {
        "k": key_in("Authorization", text),
        "h": key_in(text),
        "b": {**BASIC, "description": text},
        text: BEARER,
    }
    flow = {
        **code_flow(authorizationUrl=f"https://a.io/{text}", tokenUrl=text, scopes={text: text}),
        "description": text,
    }
    yield openapi(keys, title=text, description=text, **{"x-providerName": text})
    yield openapi(
        {"o": flow},
        servers=[{"url": f"https://{text}", "variables": {text: {"default": text}}}, {"url": text}],
    )
    yield openapi(
        {"b": BASIC},
        servers=[{"url": "https://{a}.io", "variables": {"a": {"default": text}}}],
        description=text,
    )
    parameter = {"in": "header", "name": text, "required": True, "description": text}
    yield openapi(paths={f"/{text}": {"get": {"parameters": [parameter], "description": text}}})


@pytest.mark.parametrize("bait", BAITS)
def test_long_texts_take_time_in_proportion(bait: str) -> None:
    """No text costs more than its length: a rule with quadratic time would not come to an end here."""
    text = (bait * LENGTH)[:LENGTH]
    for document in baited(text):
        discover(Source(document), Overrides())
