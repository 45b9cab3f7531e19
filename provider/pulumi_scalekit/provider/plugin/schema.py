"""The package schema of the plugin: what Pulumi generates SDKs from, and checks programs in YAML with.

`schema.json` beside this module is made from the classes that declare the properties: `make docs` writes it.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any, Final

FILE: Final = "schema.json"


@functools.cache
def package_schema() -> dict[str, Any]:
    """The schema as it is checked in."""
    schema: dict[str, Any] = json.loads(
        resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    )
    return schema
