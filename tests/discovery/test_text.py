"""Words out of names and prose."""

from __future__ import annotations

import pytest

from pulumi_scalekit.discovery.text import first_sentence, identifier, label


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
