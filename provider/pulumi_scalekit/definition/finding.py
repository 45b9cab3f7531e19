"""What a check reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or looks wrong, in a definition."""

    rule: str
    """The rule's stable name, such as `placeholder-undeclared`."""
    path: str
    """The property, such as `auth_patterns[0].oauth_config.token_uri`."""
    message: str
    """What is wrong: a clause that completes the path. Values of the definition are not in it."""
    fix: str
    """What to do about it: an imperative clause."""
    severity: Severity = "error"
    """`error` stops a deployment, `warning` and `hint` do not."""

    def __str__(self) -> str:
        return f"{self.message}; {self.fix}"
