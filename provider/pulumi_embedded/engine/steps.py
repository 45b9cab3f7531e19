# ruff: noqa: D102 - `Step` says what `apply`, `fail` and `skip` do
"""The steps of a deployment: what each does to the world, to the state and to the program waiting for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from pulumi_embedded.errors import EmbeddedError
from pulumi_embedded.state.resources import Resource, timestamp
from pulumi_embedded.values.diff import Changes, DiffResult, PropertyDiff, diff_objects
from pulumi_embedded.values.values import UNKNOWN_STRING, deep_equals

if TYPE_CHECKING:
    from pulumi_embedded.engine.deployment import Deployment
from .requests import ReadRequest, Registered, Registration


class Op(str, Enum):
    """The kinds of step; the values are the words of a JSON plan."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    REFRESH = "refresh"
    DISCARD = "discard"
    DISCARD_REPLACED = "discard-replaced"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"


# --- what a program asks for ---------------------------------------------------------------------------------


# --- steps ---------------------------------------------------------------------------------------------------


class DeleteProtected(EmbeddedError):
    """A protected resource was to be deleted."""

    def __init__(self, urn: str) -> None:
        super().__init__(
            f"resource {json.dumps(urn)} cannot be deleted\n"
            "because it is protected. To unprotect the resource, either remove the `protect` flag from the "
            "resource in your Pulumi program and run `pulumi up`, or use the command:\n"
            f"`pulumi state unprotect '{urn}'`"
        )


@dataclass(eq=False)
class Step:
    """One step.

    `old` and `new` are the resource before and after. `keys` forced a replacement, `diffs` are all that
    differs. A logical step counts in the summary; the others are parts of one that does.
    """

    old: Resource | None = None
    new: Resource | None = None
    keys: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    detailed: dict[str, PropertyDiff] | None = None
    op: Op = Op.SAME
    logical: bool = True

    @property
    def resource(self) -> Resource:
        """The resource that the step is about."""
        found = self.new or self.old
        assert found is not None  # noqa: S101 - a step without both is never built
        return found

    @property
    def urn(self) -> str:
        """The URN of that resource."""
        return self.resource.urn

    def apply(self, deployment: Deployment) -> Callable[[], None] | None:
        """Do it. What is returned is called once the state is saved; it lets the program go on."""
        raise NotImplementedError

    def fail(self) -> None:
        """Tell the program, if it waits, that the step failed."""

    def skip(self) -> None:
        """Tell the program, if it waits, that the step was skipped."""


def _told(registration: Registration | ReadRequest | None, step: Step, *, failed: bool) -> None:
    if registration is not None and step.new is not None:
        registration.done(Registered(step.new, failed=failed, skipped=not failed))


@dataclass(eq=False)
class SameStep(Step):
    """Nothing changes. `skipped_create`: it does not exist and is not to be made now."""

    registration: Registration | None = None
    skipped_create: bool = False
    untargeted: bool = False

    def apply(self, deployment: Deployment) -> Callable[[], None]:
        assert self.new is not None  # noqa: S101
        assert self.old is not None  # noqa: S101
        self.new.id, self.new.outputs = self.old.id, self.old.outputs
        if self.new.is_provider and not self.skipped_create and not self.untargeted:
            deployment.providers.same(self.new.urn, self.new.id, self.old.inputs, checked=True)
        return self._complete

    def _complete(self) -> None:
        if self.registration is not None and self.new is not None:
            self.registration.done(Registered(self.new, unknown=self.skipped_create))

    def fail(self) -> None:
        _told(self.registration, self, failed=True)

    def skip(self) -> None:
        _told(self.registration, self, failed=False)


@dataclass(eq=False)
class CreateStep(Step):
    """A resource comes into being, perhaps to replace another."""

    registration: Registration | None = None
    replacing: bool = False
    pending_delete: bool = False

    def apply(self, deployment: Deployment) -> Callable[[], None]:
        new = self.new
        assert new is not None  # noqa: S101
        if new.custom:
            provider = deployment.providers.for_resource(new)
            new.id, new.outputs = provider.create(
                new.urn, new.inputs, timeout=new.custom_timeouts.get("create", 0), preview=deployment.preview
            )
        else:
            new.outputs = {}
        new.created = new.modified = timestamp()
        if self.pending_delete and self.old is not None:
            self.old.delete = True
        return self._complete

    def _complete(self) -> None:
        if self.registration is not None and self.new is not None:
            self.registration.done(Registered(self.new))

    def fail(self) -> None:
        _told(self.registration, self, failed=True)

    def skip(self) -> None:
        _told(self.registration, self, failed=False)


@dataclass(eq=False)
class UpdateStep(Step):
    """A resource changes in place."""

    registration: Registration | None = None
    ignore_changes: list[str] = field(default_factory=list)

    def apply(self, deployment: Deployment) -> Callable[[], None]:
        old, new = self.old, self.new
        assert old is not None  # noqa: S101
        assert new is not None  # noqa: S101
        new.id, new.created, new.modified = old.id, old.created, old.modified
        if new.custom:
            provider = deployment.providers.for_resource(new)
            new.outputs = provider.update(
                new.urn,
                old.id,
                old.inputs,
                old.outputs,
                new.inputs,
                self.ignore_changes,
                timeout=new.custom_timeouts.get("update", 0),
                preview=deployment.preview,
            )
            new.modified = timestamp()
        return self._complete

    def _complete(self) -> None:
        if self.registration is not None and self.new is not None:
            self.registration.done(Registered(self.new))

    def fail(self) -> None:
        _told(self.registration, self, failed=True)

    def skip(self) -> None:
        _told(self.registration, self, failed=False)


@dataclass(eq=False)
class ReplaceStep(Step):
    """Says that the steps around it are one replacement."""

    def apply(self, deployment: Deployment) -> None:  # noqa: ARG002 - the steps around it do the work
        return None


@dataclass(eq=False)
class DeleteStep(Step):
    """A resource goes away.

    `replacing`: another takes its place. `pending_replacement`: it is deleted before that one is made, and
    stays in the state, so marked, until then.
    """

    replacing: bool = False
    pending_replacement: bool = False

    def apply(self, deployment: Deployment) -> None:
        old = self.old
        assert old is not None  # noqa: S101
        if not self.replacing and old.protect and not deployment.options.ignore_protect:
            raise DeleteProtected(old.urn)
        gone_with_another = bool(old.deleted_with) and old.deleted_with in deployment.planner.deletes
        if (
            old.custom
            and not deployment.preview
            and not old.external
            and not old.retain_on_delete
            and not gone_with_another
        ):
            deployment.providers.for_resource(old).delete(
                old.urn, old.id, old.inputs, old.outputs, timeout=old.custom_timeouts.get("delete", 0)
            )
        if self.pending_replacement:
            old.pending_replacement = True


@dataclass(eq=False)
class RemovePendingReplaceStep(Step):
    """Forgets a resource that was deleted for a replacement that is not wanted any more."""

    def apply(self, deployment: Deployment) -> None:  # noqa: ARG002 - only the state changes
        return None


@dataclass(eq=False)
class ReadStep(Step):
    """A resource that something else manages is read."""

    request: ReadRequest | None = None
    replacing: bool = False

    def apply(self, deployment: Deployment) -> Callable[[], None]:
        new = self.new
        assert new is not None  # noqa: S101
        if new.id == UNKNOWN_STRING:
            new.outputs = {}
        else:
            found = deployment.providers.for_resource(new).read(
                new.urn, new.id, new.inputs, new.inputs, timeout=new.custom_timeouts.get("read", 0)
            )
            if found.outputs is None:
                raise EmbeddedError(f"resource '{new.id}' does not exist")
            new.outputs = found.outputs
            new.id = found.id or new.id
        if self.old is not None:
            if self.replacing:
                self.old.delete = True
            new.created, new.modified = self.old.created, self.old.modified
            if not deep_equals(new.inputs, self.old.inputs) or not deep_equals(new.outputs, self.old.outputs):
                new.modified = timestamp()
        return self._complete

    def _complete(self) -> None:
        if self.request is not None and self.new is not None:
            self.request.done(Registered(self.new))

    def fail(self) -> None:
        _told(self.request, self, failed=True)

    def skip(self) -> None:
        _told(self.request, self, failed=False)


@dataclass(eq=False)
class RefreshStep(Step):
    """The state is brought in line with the live resource. Afterwards `new` is None if that is gone."""

    result: DiffResult = field(default_factory=lambda: DiffResult(Changes.NONE))

    @property
    def result_op(self) -> Op:
        """What the refresh amounts to: same, update or delete."""
        if self.new is None:
            return Op.DELETE
        assert self.old is not None  # noqa: S101
        if self.new is self.old:
            return Op.SAME
        if self.old.external:
            return Op.UPDATE if diff_objects(self.old.outputs, self.new.outputs) else Op.SAME
        return Op.SAME if self.result.changes is Changes.NONE else Op.UPDATE

    @property
    def resource(self) -> Resource:
        """The resource before the refresh."""
        assert self.old is not None  # noqa: S101
        return self.old

    def apply(self, deployment: Deployment) -> None:
        old = self.old
        assert old is not None  # noqa: S101
        if not old.custom or old.is_provider or old.pending_replacement:
            return
        provider = deployment.providers.for_resource(old)
        found = provider.read(
            old.urn, old.id, old.inputs, old.outputs, timeout=old.custom_timeouts.get("read", 0)
        )
        if not found.id or found.outputs is None:
            self.new = None
            return
        new = old.copy()
        new.id, new.outputs = found.id, found.outputs
        new.inputs = old.inputs if found.inputs is None else found.inputs
        new.init_errors = []
        if not deep_equals(new.inputs, old.inputs) or not deep_equals(new.outputs, old.outputs):
            new.modified = timestamp()
        self.new = new
        if not old.external:
            # What would it take to bring the live resource back to the inputs of the state? The inverse of
            # that is what has happened to it.
            self.result = deployment.diff(provider, old, new.inputs, new.outputs, old.inputs).inverted()
            self.diffs, self.detailed = self.result.changed_keys, self.result.detailed
