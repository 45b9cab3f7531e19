"""A stack's configuration file, `Pulumi.<stack>.yaml`: read, and edited in place.

Comments and the order of keys stay as they are. Where the lines cannot be edited without changing another value, the
file is written anew, and its comments are lost.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pulumi_embedded.errors import ConfigurationError, EmbeddedError, Unsupported
from pulumi_embedded.values.go_json import dump_go_json

from .project import Project
from .yaml_files import dump_yaml, load_yaml, parse_yaml


@dataclass
class StackConfig:
    """One stack's configuration file."""

    path: Path
    document: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> StackConfig:
        """Read the file; an absent one is empty.

        Raises:
            ConfigurationError: it does not have the form of one.
            Unsupported: it names a secrets provider other than the passphrase, or an environment.
        """
        document = load_yaml(path)
        for key, kind in (("config", dict), ("encryptionsalt", str)):
            if not isinstance(document.get(key) or kind(), kind):
                raise ConfigurationError(
                    f"{path}: `{key}` is not {'an object' if kind is dict else 'a text'}"
                )
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
        return dict(self.document.get("config") or {})

    def set_salt(self, salt: str) -> None:
        """Record the salt, first in the file."""
        lines = self._read()
        tree = _compose(lines)
        entry = _find(tree, "encryptionsalt")
        start, end = _span(entry) if entry else (_document_start(lines, tree),) * 2
        lines[start:end] = _render("encryptionsalt", salt)
        first = {} if entry else {"encryptionsalt": salt}
        self._write(lines, {**first, **self.document, "encryptionsalt": salt})

    def set(self, key: str, value: Any) -> None:
        """Set one value, whole.

        Raises:
            ConfigurationError: YAML cannot express the value.
        """
        lines = self._read()
        self._edit(lines, {**self.values, key: value}, key)

    def remove(self, key: str) -> bool:
        """Remove one value; False when there was none."""
        lines = self._read()
        values = self.values
        if key not in values:
            return False
        del values[key]
        self._edit(lines, values, key)
        return True

    def _edit(self, lines: list[str], values: dict[str, Any], key: str) -> None:
        """Write the file with these values; of what its lines say, only that of `key` is another."""
        section = _find(_compose(lines), "config")
        if section is None:
            lines += _render("config", values)
        elif not _is_block(section[1]):
            start, end = _span(section)
            lines[start:end] = _render("config", values) if values else []
        else:
            entry = _find(section[1], key)
            start, end = _span(entry or section)
            start = start if entry else end
            indent = section[1].value[0][0].start_mark.column
            lines[start:end] = _render(key, values[key], indent) if key in values else []
            if not values:
                del lines[section[0].start_mark.line]
        document = {**self.document, "config": values}
        if not values:
            del document["config"]
        self._write(lines, document)

    def _read(self) -> list[str]:
        """Read the file again; returns its lines, each with its end, as YAML counts them."""
        self.document = load_yaml(self.path)
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        lines = _LINE.findall(text)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        return lines

    def _write(self, lines: list[str], document: dict[str, Any]) -> None:
        """Write the lines if they say what the document does, else the document."""
        text = "".join(lines)
        if not self._says(text, document):
            text = dump_yaml(document)
            if not self._says(text, document):
                raise ConfigurationError(f"{self.path}: the value cannot be written as YAML")
        write_atomically(self.path.resolve(), text.encode())
        self.document = document

    def _says(self, text: str, document: dict[str, Any]) -> bool:
        try:
            found = parse_yaml(text, self.path)
        except ConfigurationError:
            return False
        return repr(found) == repr(document)  # unlike `==`, this tells 1 from True


_LINE = re.compile("[^\n\x85\u2028\u2029]*[\n\x85\u2028\u2029]|[^\n\x85\u2028\u2029]+\\Z")


def _compose(lines: list[str]) -> yaml.Node | None:
    return yaml.compose("".join(lines), Loader=yaml.SafeLoader)


def _find(node: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    for name, value in node.value:
        if str(name.value) == key:
            return name, value
    return None


def _document_start(lines: list[str], tree: yaml.Node | None) -> int:
    """Return the line where the document begins: behind its `---`, if it has one."""
    before = lines[: tree.start_mark.line] if tree else lines
    return max((number for number, line in enumerate(before, 1) if line.startswith("---")), default=0)


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style and bool(node.value)


def _span(entry: tuple[yaml.Node, yaml.Node]) -> tuple[int, int]:
    """Return the lines, from and up to, that an entry covers; blank and comment lines after it excluded."""
    start = entry[0].start_mark.line
    return start, max(_end(entry[1]), start + 1)


def _end(node: yaml.Node) -> int:
    """Return the line after the last one of a value."""
    if _is_block(node):  # its own mark is where the next thing begins, behind blank and comment lines
        last = node.value[-1]
        return max(map(_end, last)) if isinstance(last, tuple) else _end(last)
    literal = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    # The text of a literal goes up to the line of its mark, every other value up to the character of its mark.
    return int(node.end_mark.line) + (0 if literal else 1)


def _render(key: str, value: Any, indent: int = 0) -> list[str]:
    return [f"{' ' * indent}{line}" for line in dump_yaml({key: value}).splitlines(keepends=True)]


def write_atomically(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Replace a file at once: readers see the old content or the new one.

    With `durable`, the content is on disk when this returns, and the name where the file system can promise that.

    Raises:
        OSError: it could not be written, and the file is as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        with suppress(OSError):  # there is no file yet, or its system does not know modes
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)  # of no use to anybody, and the disk may be full
        raise
    if durable:
        with suppress(OSError):  # not every file system can; the file has its new content in any case
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
        return {key: _opened(item, decrypt) for key, item in value.items()}
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
