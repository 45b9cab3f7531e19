"""The options of a deployment, the events that a display follows, and the result."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from .steps import Op, Step
from .targets import Targets


@dataclass
class Options:
    """What is to be done and how.

    `refresh`: first bring the state in line with the live resources. `refresh_only`: do only that.
    `destroy`: run no program, so that everything goes.
    """

    parallel: int = 4
    refresh: bool = False
    refresh_only: bool = False
    destroy: bool = False
    targets: Targets = field(default_factory=Targets)
    target_dependents: bool = False
    replace_targets: Targets = field(default_factory=Targets)
    continue_on_error: bool = False
    ignore_protect: bool = False


class Events:
    """Who watches a deployment: remembers the messages. Safe to call from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.messages: list[tuple[str, str, str]] = []

    def step_started(self, step: Step) -> None:
        """A step begins."""

    def step_done(self, step: Step) -> None:
        """A step has succeeded."""

    def step_failed(self, step: Step) -> None:
        """A step has failed; why is told by a message."""

    def outputs_registered(self, step: Step) -> None:
        """A component or the stack has its outputs."""

    def message(self, severity: str, urn: str, text: str, *, ephemeral: bool = False) -> None:
        """There is something to tell. `severity` is debug, info, warning or error; `urn` may be empty."""
        if severity != "debug" and not ephemeral:
            with self.lock:
                self.messages.append((severity, urn, text))


@dataclass
class Result:
    """How a deployment ended."""

    changes: Counter[Op]
    duration: float
    succeeded: bool

    @property
    def has_changes(self) -> bool:
        """Whether anything was, or would be, changed."""
        unchanged = (Op.SAME, Op.READ, Op.DISCARD, Op.READ_REPLACEMENT)
        return any(count for op, count in self.changes.items() if op not in unchanged)
