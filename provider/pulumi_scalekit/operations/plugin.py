"""The native provider as a file that Pulumi installs."""

from __future__ import annotations

import io
import shlex
import sys
import tarfile
from pathlib import Path

from pulumi_scalekit.errors import EngineError
from pulumi_scalekit.provider.plugin import EXECUTABLE


def find_executable() -> Path:
    """The native provider of the Python environment that runs this.

    Raises:
        EngineError: It is not there.
    """
    folder = Path(sys.executable).parent
    if not (folder / EXECUTABLE).exists():
        raise EngineError(
            f"{EXECUTABLE} is not in {folder}. Install the package there: pip install pulumi-scalekit"
        )
    return folder / EXECUTABLE


def write_tarball(target: Path) -> None:
    """Write an archive for `pulumi plugin install resource scalekit VERSION --file`.

    What is installed from it starts the native provider where it is now, in its Python environment: so it is for
    this machine, and for as long as that environment stays there.

    Args:
        target: The archive to write, such as `scalekit.tar.gz`.

    Raises:
        EngineError: The native provider is not there, the archive cannot be written, or the file is something else.

    Example:
        >>> write_tarball(Path("scalekit.tar.gz"))
    """
    script = f'#!/bin/sh\nexec {shlex.quote(str(find_executable()))} "$@"\n'.encode()
    if target.is_file() and not _is_archive(target):
        raise EngineError(
            f"{target} exists, and is not an archive of the native provider: choose another file"
        )
    member = tarfile.TarInfo(EXECUTABLE)
    member.size, member.mode = len(script), 0o755
    try:
        with tarfile.open(target, "w:gz") as archive:
            archive.addfile(member, io.BytesIO(script))
    except OSError as error:
        raise EngineError(f"Cannot write {target}: {error.strerror or error}") from None


def _is_archive(file: Path) -> bool:
    """Whether a file is what `write_tarball` has written."""
    try:
        with tarfile.open(file) as archive:
            return archive.getnames() == [EXECUTABLE]
    except (OSError, tarfile.TarError):
        return False
