"""D5: what was lost and acknowledged once stays behind, whatever is lost after that."""

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from tests.durability.test_d06_lost_records import (
    CHANGELOG_SHARDS,
    MARGIN,
    POSITIONS,
    STOPPED,
    of_changelog,
)
from tests.durability.test_worst_night import BIN, Site

from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.terms import Role

pytestmark = pytest.mark.timeout(1_800)
"""Dozens of commands, each a process of its own."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A store whose witness is on another disk; two commands were made for each device."""
    site = Site(tmp_path / "site", Fleet(6, seed=9))
    (tmp_path / "disk").mkdir()
    with site.config.open("a") as config:
        config.write(f'\n[sqlite]\nwitness = "{tmp_path / "disk" / "witness"}"\n')
    site.publish(site.fleet.inventory())
    site.publish(site.fleet.hand_backs())
    site.publish(site.fleet.handover_requests())
    site.decide()
    return site


def numbers(site: Site) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {}
    for octets in site.commands():
        command = Envelope.decode(octets)
        found.setdefault(bytes(command.recipient), []).append(command.counter)
    return found


def asked_again(site: Site, round_: int) -> dict[bytes, int]:
    """Have a command made for each device, by a hint that is too low; gives their numbers."""
    site.publish(
        site.ask(member, 1000 * round_ + number, Role.NETWORK_OPERATOR, hint=1)
        for number, member in enumerate(site.fleet.members)
    )
    site.decide()
    return {device: each[-1] for device, each in numbers(site).items()}


def acknowledged(site: Site, *, from_start: bool = False) -> None:
    site.run("run", "--until-idle", expected=STOPPED)
    for partition in range(4):
        given = ["acknowledge", "--partition", str(partition), "--reason", "the disk failed"]
        if from_start:
            # Which inputs are to be named depends on what the partition holds.
            _, told = outcome(site, *given)
            (streams,) = re.findall(r"error: (.*): say for each", told) or [""]
            for stream in filter(None, streams.split(", ")):
                given += ["--from-start", stream]
        status, told = outcome(site, *given)
        assert status == 0, told


def outcome(site: Site, *arguments: str) -> tuple[int, str]:
    """Give a command's exit status and what it says to people."""
    done = subprocess.run(
        [BIN / "slotkeeper", *arguments, "--config", site.config],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_d05_one_backup_that_is_put_back_twice_gives_no_number_twice(site: Site) -> None:
    backup = site.folder / "backup"
    with closing(sqlite3.connect(site.file)) as store:
        store.execute("VACUUM INTO ?", (str(backup),))
    rounds = [asked_again(site, 1)]
    for round_ in (2, 3):
        for suffix in ("", "-wal", "-shm"):
            site.file.with_name(site.file.name + suffix).unlink(missing_ok=True)
        shutil.copy(backup, site.file)
        acknowledged(site)
        rounds.append(asked_again(site, round_))
    for earlier, later in pairwise(rounds):
        assert all(later[device] > number for device, number in earlier.items())
    assert all(rounds[1][device] == number + MARGIN for device, number in rounds[0].items())


def test_d05_lost_positions_take_no_loss_before_them_along(site: Site) -> None:
    text = site.config.read_text()
    site.config.write_text(text[: text.index("[sqlite]")])  # it would remember
    kept = device_records(site)
    rounds = []
    for round_ in (1, 2, 3):
        rounds.append(asked_again(site, round_))
        put_back(site, kept)
        if round_ == 3:
            lost = of_changelog(site, f"DELETE {OF_POSITIONS} RETURNING key", POSITIONS)
            assert set(lost) == {POSITIONS}
        acknowledged(site, from_start=round_ == 3)
    rounds.append(asked_again(site, 4))
    for earlier, later in pairwise(rounds):
        assert all(later[device] > number for device, number in earlier.items())
    assert all(number > 3 * MARGIN for number in rounds[-1].values())


OF_POSITIONS = "FROM compacted WHERE id >> ? = ? AND key = ?"


def device_records(site: Site) -> list[bytes]:
    """Give the values of the changelog's device records."""
    found = of_changelog(site, "SELECT value FROM compacted WHERE id >> ? = ? AND length(key) = 23")
    assert len(found) == len(site.fleet.members)
    return found


def put_back(site: Site, values: list[bytes]) -> None:
    """Put older device records in the place of the newest."""
    statement = (
        "UPDATE compacted SET value = ? WHERE id >> ? = ? AND length(key) = 23"
        " AND substr(value, 2, 8) = substr(?, 2, 8) RETURNING key"
    )
    with closing(sqlite3.connect(site.file)) as store, store:
        for value in values:
            given = (value, *CHANGELOG_SHARDS, value)
            assert len(store.execute(statement, given).fetchall()) == 1
