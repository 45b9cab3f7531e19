"""Showing a deployment to people: lines or a live tree while it runs, then diagnostics, outputs and a summary."""

from __future__ import annotations

import time

from rich.console import Console
from rich.text import Text

from pulumi_embedded.engine.events import Events, Result
from pulumi_embedded.engine.steps import Op, RefreshStep, Step, is_internal
from pulumi_embedded.state.urns import ROOT_STACK_TYPE, urn_name, urn_type
from pulumi_embedded.values.diff import diff_objects
from pulumi_embedded.values.values import Properties

from .live_tree import Tree
from .operations import LOOKS, SUMMARY_ORDER
from .properties import PropertyWriter, changed_keys, property_changes

_SEVERITY_STYLES = {"error": "red", "warning": "yellow", "info": "", "debug": "dim"}


class Display(Events):
    """Lines for a terminal or a log, with a tree of property changes if `diff`."""

    def __init__(
        self,
        console: Console,
        *,
        action: str,
        stack: str,
        root_urn: str,
        outputs: Properties,
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
        self._root_urn = root_urn
        self._preview = preview
        self._live = live
        self._diff = diff
        self._properties = PropertyWriter(console, show_secrets=show_secrets)
        self._show_sames = show_sames
        self._suppress_outputs = suppress_outputs
        self._started: dict[Step, float] = {}
        self._outputs: tuple[Properties, Properties] | None = None
        self._tree: Tree | None = None
        self._before = outputs
        self._depths: dict[str, int] = {}

    def begin(self) -> None:
        """Say what begins."""
        self._console.print(Text(f"{self._action} ({self._stack}):", style="bold magenta"))
        if self._live and not self._console.is_dumb_terminal and not self._diff:
            self._tree = Tree(self._console, self._root_urn)
            self._tree.start()
        else:
            self._console.print()

    # -- lines

    def _line(self, op: Op, step: Step, status: str, detail: Text | None = None) -> None:
        look = LOOKS[op]
        if self._tree is not None:
            running = not self._preview and status == look.doing
            self._tree.update(step.resource, look.sign, look.style, status, detail, running=running)
            return
        line = Text(" ")
        line.append(f"{look.sign} ", look.style)
        line.append(f"{step.resource.type} ")
        line.append(step.resource.name, "bold")
        line.append(f" {status}", look.style)
        if detail:
            line.append(" ")
            line.append_text(detail)
        self._console.print(line, soft_wrap=True)

    def _hidden(self, step: Step) -> bool:
        if is_internal(step):
            return True
        if step.op is Op.SAME:
            return not self._show_sames and not step.changes_protection
        return False

    def step_started(self, step: Step) -> None:
        """Show that a step begins; in a preview, what it would do."""
        with self.lock:
            self._started[step] = time.monotonic()
            if self._diff and step.op is Op.SAME and step.resource.type == ROOT_STACK_TYPE:
                self._show_diff(step, Op.SAME)
            if self._hidden(step) or self._diff or (isinstance(step, RefreshStep) and self._tree is None):
                return
            if self._preview:
                if step.logical or step.op in (Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED):
                    self._line(step.op, step, LOOKS[step.op].planned, changed_keys(step))
            elif step.op is not Op.SAME and step.op is not Op.REPLACE:
                self._line(step.op, step, LOOKS[step.op].doing, changed_keys(step))

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
                status = (
                    LOOKS[step.op].done
                    if step.op is Op.REPLACE
                    else f"{LOOKS[step.op].done} ({seconds:.2f}s)"
                )
                self._line(step.op, step, status, changed_keys(step))

    def _show_refreshed(self, step: RefreshStep) -> None:
        if self._diff:
            self._show_diff(step, step.result_op)
        else:
            look = LOOKS[step.result_op]
            status = look.planned if self._preview else look.done
            self._line(step.result_op, step, status, changed_keys(step))

    def step_failed(self, step: Step) -> None:
        """Show that a step has failed."""
        with self.lock:
            if not is_internal(step):
                self._line(step.op, step, f"**{LOOKS[step.op].doing} failed**")

    def outputs_registered(self, step: Step) -> None:
        """Keep the stack's outputs for the end."""
        with self.lock:
            if step.resource.type == ROOT_STACK_TYPE and step.new is not None:
                self._outputs = (self._before, step.new.outputs)

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
            urn = urn or self._root_urn
            if urn and self._tree is None:
                line.append(f"{urn_type(urn)} ")
                line.append(f"{urn_name(urn)} ", "bold")
            if severity in ("error", "warning"):
                line.append(f"{severity}: ", _SEVERITY_STYLES[severity])
            line.append(first)
            if self._tree is not None:
                self._tree.show_message(urn, line)
            else:
                self._console.print(line, soft_wrap=True)

    # -- property changes

    def _show_diff(self, step: Step, op: Op) -> None:
        look = LOOKS[op]
        resource = step.resource
        depth = 0 if resource.type == ROOT_STACK_TYPE else self._depths.get(resource.parent, 0) + 1
        self._depths[resource.urn] = depth
        indent = "    " * depth
        self._console.print(
            Text(f"{indent}{look.sign}{resource.type}: ({look.planned})", look.style), soft_wrap=True
        )
        if step.old is not None and step.old.id and resource.custom:
            self._console.print(Text(f"{indent}    [id={step.old.id}]", look.style), soft_wrap=True)
        self._console.print(Text(f"{indent}    [urn={resource.urn}]", look.style), soft_wrap=True)
        if op in (Op.CREATE, Op.READ):
            self._properties.show_object(resource.inputs, f"{indent}    ", "  ", "")
        elif op is Op.DELETE and step.old is not None:
            self._properties.show_object(step.old.inputs, f"{indent}    ", "- ", "red")
        elif difference := property_changes(step):
            self._properties.show_changes(difference, f"{indent}  ")

    # -- the end

    def stop(self) -> None:
        """End the live view, if there is one, and so give the terminal its cursor back."""
        with self.lock:
            if self._tree is not None:
                self._tree.stop()
                self._tree = None
                self._console.print()

    def end(self, result: Result) -> None:
        """Show messages by resource, the stack's outputs and the summary."""
        self.stop()
        with self.lock:
            self._show_messages()
            if not self._suppress_outputs:
                self._show_outputs()
            self._show_summary(result)

    def _show_messages(self) -> None:
        by_urn: dict[str, list[tuple[str, str]]] = {}
        for severity, urn, text in self.messages:
            if text.strip():
                by_urn.setdefault(urn or self._root_urn, []).append((severity, text))
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
                self._properties.show_value(f"{key}: ", new[key], "  ", sign, style)
            elif key in difference.deletes:
                self._properties.show_value(f"{key}: ", old[key], "  ", "- ", "red")
            elif key in difference.updates:
                self._properties.show_update(f"{key}: ", difference.updates[key], "  ")
            else:
                self._properties.show_value(f"{key}: ", new[key], "  ", "  ", "")
        self._console.print()

    def _show_summary(self, result: Result) -> None:
        self._console.print(Text("Resources:", "bold magenta"))
        changed = 0
        for op in SUMMARY_ORDER:
            count = result.changes[op]
            if count:
                look = LOOKS[op]
                words = f"to {look.planned}" if self._preview else look.done
                line = Text("    ")
                line.append(f"{look.sign}{count} {words}", look.style)
                self._console.print(line)
                changed += 0 if op is Op.READ else count
        if changed and sum(1 for op in SUMMARY_ORDER if result.changes[op] and op is not Op.READ) > 1:
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
