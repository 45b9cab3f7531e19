"""What a Pulumi program declares, without an engine, credentials or an environment.

The program runs under Pulumi's own mocks, in a process of its own (`run_with_mocks`). So this can be done where there
are no secrets, such as for a pull request from a fork.
"""

from __future__ import annotations

import ast
import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pulumi_scalekit.definition.keys import DEFINITION_KEYS, UNKNOWN
from pulumi_scalekit.definition.normalize import mapping
from pulumi_scalekit.definition.paths import format_path
from pulumi_scalekit.errors import EngineError
from pulumi_scalekit.provider.connection import DECLARED
from pulumi_scalekit.provider.keys import CONTEXT_KEY

from . import run_with_mocks
from .files import short_path
from .pulumi_cli import Project
from .review import Subject
from .sarif import join
from .state import CONNECTION_TYPES, CONNECTOR_TYPES, SECRET, SIGNATURE

TIMEOUT: Final = 120.0
"""Seconds that a program may take."""


def declared_subjects(
    project: Project, config_file: Path | None = None
) -> tuple[list[Subject], dict[str, int]]:
    """Run a program, and return its connectors and connections by file and line, to be reviewed.

    What is secret or not known before a deployment is `UNKNOWN`. With them comes the line of each property that a
    declaration spells out, as far as that is in the program's directory: by the subject's path and the property's own.

    Args:
        project: The program.
        config_file: The stack's configuration file that the program reads; by default the first `Pulumi.*.yaml`.
            Encrypted values in it are not decrypted: the program sees a text in their place.

    Raises:
        EngineError: The program is not in Python, fails, or does not end in time; the message says where.
    """
    project.require_python("use `pulumi-scalekit review --stack` for what its stack declares")
    stack, config, secrets = _configuration(project, config_file)
    request = {
        "program": str(project.program),
        "types": [*CONNECTOR_TYPES, *CONNECTION_TYPES],
        "project": project.name,
        "stack": stack,
        "config": config,
        "secrets": secrets,
    }
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder, "request.json"), Path(folder, "response.json")
        asked.write_text(json.dumps(request), encoding="utf-8")
        command = [str(project.python), run_with_mocks.__file__, str(asked), str(told)]
        try:
            done = subprocess.run(  # noqa: S603 - the program's own interpreter
                command,
                cwd=project.folder,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=TIMEOUT,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise EngineError(f"The program {project.entry} did not end within {TIMEOUT:g} s") from None
        except OSError as error:
            raise EngineError(f"{project.python} cannot be run: {error.strerror}") from None
        try:
            response = json.loads(told.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = " ".join(done.stderr.split())[-2000:] or f"exit code {done.returncode}"
            raise EngineError(f"The program {project.entry} failed: {said}") from None
    if response["error"]:
        raise EngineError(f"The program {project.entry} failed: {response['error']}")
    # Pulumi registers them in no certain order.
    resources = sorted(response["resources"], key=lambda r: (r["file"], r["line"], r["name"]))
    subjects: list[Subject] = []
    lines: dict[str, int] = {}
    for number, resource in enumerate(resources):
        file, place = Path(resource["file"] or project.entry), f"[{number}]"
        subjects.append(_subject(resource, short_path(file), place))
        if resource["file"]:
            lines |= {join(place, path): line for path, line in _property_lines(file, resource["line"])}
    return subjects, lines


def _configuration(project: Project, config_file: Path | None) -> tuple[str, dict[str, str], list[str]]:
    """The stack's name, its configuration and the keys of its secrets, out of the project's file and its own."""
    import yaml

    from pulumi_scalekit.yaml_reader import read_yaml

    stack, entries = "dev", _project_configuration(project)
    config_file = config_file or next(iter(project.config_files.values()), None)
    if config_file is not None:
        try:
            content = read_yaml(config_file.read_text(encoding="utf-8"))  # as Pulumi reads it: by YAML 1.2
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise EngineError(f"{config_file} cannot be read: {error}") from None
        stack = config_file.stem.partition(".")[2]
        entries |= {
            _full_key(project, key): value for key, value in mapping(mapping(content).get("config")).items()
        }
    values: dict[str, str] = {}
    secrets = []
    for key, value in entries.items():
        if isinstance(value, Mapping) and "secure" in value:
            values[key] = "encrypted"
            secrets.append(key)
        else:
            values[key] = value if isinstance(value, str) else json.dumps(value)
    return stack, values, secrets


def _project_configuration(project: Project) -> dict[str, Any]:
    """What the project's file configures for all stacks: values, or defaults of what a stack may set."""
    found = {}
    for key, declared in mapping(project.content.get("config")).items():
        entry = declared if isinstance(declared, Mapping) else {"default": declared}
        if (value := entry.get("value", entry.get("default"))) is not None:
            found[_full_key(project, key)] = value
    return found


def _full_key(project: Project, key: Any) -> str:
    return str(key) if ":" in str(key) else f"{project.name}:{key}"


def _subject(resource: Mapping[str, Any], source: str, path: str) -> Subject:
    inputs = _without_marks(resource["inputs"])
    context = inputs.get(CONTEXT_KEY, {})
    # What the program lists in `additional_secret_outputs`.
    inputs |= dict.fromkeys(inputs.keys() & set(context.get("secret") or ()), UNKNOWN)
    if resource["type"] in CONNECTION_TYPES:
        # What the mocks leave out is not known before a deployment: a program gives a connector in any case.
        known = {"connector": UNKNOWN, "auth_type": UNKNOWN, **inputs}
        connection = {key: known[key] for key in DECLARED if key in known}
        name = str(connection.get("connection_name") or resource["name"])
        is_mcp = mcp if isinstance(mcp := context.get("mcp"), bool) else None
        return Subject(name, connection, source=source, path=path, is_connection=True, is_mcp=is_mcp)
    definition = {key: inputs[key] for key in DEFINITION_KEYS if key in inputs}
    name = str(definition.get("display_name") or resource["name"])
    return Subject(name, definition, source=source, path=path, written=context.get("written") or {})


def _without_marks(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value == run_with_mocks.UNKNOWN or value.get(SIGNATURE) == SECRET:
            return UNKNOWN
        return {key: _without_marks(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_marks(item) for item in value]
    return value


def _property_lines(file: Path, line: int) -> Iterator[tuple[str, int]]:
    """The line of each property that the declaration at a line spells out."""
    yield "", line
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and n.lineno <= line <= (n.end_lineno or 0)]
    if calls:
        # The outermost call that begins there; around it there may be others, of a loop or a component.
        call = min(calls, key=lambda n: (line - n.lineno, -(n.end_lineno or 0)))
        yield from _lines_below(call, ())


def _lines_below(node: ast.expr, path: tuple[str | int, ...]) -> Iterator[tuple[str, int]]:
    members: list[tuple[str | int, ast.expr, int]] = []
    if isinstance(node, ast.Call):
        members = [(k.arg, k.value, k.lineno) for k in node.keywords if k.arg]
    elif isinstance(node, ast.Dict):
        members = [
            (key.value, value, key.lineno)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        ]
    elif isinstance(node, (ast.List, ast.Tuple)):
        members = [(index, item, item.lineno) for index, item in enumerate(node.elts)]
    for step, value, line in members:
        below = (*path, step)
        yield format_path(below), line
        yield from _lines_below(value, below)
