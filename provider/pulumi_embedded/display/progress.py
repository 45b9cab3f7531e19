"""Showing a deployment: lines or a live tree while it runs, then diagnostics, outputs and a summary."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from typing import Any

from rich.console import Console
from rich.text import Text

from pulumi_embedded.engine.events import Result
from pulumi_embedded.engine.steps import Op, RefreshStep, Step, is_internal
from pulumi_embedded.project.stack_config import ConfigValue
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import ROOT_STACK_TYPE, urn_name, urn_type
from pulumi_embedded.values.diff import ObjectDiff, ValueDiff, diff_objects, translate
from pulumi_embedded.values.values import UNKNOWN, Properties, ResourceReference, Secret, Value, to_state

from .live_tree import Tree

STYLES = {
    Op.SAME: ("  ", ""),
    Op.CREATE: ("+ ", "green"),
    Op.UPDATE: ("~ ", "yellow"),
    Op.DELETE: ("- ", "red"),
    Op.REPLACE: ("+-", "magenta"),
    Op.CREATE_REPLACEMENT: ("++", "green"),
    Op.DELETE_REPLACED: ("--", "red"),
    Op.READ: ("> ", "cyan"),
    Op.READ_REPLACEMENT: (">>", "cyan"),
    Op.REFRESH: ("~ ", "yellow"),
    Op.DISCARD: ("< ", "red"),
    Op.DISCARD_REPLACED: ("<<", "red"),
    Op.REMOVE_PENDING_REPLACE: ("~ ", "yellow"),
}
"""The sign and the colour of each kind of step."""

_PLANNED = {
    Op.SAME: "same",
    Op.CREATE: "create",
    Op.UPDATE: "update",
    Op.DELETE: "delete",
    Op.REPLACE: "replace",
    Op.CREATE_REPLACEMENT: "create replacement",
    Op.DELETE_REPLACED: "delete original",
    Op.READ: "read",
    Op.READ_REPLACEMENT: "read replacement",
    Op.REFRESH: "refresh",
    Op.DISCARD: "discard",
    Op.DISCARD_REPLACED: "discard original",
}
_DOING = {
    Op.CREATE: "creating",
    Op.UPDATE: "updating",
    Op.DELETE: "deleting",
    Op.REPLACE: "replacing",
    Op.CREATE_REPLACEMENT: "creating replacement",
    Op.DELETE_REPLACED: "deleting original",
    Op.READ: "reading",
    Op.READ_REPLACEMENT: "reading replacement",
    Op.REFRESH: "refreshing",
    Op.DISCARD: "discarding",
    Op.DISCARD_REPLACED: "discarding original",
}
_DONE = {
    Op.SAME: "unchanged",
    Op.CREATE: "created",
    Op.UPDATE: "updated",
    Op.DELETE: "deleted",
    Op.REPLACE: "replaced",
    Op.CREATE_REPLACEMENT: "created replacement",
    Op.DELETE_REPLACED: "deleted original",
    Op.READ: "read",
    Op.READ_REPLACEMENT: "read replacement",
    Op.REFRESH: "refreshed",
    Op.DISCARD: "discarded",
    Op.DISCARD_REPLACED: "discarded original",
}
_SUMMARY_ORDER = (Op.CREATE, Op.UPDATE, Op.DELETE, Op.REPLACE, Op.READ, Op.DISCARD)
_SEVERITY_STYLES = {"error": "red", "warning": "yellow", "info": "", "debug": "dim"}


class Recorder:
    """Remembers what happened, in order; every other display is one, too. Safe to call from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.messages: list[tuple[str, str, str]] = []
        self.root_urn = ""

    def step_started(self, step: Step) -> None:
        """A step begins."""
        with self.lock:
            if step.resource.type == ROOT_STACK_TYPE:
                self.root_urn = step.urn

    def step_done(self, step: Step) -> None:
        """A step has succeeded."""

    def step_failed(self, step: Step) -> None:
        """A step has failed."""

    def outputs_registered(self, step: Step) -> None:
        """A component or the stack has its outputs."""

    def message(self, severity: str, urn: str, text: str, *, ephemeral: bool = False) -> None:
        """There is something to tell."""
        if severity != "debug" and not ephemeral:
            with self.lock:
                self.messages.append((severity, urn, text))


# --- people ---------------------------------------------------------------------------------------------------


class Display(Recorder):
    """Lines for a terminal or a log, with a tree of property changes if `diff`."""

    def __init__(
        self,
        console: Console,
        *,
        action: str,
        stack: str,
        preview: bool,
        live: bool = False,
        diff: bool = False,
        show_secrets: bool = False,
        show_sames: bool = False,
        suppress_outputs: bool = False,
    ) -> None:
        super().__init__()
        self._console = console
        self._action = action
        self._stack = stack
        self._preview = preview
        self._live = live
        self._diff = diff
        self._show_secrets = show_secrets
        self._show_sames = show_sames
        self._suppress_outputs = suppress_outputs
        self._started: dict[Step, float] = {}
        self._outputs: tuple[Properties, Properties] | None = None
        self._tree: Tree | None = None
        self._depths: dict[str, int] = {}

    def begin(self) -> None:
        """Say what begins."""
        self._console.print(Text(f"{self._action} ({self._stack}):", style="bold magenta"))
        if self._live and not self._console.is_dumb_terminal and not self._diff:
            self._tree = Tree(self._console, self.root_urn)
            self._tree.start()
        else:
            self._console.print()

    # -- lines

    def _line(self, op: Op, step: Step, status: str, detail: Text | None = None) -> None:
        sign, style = STYLES[op]
        if self._tree is not None:
            running = not self._preview and status == _DOING.get(op)
            self._tree.update(step.resource, sign, style, status, detail, running=running)
            return
        line = Text(" ")
        line.append(f"{sign:2} ", style)
        line.append(f"{step.resource.type} ")
        line.append(step.resource.name, "bold")
        line.append(f" {status}", style)
        if detail:
            line.append(" ")
            line.append_text(detail)
        self._console.print(line, soft_wrap=True)

    def _hidden(self, step: Step) -> bool:
        if is_internal(step):
            return True
        if step.op is Op.SAME:
            changed = step.old is not None and step.new is not None and step.old.protect != step.new.protect
            return not self._show_sames and not changed
        return False

    def step_started(self, step: Step) -> None:
        """Show that a step begins; in a preview, what it would do."""
        super().step_started(step)
        with self.lock:
            self._started[step] = time.monotonic()
            if self._diff and step.op is Op.SAME and step.resource.type == ROOT_STACK_TYPE:
                self._show_diff(step, Op.SAME)
            if self._hidden(step) or self._diff or (isinstance(step, RefreshStep) and self._tree is None):
                return
            if self._preview:
                if step.logical or step.op in (Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED):
                    self._line(step.op, step, _PLANNED[step.op], self._changed(step))
            elif step.op is not Op.SAME and step.op is not Op.REPLACE:
                self._line(step.op, step, _DOING[step.op], self._changed(step))

    def step_done(self, step: Step) -> None:
        """Show that a step has succeeded."""
        with self.lock:
            if self._hidden(step):
                return
            if isinstance(step, RefreshStep):
                if step.result_op is not Op.SAME:
                    self._show_refreshed(step)
            elif self._diff:
                if step.logical:
                    self._show_diff(step, step.op)
            elif not self._preview and step.op is not Op.SAME:
                seconds = time.monotonic() - self._started.get(step, time.monotonic())
                status = _DONE[step.op] if step.op is Op.REPLACE else f"{_DONE[step.op]} ({seconds:.2f}s)"
                self._line(step.op, step, status, self._changed(step))

    def _show_refreshed(self, step: RefreshStep) -> None:
        if self._diff:
            self._show_diff(step, step.result_op)
        else:
            words = _PLANNED if self._preview else _DONE
            self._line(step.result_op, step, words[step.result_op], self._changed(step))

    def step_failed(self, step: Step) -> None:
        """Show that a step has failed."""
        with self.lock:
            if not is_internal(step):
                doing = _DOING.get(step.op, step.op.value)
                self._line(step.op, step, f"**{doing} failed**")

    def outputs_registered(self, step: Step) -> None:
        """Keep the stack's outputs for the end."""
        with self.lock:
            if step.resource.type == ROOT_STACK_TYPE and step.new is not None:
                old = step.old.outputs if step.old else {}
                if self._before is not None:
                    old = self._before
                self._outputs = (old, step.new.outputs)

    _before: Properties | None = None

    def outputs_before(self, outputs: Properties) -> None:
        """Tell the stack's outputs before the deployment."""
        self._before = outputs

    def message(self, severity: str, urn: str, text: str, *, ephemeral: bool = False) -> None:
        """Show the first line of a message at once, and all of it at the end."""
        with self.lock:
            super().message(severity, urn, text, ephemeral=ephemeral)
            if severity == "debug" or (self._diff and severity == "info" and ephemeral):
                return
            first = text.strip().split("\n", 1)[0]
            if not first:
                return
            line = Text() if self._tree is not None else Text("    ")
            urn = urn or self.root_urn
            if urn and self._tree is None:
                line.append(f"{urn_type(urn)} ")
                line.append(f"{urn_name(urn)} ", "bold")
            if severity in ("error", "warning"):
                line.append(f"{severity}: ", _SEVERITY_STYLES[severity])
            line.append(first)
            if self._tree is not None:
                self._tree.say(urn, line)
            else:
                self._console.print(line, soft_wrap=True)

    def _changed(self, step: Step) -> Text | None:
        difference = _difference(step)
        if not difference:
            return None
        text = Text("[diff: ")
        marks = [(key, "+", "green") for key in difference.adds]
        marks += [(key, "-", "red") for key in difference.deletes]
        marks += [(key, "~", "yellow") for key in difference.updates]
        for position, (key, sign, style) in enumerate(sorted(marks)):
            text.append("," if position else "")
            text.append(f"{sign}{key}", style)
        text.append("]")
        return text

    # -- property changes

    def _show_diff(self, step: Step, op: Op) -> None:
        sign, style = STYLES[op]
        resource = step.resource
        depth = 0 if resource.type == ROOT_STACK_TYPE else self._depths.get(resource.parent, 0) + 1
        self._depths[resource.urn] = depth
        indent = "    " * depth
        self._console.print(Text(f"{indent}{sign}{resource.type}: ({_PLANNED[op]})", style), soft_wrap=True)
        if step.old is not None and step.old.id and resource.custom:
            self._console.print(Text(f"{indent}    [id={step.old.id}]", style), soft_wrap=True)
        self._console.print(Text(f"{indent}    [urn={resource.urn}]", style), soft_wrap=True)
        if op in (Op.CREATE, Op.READ):
            self._show_object(resource.inputs, f"{indent}    ", "  ", "")
        elif op is Op.DELETE and step.old is not None:
            self._show_object(step.old.inputs, f"{indent}    ", "- ", "red")
        elif difference := _difference(step):
            self._show_changes(difference, f"{indent}  ")

    def _show_object(self, properties: Properties, indent: str, sign: str, style: str) -> None:
        for key in sorted(properties):
            if key != "__provider":
                self._show_value(f"{key}: ", properties[key], indent, sign, style)

    def _show_value(self, label: str, value: Value, indent: str, sign: str, style: str) -> None:
        brackets = "{}" if isinstance(value, dict) else "[]" if isinstance(value, list) else ""
        if brackets and value:
            self._print(f"{indent}{sign}{label}{brackets[0]}", style)
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in items:
                name = f"{key}: " if isinstance(value, dict) else f"[{key}]: "
                self._show_value(name, item, f"{indent}    ", sign, style)
            self._print(f"{indent}{sign}{brackets[1]}", style)
        else:
            self._print(f"{indent}{sign}{label}{self.render(value)}", style)

    def _show_changes(self, difference: ObjectDiff, indent: str, *, array: bool = False) -> None:
        for key in difference.all_keys():
            label = f"[{key}]: " if array else f"{key}: "
            if key in difference.adds:
                self._show_value(label, difference.adds[key], indent, "+ ", "green")
            elif key in difference.deletes:
                self._show_value(label, difference.deletes[key], indent, "- ", "red")
            elif key in difference.updates:
                self._show_update(label, difference.updates[key], indent)

    def _show_update(self, label: str, change: ValueDiff, indent: str) -> None:
        nested = change.object or change.array
        if nested is not None:
            open_, close = "{}" if change.object is not None else "[]"
            self._print(f"{indent}~ {label}{open_}", "yellow")
            self._show_changes(nested, f"{indent}    ", array=change.array is not None)
            self._print(f"{indent}  {close}", "yellow")
        elif isinstance(change.old, (dict, list)) or isinstance(change.new, (dict, list)):
            self._show_value(label, change.old, indent, "- ", "red")
            self._show_value(label, change.new, indent, "+ ", "green")
        else:
            self._print(f"{indent}~ {label}{self.render(change.old)} => {self.render(change.new)}", "yellow")

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(text, style), soft_wrap=True)

    def render(self, value: Value) -> str:
        """Write a value on one line; secrets are hidden unless they are to be shown."""
        if isinstance(value, Secret):
            return self.render(value.element) if self._show_secrets else "[secret]"
        if value is UNKNOWN:
            return "[unknown]"
        if isinstance(value, ResourceReference):
            return json.dumps(value.urn)
        if isinstance(value, (dict, list)):
            plain = to_state(value, self._render_secret)
            return json.dumps(plain, ensure_ascii=False)
        return json.dumps(value, ensure_ascii=False)

    def _render_secret(self, secret: Secret) -> Any:
        return to_state(secret.element, self._render_secret) if self._show_secrets else "[secret]"

    # -- the end

    def end(self, result: Result) -> None:
        """Show messages by resource, the stack's outputs and the summary."""
        with self.lock:
            if self._tree is not None:
                self._tree.stop()
                self._tree = None
                self._console.print()
            self._show_messages()
            if not self._suppress_outputs:
                self._show_outputs()
            self._show_summary(result)

    def _show_messages(self) -> None:
        by_urn: dict[str, list[tuple[str, str]]] = {}
        for severity, urn, text in self.messages:
            if text.strip():
                by_urn.setdefault(urn or self.root_urn, []).append((severity, text))
        if not by_urn:
            return
        self._console.print(Text("Diagnostics:", "bold"))
        for urn, found in by_urn.items():
            label = f"{urn_type(urn)} ({urn_name(urn)}):" if urn else f"{ROOT_STACK_TYPE} ({self._stack}):"
            self._console.print(Text(f"  {label}", "bold blue"))
            for severity, text in found:
                lines = text.rstrip("\n").split("\n")
                first = Text("    ")
                if severity in ("error", "warning"):
                    first.append(f"{severity}: ", _SEVERITY_STYLES[severity])
                first.append(lines[0])
                self._console.print(first, soft_wrap=True)
                for line in lines[1:]:
                    self._console.print(Text(f"    {line}"), soft_wrap=True)
            self._console.print()

    def _show_outputs(self) -> None:
        if self._outputs is None:
            return
        old, new = self._outputs
        difference = diff_objects(old, new)
        if not old and not new:
            return
        if self._preview and not difference:
            return
        self._console.print(Text("Outputs:", "bold"))
        shown = {key: value for key, value in new.items() if value is not None}
        for key in sorted({*shown, *difference.deletes}):
            if key in difference.adds:
                sign, style = ("+ " if old else "  "), ("green" if old else "")
                self._show_value(f"{key}: ", new[key], "  ", sign, style)
            elif key in difference.deletes:
                self._show_value(f"{key}: ", old[key], "  ", "- ", "red")
            elif key in difference.updates:
                self._show_update(f"{key}: ", difference.updates[key], "  ")
            else:
                self._show_value(f"{key}: ", new[key], "  ", "  ", "")
        self._console.print()

    def _show_summary(self, result: Result) -> None:
        self._console.print(Text("Resources:", "bold magenta"))
        changed = 0
        for op in _SUMMARY_ORDER:
            count = result.changes[op]
            if count:
                sign, style = STYLES[op]
                words = f"to {_PLANNED[op]}" if self._preview else _DONE[op]
                line = Text("    ")
                line.append(f"{sign}{count} {words}", style)
                self._console.print(line)
                changed += 0 if op is Op.READ else count
        if changed and sum(1 for op in _SUMMARY_ORDER if result.changes[op] and op is not Op.READ) > 1:
            text = f"    {changed} {'change' if changed == 1 else 'changes'}. "
            same = result.changes[Op.SAME]
            self._console.print(Text(text + (f"{same} unchanged" if same else ""), "bold"))
        elif result.changes[Op.SAME]:
            self._console.print(Text(f"    {result.changes[Op.SAME]} unchanged"))
        errored = len({urn for severity, urn, _ in self.messages if severity == "error"})
        if errored:
            self._console.print(Text(f"    {errored} errored", "red"))
        self._console.print()
        if not self._preview:
            self._console.print(Text(f"Duration: {_duration(result.duration)}", "bold magenta"))
            self._console.print()


def _duration(seconds: float) -> str:
    whole = max(1, round(seconds))
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _difference(step: Step) -> ObjectDiff | None:
    """Return what changes about the resource's properties, by the detailed diff if there is one."""
    old, new = step.old, step.new
    if old is None or new is None or step.op in (Op.SAME, Op.READ):
        return None
    if step.detailed is not None:
        return translate(
            step.detailed,
            old.inputs,
            old.outputs,
            new.inputs,
            new.outputs,
            refresh=isinstance(step, RefreshStep),
        )
    if isinstance(step, RefreshStep):
        return diff_objects(old.outputs, new.outputs)
    return diff_objects(old.inputs, new.inputs)


# --- machines -------------------------------------------------------------------------------------------------


class JsonPreview(Recorder):
    """Collects a preview for `--json`, in the shape that the CLI gives it."""

    def __init__(
        self,
        config: dict[str, ConfigValue],
        *,
        show_sames: bool = False,
        show_replacement_steps: bool = False,
        suppress_outputs: bool = False,
    ) -> None:
        super().__init__()
        self._config = config
        self._show_sames = show_sames
        self._show_replacement_steps = show_replacement_steps
        self._suppress_outputs = suppress_outputs
        self._steps: list[dict[str, Any]] = []

    def step_started(self, step: Step) -> None:
        """Note a step as it is before it is applied."""
        super().step_started(step)
        with self.lock:
            if is_internal(step) or not self._shown(step):
                return
            self._steps.append(self._describe(step))

    def _shown(self, step: Step) -> bool:
        if step.resource.type == ROOT_STACK_TYPE:
            return True
        if step.op is Op.SAME:
            changed = step.old is not None and step.new is not None and step.old.protect != step.new.protect
            return self._show_sames or changed
        replacement = step.op in (
            Op.REPLACE,
            Op.CREATE_REPLACEMENT,
            Op.DELETE_REPLACED,
            Op.READ_REPLACEMENT,
            Op.DISCARD_REPLACED,
        )
        return step.logical or not replacement or self._show_replacement_steps

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


def make_console(color: str) -> Console:
    """Return a console for a `--color` choice: always, never, raw or auto."""
    if color == "always":
        return Console(force_terminal=True, highlight=False, markup=False, emoji=False)
    plain = color in ("never", "raw") or not sys.stdout.isatty()
    return Console(no_color=plain, highlight=False, markup=False, emoji=False)
