"""Data to standard output, everything else to standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import orjson
from rich.console import Console
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
from rich.text import Text


def write_json_line(value: object) -> None:
    """Write one object as one line to standard output."""
    write_lines([orjson.dumps(value)])


def write_lines(lines: list[bytes]) -> None:
    """Write lines to standard output in one piece."""
    if lines:
        sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
        sys.stdout.buffer.flush()


def note(text: str) -> None:
    """Tell the person at the terminal something; never data."""
    click.echo(text, err=True)


def tables() -> Console:
    """Give a console on standard output for what people read."""
    # Tables keep their width in a file, where there is no terminal to ask.
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def notes() -> Console:
    """Give a console on standard error for what people read beside the data."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else 120, highlight=False)


@contextmanager
def progress(what: str, total: int | None = None, *, rate: bool = False) -> Iterator["Advance"]:
    """Show a bar on standard error where that is a terminal; elsewhere stay silent.

    Args:
        what: Is being done.
        total: Steps, where that is known.
        rate: Also tell steps a second and the time that is left.
    """
    console = Console(stderr=True)
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
