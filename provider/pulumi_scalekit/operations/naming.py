"""Names for connectors in programs and files: from display names, stable, and never twice."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Sequence

from pulumi_scalekit.api.responses import Attributes

from .selection import by_name, name_of


def slug(display_name: str, default: str = "connector") -> str:
    """A resource name in the usual form: `my-asana` for `My Asana`."""
    return "-".join(re.findall(r"[a-z0-9]+", display_name.lower())) or default


def resource_names(
    connectors: Iterable[Attributes], taken: Iterable[str] = ()
) -> list[tuple[str, Attributes]]:
    """A resource name for each connector, in the order of their names.

    Of duplicates, the first by identifier has the plain name; the others are numbered.

    Args:
        connectors: The connectors.
        taken: Names that are taken.
    """
    ordered = by_name(connectors)
    return list(zip(distinct((slug(name_of(c)) for c in ordered), "-", taken), ordered, strict=True))


def variable_names(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """A Python variable for each resource name: `my_asana` for `my-asana`, `open_` for `open`."""

    def variable(name: str) -> str:
        word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "connector"
        if word[0].isdigit():
            word = f"connector_{word}"
        is_taken = keyword.iskeyword(word) or keyword.issoftkeyword(word) or hasattr(builtins, word)
        return f"{word}_" if is_taken else word

    return distinct(map(variable, names), "_", taken)


def distinct(names: Iterable[str], separator: str, taken: Iterable[str] = ()) -> list[str]:
    """The names, those numbered that are used already."""
    used = set(taken)
    found = []
    for name in names:
        candidate, number = name, 1
        while candidate in used:
            number += 1
            candidate = f"{name}{separator}{number}"
        used.add(candidate)
        found.append(candidate)
    return found
