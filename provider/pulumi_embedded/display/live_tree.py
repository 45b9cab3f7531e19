"""The live view of a deployment in a terminal: one row per resource, below its parent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import ROOT_STACK_TYPE, urn_name, urn_type


@dataclass
class _Row:
    urn: str
    parent: str
    sign: str = ""
    style: str = ""
    status: str = ""
    info: Text = field(default_factory=Text)
    started: float | None = None


class Tree:
    """Rows that change in place; at the end they stay as they are. Not safe to call from two threads at once."""

    def __init__(self, console: Console, root: str) -> None:
        """Prepare the view; `root` is the URN of the stack."""
        self._root = root
        self._rows: dict[str, _Row] = {root: _Row(root, "")}
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=8, vertical_overflow="crop"
        )

    def start(self) -> None:
        """Begin to show it."""
        self._live.start()

    def stop(self) -> None:
        """Leave the rows on the screen, all of them."""
        for row in self._rows.values():
            row.started = None
        self._live.vertical_overflow = "visible"
        self._live.stop()

    def update(
        self,
        resource: Resource,
        sign: str,
        style: str,
        status: str,
        info: Text | None,
        *,
        running: bool,
    ) -> None:
        """Show what happens to a resource; while it is `running`, the seconds are counted."""
        row = self._row(resource.urn, resource.parent)
        row.sign, row.style, row.status = sign, style, status
        row.started = time.monotonic() if running else None
        if info is not None:
            row.info = info

    def show_message(self, urn: str, text: Text) -> None:
        """Show a message beside a resource."""
        self._row(urn or self._root, "").info = text

    def _row(self, urn: str, parent: str) -> _Row:
        row = self._rows.get(urn)
        if row is None:
            row = self._rows[urn] = _Row(urn, parent or self._root)
        elif parent:
            row.parent = parent
        return row

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for _ in range(4):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        headings = (Text(heading, "bold underline") for heading in ("Type", "Name", "Status", "Info"))
        table.add_row("", *headings)
        children: dict[str, list[_Row]] = {}
        for row in list(self._rows.values()):
            if row.urn != self._root:
                parent = row.parent if row.parent in self._rows else self._root
                children.setdefault(parent, []).append(row)

        def add(row: _Row, branch: str, indent: str) -> None:
            status = row.status
            if row.started is not None:
                status = f"{status} ({time.monotonic() - row.started:.0f}s)"
            kind = ROOT_STACK_TYPE if row.urn == self._root else urn_type(row.urn)
            table.add_row(
                Text(row.sign, row.style),
                Text(branch + kind),
                Text(urn_name(row.urn), "bold"),
                Text(status, row.style),
                row.info,
            )
            below = children.get(row.urn, [])
            for position, child in enumerate(below):
                last = position == len(below) - 1
                add(child, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  "))

        add(self._rows[self._root], "", "")
        return table
