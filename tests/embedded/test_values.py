"""Values, paths, diffs and secrets: the arithmetic that both engines must agree on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_embedded.errors import EmbeddedError, Unsupported
from pulumi_embedded.state.secrets import Crypter, IncorrectPassphrase, SecretsManager
from pulumi_embedded.values.diff import (
    Changes,
    DiffResult,
    Kind,
    PropertyDiff,
    apply_replace_on_changes,
    compare_inputs,
    diff_objects,
)
from pulumi_embedded.values.property_paths import InvalidPath, Path, parse_path, render_path, reset_path
from pulumi_embedded.values.values import (
    ASSET_SIGNATURE,
    SIGNATURE,
    UNKNOWN,
    ResourceReference,
    Secret,
    annotate_secrets,
    copy,
    deep_equals,
    from_state,
    from_struct,
    to_state,
    to_struct,
)

from ..support.stacks import PASSPHRASE, SALT

keys = st.text('ab."[]_é0', max_size=4)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**52), 2**52)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(keys, plain, max_size=4)


@given(objects)
def test_values_survive_the_wire(properties: dict[str, Any]) -> None:
    """What is written to a message is read back equal."""
    assert deep_equals(from_struct(to_struct(properties)), properties)


@given(objects)
def test_values_survive_the_state(properties: dict[str, Any]) -> None:
    """What is written to a state is read back equal."""
    stored = to_state(properties, lambda _: None)
    assert deep_equals(from_state(stored, lambda _: Secret(None)), properties)


@given(st.lists(st.integers(0, 9) | st.text('ab."[] _é0', min_size=1, max_size=4), min_size=1, max_size=4))
def test_paths_are_read_as_they_are_written(path: list[str | int]) -> None:
    """A path that is rendered and parsed is the same path."""
    assert parse_path(render_path(tuple(path))) == tuple(path)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.b[0].c", ("a", "b", 0, "c")),
        ('a["b.c"][1]', ("a", "b.c", 1)),
        ('["q\\"x"]', ('q"x',)),
        ("a[*].b", ("a", "*", "b")),
    ],
)
def test_path_notation(text: str, path: Path) -> None:
    """Names, indices, quoted names and wildcards are read."""
    assert parse_path(text) == path


@pytest.mark.parametrize("text", [".a", "a.", 'a["b', "a[1", "a[x]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    """A malformed path raises."""
    with pytest.raises(InvalidPath):
        parse_path(text)


@given(objects, objects)
def test_a_diff_is_empty_exactly_when_values_are_equal(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Two objects have a difference if and only if they are not deeply equal."""
    assert bool(diff_objects(old, new)) != deep_equals(old, new)


@given(objects, objects)
def test_ignoring_a_top_level_change_takes_the_old_value(old: dict[str, Any], new: dict[str, Any]) -> None:
    """After resetting every top-level key, nothing differs any more."""
    reset = copy(new)
    for key in {*old, *new}:
        assert reset_path((key,), old, reset)
    assert deep_equals(old, reset)


def test_true_is_not_one() -> None:
    """A bool never equals a number."""
    assert not deep_equals(True, 1)
    assert not deep_equals([0], [False])
    assert deep_equals(1, 1.0)


def test_secrets_are_unwrapped_for_a_provider_and_kept_for_a_program() -> None:
    """Whether a message has the signature of a secret depends on who reads it."""
    properties = {"a": Secret([1, Secret("x")]), "b": UNKNOWN}
    assert from_struct(to_struct(properties)) == {"a": [1, "x"]}
    kept = from_struct(to_struct(properties, keep_secrets=True, keep_unknowns=True))
    assert isinstance(kept["a"], Secret)
    assert isinstance(kept["a"].element[1], Secret)
    assert kept["b"] is UNKNOWN


def test_a_resource_reference_becomes_its_id_or_its_urn() -> None:
    """Who does not accept references gets the id of a resource and the URN of a component."""
    properties = {"a": ResourceReference("urn:x", "id-1"), "b": ResourceReference("urn:y")}
    assert from_struct(to_struct(properties)) == {"a": "id-1", "b": "urn:y"}
    assert from_struct(to_struct(properties, keep_resources=True)) == properties


def test_an_asset_is_refused_by_name() -> None:
    """An asset in a message is not supported, and the error says so."""
    asset = {SIGNATURE: ASSET_SIGNATURE, "text": "x"}
    with pytest.raises(Unsupported, match="asset"):
        from_struct(to_struct({"a": asset}))


def test_secrets_come_back_from_a_provider_that_takes_none() -> None:
    """Outputs are secret where the inputs are: key by key in objects, as a whole elsewhere."""
    outs: dict[str, Any] = {"a": 1, "b": {"x": 1, "y": 2}, "c": [1, 2], "d": 1}
    annotate_secrets(
        outs, {"a": Secret(1), "b": {"x": Secret(1), "y": 2}, "c": [1, Secret(2)], "e": Secret(1)}
    )
    assert isinstance(outs["a"], Secret)
    assert isinstance(outs["b"]["x"], Secret)
    assert outs["b"]["y"] == 2
    assert isinstance(outs["c"], Secret)
    assert outs["d"] == 1


def test_the_engines_own_diff_sees_through_secrets() -> None:
    """To make a value secret is no change of it."""
    assert compare_inputs({"a": 1, "b": Secret(2)}, {"a": Secret(1), "b": 2}).changes is Changes.NONE
    result = compare_inputs({"a": Secret([1])}, {"a": [2]})
    assert result.detailed == {"a[0]": PropertyDiff(Kind.UPDATE, input_diff=True)}


def test_replace_on_changes_turns_changes_into_replacements() -> None:
    """Only changes at or below a pattern become replacements."""
    diff = DiffResult(
        Changes.SOME,
        changed_keys=("a", "b"),
        detailed={
            "a.x": PropertyDiff(Kind.ADD, input_diff=True),
            "b": PropertyDiff(Kind.UPDATE, input_diff=True),
        },
    )
    result = apply_replace_on_changes(diff, ["a"], init_errors=False)
    assert result.detailed == {
        "a.x": PropertyDiff(Kind.ADD_REPLACE, input_diff=True),
        "b": PropertyDiff(Kind.UPDATE, input_diff=True),
    }
    assert result.replace_keys == ("a",)
    assert result.replaces


def test_a_secret_that_the_cli_wrote_is_opened() -> None:
    """The salt and the ciphertext were written by the CLI, version 3.260, under the passphrase `pw`."""
    manager = SecretsManager.open(
        "pw", "v1:9BvTxBjW8jc=:v1:A+laREQcqwUhUaOD:PgIapGGok3AWotUkEIEZo6XCBbASXA=="
    )
    assert manager.crypter.decrypt("v1:jnwk8AbARwFZIMKV:0HVm3jYOCMEeRcUil4rP+udeTragC4o=") == "hunter2"
    stored = {"ciphertext": "v1:OhCVqM6CnVpMv6/K:zCSySKRqSkFjwJFZG/GRiVyik9/s2/o="}
    assert manager.read(stored).element == "inner"


def test_a_wrong_passphrase_is_told_apart() -> None:
    """The salt says whether a passphrase is the right one."""
    with pytest.raises(IncorrectPassphrase):
        SecretsManager.open("wrong", SALT)


def test_unchanged_secrets_keep_their_ciphertext() -> None:
    """A secret that was read and is written again unchanged stays byte for byte the same; a changed one does not."""
    manager = SecretsManager.open(PASSPHRASE, SALT)
    stored = manager.write(Secret({"a": [1, "é"]}))
    secret = manager.read(stored)
    assert manager.write(secret) == stored
    secret.element = {"a": [2]}
    assert manager.write(secret) != stored


@given(st.binary(min_size=32, max_size=32), st.text())
def test_what_is_encrypted_can_be_decrypted(key: bytes, text: str) -> None:
    """Encrypting and decrypting is the identity, and no other key opens it."""
    sealed = Crypter(key).encrypt(text)
    assert Crypter(key).decrypt(sealed) == text
    with pytest.raises(EmbeddedError):
        Crypter(bytes(32) if key != bytes(32) else bytes([1] * 32)).decrypt(sealed)
