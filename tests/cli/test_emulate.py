"""``slotkeeper emulate`` beside ``slotkeeper run``, as processes that are killed."""

import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import orjson
import pytest
from tests.cli.conftest import COMMAND, Cli

EMULATE = ("emulate", "--devices", "20", "--rounds", "26", "--config", "site/slotkeeper.toml")


def started(folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    nowhere = subprocess.DEVNULL
    return subprocess.Popen([COMMAND, *arguments], cwd=folder, stdout=nowhere, stderr=nowhere)


@contextmanager
def worker(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = started(folder, "run", "--config", "site/slotkeeper.toml")
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait() in (0, -signal.SIGKILL)


def wait_for_round(wanted: int, process: "subprocess.Popen[bytes]", state: Path) -> None:
    """Look into the fleet's file from outside until it is so far; the process must not end."""
    while rounds(state) < wanted:
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"ended with {process.wait(0.01)}")


def rounds(state: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as file:
            (found,) = file.execute("SELECT value FROM about WHERE name = 'round'").fetchone()
            return int(found)
    except (sqlite3.OperationalError, TypeError):
        return 0


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


@pytest.mark.timeout(1_800)
def test_who_is_killed_goes_on_and_history_is_the_same(cli: Cli, tmp_path: Path) -> None:
    """First the fleet is killed, then its worker, then nobody, and all three tell the same."""
    state = tmp_path / "emulated-fleet.db"
    cli("lab", "pki", "site", "--streams", "sqlite:///fleet.db")
    with worker(tmp_path) as first:
        fleet = started(tmp_path, *EMULATE)
        wait_for_round(5, fleet, state)
        kill(fleet)
        assert rounds(state) < 26
        fleet = started(tmp_path, *EMULATE)
        wait_for_round(rounds(state) + 3, fleet, state)
        kill(first)
        with worker(tmp_path):
            assert fleet.wait() == 0
    told = orjson.loads(cli(*EMULATE, "--json", "--export", "killed").stdout)
    assert told["refused_valid"] == 0
    whole = tmp_path / "whole"
    cli("lab", "pki", "whole/site", "--streams", "sqlite:///fleet.db")
    with worker(whole):
        assert started(whole, *EMULATE, "--export", "out").wait() == 0
    for table in ("devices", "commands", "slots"):
        names = [folder / f"{table}.jsonl" for folder in (tmp_path / "killed", whole / "out")]
        assert names[0].read_bytes() == names[1].read_bytes()


def test_without_tracking_no_worker_is_needed(cli: Cli) -> None:
    told = cli("emulate", "--devices", "40", "--without-tracking", "--json", "--no-faults")
    refused = [one for one in orjson.loads(told.stdout)["results"] if one["result"] == "REFUSED"]
    assert "NUMBER_TOO_LOW" in {one["cause"] for one in refused}
    again = cli("emulate", "--devices", "40", "--without-tracking", "--no-faults")
    assert "NUMBER_TOO_LOW" in again.stdout


def test_streams_that_are_away_are_for_later(cli: Cli) -> None:
    cli("emulate", "--devices", "5", "--streams", "kafka://127.0.0.1:1", expected=4)


def test_a_file_that_cannot_be_written_is_for_later(cli: Cli, tmp_path: Path) -> None:
    cli("emulate", "--devices", "5", "--without-tracking")
    with sqlite3.connect(tmp_path / "emulated-fleet.db", isolation_level=None) as file:
        file.execute("UPDATE about SET value = 7 WHERE name IN ('round', 'begun')")
        file.execute("BEGIN IMMEDIATE")
        told = cli("emulate", "--devices", "5", "--without-tracking", expected=4)
    assert "locked" in told.stderr


def test_wrong_calls_are_told(cli: Cli) -> None:
    cli("emulate", "--acts", "60", expected=2)
    assert "future_dated" in cli("emulate", "--fault", "fire=1", expected=2).stderr
    cli("emulate", "--fault", "clock_wrong=2", expected=2)
    cli("emulate", "--devices", "1", "--without-tracking")
    assert "--state" in cli("emulate", "--devices", "2", "--without-tracking", expected=2).stderr
    cli("lab", "pki", "site", "--seed", "1", "--streams", "sqlite:///fleet.db")
    told = cli(*EMULATE, "--state", "other.db", expected=2).stderr
    assert "another ACB" in told
