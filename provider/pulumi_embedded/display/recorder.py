"""Remembering what a deployment says, which every display does."""

from __future__ import annotations

import threading

from pulumi_embedded.engine.steps import Step
from pulumi_embedded.state.urns import ROOT_STACK_TYPE


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
