"""The normal form and its laws."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit.definition.changes import align, authorization_note, changes, same
from pulumi_scalekit.definition.keys import DEFINITION_KEYS, READ_ONLY_KEYS, UNKNOWN
from pulumi_scalekit.definition.normalize import (
    create_payload,
    definition_of,
    normalize,
    normalize_live,
    plain,
    update_payload,
)
from pulumi_scalekit.definition.stored import merge_drift, unapplied

from ..e2e.cases import CHANGES, SAME
from ..support.definitions import BEARER
from ..support.live import edit
from ..support.strategies import ANYTHING, damaged, definitions

ANY_DEFINITION = st.one_of(
    definitions(), damaged(), st.dictionaries(st.sampled_from(DEFINITION_KEYS), ANYTHING)
)


@given(definition=ANY_DEFINITION)
def test_normalise_is_idempotent(definition: dict[str, Any]) -> None:
    """The normal form of a normal form is itself, and the argument is left alone."""
    before = copy.deepcopy(plain(definition))
    normal = normalize(definition)
    assert same(normalize(normal), normal)
    assert same({"d": plain(definition)}, {"d": before})


@given(old=ANY_DEFINITION, new=ANY_DEFINITION)
def test_align_keeps_the_meaning(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Aligned to anything, a definition means what it meant; aligned to what means the same, it is that."""
    aligned = align(old, new)
    assert same(normalize(aligned), normalize(new))
    if same(normalize(old), normalize(new)):
        assert not list(changes(aligned, {key: old[key] for key in DEFINITION_KEYS if key in old}))


@given(old=ANY_DEFINITION, new=ANY_DEFINITION)
def test_changes(old: dict[str, Any], new: dict[str, Any]) -> None:
    """A value does not differ from itself; what differs does so both ways, at the same paths."""
    assert list(changes(old, old)) == []
    there, back = list(changes(old, new)), list(changes(new, old))
    assert {change.path for change in there} == {change.path for change in back}
    assert all(change.describe() for change in there)


@given(declared=definitions(), stored=definitions(), live=definitions())
def test_merge_drift(declared: dict[str, Any], stored: dict[str, Any], live: dict[str, Any]) -> None:
    """Without drift the declaration stays; with it, and a server that stores as it is told, live is what counts."""
    declared, stored, live = normalize(declared), normalize(stored), normalize(live)
    assert same(merge_drift(declared, stored, stored), declared)
    for merged in (merge_drift(declared, declared, live), merge_drift(stored, stored, live)):
        assert unapplied(merged, live) == unapplied(live, merged) == []


@given(definition=definitions())
def test_payloads_mean_what_was_declared(definition: dict[str, Any]) -> None:
    """The bodies of create and update mean the declaration; an update leaves nothing out."""
    for body in (create_payload(definition), update_payload(definition)):
        assert same(normalize(body), normalize(definition))
    assert update_payload(definition).keys() == set(DEFINITION_KEYS)


@given(definition=definitions())
def test_an_answer_is_a_definition(definition: dict[str, Any]) -> None:
    """What the server makes is left out of the definition in its answer, and nothing else."""
    answer = {**update_payload(definition), **dict.fromkeys(READ_ONLY_KEYS, "x")}
    taken = definition_of(answer)
    assert not taken.keys() & set(READ_ONLY_KEYS)
    assert same(normalize(taken), normalize(definition))


@pytest.mark.parametrize("case", SAME)
def test_two_ways_to_write_one_definition(case: str) -> None:
    """Definitions that mean the same have one normal form, and align to each other's text."""
    one, other = plain(SAME[case].one), plain(SAME[case].other)
    assert same(normalize(one), normalize(other))
    kept = {key: value for key, value in one.items() if key in DEFINITION_KEYS}
    assert not list(changes(align(kept, other), kept))


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_one(case: str) -> None:
    """Every change of the table is seen in the normal form."""
    assert not same(normalize(CHANGES[case].base), normalize(CHANGES[case].after))


def test_what_is_absent_means() -> None:
    """An absent `proxy_enabled` is true where it is declared, and false where the server leaves it out."""
    assert normalize({})["proxy_enabled"] is True
    assert normalize_live({})["proxy_enabled"] is False


def test_true_is_not_one() -> None:
    """JSON tells true from 1, and so does a comparison."""
    assert [str(change) for change in changes({"a": [True]}, {"a": [1]})] == ["a[0]"]
    assert plain({"a": 3.0, "b": [2.5, None], "c": None}) == {"a": 3, "b": [2.5, None]}


@pytest.mark.parametrize(
    ("path", "added", "note"),
    [
        ("auth_patterns[0].fields", [{"field_name": "key"}], "adds field key; removes field token: "),
        ("auth_patterns[0].fields", [{"field_name": "key"}, UNKNOWN], "adds field key: "),
        ("auth_patterns[0].fields[0].field_name", UNKNOWN, ""),
        ("auth_patterns[0].fields", UNKNOWN, ""),
        ("auth_patterns[0]", UNKNOWN, ""),
        ("auth_patterns", UNKNOWN, ""),
    ],
)
def test_what_is_not_known_is_not_removed(path: str, added: Any, note: str) -> None:
    """A field of a list that is not known yet is not said to be removed."""
    told = authorization_note(normalize(BEARER), normalize(edit(BEARER, {path: added})))
    assert told.startswith(note)
    assert bool(told) == bool(note)
