"""What descriptions say about the words around a credential."""

from __future__ import annotations

import pytest

from pulumi_scalekit.discovery.prose import affixes, header_example, header_in_message, key_as_username

SAYS = [
    ("Authorization: AcmeKey {API Token}", "AcmeKey "),
    (
        "Pass the token as the Authorization header value prefixed with ACME: `Authorization: ACME {API Token}`",
        "ACME ",
    ),
    ("The value must be prefixed with ACME.", "ACME "),
    ("The API Key with format `Token token=<API_KEY>`", "Token token="),
    (
        "setting the `Authorization` header to `Acme-API-Key your-private-api-key`<br>For more, visit us",
        "Acme-API-Key ",
    ),
    ("Use `Authorization: Token <API_KEY>`\nExample: `Authorization: Token 12345abcdef`", "Token "),
    ("Example: `Acme-Auth-Key <api-key>`", "Acme-Auth-Key "),
    (
        "Enter 'Bearer' [space] and then your token in the text input below. Example: 'Bearer 12345abcdef'",
        "Bearer ",
    ),
    ('JWT Authorization header using the Bearer scheme. Example: "Authorization: Bearer {token}"', "Bearer "),
    ("Bearer YOUR_TOKEN", "Bearer "),
    ('Send `Authorization: Bearer "YOUR_API_KEY"` with each call.', "Bearer "),
    ("Token xxxxxxxx", "Token "),
    ("`ApiKey $ACME_KEY`", "ApiKey "),
    ("preceded by the word Token", "Token "),
    ("API tokens must be preceded by `token` followed by a space.", "token "),
    ("<code>Acme-oauthtoken {access_token}</code>", "Acme-oauthtoken "),
    ("AcmeKey eb243592-faa2-4ba2-a551q-1afdf565c889", "AcmeKey "),
    ("The key of your team. Format: Acme-Key <key>", "Acme-Key "),
    (
        "Enter the access token that the call returns (including the ACME prefix). It is sent as it is.",
        "ACME ",
    ),
    (
        "A key with `Token` prefix, which you find in the settings of your account, under Integrations.",
        "Token ",
    ),
]


@pytest.mark.parametrize(("text", "prefix"), SAYS)
def test_prefix(text: str, prefix: str) -> None:
    """The usual ways to write a prefix down are understood."""
    found = affixes([text], "Authorization")
    assert found is not None
    assert (found.prefix, found.suffix) == (prefix, "")


SILENT = [
    "",
    "Your API key.",
    "Acme bot token",
    "The `API Key` of your account",
    "Send your `Access Token` in the `Authorization` header.",
    "Use your API key. You can find it at `https://acme.io/keys`.",
    "A token, see `curl -H 'X-Token: 1'`",
    "Keys are issued per workspace and can be revoked at any time.",
    "An API key for the user, followed by nothing else",
    "Enter your client id",
    "Fetch your secret key",
    "Paste the key as you find it in the settings of your account. Do not include the Token prefix here.",
]


@pytest.mark.parametrize("text", SILENT)
def test_no_prefix(text: str) -> None:
    """Prose that says nothing about a prefix is not read as if it did."""
    assert affixes([text], "Authorization") is None


def test_general_prose_needs_the_header() -> None:
    """In prose about much else, only a spelled-out header counts."""
    assert header_example(["Token token=<KEY> is what we use"], "Authorization") is None
    found = header_example(["curl -H 'Authorization: AcmeKey <KEY>'"], "Authorization")
    assert found is not None
    assert found.prefix == "AcmeKey "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Use the API key as the user name and leave the password blank.", True),
        ("Your username is your API key; no password is needed.", True),
        ("Use your secret key as the username and an empty string as password.", True),
        ("Send Authorization: Basic <base64 hash of `api_key:`>", True),
        ('Basic base64("<API_TOKEN>:")', True),
        ("Send base64 of `key:secret`.", False),
        ("Use your API key as the username.", False),
        ("Log in with user name and password.", False),
        ("The password may be empty.", False),
    ],
)
def test_key_as_username(text: str, expected: bool) -> None:
    """Only prose that says both, the key and the empty password, is taken for it."""
    assert key_as_username(text) is expected


@pytest.mark.parametrize(
    ("message", "header"),
    [
        ("Missing X-API-Key header", "X-API-Key"),
        ('{"error": "acme-api-key required"}', "acme-api-key"),
        ("Provide X-Acme-Token", "X-Acme-Token"),
        ("invalid api_key", ""),
        ("unauthorized", ""),
    ],
)
def test_header_in_message(message: str, header: str) -> None:
    """An error message that names a key header tells it; a parameter name is none."""
    assert header_in_message(message) == header
