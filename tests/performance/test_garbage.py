"""How often the processes of Pulumi's own look for garbage."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pulumi_scalekit.provider import sdk as host

PROGRAM = """
import gc, json, signal
from pulumi_scalekit.provider import sdk as host
{before}
host.prepare_program()
print(json.dumps([gc.get_threshold()[0], signal.getsignal(signal.SIGINT) is signal.SIG_DFL]))
"""


@pytest.mark.parametrize(
    ("before", "after"), [("", [50_000, True]), ("gc.set_threshold(60_000)", [60_000, True])]
)
def test_a_program_that_pulumi_runs(tmp_path: Path, before: str, after: list[object]) -> None:
    """It looks less often, unless somebody has chosen how often; and an interrupt ends it without a word."""
    launcher = tmp_path / "pulumi-language-python-exec"
    launcher.write_text(PROGRAM.format(before=before))
    done = subprocess.run([sys.executable, launcher], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == after


def test_any_other_process() -> None:
    """A process that is not Pulumi's stays as it is."""
    before = gc.get_threshold(), signal.getsignal(signal.SIGINT)
    host.prepare_program()
    host.collect_less_garbage()
    assert (gc.get_threshold(), signal.getsignal(signal.SIGINT)) == before
