"""Random definitions, and random JSON that is none (hypothesis)."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st

from pulumi_scalekit.definition.keys import UNKNOWN

Definition = dict[str, Any]

NAME = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12)
# Any text that JSON can carry: no lone surrogates.
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
LABEL = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
NUMBER = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
)
SCALAR = st.one_of(st.none(), st.booleans(), NUMBER, TEXT)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
"""Any JSON value that survives doubles."""
HOST = st.lists(
    st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8), min_size=1, max_size=3
).map(lambda labels: ".".join([*labels, "example"]))
URL = st.builds(
    lambda host, path: f"https://{host}/{path}", HOST, st.text(string.ascii_letters + "/-_~.", max_size=10)
)
HEADER = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12)
DISPLAY_NAME = st.text(string.ascii_letters + string.digits + " ", min_size=1, max_size=30).filter(
    lambda name: name.strip(" ") != ""
)


def optional(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings in which each key may be absent, or `None`."""
    return st.fixed_dictionaries(
        {}, optional={key: st.one_of(st.none(), value) for key, value in strategies.items()}
    )


# Keys that nobody documents: the server keeps them.
EXTRA = st.dictionaries(NAME.map(lambda name: f"x_{name}"), JSON, max_size=2)


@st.composite
def fields(draw: st.DrawFn, names: list[str], *, api_key: bool = False) -> list[Definition]:
    """Fields of these names, with whatever a field may have."""
    made = []
    headers: set[str] = set()
    for name in names:
        field = draw(
            optional(
                label=TEXT,
                hint=TEXT,
                required=st.booleans(),
                input_type=st.sampled_from(["text", "password"]),
            )
        )
        if draw(st.booleans()):
            values = draw(st.lists(LABEL, min_size=1, max_size=3, unique=True))
            field["input_type"] = "select"
            field["options"] = [
                {"value": value, **draw(optional(display_name=TEXT, description=TEXT, default=st.booleans()))}
                for value in values
            ]
        if api_key and draw(st.booleans()):
            header = draw(HEADER)
            if header.lower() not in headers:
                headers.add(header.lower())
                field["header_name"] = header
        made.append({"field_name": name, **field, **draw(EXTRA)})
    return made


@st.composite
def definitions(draw: st.DrawFn, display_names: st.SearchStrategy[str] = DISPLAY_NAME) -> Definition:
    """Valid definitions of every auth type, over REST and over MCP."""
    kind = draw(st.sampled_from(["OAUTH", "BASIC", "BEARER", "API_KEY", "NO_AUTH"]))
    is_mcp = kind == "NO_AUTH" or draw(st.booleans())
    parameters = (
        [] if kind == "NO_AUTH" else draw(st.lists(NAME.map(lambda n: f"p_{n}"), max_size=2, unique=True))
    )
    credentials = {"BASIC": ["username", "password"], "BEARER": ["token"], "API_KEY": ["api_key"]}.get(
        kind, []
    )
    pattern: Definition = {"type": kind, "display_name": draw(LABEL), **draw(optional(description=TEXT))}
    inputs = draw(fields(credentials, api_key=kind == "API_KEY"))
    places = draw(fields(parameters))
    for place in places:
        place["is_path_param"] = True
    if kind == "OAUTH":
        pattern |= draw(st.sampled_from([{}, {"fields": []}]))
        written_out: bool = draw(st.booleans())
        if places or written_out:
            pattern["account_fields"] = places
        pattern["oauth_config"] = {"pkce_enabled": True} if is_mcp else draw(oauth_configs())
    else:
        pattern["fields"] = inputs + places
    if is_mcp:
        pattern["is_mcp"] = True
    elif draw(st.booleans()):
        pattern["is_mcp"] = draw(st.sampled_from([False, None]))
    mutated: bool = draw(st.booleans())
    if credentials and mutated:
        pattern["auth_field_mutations"] = {
            name: {
                **draw(optional(prefix=PRINTABLE, suffix=PRINTABLE, default=PRINTABLE)),
            }
            for name in draw(st.lists(st.sampled_from(credentials), unique=True))
        }
    if kind != "NO_AUTH":
        pattern |= draw(optional(auth_header_key_override=HEADER))
    pattern |= draw(optional(allowed_proxy_domains=st.lists(HOST, max_size=2)))
    pattern |= draw(EXTRA)
    url = draw(URL)
    for name in parameters:
        url += f"/{{{{{name}}}}}"
    return {
        "display_name": draw(display_names),
        "proxy_url": url,
        "auth_patterns": [shuffled(draw, pattern)],
        **draw(
            optional(
                description=TEXT,
                proxy_enabled=st.booleans(),
                icon_src=st.one_of(st.just(""), URL),
                metadata=st.dictionaries(
                    st.text(st.characters(codec="utf-8"), min_size=3, max_size=25),
                    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
                    max_size=3,
                ),
            )
        ),
    }


PRINTABLE = st.text(string.ascii_letters + string.digits + " -/:", max_size=8)


@st.composite
def oauth_configs(draw: st.DrawFn) -> Definition:
    """OAuth endpoints and scopes."""
    scopes = draw(st.lists(LABEL, max_size=3, unique=True))
    return {
        "authorize_uri": draw(URL),
        "token_uri": draw(URL),
        **draw(
            optional(
                user_info_uri=URL,
                pkce_enabled=st.booleans(),
                custom_scope_name=TEXT,
                allow_use_scalekit_credentials=st.booleans(),
            )
        ),
        "available_scopes": [
            {"scope": scope, **draw(optional(display_name=TEXT, description=TEXT, required=st.booleans()))}
            for scope in scopes
        ],
        **draw(EXTRA),
    }


def shuffled(draw: st.DrawFn, mapping: Definition) -> Definition:
    """The same mapping with its keys in another order."""
    return {key: mapping[key] for key in draw(st.permutations(list(mapping)))}


KEYS = st.sampled_from(
    [
        "display_name", "description", "auth_patterns", "proxy_url", "proxy_enabled", "icon_src", "metadata",
        "type", "fields", "account_fields", "field_name", "options", "value", "oauth_config", "available_scopes",
        "scope", "authorize_uri", "token_uri", "is_mcp", "is_path_param", "header_name", "input_type",
        "auth_field_mutations", "auth_header_key_override", "allowed_proxy_domains", "prefix", "identifier", "x",
    ]
)  # fmt: skip
WORDS = st.one_of(
    TEXT,
    st.sampled_from(
        ["OAUTH", "BASIC", "BEARER", "API_KEY", "NO_AUTH", "select", "https://{{a}}.example/{{ b }}", "https://[",
         "https://a b", "token", "api_key", "https://x.example:99999", "https://\u2100.example", "TRUSTED_IDP"]
    ),
)  # fmt: skip
LEAF = st.one_of(st.none(), st.booleans(), NUMBER, WORDS, st.just(UNKNOWN))
ANYTHING = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS, TEXT), inner, max_size=6)
    ),
    max_leaves=25,
)
"""Values in the shape of definitions, and of nothing at all, with unknown ones among them."""


@st.composite
def damaged(draw: st.DrawFn) -> Definition:
    """Valid definitions in which some values are replaced by anything."""
    definition = draw(definitions())
    for _ in range(draw(st.integers(1, 4))):
        parent: Any = definition
        while True:
            steps = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
            if not steps:
                break
            step = draw(st.sampled_from(steps))
            child = parent[step]
            if isinstance(child, (dict, list)) and child and draw(st.booleans()):
                parent = child
                continue
            parent[step] = draw(ANYTHING)
            break
    return definition
