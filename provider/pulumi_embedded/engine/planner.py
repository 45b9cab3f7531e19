"""Deciding on steps: from what the program registers, and what the state has, to what has to happen.

The decisions, and their order, are those of the Pulumi engine. The planner runs in one thread; it calls
providers to check and to compare, never to change anything.
"""

from __future__ import annotations

from pulumi_embedded.errors import Bail, EmbeddedError, Unsupported
from pulumi_embedded.language_host.requests import Goal, ReadRequest, Registration
from pulumi_embedded.plugins.provider import Provider
from pulumi_embedded.plugins.registry import Providers
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import ROOT_STACK_TYPE, is_provider, make_urn, split_reference, urn_type
from pulumi_embedded.values.diff import Changes, DiffResult, apply_replace_on_changes
from pulumi_embedded.values.property_paths import ignore_changes
from pulumi_embedded.values.values import (
    Properties,
    Secret,
    Value,
    contains_unknown,
    deep_equals,
    unwrap_secrets,
)

from .aliases import Aliases
from .comparison import compare
from .dependents import Dependents, replacing_delete
from .events import Options
from .inventory import Inventory
from .plan import Plan
from .reporter import Reporter
from .steps import CreateStep, Op, ReadStep, ReplaceStep, SameStep, Step, UpdateStep


class Planner:
    """Turns registrations into steps."""

    def __init__(
        self,
        stack: str,
        project: str,
        inventory: Inventory,
        plan: Plan,
        dependents: Dependents,
        providers: Providers,
        reporter: Reporter,
        options: Options,
        *,
        preview: bool,
    ) -> None:
        self._stack = stack
        self._project = project
        self._inventory = inventory
        self._plan = plan
        self._dependents = dependents
        self._providers = providers
        self._reporter = reporter
        self._options = options
        self._preview = preview
        self._aliases = Aliases(stack, project, inventory, plan, providers, reporter)
        self._targeted: set[str] = set()

    # -- registrations

    def register(self, registration: Registration) -> list[Step]:
        """Plan what a registered resource needs.

        Raises:
            Bail: the resource cannot be planned; it has been said why.
            EmbeddedError: it cannot, and it is still to be said.
        """
        return self._validated(self._plan_registration(registration))

    def _plan_registration(self, registration: Registration) -> list[Step]:
        goal, options, plan = registration.goal, self._options, self._plan
        if goal.parent and goal.parent not in plan.urns:
            raise EmbeddedError(f"could not find parent resource {goal.parent}")
        urn = self._new_urn(goal.parent, goal.type, goal.name)
        old, invalid, alias = self._aliases.find_old(urn, goal)
        new = self._goal_resource(urn, goal, old, alias)

        provider = self._provider_of(new)
        recreating = urn in plan.deletes
        was_external = old is not None and old.external
        forced = self._is_replace_target(urn, old)
        imported_id = (old.import_id or old.id) if old else ""
        if goal.custom and goal.import_id and (old is None or old.external or imported_id != goal.import_id):
            raise Unsupported(
                f"importing a resource ({urn} has `import_`)",
                "Dynamic providers cannot import resources, with the Pulumi CLI neither.",
            )

        inputs = new.inputs
        if old is not None:
            inputs = self._ignore_changes(urn, inputs, old.inputs, goal.ignore_changes)
        implicit = is_provider(goal.type) or goal.type == ROOT_STACK_TYPE
        targeted = implicit or self._is_targeted(new)

        if provider is not None:
            if not targeted:
                inputs = old.inputs if old else {}
            elif recreating or was_external or forced or old is None:
                inputs, bad = self._check(provider, new, {}, goal.properties)
                invalid = invalid or bad
            else:
                inputs, bad = self._check(provider, new, old.inputs, inputs)
                invalid = invalid or bad
        new.inputs = inputs
        if invalid:
            raise Bail(f"resource {urn} is invalid")

        if recreating:
            assert old is not None  # noqa: S101 - what was deleted had been there
            plan.deletes.discard(urn)
            plan.replaces.add(urn)
            keys = plan.dependent_keys.get(urn, ())
            return [
                ReplaceStep(old, new),
                self._create_replacement(
                    registration, old, new, DiffResult(replace_keys=keys), pending=False
                ),
            ]
        if was_external:
            assert old is not None  # noqa: S101
            plan.creates.add(urn)
            return [
                self._create_replacement(registration, old, new, DiffResult(), pending=True),
                ReplaceStep(old, new),
            ]
        if targeted and options.targets.constrained and self._is_targeted(new):
            self._targeted.add(urn)
        if old is not None:
            if not targeted:
                return self._untargeted(registration, urn, old)
            return self._plan_change(registration, old, new, provider)
        if not targeted:
            plan.sames.add(urn)
            plan.skipped_creates.add(urn)
            return [SameStep(new.copy(), new, request=registration, skipped_create=True)]
        plan.creates.add(urn)
        return [CreateStep(None, new, op=Op.CREATE, request=registration)]

    def _new_urn(self, parent: str, kind: str, name: str) -> str:
        urn = make_urn(self._stack, self._project, parent, kind, name)
        if urn in self._plan.urns:
            self._reporter.error(urn, f"Duplicate resource URN '{urn}'; try giving it a unique name")
            raise Bail(f"duplicate URN {urn}")
        self._plan.urns.add(urn)
        return urn

    @staticmethod
    def _goal_resource(urn: str, goal: Goal, old: Resource | None, alias: str) -> Resource:
        return Resource(
            urn,
            goal.type,
            custom=goal.custom,
            inputs=goal.properties,
            parent=goal.parent,
            protect=bool(goal.protect),
            dependencies=goal.dependencies,
            provider=goal.provider,
            property_dependencies=goal.property_dependencies,
            additional_secret_outputs=goal.additional_secret_outputs,
            aliases=[alias] if alias else [],
            custom_timeouts=goal.custom_timeouts,
            import_id=goal.import_id,
            retain_on_delete=bool(goal.retain_on_delete),
            deleted_with=goal.deleted_with,
            replace_with=goal.replace_with,
            created=old.created if old else "",
            modified=old.modified if old else "",
            source_position=goal.source_position,
            stack_trace=goal.stack_trace,
            ignore_changes=goal.ignore_changes,
            hide_diff=goal.hide_diff,
            replace_on_changes=goal.replace_on_changes,
            replacement_trigger=goal.replacement_trigger,
            refresh_before_update=old.refresh_before_update if old else False,
        )

    def _provider_of(self, resource: Resource) -> Provider | None:
        if not resource.custom:
            return None
        if not resource.is_provider:
            self._providers.ensure(resource.provider)
        return self._providers.for_resource(resource)

    def _check(
        self, provider: Provider, new: Resource, olds: Properties, news: Properties
    ) -> tuple[Properties, bool]:
        inputs, failures = provider.check(new.urn, olds, news, preview=self._preview)
        for failure in failures:
            label = f"{new.type} resource '{new.name}'"
            if failure.property:
                value = _show_value(new.inputs.get(failure.property))
                text = f"{label}: property {failure.property} value {value} has a problem: {failure.reason}"
            else:
                text = f"{label} has a problem: {failure.reason}"
            self._reporter.error(new.urn, text)
        return inputs, bool(failures)

    def _ignore_changes(
        self, urn: str, inputs: Properties, old_inputs: Properties, ignored: list[str]
    ) -> Properties:
        result, impossible = ignore_changes(ignored, old_inputs, inputs)
        if impossible:
            self._reporter.info(
                urn,
                f'cannot ignore changes in added or removed elements of the path: "{", ".join(impossible)}"',
            )
        return result

    # -- changes

    def _is_replace_target(self, urn: str, old: Resource | None) -> bool:
        targets = self._options.replace_targets
        return (targets.constrained and urn in targets) or (old is not None and old.taint)

    def _plan_change(
        self, registration: Registration, old: Resource, new: Resource, provider: Provider | None
    ) -> list[Step]:
        goal, urn = registration.goal, new.urn
        if not self._preview and contains_unknown(new.replacement_trigger):
            self._reporter.error(urn, f"replacement trigger contains unknowns for {urn}")
            raise Bail(urn)
        triggered = _trigger_replaces(new.replacement_trigger, old.replacement_trigger)
        diff = DiffResult(Changes.SOME) if triggered else self._diff(old, new, provider)
        diff = apply_replace_on_changes(diff, goal.replace_on_changes, init_errors=bool(old.init_errors))
        if diff.changes is Changes.SOME or old.pending_replacement:
            if diff.replaces or triggered or old.pending_replacement:
                return self._plan_replacement(registration, old, new, provider, diff)
            return [self._update(registration, old, new, diff)]
        if old.init_errors:
            return [self._update(registration, old, new, diff)]
        self._plan.sames.add(urn)
        return [SameStep(old, new, request=registration)]

    def _update(self, registration: Registration, old: Resource, new: Resource, diff: DiffResult) -> Step:
        self._plan.updates.add(new.urn)
        return UpdateStep(
            old,
            new,
            diffs=diff.changed_keys,
            detailed=diff.detailed,
            request=registration,
            ignore_changes=registration.goal.ignore_changes,
        )

    def _diff(self, old: Resource, new: Resource, provider: Provider | None) -> DiffResult:
        if self._is_replace_target(new.urn, old):
            return DiffResult(Changes.SOME, replace_keys=("id",))
        if any(urn in self._plan.replaces for urn in new.replace_with):
            return DiffResult(Changes.SOME, replace_keys=("replaceWith",))
        if new.deleted_with and new.deleted_with in self._plan.replaces:
            return DiffResult(Changes.SOME, replace_keys=("deletedWith",))
        if self._provider_changed(old, new):
            return DiffResult(Changes.SOME, replace_keys=("provider",))
        if provider is None:
            same = deep_equals(old.inputs, new.inputs)
            return DiffResult(Changes.NONE if same else Changes.SOME)
        return compare(
            provider,
            old,
            new.inputs,
            preview=self._preview,
            urn=new.urn,
            ignored=new.ignore_changes,
        )

    def _provider_changed(self, old: Resource, new: Resource) -> bool:
        if old.provider == new.provider:
            return False
        if not old.provider or not new.provider:
            return True
        old_urn, _ = split_reference(old.provider)
        new_urn, _ = split_reference(new.provider)
        if self._plan.aliased.get(old_urn) == new_urn:
            return False
        # Another instance of a dynamic provider manages the same things: it has no say in this.
        return urn_type(old_urn) != urn_type(new_urn)

    def _plan_replacement(
        self,
        registration: Registration,
        old: Resource,
        new: Resource,
        provider: Provider | None,
        diff: DiffResult,
    ) -> list[Step]:
        goal, urn = registration.goal, new.urn
        if new.protect and old.protect and not self._options.ignore_protect:
            self._reporter.error(
                urn,
                f'unable to replace resource "{urn}"\nas it is currently marked for protection. To unprotect '
                "the resource, remove the `protect` flag from the resource in your Pulumi program and run "
                "`pulumi up`",
            )
            self._plan.errored = True
            if not self._preview:
                raise Bail(urn)
        if goal.import_id:
            message = (
                "previously-imported resources that still specify an ID may not be replaced; "
                "please remove the `import` declaration from your program"
            )
            if not self._preview:
                raise EmbeddedError(message)
            self._reporter.warning(urn, message)
        self._plan.replaces.add(urn)
        if provider is not None and not self._is_replace_target(urn, old):
            # The inputs were checked as those of a change; for a new resource the defaults may be others.
            inputs, bad = self._check(provider, new, {}, goal.properties)
            if bad:
                raise Bail(urn)
            new.inputs = inputs
        delete_first = diff.delete_before_replace
        if goal.delete_before_replace is not None:
            delete_first = goal.delete_before_replace
        if not delete_first:
            return [
                self._create_replacement(registration, old, new, diff, pending=True),
                self._replace(old, new, diff),
            ]
        steps = self._dependents.delete_first(old)
        self._providers.ensure(old.provider)
        if not old.pending_replacement:
            self._plan.deletes.add(old.urn)
            steps.append(replacing_delete(old))
        return [
            *steps,
            self._replace(old, new, diff),
            self._create_replacement(registration, old, new, diff, pending=False),
        ]

    @staticmethod
    def _replace(old: Resource, new: Resource, diff: DiffResult) -> Step:
        return ReplaceStep(old, new, diff.replace_keys, diff.changed_keys, diff.detailed)

    @staticmethod
    def _create_replacement(
        registration: Registration, old: Resource, new: Resource, diff: DiffResult, *, pending: bool
    ) -> Step:
        return CreateStep(
            old,
            new,
            diff.replace_keys,
            diff.changed_keys,
            diff.detailed,
            Op.CREATE_REPLACEMENT,
            logical=False,
            request=registration,
            pending_delete=pending,
        )

    # -- reads

    def read(self, request: ReadRequest) -> list[Step]:
        """Plan the reading of a resource that something else manages."""
        goal = request.goal
        if goal.parent and goal.parent not in self._plan.urns:
            raise EmbeddedError(f"could not find parent resource {goal.parent}")
        urn = self._new_urn(goal.parent, goal.type, goal.name)
        old, _, alias = self._aliases.find_old(urn, goal)
        if not request.id:
            raise EmbeddedError(f"Expected an ID for {urn}")
        new = self._goal_resource(urn, goal, None, alias)
        new.id, new.external = request.id, True
        self._providers.ensure(goal.provider)
        if old is not None and not old.external and old.id != request.id:
            self._plan.replaces.add(urn)
            return [
                ReadStep(old, new, op=Op.READ_REPLACEMENT, logical=False, request=request, replacing=True),
                ReplaceStep(old, new),
            ]
        self._plan.reads.add(urn)
        return [ReadStep(old, new, op=Op.READ, request=request)]

    # -- targets

    def _is_targeted(self, resource: Resource) -> bool:
        options = self._options
        if not options.targets.constrained:
            return True
        if resource.urn in options.targets:
            return True
        if not options.target_dependents:
            return False
        needed = {*resource.depends_on(), resource.provider_urn} - {""}
        return any(urn in options.targets or urn in self._targeted for urn in needed)

    def _untargeted(self, registration: Registration, urn: str, old: Resource) -> list[Step]:
        """Plan to leave a resource as it is, along with those it needs that nothing has registered."""
        if old.provider and self._providers.find(old.provider) is None:
            raise EmbeddedError(
                f"provider {old.provider} for resource {urn} has not been registered yet, this is due to a "
                "change of providers mixed with --target. Change your program back to the original providers"
            )
        steps: list[Step] = []

        def keep(resource: Resource, waiting: Registration | None) -> None:
            if resource.delete:
                return
            self._plan.urns.add(resource.urn)
            self._plan.sames.update((urn, resource.urn))
            needed = list(resource.depends_on())
            provider = resource.provider_urn
            if provider and not self._plan.is_planned(provider) and not self._plan.was_operated_on(provider):
                needed.insert(0, provider)
            for dependency in needed:
                if self._plan.is_planned(dependency):
                    continue
                found = self._inventory.olds.get(dependency)
                if found is None:
                    raise EmbeddedError(
                        f"{dependency}, which the untargeted resource {urn} needs, has no old state"
                    )
                keep(found, None)
            new = resource.copy()
            new.id = ""
            steps.append(SameStep(resource, new, request=waiting, untargeted=True))

        keep(old, registration)
        return steps

    def _validated(self, steps: list[Step]) -> list[Step]:
        """Check that nothing is planned that needs a resource which the targets leave out."""
        options = self._options
        if not options.targets.constrained and not options.replace_targets.constrained:
            return steps
        for step in steps:
            if step.new is None or (isinstance(step, SameStep) and step.skipped_create):
                continue
            for urn in {*step.new.depends_on(), step.new.provider_urn}:
                if urn not in self._plan.skipped_creates:
                    continue
                self._reporter.error(
                    step.urn,
                    f"Resource '{step.urn}' depends on '{urn}' which was was not specified in --target list.",
                )
                self._plan.errored = True
                if not self._preview:
                    raise Bail("untargeted create")
                self._plan.skipped_creates.discard(urn)
        return steps


def _trigger_replaces(new: Value, old: Value) -> bool:
    new, old = unwrap_secrets(new), unwrap_secrets(old)
    if contains_unknown(new) or contains_unknown(old):
        return True
    return new is not None and old is not None and not deep_equals(new, old)


def _show_value(value: Value) -> str:
    """Write a value for a message; secrets are hidden."""
    return "[secret]" if isinstance(value, Secret) else f"{{{value}}}"
