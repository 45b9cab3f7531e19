"""What a rule is."""

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
        return (self.check.__doc__ or "").strip().partition("\n")[0]


def rule(*names: str, contract: bool = False) -> Callable[[Check], Rule]:
    """Make a rule of the function below.

    Args:
        *names: The names of its findings.
        contract: See `Rule.contract`.
    """
    return lambda check: Rule(check, names, contract)
