"""Running steps: several at once, the state saved around each, failures kept from spreading."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from pulumi_embedded.errors import EmbeddedError
from pulumi_embedded.language_host.requests import OutputsRequest
from pulumi_embedded.state.journal import SnapshotManager, StateNotWritten
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import ROOT_STACK_TYPE
from pulumi_embedded.values.values import Secret

from .events import Options
from .inventory import Inventory
from .reporter import Reporter
from .steps import (
    CreateStep,
    DeleteProtected,
    DeleteStep,
    Op,
    ReadStep,
    RefreshStep,
    RemovePendingReplaceStep,
    ReplaceStep,
    SameStep,
    Step,
    StepContext,
)

_OPERATIONS = {
    Op.CREATE: "creating",
    Op.CREATE_REPLACEMENT: "creating",
    Op.UPDATE: "updating",
    Op.DELETE: "deleting",
    Op.DELETE_REPLACED: "deleting",
    Op.DISCARD: "deleting",
    Op.DISCARD_REPLACED: "deleting",
    Op.READ: "reading",
    Op.READ_REPLACEMENT: "reading",
}
"""How a state names the operation while it runs. The other steps leave no trace when interrupted."""


class Executor:
    """Runs chains of steps on a bounded number of threads.

    A failed step ends its chain and, unless the deployment continues on errors, keeps every step that has not
    begun from beginning. Steps in flight are always finished, whatever ends the `with` block of the executor.
    """

    def __init__(
        self,
        context: StepContext,
        inventory: Inventory,
        reporter: Reporter,
        snapshot: SnapshotManager | None,
        options: Options,
        *,
        on_stop: Callable[[], None],
        ignore_errors: bool = False,
    ) -> None:
        """Start the threads.

        Args:
            context: what the steps act on.
            inventory: where the resources of finished steps go.
            reporter: told of every step.
            snapshot: keeps the state; None in a preview.
            options: how many steps run at once, and whether to continue on errors.
            on_stop: called when a failure keeps further steps from beginning.
            ignore_errors: whether a failed step concerns no other one.
        """
        self._context = context
        self._inventory = inventory
        self._reporter = reporter
        self._snapshot = snapshot
        self._options = options
        self._on_stop = on_stop
        self._ignore_errors = ignore_errors
        self._pool = ThreadPoolExecutor(options.parallel, thread_name_prefix="step")
        self._running: list[Future[None]] = []
        self._abandoned = False
        self.is_stopped = (
            False  # no lock to set it: a signal handler does, in a thread that may be setting it
        )
        self.failed = False
        self.failed_steps: list[Step] = []
        self._registered: dict[str, Step] = {}
        self._stack_outputs: OutputsRequest | None = None
        self._lock = threading.Lock()

    # -- chains

    def run(self, chain: Sequence[Step]) -> Future[None]:
        """Run steps one after another: in the background, if any of them calls a provider."""
        if all(self._is_quick(step) for step in chain):
            self._run_chain(chain)
            future: Future[None] = Future()
            future.set_result(None)
            return future
        future = self._pool.submit(self._run_chain, list(chain))
        self._running.append(future)
        return future

    def _is_quick(self, step: Step) -> bool:
        """Whether a step has nothing to wait for, so that handing it to another thread would take longer."""
        if isinstance(step, (SameStep, ReplaceStep, RemovePendingReplaceStep)):
            return True
        return self._context.preview and not isinstance(step, (ReadStep, RefreshStep))

    def run_all(self, steps: Sequence[Step]) -> None:
        """Run steps at once and wait for all of them."""
        wait([self.run([step]) for step in steps])

    def drain(self) -> None:
        """Wait for everything that was started."""
        wait(self._running)
        self._running.clear()

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the steps in flight, which save what they did, and end the threads."""
        if kind is not None:
            self.stop()
        self._pool.shutdown(wait=True)

    def stop(self) -> None:
        """Let no further step begin."""
        self.is_stopped = True

    def abandon(self) -> None:
        """Save nothing of what ends from now on."""
        self._abandoned = True

    def _run_chain(self, chain: Sequence[Step]) -> None:
        for step in chain:
            if self.is_stopped:
                return
            try:
                if not self._run_step(step):
                    return
            except StateNotWritten as error:
                self._spread(step, error)  # told once, when the run is over
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends this chain and is shown
                self._reporter.error(step.urn, str(error))
                self._spread(step, error)
                return

    def _spread(self, step: Step, error: Exception) -> None:
        self.failed = True
        if self._ignore_errors:
            return
        # Nothing was done for a protected resource, so the others can go on and be reported as well.
        goes_on = self._options.continue_on_error and not isinstance(error, StateNotWritten)
        if goes_on or isinstance(error, DeleteProtected):
            step.fail()
            with self._lock:
                self.failed_steps.append(step)
            return
        self.stop()
        self._on_stop()

    # -- one step

    def _run_step(self, step: Step) -> bool:
        self._reporter.step_started(step)
        self._begin(step)
        error = None
        try:
            step.apply(self._context)
        except EmbeddedError as failure:
            error = failure
        if error is None:
            self._keep(step)
            self._reporter.step_done(step)
        else:
            self._reporter.step_failed(step, str(error))
        if self._abandoned:
            return False
        self._end(step, succeeded=error is None)
        if error is not None:
            self._spread(step, error)
            return False
        step.complete()
        return True

    def _keep(self, step: Step) -> None:
        """Remember what a finished step made."""
        new = step.new
        if new is None:
            return
        if step.logical:
            self._registered[step.urn] = step
        if step.op is Op.REPLACE:
            return
        self._mark_secrets(new)
        self._inventory.news[new.urn] = new

    def _mark_secrets(self, new: Resource) -> None:
        """Mark the outputs that were asked to be secret, and those whose input of the same name is."""
        outputs = dict(new.outputs)
        for key in new.additional_secret_outputs:
            if key == "id":
                self._reporter.warning(
                    new.urn,
                    "The 'id' property cannot be made secret. See pulumi/pulumi#2717 for more details.",
                )
            elif key in outputs and not isinstance(outputs[key], Secret):
                outputs[key] = Secret(outputs[key])
        for key, value in outputs.items():
            if not isinstance(value, Secret) and isinstance(new.inputs.get(key), Secret):
                outputs[key] = Secret(value)
        new.outputs = outputs

    # -- the state

    def _begin(self, step: Step) -> None:
        snapshot = self._snapshot
        if snapshot is not None and step.op in _OPERATIONS:
            snapshot.begin(step.resource, _OPERATIONS[step.op])

    def _end(self, step: Step, *, succeeded: bool) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        old, new = step.old, step.new
        if not succeeded:
            if step.op in _OPERATIONS:
                snapshot.end(step.resource)
            return
        if isinstance(step, (ReplaceStep, RefreshStep)) or (
            isinstance(step, SameStep) and step.skipped_create
        ):
            return  # nothing is different, or the state is rebuilt as a whole when all are done
        # A resource that is to go later, or that waits for its replacement, stays in the state, so marked.
        stays = old is not None and (
            (isinstance(step, CreateStep) and not old.pending_replacement)
            or (isinstance(step, ReadStep) and step.replacing)
            or (isinstance(step, DeleteStep) and old.pending_replacement)
        )
        olds = [] if old is None else [old]
        snapshot.end(step.resource, consumed=[] if stays else olds, new=new, changed=olds if stays else [])

    # -- outputs of components

    def register_outputs(self, request: OutputsRequest) -> None:
        """Set a component's outputs. The stack's own are kept until the end.

        Raises:
            EmbeddedError: the component is not registered.
        """
        step = self._registered.get(request.urn)
        if step is not None and step.resource.type == ROOT_STACK_TYPE:
            self._stack_outputs = request
            request.result.set_result(None)
            return
        self._set_outputs(request, request.outputs)
        request.result.set_result(None)

    def finish_stack(self, *, failed: bool) -> None:
        """Set the stack's outputs. After a failure, outputs that are missing now keep their old values."""
        request = self._stack_outputs
        if request is None:
            return
        outputs = request.outputs
        if failed:
            old = self._inventory.olds.get(request.urn)
            outputs = {**(old.outputs if old else {}), **outputs}
        self._set_outputs(request, outputs)

    def _set_outputs(self, request: OutputsRequest, outputs: dict[str, object]) -> None:
        step = self._registered.pop(request.urn, None)
        if step is None:
            raise EmbeddedError(
                f"cannot complete a resource '{request.urn}' whose registration isn't pending"
            )
        if isinstance(step, SameStep) and step.skipped_create:
            return
        assert step.new is not None  # noqa: S101
        step.new.outputs = outputs
        self._reporter.outputs_registered(step)
        if self._snapshot is not None:
            self._snapshot.record_change(step.new)
