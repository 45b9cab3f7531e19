"""The URNs that an operation is limited to. `*` stands for anything but a colon, `**` for anything."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Targets:
    """A set of URNs and patterns. An empty one limits nothing."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.literals: list[str] = []
        """The URNs that were named in full, as they were given."""
        self._globs: list[re.Pattern[str]] = []
        for pattern in patterns:
            if "*" in pattern:
                parts = re.split(r"(\*\*|\*)", pattern)
                expressions = {"**": ".*", "*": "[^:]*"}
                text = "".join(expressions.get(part, re.escape(part)) for part in parts)
                self._globs.append(re.compile(text))
            else:
                self.literals.append(pattern)

    def __contains__(self, urn: str) -> bool:
        return (
            not self.constrained or urn in self.literals or any(glob.fullmatch(urn) for glob in self._globs)
        )

    @property
    def constrained(self) -> bool:
        """Whether there is any limit."""
        return bool(self.literals or self._globs)
