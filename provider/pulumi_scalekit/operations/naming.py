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
    used = set(taken)
    named: list[tuple[str, Attributes]] = []
    for connector in by_name(connectors):
        name = free_name(slug(name_of(connector)), used, "-")
        used.add(name)
        named.append((name, connector))
    return named


def variable_names(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """A Python variable for each resource name: `my_asana` for `my-asana`, `open_` for `open`."""
    used = set(taken)
    variables = []
    for name in names:
        word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "connector"
        if word[0].isdigit():
            word = f"connector_{word}"
        if keyword.iskeyword(word) or keyword.issoftkeyword(word) or hasattr(builtins, word):
            word = f"{word}_"
        variables.append(free_name(word, used, "_"))
        used.add(variables[-1])
    return variables


def free_name(name: str, used: set[str], separator: str) -> str:
    """The name itself, or numbered where it is used already."""
    candidate, number = name, 1
    while candidate in used:
        number += 1
        candidate = f"{name}{separator}{number}"
    return candidate
