"""One deployment: a preview or an update, a refresh or a destruction, from the first step to the last."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from typing import TypeAlias

from pulumi_embedded.errors import Bail, EmbeddedError
from pulumi_embedded.language_host.monitor import Server
from pulumi_embedded.language_host.program import SHOWN_EXIT_CODE, Program, start_provider
from pulumi_embedded.language_host.requests import (
    AllRegistered,
    Event,
    Goal,
    OutputsRequest,
    ReadRequest,
    Refused,
    Registration,
)
from pulumi_embedded.plugins.dynamic import ProviderProcess
from pulumi_embedded.plugins.registry import Providers
from pulumi_embedded.project.run_info import RunInfo
from pulumi_embedded.state.checkpoint import Snapshot
from pulumi_embedded.state.journal import SnapshotManager, StateNotWritten
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import is_default_provider, make_urn
from pulumi_embedded.values.values import Properties

from .deletions import Deletions, schedule_deletions
from .dependents import Dependents
from .events import Events, Options, Result
from .executor import Executor
from .inventory import Inventory
from .plan import Plan
from .planner import Planner
from .refresh import plan_refresh, rebuilt_resources
from .reporter import Reporter
from .steps import Step, StepContext
from .targets import Targets


@dataclass
class _Exited:
    code: int


class _Stopped:
    """Nothing more begins: a step has failed, or the run was interrupted."""


_Event: TypeAlias = Event | _Exited | _Stopped


class Deployment:
    """Runs the program, plans the steps that it asks for, and has them executed."""

    def __init__(
        self,
        info: RunInfo,
        base: Snapshot,
        options: Options,
        events: Events,
        *,
        snapshot: SnapshotManager | None,
        stack_outputs: Callable[[str], Properties],
    ) -> None:
        """Prepare a deployment.

        Args:
            info: the project whose program runs, the stack, its configuration in the clear.
            base: the state before; a refresh changes it.
            options: what to do.
            events: who watches.
            snapshot: keeps the state; None in a preview.
            stack_outputs: reads another stack's outputs, by its name.
        """
        self._info = info
        self._options = options
        self.snapshot = snapshot
        self._reporter = Reporter(events, preview=info.preview, refresh_only=options.refresh_only)
        self._inventory = inventory = Inventory(base)
        self._providers = providers = Providers(
            self._start_provider, stack_outputs, lambda: inventory.base.resources
        )
        self._plan = plan = Plan()
        dependents = Dependents(
            inventory, plan, providers, self._reporter, ignore_protect=options.ignore_protect
        )
        self._planner = Planner(
            info.stack,
            info.project.name,
            inventory,
            plan,
            dependents,
            providers,
            self._reporter,
            options,
            preview=info.preview,
        )
        self._deletions = Deletions(
            inventory, plan, dependents, providers, self._reporter, options, preview=info.preview
        )
        self._step_context = StepContext(providers, info.preview, options.ignore_protect, plan.deletes)
        self._skipped: set[str] = set()
        self._queue: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._was_interrupted = False
        self._executor: Executor | None = None
        self._server: Server | None = None
        self._program: Program | None = None
        self._program_exited = False

    # -- run

    def run(self) -> Result:
        """Do it all. Failures are shown as they come and told by the result."""
        started = time.monotonic()
        succeeded = False
        try:
            self._execute()
            succeeded = True
        except (Bail, StateNotWritten):
            pass  # the one is told already, the other once the state is closed
        except EmbeddedError as error:
            self._reporter.error("", str(error))
        finally:
            self._close()
        return Result(self._reporter.changes, time.monotonic() - started, succeeded)

    def interrupt(self) -> None:
        """Start nothing more, and end when the steps in flight have."""
        self._was_interrupted = True
        if self._executor is not None:
            self._executor.stop()
        self._queue.put(_Stopped())

    def terminate(self) -> None:
        """End the child processes at once; nothing that happens from now on is saved."""
        if self._executor is not None:
            self._executor.abandon()
        if self._program is not None:
            self._program.kill()
        self._providers.kill()

    def _execute(self) -> None:
        if self._options.destroy or self._options.refresh_only:
            self._check_targets_exist()
        if self._options.refresh:
            self._refresh()
            if self._options.refresh_only:
                return
        elif self._inventory.base.pending and not self._info.preview:
            self._warn_of_pending()
        self._check_targets(self._options.replace_targets)
        failure: EmbeddedError | None = None
        with self._make_executor() as executor:
            self._executor = executor
            try:
                if not self._options.destroy:
                    self._serve(executor)
                if not executor.is_stopped and not self._was_interrupted:
                    self._finish(executor)
            except Bail as error:
                failure = error
            except EmbeddedError as error:
                self._reporter.error("", str(error))
                failure = error
            if failure is not None:
                executor.stop()
        steps_failed = executor.failed or self._plan.errored
        executor.finish_stack(failed=failure is not None or steps_failed or self._was_interrupted)
        if isinstance(failure, Bail):
            raise failure
        if steps_failed:
            self._report("failed")
        if failure is not None:
            raise Bail(str(failure))  # it is reported already
        if self._was_interrupted:
            self._report("canceled")

    def _report(self, how: str) -> None:
        self._reporter.error("", f"{'preview' if self._info.preview else 'update'} {how}")
        raise Bail(how)

    def _serve(self, executor: Executor) -> None:
        """Run the program and do what it registers, until it has registered everything."""
        self._server = Server(self._info, self._queue.put, find=self._inventory.find, log=self._reporter.log)
        self._program = Program(
            self._info,
            self._server.address,
            on_line=self._reporter.line,
            on_exit=lambda code: self._queue.put(_Exited(code)),
        )
        while not self._program_exited:
            request = self._next(executor)
            if isinstance(request, (_Stopped, AllRegistered)):
                return
            if isinstance(request, (Registration, OutputsRequest)):
                self._handle(executor, request)

    def _next(self, executor: Executor) -> _Event:
        """Wait for what the program asks for, which does not count any more once the run is to end.

        Raises:
            Bail: it asks for what this engine does not do, or it has failed; that has been reported.
            EmbeddedError: it has ended with an error that it did not show.
        """
        event = self._queue.get()
        if executor.is_stopped or self._was_interrupted:
            return _Stopped()
        if isinstance(event, Refused):
            self._reporter.error("", str(event.error))
            raise Bail(str(event.error))
        if isinstance(event, _Exited):
            self._program_ended(event.code)
        return event

    def _handle(self, executor: Executor, request: Registration | OutputsRequest) -> None:
        urn = request.urn if isinstance(request, OutputsRequest) else self._urn_of(request.goal)
        try:
            if isinstance(request, OutputsRequest):
                executor.register_outputs(request)
                return
            steps = (
                self._planner.read(request)
                if isinstance(request, ReadRequest)
                else self._planner.register(request)
            )
        except Bail:
            raise
        except EmbeddedError as error:
            self._reporter.error("" if is_default_provider(urn) else urn, str(error))
            raise Bail(str(error)) from error
        chain = self._without_skipped(executor, steps)
        if chain:
            executor.run(chain)

    def _urn_of(self, goal: Goal) -> str:
        return make_urn(self._info.stack, self._info.project.name, goal.parent, goal.type, goal.name)

    def _without_skipped(self, executor: Executor, steps: list[Step]) -> list[Step]:
        """Leave out what needs a resource that failed; there are such only when errors are continued on."""
        skipped = self._skipped
        skipped.update(step.resource.urn for step in executor.failed_steps)
        chain = []
        for step in steps:
            if skipped and any(urn in skipped for urn in step.resource.depends_on()):
                step.fail()
                skipped.add(step.resource.urn)
            else:
                chain.append(step)
        return chain

    def _program_ended(self, code: int) -> None:
        self._program_exited = True
        if code == SHOWN_EXIT_CODE:
            raise Bail("the program failed")
        if code:
            raise EmbeddedError(
                f"an unhandled error occurred: program exited with non-zero exit code: {code}"
            )

    def _finish(self, executor: Executor) -> None:
        """Deal with the resources that the program did not register."""
        missing = self._missing_targets(self._options.targets)
        if self._inventory.base.resources:
            executor.drain()
            if executor.is_stopped:
                return
            sames, deletes = self._deletions.steps()
            wait([executor.run(sames)])
            self._delete(executor, deletes)
        else:
            executor.drain()
        if missing:
            self._report_missing(missing)
        if self._server is not None and not executor.is_stopped:
            self._await_program(executor)

    def _await_program(self, executor: Executor) -> None:
        """Let the program end, and mind how it does."""
        assert self._server is not None  # noqa: S101
        self._server.release()
        while not self._program_exited and not isinstance(self._next(executor), _Stopped):
            pass

    def _delete(self, executor: Executor, steps: list[Step]) -> None:
        blocked: set[Resource] = set()
        seen: set[Step] = set()
        for batch in schedule_deletions(steps, self._inventory.graph):
            for step in executor.failed_steps:
                if step in seen:
                    continue
                seen.add(step)
                for resource in (step.resource, step.old):
                    if resource is not None and resource in self._inventory.graph:
                        blocked |= self._inventory.graph.transitive_dependencies_of(resource)
            executor.run_all([step for step in batch if step.resource not in blocked])
            if executor.is_stopped:
                return

    def _close(self) -> None:
        self._reporter.silence()
        if self._server is not None:
            self._server.abort()
        if self._program is not None:
            self._program.stop()
        if self._server is not None:
            self._server.close()
        self._providers.close()

    # -- targets and pending operations

    def _check_targets_exist(self) -> None:
        """Check what runs no program, and so makes nothing, before anything else."""
        known = {resource.urn for resource in self._inventory.base.resources}
        for urn in self._options.targets.literals:
            if urn not in known:
                raise EmbeddedError(f"no resource named '{urn}' found")

    def _missing_targets(self, targets: Targets) -> list[str]:
        known = self._plan.urns | {resource.urn for resource in self._inventory.base.resources}
        return [urn for urn in targets.literals if urn not in known]

    def _report_missing(self, missing: list[str]) -> None:
        for urn in missing:
            hint = "" if "$" in urn else (" Did you forget to escape $ in your shell?")
            self._reporter.error("", f"Target '{urn}' could not be found in the stack.{hint}")
        raise Bail("one or more targets could not be found in the stack")

    def _check_targets(self, targets: Targets) -> None:
        if missing := self._missing_targets(targets):
            self._report_missing(missing)

    def _warn_of_pending(self) -> None:
        lines = [
            (
                "Attempting to deploy or update resources with "
                f"{len(self._inventory.base.pending)} pending operations from previous deployment."
            ),
            *(
                f"  * {found.resource.urn}, interrupted while {found.kind}"
                for found in self._inventory.base.pending
            ),
            (
                "These resources are in an unknown state because an earlier run was interrupted while it waited for "
                "changes to them to complete. Check in the service itself whether the operations took place."
            ),
            "",
            (
                "Then run `refresh`: it reads the live resources and clears the pending operations. Pending creations "
                "are cleared by `refresh --clear-pending-creates`."
            ),
        ]
        self._reporter.warning("", "\n".join(lines))

    # -- refresh

    def _refresh(self) -> None:
        if not self._inventory.base.resources:
            return
        self._check_targets(self._options.targets)
        steps = plan_refresh(self._inventory, self._providers, self._options)
        with self._make_executor(ignore_errors=True) as executor:
            self._executor = executor
            executor.run_all(steps)
        refreshed = {step.resource: step.new for step in steps}
        self._inventory.replace_base(rebuilt_resources(self._inventory.base.resources, refreshed))
        if self.snapshot is not None:
            self.snapshot.save_all()
        if executor.failed:
            self._report("failed")
        if self._was_interrupted:
            self._report("canceled")

    def _make_executor(self, *, ignore_errors: bool = False) -> Executor:
        return Executor(
            self._step_context,
            self._inventory,
            self._reporter,
            self.snapshot,
            self._options,
            on_stop=lambda: self._queue.put(_Stopped()),
            ignore_errors=ignore_errors,
        )

    def _start_provider(self) -> ProviderProcess:
        address = self._server.address if self._server is not None else "127.0.0.1:0"
        return start_provider(self._info.project, address, self._reporter.line)
