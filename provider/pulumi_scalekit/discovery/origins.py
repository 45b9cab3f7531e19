"""What texts say of where a credential comes from: somebody makes it once, or a call issues it, and it expires.

OpenAPI has no word for that, and a connector needs it: it collects a credential once, from a person.
"""

from __future__ import annotations

import re
from typing import Final

from .text import plain

# "API key" in the languages of published documents, and the usual spellings of identifiers.
_API_KEY: Final = (
    r"(?<![a-z])api[-_ ]?(?:keys?|tokens?)(?![a-z])|\b(?:clave|chave|token|llave)s?\s+(?:de\s+(?:la\s+)?)?api\b"
    r"|\bclés?\s+(?:d['’]\s?)?api\b|\bapi[- ]?schlüssel|api\s?(?:キー|密钥|密鑰|키)"
)
_LASTING: Final = re.compile(
    rf"key(?!cloak)|api[-_ ]?token|{_API_KEY}|personal|permanent|dashboard|console|settings|profile|long-lived"
    r"|(?<!client)(?<!client[-_ ])(?<![<{_])secret(?!s?[a-z])|(?<![a-z])(?:sk|pk|pat)_|_(?:live|test|pat)_",
    re.IGNORECASE,
)
# What a key is for, where it is not what is sent.
_SIGNED_WITH: Final = re.compile(
    r"\b(?:sign|encrypt|verif|validat)\w*(?:\s+\w+){0,3}?\s+(?:with|by|using|against)\b[^.\n]*", re.IGNORECASE
)
_MADE: Final = re.compile(
    rf"{_API_KEY}|personal (?:access )?token|\b(?:create|generate|make)s? (?:an? |your |the )?(?:\w+ )?token"
    r"|\btokens?\b[^.\n]{0,40}\b(?:from|in|on|under|via) (?:the |your |our )?(?:\w+ ){0,3}"
    r"(?:dashboard|settings|console|portal|control panel)\b",
    re.IGNORECASE,
)
# A credential that another call returns, and that expires: nothing that an account holder types in once.
_ISSUED: Final = re.compile(
    r"\bsession[- ]?(?:token|id|key)\b|\btoken by calling\b"
    r"|\b(?:returned|obtain(?:ed)?|issued|generated?|received|acquired?|retrieved?)\s+(?:\w+\s+){0,4}?(?:from|by|via|through|with|in)\b"
    r"[^.\n]{0,60}(?:\bauthenticat\w+|\blog-?in\b|\bsign-?in\b|\bauth\w* (?:endpoint|api|call|request)"
    r"|\btoken (?:endpoint|exchange)"
    r"|\b(?:POST|GET) /|/(?:auth|login|token|session)\w*)",
    re.IGNORECASE,
)
# The same in fewer words, which tell only where nothing speaks of a key.
_ISSUED_TOKEN: Final = re.compile(
    r"\bissued\b|\b(?:user|session)(?:'s)? (?:access )?(?:token|jwt)|\bshort-lived\b|\bexpires?\b",
    re.IGNORECASE,
)
# A token of an OAuth server that the document does not describe, unless it is one that somebody makes by hand.
_OAUTH_TOKEN: Final = re.compile(
    r"oauth|openid|auth0|\bclerk\b|cognito|keycloak|firebase|\bokta\b|privy|stytch|supabase|\boidc\b|client.credentials|(?:service-to-service|machine-to-machine)|\b(?:s2s|m2m)\b",
    re.IGNORECASE,
)
_EXPIRING: Final = re.compile(
    r"client[-_ ]credentials|\b(?:access )?tokens? (?:\w+ )?expires?\b"
    r"|\bexpires? (?:in|after) (?:\d+|one|an?) (?:minute|hour)",
    re.IGNORECASE,
)


def is_called_lasting(text: str) -> bool:
    """Whether the words about a credential call it a key, or a thing that somebody makes in a vendor's pages.

    Args:
        text: Its name, its format, its description and its examples.

    >>> is_called_lasting("ApiKeyAuth"), is_called_lasting("A JWT, signed with your private key.")
    (True, False)
    """
    return bool(_LASTING.search(_SIGNED_WITH.sub(" ", text)))


def says_made(text: str) -> bool:
    """Whether general prose speaks of an API key, or of a token that somebody makes.

    >>> says_made("Create an API key first."), says_made("Manage the tokens of your customers.")
    (True, False)
    """
    return bool(_MADE.search(text))


def says_expiring(text: str) -> bool:
    """Whether general prose speaks of tokens that expire, and of none that somebody makes."""
    return bool(_EXPIRING.search(text)) and not says_made(text)


def says_issued(text: str, *, is_token: bool) -> bool:
    """Whether a description says that a call issues the credential.

    Args:
        text: The description.
        is_token: Whether it is a token that nothing calls lasting, of which fewer words tell.
    """
    return bool(_ISSUED.search(plain(text)) or (is_token and _ISSUED_TOKEN.search(text)))


def names_oauth(text: str) -> bool:
    """Whether the words about a token name an OAuth server or an identity provider."""
    return bool(_OAUTH_TOKEN.search(text))
