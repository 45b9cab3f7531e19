"""A preview for machines, in the shape of the CLI's `preview --json`."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pulumi_embedded.engine.events import Events, Result
from pulumi_embedded.engine.steps import Op, Step, is_internal
from pulumi_embedded.project.stack_config import ConfigValue
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import ROOT_STACK_TYPE


class JsonPreview(Events):
    """Collects a preview for `--json`, in the shape that the CLI gives it."""

    def __init__(
        self,
        config: dict[str, ConfigValue],
        *,
        show_sames: bool = False,
        suppress_outputs: bool = False,
    ) -> None:
        super().__init__()
        self._config = config
        self._show_sames = show_sames
        self._suppress_outputs = suppress_outputs
        self._steps: list[dict[str, Any]] = []

    def step_started(self, step: Step) -> None:
        """Note a step as it is before it is applied."""
        with self.lock:
            if is_internal(step) or not self._shown(step):
                return
            self._steps.append(self._describe(step))

    def _shown(self, step: Step) -> bool:
        if step.resource.type == ROOT_STACK_TYPE:
            return True
        if step.op is Op.SAME:
            return self._show_sames or step.changes_protection
        replacement = step.op in (
            Op.REPLACE,
            Op.CREATE_REPLACEMENT,
            Op.DELETE_REPLACED,
            Op.READ_REPLACEMENT,
            Op.DISCARD_REPLACED,
        )
        return step.logical or not replacement

    def _describe(self, step: Step) -> dict[str, Any]:
        found: dict[str, Any] = {"op": step.op.value, "urn": step.urn}
        if step.resource.provider:
            found["provider"] = step.resource.provider
        if step.old is not None:
            found["oldState"] = self._state(step.old)
        if step.new is not None:
            found["newState"] = self._state(step.new)
        if step.diffs:
            found["diffReasons"] = list(step.diffs)
        if step.keys:
            found["replaceReasons"] = list(step.keys)
        found["detailedDiff"] = None
        if step.detailed is not None:
            found["detailedDiff"] = {
                path: {"kind": change.kind.value, "inputDiff": change.input_diff}
                for path, change in step.detailed.items()
            }
        return found

    def _state(self, resource: Resource) -> dict[str, Any]:
        written = resource.to_json(lambda _: "[secret]")
        if resource.type == ROOT_STACK_TYPE and self._suppress_outputs:
            written.pop("inputs", None)
            written.pop("outputs", None)
        return written

    def document(self, result: Result) -> dict[str, Any]:
        """Return the whole preview."""
        with self.lock:
            found: dict[str, Any] = {}
            if self._config:
                found["config"] = {
                    key: "[secret]" if value.secret else value.text for key, value in self._config.items()
                }
            if self._steps:
                found["steps"] = self._steps
            diagnostics = [self._diagnostic(*message) for message in self.messages if message[2].strip()]
            if diagnostics:
                found["diagnostics"] = diagnostics
            found["duration"] = int(result.duration * 1e9)
            if changes := summary(result.changes):
                found["changeSummary"] = changes
            return found

    def _diagnostic(self, severity: str, urn: str, text: str) -> dict[str, str]:
        prefix = f"{severity}: " if severity in ("error", "warning") else ""
        found = {"urn": urn} if urn else {}
        return {**found, "message": f"{prefix}{text}\n", "severity": severity}


def summary(changes: Counter[Op]) -> dict[str, int]:
    """Return the counts by the words of the plan, sorted."""
    return {op.value: changes[op] for op in sorted(changes, key=lambda op: op.value) if changes[op]}
