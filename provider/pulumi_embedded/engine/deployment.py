"""One deployment: a preview or an update, a refresh or a destruction, from the first step to the last."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any

from pulumi_embedded.errors import Bail, EmbeddedError
from pulumi_embedded.language_host.monitor import Server
from pulumi_embedded.language_host.program import SHOWN_EXIT_CODE, Program, start_provider
from pulumi_embedded.plugins.registry import Provider, Providers
from pulumi_embedded.project.project import Project
from pulumi_embedded.project.stack_config import ConfigValue
from pulumi_embedded.state.checkpoint import Snapshot
from pulumi_embedded.state.journal import SnapshotManager
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import is_default_provider, make_urn
from pulumi_embedded.values.diff import Changes, DiffResult, compare_inputs, diff_objects
from pulumi_embedded.values.property_paths import parse_path, reset_path
from pulumi_embedded.values.values import Properties, Secret, Value, copy

from .events import Events, Options, Result
from .executor import Executor
from .graph import DependencyGraph
from .planner import Planner, schedule_deletions
from .requests import OutputsRequest, ReadRequest, Registration
from .steps import Op, RefreshStep, Step
from .targets import Targets


class Deployment:
    """Runs the program, plans the steps that it asks for, and has them executed."""

    def __init__(
        self,
        project: Project,
        stack_name: str,
        config: Mapping[str, ConfigValue],
        base: Snapshot,
        options: Options,
        events: Events,
        *,
        snapshot: SnapshotManager | None,
        stack_outputs: Callable[[str], Properties],
    ) -> None:
        """Prepare a deployment.

        Args:
            project: the project whose program runs.
            stack_name: the stack's short name.
            config: the stack's configuration in the clear.
            base: the state before; a refresh changes it.
            options: what to do.
            events: who watches.
            snapshot: keeps the state; None makes this a preview.
            stack_outputs: reads another stack's outputs, by its name.
        """
        self.project = project
        self.project_name = project.name
        self.stack_name = stack_name
        self.config = config
        self.base = base
        self.options = options
        self.events = events
        self.snapshot = snapshot
        self.preview = snapshot is None
        self.terminated = False
        self._closing = False
        self.news: dict[str, Resource] = {}
        self.read_resources: dict[str, Resource] = {}
        self.providers = Providers(self._start_provider, stack_outputs, lambda: self.base.resources)
        self._index_base()
        self.planner = Planner(self)
        self._changes: Counter[Op] = Counter()
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._registered = False
        self._interrupted = threading.Event()
        self._corrupt = False
        self._executor: Executor | None = None
        self._server: Server | None = None
        self._program: Program | None = None
        self._lock = threading.Lock()

    def _index_base(self) -> None:
        self.olds = {resource.urn: resource for resource in self.base.resources if not resource.delete}
        self.graph = DependencyGraph(self.base.resources)

    # -- run

    def run(self) -> Result:
        """Do it all. Failures are shown as they come and told by the result."""
        started = time.monotonic()
        succeeded = False
        try:
            self._execute()
            succeeded = True
        except Bail:
            pass
        except EmbeddedError as error:
            self.error("", str(error))
        finally:
            self._close()
        return Result(
            self._changes, time.monotonic() - started, succeeded, self._corrupt, self._interrupted.is_set()
        )

    def interrupt(self) -> None:
        """Start nothing more, and end when the steps in flight have."""
        self._interrupted.set()
        if self._executor is not None:
            self._executor.stop()
        self.wake()

    def terminate(self) -> None:
        """End the child processes at once; nothing that happens from now on is saved."""
        self.terminated = True
        if self._program is not None:
            self._program.kill()
        self.providers.kill()

    def _execute(self) -> None:
        if self.options.refresh:
            self._refresh()
            if self.options.refresh_only:
                return
        elif self.base.pending and not self.preview:
            self._warn_of_pending()
        self._check_targets(self.options.replace_targets, self.planner.urns)
        self._executor = executor = Executor(self)
        failure: EmbeddedError | None = None
        try:
            if not self.options.destroy:
                self._serve()
            if not executor.stopped.is_set() and not self._interrupted.is_set():
                self._finish()
        except Bail as error:
            failure = error
        except EmbeddedError as error:
            self.error("", str(error))
            failure = error
        if failure is not None:
            executor.stop()
        executor.close()
        steps_failed = executor.failed or self.planner.errored
        executor.finish_stack(failed=failure is not None or steps_failed or self._interrupted.is_set())
        if isinstance(failure, Bail):
            raise failure
        if steps_failed:
            self._report("failed")
        if failure is not None:
            raise Bail(str(failure))  # it is reported already
        if self._interrupted.is_set():
            self._report("canceled")

    def _report(self, how: str) -> None:
        self.error("", f"{'preview' if self.preview else 'update'} {how}")
        raise Bail(how)

    def _serve(self) -> None:
        """Run the program and do what it registers, until it has registered everything."""
        assert self._executor is not None  # noqa: S101
        self._server = Server(self)
        self._program = Program(
            self.project,
            self.stack_name,
            self.config,
            self._server.address,
            parallel=self.options.parallel,
            preview=self.preview,
            on_line=self._program_line,
            on_exit=lambda code: self._queue.put(_Exited(code)),
        )
        while True:
            request = self._queue.get()
            if self._executor.stopped.is_set() or self._interrupted.is_set():
                return
            if isinstance(request, _Refused):
                self.error(request.urn, str(request.error))
                raise Bail(str(request.error))
            if isinstance(request, _Exited):
                self._program_ended(request.code)
                return
            if isinstance(request, _AllRegistered):
                return
            self._handle(request)

    def _handle(self, request: Any) -> None:
        assert self._executor is not None  # noqa: S101
        urn = ""
        try:
            if isinstance(request, OutputsRequest):
                urn = request.urn
                self._executor.register_outputs(request)
                return
            if isinstance(request, Registration):
                urn = self._urn_of(request.goal.parent, request.goal.type, request.goal.name)
                steps = self.planner.register(request)
            elif isinstance(request, ReadRequest):
                urn = self._urn_of(request.goal.parent, request.goal.type, request.goal.name)
                steps = self.planner.read(request)
            else:
                return
        except Bail:
            raise
        except EmbeddedError as error:
            self.error("" if is_default_provider(urn) else urn, str(error))
            raise Bail(str(error)) from error
        chain = self._without_skipped(steps)
        if chain:
            self._executor.run(chain)

    def _urn_of(self, parent: str, kind: str, name: str) -> str:
        return make_urn(self.stack_name, self.project_name, parent, kind, name)

    def _without_skipped(self, steps: list[Step]) -> list[Step]:
        """Leave out what needs a resource that failed; there are such only when errors are continued on."""
        assert self._executor is not None  # noqa: S101
        skipped = self._skipped
        skipped.update(step.resource.urn for step in self._executor.failed_steps)
        chain = []
        for step in steps:
            if skipped and any(urn in skipped for urn in step.resource.depends_on()):
                step.skip()
                skipped.add(step.resource.urn)
            else:
                chain.append(step)
        return chain

    @property
    def _skipped(self) -> set[str]:
        found: set[str] = self.__dict__.setdefault("_skipped_urns", set())
        return found

    def _program_ended(self, code: int) -> None:
        if code == SHOWN_EXIT_CODE:
            raise Bail("the program failed")
        if code:
            raise EmbeddedError(
                f"an unhandled error occurred: program exited with non-zero exit code: {code}"
            )

    def _finish(self) -> None:
        """Deal with the resources that the program did not register."""
        assert self._executor is not None  # noqa: S101
        missing = self._missing_targets(self.options.targets, self.planner.urns)
        if self.base.resources:
            self._executor.drain()
            if self._executor.stopped.is_set():
                return
            sames, deletes = self.planner.deletions(self.options.targets)
            wait([self._executor.run(sames)])
            self._delete(deletes)
        else:
            self._executor.drain()
        if missing:
            self._report_missing(missing)
        if self._server is not None and not self._executor.stopped.is_set():
            self._await_program()

    def _await_program(self) -> None:
        """Let the program end, and mind how it does."""
        assert self._server is not None  # noqa: S101
        self._server.release()
        while True:
            request = self._queue.get()
            if self._interrupted.is_set():
                return
            if isinstance(request, _Refused):
                self.error(request.urn, str(request.error))
                raise Bail(str(request.error))
            if isinstance(request, _Exited):
                self._program_ended(request.code)
                return

    def _delete(self, steps: list[Step]) -> None:
        assert self._executor is not None  # noqa: S101
        blocked: set[Resource] = set()
        seen: set[Step] = set()
        for batch in schedule_deletions(steps, self.graph):
            for step in self._executor.failed_steps:
                if step in seen:
                    continue
                seen.add(step)
                for resource in (step.resource, step.old):
                    if resource is not None and resource in self.graph:
                        blocked |= self.graph.transitive_dependencies_of(resource)
            self._executor.run_all([step for step in batch if step.resource not in blocked])
            if self._executor.stopped.is_set():
                return

    def _close(self) -> None:
        # What a program says when it is stopped is no news: why it is stopped has been said.
        self._closing = True
        if self._server is not None:
            self._server.abort()
        if self._program is not None:
            self._program.stop()
        if self._server is not None:
            self._server.close()
        self.providers.close()

    # -- targets and pending operations

    def _missing_targets(self, targets: Targets, news: set[str]) -> list[str]:
        known = news | {resource.urn for resource in self.base.resources}
        return [urn for urn in targets.literals if urn not in known]

    def _report_missing(self, missing: list[str]) -> None:
        for urn in missing:
            hint = "" if "$" in urn else (" Did you forget to escape $ in your shell?")
            self.error("", f"Target '{urn}' could not be found in the stack.{hint}")
        raise Bail("one or more targets could not be found in the stack")

    def _check_targets(self, targets: Targets, news: set[str]) -> None:
        if missing := self._missing_targets(targets, news):
            self._report_missing(missing)

    def _warn_of_pending(self) -> None:
        lines = [
            (
                "Attempting to deploy or update resources with "
                f"{len(self.base.pending)} pending operations from previous deployment."
            ),
            *(f"  * {found.resource.urn}, interrupted while {found.kind}" for found in self.base.pending),
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
        self.warning("", "\n".join(lines))

    # -- refresh

    def _refresh(self) -> None:
        if not self.base.resources:
            return
        self._check_targets(self.options.targets, set())
        targets = self.options.targets.copy()
        steps: dict[Resource, RefreshStep] = {}
        for resource in self.base.resources:
            needed = {*resource.depends_on(), resource.provider_urn} - {""}
            if resource.urn in targets:
                pass
            elif self.options.target_dependents and any(urn in targets for urn in needed):
                targets.add(resource.urn)
            else:
                continue
            self.providers.ensure(resource.provider)
            steps[resource] = RefreshStep(resource, resource, op=Op.REFRESH, logical=False)
        self._executor = executor = Executor(self, ignore_errors=True)
        executor.run_all(list(steps.values()))
        executor.close()
        self._rebuild({resource: step.new for resource, step in steps.items()})
        if self.snapshot is not None:
            self.snapshot.rebuilt()
        if executor.failed:
            self._report("failed")
        if self._interrupted.is_set():
            self._report("canceled")

    def _rebuild(self, refreshed: dict[Resource, Resource | None]) -> None:
        """Put the refreshed resources into the base, and drop references to those that are gone."""
        resources: list[Resource] = []
        there: set[str] = set()
        parents: dict[str, str] = {}
        for old in self.base.resources:
            new = refreshed.get(old, old)
            if new is None:
                parents[old.urn] = old.parent
                continue
            new.dependencies = [urn for urn in new.dependencies if urn in there]
            if new.property_dependencies:
                kept = {
                    key: [urn for urn in urns if urn in there]
                    for key, urns in new.property_dependencies.items()
                }
                new.property_dependencies = {key: urns for key, urns in kept.items() if urns}
            if new.deleted_with and new.deleted_with not in there:
                new.deleted_with = ""
            new.replace_with = [urn for urn in new.replace_with if urn in there]
            while new.parent and new.parent not in there:
                new.parent = parents.get(new.parent, "")
            resources.append(new)
            there.add(new.urn)
        self.base.resources = resources
        self._index_base()

    # -- for the planner and the executor

    def diff(
        self,
        provider: Provider,
        resource: Resource,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        *,
        urn: str = "",
        ignored: list[str] | None = None,
        unknowns: bool = False,
    ) -> DiffResult:
        """Ask a provider for a difference; if it cannot tell, compare the inputs."""
        patterns = resource.ignore_changes if ignored is None else ignored
        result = provider.diff(
            urn or resource.urn,
            resource.id,
            old_inputs,
            old_outputs,
            new_inputs,
            patterns,
            preview=self.preview or unknowns,
        )
        if result.changes is not Changes.UNKNOWN:
            return result
        news = copy(new_inputs)
        for pattern in patterns:
            try:
                reset_path(parse_path(pattern), old_inputs, news)
            except ValueError:
                continue
        own = compare_inputs(old_inputs, news)
        if own.changes is Changes.NONE:
            return DiffResult(
                Changes.NONE,
                result.replace_keys,
                result.changed_keys,
                result.detailed,
                result.delete_before_replace,
                result.stable_keys,
            )
        return DiffResult(
            Changes.SOME,
            result.replace_keys,
            own.changed_keys,
            own.detailed,
            result.delete_before_replace,
            result.stable_keys,
        )

    def count(self, step: Step) -> None:
        """Count a finished step for the summary."""
        op, logical = step.op, step.logical
        if isinstance(step, RefreshStep):
            if not self.options.refresh_only:
                return
            op, logical = step.result_op, True
        if op is Op.READ:
            old, new = step.old, step.new
            logical = old is not None and new is not None and bool(diff_objects(old.outputs, new.outputs))
        if logical and not is_internal(step):
            with self._lock:
                self._changes[op] += 1

    def step_failed(self, step: Step, message: str, *, uncertain: bool) -> None:
        """Show the failure of a step."""
        urn = "" if is_internal(step) else step.urn
        self.error(urn, f"Preview failed: {message}" if self.preview else message)
        self._corrupt = self._corrupt or uncertain
        self.events.step_failed(step)

    def submit(self, request: Any) -> None:
        """Queue a request of the program."""
        self._queue.put(request)

    def wake(self) -> None:
        """Make the main loop look up."""
        self._queue.put(None)

    def program_registered(self) -> None:
        """The program will register nothing more."""
        self._queue.put(_AllRegistered())

    def refuse(self, urn: str, error: EmbeddedError) -> None:
        """End the deployment, because the program asks for what this engine does not do."""
        self._queue.put(_Refused(urn, error))

    def find(self, urn: str) -> Resource | None:
        """Return a resource that this deployment has dealt with."""
        return self.news.get(urn) or self.read_resources.get(urn)

    def _start_provider(self) -> Any:
        address = self._server.address if self._server is not None else "127.0.0.1:0"
        return start_provider(self.project, address, self._program_line)

    # -- messages

    def error(self, urn: str, text: str) -> None:
        """Tell of an error."""
        self.events.message("error", urn, text)

    def warning(self, urn: str, text: str) -> None:
        """Warn."""
        self.events.message("warning", urn, text)

    def info(self, urn: str, text: str) -> None:
        """Tell of something."""
        self.events.message("info", urn, text)

    def log(self, severity: str, urn: str, text: str, *, ephemeral: bool) -> None:
        """Pass on a message of the program or a provider."""
        if not self._closing:
            self.events.message(severity, urn, text, ephemeral=ephemeral)

    def _program_line(self, line: str, stream: str) -> None:
        del stream  # both are shown alike
        if not self._closing:
            self.events.message("info", "", line)

    def show_value(self, value: Value) -> str:
        """Write a value for a message; secrets are hidden."""
        if isinstance(value, Secret):
            return "[secret]"
        return f"{{{value}}}"


def is_internal(step: Step) -> bool:
    """Whether a step is the engine's own affair and not shown."""
    return step.op is Op.REMOVE_PENDING_REPLACE or is_default_provider(step.urn)


@dataclass
class _Exited:
    code: int


@dataclass
class _Refused:
    urn: str
    error: EmbeddedError


class _AllRegistered:
    pass


__all__ = ["Deployment", "Events", "Options", "Result", "is_internal"]
