"""The example policy pack, on the Pulumi CLI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ..support.engines import Project, find_engines

PACK = Path(__file__).parents[2] / "examples" / "policies"
CLI = next(engine for engine in find_engines() if engine.name == "cli")

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(bool(CLI.missing), reason=CLI.missing or "-"),
    pytest.mark.parametrize("engine", [CLI], indirect=True, ids=["cli"]),
]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """The pack with a virtual environment: Pulumi and this package from here, `pulumi-policy` from the registry."""
    copied = Path(shutil.copytree(PACK, tmp_path / "policies", ignore=shutil.ignore_patterns("venv")))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", copied / "venv"], check=True)
    (packages,) = (copied / "venv").glob("lib/python*/site-packages")
    here = [sysconfig.get_path("purelib"), str(Path(__file__).parents[2] / "provider")]
    (packages / "here.pth").write_text("\n".join(here) + "\n")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        packages,
        "pulumi-policy",
    ]
    done = subprocess.run(install, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"pulumi-policy cannot be installed here: {done.stderr.strip()[-300:]}")
    return copied


def test_the_pack_refuses_what_is_not_allowed(project: Project, pack: Path) -> None:
    """Another host and another scope end the preview with their connectors' names; allowed ones pass."""
    project.program(
        """
        scope = pulumi.Config().get("scope") or "email"
        host = pulumi.Config().get("host") or "api.example.com"
        scalekit.Connector(
            "crm",
            display_name="CRM",
            proxy_url=f"https://{host}/v1",
            auth_patterns=[
                scalekit.OAuth(
                    display_name="OAuth 2.0",
                    oauth_config=scalekit.OAuthConfig(
                        authorize_uri="https://api.example.com/authorize",
                        token_uri="https://api.example.com/token",
                        available_scopes=[scalekit.Scope(scope, display_name="A scope")],
                    ),
                )
            ],
        )
        """
    )
    project.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{project.env['PATH']}"
    flags = ("--policy-pack", str(pack))
    project.run("preview", *flags)
    project.run("config", "set", "scope", "admin")
    project.run("config", "set", "host", "evil.example.org")
    refused = project.run("preview", *flags, code=None)
    assert "the scope admin is not allowed" in refused.text
    assert "proxy_url leads to evil.example.org" in refused.text
