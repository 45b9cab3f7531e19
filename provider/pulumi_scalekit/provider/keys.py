"""The names of what the providers keep in inputs and outputs, besides what a program declares."""

from __future__ import annotations

from typing import Any, Final, Literal

CONTEXT_KEY: Final = "__context"
"""The input by which a program tells the provider about itself.

`check` takes it out of what the state holds; only a `get`, which Pulumi does not check, keeps it in its inputs.
"""
ADOPT: Final = "adopt"
ENVIRONMENT: Final = "environment_url"
SECRET_PATHS: Final = "__secret_paths"
"""The output that keeps the paths of secret values, for a refresh and a delete; Pulumi does not show such a name."""
SECRETS: Final = "secret_properties"
"""The input and output that kept these paths in older states."""
SERVER_FORM: Final = "server_form"
"""The definition as the server stored it, kept (encrypted) only where that is not what was declared."""

IDENTICAL: Final = "identical"
"""The value of `adopt` for what is as declared already, as the setting `scalekit:adoptIdentical` has it for all."""

Inputs = dict[str, Any]
Level = Literal["info", "warning"]
"""How the engine shows a message."""
