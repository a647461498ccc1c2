"""Exit statuses: every error type has one, in one place."""

import errno

import click
import pytest

from slotkeeper import errors
from slotkeeper.cli.exits import run_to_exit_status

EXPECTED = {
    errors.ActError: 1,
    errors.FaultFoundError: 1,
    errors.EngineFaultError: 1,
    errors.BatchEndedError: 1,
    errors.BatchOpenError: 1,
    errors.NotRestoredError: 1,
    errors.NotSealedError: 1,
    errors.ConfigurationError: 2,
    errors.WrongUseError: 2,
    errors.StoppedForOperatorError: 3,
    errors.RestoreError: 3,
    errors.StoreUnavailableError: 4,
    errors.LockedError: 4,
    errors.TryLaterError: 4,
    errors.SignerUnavailableError: 4,
    errors.CommitAbortedError: 4,
    errors.OutputTooLargeError: 4,
    errors.CommitInDoubtError: 4,
    errors.FencedError: 4,
}


def made(kind: type[Exception], message: str) -> Exception:
    if kind is errors.OutputTooLargeError:
        return errors.OutputTooLargeError(message, stream="audit-trail", partition=0, octets=1)
    return kind(message)


def status_of(error: BaseException) -> int:
    @click.command()
    def failing() -> None:
        raise error

    return run_to_exit_status(failing, [])


@pytest.mark.parametrize(("kind", "status"), EXPECTED.items())
def test_each_error_has_its_status(
    kind: type[Exception], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(made(kind, "what happened")) == status
    shown = capsys.readouterr()
    assert "what happened" in shown.err
    assert shown.out == ""


def test_no_error_type_was_forgotten() -> None:
    bases = {errors.SlotkeeperError, errors.StreamsError, errors.CommitError}
    assert {getattr(errors, name) for name in errors.__all__} - bases == set(EXPECTED)


def test_a_full_disk_is_tried_again_and_a_missing_file_is_not() -> None:
    assert status_of(OSError(errno.ENOSPC, "No space left on device")) == 4
    assert status_of(FileNotFoundError(errno.ENOENT, "No such file")) == 2


def test_wrong_options_are_wrong_use() -> None:
    assert status_of(click.UsageError("no such option")) == 2


def test_a_defect_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        status_of(ZeroDivisionError())


def test_an_interrupt_is_told_as_shells_count_it() -> None:
    assert status_of(KeyboardInterrupt()) == 130
