"""`import`: live connectors under Pulumi's management, code and state together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .console import Column, Screen
from .texts import help_text

if TYPE_CHECKING:
    from pulumi_scalekit.operations.pulumi_cli import Project
    from pulumi_scalekit.operations.state import Deployment, Entry

MODULE: Final = "imported_connectors"
"""The module that gets the code, where the program has code of its own already."""

HELP: Final = help_text("""
Bring live connectors under Pulumi's management: the state of a stack, and the code that declares them.

Scalekit is only read. The state goes through the engine's own stack export and stack import; a copy from
before is kept. Connectors that the stack manages already are left alone, so running it again is
harmless.

[bold]Examples[/bold]

  pulumi-scalekit import --stack dev
  pulumi-scalekit import "My Asana" SLACK:81734 --stack dev --out connectors.py
  pulumi-scalekit import "My Freshdesk" --stack dev --as freshdesk --no-code
""")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", help=HELP, rich_help_panel="Manage")(import_connectors)


def import_connectors(
    *,
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack that shall manage them.")],
    names: options.Names = None,
    program: options.Program = Path(),
    out: Annotated[
        Path | None,
        typer.Option(
            help=f"The Python file to add the code to; by default {MODULE}.py beside __main__.py, "
            "or __main__.py where there is none yet.",
            dir_okay=False,
        ),
    ] = None,
    code: Annotated[
        bool, typer.Option("--code/--no-code", help="Whether to write code, besides the state.")
    ] = True,
    resource: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="The resource's name in the program, for one connector."),
    ] = None,
    protect: Annotated[
        bool,
        typer.Option(
            "--protect/--no-protect",
            help="Whether Pulumi shall refuse to delete what was imported, as `pulumi import` has it.",
        ),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Import connectors."""
    from pulumi_scalekit.operations.environments import stack_profile
    from pulumi_scalekit.operations.naming import resource_names
    from pulumi_scalekit.operations.ownership import read_ownership
    from pulumi_scalekit.operations.pulumi_cli import Project
    from pulumi_scalekit.operations.selection import identifier_of, name_of, refuse_duplicates, select
    from pulumi_scalekit.operations.state import (
        Entry,
        add_connectors,
        managed_connectors,
        refuse_pending,
        resource_names_in,
    )

    screen = Screen()
    project = Project.at(program)
    profile = stack_profile(stack, project)
    everything = options.connectors_of(profile, screen)
    answers = select(everything, names or (), profile.url)
    with screen.working(f"Reading the state of {stack}"):
        deployment = project.deployment(stack)
        refuse_pending(deployment, stack)
        others = read_ownership(project, without=[stack])
    managed = {m.identifier: m for m in managed_connectors(deployment, stack)}
    fresh = [a for a in answers if identifier_of(a) not in managed]
    _refuse_owned(fresh, others, profile.url)
    refuse_duplicates(fresh, (a for a in everything if identifier_of(a) in managed))
    if resource is not None:
        if len(answers) != 1:
            raise typer.BadParameter("names the resource of one connector: give one NAME", param_hint="--as")
        entries = [Entry(resource, answer) for answer in fresh]
    else:
        named = resource_names(fresh, resource_names_in(deployment))
        entries = [Entry(name, answer) for name, answer in named]
    changed = add_connectors(
        deployment,
        entries,
        project=project.name,
        stack=stack,
        environment_url=profile.url,
        config=project.config(stack),
        protect=protect,
    )
    target = (out or _default_target(project)) if code and entries else None
    source = _source(target, entries, protect=protect) if target else ""
    backup: Path | None = None
    if entries and not dry_run:
        backup = _apply(project, stack, deployment, changed, target, source, screen)
    report: dict[str, Any] = {
        "stack": stack,
        "environment_url": profile.url,
        "dry_run": dry_run,
        "imported": [
            {
                "identifier": identifier_of(e.answer),
                "display_name": name_of(e.answer),
                "resource": e.resource,
                "errors": _errors(e.answer),
            }
            for e in entries
        ],
        "already_managed": [
            m.identifier for m in managed.values() if m.identifier in map(identifier_of, answers)
        ],
        "code": str(target) if target else None,
        "backup": str(backup) if backup else None,
    }
    if json:
        screen.json(report)
    else:
        _show(screen, report, project, target, source, dry_run=dry_run)
    if any(e["errors"] for e in report["imported"]):
        raise typer.Exit(3)


def _refuse_owned(answers: list[dict[str, Any]], others: Any, url: str) -> None:
    from pulumi_scalekit.errors import EngineError
    from pulumi_scalekit.operations.selection import identifier_of, name_of

    owned = [
        f"{name_of(a)!r} by {owner.stack} (as {owner.resource!r})"
        for a in answers
        if (owner := others.owner(url, identifier_of(a)))
    ]
    if owned:
        raise EngineError(
            f"Another stack of this project manages {', '.join(owned)}. Two stacks must not manage one connector: "
            "name the connectors to import, or remove it there first with `pulumi state delete`"
        )


def _errors(answer: dict[str, Any]) -> list[str]:
    """The rules that a live definition breaks: Pulumi refuses to preview it until it is corrected."""
    from pulumi_scalekit.definition.check import errors
    from pulumi_scalekit.definition.normalize import definition_of

    return [f"{finding.path} {finding}" for finding in errors(definition_of(answer))]


def _default_target(project: Project) -> Path:
    main = project.main / "__main__.py"
    return project.main / f"{MODULE}.py" if main.exists() else main


def _source(target: Path, entries: list[Entry], *, protect: bool) -> str:
    """The whole content of the file after the import."""
    from pulumi_scalekit.errors import ScalekitError
    from pulumi_scalekit.operations.codegen import module_source

    try:
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        return module_source(before, [(entry.resource, entry.answer) for entry in entries], protect=protect)
    except (OSError, ValueError, SyntaxError) as error:
        raise ScalekitError(f"{target} cannot be extended: {error}. Choose another file with --out") from None


def _apply(
    project: Project,
    stack: str,
    deployment: Deployment,
    changed: Deployment,
    target: Path | None,
    source: str,
    screen: Screen,
) -> Path:
    """Write the code and the state, or neither."""
    from pulumi_scalekit.operations import files

    with screen.working(f"Writing the state of {stack}"):
        backup = files.write_new(project.directory, f"{stack}.before-import", ".json", deployment)
        before = target.read_bytes() if target and target.exists() else None
        if target:
            files.write_text(target, source)
        try:
            project.replace_deployment(stack, changed)
        except BaseException:
            if target and before is None:
                target.unlink(missing_ok=True)
            elif target and before is not None:
                target.write_bytes(before)
            raise
    return backup


def _show(
    screen: Screen,
    report: dict[str, Any],
    project: Project,
    target: Path | None,
    source: str,
    *,
    dry_run: bool,
) -> None:
    rows = [[e["identifier"], e["display_name"], e["resource"]] for e in report["imported"]]
    stack, count = report["stack"], len(rows)
    if known := len(report["already_managed"]):
        screen.note(f"{known} managed by {stack} already.", style="dim")
    if not rows:
        screen.say(f"Nothing to import: {stack} manages every connector asked for.")
        return
    screen.table(
        [Column("IDENTIFIER", "cyan", keep=True), Column("NAME", wrap=True), Column("RESOURCE", fold=True)],
        rows,
    )
    connectors = f"{count} connector{'' if count == 1 else 's'}"
    if dry_run:
        screen.say(f"Would import {connectors} into {stack}.", style="yellow")
        if target:
            screen.say(f"Would write to {_short(target)}:\n")
            screen.raw(source)
        return
    screen.say(f"Imported {connectors} into {stack}.", style="green")
    screen.say(f"State before:  {_short(Path(report['backup']))}")
    steps = []
    if target:
        screen.say(f"Code:          {_short(target)}")
        if not _loaded(project, target):
            steps.append(f"add `import {target.stem}` to {_short(project.main / '__main__.py')}")
    else:
        steps.append("declare the connectors in the program, under the resource names above")
    steps.append(f"run `{project.engine_name} preview --stack {stack} --expect-no-changes`")
    for entry in report["imported"]:
        for error in entry["errors"]:
            screen.say(f"! {entry['display_name']}: {error}.", "bold yellow")
    if any(entry["errors"] for entry in report["imported"]):
        steps.insert(
            len(steps) - 1, "correct the declarations as said above, which Pulumi refuses as they are"
        )
    screen.say("Next: " + "; then ".join(steps) + ".")


def _loaded(project: Project, target: Path) -> bool:
    """Whether the program runs the file already."""
    import re

    main = project.main / "__main__.py"
    if target.resolve() == main.resolve():
        return True
    text = main.read_text(encoding="utf-8", errors="replace") if main.exists() else ""
    return re.search(rf"^\s*(import|from)\s+.*\b{re.escape(target.stem)}\b", text, re.MULTILINE) is not None


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
