"""Picking connectors by what users call them: a display name or an identifier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pulumi_scalekit.api.responses import Attributes
from pulumi_scalekit.errors import AmbiguousConnector, ConnectorNotFound, did_you_mean


def by_name(connectors: Iterable[Attributes]) -> list[Attributes]:
    """The connectors sorted by display name, then identifier: a stable order, whatever the server's is."""
    return sorted(connectors, key=lambda c: (name_of(c).casefold(), name_of(c), identifier_of(c)))


def name_of(connector: Attributes) -> str:
    """A connector's display name."""
    return str(connector.get("display_name") or "")


def identifier_of(connector: Attributes) -> str:
    """A connector's identifier."""
    return str(connector.get("identifier") or "")


def select(connectors: Iterable[Attributes], names: Sequence[str], where: str) -> list[Attributes]:
    """The connectors that the names mean, sorted, each once; all of them without names.

    Args:
        connectors: The connectors of an environment.
        names: Identifiers, or display names, which may differ in case if just one connector is meant then.
        where: The environment, for messages.

    Raises:
        ConnectorNotFound: A name means no connector.
        AmbiguousConnector: A name means several.
    """
    listed = by_name(connectors)
    if not names:
        return listed
    chosen = {identifier_of(found): found for found in (find(listed, name, where) for name in names)}
    return by_name(chosen.values())


def find(connectors: Sequence[Attributes], name: str, where: str) -> Attributes:
    """The one connector that an identifier or a display name means.

    Raises:
        ConnectorNotFound: There is none; the message names a similar one.
        AmbiguousConnector: There are several; the message has their identifiers.
    """
    for matches in (
        [c for c in connectors if identifier_of(c) == name],
        [c for c in connectors if name_of(c) == name],
        [c for c in connectors if name_of(c).casefold() == name.casefold()],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            identifiers = ", ".join(identifier_of(c) for c in matches)
            raise AmbiguousConnector(
                f"{len(matches)} connectors are named {name_of(matches[0])!r} in {where}. "
                f"Say which one by its identifier: {identifiers}"
            )
    hint = did_you_mean(name, map(name_of, connectors), "`pulumi-scalekit list` shows those that exist")
    raise ConnectorNotFound(f"There is no connector {name!r} in {where}. {hint}")


def refuse_duplicates(connectors: Iterable[Attributes], others: Iterable[Attributes] = ()) -> None:
    """Refuse connectors that have a display name in common: a program cannot declare two of one name.

    Args:
        connectors: The connectors to declare.
        others: Connectors that are declared already.

    Raises:
        AmbiguousConnector: There are such; the message names them.
    """
    named: dict[str, list[str]] = {}
    fresh = list(connectors)
    for connector in [*fresh, *others]:
        named.setdefault(name_of(connector), []).append(identifier_of(connector))
    duplicates = [
        f"{name!r} ({', '.join(named[name])})" for name in map(name_of, fresh) if len(named[name]) > 1
    ]
    if duplicates:
        raise AmbiguousConnector(
            f"Connectors have the same display name: {', '.join(dict.fromkeys(duplicates))}. A program declares a name "
            "once: rename or delete the duplicate, or leave it out by naming the connectors that are wanted"
        )
