"""The project file, the stack configuration files, and which stack is selected.

`Pulumi.<stack>.yaml` is edited in place: comments and the order of keys stay as they are.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pulumi_embedded.errors import ConfigurationError, EmbeddedError, Unsupported
from pulumi_embedded.values.go_json import dump_go_json

from .project import Project
from .yaml_files import load_yaml

_STACK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")


@dataclass
class StackConfig:
    """One stack's configuration file."""

    path: Path
    document: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> StackConfig:
        """Read the file; an absent one is empty.

        Raises:
            Unsupported: it names a secrets provider other than the passphrase, or an environment.
        """
        document = load_yaml(path)
        provider = document.get("secretsprovider")
        if provider not in (None, "", "default", "passphrase"):
            raise Unsupported(f"the secrets provider {str(provider).split('://')[0]!r}")
        if document.get("encryptedkey"):
            raise Unsupported("`encryptedkey` in the stack configuration (a cloud secrets provider)")
        if document.get("environment"):
            raise Unsupported("`environment` in the stack configuration (Pulumi ESC)")
        return cls(path, document)

    @property
    def salt(self) -> str | None:
        """The salt of the passphrase secrets provider."""
        return self.document.get("encryptionsalt")

    @property
    def values(self) -> dict[str, Any]:
        """The values by key, as they are in the file."""
        return {str(key): value for key, value in (self.document.get("config") or {}).items()}

    def set_salt(self, salt: str) -> None:
        """Record the salt, first in the file."""
        self._edit_top("encryptionsalt", salt)

    def set(self, key: str, value: Any) -> None:
        """Set one value, whole."""
        self._edit_value(key, value)

    def remove(self, key: str) -> bool:
        """Remove one value; False when there was none."""
        if key not in self.values:
            return False
        self._edit_value(key, _REMOVED)
        return True

    def _edit_top(self, key: str, value: str) -> None:
        lines = self._lines()
        line = f"{key}: {value}\n"
        node = _find(_compose("".join(lines)), key)
        if node is None:
            lines.insert(0, line)
        else:
            start, end = _span(node, lines)
            lines[start:end] = [line]
        self._write(lines)

    def _edit_value(self, key: str, value: Any) -> None:
        lines = self._lines()
        tree = _compose("".join(lines))
        section = _find(tree, "config")
        rendered = [] if value is _REMOVED else _render_entry(key, value)
        if section is None or not isinstance(section[1], yaml.MappingNode) or section[1].flow_style:
            merged = dict(self.values)
            if value is _REMOVED:
                merged.pop(key, None)
            else:
                merged[key] = value
            block = ["config:\n", *(line for k, v in merged.items() for line in _render_entry(k, v))]
            if not merged:
                block = []
            if section is None:
                if lines and not lines[-1].endswith("\n"):
                    lines[-1] += "\n"
                lines.extend(block)
            else:
                start, end = _span(section, lines)
                lines[start:end] = block
        else:
            entry = _find(section[1], key)
            if entry is not None:
                start, end = _span(entry, lines)
                lines[start:end] = rendered
                if value is _REMOVED and len(section[1].value) == 1:
                    top, _ = _span(section, lines)
                    del lines[top]
            else:
                _, end = _span(section, lines)
                if end and not lines[end - 1].endswith("\n"):
                    lines[end - 1] += "\n"
                lines[end:end] = rendered
        self._write(lines)

    def _lines(self) -> list[str]:
        try:
            return self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return []

    def _write(self, lines: list[str]) -> None:
        write_atomically(self.path, "".join(lines).encode())
        self.document = load_yaml(self.path)


_REMOVED = object()


def _compose(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _find(node: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    for name, value in node.value:
        if str(name.value) == key:
            return name, value
    return None


def _span(entry: tuple[yaml.Node, yaml.Node], lines: list[str]) -> tuple[int, int]:
    """Return the lines, from and up to, that an entry covers; blank and comment lines after it excluded."""
    start = entry[0].start_mark.line
    mark = entry[1].end_mark
    end = min(mark.line, len(lines))
    # The mark of a block is where the next thing begins, that of a plain value is behind its last character.
    if end < len(lines) and lines[end][: mark.column].strip():
        end += 1
    end = max(end, start + 1)
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return start, end


def _render_entry(key: str, value: Any) -> list[str]:
    text = yaml.safe_dump(
        {key: value}, default_flow_style=False, sort_keys=False, allow_unicode=True, width=1 << 20
    )
    return [f"  {line}" for line in text.splitlines(keepends=True)]


def write_atomically(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Replace a file at once: readers see the old content or the new one.

    With `durable`, the content and the name are on disk when this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # of no use to anybody, and the disk may be full
        raise
    if durable:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


# --- values --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ConfigValue:
    """One value as the program gets it: text (JSON for an object or a list), and whether it is secret."""

    text: str
    secret: bool
    structured: bool = False


def is_secure(value: Any) -> bool:
    """Whether a value in the file is an encrypted one."""
    return isinstance(value, dict) and set(value) == {"secure"} and isinstance(value["secure"], str)


def holds_secret(value: Any) -> bool:
    """Whether any part of a value in the file is encrypted."""
    if is_secure(value):
        return True
    if isinstance(value, dict):
        return any(holds_secret(item) for item in value.values())
    return isinstance(value, list) and any(holds_secret(item) for item in value)


def _opened(value: Any, decrypt: Callable[[str], str]) -> Any:
    if is_secure(value):
        return decrypt(value["secure"])
    if isinstance(value, dict):
        return {str(key): _opened(item, decrypt) for key, item in value.items()}
    if isinstance(value, list):
        return [_opened(item, decrypt) for item in value]
    return value


def text_of(value: Any) -> str:
    """Return the text that a plain value of the file has for the program."""
    if isinstance(value, (dict, list, bool, float)):
        return dump_go_json(value)
    return "" if value is None else str(value)


def resolve(
    project: Project, stack: StackConfig, decrypt: Callable[[str], str], *, validate: bool = True
) -> dict[str, ConfigValue]:
    """Return a stack's whole configuration in the clear, the project's own values and defaults included.

    Args:
        project: the project, whose file may declare keys, types, values and defaults.
        stack: the stack's file.
        decrypt: opens a sealed secret; called only when there is one.
        validate: whether a value that the project declares may be missing or of another type.

    Raises:
        EmbeddedError: a declared value is missing or of the wrong type, or a secret cannot be opened.
    """
    stored = {project.qualified_key(key): value for key, value in stack.values.items()}
    schema = project.config_schema()
    for name, entry in schema.items():
        default = entry.get("value") if entry.get("default") is None else entry["default"]
        if default is not None:
            stored.setdefault(project.qualified_key(name), default)
    found: dict[str, ConfigValue] = {}
    for key in sorted(stored):
        value = stored[key]
        secret = holds_secret(value)
        opened = _opened(value, decrypt) if secret else value
        found[key] = ConfigValue(text_of(opened), secret, isinstance(opened, (dict, list)))
    if validate:
        _check_schema(project, stack, schema, found)
    return found


def _check_schema(
    project: Project, stack: StackConfig, schema: dict[str, dict[str, Any]], found: dict[str, ConfigValue]
) -> None:
    stack_name = stack.path.stem.removeprefix("Pulumi.")
    keys = {name: project.qualified_key(name) for name in schema}
    missing = [name for name, key in keys.items() if key not in found and key.startswith(f"{project.name}:")]
    if missing:
        several = "s" if len(missing) > 1 else ""
        listed = [f"'{name}'" for name in missing]
        text = " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))
        raise EmbeddedError(f"Stack '{stack_name}' is missing configuration value{several} {text}")
    for name, entry in schema.items():
        if entry.get("type") is None or keys[name] not in found:
            continue
        where = f"Stack '{stack_name}' with configuration key '{name}' must be"
        value = found[keys[name]]
        if entry.get("secret") and not value.secret:
            raise EmbeddedError(f"{where} encrypted as it's secret")
        content = json.loads(value.text) if value.structured else value.text
        if not _has_type(content, entry):
            raise EmbeddedError(f"{where} of type '{_type_name(entry)}'")


def _type_name(entry: dict[str, Any]) -> str:
    items = entry.get("items")
    return f"array<{_type_name(items)}>" if isinstance(items, dict) else str(entry.get("type"))


def _has_type(value: Any, entry: dict[str, Any]) -> bool:
    kind, items = entry.get("type"), entry.get("items")
    if kind == "string":
        return isinstance(value, str)
    if kind == "integer":
        if isinstance(value, str):
            return re.fullmatch(r"[-+]?\d+", value) is not None
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)
    if kind == "boolean":
        return isinstance(value, bool) or value in ("true", "false")
    if kind == "object":
        return isinstance(value, dict)
    if kind == "array":
        return (
            isinstance(value, list)
            and isinstance(items, dict)
            and all(_has_type(item, items) for item in value)
        )
    raise ConfigurationError(f"configuration type {kind!r} is not known")


def check_stack_name(name: str) -> str:
    """Return the name if a stack can have it.

    Raises:
        ConfigurationError: it has other characters than letters, digits, hyphens, underscores and periods.
    """
    if not _STACK_NAME.match(name):
        raise ConfigurationError(
            "a stack name may only contain alphanumeric, hyphens, underscores, or periods "
            f"and be at most 100 characters long: {name!r}"
        )
    return name
