"""Deciding on steps: from what the program registers, and what the state has, to what has to happen.

The decisions, and their order, are those of the Pulumi engine. The planner runs in one thread; it calls
providers to check and to compare, never to change anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pulumi_embedded.errors import Bail, EmbeddedError, Unsupported
from pulumi_embedded.plugins.registry import Provider
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import (
    ROOT_STACK_TYPE,
    is_provider,
    make_urn,
    split_reference,
    urn_name,
    urn_type,
)
from pulumi_embedded.values.diff import Changes, DiffResult, apply_replace_on_changes
from pulumi_embedded.values.property_paths import parse_path, reset_path
from pulumi_embedded.values.values import (
    UNKNOWN,
    Properties,
    Value,
    contains_unknown,
    copy,
    deep_equals,
    unwrap_secrets,
)

from .graph import DependencyGraph
from .requests import Alias, Goal, ReadRequest, Registration
from .steps import (
    CreateStep,
    DeleteStep,
    Op,
    ReadStep,
    RemovePendingReplaceStep,
    ReplaceStep,
    SameStep,
    Step,
    UpdateStep,
)
from .targets import Targets

if TYPE_CHECKING:
    from pulumi_embedded.engine.deployment import Deployment


class Planner:
    """Turns registrations into steps."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.errored = False
        self.urns: set[str] = set()
        self.creates: set[str] = set()
        self.sames: set[str] = set()
        self.updates: set[str] = set()
        self.replaces: set[str] = set()
        self.deletes: set[str] = set()
        self.reads: set[str] = set()
        self.skipped_creates: set[str] = set()
        self._pending_deletes: set[Resource] = set()
        self._dependent_keys: dict[str, tuple[str, ...]] = {}
        self._aliased: dict[str, str] = {}
        """Old URN to the new one that took it over."""
        self._aliases: dict[str, str] = {}
        """New URN to the old one."""
        self._targets = deployment.options.targets.copy()

    # -- registrations

    def register(self, registration: Registration) -> list[Step]:
        """Plan what a registered resource needs.

        Raises:
            Bail: the resource cannot be planned; it has been said why.
            EmbeddedError: it cannot, and it is still to be said.
        """
        return self._validated(self._plan(registration))

    def _plan(self, registration: Registration) -> list[Step]:
        goal, options = registration.goal, self._deployment.options
        if goal.parent and goal.parent not in self.urns:
            raise EmbeddedError(f"could not find parent resource {goal.parent}")
        urn = self._new_urn(goal.parent, goal.type, goal.name)
        old, invalid, alias = self._find_old(urn, goal)
        new = self._goal_resource(urn, goal, old, alias)

        provider = self._provider_of(new)
        recreating = urn in self.deletes
        was_external = old is not None and old.external
        forced = self._is_replace_target(urn, old)
        imported_id = (old.import_id or old.id) if old else ""
        if goal.custom and goal.import_id and (old is None or old.external or imported_id != goal.import_id):
            raise Unsupported(f"importing a resource ({urn} has `import_`)")

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
            self.deletes.discard(urn)
            self.replaces.add(urn)
            keys = self._dependent_keys.get(urn, ())
            return [
                ReplaceStep(old, new, op=Op.REPLACE),
                self._create_replacement(
                    registration, old, new, DiffResult(replace_keys=keys), pending=False
                ),
            ]
        if was_external:
            assert old is not None  # noqa: S101
            self.creates.add(urn)
            return [
                self._create_replacement(registration, old, new, DiffResult(), pending=True),
                ReplaceStep(old, new, op=Op.REPLACE),
            ]
        if targeted and options.targets.constrained and self._is_targeted(new):
            self._targets.add(urn)
        if old is not None:
            if not targeted:
                return self._untargeted(registration, urn, old)
            return self._plan_change(registration, old, new, provider)
        if not targeted:
            self.sames.add(urn)
            self.skipped_creates.add(urn)
            return [SameStep(new.copy(), new, registration=registration, skipped_create=True)]
        self.creates.add(urn)
        return [CreateStep(None, new, op=Op.CREATE, registration=registration)]

    def _new_urn(self, parent: str, kind: str, name: str) -> str:
        deployment = self._deployment
        urn = make_urn(deployment.stack_name, deployment.project_name, parent, kind, name)
        if urn in self.urns:
            self._deployment.error(urn, f"Duplicate resource URN '{urn}'; try giving it a unique name")
            raise Bail(f"duplicate URN {urn}")
        self.urns.add(urn)
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
            self._deployment.providers.ensure(resource.provider)
        return self._deployment.providers.for_resource(resource)

    def _check(
        self, provider: Provider, new: Resource, olds: Properties, news: Properties
    ) -> tuple[Properties, bool]:
        inputs, failures = provider.check(new.urn, olds, news, preview=self._deployment.preview)
        for failure in failures:
            label = f"{new.type} resource '{new.name}'"
            if failure.property:
                value = self._deployment.show_value(new.inputs.get(failure.property))
                text = f"{label}: property {failure.property} value {value} has a problem: {failure.reason}"
            else:
                text = f"{label} has a problem: {failure.reason}"
            self._deployment.error(new.urn, text)
        return inputs, bool(failures)

    def _ignore_changes(
        self, urn: str, inputs: Properties, old_inputs: Properties, ignored: list[str]
    ) -> Properties:
        if not ignored:
            return inputs
        result: Properties = copy(inputs)
        impossible = []
        for text in ignored:
            try:
                path = parse_path(text)
            except ValueError:
                continue
            if not reset_path(path, old_inputs, result):
                impossible.append(text)
        if impossible:
            self._deployment.info(
                urn,
                f'cannot ignore changes in added or removed elements of the path: "{", ".join(impossible)}"',
            )
        return result

    # -- aliases

    def _find_old(self, urn: str, goal: Goal) -> tuple[Resource | None, bool, str]:
        """Return the resource of before, whether the aliases clash, and the alias that found it."""
        deployment, invalid = self._deployment, False
        if urn in self._aliased:
            invalid = True
            deployment.error(
                urn,
                f"Duplicate resource URN '{urn}' conflicting with alias on resource with URN "
                f"'{self._aliased[urn]}'",
            )
        for candidate in [urn, *self._alias_urns(goal)]:
            old = deployment.olds.get(candidate)
            if old is None:
                continue
            if candidate == urn:
                return old, invalid, ""
            clash = urn if candidate in self.urns else self._aliased.get(candidate)
            if clash:
                invalid = True
                deployment.error(
                    urn,
                    f"Duplicate resource alias '{candidate}' applied to resource with URN '{urn}' conflicting "
                    f"with resource with URN '{clash}'",
                )
            self._aliased[candidate] = urn
            self._aliases[urn] = candidate
            deployment.providers.alias(urn, candidate)
            return old, invalid, candidate
        return None, invalid, ""

    def _alias_urns(self, goal: Goal) -> list[str]:
        found: dict[str, None] = {}
        for alias in goal.aliases:
            found[self._collapse(goal, alias)] = None
        if goal.parent in self._aliases:
            old_parent = self._aliases[goal.parent]
            found[self._inherited(goal.type, goal.name, goal.parent, old_parent)] = None
            for alias in goal.aliases:
                urn = self._collapse(goal, alias)
                kind, name = urn_type(urn), urn_name(urn)
                found[self._inherited(kind, name, goal.parent, old_parent)] = None
        return list(found)

    def _collapse(self, goal: Goal, alias: Alias) -> str:
        if alias.urn:
            return alias.urn
        parent = self._aliases.get(alias.parent, alias.parent) if alias.parent else goal.parent
        if alias.no_parent:
            parent = ""
        return make_urn(
            alias.stack or self._deployment.stack_name,
            alias.project or self._deployment.project_name,
            parent,
            alias.type or goal.type,
            alias.name or goal.name,
        )

    def _inherited(self, kind: str, name: str, parent: str, old_parent: str) -> str:
        parent_name = urn_name(parent)
        if name.startswith(parent_name):
            name = urn_name(old_parent) + name[len(parent_name) :]
        return make_urn(self._deployment.stack_name, self._deployment.project_name, old_parent, kind, name)

    # -- changes

    def _is_replace_target(self, urn: str, old: Resource | None) -> bool:
        targets = self._deployment.options.replace_targets
        return (targets.constrained and urn in targets) or (old is not None and old.taint)

    def _plan_change(
        self, registration: Registration, old: Resource, new: Resource, provider: Provider | None
    ) -> list[Step]:
        deployment, goal, urn = self._deployment, registration.goal, new.urn
        if not deployment.preview and contains_unknown(new.replacement_trigger):
            deployment.error(urn, f"replacement trigger contains unknowns for {urn}")
            self.errored = True
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
        self.sames.add(urn)
        return [SameStep(old, new, registration=registration)]

    def _update(self, registration: Registration, old: Resource, new: Resource, diff: DiffResult) -> Step:
        self.updates.add(new.urn)
        return UpdateStep(
            old,
            new,
            diffs=diff.changed_keys,
            detailed=diff.detailed,
            op=Op.UPDATE,
            registration=registration,
            ignore_changes=registration.goal.ignore_changes,
        )

    def _diff(self, old: Resource, new: Resource, provider: Provider | None) -> DiffResult:
        if self._is_replace_target(new.urn, old):
            return DiffResult(Changes.SOME, replace_keys=("id",))
        if any(urn in self.replaces for urn in new.replace_with):
            return DiffResult(Changes.SOME, replace_keys=("replaceWith",))
        if new.deleted_with and new.deleted_with in self.replaces:
            return DiffResult(Changes.SOME, replace_keys=("deletedWith",))
        if self._provider_changed(old, new):
            return DiffResult(Changes.SOME, replace_keys=("provider",))
        if provider is None:
            same = deep_equals(old.inputs, new.inputs)
            return DiffResult(Changes.NONE if same else Changes.SOME)
        return self._deployment.diff(
            provider, old, old.inputs, old.outputs, new.inputs, urn=new.urn, ignored=new.ignore_changes
        )

    def _provider_changed(self, old: Resource, new: Resource) -> bool:
        if old.provider == new.provider:
            return False
        if not old.provider or not new.provider:
            return True
        old_urn, _ = split_reference(old.provider)
        new_urn, _ = split_reference(new.provider)
        if self._aliased.get(old_urn) == new_urn:
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
        deployment, goal, urn = self._deployment, registration.goal, new.urn
        if new.protect and old.protect and not deployment.options.ignore_protect:
            deployment.error(
                urn,
                f'unable to replace resource "{urn}"\nas it is currently marked for protection. To unprotect '
                "the resource, remove the `protect` flag from the resource in your Pulumi program and run "
                "`pulumi up`",
            )
            self.errored = True
            if not deployment.preview:
                raise Bail(urn)
        if goal.import_id:
            message = (
                "previously-imported resources that still specify an ID may not be replaced; "
                "please remove the `import` declaration from your program"
            )
            if not deployment.preview:
                raise EmbeddedError(message)
            deployment.warning(urn, message)
        self.replaces.add(urn)
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
        steps = self._delete_dependents(old)
        deployment.providers.ensure(old.provider)
        if not old.pending_replacement:
            self.deletes.add(old.urn)
            steps.append(
                DeleteStep(
                    old,
                    None,
                    op=_delete_op(old, replacing=True),
                    logical=False,
                    replacing=True,
                    pending_replacement=True,
                )
            )
        return [
            *steps,
            self._replace(old, new, diff),
            self._create_replacement(registration, old, new, diff, pending=False),
        ]

    @staticmethod
    def _replace(old: Resource, new: Resource, diff: DiffResult) -> Step:
        return ReplaceStep(old, new, diff.replace_keys, diff.changed_keys, diff.detailed, Op.REPLACE)

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
            registration=registration,
            replacing=True,
            pending_delete=pending,
        )

    def _delete_dependents(self, old: Resource) -> list[Step]:
        """Plan the deletions that must come before a resource's own, when that comes before its replacement."""
        deployment = self._deployment
        condemned: list[tuple[Resource, tuple[str, ...]]] = []
        if old in deployment.graph:
            condemned = self._dependent_replacements(old)
        condemned += [(resource, ()) for resource in self._cascading(old.urn)]
        steps: list[Step] = []
        for resource, keys in reversed(condemned):
            if resource in self._pending_deletes:
                continue
            self._dependent_keys[resource.urn] = keys
            deployment.providers.ensure(resource.provider)
            if resource.delete:
                steps.append(DeleteStep(resource, None, op=_delete_op(resource, replacing=False)))
            else:
                if resource.protect and not deployment.options.ignore_protect:
                    deployment.error(
                        old.urn,
                        f'unable to replace resource "{resource.urn}" as part of replacing "{old.urn}" as it is '
                        "currently marked for protection. To unprotect the resource, remove the `protect` flag "
                        "from the resource in your Pulumi program and run `pulumi up`, or use the command:\n"
                        f"`pulumi state unprotect '{resource.urn}'`",
                    )
                    self.errored = True
                    raise Bail(old.urn)
                steps.append(
                    DeleteStep(
                        resource,
                        None,
                        op=_delete_op(resource, replacing=True),
                        logical=False,
                        replacing=True,
                        pending_replacement=True,
                    )
                )
            self.deletes.add(resource.urn)
            self._pending_deletes.add(resource)
        return steps

    def _dependent_replacements(self, root: Resource) -> list[tuple[Resource, tuple[str, ...]]]:
        """Return the resources that a replacement of one would have replaced, too, with the reasons."""
        seen = self.reads | self.creates | self.sames | self.updates | self.deletes | self.replaces
        replaced = {root.urn}
        found = []
        for resource in self._deployment.graph.depending_on(root, seen, include_children=False):
            keys = self._replaced_with(resource, replaced)
            if keys is not None:
                found.append((resource, keys))
                replaced.add(resource.urn)
        return found

    def _replaced_with(self, resource: Resource, replaced: set[str]) -> tuple[str, ...] | None:
        deployment = self._deployment
        if not resource.custom or resource.external:
            return None
        if resource.provider_urn in replaced:
            deployment.providers.ensure(resource.provider)
            return ()
        if resource.deleted_with and resource.deleted_with in replaced:
            return ()
        inputs: Properties = {}
        depends = False
        for key, value in resource.inputs.items():
            if any(urn in replaced for urn in (resource.property_dependencies or {}).get(key, ())):
                depends = True
                value = UNKNOWN
            inputs[key] = value
        if not depends:
            return None
        if resource.is_provider:
            deployment.providers.same(resource.urn, resource.id, resource.inputs, checked=False)
        else:
            deployment.providers.ensure(resource.provider)
        diff = deployment.diff(
            deployment.providers.for_resource(resource),
            resource,
            resource.inputs,
            resource.outputs,
            inputs,
            ignored=resource.ignore_changes,
            unknowns=True,
        )
        diff = apply_replace_on_changes(diff, resource.replace_on_changes, init_errors=False)
        return diff.replace_keys if diff.replaces else None

    def _cascading(self, urn: str) -> list[Resource]:
        found: dict[str, Resource] = {}
        for resource in [*self._deployment.news.values(), *self._deployment.olds.values()]:
            if resource.urn not in found and (urn in resource.replace_with or resource.deleted_with == urn):
                found[resource.urn] = resource
        return list(found.values())

    # -- reads

    def read(self, request: ReadRequest) -> list[Step]:
        """Plan the reading of a resource that something else manages."""
        goal = request.goal
        if goal.parent and goal.parent not in self.urns:
            raise EmbeddedError(f"could not find parent resource {goal.parent}")
        urn = self._new_urn(goal.parent, goal.type, goal.name)
        old, _, alias = self._find_old(urn, goal)
        if not request.id:
            raise EmbeddedError(f"Expected an ID for {urn}")
        new = self._goal_resource(urn, goal, None, alias)
        new.id, new.external = request.id, True
        self._deployment.providers.ensure(goal.provider)
        if old is not None and not old.external and old.id != request.id:
            self.replaces.add(urn)
            return [
                ReadStep(old, new, op=Op.READ_REPLACEMENT, logical=False, request=request, replacing=True),
                ReplaceStep(old, new, op=Op.REPLACE),
            ]
        self.reads.add(urn)
        return [ReadStep(old, new, op=Op.READ, request=request)]

    # -- targets

    def _is_targeted(self, resource: Resource) -> bool:
        options = self._deployment.options
        if not options.targets.constrained:
            return True
        if resource.urn in options.targets:
            return True
        if not options.target_dependents:
            return False
        needed = {*resource.depends_on(), resource.provider_urn} - {""}
        return any(urn in self._targets for urn in needed)

    def _operated_on(self, urn: str) -> bool:
        urn = self._aliased.get(urn, urn)
        return urn in self.sames or urn in self.updates or urn in self.replaces or urn in self.reads

    def _planned(self, urn: str) -> bool:
        return (
            urn in self.creates
            or urn in self.sames
            or urn in self.updates
            or urn in self.deletes
            or urn in self.replaces
            or urn in self.reads
        )

    def _untargeted(self, registration: Registration, urn: str, old: Resource) -> list[Step]:
        """Plan to leave a resource as it is, along with those it needs that nothing has registered."""
        if old.provider and self._deployment.providers.find(old.provider) is None:
            raise EmbeddedError(
                f"provider {old.provider} for resource {urn} has not been registered yet, this is due to a "
                "change of providers mixed with --target. Change your program back to the original providers"
            )
        steps: list[Step] = []

        def keep(resource: Resource, waiting: Registration | None) -> None:
            if resource.delete:
                return
            self.urns.add(resource.urn)
            self.sames.update((urn, resource.urn))
            needed = list(resource.depends_on())
            provider = resource.provider_urn
            if provider and not self._planned(provider) and not self._operated_on(provider):
                needed.insert(0, provider)
            for dependency in needed:
                if self._planned(dependency):
                    continue
                found = self._deployment.olds.get(dependency)
                if found is None:
                    raise Bail(f"{dependency}, which the untargeted resource {urn} needs, has no old state")
                keep(found, None)
            new = resource.copy()
            new.id = ""
            steps.append(SameStep(resource, new, registration=waiting, untargeted=True))

        keep(old, registration)
        return steps

    def _validated(self, steps: list[Step]) -> list[Step]:
        """Check that nothing is planned that needs a resource which the targets leave out."""
        deployment, options = self._deployment, self._deployment.options
        if not options.targets.constrained and not options.replace_targets.constrained:
            return steps
        for step in steps:
            if step.new is None or (isinstance(step, SameStep) and step.skipped_create):
                continue
            for urn in {*step.new.depends_on(), step.new.provider_urn}:
                if urn not in self.skipped_creates:
                    continue
                deployment.error(
                    step.urn,
                    f"Resource '{step.urn}' depends on '{urn}' which was was not specified in --target list.",
                )
                self.errored = True
                if not deployment.preview:
                    raise Bail("untargeted create")
                self.skipped_creates.discard(urn)
        return steps

    # -- deletions

    def deletions(self, targets: Targets) -> tuple[list[Step], list[Step]]:
        """Plan what happens to the resources that the program did not register.

        Returns:
            Steps that keep what the targets leave out, and steps that delete the rest.

        Raises:
            Bail: something would be deleted that is not among the targets.
        """
        deployment = self._deployment
        allowed = self._deletable(targets) if targets.constrained else None
        sames: list[Step] = []
        deletes: list[Step] = []
        for resource in deployment.base.resources:
            if allowed is not None and resource.urn not in allowed:
                if not self._operated_on(resource.urn):
                    new = resource.copy()
                    new.id = ""
                    sames.append(SameStep(resource, new, untargeted=True))
                continue
            if resource.delete:
                if resource in self._pending_deletes:
                    continue
                self.deletes.add(resource.urn)
                op = _delete_op(resource, replacing=True)
                deletes.append(DeleteStep(resource, None, op=op, logical=False, replacing=True))
            elif not self._operated_on(resource.urn):
                self.deletes.add(resource.urn)
                if resource.pending_replacement:
                    deletes.append(
                        RemovePendingReplaceStep(resource, None, op=Op.REMOVE_PENDING_REPLACE, logical=False)
                    )
                else:
                    deletes.append(DeleteStep(resource, None, op=_delete_op(resource, replacing=False)))
            if resource.urn in self.deletes:
                deployment.providers.ensure(resource.provider)
        refused = False
        for step in deletes:
            if targets.constrained and step.urn not in targets and not deployment.options.target_dependents:
                deployment.error(
                    step.urn,
                    f"Resource '{step.urn}' will be destroyed but was not specified in --target list.\n"
                    f"Either include resource in --target list or pass --target-dependents to proceed.",
                )
                self.errored = refused = True
        if refused and not deployment.preview:
            raise Bail("delete untargeted resource")
        return sames, deletes

    def _deletable(self, targets: Targets) -> set[str]:
        deployment = self._deployment
        found: set[str] = set()
        frontier = [resource for resource in deployment.base.resources if resource.urn in targets]
        while frontier:
            resource = frontier.pop(0)
            if resource.urn in found:
                continue
            found.add(resource.urn)
            frontier += deployment.graph.depending_on(resource, found, include_children=True)
        replaced: set[str] = set()
        for resource in deployment.base.resources:
            if resource.urn in found:
                replaced.update(dependent.urn for dependent, _ in self._dependent_replacements(resource))
                replaced.update(dependent.urn for dependent in self._cascading(resource.urn))
        return found | replaced


def schedule_deletions(steps: Iterable[Step], graph: DependencyGraph) -> list[list[Step]]:
    """Order deletions: lists to be done one after another, the steps in each at once."""
    left = {step.resource: step for step in steps}
    batches: list[list[Step]] = []
    while left:
        batch = [
            resource
            for resource in left
            if not any(needed in left for needed in graph.dependencies_of(resource))
        ]
        batches.append([left[resource] for resource in batch])
        for resource in batch:
            del left[resource]
    batches.reverse()
    return batches


def _delete_op(resource: Resource, *, replacing: bool) -> Op:
    if resource.external:
        return Op.DISCARD_REPLACED if replacing else Op.DISCARD
    return Op.DELETE_REPLACED if replacing else Op.DELETE


def _trigger_replaces(new: Value, old: Value) -> bool:
    new, old = unwrap_secrets(new), unwrap_secrets(old)
    if contains_unknown(new) or contains_unknown(old):
        return True
    return new is not None and old is not None and not deep_equals(new, old)
