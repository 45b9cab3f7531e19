"""Writing property values, and what changes about them."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

from pulumi_embedded.engine.steps import Op, RefreshStep, Step
from pulumi_embedded.values.diff import ObjectDiff, ValueDiff, diff_objects, translate
from pulumi_embedded.values.values import UNKNOWN, Properties, ResourceReference, Secret, Value, to_state


def property_changes(step: Step) -> ObjectDiff | None:
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


def changed_keys(step: Step) -> Text | None:
    """Return the names of the properties that a step changes, as `[diff: +added,-deleted,~updated]`."""
    difference = property_changes(step)
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


class PropertyWriter:
    """Writes values and changes as a tree, one line for each property. Secrets are hidden unless `show_secrets`."""

    def __init__(self, console: Console, *, show_secrets: bool) -> None:
        self._console = console
        self._show_secrets = show_secrets

    def show_object(self, properties: Properties, indent: str, sign: str, style: str) -> None:
        """Write the properties of an object."""
        for key in sorted(properties):
            if key != "__provider":
                self.show_value(f"{key}: ", properties[key], indent, sign, style)

    def show_value(self, label: str, value: Value, indent: str, sign: str, style: str) -> None:
        """Write one value, after a sign and a label."""
        brackets = "{}" if isinstance(value, dict) else "[]" if isinstance(value, list) else ""
        if brackets and value:
            self.print(f"{indent}{sign}{label}{brackets[0]}", style)
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in items:
                name = f"{key}: " if isinstance(value, dict) else f"[{key}]: "
                self.show_value(name, item, f"{indent}    ", sign, style)
            self.print(f"{indent}{sign}{brackets[1]}", style)
        else:
            self.print(f"{indent}{sign}{label}{self.render(value)}", style)

    def show_changes(self, difference: ObjectDiff, indent: str, *, array: bool = False) -> None:
        """Write what differs between two objects or lists."""
        for key in difference.changed_keys():
            label = f"[{key}]: " if array else f"{key}: "
            if key in difference.adds:
                self.show_value(label, difference.adds[key], indent, "+ ", "green")
            elif key in difference.deletes:
                self.show_value(label, difference.deletes[key], indent, "- ", "red")
            else:
                self.show_update(label, difference.updates[key], indent)

    def show_update(self, label: str, change: ValueDiff, indent: str) -> None:
        """Write one value that differs."""
        nested = change.object or change.array
        if nested is not None:
            open_, close = "{}" if change.object is not None else "[]"
            self.print(f"{indent}~ {label}{open_}", "yellow")
            self.show_changes(nested, f"{indent}    ", array=change.array is not None)
            self.print(f"{indent}  {close}", "yellow")
        elif isinstance(change.old, (dict, list)) or isinstance(change.new, (dict, list)):
            self.show_value(label, change.old, indent, "- ", "red")
            self.show_value(label, change.new, indent, "+ ", "green")
        else:
            self.print(f"{indent}~ {label}{self.render(change.old)} => {self.render(change.new)}", "yellow")

    def print(self, text: str, style: str) -> None:
        """Write one line."""
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
