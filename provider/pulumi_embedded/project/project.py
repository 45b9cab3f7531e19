"""The project file, `Pulumi.yaml`, and where Pulumi keeps its own files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi_embedded.errors import ConfigurationError, Unsupported

from .yaml_files import load_yaml

_NAME = re.compile(r"(?!\.\.?\Z)[A-Za-z0-9_.-]{1,100}\Z")


def check_name(kind: str, name: str) -> str:
    """Return the name if a stack or a project can have it: it is a part of the paths of their files.

    Raises:
        ConfigurationError: it cannot.
    """
    if not _NAME.match(name):
        raise ConfigurationError(
            f"a {kind} name may only contain alphanumeric, hyphens, underscores, or periods, "
            f"be at most 100 characters long, and be more than `.` or `..`: {name!r}"
        )
    return name


def pulumi_home() -> Path:
    """Return the folder of Pulumi's own files."""
    return Path(os.environ.get("PULUMI_HOME") or home() / ".pulumi")


def home() -> Path:
    """Return the user's home folder.

    Raises:
        ConfigurationError: there is none, as in a container whose user has no entry in the password file.
    """
    try:
        return Path.home()
    except RuntimeError:
        raise ConfigurationError(
            "there is no home folder: set HOME, or PULUMI_HOME and PULUMI_BACKEND_URL"
        ) from None


@dataclass(frozen=True)
class Project:
    """A project: its file, and what the file says."""

    path: Path
    document: dict[str, Any]

    @classmethod
    def find(cls, start: Path) -> Project:
        """Find the project file in a folder or the nearest one above it.

        Raises:
            ConfigurationError: there is none, or it is not that of a Python project.
            Unsupported: the project uses something that this engine does not have.
        """
        for folder in [start, *start.parents]:
            for name in ("Pulumi.yaml", "Pulumi.yml"):
                if (folder / name).is_file():
                    project = cls(folder / name, load_yaml(folder / name))
                    project._validate()
                    return project
            if (folder / "Pulumi.json").is_file():
                raise Unsupported(f"a project file in JSON ({folder / 'Pulumi.json'})")
        raise ConfigurationError(
            "no Pulumi.yaml project file found (searching upwards from "
            f"{start}). If you have not created a project yet, use `pulumi new` to do so"
        )

    def _validate(self) -> None:
        if not isinstance(self.document.get("name"), str):
            raise ConfigurationError(f"{self.path}: project is missing a 'name' attribute")
        check_name("project", self.name)
        if not self.document.get("runtime"):
            raise ConfigurationError(f"{self.path}: project is missing a 'runtime' attribute")
        if self.runtime != "python":
            raise Unsupported(f"the runtime {self.runtime!r}")
        if isinstance(self.document["runtime"], dict) and not isinstance(
            self.document["runtime"].get("options") or {}, dict
        ):
            raise ConfigurationError(f"{self.path}: the 'options' of the runtime are not an object")
        options = self.runtime_options
        if options.get("typechecker") not in (None, "none"):
            raise Unsupported("the runtime option `typechecker`")
        for key in ("plugins", "packages", "requiredPulumiVersion"):
            if self.document.get(key):
                raise Unsupported(f"`{key}` in {self.path.name}")

    @property
    def name(self) -> str:
        """The project's name."""
        return str(self.document["name"])

    @property
    def root(self) -> Path:
        """The folder of the project file."""
        return self.path.parent

    @property
    def runtime(self) -> str:
        """The language of the program."""
        runtime = self.document["runtime"]
        return str(runtime.get("name") if isinstance(runtime, dict) else runtime)

    @property
    def runtime_options(self) -> dict[str, Any]:
        """The options of the language runtime, such as `virtualenv`."""
        runtime = self.document["runtime"]
        return dict(runtime.get("options") or {}) if isinstance(runtime, dict) else {}

    @property
    def program(self) -> tuple[Path, str]:
        """The folder in which the program runs, and what is run there: `.` or a file's name.

        Raises:
            ConfigurationError: `main` names nothing, or something outside the project.
        """
        main = self.root / str(self.document.get("main") or ".")
        if not main.exists():
            raise ConfigurationError(f"project 'main' could not be read: {main} does not exist")
        if not main.resolve().is_relative_to(self.root.resolve()):
            raise ConfigurationError("project 'main' must be a subfolder")
        if main.is_dir():
            return Path(os.path.normpath(main)), "."
        return Path(os.path.normpath(main.parent)), main.name

    @property
    def backend_url(self) -> str | None:
        """The backend that the project asks for."""
        backend = self.document.get("backend")
        return backend.get("url") if isinstance(backend, dict) else None

    @property
    def always_refreshes(self) -> bool:
        """Whether updates, previews and destructions begin with a refresh unless told otherwise."""
        options = self.document.get("options")
        return isinstance(options, dict) and options.get("refresh") == "always"

    def config_file(self, stack: str) -> Path:
        """Return the path of a stack's configuration."""
        folder = self.document.get("stackConfigDir")
        if folder is None and isinstance(self.document.get("config"), str):
            folder = self.document["config"]
        return self.root / str(folder or ".") / f"Pulumi.{stack}{self.path.suffix}"

    def qualified_key(self, key: str) -> str:
        """Complete a configuration key with the project's name.

        Raises:
            ConfigurationError: the key has more than one colon.
        """
        parts = key.split(":")
        if len(parts) == 3 and parts[1] == "config":
            return f"{parts[0]}:{parts[2]}"
        if len(parts) > 2 or not all(parts):
            raise ConfigurationError(
                f"invalid configuration key: could not parse {key} as a configuration key"
            )
        return key if len(parts) == 2 else f"{self.name}:{key}"

    def config_schema(self) -> dict[str, dict[str, Any]]:
        """Return what the project file says about configuration, by key as it stands there.

        Raises:
            ConfigurationError: it contradicts itself.
        """
        schema = self.document.get("config")
        if not isinstance(schema, dict):
            return {}
        found = {
            str(key): entry if isinstance(entry, dict) else {"default": entry}
            for key, entry in sorted(schema.items())
        }
        for key, entry in found.items():
            if entry.get("default") is not None and entry.get("value") is not None:
                raise ConfigurationError(
                    f"project config '{key}' cannot have both a 'default' and 'value' attribute"
                )
        return found
