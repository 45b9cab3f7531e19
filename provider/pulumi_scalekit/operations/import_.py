"""Live connectors and connections under Pulumi's management: the state of a stack, and the code that declares them.

`plan_import` reads, checks and computes everything; `apply_import` writes. So whatever is wrong is found before
anything is written.
"""

from __future__ import annotations

import ast
import keyword
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pulumi_scalekit.api.responses import Attributes
from pulumi_scalekit.errors import EngineError, ScalekitError

from .broken import connection_errors, connector_errors
from .codegen import module_source
from .connections import ConnectionEntry, LiveConnection, connection_resources
from .files import write_new, write_text
from .naming import resource_names
from .ownership import Ownership, read_ownership
from .pulumi_cli import Project
from .selection import identifier_of, name_of, refuse_duplicates, select
from .state import (
    CONNECTION_TYPE,
    Deployment,
    Entry,
    add_connectors,
    managed_connections,
    managed_connectors,
    refuse_pending,
    resource_names_in,
)

MODULE: Final = "imported_connectors"
"""The module that gets the code, where the program has code of its own already."""
_RESERVED: Final = {*sys.stdlib_module_names, "pulumi", "pulumi_scalekit"}
"""The names that a program's own modules cannot have, or would take from others."""


@dataclass(frozen=True)
class ImportPlan:
    """What an import would write."""

    project: Project
    stack: str
    environment_url: str
    entries: tuple[Entry, ...]
    """The connectors to import."""
    already_managed: tuple[str, ...]
    """The identifiers of those asked for that the stack manages already."""
    connections: tuple[ConnectionEntry, ...]
    """The connections to import."""
    connections_managed: tuple[str, ...]
    """The ids of those that this stack or another one manages already."""
    before: Deployment
    """The stack's state as it is."""
    after: Deployment
    """The stack's state with what is imported."""
    target: Path | None
    """The file that gets the code, or `None` where no code is written."""
    source: str
    """The whole content of that file after the import."""
    import_statement: str
    """What the program has to be given so that it runs that file, or "" where it does already."""

    def errors(self, entry: Entry | ConnectionEntry) -> list[str]:
        """The rules that a live definition breaks: Pulumi refuses to preview it until its code is corrected."""
        if isinstance(entry, Entry):
            return connector_errors(entry.attributes)
        return connection_errors(entry.connection.declaration)


def plan_import(
    project: Project,
    stack: str,
    connectors: Sequence[Attributes],
    names: Sequence[str] = (),
    *,
    environment_url: str,
    resource: str | None = None,
    code: bool = True,
    out: Path | None = None,
    protect: bool = True,
    read_connections: Callable[[Sequence[Attributes]], Sequence[LiveConnection]] = lambda _: (),
) -> ImportPlan:
    """Plan an import. Nothing is written.

    Args:
        project: The Pulumi project.
        stack: The stack that is to manage the connectors.
        connectors: All connectors of the stack's environment.
        names: Display names or identifiers of those to import; all without any.
        environment_url: The stack's environment.
        resource: The resource's name in the program, where one connector is named.
        code: Whether code is written, besides the state.
        out: The file that gets the code; by default `default_target`.
        protect: Whether Pulumi refuses to delete what was imported.
        read_connections: Reads the connections of connectors that are to be imported, too.

    Raises:
        ConnectorNotFound: A name means no connector.
        AmbiguousConnector: A name means several, or two have the same display name.
        EngineError: The state cannot be read or extended, another stack manages a connector, or the program is not in
            Python.
        ScalekitError: The file that gets the code cannot be extended, or no program can import it.
    """
    project.require_python("there, `pulumi import` brings in what the native provider manages")
    chosen = select(connectors, names, environment_url)
    before = project.deployment(stack)
    refuse_pending(before, stack, project.command("refresh", "--stack", stack))
    others = read_ownership(project, without=[stack])
    managed = {m.identifier: m.resource for m in managed_connectors(before, stack)}
    fresh = [c for c in chosen if identifier_of(c) not in managed]
    _refuse_owned(fresh, others, environment_url)
    refuse_duplicates(fresh, (c for c in connectors if identifier_of(c) in managed))
    if resource is not None:
        entries = [Entry(resource, connector) for connector in fresh]
    else:
        entries = [Entry(name, c) for name, c in resource_names(fresh, resource_names_in(before))]
    resources = managed | {identifier_of(entry.attributes): entry.resource for entry in entries}
    live = read_connections(chosen)
    connections_managed = {m.identifier for m in managed_connections(before, stack)}
    connections_managed |= {id_ for url, id_ in others.connections if url == environment_url}
    connections = connection_resources(
        (c for c in live if c.id not in connections_managed),
        resources,
        resource_names_in(before, CONNECTION_TYPE),
    )
    after = add_connectors(
        before,
        entries,
        connections=connections,
        project=project.name,
        stack=stack,
        environment_url=environment_url,
        config=project.config(stack),
        protect=protect,
    )
    target = (out or default_target(project)) if code and (entries or connections) else None
    # Before all that follows, since it refuses a file that no program can import.
    import_statement = import_statement_of(project, target) if target else ""
    return ImportPlan(
        project=project,
        stack=stack,
        environment_url=environment_url,
        entries=tuple(entries),
        already_managed=tuple(identifier_of(c) for c in chosen if identifier_of(c) in managed),
        connections=tuple(connections),
        connections_managed=tuple(c.id for c in live if c.id in connections_managed),
        before=before,
        after=after,
        target=target,
        source=_source(target, entries, connections, protect=protect) if target else "",
        import_statement=import_statement,
    )


def apply_import(plan: ImportPlan) -> Path:
    """Write the code and the state, or neither; returns the file that keeps the state from before.

    Raises:
        EngineError: The state has changed since, or the engine refuses the new one. The code is as it was.
        ScalekitError: A file cannot be written.
    """
    target = plan.target
    stack = plan.stack.rpartition("/")[2]  # without its organization
    if _versions(plan.project.deployment(plan.stack)) != _versions(plan.before):
        raise EngineError(
            f"The state of {plan.stack} has changed since it was read. Nothing was written: run again"
        )
    backup = write_new(plan.project.directory, f"{stack}.before-import", ".json", plan.before)
    content = target.read_bytes() if target and target.exists() else None
    if target:
        write_text(target, plan.source)
    try:
        plan.project.replace_deployment(plan.stack, plan.after)
    except BaseException:
        if target and content is None:
            target.unlink(missing_ok=True)
        elif target and content is not None:
            target.write_bytes(content)
        raise
    return backup


def _versions(deployment: Mapping[str, Any]) -> list[tuple[object, ...]]:
    """What tells one state from a later one, whatever the engine writes anew at each export."""
    state = deployment.get("deployment") or {}
    keys = ("urn", "id", "modified", "delete", "protect")
    resources = [tuple(resource.get(key) for key in keys) for resource in state.get("resources") or []]
    return [*resources, (len(state.get("pending_operations") or []),)]


def default_target(project: Project) -> Path:
    """The file that gets the code.

    That is the one that Pulumi runs where it does not exist yet, or where it cannot import another beside it; else a
    module beside it.
    """
    is_whole = project.runs_a_file or not project.entry.exists()
    return project.entry if is_whole else project.folder / f"{MODULE}.py"


def import_statement_of(project: Project, target: Path) -> str:
    """The statement that lets a program run a file: "" where it is the file that Pulumi runs, or imported already.

    Raises:
        ScalekitError: No program can import a file of that name, or from that place.
    """
    if target.resolve() == project.entry.resolve():
        return ""
    name = _module_name(project.folder.resolve(), target.resolve())
    if name in _imported(project.entry):
        return ""
    # In a program that is a file, the import path lacks the folder that Pulumi runs it in.
    return f"import sys; sys.path.insert(0, '.'); import {name}" if project.runs_a_file else f"import {name}"


def _module_name(folder: Path, target: Path) -> str:
    refused = f"{target} cannot be imported by the program"
    if not target.is_relative_to(folder):
        raise ScalekitError(f"{refused}: it is not below {folder}. Choose another file with --out")
    parts = target.relative_to(folder).with_suffix("").parts
    if target.suffix != ".py":
        raise ScalekitError(f"{refused}: its name does not end in .py. Choose another file with --out")
    if wrong := [part for part in parts if not part.isidentifier() or keyword.iskeyword(part)]:
        raise ScalekitError(f"{refused}: {wrong[0]!r} is not a Python name. Choose another file with --out")
    if parts[0] in _RESERVED:
        raise ScalekitError(
            f"{refused}: {parts[0]!r} is the name of another module. Choose another file with --out"
        )
    return ".".join(parts)


def _imported(entry: Path) -> set[str]:
    """The modules that a file imports by their full names, as far as it can be read."""
    try:
        tree = ast.parse(entry.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return names


def _refuse_owned(connectors: Iterable[dict[str, Any]], others: Ownership, url: str) -> None:
    owned = [
        f"{name_of(c)!r} is managed by the stack {owner.stack} of this project, as {owner.resource!r}"
        for c in connectors
        if (owner := others.owner(url, identifier_of(c)))
    ]
    if owned:
        raise EngineError(
            f"{'; '.join(owned)}. Two stacks must not manage one connector: "
            "name the connectors to import, or remove it there first with the Pulumi CLI's `pulumi state delete`"
        )


def _source(
    target: Path, entries: Sequence[Entry], connections: Sequence[ConnectionEntry], *, protect: bool
) -> str:
    try:
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        named = [(entry.resource, entry.attributes) for entry in entries]
        return module_source(before, named, connections, protect=protect)
    except (OSError, ValueError, SyntaxError) as error:
        raise ScalekitError(f"{target} cannot be extended: {error}. Choose another file with --out") from None
