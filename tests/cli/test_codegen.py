"""Exported Python means what it was made from, and looks as formatters want it."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit import auth as patterns
from pulumi_scalekit.definition.normalize import normalize, normalize_live, plain
from pulumi_scalekit.operations.codegen import HEADER, WIDTH, module_source, quoted, variables_in
from pulumi_scalekit.operations.naming import resource_names, slug, variable_names
from pulumi_scalekit.payload import to_payload

from ..support.definitions import API_KEY, OAUTH
from .samples import ASANA, FRESHDESK, GITHUB, TAVILY

# --- Definitions of all shapes that a server may answer ------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text(
    "ab '\"\\{}\n $`", max_size=140
)
NUMBER = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
SCALAR = st.none() | st.booleans() | NUMBER | TEXT
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
ODD_KEYS = (
    st.sampled_from(["extra", "mutations", "class", "x-y", "type", "to_payload", "", "é", "1st"]) | TEXT
)


def mapping(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with some of the known keys, now and then of a wrong type, and with keys that nobody knows."""
    odd = {key: value | JSON if key != "type" else value for key, value in known.items()}
    usual = st.fixed_dictionaries({}, optional=known)
    strange = st.builds(
        lambda a, b: {**b, **a},
        st.fixed_dictionaries({}, optional=odd),
        st.dictionaries(ODD_KEYS, JSON, max_size=2),
    )
    return usual | strange


OPTION = mapping(value=TEXT, display_name=TEXT, default=st.booleans())
FIELD = mapping(
    field_name=TEXT,
    label=TEXT,
    input_type=TEXT,
    required=st.booleans(),
    options=st.lists(OPTION, max_size=2),
    is_path_param=st.booleans(),
)
SCOPE = mapping(scope=TEXT, display_name=TEXT, description=TEXT, required=st.booleans())
CONFIG = mapping(
    authorize_uri=TEXT,
    token_uri=TEXT,
    available_scopes=st.lists(SCOPE, max_size=2),
    pkce_enabled=st.booleans(),
)
PATTERN = mapping(
    type=st.sampled_from(["OAUTH", "BASIC", "BEARER", "API_KEY", "NO_AUTH", "OAUTH_M2M"]),
    display_name=TEXT,
    fields=st.lists(FIELD, max_size=2),
    account_fields=st.lists(FIELD, max_size=1),
    oauth_config=CONFIG,
    auth_field_mutations=st.dictionaries(TEXT, mapping(prefix=TEXT, suffix=TEXT, default=TEXT), max_size=2),
    is_mcp=st.booleans(),
    allowed_proxy_domains=st.lists(TEXT, max_size=2),
)
DEFINITION = st.fixed_dictionaries(
    {"display_name": TEXT, "proxy_url": TEXT, "auth_patterns": st.lists(PATTERN, max_size=2)},
    optional={
        "description": TEXT,
        "proxy_enabled": st.booleans(),
        "icon_src": TEXT,
        "metadata": st.dictionaries(TEXT, TEXT, max_size=3),
    },
)


class Recorder:
    """Stands for the package in executed source: typed patterns as they are, and connectors noted down."""

    def __init__(self) -> None:
        self.declared: dict[str, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(patterns, name)

    def Connector(self, resource: str, **declared: Any) -> None:  # noqa: N802
        """Note a declaration."""
        declared.pop("opts", None)
        self.declared[resource] = {"proxy_enabled": True, **to_payload(declared)}


def execute(source: str) -> dict[str, dict[str, Any]]:
    """The definitions that a module of exported source declares."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    recorder = Recorder()
    exec(compile(tree, "exported", "exec"), {"scalekit": recorder, "pulumi": pulumi})
    return recorder.declared


@given(DEFINITION)
def test_exported_source_declares_the_same(definition: dict[str, Any]) -> None:
    """Whatever the server answers, the exported source declares a definition of the same normal form."""
    attributes = plain(definition)
    source = module_source("", [("it", attributes)])
    assert normalize(plain(execute(source)["it"])) == normalize_live(attributes)


@given(DEFINITION)
def test_protected_source_declares_the_same(definition: dict[str, Any]) -> None:
    """Resource options change nothing in the definition."""
    attributes = plain(definition)
    source = module_source("", [("it", attributes)], protect=True)
    assert normalize(plain(execute(source)["it"])) == normalize_live(attributes)


@given(DEFINITION, st.randoms())
def test_source_does_not_depend_on_the_servers_order(definition: dict[str, Any], random: Any) -> None:
    """The server keeps no order of keys; the exported source has one of its own."""

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            random.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    assert module_source("", [("it", definition)]) == module_source("", [("it", shuffled(definition))])


@given(TEXT)
def test_literals_read_back(text: str) -> None:
    """A quoted string is a Python literal of that very string."""
    assert ast.literal_eval(quoted(text)) == text


SAMPLES = [ASANA, FRESHDESK, GITHUB, TAVILY, OAUTH, API_KEY]


def exported() -> str:
    """All samples as one module."""
    named = resource_names(SAMPLES)
    return module_source("", named)


def test_no_default_is_spelled_out() -> None:
    """What a definition says by default is not in the source."""
    source = exported()
    assert "proxy_enabled" not in source
    assert "fields=[]" not in source
    assert "required=False" not in source


@pytest.mark.skipif(
    not shutil.which("ruff", path=str(Path(sys.executable).parent)), reason="ruff is not installed"
)
def test_source_is_formatted(tmp_path: Path) -> None:
    """The formatter with its defaults has nothing to change, and the linter nothing to say."""
    file = tmp_path / "connectors.py"
    file.write_text(exported(), encoding="utf-8")
    ruff = str(Path(sys.executable).parent / "ruff")
    subprocess.run([ruff, "format", "--isolated", "--check", "--diff", str(file)], check=True)
    subprocess.run([ruff, "check", "--isolated", "--select", "E,F,I,W,D100", str(file)], check=True)
    assert max(map(len, exported().splitlines())) <= WIDTH


class Mocks(pulumi.runtime.Mocks):
    """Notes the inputs of every resource that a program declares."""

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        """Take a resource as created."""
        self.inputs[args.name] = args.inputs
        return f"{args.name}-id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[Any, Any]:
        """Nothing is called."""
        return {}


def test_a_program_of_exported_source_sends_the_same() -> None:
    """Run as a real Pulumi program, exported source gives the provider the definitions it was made from."""
    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks)
    pulumi.runtime.test(lambda: exec(exported(), {}))()
    assert len(mocks.inputs) == len(SAMPLES)
    for resource, answer in resource_names(SAMPLES):
        inputs = {k: v for k, v in mocks.inputs[resource].items() if not k.startswith("__")}
        assert normalize(inputs) == normalize_live(answer)


# --- Names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("display_name", "resource", "variable"),
    [
        ("My Asana", "my-asana", "my_asana"),
        ("3 Things", "3-things", "connector_3_things"),
        ("Class", "class", "class_"),
        ("Open", "open", "open_"),
        ("  A  B ", "a-b", "a_b"),
        ("Über", "ber", "ber"),
        ("", "connector", "connector"),
    ],
)
def test_names(display_name: str, resource: str, variable: str) -> None:
    """Names come from the display name, and are valid where they stand."""
    assert slug(display_name) == resource
    assert variable_names([resource]) == [variable]
    assert variable.isidentifier()


def test_duplicates_are_numbered_by_identifier() -> None:
    """Duplicates get numbers in the order of their identifiers, whatever order the server lists them in."""
    duplicates = [{"display_name": "A", "identifier": f"A:{n}"} for n in (3, 1, 2)]
    names = [(name, answer["identifier"]) for name, answer in resource_names(duplicates)]
    assert names == [("a", "A:1"), ("a-2", "A:2"), ("a-3", "A:3")]
    assert names == [(name, a["identifier"]) for name, a in resource_names(reversed(duplicates))]


@given(st.lists(TEXT, max_size=6))
def test_names_are_never_given_twice(display_names: list[str]) -> None:
    """No two connectors of a program have the same resource name or variable."""
    answers = [{"display_name": name, "identifier": f"X:{i}"} for i, name in enumerate(display_names)]
    resources = [resource for resource, _ in resource_names(answers)]
    variables = variable_names(resources)
    assert len(set(resources)) == len(set(variables)) == len(answers)
    assert all(variable.isidentifier() for variable in variables)


# --- Extending a module --------------------------------------------------------------------------------------


A = ("a", {"display_name": "A", "proxy_url": "https://a", "proxy_enabled": True, "auth_patterns": []})
DECLARED = 'a = scalekit.Connector("a", display_name="A", proxy_url="https://a", auth_patterns=[])\n'


def test_a_new_module_begins_with_a_header() -> None:
    """A new module has a docstring and the imports that it needs."""
    assert module_source("", [A]) == f"{HEADER}\n\nimport pulumi_scalekit as scalekit\n\n{DECLARED}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import pulumi_scalekit as scalekit\n\nx = 1\n", "import pulumi_scalekit as scalekit\n\nx = 1\n"),
        ("import os\n\nx = 1\n", "import os\nimport pulumi_scalekit as scalekit\n\nx = 1\n"),
        ('"""Mine."""\nx = 1\n', '"""Mine."""\n\nimport pulumi_scalekit as scalekit\n\nx = 1\n'),
        (
            "#!/usr/bin/env python\nx = 1",
            "#!/usr/bin/env python\n\nimport pulumi_scalekit as scalekit\n\nx = 1\n",
        ),
        (
            "from __future__ import annotations\n@f\ndef g(): pass\n",
            "from __future__ import annotations\nimport pulumi_scalekit as scalekit\n\n@f\ndef g(): pass\n",
        ),
        ("x = 1\nimport os\n", "import pulumi_scalekit as scalekit\n\nx = 1\nimport os\n"),
    ],
)
def test_a_module_is_extended(before: str, after: str) -> None:
    """What is there stays; imports go to those at the top, where they are missing, and declarations to the end."""
    assert module_source(before, [A]) == f"{after}\n{DECLARED}"


@pytest.mark.parametrize("source", ["import scalekit\n", "from a import scalekit\n", "scalekit = 1\n"])
def test_a_module_that_means_something_else_is_refused(source: str) -> None:
    """Declarations are not added where `scalekit` is not this package, such as the official SDK."""
    with pytest.raises(ValueError, match="calls something else 'scalekit'"):
        module_source(source, [A])


@pytest.mark.parametrize("before", ["", "import pulumi\nimport pulumi_scalekit as scalekit\n"])
def test_connectors_do_not_hide_the_imports(before: str) -> None:
    """Connectors named like the packages leave the names of these alone."""
    named = [(name, {**A[1], "display_name": name}) for name in ("pulumi", "scalekit")]
    source = module_source(before, named, protect=True)
    assert [n.targets[0].id for n in ast.parse(source).body if isinstance(n, ast.Assign)] == [
        "pulumi_2",
        "scalekit_2",
    ]


def test_the_variables_of_a_module() -> None:
    """Every name that a module binds at its top level is taken."""
    source = "import a.b, c as d\nfrom e import f\nx, (y, *z) = g()\ndef h(): i = 1\nclass J: pass\nfor k in []: pass"
    assert variables_in(source) >= {"a", "d", "f", "x", "y", "z", "h", "J", "k"}
    assert "i" not in variables_in(source)
