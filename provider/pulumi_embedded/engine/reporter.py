"""What a deployment tells: steps and messages to whoever watches, and counts for the summary."""

from __future__ import annotations

import threading
from collections import Counter

from pulumi_embedded.values.diff import diff_objects

from .events import Events
from .steps import Op, RefreshStep, Step, is_internal


class Reporter:
    """Passes on what happens and counts the steps. Safe to call from any thread."""

    def __init__(self, events: Events, *, preview: bool, refresh_only: bool) -> None:
        self._events = events
        self._preview = preview
        self._refresh_only = refresh_only
        self._lock = threading.Lock()
        self._silenced = False
        self.changes: Counter[Op] = Counter()

    # -- steps

    def step_started(self, step: Step) -> None:
        """A step begins."""
        self._events.step_started(step)

    def step_done(self, step: Step) -> None:
        """A step has succeeded."""
        self._count(step)
        self._events.step_done(step)

    def step_failed(self, step: Step, message: str) -> None:
        """A step has failed."""
        urn = "" if is_internal(step) else step.urn
        self.error(urn, f"Preview failed: {message}" if self._preview else message)
        self._events.step_failed(step)

    def outputs_registered(self, step: Step) -> None:
        """A component or the stack has its outputs."""
        self._events.outputs_registered(step)

    def _count(self, step: Step) -> None:
        op, logical = step.op, step.logical
        if isinstance(step, RefreshStep):
            if not self._refresh_only:
                return
            op, logical = step.result_op, True
        if op is Op.READ:
            old, new = step.old, step.new
            logical = old is not None and new is not None and bool(diff_objects(old.outputs, new.outputs))
        if logical and not is_internal(step):
            with self._lock:
                self.changes[op] += 1

    # -- messages

    def error(self, urn: str, text: str) -> None:
        """Tell of an error."""
        self._events.message("error", urn, text)

    def warning(self, urn: str, text: str) -> None:
        """Warn."""
        self._events.message("warning", urn, text)

    def info(self, urn: str, text: str) -> None:
        """Tell of something."""
        self._events.message("info", urn, text)

    def log(self, severity: str, urn: str, text: str, *, ephemeral: bool = False) -> None:
        """Pass on a message of the program or of a provider."""
        if not self._silenced:
            self._events.message(severity, urn, text, ephemeral=ephemeral)

    def line(self, line: str) -> None:
        """Pass on a line that the program or a provider prints."""
        self.log("info", "", line)

    def silence(self) -> None:
        """Pass on nothing more of the program: what it says when it is stopped does not concern the user."""
        self._silenced = True
