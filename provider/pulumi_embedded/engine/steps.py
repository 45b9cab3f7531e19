# ruff: noqa: D102 - `Step` says what `apply` does
"""The steps of a deployment: what each does to the world, to the state and to the program waiting for it."""

from __future__ import annotations

import json
from collections.abc import Set
from dataclasses import dataclass, field
from enum import Enum

from pulumi_embedded.errors import EmbeddedError
from pulumi_embedded.language_host.requests import Registered, Registration
from pulumi_embedded.plugins.registry import Providers
from pulumi_embedded.state.resources import Resource, timestamp
from pulumi_embedded.state.urns import is_default_provider
from pulumi_embedded.values.diff import Changes, DiffResult, PropertyDiff, diff_objects
from pulumi_embedded.values.values import UNKNOWN_STRING, deep_equals

from .comparison import compare


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


class DeleteProtected(EmbeddedError):
    """A protected resource was to be deleted."""

    def __init__(self, urn: str) -> None:
        super().__init__(
            f"resource {json.dumps(urn)} cannot be deleted\n"
            "because it is protected. To unprotect the resource, either remove the `protect` flag from the "
            "resource in your Pulumi program and run `pulumi up`, or use the command:\n"
            f"`pulumi state unprotect '{urn}'`"
        )


@dataclass(frozen=True)
class StepContext:
    """What steps act on.

    `preview`: nothing is changed. `ignore_protect`: protected resources may be deleted. `deleted_urns`: what the plan
    deletes; a resource that goes away with another of these is not deleted by itself.
    """

    providers: Providers
    preview: bool
    ignore_protect: bool
    deleted_urns: Set[str]


@dataclass(eq=False)
class Step:
    """One step.

    `old` and `new` are the resource before and after. `keys` forced a replacement, `diffs` are all that
    differs. A logical step counts in the summary; the others are parts of one that does. `request` is the
    program's call that waits for the step.
    """

    old: Resource | None = None
    new: Resource | None = None
    keys: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    detailed: dict[str, PropertyDiff] | None = None
    op: Op = Op.SAME
    logical: bool = True
    request: Registration | None = field(default=None, kw_only=True)

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

    @property
    def changes_protection(self) -> bool:
        """Whether the resource gains or loses its protection."""
        return self.old is not None and self.new is not None and self.old.protect != self.new.protect

    def apply(self, context: StepContext) -> None:
        """Do it.

        Raises:
            EmbeddedError: it failed.
        """
        raise NotImplementedError

    def complete(self) -> None:
        """Let the program go on, once the state is saved."""
        self._return()

    def fail(self) -> None:
        """Tell the program, if it waits, that the step failed or was skipped."""
        self._return(failed=True)

    def _return(self, *, failed: bool = False, unknown: bool = False) -> None:
        if self.request is not None and self.new is not None:
            self.request.done(Registered(self.new, failed=failed, unknown=unknown))


def is_internal(step: Step) -> bool:
    """Whether a step is the engine's own affair and not shown."""
    return step.op is Op.REMOVE_PENDING_REPLACE or is_default_provider(step.urn)


@dataclass(eq=False)
class SameStep(Step):
    """Nothing changes. `skipped_create`: it does not exist and is not to be made now."""

    skipped_create: bool = False
    untargeted: bool = False

    def apply(self, context: StepContext) -> None:
        assert self.new is not None  # noqa: S101
        assert self.old is not None  # noqa: S101
        self.new.id, self.new.outputs = self.old.id, self.old.outputs
        if self.new.is_provider and not self.skipped_create and not self.untargeted:
            context.providers.load(self.new.urn, self.new.id, self.old.inputs)

    def complete(self) -> None:
        self._return(unknown=self.skipped_create)


@dataclass(eq=False)
class CreateStep(Step):
    """A resource comes into being, perhaps to replace another, which is then to be deleted later."""

    pending_delete: bool = False

    def apply(self, context: StepContext) -> None:
        new = self.new
        assert new is not None  # noqa: S101
        if new.custom:
            provider = context.providers.for_resource(new)
            new.id, new.outputs = provider.create(new, preview=context.preview)
        else:
            new.outputs = {}
        new.created = new.modified = timestamp()
        if self.pending_delete and self.old is not None:
            self.old.delete = True


@dataclass(eq=False)
class UpdateStep(Step):
    """A resource changes in place."""

    op: Op = Op.UPDATE
    ignore_changes: list[str] = field(default_factory=list)

    def apply(self, context: StepContext) -> None:
        old, new = self.old, self.new
        assert old is not None  # noqa: S101
        assert new is not None  # noqa: S101
        new.id, new.created, new.modified = old.id, old.created, old.modified
        if new.custom:
            provider = context.providers.for_resource(new)
            new.outputs = provider.update(old, new, self.ignore_changes, preview=context.preview)
            new.modified = timestamp()


@dataclass(eq=False)
class ReplaceStep(Step):
    """Says that the steps around it are one replacement."""

    op: Op = Op.REPLACE

    def apply(self, context: StepContext) -> None:
        """Do nothing: the steps around it do the work."""


@dataclass(eq=False)
class DeleteStep(Step):
    """A resource goes away.

    `replacing`: another takes its place. `pending_replacement`: it is deleted before that one is made, and
    stays in the state, so marked, until then.
    """

    replacing: bool = False
    pending_replacement: bool = False

    def apply(self, context: StepContext) -> None:
        old = self.old
        assert old is not None  # noqa: S101
        if not self.replacing and old.protect and not context.ignore_protect:
            raise DeleteProtected(old.urn)
        gone_with_another = bool(old.deleted_with) and old.deleted_with in context.deleted_urns
        if (
            old.custom
            and not context.preview
            and not old.external
            and not old.retain_on_delete
            and not gone_with_another
        ):
            context.providers.for_resource(old).delete(old)
        if self.pending_replacement:
            old.pending_replacement = True


@dataclass(eq=False)
class RemovePendingReplaceStep(Step):
    """Forgets a resource that was deleted for a replacement that is no longer wanted."""

    op: Op = Op.REMOVE_PENDING_REPLACE
    logical: bool = False

    def apply(self, context: StepContext) -> None:
        """Do nothing: only the state changes."""


@dataclass(eq=False)
class ReadStep(Step):
    """A resource that something else manages is read. `replacing`: in place of one that is managed here."""

    replacing: bool = False

    def apply(self, context: StepContext) -> None:
        new = self.new
        assert new is not None  # noqa: S101
        if new.id == UNKNOWN_STRING:
            new.outputs = {}
        else:
            found = context.providers.for_resource(new).read(new, new.inputs)
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


@dataclass(eq=False)
class RefreshStep(Step):
    """The state is brought in line with the live resource. Afterwards `new` is None if that is gone."""

    op: Op = Op.REFRESH
    logical: bool = False
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

    def apply(self, context: StepContext) -> None:
        old = self.old
        assert old is not None  # noqa: S101
        if not old.custom or old.is_provider or old.pending_replacement:
            return
        provider = context.providers.for_resource(old)
        found = provider.read(old, old.outputs)
        if not found.id or found.outputs is None:
            self.new = None
            return
        new = old.copy()
        new.id, new.outputs = found.id, found.outputs
        new.inputs = old.inputs if found.inputs is None else found.inputs
        new.init_errors = []
        # What something else manages is compared with what was read, even if no inputs were read.
        inputs = (found.inputs or {}) if old.external else new.inputs
        if not deep_equals(inputs, old.inputs) or not deep_equals(new.outputs, old.outputs):
            new.modified = timestamp()
        self.new = new
        if not old.external:
            # What would it take to bring the live resource back to the inputs of the state? The inverse of
            # that is what has happened to it.
            difference = compare(provider, new, old.inputs, preview=context.preview)
            self.result = difference.inverted()
            self.diffs, self.detailed = self.result.changed_keys, self.result.detailed
