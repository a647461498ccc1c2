"""D6: a changelog that kept its positions and lost records of devices issues nothing."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.durability.conftest import CHANGELOG
from tests.durability.test_worst_night import Site

from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.terms import Role
from slotkeeper.streams.layout import SLOTKEEPER
from slotkeeper.streams.sqlite.schema import OFFSET_BITS, PARTITION_BITS

MARGIN = 2**20
STOPPED = 3
POSITIONS = b"@positions"
CHANGELOG_SHARDS = PARTITION_BITS + OFFSET_BITS, SLOTKEEPER.names.index(CHANGELOG)
"""How far to shift an id, and what it is then."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path, Fleet(12, seed=6))
    site.publish(site.fleet.inventory())
    site.publish(site.fleet.hand_backs())
    site.publish(site.fleet.handover_requests())
    site.decide()
    return site


@pytest.mark.parametrize("every", [1, 2])
def test_d06_lost_device_records_stop_the_partition_until_acknowledged(
    site: Site, every: int
) -> None:
    issued = site.commands()
    assert lose(site, every)
    ask_again(site)
    for _ in range(2):
        site.run("run", "--until-idle", expected=STOPPED)
    assert site.commands() == issued

    for partition in range(4):
        site.run("acknowledge", "--partition", str(partition), "--reason", "the disk failed")
    site.decide()
    new = site.commands()[len(issued) :]
    assert len(new) == len(site.fleet.members)
    assert all(Envelope.decode(command).counter > MARGIN for command in new)


def test_d06_what_is_lost_after_an_acknowledgement_is_noticed_before_any_commit(
    site: Site,
) -> None:
    issued = site.commands()
    assert lose(site, 2)
    for partition in range(4):
        site.run("acknowledge", "--partition", str(partition), "--reason", "the disk failed")
    assert lose(site, 1)
    ask_again(site)
    site.run("run", "--until-idle", expected=STOPPED)
    assert site.commands() == issued


def test_what_is_stored_is_counted(site: Site) -> None:
    ask_again(site)
    site.decide()
    assert len(site.commands()) == 2 * len(site.fleet.members)
    statement = "SELECT value FROM compacted WHERE id >> ? = ? AND key = ?"
    counted = [json.loads(value)["devices"] for value in of_changelog(site, statement, POSITIONS)]
    assert sum(counted) == len(site.fleet.members)


def test_d06_a_lost_parked_record_stops_its_partition_until_acknowledged(tmp_path: Path) -> None:
    fleet = Fleet(6, seed=6)
    site = Site(tmp_path, fleet)
    # Nobody is in the inventory, so that every hand-back is parked.
    site.publish(fleet.hand_backs())
    site.decide()
    statement = "SELECT value FROM compacted WHERE id >> ? = ? AND key = ?"
    counted = [json.loads(value)["parked"] for value in of_changelog(site, statement, POSITIONS)]
    assert sum(counted) == len(fleet.members)

    statement = "DELETE FROM compacted WHERE id >> ? = ? AND instr(key, ?) > 0 RETURNING key"
    assert of_changelog(site, statement, b"/parked/")
    for _ in range(2):
        site.run("run", "--until-idle", expected=STOPPED)
    for partition in range(4):
        site.run("acknowledge", "--partition", str(partition), "--reason", "the disk failed")
    site.decide()
    statement = "SELECT value FROM compacted WHERE id >> ? = ? AND key = ?"
    counted = [json.loads(value)["parked"] for value in of_changelog(site, statement, POSITIONS)]
    assert sum(counted) == 0


def ask_again(site: Site) -> None:
    """Ask with hints that are too low."""
    site.publish(
        site.ask(member, 10_000 + number, Role.NETWORK_OPERATOR, hint=1)
        for number, member in enumerate(site.fleet.members)
    )


def lose(site: Site, every: int) -> int:
    """Delete every first, second ... record of a device; gives how many."""
    statement = "DELETE FROM compacted WHERE id >> ? = ? AND key != ? AND id % ? = 0 RETURNING key"
    return len(of_changelog(site, statement, POSITIONS, every))


def of_changelog(site: Site, statement: str, *given: object) -> list[bytes]:
    with closing(sqlite3.connect(site.file)) as file, file:
        return [row[0] for row in file.execute(statement, (*CHANGELOG_SHARDS, *given)).fetchall()]
