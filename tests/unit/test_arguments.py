"""Calls with wrong arguments: one line each, with the place that they come from."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from pulumi_scalekit import BearerAuth, Connection, Connector, Field, Scope
from pulumi_scalekit.arguments import ArgumentError

# Any: these calls are wrong, and a type checker says so.
CONNECTOR: Any = Connector
CONNECTION: Any = Connection
BEARER: Any = BearerAuth
FIELD: Any = Field
NAMED = {"display_name": "A", "proxy_url": "https://api.example.com"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda: CONNECTOR("a", dispaly_name="A"),
            "Connector() has no argument dispaly_name; did you mean display_name?",
        ),
        (
            lambda: CONNECTOR("a", xyzzy="A"),
            "Connector() has no argument xyzzy; it has resource_name, display_name, proxy_url, auth_patterns, ",
        ),
        (lambda: CONNECTOR("a", display_name="A"), "Connector(): missing a required "),
        (lambda: CONNECTOR("a", "A"), "Connector(): too many positional arguments"),
        (lambda: CONNECTOR(display_name="A"), "Connector(): missing a required "),
        (
            lambda: CONNECTION("a", conector="A"),
            "Connection() has no argument conector; did you mean connector?",
        ),
        (lambda: BEARER(), "BearerAuth(): missing a required argument: 'display_name'"),
        (lambda: BEARER("Token", feilds=[]), "BearerAuth() has no argument feilds; did you mean fields?"),
        (lambda: FIELD("a", xyzzy=1), "Field() has no argument xyzzy; keys of your own go into extra="),
        (lambda: FIELD("a", field_name="a"), "Field(): multiple values for argument 'field_name'"),
        (lambda: FIELD(*range(20)), "Field(): too many positional arguments"),
        (
            lambda: BEARER("Token", fields=Field("token")),
            "BearerAuth(fields=...) takes a list, not a Field: write fields=[...]",
        ),
        (
            lambda: BEARER("Token", fields=(Field(name) for name in ("a", "b"))),
            "BearerAuth(fields=...) takes a list, not a generator: write fields=list(...)",
        ),
        (
            lambda: BEARER("Token", fields=[Scope("read")]),
            "BearerAuth(fields=...) has a Scope where Field(...) or a dict belongs",
        ),
        (
            lambda: BEARER("Token", fields=["token"]),
            "BearerAuth(fields=...) has a string where Field(...) or a dict belongs",
        ),
        (
            lambda: BEARER("Token", fields=[Field]),
            "BearerAuth(fields=...) has the class Field: make an object, Field(...)",
        ),
        (
            lambda: BEARER("Token", mutations={"token": "Key "}),
            "BearerAuth(mutations=...) has a string where Mutation(...) or a dict belongs",
        ),
        (
            lambda: BEARER("Token", oauth_config="https://example.com"),
            "BearerAuth(oauth_config=...) has a string where OAuthConfig(...) or a dict belongs",
        ),
        (
            lambda: FIELD(Field("token")),
            "Field(field_name=...) takes a string, not a Field",
        ),
        (
            lambda: CONNECTOR("a", **NAMED, auth_patterns=BearerAuth("Token")),
            "Connector(auth_patterns=...) takes a list, not a BearerAuth: write auth_patterns=[...]",
        ),
        (
            lambda: CONNECTOR("a", **NAMED, auth_patterns=[Field("token")]),
            "Connector(auth_patterns=...) has a Field where OAuth(...), BasicAuth(...), BearerAuth(...), ",
        ),
        (
            lambda: CONNECTOR("a", **NAMED, auth_patterns=[], metadata=["team"]),
            "Connector(metadata=...) takes a dict, not a list",
        ),
        (
            lambda: CONNECTOR("a", **NAMED, auth_patterns=[], opts={"protect": True}),
            "Connector(opts=...) takes pulumi.ResourceOptions(...), not a dict: write opts=",
        ),
        (
            lambda: CONNECTOR("a", **NAMED, auth_patterns=[], opts=pulumi.ResourceOptions(import_="A:1")),
            "Connector(opts=...) has import_, which Pulumi's dynamic providers cannot do: give Connector adopt=",
        ),
    ],
)
def test_message(wrong: Callable[[], Any], message: str) -> None:
    """The message says what is wrong, what was meant, and where."""
    line = inspect.getsourcelines(wrong)[1]
    with pytest.raises(ArgumentError, match=rf"test_arguments\.py:{line}: {re.escape(message)}") as raised:
        wrong()
    assert isinstance(raised.value, pulumi.RunError), "Pulumi shows a traceback of any other error"
    assert isinstance(raised.value, TypeError)


def test_python_can_copy_what_is_checked() -> None:
    """Objects can be made without arguments, as `copy` and `pickle` do."""
    empty = Connector.__new__(Connector)
    assert vars(copy.copy(empty)) == {}


def test_help_shows_the_constructor() -> None:
    """What looks at the class, such as `help`, sees its constructor's arguments; a subclass has its own."""
    assert list(inspect.signature(Connector).parameters)[:2] == ["resource_name", "display_name"]

    class Ours(Connector):
        def __init__(self, team: str) -> None:
            super().__init__(team, display_name=team, proxy_url="https://api.example.com", auth_patterns=[])

    assert list(inspect.signature(Ours).parameters) == ["team"]
    wrong: Any = Ours
    with pytest.raises(ArgumentError, match="Ours"):
        wrong("a", display_name="A")
