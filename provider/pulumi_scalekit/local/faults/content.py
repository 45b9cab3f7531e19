"""Faults of what a successful response says: nothing, or not what was stored."""

# ruff: noqa: ARG002 - every hook takes what any of them may need

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pulumi_scalekit.definition.keys import FIELD_KEYS
from pulumi_scalekit.local.exchange import Exchange, Reply

from .fault import Fault, natural


class Empty(Fault):
    """A success that says nothing."""

    name = "empty"
    help = (
        "carry the operation out, then respond with success and without content: `body` leaves the body out, "
        "`204` says so, too, `object` sends `{}`, `html` a page"
    )
    default = "body"
    rewrites = True
    choices = ("body", "204", "object", "html")

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Take the content out of a success that has any."""
        if reply.status >= 300 or reply.status == 204:
            return reply
        if self.value == "204":
            return Reply(204, (), b"")
        if self.value == "html":
            return Reply(reply.status, (("content-type", "text/html"),), b"<!doctype html><p>Please wait.")
        return replace(reply, body=b"{}" if self.value == "object" else b"")


class Rewriting(Fault):
    """A success whose connectors are shown otherwise than they were stored."""

    only = ("create", "list", "update")
    rewrites = True

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Change each connector of a success."""
        content = _content(reply)
        if content is None:
            return reply
        for provider in content.get("providers", [content.get("provider")]):
            self.rewrite(provider)
        return replace(reply, body=json.dumps(content).encode())

    def rewrite(self, provider: dict[str, Any]) -> None:
        """Change one connector in place."""
        raise NotImplementedError


class Reorder(Rewriting):
    """A server that keeps no order in lists whose items have names."""

    name = "reorder"
    help = "show fields, scopes and options of connectors in the reverse order"

    def rewrite(self, provider: dict[str, Any]) -> None:
        """Reverse every list of named items."""
        for pattern in provider["auth_patterns"]:
            for holder, key in _named_lists(pattern):
                holder[key] = holder[key][::-1]


class Normalize(Rewriting):
    """A server that writes values in a form of its own."""

    name = "normalize"
    help = (
        "show connectors in a form of the server's own: `case` writes URLs' hosts in lower case, `slash` adds a "
        "slash to `proxy_url`, `defaults` adds what is not set, `all` does all of it"
    )
    default = "all"
    choices = ("all", "case", "slash", "defaults")

    def rewrite(self, provider: dict[str, Any]) -> None:
        """Normalize one connector."""
        if self.value in {"all", "case"}:
            provider["proxy_url"] = _lower_host(provider["proxy_url"])
            for pattern in provider["auth_patterns"]:
                config = pattern.get("oauth_config") or {}
                for key in ("authorize_uri", "token_uri", "user_info_uri"):
                    if key in config:
                        config[key] = _lower_host(config[key])
        if self.value in {"all", "slash"} and not provider["proxy_url"].endswith("/"):
            provider["proxy_url"] += "/"
        if self.value in {"all", "defaults"}:
            for pattern in provider["auth_patterns"]:
                _add_defaults(pattern)


class Missing(Fault):
    """A list that leaves out connectors which its total counts."""

    name = "missing"
    help = "leave this many connectors out of the end of a list whose `total_size` counts them"
    default = "1"
    only = ("list", "connection-list")
    rewrites = True

    def check(self) -> None:
        """The value is a count."""
        natural(self.value)

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Shorten the list."""
        content = _content(reply)
        if content is None:
            return reply
        for key in ("providers", "connections"):
            if key in content:
                content[key] = content[key][: max(0, len(content[key]) - natural(self.value))]
        return replace(reply, body=json.dumps(content).encode())


def _content(reply: Reply) -> dict[str, Any] | None:
    """What a success says; `None` for a refusal, and where another fault has emptied it."""
    if reply.status >= 300 or not reply.body.startswith(b"{") or reply.body == b"{}":
        return None
    content: dict[str, Any] = json.loads(reply.body)
    return content


def _named_lists(pattern: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key in FIELD_KEYS:
        if isinstance(pattern.get(key), list):
            yield pattern, key
            yield from (
                (field, "options") for field in pattern[key] if isinstance(field.get("options"), list)
            )
    config = pattern.get("oauth_config")
    if isinstance(config, dict) and isinstance(config.get("available_scopes"), list):
        yield config, "available_scopes"


def _lower_host(url: str) -> str:
    parts = urlsplit(url)
    # The names of placeholders are not part of the host's own text.
    return url if "{{" in parts.netloc else urlunsplit(parts._replace(netloc=parts.netloc.lower()))


def _add_defaults(pattern: dict[str, Any]) -> None:
    pattern.setdefault("description", "")
    pattern.setdefault("fields", [])
    pattern.setdefault("account_fields", [])
    for field in (*pattern["fields"], *pattern["account_fields"]):
        field.setdefault("required", False)
        field.setdefault("hint", "")
