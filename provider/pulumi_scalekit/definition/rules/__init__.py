"""The rules of a definition: what the schema cannot see, such as a placeholder that no field fills.

Each rule is a function over the whole definition, in the module of its subject. It reports `Finding` values, and
never raises on a wrong definition, whatever its shape. What depends on values that are `UNKNOWN` is left out.

Sources: Scalekit's public guide "Create your own connector", the contract which the official Python SDK carries (its
field constraints), and what the official SDKs' own tests create. Messages name properties, placeholders and declared
field names, never other values, so that they can be shown where the values must not be.
"""

from __future__ import annotations

# Each module adds its rules to the list when it is imported; this is their order.
from . import fields, patterns, properties, urls  # noqa: F401
from .registry import RULES, Rule

__all__ = ["RULES", "Rule"]
