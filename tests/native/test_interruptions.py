"""Creates that are cut short, on the real CLI; in process, `test_plugin.py` has the same."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import OAUTH, bearer, named
from ..support.engines import TIMEOUT, Project
from ..support.live import create, live

pytestmark = pytest.mark.thorough
RATE_LIMIT = "create:rate-limited=200"
"""Longer than a command may take here, and not so long that the wait is not begun."""


def test_an_interrupt_ends_a_wait(project: Project, scalekit: LocalScalekit) -> None:
    """Ctrl-C during the wait for a rate limit ends the update with one message; the next one does the rest."""
    project.declare({"one": bearer("One")})
    scalekit.faults.add(RATE_LIMIT)
    command = [project.engine.command, "up", "--yes", "--skip-preview", "--non-interactive"]
    with subprocess.Popen(
        command,
        cwd=project.directory,
        env=project.env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as update:
        while not scalekit.requests.count("create") and update.poll() is None:
            time.sleep(0.05)
        # As a terminal does it: to the command and whatever it has started in its group.
        os.killpg(update.pid, signal.SIGINT)
        text, _ = update.communicate(timeout=TIMEOUT)
    assert update.returncode != 0
    assert "The operation was cancelled" in text
    assert "pulumi_scalekit/" not in text
    scalekit.faults.clear()
    project.up()
    assert live(scalekit).keys() == {"One"}


def test_a_time_limit_ends_a_wait(project: Project, scalekit: LocalScalekit) -> None:
    """`custom_timeouts` bound a create: it does not wait for a rate limit beyond its end."""
    project.program(f"""
    limits = pulumi.CustomTimeouts(create="20s")
    opts = pulumi.ResourceOptions(custom_timeouts=limits)
    properties = {{**dict.fromkeys(("identifier", "environment_url")), **{bearer("One")!r}}}
    pulumi.CustomResource("scalekit:index:Connector", "one", properties, opts)
    """)
    scalekit.faults.add(RATE_LIMIT)
    assert "HTTP 429" in project.up(code=None).text
    assert scalekit.requests.count("create") == 1


def test_a_half_made_connection_is_gone_on_with(project: Project, scalekit: LocalScalekit) -> None:
    """A connection whose settings fail is in the state, and the next update sends them."""
    create(scalekit, named(OAUTH, "CRM"), "CRM:1")
    app = {"client_id": "client-1", "client_secret": "canary-1", "scopes": ["read"]}
    declared = {"connector": "CRM:1", "connection_name": "crm", "auth_type": "OAUTH", "oauth_app": app}
    project.program(f"""
    pulumi.CustomResource("scalekit:index:Connection", "crm", {declared!r})
    """)
    scalekit.faults.add("connection-update:error=400*1")
    text = project.up(code=None).text
    assert "The connection itself exists" in text
    (kept,) = (entry for entry in project.state() if entry["type"] == "scalekit:index:Connection")
    assert len(kept["initErrors"]) == 1
    assert project.preview().ops == {"crm": ["update"]}
    project.up()
    (connection,) = scalekit.store.connections()
    assert connection.id == kept["id"]
    assert connection.settings["oauth_config"]["client_secret"] == "canary-1"
    project.nothing_to_do()
