"""What a program is told about the run that it is part of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .project import Project
from .stack_config import ConfigValue


@dataclass(frozen=True)
class RunInfo:
    """The project, the stack's short name and its configuration in the clear, and how the engine runs.

    `parallel`: how many operations run at once. `preview`: nothing is changed.
    """

    project: Project
    stack: str
    config: Mapping[str, ConfigValue]
    parallel: int
    preview: bool
