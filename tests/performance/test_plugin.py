"""The Pulumi CLI must not take this package for one that needs a plugin of its own."""

from __future__ import annotations

import json
from importlib import resources


def test_no_plugin_is_looked_for() -> None:
    """The package says that it has no plugin; else each run of the CLI would try to download one by its name."""
    declared = resources.files("pulumi_scalekit").joinpath("pulumi-plugin.json").read_text()
    assert json.loads(declared) == {"resource": False}
