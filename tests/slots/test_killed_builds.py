"""Builds that are killed, or have no room, on a real store and as processes of their own."""

import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from tests.cli.conftest import Cli, Site, cli, decided, served, site

from slotkeeper.slots.build.folder import open_build

__all__ = ["cli", "decided", "served", "site"]

KILLED = """
import os, signal, sys
from pathlib import Path
left = int(sys.argv.pop(1))
replace = Path.replace
def counted(self, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return replace(self, target)
Path.replace = counted
from slotkeeper.__main__ import main
main()
"""
"""Whatever a build keeps gets its name by `Path.replace`: it is killed before it gives another."""


def build(site: Site, folder: Path, *, after: int | None = None) -> int:
    """Make a build, killed after so many files got their names; give the exit status."""
    how = ["-m", "slotkeeper"] if after is None else ["-c", KILLED, str(after)]
    done = subprocess.run(
        [sys.executable, *how, "slots", "build", "--to", folder, "--config", site.config],
        capture_output=True,
        check=False,
    )
    return done.returncode


@pytest.mark.timeout(1_800)
def test_who_is_killed_goes_on_to_the_same_files(cli: Cli, served: Site, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        assert build(served, folder) == 0
    first = open_build(killed)
    at = ("--config", served.config)
    cli("publish", "srv-6.21-requests", *at, given=served.lines(served.fleet.handover_requests()))
    cli("publish", "smart-metering-inventory", *at, given=served.lines(served.fleet.inventory()))
    cli("run", "--until-idle", *at)
    assert build(served, whole) == 0
    deaths = 0
    while status := build(served, killed, after=5 + 3 * deaths):
        assert status == -signal.SIGKILL
        deaths += 1
        if open_build(killed).name != first.name:
            break
    assert deaths >= 4
    made = [orjson.dumps(open_build(folder).manifest["files"]) for folder in (whole, killed)]
    assert made[0] == made[1]
    assert build(served, killed) == 0
    assert not (killed / ".making").exists()
    assert open_build(killed).manifest["files"] == open_build(whole).manifest["files"]
    cli("slots", "verify", killed)


def test_without_room_the_last_build_stays(cli: Cli, served: Site, tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    assert build(served, folder) == 0
    at = ("--config", served.config)
    cli("publish", "srv-6.21-requests", *at, given=served.lines(served.fleet.handover_requests()))
    cli("run", "--until-idle", *at)

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500, 1_500))

    done = subprocess.run(
        [sys.executable, "-m", "slotkeeper", "slots", "build", "--to", folder, *at],
        capture_output=True,
        check=False,
        preexec_fn=little_room,  # no threads here
    )
    assert done.returncode == 4, done.stderr
    assert open_build(folder).name == "00000001"
    assert build(served, folder) == 0
    assert open_build(folder).name == "00000002"


def test_a_history_that_contradicts_the_changelog_is_named(
    cli: Cli, served: Site, tmp_path: Path
) -> None:
    """The last record of a device is altered that is not its partition's last one."""
    with closing(sqlite3.connect(served.config.parent / "streams.db")) as file, file:
        found = [
            (row, key, value)
            for row, key, value in file.execute("SELECT id, key, value FROM log ORDER BY id")
            if b'"decided_at"' in value
        ]
        rows = {row for row, _, _ in found}
        last = {key: (row, value) for row, key, value in found}
        key, (row, value) = next(one for one in last.items() if one[1][0] + 1 in rows)
        record = orjson.loads(value)
        record["slot"]["key_agreement"]["subject_key_identifier"] = "f" * 16
        file.execute("UPDATE log SET value = ? WHERE id = ?", (orjson.dumps(record), row))
    told = cli("slots", "build", "--to", "slots", "--config", served.config, expected=1)
    assert f"{key.decode()} (OTHER_OCCUPANT)" in told.stderr
    build_of = open_build(tmp_path / "slots")
    assert build_of.manifest["rows"]["differing"] == 1
    # It stays so until the history agrees, although nothing new came.
    told = cli("slots", "build", "--to", "slots", "--config", served.config, expected=1)
    assert key.decode() in told.stderr
