"""What is loaded when: a program needs little, and a provider process loads the HTTP client when it makes a call."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("httpx", "pydantic", "tenacity", "typer", "rich", "starlette", "uvicorn", "cryptography", "yaml")

SETTINGS = {
    "scalekit:environmentUrl": "https://example.scalekit.dev",
    "scalekit:clientId": "skc_1",
    "scalekit:clientSecret": "s",
}
PROVIDER = f"""
from pulumi.dynamic import Config, ConfigureRequest
from pulumi_scalekit.connection_provider import ConnectionProvider
from pulumi_scalekit.provider import ConnectorProvider
provider, connections = ConnectorProvider(), ConnectionProvider()
for each in (provider, connections):
    each.configure(ConfigureRequest(Config({SETTINGS!r}, "test")))
declared = {{
    "display_name": "Freshdesk", "proxy_url": "https://api.example.com", "proxy_enabled": True,
    "auth_patterns": [{{"type": "BEARER", "display_name": "Token",
                       "fields": [{{"field_name": "token", "input_type": "password"}}]}}],
}}
inputs = {{**declared, "environment_url": "https://example.scalekit.dev"}}
connection = {{
    "connector": "FRESHDESK:1", "connection_name": "support", "auth_type": "BEARER",
    "environment_url": "https://example.scalekit.dev",
}}
state = {{**inputs, "identifier": "FRESHDESK:1", "is_custom": True}}
"""


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after some code, without those of Pulumi's SDK."""
    script = (
        "import sys, json, pulumi.dynamic\n"
        "before = set(sys.modules)\n"
        f"{code}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package() -> None:
    """`import pulumi_scalekit` loads nothing heavy: a program only declares."""
    loaded = loaded_by("import pulumi_scalekit")
    assert "pulumi_scalekit.connector" in loaded
    assert not loaded & set(HEAVY)
    assert not loaded & {
        "pulumi_scalekit.definition.rules",
        "pulumi_scalekit.api.client",
        "pulumi_scalekit.local",
    }


def test_declaring_a_connector() -> None:
    """Neither does declaring a connector."""
    loaded = loaded_by(
        "import pulumi, pulumi_scalekit as s\n"
        "pulumi.runtime.set_mocks(type('M', (pulumi.runtime.Mocks,),"
        " {'new_resource': lambda self, a: ('1', a.inputs), 'call': lambda self, a: {}})())\n"
        "s.Connector('a', display_name='A', proxy_url='https://api.example.com',"
        " auth_patterns=[s.BearerAuth('Token', fields=[s.Field('token')])])"
    )
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize(
    "call",
    [
        "provider.check(inputs, declared)",
        "provider.diff('FRESHDESK:1', state, inputs)",
        "connections.check(connection, dict(connection))",
        "connections.diff('conn_1', connection, dict(connection))",
    ],
)
def test_a_run_without_changes(call: str) -> None:
    """A provider process that finds everything as it was loads neither the rules nor the HTTP client."""
    loaded = loaded_by(f"{PROVIDER}\n{call}")
    assert "pulumi_scalekit.provider.values" in loaded
    assert not loaded & {*HEAVY, "pulumi_scalekit.definition.rules", "pulumi_scalekit.api.client"}


@pytest.mark.parametrize(
    ("call", "checks"),
    [
        ("provider.check(inputs, {**declared, 'description': 'New'})", True),
        ("provider.diff('FRESHDESK:1', state, {**inputs, 'description': 'New'})", False),
    ],
)
def test_a_run_with_changes(call: str, checks: bool) -> None:
    """A provider process needs the schema and the rules to check something new, and still no HTTP client."""
    loaded = loaded_by(f"{PROVIDER}\n{call}")
    assert ({"pulumi_scalekit.definition.schema", "pydantic"} <= loaded) == checks
    assert not loaded & {"httpx", "tenacity", "pulumi_scalekit.api.client"}


def test_a_review_of_a_program(tmp_path: Path) -> None:
    """A report that asks no environment loads no HTTP client, whatever it reads."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  shop:a: b\n")
    (tmp_path / "__main__.py").touch()
    arguments = ["review", "--program", str(tmp_path)]
    loaded = loaded_by(f"from pulumi_scalekit.cli.app import app\napp({arguments!r}, standalone_mode=False)")
    assert {"pulumi_scalekit.yaml_reader", "pulumi_scalekit.operations.program"} <= loaded
    assert not loaded & {"httpx", "tenacity", "pulumi_scalekit.api.client"}
