"""The passphrase secrets provider, in the CLI's own format.

The key comes from the passphrase by PBKDF2-HMAC-SHA256 (1,000,000 rounds, 8 bytes of salt, 32 bytes of key);
a secret is sealed with AES-256-GCM under a random 12-byte nonce and written `v1:<nonce>:<ciphertext>`, both in
base64. The "salt" kept in `Pulumi.<stack>.yaml` and in state is `v1:<salt>:<"pulumi", encrypted>`: the second
half tells a wrong passphrase from a right one.
"""

from __future__ import annotations

import base64
import functools
import getpass
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pulumi_embedded.errors import EmbeddedError
from pulumi_embedded.values.go_json import dump_go_json
from pulumi_embedded.values.values import SECRET_SIGNATURE, SIGNATURE, Secret, Value, from_state, to_state

_ROUNDS = 1_000_000
_CHECK = "pulumi"


class IncorrectPassphrase(EmbeddedError):
    """The passphrase does not open this stack."""

    def __init__(self) -> None:
        super().__init__(
            "incorrect passphrase: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE "
            "to the one that this stack was made with"
        )


class MalformedSecret(EmbeddedError):
    """A sealed text, or what is sealed in it, is damaged."""

    def __init__(self, reason: str = "not in the `v1:<nonce>:<ciphertext>` form") -> None:
        super().__init__(f"a secret is {reason}")


class WrongKey(EmbeddedError):
    """A text was sealed under another passphrase or salt."""

    def __init__(self) -> None:
        super().__init__("a secret cannot be decrypted with this stack's passphrase")


class Crypter:
    """Encrypts and decrypts text under one passphrase and salt."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def encrypt(self, text: str) -> str:
        """Seal a text; two calls never give the same result."""
        nonce = secrets.token_bytes(12)
        sealed = self._cipher.encrypt(nonce, text.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, sealed: str) -> str:
        """Open what `encrypt` gave.

        Raises:
            WrongKey: the text was sealed under another key.
            MalformedSecret: the text is not a sealed one.
        """
        try:
            version, nonce, ciphertext = sealed.split(":")
            if version != "v1":
                raise MalformedSecret
            return self._cipher.decrypt(_from_base64(nonce), _from_base64(ciphertext), None).decode()
        except InvalidTag:
            raise WrongKey from None
        except ValueError:  # not three parts, not base64, a nonce of another length, or not UTF-8
            raise MalformedSecret from None


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


@functools.lru_cache(maxsize=8)
def _derive(passphrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ROUNDS, 32)


class SecretsManager:
    """A stack's secrets: its salt, and the crypter that the passphrase opens."""

    def __init__(self, salt: str, crypter: Crypter) -> None:
        self.salt = salt
        self.crypter = crypter

    @classmethod
    def new(cls, passphrase: str) -> SecretsManager:
        """Make a salt for a new stack."""
        salt = secrets.token_bytes(8)
        crypter = Crypter(_derive(passphrase, salt))
        return cls(f"v1:{base64.b64encode(salt).decode()}:{crypter.encrypt(_CHECK)}", crypter)

    @classmethod
    def open(cls, passphrase: str, salt: str) -> SecretsManager:
        """Open an existing stack's secrets.

        Raises:
            IncorrectPassphrase: the passphrase is not the one that the salt was made with.
            EmbeddedError: the salt is malformed.
        """
        version, _, rest = salt.partition(":")
        encoded, _, check = rest.partition(":")
        try:
            if version != "v1":
                raise MalformedSecret
            crypter = Crypter(_derive(passphrase, _from_base64(encoded)))
            if crypter.decrypt(check) != _CHECK:
                raise MalformedSecret
        except WrongKey:
            raise IncorrectPassphrase from None
        except (MalformedSecret, ValueError):
            raise EmbeddedError("the encryption salt is not in the `v1:<salt>:<check>` form") from None
        return cls(salt, crypter)

    def provider_state(self) -> dict[str, Any]:
        """What a checkpoint says about its secrets provider."""
        return {"type": "passphrase", "state": {"salt": self.salt}}

    def write(self, secret: Secret) -> dict[str, str]:
        """Turn a secret value into its form in state, with the ciphertext that it has under this salt, if any."""
        plaintext = plain_json(secret.element)
        if secret.ciphertext is None or (secret.salt, secret.plaintext) != (self.salt, plaintext):
            secret.ciphertext, secret.plaintext = self.crypter.encrypt(plaintext), plaintext
            secret.salt = self.salt
        return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": secret.ciphertext}

    def read(self, stored: Mapping[str, Any]) -> Secret:
        """Read a secret value from its form in state, encrypted or (in an export) in the clear."""
        if "ciphertext" not in stored:
            return read_plain(stored)
        element = from_state(_parse(self.crypter.decrypt(_text(stored, "ciphertext"))), self.read)
        return Secret(element, stored["ciphertext"], plain_json(element), self.salt)


def plain_json(element: Value) -> str:
    """Return the JSON that is encrypted for a secret value."""
    return dump_go_json(to_state(element, write_plain))


def write_plain(secret: Secret) -> dict[str, str]:
    """Turn a secret value into its form in an export with `--show-secrets`."""
    return {SIGNATURE: SECRET_SIGNATURE, "plaintext": plain_json(secret.element)}


def read_plain(stored: Mapping[str, Any]) -> Secret:
    """Read a secret value that was exported with `--show-secrets`.

    Raises:
        MalformedSecret: the value is damaged.
        EmbeddedError: the value is encrypted, so it takes the stack's passphrase to read it.
    """
    if "plaintext" not in stored:
        raise EmbeddedError("the state holds encrypted secrets but names no secrets provider")
    return Secret(from_state(_parse(_text(stored, "plaintext")), read_plain))


def _text(stored: Mapping[str, Any], key: str) -> str:
    if not isinstance(stored[key], str):
        raise MalformedSecret
    return str(stored[key])


def _parse(plaintext: str) -> Any:
    try:
        return json.loads(plaintext)
    except ValueError:
        raise MalformedSecret("not valid JSON") from None


def read_passphrase(prompt: str, *, interactive: bool) -> str:
    """Find the passphrase: PULUMI_CONFIG_PASSPHRASE, PULUMI_CONFIG_PASSPHRASE_FILE, or by asking.

    Raises:
        EmbeddedError: neither variable is set and there is no terminal to ask at.
    """
    if (passphrase := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
        return passphrase
    if file := os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EmbeddedError(f"unable to read PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from None
    if not interactive or not sys.stdin.isatty():
        raise EmbeddedError(
            "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE "
            "environment variables"
        )
    return getpass.getpass(f"{prompt}: ")
