"""What the commands print: tables and colour in a terminal, plain lines in a pipe, JSON where asked for.

Results go to standard output. Progress, notes and errors go to standard error, so that a pipe holds results only.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .exit_codes import INTERRUPTED

_HIDDEN: Final = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]")
"""Characters that steer a terminal, or the direction of its text, and show nothing."""
_READABLE: Final = 12
"""The narrowest that a column may be whose text breaks."""


def visible(text: str) -> str:
    """Text, which may be anybody's, with the characters written out that would steer the terminal."""
    return _HIDDEN.sub(lambda match: repr(match.group())[1:-1], text)


def help_text(text: str) -> str:
    """A help text whose paragraphs are one line each, for typer to wrap; indented lines stay as they are."""
    joined = re.sub(r"(?<=\S)\n(?=[^\s])", " ", text.strip())
    # typer dedents what follows the first paragraph, by all but its first line: so let that be an empty one.
    return joined.replace("\n\n", "\n\n\n", 1)


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 connector`, `2 connectors`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def counted_kinds(connectors: int, connections: int) -> str:
    """How many there are of either, as far as there are any: `1 connector and 2 connections`."""
    kinds = ((connectors, "connector"), (connections, "connection"))
    return " and ".join(counted(number, noun) for number, noun in kinds if number)


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    style: str = ""
    fold: bool = False
    """In a terminal: break what is too long, at any character, rather than cut it."""
    below: bool = False
    """In a terminal that is too narrow for whole rows: print this last column, whole, on a line of its own."""
    wrap: bool = False
    """In a terminal: break what is too long, between words."""
    keep: bool = False
    """In a terminal: never make this column narrower than its content."""


class Screen:
    """Standard output and standard error, as far as a command needs to know them."""

    def __init__(self) -> None:
        self.out = Console(highlight=False, markup=False, emoji=False)
        self.err = Console(stderr=True, highlight=False, markup=False, emoji=False)

    @property
    def rich(self) -> bool:
        """Whether a person looks at standard output, rather than a program."""
        return self.out.is_terminal

    def json(self, value: Any) -> None:
        """Print a JSON value, indented, in a stable form; what would steer the terminal is escaped."""
        ascii_only = not (self.out.encoding or "").lower().startswith("utf")
        text = json.dumps(value, indent=2, ensure_ascii=ascii_only)
        self.raw(_HIDDEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text))

    def raw(self, text: str) -> None:
        """Print text exactly as it is: for results that a program reads or that are copied."""
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line of the result."""
        self._line(self.out, Text(visible(text), style=style))

    def note(self, text: str, style: str = "") -> None:
        """Print a line about the result to standard error."""
        self._line(self.err, Text(visible(text), style=style))

    def error(self, message: str) -> None:
        """Print an error to standard error."""
        self._line(self.err, Text.assemble(("error: ", "bold red"), (visible(message), "red")))

    @staticmethod
    def _line(console: Console, text: Text) -> None:
        # Lines break in a terminal only: a log or a grep needs them whole.
        console.print(text, soft_wrap=not console.is_terminal)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str | Text]]) -> None:
        """Print a table: fitted to a terminal, aligned and uncut in a pipe."""
        if not self.rich:
            self._plain_table(columns, rows)
            return
        shown = [[cell if isinstance(cell, Text) else Text(visible(cell)) for cell in row] for row in rows]
        if columns[-1].below and not self._fits(columns, shown, breaking=False):
            self._lines_below(columns, shown)
            return
        if not self._fits(columns, shown):
            self._records(columns, shown)
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in columns:
            table.add_column(
                column.title,
                style=column.style,
                overflow="fold" if column.fold else "ellipsis",
                no_wrap=not (column.fold or column.wrap),
                min_width=max((len(str(row[len(table.columns)])) for row in rows), default=0)
                if column.keep
                else None,
            )
        for row in shown:
            table.add_row(*row)
        self.out.print(table)

    def _fits(
        self, columns: Sequence[Column], rows: Sequence[Sequence[Text]], *, breaking: bool = True
    ) -> bool:
        """Whether a table's columns can stand side by side and be read, their text breaking where it may."""
        widths = [
            max(cell_len(column.title), *(row[index].cell_len for row in rows), 0)
            for index, column in enumerate(columns)
        ]
        if breaking:
            pairs = zip(widths, columns, strict=True)
            widths = [min(w, _READABLE) if c.fold or c.wrap else w for w, c in pairs]
        return sum(widths) + 2 * (len(widths) - 1) <= self.out.width

    def _lines_below(self, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
        """Print a table whose last column is below the others: so it can be copied whole."""
        head = columns[:-1]
        if not self._fits(head, [row[:-1] for row in rows]):
            self._records(columns, rows)
            return
        titles = [Text(column.title, "bold") for column in columns]
        lines = [
            titles,
            *([Text(c.plain, c.style or k.style) for c, k in zip(r, columns, strict=True)] for r in rows),
        ]
        widths = [max(line[index].cell_len for line in lines) for index in range(len(head))]
        for line in lines:
            for cell, width in zip(line, widths, strict=False):
                cell.pad_right(width + 2 - cell.cell_len)
            self.out.print(Text.assemble(*line[:-1]), soft_wrap=True)
            if line[-1].plain:
                self.out.print(Text.assemble("  ", line[-1]), soft_wrap=True)

    def _records(self, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
        """Print the rows of a table one under the other, their cells as lines."""
        for number, row in enumerate(rows):
            if number:
                self.out.print()
            for column, cell in zip(columns, row, strict=True):
                title = f"{column.title} " if column.title else ""
                line = Text.assemble((title, "bold"), (cell.plain, cell.style or column.style))
                self.out.print(line, overflow="fold")

    def _plain_table(self, columns: Sequence[Column], rows: Sequence[Sequence[str | Text]]) -> None:
        lines = [[column.title for column in columns], *([_one_line(str(c)) for c in row] for row in rows)]
        widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
        for line in lines:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.raw("  ".join(padded).rstrip())

    def sections(self, columns: Sequence[Column], rows: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Print rows that each have a long heading: in a terminal above the row, in a pipe as its first cell.

        Args:
            columns: The heading's column, then those of the cells.
            rows: The heading and the cells of each row.
        """
        if not self.rich:
            self._plain_table(columns, [[heading, *cells] for heading, cells in rows])
            return
        heading_style, cell_columns = columns[0].style, columns[1:]
        width = (self.out.width - 2 * len(cell_columns)) // len(cell_columns)

        def grid(cells: Sequence[Text]) -> Table:
            table = Table.grid(padding=(0, 0, 0, 2), pad_edge=True)
            for _ in cell_columns:
                table.add_column(width=width, overflow="fold")
            table.add_row(*cells)
            return table

        self.out.print(grid([Text(column.title, "bold") for column in cell_columns]))
        for heading, cells in rows:
            self.say(heading, heading_style)
            styled = zip(cells, cell_columns, strict=True)
            self.out.print(grid([Text(visible(cell), column.style) for cell, column in styled]))

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show that work is under way, where a person looks at standard error."""
        if not self.err.is_terminal:
            yield
            return
        with self.err.status(what):
            yield

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[Callable[[str], None]]:
        """Show how far work is, where a person looks; yields what to call with the name of each next part."""
        if not self.err.is_terminal:
            yield lambda _: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[name]}"),
        )
        with Progress(*columns, console=self.err, transient=True) as bar:
            task = bar.add_task(what, total=total, name="")
            begun = 0

            def advance(name: str) -> None:
                nonlocal begun
                bar.update(task, completed=begun, name=name)
                begun += 1

            yield advance


def _one_line(text: str) -> str:
    """Text without line breaks. Spaces stay as they are: those of a name tell it from another."""
    lines = (line.strip() for line in text.splitlines())
    return visible("; ".join(line for line in lines if line).replace("\t", " "))


def ask(question: str, default: str | None = None) -> str:
    """Ask a question on the terminal, and return what was typed; without a default there has to be something.

    Ctrl-C ends the command, with the exit code of an interruption.
    """
    with _interruptible():
        return str(typer.prompt(question, default=default, err=True, show_default=bool(default)))


def confirm(question: str) -> bool:
    """Ask a question on the terminal, and return whether the response is yes. Ctrl-C ends the command."""
    with _interruptible():
        return typer.confirm(question, err=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except typer.Abort:  # Ctrl-C, or the end of the input
        typer.echo(err=True)
        raise typer.Exit(INTERRUPTED) from None
