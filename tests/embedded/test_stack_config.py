"""Editing a stack's configuration file: one value changes, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_embedded.errors import ConfigurationError
from pulumi_embedded.project.config_path import remove_path, set_path
from pulumi_embedded.project.project import Project
from pulumi_embedded.project.stack_config import StackConfig
from pulumi_embedded.project.yaml_files import dump_yaml, parse_yaml

from ..support.stacks import SALT


def config_of(folder: Path, text: str) -> StackConfig:
    """Return the configuration that a text is."""
    path = folder / "Pulumi.dev.yaml"
    path.write_text(text)
    return StackConfig.load(path)


def test_comments_and_order_of_the_stack_file_stay(tmp_path: Path) -> None:
    """Editing one value changes its lines only."""
    config = config_of(
        tmp_path,
        "# about this stack\n"
        "config:\n"
        "  # the address\n"
        "  p:url: https://example.org # inline\n"
        "\n"
        "  p:list:\n"
        "    - 1 # one\n"
        "    - 2\n"
        "  # last\n"
        "  p:z: z\n"
        "# the end\n",
    )
    config.set("p:z", {"a": [1]})
    config.set("p:new", "5")
    config.remove("p:list")
    config.set_salt(SALT)
    assert config.path.read_text() == (
        f"encryptionsalt: {SALT}\n"
        "# about this stack\n"
        "config:\n"
        "  # the address\n"
        "  p:url: https://example.org # inline\n"
        "\n"
        "  # last\n"
        "  p:z:\n"
        "    a:\n"
        "    - 1\n"
        "  p:new: '5'\n"
        "# the end\n"
    )
    for key in list(config.values):
        config.remove(key)
    assert StackConfig.load(config.path).values == {}
    config.set("p:again", "x")
    assert StackConfig.load(config.path).values == {"p:again": "x"}


LAYOUTS = {
    "marker": "---\n# a comment\nconfig:\n  p:a: x\n",
    "marker-with-content": "--- # a comment\nconfig: {p:a: x}\n",
    "directive": "%YAML 1.1\n---\nconfig:\n  p:a: x\n",
    "marker-alone": "---\n",
    "end-marker": "config:\n  p:a: x\n...\n",
    "end-marker-without-config": "other: 1\n...\n",
    "literal": "config:\n  p:a: |\n    line\n    # last line\n",
    "literal-kept": "config:\n  p:a: |+\n    line\n\n\n# comment\nother: 1\n",
    "literal-unfinished": "config:\n  p:a: |\n    line",
    "folded": "config:\n  p:a: >-\n    line\n\n    # line\n  # comment\n",
    "quoted": 'config:\n  p:a: "x\n    # y"\n',
    "quoted-in-list": "config:\n  p:a:\n  - 'x\n\n    # y'\n  # comment\n",
    "plain": "config:\n  p:a: x\n    y # comment\n  # comment\n",
    "flow": "{config: {p:a: x}, other: 1}\n",
    "flow-section": "config: {p:a: x,\n  p:b: 1}\nother: 1\n",
    "null-section": "config:\n# comment\nother: 1\n",
    "null-value": "config:\n  p:a:\n  # comment\nother: 1\n",
    "indented": "config:\n      p:a: x\n      p:b:\n          - 1\n",
    "anchor": "config:\n  p:a: &x [1]\n  p:b: *x\n",
    "alias-last": "config:\n  p:a: &x [1]\n  p:b:\n  - 1\n  - *x\n",
    "merge": "base: &b {p:a: x}\nconfig:\n  <<: *b\n  p:b: y\n",
    "duplicate": "config:\n  p:a: x\n  p:a: y\n",
    "mark-of-bytes": "\ufeffconfig:\n  p:a: x\n",
    "odd-breaks": "config:\n  p:b: 'x\u2028  y'\n  p:a: x\n",
    "types": "config:\n  p:a: 0x10\n  p:b: 1e6\n  p:c: 2024-01-02\n  p:d: ~\n  p:e: 1.0\n",
    "nothing": "",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_an_edit_changes_one_value_of_any_layout(tmp_path: Path, text: str) -> None:
    """Whatever the file looks like, setting and removing a value leave every other value as it is."""
    before = config_of(tmp_path, text).document
    values = before.get("config") or {}
    for key in ("p:a", "p:new"):
        config = config_of(tmp_path, text)
        config.set(key, "1_000")
        expected = {**before, "config": {**values, key: "1_000"}}
        assert StackConfig.load(config.path).document == config.document == expected
        config.set_salt(SALT)
        assert StackConfig.load(config.path).document == {**expected, "encryptionsalt": SALT}
        config = config_of(tmp_path, text)
        assert config.remove(key) == (key in values)
        left = {name: value for name, value in values.items() if name != key}
        assert StackConfig.load(config.path).values == left
        assert StackConfig.load(config.path).document.get("other") == before.get("other")


@pytest.mark.parametrize("name", ["marker", "directive", "literal", "folded", "quoted-in-list", "indented"])
def test_an_edit_keeps_the_lines_of_other_values(tmp_path: Path, name: str) -> None:
    """A common layout is edited in place: each line of before is still there, in its order."""
    config = config_of(tmp_path, LAYOUTS[name])
    config.set("p:new", "x")
    config.set_salt(SALT)
    lines = iter(config.path.read_text().splitlines())
    assert all(line in lines for line in LAYOUTS[name].splitlines())


WORDS = [
    "1e6",
    "0o17",
    "1_000",
    "0x10",
    "yes",
    "null",
    "~",
    "",
    "-",
    "a: b",
    "# x",
    " x ",
    "2024-01-02",
    "'\"",
    "<<",
]


@given(
    st.one_of(
        st.sampled_from(WORDS),
        st.text(st.characters(exclude_categories=["Cs"])),
        st.recursive(
            st.one_of(
                st.text("ab\n\r\x85\u2028 #:'\"-"), st.booleans(), st.integers(-(2**63), 2**63), st.none()
            ),
            lambda inner: st.lists(inner) | st.dictionaries(st.text("ab\n #:"), inner),
            max_leaves=6,
        ),
    )
)
def test_a_value_is_read_as_it_was_set(value: Any) -> None:
    """Text that looks like a number, a date or a comment, and any character, survives the file."""
    assert parse_yaml(dump_yaml({"config": {"p:a": value}}), Path("x")) == {"config": {"p:a": value}}


def test_a_value_that_yaml_cannot_express_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """A number beyond 64 bits is refused, as it would be read as another one."""
    config = config_of(tmp_path, LAYOUTS["literal"])
    with pytest.raises(ConfigurationError, match="cannot be written as YAML"):
        config.set("p:a", 10**30)
    assert config.path.read_text() == LAYOUTS["literal"]


def test_an_edit_keeps_the_link_and_the_mode_of_the_file(tmp_path: Path) -> None:
    """A configuration file that is a link, or not readable for all, stays so."""
    target = tmp_path / "shared.yaml"
    target.write_text("config:\n  p:a: x\n")
    target.chmod(0o600)
    link = tmp_path / "Pulumi.dev.yaml"
    link.symlink_to(target)
    StackConfig.load(link).set("p:a", "y")
    assert link.is_symlink()
    assert target.read_text() == "config:\n  p:a: y\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"Pulumi.dev.yaml", "shared.yaml"}


def test_an_edit_keeps_what_was_changed_since_the_file_was_read(tmp_path: Path) -> None:
    """The file is read again before it is written, so that nothing which came meanwhile is lost."""
    config = config_of(tmp_path, "config:\n  p:a: x\n")
    config_of(tmp_path, "config:\n  p:b: x\n")
    config.set("p:c", "x")
    assert StackConfig.load(config.path).values == config.values == {"p:b": "x", "p:c": "x"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("config:\n  p:a: .nan\n", "not valid YAML"),
        ("config:\n  p:a: &a [*a]\n", "not valid YAML"),
        ("config:\n  p:a: !!bool x\n", "not valid YAML"),
        ("config:\n  p:a: !!binary AAAA\n", "not valid YAML"),
        ("config:\n  ? [a, b]\n  : x\n", "not valid YAML"),
        ("config: [1]\n", "`config` is not an object"),
        ("encryptionsalt: 5\n", "`encryptionsalt` is not a text"),
        ("- 1\n", "must be a mapping"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, named: str) -> None:
    """What is no configuration, or has what no program can get, is refused with the file's name."""
    with pytest.raises(ConfigurationError, match=named) as error:
        config_of(tmp_path, text)
    assert "Pulumi.dev.yaml" in str(error.value)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """A file in another encoding is refused with its name."""
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_bytes(b"config:\n  p:a: \xe4\n")
    with pytest.raises(ConfigurationError, match="not valid YAML"):
        StackConfig.load(path)


def test_keys_inside_a_value_are_text(tmp_path: Path) -> None:
    """A number or a word of YAML as a key becomes the text that a program gets."""
    values = config_of(tmp_path, "config:\n  p:a: {2: x, true: y, ~: z}\n").values
    assert values == {"p:a": {"2": "x", "true": "y", "null": "z"}}


# --- paths ----------------------------------------------------------------------------------------------------

PROJECT = Project(Path("Pulumi.yaml"), {"name": "p", "runtime": "python"})
VALUES: dict[str, Any] = {"p:list": ["x", "y"], "p:tree": {"leaf": "x"}, "p:token": {"secure": "v1:a:b"}}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("list[0]", ["v", "y"]),
        ("list[2]", ["x", "y", "v"]),
        ("new[2]", [None, None, "v"]),
        ("new.a[1].b", {"a": [None, {"b": "v"}]}),
        ("tree.leaf", {"leaf": "v"}),
    ],
)
def test_a_path_sets_a_part_of_a_value(key: str, expected: Any) -> None:
    """An index replaces or appends; what is not there is made, with nulls before the index."""
    assert set_path(PROJECT, VALUES, key, "v", typed=False)[1] == expected


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("list[-1]", "out of range"),
        ("list[3]", "out of range"),
        ("new[-1]", "out of range"),
        ("new[99999999999]", "out of range"),
        ("list.a", "not an object"),
        ("tree[0]", "not a list"),
        ("tree.leaf.a", "not an object"),
        ("token.secure", "not an object"),
        ("new.secure", "an encrypted value"),
        ("new[x]", "invalid configuration key path"),
        ("new.", "invalid configuration key path"),
        ("[0]", "must start with a name"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(key: str, named: str) -> None:
    """As with the CLI, an index is within the list, counts from its start, and does not follow an object."""
    with pytest.raises(ConfigurationError, match=named):
        set_path(PROJECT, VALUES, key, "v", typed=False)


@pytest.mark.parametrize("key", ["list[-1]", "list[2]", "list.a", "tree.leaf[0]", "tree.a.b", "token.secure"])
def test_a_path_that_leads_nowhere_removes_nothing(key: str) -> None:
    """As with the CLI, the value stays as it is; above all, -1 is not the last element."""
    name, left = remove_path(PROJECT, VALUES, key)
    assert left == VALUES[name]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("-5", -5),
        ("-0", "-0"),
        ("007", "007"),
        ("1.5", "1.5"),
        ("9" * 20, "9" * 20),
        ("٣", "٣"),
    ],
)
def test_a_path_sets_numbers_and_booleans_as_such(text: str, value: Any) -> None:
    """As with the CLI, an integer of 64 bits in its usual form is a number, and everything else text."""
    found = set_path(PROJECT, {}, "a.b", text, typed=False)[1]["b"]
    assert (type(found), found) == (type(value), value)
