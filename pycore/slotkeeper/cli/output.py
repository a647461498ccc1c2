"""Data to standard output, everything else to standard error; all of it as plain text."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.text import Text

from slotkeeper.cli import plain

WITHOUT_TERMINAL = 120
"""Columns where there is no terminal to ask, as in a file: tables keep their width."""


def write_json_line(value: object) -> None:
    """Write one object as one line to standard output."""
    write_lines([plain.json_of(value)])


def write_lines(lines: list[bytes]) -> None:
    """Write lines to standard output in one piece."""
    if lines:
        sys.stdout.buffer.write(b"\n".join(map(plain.json, lines)) + b"\n")
        sys.stdout.buffer.flush()


def note(text: str) -> None:
    """Tell the person at the terminal something; never data."""
    click.echo(plain.text(text), err=True)


def tables() -> Console:
    """Give a console on standard output for what people read."""
    return PlainConsole(width=_width(sys.stdout.isatty()), highlight=False, emoji=False)


def notes() -> Console:
    """Give a console on standard error for what people read beside the data."""
    width = _width(sys.stderr.isatty())
    return PlainConsole(stderr=True, width=width, highlight=False, emoji=False)


def _width(is_terminal: bool) -> int | None:  # noqa: FBT001  # the one thing it depends on
    """Ask the terminal, or ``COLUMNS`` where there is none."""
    if is_terminal:
        return None
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else WITHOUT_TERMINAL


class PlainConsole(Console):
    """Shows what came from outside as text: its own colours are the only control characters."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Escape what each piece says; a link would write an address that a record gave."""
        for text, style, control in super().render(renderable, options):
            if control is None:
                shown = None if style is None else style.update_link(None)
                yield Segment(plain.text(text), shown)
            else:
                yield Segment(text, style, control)

    def on_broken_pipe(self) -> None:
        """Let whoever began the command judge it, as for every other output."""
        raise BrokenPipeError


@contextmanager
def progress(what: str, total: int | None = None, *, rate: bool = False) -> Iterator["Advance"]:
    """Show a bar on standard error where that is a terminal; elsewhere stay silent.

    Args:
        what: Is being done.
        total: Steps, where that is known.
        rate: Also tell steps a second and the time that is left.
    """
    console = PlainConsole(stderr=True)
    also = (_Rate(), TimeRemainingColumn()) if rate else ()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        *also,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        yield Advance(bar, what, total)


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """Write them down; nothing before there are any."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


class Advance:
    """One bar."""

    def __init__(self, bar: Progress, what: str, total: int | None) -> None:
        """Begin at nothing."""
        self._bar = bar
        self._task = bar.add_task(what, total=total)

    def by(self, steps: int) -> None:
        """Go so many steps further."""
        self._bar.advance(self._task, steps)

    def to(self, done: int, total: int | None = None) -> None:
        """Stand at so many steps."""
        self._bar.update(self._task, completed=done, total=total)

    def of(self, what: str, done: int, total: int) -> None:
        """Stand at so many steps, and tell what is done now."""
        self._bar.update(self._task, description=what, completed=done, total=total)

    def now(self, what: str, total: int | None = None) -> None:
        """Begin something else, with its own count."""
        self._bar.reset(self._task, description=what, total=total)
