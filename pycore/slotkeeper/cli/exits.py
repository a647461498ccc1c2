"""From an error to an exit status and a sentence: the only place that knows both."""

import errno
import io
import logging
import os
import sys
from collections.abc import Sequence

import click

from slotkeeper import errors
from slotkeeper.cli import logs, plain

_log = logging.getLogger(__name__)

DONE = 0
FAULT = 1
WRONG_USE = 2
STOPPED_FOR_OPERATOR = 3
TRY_LATER = 4
INTERRUPTED = 128 + 2
"""Killed by SIGINT, as shells count it."""

_BY_TYPE: tuple[tuple[type[BaseException], int, str], ...] = (
    (
        errors.StoppedForOperatorError,
        STOPPED_FOR_OPERATOR,
        "do not restart: find out why, then `slotkeeper acknowledge --help`",
    ),
    (
        errors.RestoreError,
        STOPPED_FOR_OPERATOR,
        "do not restart: the changelog is damaged or was written by a newer version",
    ),
    (errors.LockedError, TRY_LATER, "stop the other worker, or wait for it"),
    (errors.TryLaterError, TRY_LATER, "nothing was lost; run the same command again later"),
    (errors.CommitError, TRY_LATER, "nothing was lost; run the same command again"),
    (
        errors.SignerUnavailableError,
        TRY_LATER,
        "nothing was lost; run the same command again later",
    ),
    (errors.WrongUseError, WRONG_USE, ""),
    (
        errors.ConfigurationError,
        WRONG_USE,
        "`slotkeeper check-config` shows the effective settings",
    ),
    (errors.SlotkeeperError, FAULT, ""),
    (errors.StreamsError, FAULT, ""),
)
"""The first type that fits decides: subclasses stand before their bases."""

_LATER = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EAGAIN, errno.EMFILE})


def run_to_exit_status(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command; every expected error becomes one or two lines and a status.

    An error of no expected type is a defect: it goes on as it is, with its traceback.
    """
    status = _run(command, arguments)
    try:
        sys.stdout.flush()
    except OSError as error:
        # Standard output goes nowhere from here on, or the interpreter's last flush would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if status == DONE and not isinstance(error, BrokenPipeError):
            return _told(error)
    return status


def _run(command: click.Command, arguments: Sequence[str]) -> int:
    try:
        with command.make_context("slotkeeper", list(arguments)) as context:
            command.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as wrong:
        told = io.StringIO()
        wrong.show(told)
        click.echo(plain.text(told.getvalue()), err=True, nl=False)
        return WRONG_USE
    except (KeyboardInterrupt, click.Abort) as interrupt:
        _tell("stopped", INTERRUPTED, notes(interrupt.__context__))
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has closed it, as `head` does: that is no fault.
        return DONE
    except (errors.SlotkeeperError, errors.StreamsError, OSError) as error:
        return _told(error)
    return DONE


def _told(error: Exception) -> int:
    status, advice = _judge(error)
    _tell(f"error: {_sentence(error)}", status, [*notes(error), advice])
    return status


def _sentence(error: Exception) -> str:
    """Say what is wrong with which file; a number of the operating system helps nobody."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    named = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return ": ".join([" and ".join(named), error.strerror] if named else [error.strerror])


def _judge(error: Exception) -> tuple[int, str]:
    if isinstance(error, OSError):
        if error.errno in _LATER:
            return TRY_LATER, "nothing was lost; make room or wait, then run the same command again"
        return WRONG_USE, ""
    for kind, status, advice in _BY_TYPE:
        if isinstance(error, kind):
            return status, advice
    return FAULT, ""


def status_of(error: Exception) -> int:
    """Give the exit status that an expected error ends a command with."""
    return _judge(error)[0]


def notes(error: BaseException | None) -> list[str]:
    """Give what was noted on an error on its way."""
    return list(getattr(error, "__notes__", ()))


def _tell(text: str, status: int, more: list[str]) -> None:
    lines = [line for line in more if line]
    if logs.structured():
        about = {"error": text.removeprefix("error: "), "exit_status": status, "advice": lines}
        _log.error("ended early", extra=about)
        return
    for line in (text, *(f"       {line}" for line in lines)):
        click.echo(plain.text(line), err=True)
