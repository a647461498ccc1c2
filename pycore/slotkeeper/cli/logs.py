"""What a long-running command tells on standard error: JSON lines to programs, text to people.

The members of a line are a promise (``docs/operating.md``): ``time``, ``level``, ``logger`` and
``event`` always, then what the event is about, such as ``partition``, and ``exception`` where a
traceback helps. No record's content, no key and no device goes into a log: the audit trail is the
place for that.
"""

import functools
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import ParamSpec, TypeVar

import click

from slotkeeper.cli import plain

P = ParamSpec("P")
T = TypeVar("T")

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
"""Attributes that every log record has; any other was given by ``extra``."""


def logged(command: Callable[P, T]) -> Callable[P, T]:
    """Let a command write the log: the package's, and of other packages only the warnings."""

    @functools.wraps(command)
    def with_log(*args: P.args, **kwargs: P.kwargs) -> T:
        begin()
        return command(*args, **kwargs)

    return with_log


def structured() -> bool:
    """Say whether standard error carries JSON lines in this process."""
    return any(isinstance(one.formatter, JsonLines) for one in logging.getLogger().handlers)


def begin() -> None:
    """Write the log of this process from here on."""
    handler = StandardError()
    handler.setFormatter(HumanText() if sys.stderr.isatty() else JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("slotkeeper").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    sys.excepthook = log_defect


def log_defect(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Write an exception that nothing caught."""
    logging.getLogger(__name__).critical(
        "ended by a defect: please report it", exc_info=(kind, error, trace)
    )


class StandardError(logging.Handler):
    """Writes to what standard error is at that moment: a progress bar may replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        click.echo(self.format(record), err=True)


class JsonLines(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        line = {
            "time": moment(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **extras(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return plain.json_of(line, default=str).decode()


class HumanText(logging.Formatter):
    """Time of day, what happened, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        about = "".join(f" {name}={value}" for name, value in extras(record).items())
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        text = f"{moment(record).astimezone():%H:%M:%S} {level}{record.getMessage()}{about}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return plain.text(text)


def extras(record: logging.LogRecord) -> dict[str, object]:
    """Give what ``extra`` put into a log record."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def moment(record: logging.LogRecord) -> datetime:
    """Give the time of a log record."""
    return datetime.fromtimestamp(record.created, UTC)
