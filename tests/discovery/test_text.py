"""Words out of names and prose."""

from __future__ import annotations

import pytest

from pulumi_scalekit.discovery.text import connector_name, first_sentence, identifier, label


@pytest.mark.parametrize(
    ("title", "host", "name"),
    [
        ("Acme API", "", "Acme"),
        ("Acme's API documentation", "", "Acme"),
        ("The Acme REST API v2.1 (Preview)", "", "Acme"),
        ("Acmé – Notes", "", "Acme Notes"),
        ("API Reference", "{{region}}.acme.io", "Acme"),
        ("REST API", "api.eu.acme.co.uk", "Acme"),
        ("", "", ""),
        ("", "127.0.0.1", ""),
        ("x" * 300, "", "x" * 200),
    ],
)
def test_connector_name(title: str, host: str, name: str) -> None:
    """A name is what a title says beyond that it is an API, in letters that Scalekit takes."""
    assert connector_name(title, host) == name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "# Acme\n\nThe **Acme** [API](https://acme.io) keeps notes. It is fast.",
            "The Acme API keeps notes.",
        ),
        ("> Quoted words come first here\n\nAcme keeps the notes of teams", "Acme keeps the notes of teams"),
        ("```\nsome code in here\n```\nAcme keeps <b>notes</b> safe.", "Acme keeps notes safe."),
        ("Short", ""),
        (None, ""),
        ("word " * 60, "word " * 38 + "word..."),
    ],
)
def test_first_sentence(text: object, sentence: str) -> None:
    """The first sentence is prose, not a heading, a quote or code, and is cut after a word."""
    found = first_sentence(text)
    assert found == sentence
    assert len(found) <= 200


@pytest.mark.parametrize(
    ("name", "text", "field"),
    [
        ("store_hash", "Store hash", "store_hash"),
        ("yourAcmeDomain", "Your acme domain", "yourAcmeDomain"),
        ("X-API-Key", "X API key", "x_api_key"),
        ("notes:read", "Notes read", "notes_read"),
        ("%", "%", "value"),
    ],
)
def test_identifiers(name: str, text: str, field: str) -> None:
    """Identifiers in any spelling give a label and a field name."""
    assert (label(name), identifier(name)) == (text, field)


@pytest.mark.parametrize(
    ("title", "host", "provider", "expected"),
    [
        ("Query API", "api.acme.io", "", "Acme Query"),
        ("Core API", "core.acme.io", "", "Acme Core"),
        ("Admin REST API v2", "api.acme.io", "Notes", "Notes Admin"),
        ("Acme Admin API", "api.acme.io", "", "Acme Admin"),
        ("REST API", "api.acme.io", "Notes", "Notes"),
        ("Core API", "", "", "Core"),
    ],
)
def test_a_title_that_names_a_part(title: str, host: str, provider: str, expected: str) -> None:
    """Where the title names only a part of a service, the service's name goes before it."""
    assert connector_name(title, host, provider) == expected
