"""Which resource of a stack a connector or connection belongs to, as far as one run of the provider has seen.

Pulumi tells a provider nothing of the stack as a whole. What a run can know, it learns from the calls for each
resource, which have its URN: a check and a diff for each that the program declares, a read for each that is
refreshed. Deletes come last, when all that the program declares has been seen. So a delete can leave alone what
another resource declares.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

from pulumi_scalekit.errors import ConnectorExists


class Ownership:
    """The owners of identifiers and of names, by URN. Threads may share it.

    Example:
        >>> ownership = Ownership("connector", "display name")
        >>> ownership.own("CRM:1", "urn:…::new")  # the program's resource has taken it over
        >>> ownership.keeper("CRM:1", "urn:…::old")  # the delete of the old one leaves it alone
        'urn:…::new'
    """

    def __init__(self, noun: str, name: str) -> None:
        self._noun = noun
        self._name = name
        # For what takes several steps; a single look at a set or a mapping needs none.
        self._lock = threading.Lock()
        self._owners: dict[str, str] = {}
        self._recorded: dict[str, str] = {}
        self._compared: set[str] = set()
        self._names: dict[str, str] = {}
        self._declared: dict[str, str] = {}
        # The same by resource and by old name: a thousand creates must not look through a thousand entries each.
        self._owned: defaultdict[str, set[str]] = defaultdict(set)
        self._former: dict[str, str] = {}
        self._replacing: set[str] = set()
        self._replaced: set[str] = set()
        self._changing: set[str] = set()
        self._kept: set[str] = set()

    # --- What the calls tell ---------------------------------------------------------------------------------

    def check(self, urn: str, old_name: str | None, new_name: object) -> None:
        """Note a check of what a program declares.

        Args:
            urn: The resource.
            old_name: The name in its old inputs; `None` without those: a new resource, or one to be replaced.
            new_name: The name that is declared now, which may not be known yet.

        Raises:
            ConnectorExists: Another resource of the program declares the same name.
        """
        with self._lock:
            if not urn:
                return  # one cannot be told from another
            if old_name is not None:
                self._declared[urn] = old_name
                self._former[old_name] = urn
            elif urn in self._declared or urn in self._compared:
                # Pulumi checks a resource once more, as a new one, when it decides to replace it; and only as a new
                # one where it has deleted it already, with what it depends on.
                self._replace(urn)
            if not isinstance(new_name, str):
                return
            if (other := self._names.setdefault(new_name, urn)) != urn:
                # Pulumi checks them in any order.
                one, two = sorted(map(name_of, (other, urn)))
                raise ConnectorExists(
                    f"The {self._noun}s {one!r} and {two!r} have the same {self._name}. "
                    f"Give each {self._noun} a name of its own"
                )

    def record(self, identifier: str, urn: str) -> None:
        """Note that the state says that a resource manages something, whether or not the program declares it."""
        if urn:
            with self._lock:
                self._recorded[identifier] = urn
                self._owned[urn].add(identifier)

    def compare(self, identifier: str, urn: str) -> None:
        """Note a diff: of what the program declares, or of what Pulumi may delete with what it depends on.

        Raises:
            ConnectorExists: As `own`.
        """
        if self.is_declared(urn):
            self.keep(identifier, urn)
            return
        self.record(identifier, urn)
        with self._lock:
            self._compared.add(urn)

    def own(self, identifier: str, urn: str) -> None:
        """Note that a resource of the program manages something.

        Raises:
            ConnectorExists: Another resource of the program does.
        """
        if not urn:
            return
        with self._lock:
            if (other := self._owners.setdefault(identifier, urn)) != urn:
                raise ConnectorExists(
                    f"The resources {name_of(other)!r} and {name_of(urn)!r} both manage the {self._noun} "
                    f"{identifier}. Remove one of them from the program: its delete leaves the {self._noun} as it is"
                )
            self._owned[urn].add(identifier)

    def keep(self, identifier: str, urn: str) -> None:
        """Note that a resource of the program goes on with what it has, or that its create takes that over.

        Raises:
            ConnectorExists: As `own`.
        """
        self.own(identifier, urn)
        with self._lock:
            self._kept.add(identifier)

    def change(self, urn: str) -> None:
        """Note that a resource is to be updated: a preview does not know its outputs."""
        with self._lock:
            self._changing |= self._owned[urn]

    def replace(self, urn: str) -> None:
        """Note that a resource is to be replaced."""
        with self._lock:
            self._replace(urn)

    def claim_replaced(self, urn: str, name: object, identifiers: Sequence[str]) -> None:
        """Note what is replaced where no diff has told: a replacement by replacement_trigger comes without one.

        Args:
            urn: The resource.
            name: The name that it declares.
            identifiers: Those that live under that name.
        """
        if not self.is_replacing(urn) or self.owned_by(urn) or name != self.old_name(urn):
            return
        if len(identifiers) == 1 and self.other_manager(identifiers[0], urn) is None:
            self.own(identifiers[0], urn)
            self.replace(urn)

    def _replace(self, urn: str) -> None:
        self._replacing.add(urn)
        self._replaced |= self._owned[urn]
        self._kept -= self._owned[urn]

    # --- What follows from that ------------------------------------------------------------------------------

    def old_name(self, urn: str) -> str | None:
        """The name that a resource of the program had before this run; `None` for a new one."""
        return self._declared.get(urn)

    def former_owner(self, name: str, urn: str) -> str | None:
        """Another resource of the program that had a name when this run began, and gives it up in this run."""
        former = self._former.get(name)
        return None if former == urn else former

    def is_declared(self, urn: str) -> bool:
        """Whether the program goes on with a resource. A refresh also compares those that it has dropped."""
        return self.old_name(urn) is not None

    def is_replacing(self, urn: str) -> bool:
        """Whether a resource is to be replaced in this run."""
        return urn in self._replacing

    def is_replaced(self, identifier: object) -> bool:
        """Whether the resource that something belongs to is to be replaced in this run."""
        return identifier in self._replaced

    def is_changing(self, identifier: object) -> bool:
        """Whether the resource that something belongs to is to be updated in this run."""
        return identifier in self._changing

    def owned_by(self, urn: str) -> frozenset[str]:
        """The identifiers that belong to a resource, by the program or by the state."""
        with self._lock:
            return frozenset(self._owned.get(urn, ()))

    def keeper(self, identifier: str, urn: str) -> str | None:
        """The resource of the program that keeps something when the delete of a resource comes, if one does.

        That may be the same resource: `pulumi up --replace` and a taint reach a dynamic provider as a create, which
        may adopt the very thing that is to be replaced. The delete of what was replaced must leave it, be it in that
        run or, where that was stopped before, in a later one.
        """
        with self._lock:
            owner, is_kept = self._owners.get(identifier), identifier in self._kept
        if owner in (None, urn):
            return urn if is_kept else None
        return owner

    def other_manager(self, identifier: str, urn: str) -> str | None:
        """The other resource of the stack that something belongs to, in the program or only in the state."""
        managers = (self._owners.get(identifier), self._recorded.get(identifier))
        return next((manager for manager in managers if manager not in (None, urn)), None)


def name_of(urn: str) -> str:
    """The name of a resource in its program."""
    return urn.rpartition("::")[2]
