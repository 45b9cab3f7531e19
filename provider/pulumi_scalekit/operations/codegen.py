"""Definitions as Python source: typed patterns, as a person would write them, and stable from run to run.

What a definition says by default is not spelled out. Keys that this package does not know go into `extra`; what
no typed class can hold is written as a plain `dict`, which a `Connector` takes just as well. So the declared
definition always has the same normal form as the one that it was made from.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pulumi_scalekit.auth import AUTH_CLASSES, Auth, Definition
from pulumi_scalekit.definition.connection import SECRET_VARIABLE
from pulumi_scalekit.definition.keys import MAX_EXACT
from pulumi_scalekit.definition.normalize import normalize_live
from pulumi_scalekit.payload import Payload, Property, properties_of, what_is_wrong

from .naming import variable_names

if TYPE_CHECKING:
    from .connections import ConnectionEntry

WIDTH: Final = 88
"""The longest line that is written where there is a choice: the usual formatters' default."""
INDENT: Final = "    "
MODULE: Final = "scalekit"
"""What the package is called in generated source."""
IMPORT: Final = f"import pulumi_scalekit as {MODULE}"
HEADER: Final = '"""Scalekit custom connectors, written by pulumi-scalekit."""'
"""The first line of a file that is begun, to be added to."""
EXPORTED: Final = '"""Scalekit custom connectors, exported by pulumi-scalekit."""'
"""The first line of an export: what tells it from a file that something else has begun, or a person."""

_AUTH: Final[Mapping[str, type[Auth]]] = {kind.TYPE: kind for kind in AUTH_CLASSES}


# --- Source trees -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A call, with at most one positional argument."""

    name: str
    positional: Expression | None = None
    keywords: dict[str, Expression] = field(default_factory=dict)


@dataclass(frozen=True)
class Variable:
    """A variable of the module."""

    name: str


Expression: TypeAlias = Any
"""A `Call`, a `Variable`, a `dict` or `list` of expressions, or a plain JSON value."""


def render(value: Expression, indent: str = "", before: int = 0, after: int = 0) -> str:
    """Source text of an expression: on one line where that fits, else an item a line, as formatters do.

    Args:
        value: The expression.
        indent: The indentation of the line that the expression starts on.
        before: How many characters precede the expression on that line, indentation left out.
        after: How many characters follow its end.
    """
    line = _one_line(value)
    if len(indent) + before + len(line) + after <= WIDTH:
        return line
    inner = indent + INDENT
    if isinstance(value, Call):
        items = [] if value.positional is None else [render(value.positional, inner, 0, 1)]
        items += [f"{k}={render(v, inner, len(k) + 1, 1)}" for k, v in value.keywords.items()]
        return _block(f"{value.name}(", items, ")", indent) if items else line
    if isinstance(value, Mapping):
        keys = {_one_line(key): item for key, item in value.items()}
        items = [f"{k}: {render(v, inner, len(k) + 2, 1)}" for k, v in keys.items()]
        return _block("{", items, "}", indent) if items else line
    if isinstance(value, (list, tuple)):
        return _block("[", [render(item, inner, 0, 1) for item in value], "]", indent) if value else line
    if isinstance(value, str):
        return _split_string(value, line, indent)
    return line


def _block(start: str, items: Sequence[str], end: str, indent: str) -> str:
    body = "".join(f"{indent}{INDENT}{item},\n" for item in items)
    return f"{start}\n{body}{indent}{end}"


def _one_line(value: Expression) -> str:
    if isinstance(value, Variable):
        return value.name
    if isinstance(value, Call):
        parts = [] if value.positional is None else [_one_line(value.positional)]
        parts += [f"{key}={_one_line(item)}" for key, item in value.keywords.items()]
        return f"{value.name}({', '.join(parts)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_one_line(k)}: {_one_line(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_one_line(item) for item in value) + "]"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int) and abs(value) > MAX_EXACT:
        # Such a number came from a double: as an integer it would claim digits that were never there.
        value = float(value)
    return repr(value).replace("e+", "e") if isinstance(value, float) else repr(value)


def quoted(text: str) -> str:
    """A string literal, in double quotes unless that takes more escapes."""
    body = "".join(char if char in "'\"" else repr(char)[1:-1] for char in text)
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + body.replace(quote, f"\\{quote}") + quote


def _split_string(text: str, line: str, indent: str) -> str:
    """A long string as adjacent literals in parentheses, broken after spaces."""
    inner = indent + INDENT
    room = WIDTH - len(inner)
    pieces: list[str] = []
    current = ""
    words = text.split(" ")
    for word in [*(f"{word} " for word in words[:-1]), words[-1]]:
        if current and len(quoted(current + word)) > room:
            pieces.append(current)
            current = ""
        current += word
    pieces.append(current)
    if len(pieces) == 1 and len(line) > room:
        return line  # one long word: nothing can be done
    return "(\n" + "".join(f"{inner}{quoted(piece)}\n" for piece in pieces) + f"{indent})"


# --- Definitions --------------------------------------------------------------------------------------------


def definition_source(
    variable: str, resource: str, attributes: Mapping[str, Any], *, protect: bool = False
) -> str:
    """The statement that declares a live connector.

    Args:
        variable: The variable that it is assigned to.
        resource: Its resource name.
        attributes: The connector's attributes, as the server returns them.
        protect: Whether Pulumi refuses to delete it.
    """
    return _assignment(variable, connector_call(resource, attributes), protect=protect)


def _assignment(variable: str, call: Call, *, protect: bool) -> str:
    if protect:
        call.keywords["opts"] = Call("pulumi.ResourceOptions", None, {"protect": True})
    start = f"{variable} = "
    return start + render(call, "", len(start))


def connector_call(resource: str, attributes: Mapping[str, Any]) -> Call:
    """The `Connector(...)` expression for a live connector."""
    normal = normalize_live(attributes)
    keywords = {
        declared.attribute: _member(declared, normal[declared.key])
        for declared in properties_of(Definition)
        if declared.is_required or normal[declared.key] != declared.empty
    }
    # The patterns are long: they come last, so that the rest can be read at a glance.
    keywords["auth_patterns"] = keywords.pop("auth_patterns")
    return Call(f"{MODULE}.Connector", resource, keywords)


def _typed(of: type[Payload], value: Any) -> Expression:
    """A typed object; or the plain value, where the class cannot stand for it."""
    if of is Auth:
        name = value.get("type") if isinstance(value, Mapping) else None
        if not isinstance(name, str) or name not in _AUTH:
            return _sorted(value)
        typed = _typed(_AUTH[name], {key: item for key, item in value.items() if key != "type"})
        return typed if isinstance(typed, Call) else _sorted(value)
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        return _sorted(value)
    rest = dict(value)
    positional: Expression | None = None
    keywords: dict[str, Expression] = {}
    for declared in properties_of(of):
        if declared.is_constant:
            continue
        if declared.key not in rest:
            if declared.is_required:
                return _sorted(value)
            continue
        if what_is_wrong(declared, rest[declared.key]):
            return _sorted(value)
        expression = _member(declared, rest.pop(declared.key))
        if declared.key == of.IDENTITY:
            positional = expression
        else:
            keywords[declared.attribute] = expression
    if rest:
        keywords["extra"] = _sorted(rest)
    return Call(f"{MODULE}.{of.__name__}", positional, keywords)


def _member(declared: Property, value: Any) -> Expression:
    of = declared.of
    if of is None:
        return _sorted(value)
    if declared.kind == "list" and isinstance(value, list):
        return [_typed(of, item) for item in value]
    if declared.kind == "map" and isinstance(value, Mapping):
        return {key: _typed(of, value[key]) for key in sorted(value)}
    return _typed(of, value) if declared.kind == "object" else _sorted(value)


def _sorted(value: Any) -> Any:
    """A plain value with the keys of mappings in order: the server keeps none."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


# --- Connections --------------------------------------------------------------------------------------------


SECRET_COMMENT: Final = (
    "# Scalekit does not show client secrets. The one that is stored stays until client_secret_version is given,\n"
    "# or increased: then the environment variable has to have the secret. Another environment has another client_id."
)


def connection_source(
    variable: str, entry: ConnectionEntry, connector: str | None, *, protect: bool = False
) -> str:
    """The statement that declares a live connection; its client secret stays out of it.

    Args:
        variable: The variable that it is assigned to.
        entry: The connection.
        connector: The variable of its connector; `None` for its identifier.
        protect: Whether Pulumi refuses to delete it.
    """
    keywords: dict[str, Expression] = dict(entry.connection.declaration)
    if connector is not None:
        keywords["connector"] = Variable(connector)
        keywords.pop("auth_type", None)  # the connector's own
    comment = ""
    if app := keywords.pop("oauth_app", None):
        first = {key: app[key] for key in ("client_id", SECRET_VARIABLE) if key in app}
        keywords["oauth_app"] = Call(f"{MODULE}.OAuthApp", None, {**first, **app})
        comment = f"{SECRET_COMMENT}\n" if SECRET_VARIABLE in app else ""
    call = Call(f"{MODULE}.Connection", entry.resource, keywords)
    return comment + _assignment(variable, call, protect=protect)


# --- Modules ------------------------------------------------------------------------------------------------


def module_source(
    source: str,
    connectors: Sequence[tuple[str, Mapping[str, Any]]],
    connections: Sequence[ConnectionEntry] = (),
    *,
    protect: bool = False,
) -> str:
    """A module that declares further connectors and connections at its end, with the imports that they need.

    A connection follows its connector.

    Args:
        source: The module so far; "" begins a new one.
        connectors: The resource name of each, and the connector's attributes.
        connections: The connections.
        protect: Whether Pulumi refuses to delete them.

    Raises:
        SyntaxError: The source is not valid Python.
        ValueError: It calls something else by a name that the declarations need.
    """
    source = source.rstrip() or HEADER
    tree = ast.parse(source)
    needed = {"pulumi": ("pulumi", "import pulumi")} if protect else {}
    needed[MODULE] = ("pulumi_scalekit", IMPORT)
    bound = _imported(tree)
    names = variables_in(source)
    missing = []
    for name, (module, statement) in needed.items():
        if name not in names:
            missing.append(statement)
        elif bound.get(name) != module or _assigns(tree, name):
            raise ValueError(f"it calls something else {name!r} than {module}")
    resources = [resource for resource, _ in connectors]
    wanted = [*resources, *(f"{entry.resource}-connection" for entry in connections)]
    variables = variable_names(wanted, {*names, *needed, "pulumi"})
    of_connectors = _connector_variables(tree) | dict(zip(resources, variables, strict=False))
    statements = {
        resource: [definition_source(of_connectors[resource], resource, attributes, protect=protect)]
        for resource, attributes in connectors
    }
    for variable, entry in zip(variables[len(resources) :], connections, strict=True):
        text = connection_source(variable, entry, of_connectors.get(entry.connector), protect=protect)
        statements.setdefault(entry.connector, []).append(text)
    below = [text for group in statements.values() for text in group]
    return "\n\n".join([_with_imports(source, tree, missing), *below]) + "\n"


def _connector_variables(tree: ast.Module) -> dict[str, str]:
    """The variables of a module's connectors, by their resource names."""
    found: dict[str, str] = {}
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, ast.Call)):
            continue
        target, call = node.targets[0], node.value
        name = call.args[0] if call.args else None
        if (
            isinstance(target, ast.Name)
            and ast.unparse(call.func) in (f"{MODULE}.Connector", f"{MODULE}.Connector.from_json")
            and isinstance(name, ast.Constant)
            and isinstance(name.value, str)
        ):
            found[name.value] = target.id
    return found


def _with_imports(source: str, tree: ast.Module, statements: Sequence[str]) -> str:
    """A module with further imports, below those at its top."""
    if not statements:
        return source
    lines = source.split("\n")
    at = 0
    while at < len(lines) and lines[at].startswith("#"):
        at += 1
    gap = [""] if at else []
    for index, node in enumerate(tree.body):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            at, gap = node.end_lineno or at, []
        elif index == 0 and ast.get_docstring(tree, clean=False) is not None:
            at, gap = node.end_lineno or at, [""]
        else:
            break
    below = [""] if at < len(lines) and lines[at].strip() else []
    return "\n".join([*lines[:at], *gap, *statements, *below, *lines[at:]])


def _imported(tree: ast.Module) -> dict[str, str]:
    """The names that a module's `import` statements bind, and what they stand for."""
    aliases = [alias for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    return {
        alias.asname or alias.name.partition(".")[0]: alias.name
        if alias.asname
        else alias.name.partition(".")[0]
        for alias in aliases
    }


def _assigns(tree: ast.Module, name: str) -> bool:
    """Whether a module gives a name another value, anywhere."""
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in ast.walk(tree)
    )


def variables_in(source: str) -> set[str]:
    """The names that a module binds at its top level.

    Raises:
        SyntaxError: The source is not valid Python.
    """
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        else:
            names.update(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    return names
