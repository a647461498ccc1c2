"""Commands run in this process: quicker than a process each, and with the same exit status."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from slotkeeper.cli import cli
from slotkeeper.cli.exits import run_to_exit_status


class Answer(NamedTuple):
    """What a command printed."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Answer]


def runner(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Give a function that runs a command in a folder."""
    monkeypatch.chdir(folder)

    def run(*arguments: str | Path, expected: int | None = 0) -> Answer:
        capsys.readouterr()
        status = run_to_exit_status(cli, [str(argument) for argument in arguments])
        answer = Answer(status, *capsys.readouterr())
        assert expected is None or status == expected, answer
        return answer

    return run


@pytest.fixture(name="run")
def run_fixture(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    return runner(capsys, tmp_path, monkeypatch)
