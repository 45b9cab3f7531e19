"""The questions that `promote` and `new` ask, in a real terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time

import pytest

from pulumi_scalekit.local import LocalScalekit

from .conftest import seed, writes
from .samples import TAVILY

PROMOTE = ("promote", "--from", "dev", "--to", "production")


def ask(
    answer: bytes,
    environ: dict[str, str],
    directory: str,
    *,
    arguments: tuple[str, ...] = PROMOTE,
    question: bytes = b"[y/N]",
) -> tuple[int, str]:
    """Run a command in a terminal, answer its question, and return its exit code and screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pulumi_scalekit.cli", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=directory,
        env={**os.environ, **environ, "TERM": "xterm", "COLUMNS": "80"},
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # makes it the controlling terminal
    )
    os.close(theirs)
    screen, again_at, deadline = b"", 0.0, time.monotonic() + 60
    while (now := time.monotonic()) < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                read = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not read:
                break
            screen += read
        # Like a person who sees nothing happen: a signal that comes right before the read it is to interrupt is lost.
        if question in screen and now > again_at:
            os.write(ours, answer)
            again_at = now + 2
    os.close(ours)
    return process.wait(timeout=30), screen.decode(errors="replace")


@pytest.mark.parametrize(
    ("answer", "code", "written"),
    [(b"y\n", 0, 1), (b"n\n", 1, 0), (b"\x03", 130, 0)],
    ids=["yes", "no", "Ctrl-C"],
)
def test_the_answer_decides(
    dev: LocalScalekit,
    production: LocalScalekit,
    environ: dict[str, str],
    tmp_path: object,
    answer: bytes,
    code: int,
    written: int,
) -> None:
    """Only a yes writes; Ctrl-C ends with 130."""
    seed(dev, TAVILY)
    ended, screen = ask(answer, environ, str(tmp_path))
    assert (ended, writes(production)) == (code, written), screen
    assert "Traceback" not in screen


@pytest.mark.parametrize(("answer", "code"), [(b"Tickets\n", 0), (b"\x03", 130)], ids=["text", "Ctrl-C"])
def test_new_asks_for_what_the_flags_leave_open(tmp_path: object, answer: bytes, code: int) -> None:
    """With the base URL given, no document is asked for; Ctrl-C ends with 130."""
    flags = ("new", "--name", "Desk", "--auth", "basic", "--proxy-url", "https://desk.example.com")
    ended, screen = ask(answer, {}, str(tmp_path), arguments=flags, question=b"Description")
    assert ended == code, screen
    assert "OpenAPI" not in screen
    assert ('description="Tickets"' in screen) is (code == 0)
    assert "Traceback" not in screen
