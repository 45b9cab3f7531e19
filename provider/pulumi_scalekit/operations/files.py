"""Files that commands write: whole or not at all, and private where they must be."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pulumi_scalekit.definition.normalize import plain
from pulumi_scalekit.errors import ScalekitError


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file, cleaned by `plain`.

    Raises:
        ScalekitError: The file cannot be read, or its content is something else; the message says which.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise ScalekitError(f"Cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    except (ValueError, RecursionError) as error:
        raise ScalekitError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise ScalekitError(f"{path} is not a JSON object")
    return dict(plain(content))


def write_text(path: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old content or the new. What a symbolic link leads to is written.

    Raises:
        ScalekitError: It cannot be written.
    """
    try:
        path = path.resolve() if path.is_symlink() else path
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            temporary.chmod(mode)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except (OSError, UnicodeError) as error:
        raise ScalekitError(f"Cannot write {path}: {getattr(error, 'strerror', None) or error}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_new(directory: Path, stem: str, suffix: str, content: Any) -> Path:
    """Write JSON under a name that no file has yet: `stem.json`, `stem.2.json`, …; readable by the user only.

    Raises:
        ScalekitError: It cannot be written.
    """
    number = 1
    while True:
        path = directory / f"{stem}{'' if number == 1 else f'.{number}'}{suffix}"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            continue
        except OSError as error:
            raise ScalekitError(f"Cannot write {path}: {error.strerror}") from None
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=4)
            file.write("\n")
        return path


def short_path(path: Path) -> str:
    """A path as messages show it: relative to the current directory where it is below that."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
