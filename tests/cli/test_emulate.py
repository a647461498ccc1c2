"""``slotkeeper emulate`` beside ``slotkeeper run``, as processes that are killed."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from tests.cli.conftest import COMMAND, Cli

EMULATE = ("emulate", "--devices", "20", "--rounds", "26", "--config", "site/slotkeeper.toml")


@contextmanager
def worker(folder: Path) -> Iterator[None]:
    config = folder / "site" / "slotkeeper.toml"
    process = subprocess.Popen([COMMAND, "run", "--config", config], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def rounds(state: Path) -> int:
    """Look into the fleet's file from outside."""
    try:
        with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as file:
            (found,) = file.execute("SELECT value FROM about WHERE name = 'round'").fetchone()
            return int(found)
    except (sqlite3.OperationalError, TypeError):
        return 0


@pytest.mark.timeout(300)
def test_a_fleet_that_is_killed_goes_on_where_it_was(cli: Cli, tmp_path: Path) -> None:
    cli("lab", "pki", "site", "--streams", "sqlite:///fleet.db")
    with worker(tmp_path):
        process = subprocess.Popen(
            [COMMAND, *EMULATE], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while rounds(tmp_path / "emulated-fleet.db") < 5:
            assert process.poll() is None
            os.sched_yield()
        process.kill()
        process.wait()
        assert rounds(tmp_path / "emulated-fleet.db") < 26
        told = orjson.loads(cli(*EMULATE, "--json", "--export", "killed").stdout)
    assert told["refused_valid"] == 0
    cli("lab", "pki", "whole/site", "--streams", "sqlite:///fleet.db")
    with worker(tmp_path / "whole"):
        config = ("--config", "whole/site/slotkeeper.toml", "--state", "whole/state.db")
        cli(*EMULATE[:-2], *config, "--export", "whole/out")
    for table in ("devices", "commands", "slots"):
        names = [tmp_path / folder / f"{table}.jsonl" for folder in ("killed", "whole/out")]
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
