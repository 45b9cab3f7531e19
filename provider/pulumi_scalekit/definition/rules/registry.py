"""What a rule is, and the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..finding import Finding

Check = Callable[[Mapping[str, Any]], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """A check beyond the schema, and the names under which its findings go."""

    check: Check
    names: tuple[str, ...]
    contract: bool
    """Whether Scalekit's API itself refuses what is an error by this rule, as far as its contract tells."""

    @property
    def summary(self) -> str:
        """What it wants, in one sentence."""
        return (self.check.__doc__ or "").strip()


RULES: list[Rule] = []
"""Every rule beyond the schema, in the order in which they are checked."""


def rule(*names: str, contract: bool = False) -> Callable[[Check], Check]:
    """Add the function below to the rules.

    Args:
        *names: The names of its findings.
        contract: See `Rule.contract`.
    """

    def register(check: Check) -> Check:
        RULES.append(Rule(check, names, contract))
        return check

    return register
