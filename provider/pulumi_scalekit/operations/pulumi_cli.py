"""The Pulumi engine as a command: `pulumi`, or `pulumi-embedded` where the CLI is not installed.

Both take the same commands, read the same project files and keep the same state, so what is written here holds
for either.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pulumi_scalekit.errors import EngineError, did_you_mean

ENGINE_VARIABLE: Final = "PULUMI_SCALEKIT_ENGINE"
"""Names the engine's command, where it is not to be looked for."""
_PROJECT_FILES: Final = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


def find_engine(environ: Mapping[str, str] | None = None) -> str:
    """The command of the engine to use.

    Raises:
        EngineError: There is no engine.
    """
    env = os.environ if environ is None else environ
    if chosen := env.get(ENGINE_VARIABLE):
        found = shutil.which(chosen, path=env.get("PATH"))
        if found is None:
            raise EngineError(f"{ENGINE_VARIABLE} names {chosen!r}, which is not a command here")
        return found
    beside = str(Path(sys.executable).parent)
    path = env.get("PATH", os.defpath)
    found = shutil.which("pulumi", path=path) or shutil.which(
        "pulumi-embedded", path=f"{path}{os.pathsep}{beside}"
    )
    if found is None:
        raise EngineError(
            "Pulumi is not installed: see https://www.pulumi.com/docs/install/, or install "
            "pulumi-scalekit[embedded] to do without"
        )
    return found


def find_project(start: Path) -> Path | None:
    """The directory of the Pulumi project that a directory belongs to: its own, or one above."""
    start = start.resolve()
    for directory in (start, *start.parents):
        if any((directory / name).is_file() for name in _PROJECT_FILES):
            return directory
    return None


@dataclass(frozen=True)
class ConfigValue:
    """A value of a stack's configuration. Objects are their JSON text, as the engine hands them to providers."""

    value: str = field(repr=False)
    secret: bool


class Project:
    """A Pulumi project, seen through the engine."""

    def __init__(self, directory: Path, engine: str | None = None) -> None:
        self.directory = directory
        self._engine = engine

    @classmethod
    def at(cls, start: Path) -> Project:
        """The project that a directory belongs to.

        Raises:
            EngineError: It belongs to none.
        """
        if (directory := find_project(start)) is None:
            raise EngineError(f"There is no Pulumi project in {start.resolve()} or above it")
        return cls(directory)

    @cached_property
    def engine(self) -> str:
        """The engine's command."""
        return self._engine or find_engine()

    @property
    def engine_name(self) -> str:
        """The engine's name, as a user types it."""
        return Path(self.engine).name

    def command(self, *arguments: str) -> str:
        """An engine command as a user types it in the current directory, such as `pulumi up --stack dev`."""
        is_here = find_project(Path()) == self.directory.resolve()
        return shlex.join(
            [self.engine_name, *arguments, *([] if is_here else ["--cwd", str(self.directory)])]
        )

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run an engine command in the project, without questions, and return its standard output.

        Raises:
            EngineError: It failed; the message has what it said.
        """
        command = [self.engine, "--non-interactive", *arguments]
        environ = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "NO_COLOR": "1"}
        done = subprocess.run(  # noqa: S603 - the engine, with arguments as a list
            command,
            cwd=self.directory,
            env=environ,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            said = " ".join((done.stderr.strip() or done.stdout.strip()).split())[-2000:]
            if "no stack named" in said and "--stack" in arguments:
                stack = arguments[arguments.index("--stack") + 1]
                advice = did_you_mean(
                    stack, self.stacks, f"`{self.command('stack', 'ls')}` lists those that exist"
                )
                raise EngineError(f"There is no stack {stack!r} of the project in {self.directory}. {advice}")
            shown = [argument for argument in arguments if argument != "--show-secrets"]
            raise EngineError(
                f"`{shlex.join([self.engine_name, *shown])}` failed in {self.directory}: "
                f"{said.removeprefix('error: ') or f'exit code {done.returncode}'}"
            )
        return done.stdout

    @cached_property
    def stacks(self) -> tuple[str, ...]:
        """The project's stacks, by name."""
        listed = self._json("stack", "ls", "--json")
        return tuple(str(stack["name"]) for stack in listed)

    @property
    def config_files(self) -> dict[str, Path]:
        """The stacks' configuration files by the stacks' names, in their order; the engine is not asked.

        Raises:
            EngineError: The project file, which says where they are, cannot be read.
        """
        place = self.content.get("stackConfigDir") or self.content.get("config")
        folder = self.directory / place if isinstance(place, str) else self.directory
        files = folder.glob(f"Pulumi.*{self.file.suffix}")
        return {file.stem.partition(".")[2]: file for file in sorted(files) if file.stem != "Pulumi"}

    def has_stack(self, name: str) -> bool:
        """Whether the project has a stack of that name."""
        return name in self.stacks or name in {stack.rpartition("/")[2] for stack in self.stacks}

    @property
    def file(self) -> Path:
        """The project file."""
        return next(f for name in _PROJECT_FILES if (f := self.directory / name).is_file())

    @cached_property
    def content(self) -> dict[str, Any]:
        """The project file's content.

        Raises:
            EngineError: It cannot be read.
        """
        import yaml

        from pulumi_scalekit.yaml_reader import read_yaml

        file = self.file
        try:
            content = read_yaml(file.read_text(encoding="utf-8"))  # as Pulumi reads it: by YAML 1.2
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise EngineError(f"{file} cannot be read: {error}") from None
        if not isinstance(content, dict):
            raise EngineError(f"{file} is not a project file")
        return content

    @property
    def name(self) -> str:
        """The project's name.

        Raises:
            EngineError: The project file has none.
        """
        name = self.content.get("name")
        if not isinstance(name, str) or not name:
            raise EngineError(f"{self.file} has no project name")
        return name

    def require_python(self, instead: str) -> None:
        """Refuse a program in another language.

        Args:
            instead: What works for such a program, for the message.

        Raises:
            EngineError: It is in another one.
        """
        runtime = self.content.get("runtime")
        language = runtime.get("name") if isinstance(runtime, dict) else runtime
        if language != "python":
            raise EngineError(f"{self.file} is not a Python program (runtime: {language}): {instead}")

    @property
    def program(self) -> Path:
        """What the engine runs: the folder or the file that `main` names, else the project's folder."""
        main = self.content.get("main")
        return self.directory / main if isinstance(main, str) else self.directory

    @property
    def runs_a_file(self) -> bool:
        """Whether `main` names a file. Such a program cannot import what is beside it.

        Python adds a folder that it runs to the import path, but Pulumi runs a file from within its own process.
        """
        return self.program.is_file() or (self.program.suffix == ".py" and not self.program.is_dir())

    @property
    def entry(self) -> Path:
        """The file that runs first, whether it exists or not."""
        return self.program if self.runs_a_file else self.program / "__main__.py"

    @property
    def folder(self) -> Path:
        """The folder that the program runs in."""
        return self.entry.parent

    @property
    def python(self) -> Path:
        """The interpreter that runs the program: that of `runtime.options.virtualenv`, else this one."""
        runtime = self.content.get("runtime")
        options = runtime.get("options") if isinstance(runtime, dict) else None
        folder = options.get("virtualenv") if isinstance(options, dict) else None
        own = self.directory / folder / "bin" / "python" if isinstance(folder, str) else None
        return own if own and own.exists() else Path(sys.executable)

    def config(self, stack: str, *, decrypted: bool = True) -> dict[str, ConfigValue]:
        """A stack's configuration by full key.

        Args:
            stack: The stack.
            decrypted: Whether the secrets are wanted; else they are empty.

        Raises:
            EngineError: There is no such stack, or it cannot be decrypted.
        """
        listed = self._json("config", "--json", *(["--show-secrets"] if decrypted else []), "--stack", stack)
        return {
            key: ConfigValue(str(entry.get("value", "")), entry.get("secret") is True)
            for key, entry in listed.items()
        }

    def deployment(self, stack: str) -> dict[str, Any]:
        """A stack's state as `stack export` gives it, with its secrets encrypted.

        Raises:
            EngineError: There is no such stack, or it cannot be read.
        """
        exported = self._json("stack", "export", "--stack", stack)
        if not isinstance(exported, dict):
            raise EngineError(f"`{self.engine_name} stack export` returned something that is not a state")
        return exported

    def replace_deployment(self, stack: str, deployment: Mapping[str, Any]) -> None:
        """Put a whole state in a stack's place, as `stack import` does; plain-text secrets get encrypted.

        It goes through a pipe, so that no secret is ever on the disk in plain text.

        Raises:
            EngineError: The engine refuses it.
        """
        self.run("stack", "import", "--stack", stack, stdin=json.dumps(deployment))

    def _json(self, *arguments: str) -> Any:
        output = self.run(*arguments)
        try:
            return json.loads(output)
        except ValueError:
            command = " ".join(arguments[:2])
            raise EngineError(
                f"`{self.engine_name} {command}` returned something that is not valid JSON"
            ) from None
