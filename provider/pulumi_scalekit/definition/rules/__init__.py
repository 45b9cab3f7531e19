"""The rules of a definition: what the schema cannot see, such as a placeholder that no field fills.

Each rule is a function over the whole definition, in the module of its subject. It reports `Finding` values, and
never raises on a wrong definition, whatever its shape. What depends on values that are `UNKNOWN` is left out.

Sources: Scalekit's public guide "Create your own connector", the contract which the official Python SDK carries (its
field constraints), and what the official SDKs' own tests create. Messages name properties, placeholders and declared
field names, never other values, so that they can be shown where the values must not be.
"""

from __future__ import annotations

from typing import Final

from . import fields, patterns, properties, urls
from .rule import Rule

RULES: Final = tuple(
    found
    for module in (patterns, urls, fields, properties)
    for found in vars(module).values()
    if isinstance(found, Rule)
)
"""Every rule beyond the schema, in the order in which they are checked."""

__all__ = ["RULES", "Rule"]
