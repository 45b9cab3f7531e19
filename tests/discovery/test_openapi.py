"""What is made of an OpenAPI or Swagger document."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.definition.check import errors
from pulumi_scalekit.discovery import DiscoveryError, Overrides, Result, Source

from .documents import BASIC, BEARER, KEY, Document, code_flow, discover, key_in, openapi, swagger


def made(document: Document, *, scheme: str = "", server: str = "", **answers: Any) -> Result:
    """What is made of a document."""
    return discover(Source(document, scheme, server), Overrides(**answers))


def pattern(result: Result) -> dict[str, Any]:
    """The one auth pattern."""
    (only,) = result.definition["auth_patterns"]
    assert isinstance(only, dict)
    return only


def texts(result: Result, origin: str) -> str:
    """The notes of one origin."""
    return "\n".join(f"{note.path}: {note.text}" for note in result.notes if note.origin == origin)


# Each case: the schemes, and what the pattern has to hold. None stands for "is not there".
SCHEMES: dict[str, tuple[Document, dict[str, Any]]] = {
    "bearer": ({"a": KEY}, {"type": "BEARER", "auth_header_key_override": None}),
    "basic": ({"a": BASIC}, {"type": "BASIC", "auth_field_mutations": None}),
    "key in a header": (
        {"a": key_in("X-API-Key")},
        {"type": "API_KEY", "auth_header_key_override": "X-API-Key", "auth_field_mutations": None},
    ),
    "bearer written as a key": (
        {"a": key_in("Authorization", "Send `Authorization: Bearer <key>`.")},
        {"type": "BEARER", "auth_header_key_override": None, "auth_field_mutations": None},
    ),
    "bearer in a header of its own": (
        {"a": key_in("X-Acme-Auth", "Format: `Bearer <key>`")},
        {"type": "BEARER", "auth_header_key_override": "X-Acme-Auth", "auth_field_mutations": None},
    ),
    "basic written as a key": (
        {"a": key_in("Authorization", "`Authorization: Basic <credentials>`")},
        {"type": "BASIC"},
    ),
    "key behind a word": (
        {"a": key_in("Authorization", "Use `Authorization: AcmeKey <API_KEY>`.")},
        {"type": "API_KEY", "auth_field_mutations": {"api_key": {"prefix": "AcmeKey "}}},
    ),
    "key behind a parameter": (
        {"a": key_in("Authorization", "The key with the format `Token token=<API_KEY>`")},
        {"type": "API_KEY", "auth_field_mutations": {"api_key": {"prefix": "Token token="}}},
    ),
    "key in quotes": (
        {"a": key_in("Authorization", 'For example `Token token="<key>"`')},
        {"type": "API_KEY", "auth_field_mutations": {"api_key": {"prefix": 'Token token="', "suffix": '"'}}},
    ),
    "key that is to be prefixed": (
        {"a": key_in("Authorization", 'Make a key, then prefix your key with "AcmeKey " and send it.')},
        {"type": "API_KEY", "auth_field_mutations": {"api_key": {"prefix": "AcmeKey "}}},
    ),
    "key shown in an extension": (
        {"a": key_in("Authorization", "", **{"x-example": "AcmeKey your-private-key"})},
        {"type": "API_KEY", "auth_field_mutations": {"api_key": {"prefix": "AcmeKey "}}},
    ),
    "http scheme of the vendor's": (
        {"a": {"type": "http", "scheme": "AcmeKey"}},
        {"type": "API_KEY", "auth_field_mutations": {"api_key": {"prefix": "AcmeKey "}}},
    ),
    "cookie": (
        {"a": {"type": "apiKey", "in": "cookie", "name": "session"}},
        {
            "type": "API_KEY",
            "auth_header_key_override": "Cookie",
            "auth_field_mutations": {"api_key": {"prefix": "session="}},
        },
    ),
    "key that is called http": (
        {"a": {"type": "http", "scheme": "apikey", "in": "header", "name": "X-API-Key"}},
        {"type": "API_KEY", "auth_header_key_override": "X-API-Key", "auth_field_mutations": None},
    ),
    "oauth": ({"a": code_flow()}, {"type": "OAUTH", "fields": []}),
}


@pytest.mark.parametrize("name", SCHEMES)
def test_scheme(name: str) -> None:
    """Each kind of security scheme becomes the auth pattern that sends the same header."""
    schemes, expected = SCHEMES[name]
    result = made(openapi(schemes))
    assert {key: pattern(result).get(key) for key in expected} == expected
    assert errors(result.definition) == []
    assert result.missing == []


SWAGGER_SCHEMES: dict[str, tuple[Document, str]] = {
    "basic": ({"type": "basic"}, "BASIC"),
    "key": (key_in("X-Key"), "API_KEY"),
    "bearer by its name": (key_in("Authorization"), "BEARER"),
    "access code": (
        {
            "type": "oauth2",
            "flow": "accessCode",
            "authorizationUrl": "https://acme.io/a",
            "tokenUrl": "https://acme.io/t",
            "scopes": {"read": "Read"},
        },
        "OAUTH",
    ),
}


@pytest.mark.parametrize("name", SWAGGER_SCHEMES)
def test_swagger_scheme(name: str) -> None:
    """Swagger 2.0 has other words for the same schemes."""
    scheme, expected = SWAGGER_SCHEMES[name]
    result = made(swagger({"JWT": scheme}))
    assert pattern(result)["type"] == expected
    assert result.definition["proxy_url"] == "https://api.acme.io/v1"
    assert errors(result.definition) == []


OBSTACLES: dict[str, tuple[Document, str]] = {
    "query": ({"type": "apiKey", "in": "query", "name": "key"}, "not into the query"),
    "digest": ({"type": "http", "scheme": "digest"}, "more than a fixed header value"),
    "mutual TLS": ({"type": "mutualTLS"}, "client certificate"),
    "signed": (key_in("Authorization", **{"x-amazon-apigateway-authtype": "awsSigv4"}), "signed"),
    "elsewhere": ({"$ref": "https://acme.io/schemes.yaml#/key"}, "another file"),
    "none": ({}, "does not know this type"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_obstacle(name: str) -> None:
    """What a connector cannot do is missing, with the reason, rather than turned into something else."""
    scheme, reason = OBSTACLES[name]
    result = made(openapi({"a": scheme}))
    assert result.definition["auth_patterns"] == []
    (note,) = [note for note in result.missing if note.path == "auth_patterns[0].type"]
    assert reason in note.text
    assert "--auth" in note.fix


def test_given_type_settles_an_obstacle() -> None:
    """The user's own auth type goes where the document offers nothing usable."""
    result = made(openapi({"a": OBSTACLES["query"][0]}), auth="API_KEY", headers=("X-Key",))
    assert pattern(result)["auth_header_key_override"] == "X-Key"
    assert result.missing == []


def test_a_given_header_settles_what_was_read_of_another() -> None:
    """What goes before a credential, and what is not known of that, was read for the header of the document."""
    unclear = openapi({"a": key_in("Authorization")})
    assert made(unclear).missing
    result = made(unclear, headers=("X-Key",))
    assert result.missing == []
    told = openapi({"a": key_in("Authorization", "Send `Authorization: Token YOUR_KEY`.")})
    assert "'Token '" in texts(made(told), "found")
    assert "'Token '" not in texts(made(told, headers=("X-Key",)), "found")
    both = made(openapi({"a": key_in("X-Tok")}), headers=("A", "B"))
    assert "auth_patterns[0].auth_header_key_override" not in [note.path for note in both.notes]


def test_a_reference_into_a_list() -> None:
    """A parameter that stands in another operation's list is found, as bundlers write such references."""
    parameter = {"in": "header", "name": "acme-api-key", "required": True, "description": "Your API key."}
    paths = {
        "/a": {"get": {"parameters": [parameter]}},
        "/b": {"get": {"parameters": [{"$ref": "#/paths/~1a/get/parameters/0"}]}},
    }
    result = made(openapi(paths=paths))
    assert pattern(result)["auth_header_key_override"] == "acme-api-key"
    assert "100%" in texts(result, "assumed")


def test_oauth_details() -> None:
    """Endpoints and scopes come from the flow; the scopes that the root demands are required."""
    result = made(openapi({"oauth": code_flow()}, security=[{"oauth": ["notes:read"]}]))
    assert pattern(result)["oauth_config"] == {
        "authorize_uri": "https://acme.io/oauth/authorize",
        "token_uri": "https://acme.io/oauth/token",
        "available_scopes": [
            {
                "scope": "notes:read",
                "display_name": "Notes read",
                "description": "Read notes.",
                "required": True,
            },
            {"scope": "notes:write", "display_name": "Notes write", "description": "Write notes."},
        ],
    }


def test_required_scopes_are_those_of_every_operation() -> None:
    """A scope that some operation does without is not required of every connection."""
    paths = operations([{"oauth": ["notes:read", "notes:write"]}], [{"oauth": ["notes:read"]}])
    result = made(openapi({"oauth": code_flow()}, security=[{"oauth": ["notes:write"]}], paths=paths))
    scopes = pattern(result)["oauth_config"]["available_scopes"]
    assert [scope["scope"] for scope in scopes if scope.get("required")] == ["notes:read"]


def test_scopes_that_only_operations_name() -> None:
    """Scopes that the flow does not list, but operations demand, are on offer too."""
    result = made(
        openapi({"oauth": code_flow(scopes={})}, paths=operations([{"oauth": ["a"]}], [{"oauth": ["b"]}]))
    )
    scopes = pattern(result)["oauth_config"]["available_scopes"]
    assert [scope["scope"] for scope in scopes] == ["a", "b"]


def test_one_scope_is_counted_so() -> None:
    """The report says `1 scope`, and `2 scopes`."""
    one = code_flow(scopes={"notes:read": "Read notes."})
    assert "1 scope," in texts(made(openapi({"oauth": one}, security=[{"oauth": ["notes:read"]}])), "found")
    assert "2 scopes" in texts(made(openapi({"oauth": code_flow()})), "found")


def test_relative_endpoints_belong_to_the_server() -> None:
    """Relative endpoints are resolved against the server, whose placeholders become account fields."""
    scheme = code_flow(authorizationUrl="/oauth/authorize", tokenUrl="../token")
    servers = [{"url": "https://{tenant}.acme.io/api/v1", "variables": {"tenant": {"default": "demo"}}}]
    result = made(openapi({"a": scheme}, servers=servers))
    config = pattern(result)["oauth_config"]
    assert config["authorize_uri"] == "https://{{tenant}}.acme.io/oauth/authorize"
    assert config["token_uri"] == "https://{{tenant}}.acme.io/api/token"
    (field,) = pattern(result)["account_fields"]
    assert (field["field_name"], field["is_path_param"]) == ("tenant", True)
    assert "proxy_url only" in texts(result, "assumed")


def test_relative_endpoints_without_server_are_missing() -> None:
    """Relative endpoints with nothing to be relative to are missing, until --proxy-url gives it."""
    document = openapi({"a": code_flow(tokenUrl="/token")}, servers=[])
    assert {note.path for note in made(document).missing} == {
        "proxy_url",
        "auth_patterns[0].oauth_config.token_uri",
    }
    result = made(document, proxy_url="https://api.acme.io")
    assert pattern(result)["oauth_config"]["token_uri"] == "https://api.acme.io/token"
    assert result.missing == []


def test_placeholder_in_an_endpoint() -> None:
    """A placeholder of an OAuth endpoint alone is collected too."""
    result = made(openapi({"a": code_flow(authorizationUrl="https://{shop}.acme.io/authorize")}))
    assert pattern(result)["oauth_config"]["authorize_uri"] == "https://{{shop}}.acme.io/authorize"
    assert [field["field_name"] for field in pattern(result)["account_fields"]] == ["shop"]
    assert errors(result.definition) == []


def test_implicit_flow_lacks_the_token_endpoint() -> None:
    """An implicit flow has no token endpoint: the definition says that exactly this is missing."""
    scheme = {"type": "oauth2", "flow": "implicit", "authorizationUrl": "https://acme.io/a", "scopes": {}}
    result = made(swagger({"a": scheme}))
    assert [note.path for note in result.missing] == ["auth_patterns[0].oauth_config.token_uri"]
    assert made(swagger({"a": scheme}), token_uri="https://acme.io/t").missing == []


def test_client_credentials_are_no_oauth() -> None:
    """Client credentials have no user to ask: BEARER, and a note that it takes more than that."""
    flows = {"clientCredentials": {"tokenUrl": "https://acme.io/t", "scopes": {}}}
    result = made(openapi({"a": {"type": "oauth2", "flows": flows}}))
    assert pattern(result)["type"] == "BEARER"
    assert "client credentials" in result.missing[0].text


def test_openid_connect_names_the_discovery_document() -> None:
    """With OpenID Connect, the endpoints are missing and the note says where they are to be found."""
    url = "https://acme.io/.well-known/openid-configuration"
    result = made(openapi({"a": {"type": "openIdConnect", "openIdConnectUrl": url}}))
    assert any(url in note.text for note in result.missing)
    assert {note.path for note in result.missing} > {"auth_patterns[0].oauth_config.authorize_uri"}


def test_unknown_prefix_is_asked_for() -> None:
    """A bare key in Authorization might need a word before it: that is missing, also if the answer is none."""
    document = openapi({"Token": key_in("Authorization")})
    (note,) = made(document).missing
    assert note.path == "auth_patterns[0].auth_field_mutations.api_key.prefix"
    assert pattern(made(document, prefix="Token "))["auth_field_mutations"] == {
        "api_key": {"prefix": "Token "}
    }
    bare = made(document, prefix="")
    assert bare.missing == []
    assert "auth_field_mutations" not in pattern(bare)


def test_prefix_from_the_general_prose() -> None:
    """Where the scheme says nothing, a spelled-out header in the general description is taken, as assumed."""
    prose = "# Authentication\n\nSend a header like this:\n\n    Authorization: AcmeKey YOUR_API_KEY\n"
    result = made(openapi({"Token": key_in("Authorization")}, description=prose))
    assert pattern(result)["auth_field_mutations"] == {"api_key": {"prefix": "AcmeKey "}}
    assert "AcmeKey" in texts(result, "assumed")
    prose = "Calls need an `Authorization` header with the value set to `AcmeKey {key}`. Create a key first."
    result = made(openapi({"Token": key_in("Authorization")}, description=prose))
    assert pattern(result)["auth_field_mutations"] == {"api_key": {"prefix": "AcmeKey "}}


@pytest.mark.parametrize(
    ("scheme", "prose"),
    [
        (
            {
                **BASIC,
                "description": "Enter the API key as the username and set the password to an empty string.",
            },
            "",
        ),
        (BASIC, "You must use your API key as the username\nwhile leaving the password blank."),
    ],
)
def test_key_as_user_name(scheme: Document, prose: str) -> None:
    """Basic authentication with a key as user name asks for the key and for no password."""
    result = made(openapi({"a": scheme}, description=prose))
    assert [field["field_name"] for field in pattern(result)["fields"]] == ["username"]
    assert pattern(result)["fields"][0]["input_type"] == "password"


def test_basic_without_words_is_assumed() -> None:
    """Plain Basic authentication asks for both, and says that it might be otherwise."""
    result = made(openapi({"a": BASIC}))
    assert [field["field_name"] for field in pattern(result)["fields"]] == ["username", "password"]
    assert "many APIs take a key" in texts(result, "assumed")


def test_several_keys_go_together() -> None:
    """Keys that are demanded together become one pattern with a header each."""
    schemes = {"client": key_in("X-Client-Id"), "secret": key_in("X-Client-Secret")}
    result = made(openapi(schemes, security=[{"client": [], "secret": []}]))
    assert [(f["field_name"], f["header_name"], f["input_type"]) for f in pattern(result)["fields"]] == [
        ("client", "X-Client-Id", "text"),
        ("secret", "X-Client-Secret", "password"),
    ]
    assert "auth_header_key_override" not in pattern(result)
    assert errors(result.definition) == []


def test_a_bearer_token_and_a_key_go_together() -> None:
    """A bearer token and a key that are demanded together have a header each; the token may expire nonetheless."""
    schemes = {"token": KEY, "app": key_in("X-App-Key")}
    both = openapi(schemes, security=[{"token": [], "app": []}])
    result = made(both)
    assert pattern(result)["type"] == "API_KEY"
    assert [(f["field_name"], f["header_name"]) for f in pattern(result)["fields"]] == [
        ("token", "Authorization"),
        ("app", "X-App-Key"),
    ]
    assert pattern(result)["auth_field_mutations"] == {"token": {"prefix": "Bearer "}}
    assert "Authorization, X-App-Key go together" in texts(result, "missing")
    assert made(both, scheme="token+app").missing == []
    assert errors(result.definition) == []
    schema = {"type": "object", "properties": {"password": {}}}
    login = {"post": {"security": [], "requestBody": {"content": {"a": {"schema": schema}}}}}
    paths = {**both["paths"], "/login": login}
    doubted = openapi({**schemes, "token": BEARER}, security=[{"token": [], "app": []}], paths=paths)
    assert "/login of this document issues tokens" in texts(made(doubted), "missing")
    assert made(doubted, auth="API_KEY").missing == []


def test_two_tokens_in_one_header_do_not_go_together() -> None:
    """Of two values for one header, one is taken, and the other is named."""
    schemes = {"user": BEARER, "app": {**BEARER, "description": "The token of the app."}}
    result = made(openapi(schemes, security=[{"user": [], "app": []}]))
    assert pattern(result)["type"] == "BEARER"
    assert any("app (http bearer) goes with every call" in note.text for note in result.missing)


def test_a_key_behind_the_word_basic() -> None:
    """A scheme's name does not tell what a key behind `Basic` in a header is."""
    result = made(openapi({"api_key": key_in("Authorization", "Basic {{api_key}}")}))
    assert "`Basic` before one key" in texts(result, "missing")


def test_a_key_beside_oauth_is_left_to_the_callers() -> None:
    """What a connector cannot send besides OAuth is named as missing."""
    schemes = {"oauth": code_flow(), "app": key_in("X-App-Key")}
    result = made(openapi(schemes, security=[{"oauth": [], "app": []}]))
    assert pattern(result)["type"] == "OAUTH"
    assert any("app (apiKey in header X-App-Key)" in note.text for note in result.missing)


def test_keys_beside_an_incomplete_oauth_come_first() -> None:
    """Where keys and OAuth are demanded together, the keys are taken, all of them, if OAuth lacks an endpoint."""
    implicit = {
        "type": "oauth2",
        "flows": {"implicit": {"authorizationUrl": "https://acme.io/a", "scopes": {}}},
    }
    schemes = {"id": key_in("X-Id"), "oauth": implicit, "key": key_in("X-Key")}
    result = made(openapi(schemes, security=[{"id": [], "oauth": [], "key": []}]))
    assert pattern(result)["type"] == "API_KEY"
    assert [field["header_name"] for field in pattern(result)["fields"]] == ["X-Id", "X-Key"]
    assert "oauth (oauth2 (implicit)) goes with every call too" in texts(result, "missing")


def operations(*security: list[Any]) -> Document:
    """Paths with one operation for each security requirement."""
    return {f"/{index}": {"get": {"security": item}} for index, item in enumerate(security)}


CHOICES: dict[str, tuple[Document, str]] = {
    "a key before a token that nothing explains": (
        openapi({"t": BEARER, "k": key_in("api_key")}, security=[{"t": []}, {"k": []}]),
        "k",
    ),
    "of a token and Basic that nothing explains the token, which is a key": (
        openapi(
            {"b": BASIC, "t": {**BEARER, "bearerFormat": "JWT", "description": "Your API key."}},
            security=[{"b": []}, {"t": []}],
        ),
        "t",
    ),
    "oauth before static, whatever the order": (
        openapi({"t": BEARER, "o": code_flow()}, security=[{"t": []}, {"o": []}]),
        "o",
    ),
    "static in the root's order": (
        openapi({"b": BASIC, "k": key_in("X-Key")}, security=[{"k": []}, {"b": []}]),
        "k",
    ),
    "what most operations accept": (
        openapi({"o": code_flow(), "k": key_in("X-Key")}, paths=operations(*[[{"k": []}]] * 8, [{"o": []}])),
        "k",
    ),
    "what the root demands before what is only declared": (
        openapi({"o": code_flow(), "k": key_in("X-Key")}, security=[{"k": []}]),
        "k",
    ),
    "a long-lived secret before a JWT": (
        openapi(
            {"j": {**BEARER, "bearerFormat": "JWT"}, "k": key_in("X-Key")}, security=[{"j": []}, {"k": []}]
        ),
        "k",
    ),
    "static before OAuth with undocumented placeholders": (
        openapi(
            {"o": code_flow(tokenUrl="/t"), "k": key_in("X-Key")},
            security=[{"o": []}, {"k": []}],
            servers=[{"url": "https://{tenant}.acme.io"}],
        ),
        "k",
    ),
    "what works before what does not": (
        openapi(
            {"q": {"type": "apiKey", "in": "query", "name": "key"}, "b": BEARER},
            security=[{"q": []}, {"b": []}],
        ),
        "b",
    ),
    "a key before the cookie of the vendor's own pages": (
        openapi(
            {"k": key_in("X-Key"), "c": {"type": "apiKey", "in": "cookie", "name": "session"}},
            paths=operations(*[[{"k": []}, {"c": []}]] * 4, [{"c": []}]),
        ),
        "k",
    ),
    "a key before an administrator's, which gives access to more": (
        openapi(
            {"k": key_in("X-Key"), "x": key_in("X-Admin-Token"), "t": BEARER},
            paths=operations(
                *[[{"x": []}, {"k": []}, {"t": []}]] * 6, *[[{"x": []}]] * 3, *[[{"t": []}]] * 3
            ),
        ),
        "k",
    ),
    "an administrator's key before one that gives access to little": (
        openapi(
            {"k": key_in("X-Key"), "x": key_in("X-Admin-Token")},
            paths=operations([{"k": []}], *[[{"x": []}]] * 3),
        ),
        "x",
    ),
    "Basic for all before OAuth for some": (
        openapi(
            {"o": code_flow(), "b": BASIC},
            paths=operations(*[[{"o": []}, {"b": []}]] * 3, *[[{"b": []}]] * 2),
        ),
        "b",
    ),
    "optional authentication is authentication": (openapi({"b": BEARER}, security=[{}, {"b": []}]), "b"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_choice(name: str) -> None:
    """Among several ways to authenticate, the one is chosen that suits most calls and most accounts."""
    document, expected = CHOICES[name]
    assert [choice.name for choice in made(document).choices if choice.chosen] == [expected]


def test_choices_keep_the_order_of_the_document() -> None:
    """Ways to authenticate that are equally good stay in the document's order, from run to run."""
    names = [f"key{number}" for number in (5, 3, 8, 1, 9, 2, 7)]
    schemes = {name: key_in(f"X-{name}") for name in sorted(names)}
    document = openapi(schemes, paths=operations([{name: []} for name in names]))
    assert [choice.name for choice in made(document).choices] == names


def test_scheme_and_type_override_the_choice() -> None:
    """--scheme and --auth choose another way that the document offers."""
    document = CHOICES["oauth before static, whatever the order"][0]
    assert pattern(made(document, scheme="T"))["type"] == "BEARER"
    assert pattern(made(document, auth="BEARER"))["type"] == "BEARER"
    with pytest.raises(DiscoveryError, match="It has: o, t"):
        made(document, scheme="other")


@pytest.mark.parametrize(("share", "type_"), [(4, "API_KEY"), (1, None)])
def test_header_parameter(share: int, type_: str | None) -> None:
    """Without schemes, a key header that most operations take as a parameter is it; a rare one is not."""
    parameter = {"in": "header", "name": "acme-api-key", "description": "Your API key."}
    paths: Document = {f"/{i}": {"get": {"parameters": [parameter] if i < share else []}} for i in range(5)}
    result = made(openapi(paths=paths))
    patterns = result.definition["auth_patterns"]
    assert (patterns[0]["type"] if patterns else None) == type_
    if patterns:
        assert patterns[0]["auth_header_key_override"] == "acme-api-key"
        assert "80%" in texts(result, "assumed")


def test_required_headers_are_told() -> None:
    """A header that every call requires and that is no credential is pointed out."""
    parameter = {"in": "header", "name": "Acme-Version", "required": True}
    document = openapi(
        {"a": BEARER}, paths={"/a": {"parameters": [{"$ref": "#/components/parameters/v"}], "get": {}}}
    )
    document["components"]["parameters"] = {"v": parameter}
    assert "callers send the header Acme-Version themselves" in texts(made(document), "assumed")


def test_every_value_has_an_origin() -> None:
    """Each top-level value and the auth type of a definition is given, found or assumed."""
    result = made(openapi({"a": KEY}), display_name="My Acme")
    origins = {note.path: note.origin for note in result.notes}
    assert origins["display_name"] == "given"
    assert origins["proxy_url"] == origins["auth_patterns[0].type"] == origins["description"] == "found"
    assert result.definition["display_name"] == "My Acme"
    assert [note.origin for note in result.notes] == sorted(
        (note.origin for note in result.notes), key=["given", "found", "assumed", "missing"].index
    )


def test_what_a_connector_cannot_do_does_not_count() -> None:
    """A way that a connector cannot do in full is no measure for how widely the others are accepted."""
    user, provider, admin = {"key": []}, {"bearer": [], "team": []}, {"admin": [], "team": []}
    schemes = {
        "key": key_in("X-Key"),
        "bearer": code_flow(),
        "team": key_in("X-Team"),
        "admin": key_in("X-Admin"),
    }
    listed = [[user, provider, admin]] * 18 + [[provider, admin], [provider], [provider]]
    result = made(openapi(schemes, paths=operations(*listed)))
    assert pattern(result)["auth_header_key_override"] == "X-Key"


@pytest.mark.parametrize(("first", "expected"), [("bearer", "BEARER"), ("basic", "BASIC")])
def test_unexplained_basic_takes_its_place(first: str, expected: str) -> None:
    """An unexplained `basic` comes before a bearer scheme only where it stands first."""
    schemes = {"bearer": {**BEARER, "bearerFormat": "JWT"}, "basic": BASIC}
    security: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}]
    result = made(openapi(schemes, security=security if first == "bearer" else security[::-1]))
    assert pattern(result)["type"] == expected


@pytest.mark.parametrize(
    "said",
    [
        "Send `Authorization: Basic <API_KEY>`.",
        "Send `Authorization: Basic YOUR_API_TOKEN`.",
        'The word "Basic" followed by a space and your API key. [Keys](https://acme.io/keys) are tokens.',
    ],
)
def test_basic_before_a_key_is_doubted(said: str) -> None:
    """`Basic` before a single key may mean several things: which of them is missing, with the flags."""
    result = made(openapi({"a": key_in("Authorization", said)}))
    (note,) = result.missing
    assert note.path == "auth_patterns[0].type"
    assert "--auth basic" in note.text
    assert made(openapi({"a": key_in("Authorization", said)}), auth="BASIC").missing == []


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (key_in("X-Token", "Token returned from partner authentication."), True),
        ({**BEARER, "description": "Obtain the token from POST /auth/login."}, True),
        ({**BEARER, "description": "A session token."}, True),
        ({**BEARER, "description": "Access token obtained via token exchange."}, True),
        (
            key_in("Authorization", "Get a bearer token by calling `createSession`. API keys are better."),
            True,
        ),
        ({**BEARER, "description": "Get your token from the dashboard. It authenticates your calls."}, False),
        (key_in("X-Key", "An API key, generated in the settings."), False),
    ],
)
def test_a_credential_that_another_call_issues_is_doubted(scheme: Document, expected: bool) -> None:
    """What a login call returns is not what an account holder types in once: that is missing."""
    result = made(openapi({"a": scheme}))
    assert ("another call issues" in texts(result, "missing")) is expected


def test_a_word_in_an_example_is_assumed() -> None:
    """A word before a sample of a credential may belong to it: it is assumed, not found."""
    document = openapi({"a": key_in("Authorization", "For example `Acmekey 12ab34cd56ef`")})
    assert "'Acmekey '" in texts(made(document), "assumed")


SIGNED: dict[str, dict[str, Document]] = {
    "a signature beside a key": {"k": key_in("X-Key"), "s": key_in("X-Acme-Signature")},
    "a time stamp": {"k": key_in("X-Key"), "s": key_in("ACME-TIMESTAMP")},
    "camel case": {"k": key_in("X-Key"), "s": key_in("xRequestNonce")},
    "in the query": {"k": key_in("X-Key"), "s": {"type": "apiKey", "in": "query", "name": "signature"}},
    "described": {"k": key_in("X-Key"), "s": key_in("X-Auth", "An HMAC of the body, with your secret.")},
}


@pytest.mark.parametrize("name", SIGNED)
def test_signed_requests_are_an_obstacle(name: str) -> None:
    """Where a call takes a signature besides the key, no fixed value will do: the type is missing."""
    result = made(openapi(SIGNED[name], security=[{"k": [], "s": []}]))
    assert result.definition["auth_patterns"] == []
    assert "has to be signed" in texts(result, "missing")


def test_a_required_signature_parameter_is_an_obstacle() -> None:
    """A signature that every call takes as a parameter is missing, too."""
    parameter = {"in": "header", "name": "X-Signature", "required": True}
    paths = {"/notes": {"get": {"parameters": [parameter]}}}
    assert "X-Signature" in texts(made(openapi({"k": key_in("X-Key")}, paths=paths)), "missing")


@pytest.mark.parametrize("declared", [False, True])
def test_a_user_id_goes_with_its_token(declared: bool) -> None:
    """A header that names the account beside its key is a second key, whether the key is declared or a parameter."""
    parameters = [{"in": "header", "name": name, "required": True} for name in ("X-Auth-Token", "X-User-Id")]
    paths = {"/notes": {"get": {"parameters": parameters}}}
    result = made(openapi({"t": key_in("X-Auth-Token")} if declared else {}, paths=paths))
    assert [field["header_name"] for field in pattern(result)["fields"]] == ["X-Auth-Token", "X-User-Id"]
    assert errors(result.definition) == []


@pytest.mark.parametrize(
    ("description", "origin"),
    [("Every request needs this key.", "missing"), ("For partners.", "assumed"), ("", "assumed")],
)
def test_unreferenced_keys_are_named(description: str, origin: str) -> None:
    """A header key that no operation names is named; where its words say that calls need it, it is missing."""
    schemes = {"o": code_flow(), "k": key_in("X-Key", description)}
    result = made(openapi(schemes, security=[{"o": []}]))
    assert pattern(result)["type"] == "OAUTH"
    assert "X-Key" in texts(result, origin)


def test_a_jwt_beside_client_credentials_is_doubted() -> None:
    """A JWT that the document's own client credentials flow issues expires: that is missing, and the type stays."""
    machine = {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}}
    jwt = {**BEARER, "bearerFormat": "JWT"}
    result = made(openapi({"jwt": jwt, "machine": machine}))
    assert pattern(result)["type"] == "BEARER"
    assert "renewed when it expires" in texts(result, "missing")
    assert made(openapi({"jwt": jwt, "machine": machine, "user": code_flow()}), scheme="jwt").missing == []


def test_what_is_only_declared_is_not_taken() -> None:
    """Where operations accept only what a connector cannot do, another scheme is not taken in its place."""
    schemes = {"q": {"type": "apiKey", "in": "query", "name": "key"}, "b": BEARER}
    result = made(openapi(schemes, security=[{"q": []}]))
    assert result.definition["auth_patterns"] == []
    assert made(openapi(schemes, security=[{"q": []}]), scheme="b").missing == []


TOKEN_BODY = {"type": "object", "properties": {"code": {}, "code_verifier": {}}}
PKCE: dict[str, tuple[dict[str, Any], str]] = {
    "form field": (
        {"paths": {"/oauth/token": {"post": {"requestBody": {"content": {"x": {"schema": TOKEN_BODY}}}}}}},
        "found",
    ),
    "schema elsewhere": (
        {
            "paths": {
                "/token": {
                    "post": {
                        "requestBody": {"content": {"x": {"schema": {"allOf": [{"$ref": "#/x-token"}]}}}}
                    }
                }
            },
            "x-token": TOKEN_BODY,
        },
        "found",
    ),
    "query parameter": (
        {"paths": {"/authorize": {"get": {"parameters": [{"in": "query", "name": "code_challenge"}]}}}},
        "found",
    ),
    "prose": ({"info": {"title": "Acme", "description": "Apps use OAuth 2.0 with PKCE."}}, "assumed"),
    "nothing": ({}, ""),
    "refused": ({"info": {"title": "Acme", "description": "We do not support PKCE."}}, ""),
    "another operation's": (
        {"paths": {"/notes": {"get": {"parameters": [{"in": "query", "name": "code_challenge"}]}}}},
        "",
    ),
}


@pytest.mark.parametrize("name", PKCE)
def test_pkce(name: str) -> None:
    """PKCE is read from the parameters of the token and authorization endpoints, and from prose."""
    more, origin = PKCE[name]
    result = made({**openapi({"o": code_flow()}), **more})
    assert pattern(result)["oauth_config"].get("pkce_enabled", False) is bool(origin)
    if origin:
        assert "pkce_enabled" in texts(result, origin)


def test_where_values_go_when_an_account_is_made() -> None:
    """The result says where each collected value goes when an account is made."""
    site = [{"url": "https://{site}.acme.io"}]
    details = "authorization_details.static_auth.details"
    assert made(openapi({"k": key_in("X-Key")}, servers=site)).account_values == {
        f"{details}.path_variables": ["site"],
        details: ["api_key"],
    }
    assert made(openapi({"o": code_flow()}, servers=site)).to_json()["account_values"] == {
        "api_config.path_variables": ["site"]
    }


def test_a_key_that_is_in_the_host_too_is_one_field() -> None:
    """A placeholder and a key of one name, in a header of its own, are one field that fills both."""
    schemes = {"app": key_in("X-App"), "key": key_in("X-Key")}
    site = [{"url": "https://{app}.acme.io"}]
    result = made(openapi(schemes, security=[{"app": [], "key": []}], servers=site))
    app, key = pattern(result)["fields"]
    assert (app["field_name"], app["header_name"], app["is_path_param"]) == ("app", "X-App", True)
    assert key["field_name"] == "key"
    assert errors(result.definition) == []


@pytest.mark.parametrize(
    ("scheme", "name"), [(KEY, "token"), (BASIC, "username"), (key_in("X-Key"), "api_key")]
)
def test_a_placeholder_of_the_credentials_name_gets_another(scheme: Document, name: str) -> None:
    """A placeholder that has the credential's name by chance does not become the credential."""
    result = made(openapi({"a": scheme}, servers=[{"url": f"https://api.acme.io/{{{name}}}"}]))
    assert result.definition["proxy_url"] == f"https://api.acme.io/{{{{url_{name}}}}}"
    fields = [field["field_name"] for field in pattern(result)["fields"]]
    assert fields[:2] == [f"url_{name}", name]
    assert len(set(fields)) == len(fields)
    assert result.missing == []


def test_no_field_is_repeated() -> None:
    """Schemes whose names make one field name get two; schemes of one header are one key."""
    schemes = {"X-Key": key_in("X-Key"), "x_key": key_in("X-Other"), "again": key_in("x-key")}
    result = made(openapi(schemes, security=[{"X-Key": [], "x_key": [], "again": []}]))
    fields = [(field["field_name"], field["header_name"]) for field in pattern(result)["fields"]]
    assert fields == [("x_key", "X-Key"), ("x_key_2", "X-Other")]
    assert errors(result.definition) == []
