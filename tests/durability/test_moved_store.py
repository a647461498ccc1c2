"""A store takes the place of another: what was lost there, and what waited there, goes over."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.durability.conftest import AUDIT
from tests.durability.exports import Entry, Slot, entries
from tests.durability.test_worst_night import Site, numbers

from slotkeeper.lab.fleet import Fleet, Member
from slotkeeper.lab.terms import Role

pytestmark = pytest.mark.timeout(600)
"""Dozens of commands, each a process of its own."""

ADJUSTMENTS = "counter-adjustments"
WITNESS = '[sqlite]\nwitness = "witness"\n'
PARTITIONS = 4
"""Of a file that nobody said anything else of."""

LATE = 1
"""Of the fleet: the inventory names it after the store has moved."""


@pytest.fixture
def lost(tmp_path: Path) -> Site:
    """A store with a history, one record of it parked."""
    fleet = Fleet(3, seed=9)
    site = Site(tmp_path / "lost", fleet, more=WITNESS)
    site.publish(one for number, one in enumerate(fleet.inventory()) if number != LATE)
    site.publish(fleet.hand_backs())
    site.publish(fleet.handover_requests())
    site.decide()
    return site


def lose_a_tail(site: Site) -> list[bytes]:
    """Put an older copy back, and acknowledge it; gives the commands that were given out."""
    copy = site.file.with_suffix(".copy")
    shutil.copy(site.file, copy)
    ask(site, 1_000)
    tail = site.commands()
    shutil.copy(copy, site.file)
    site.run("run", "--until-idle", expected=3)
    for partition in range(PARTITIONS):
        how = ("--partition", str(partition), "--reason", "the copy of Sunday", "--by", "ann")
        site.run("acknowledge", *how)
    return tail


def ask(site: Site, number: int) -> None:
    """Ask for each slot, by the numbers that the tail of the lost store has as well."""
    site.publish(
        site.ask(member, number + place, Role.NETWORK_OPERATOR, member.natural + 50)
        for place, member in enumerate(known(site))
    )
    site.decide()


def known(site: Site) -> Iterator[Member]:
    return (member for place, member in enumerate(site.fleet.members) if place != LATE)


@pytest.mark.parametrize("how", ["export", "rebuild"])
def test_d05_no_number_of_a_lost_tail_comes_again_in_the_next_store(
    lost: Site, tmp_path: Path, how: str
) -> None:
    tail = numbers(lose_a_tail(lost))
    table = tmp_path / "table.jsonl"
    lost.run("counters", how, table)
    new = Site(tmp_path / "new", lost.fleet, more=WITNESS)
    new.publish(new.fleet.inventory())

    importing = ("counters", "import", table, "--reason", "moved", "--by", "ann", "--by", "bob")
    new.run(*importing, expected=1)
    assert new.read(ADJUSTMENTS) == []
    new.run("acknowledge", "--losses", "1", "--reason", "moved", "--by", "ann")
    new.run(*importing)
    new.decide()
    ask(new, 2_000)

    after = numbers(new.commands())
    assert len(after) == len(list(known(new)))
    assert not tail.keys() & after.keys()
    said = [one for one in new.read(AUDIT) if one["kind"] == "acknowledgement"]
    assert {one["losses"] for one in said} == {1}
    # The next store in line is told as well.
    new.run("counters", how, table)
    assert losses(table) == [1] * PARTITIONS


def losses(table: Path) -> list[int]:
    told: list[int] = json.loads(table.read_text().splitlines()[0])["losses"]
    return told


def test_d05_a_loss_that_nobody_acknowledged_goes_over(lost: Site, tmp_path: Path) -> None:
    copy = lost.file.with_suffix(".copy")
    shutil.copy(lost.file, copy)
    ask(lost, 1_000)
    shutil.copy(copy, lost.file)
    table = tmp_path / "table.jsonl"
    lost.run("counters", "export", table)
    assert set(losses(table)) == {0, 1}
    new = Site(tmp_path / "new", lost.fleet)
    new.publish(new.fleet.inventory())
    importing = ("counters", "import", table, "--reason", "moved", "--by", "ann", "--by", "bob")
    new.run(*importing, expected=1)
    for partition, times in enumerate(losses(table)):
        if times:
            how = ("--partition", str(partition), "--losses", str(times))
            new.run("acknowledge", *how, "--reason", "moved", "--by", "ann")
    new.run(*importing)


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_a_witness_that_knows_nothing_tells_of_no_loss(
    lost: Site, tmp_path: Path, state: str
) -> None:
    """Such as on a host that has never served the store."""
    witness = lost.folder / "witness"
    if state == "missing":
        witness.unlink()
    else:
        witness.write_text("{")
    table = tmp_path / "table.jsonl"
    lost.run("counters", "export", table)
    assert losses(table) == [0] * PARTITIONS


@pytest.mark.parametrize("how", ["export", "rebuild"])
def test_what_was_exported_goes_back_into_its_own_store(
    lost: Site, tmp_path: Path, how: str
) -> None:
    """Partitions that lost nothing count nothing: no margin is asked of them."""
    lose_a_tail(lost)
    table = tmp_path / "table.jsonl"
    lost.run("counters", how, table)
    assert set(losses(table)) == {0, 1}
    lost.run("counters", "import", table, "--reason", "r", "--by", "ann", "--by", "bob")


def test_losses_of_all_partitions_are_counted_where_nothing_else_stands_against_one(
    lost: Site,
) -> None:
    copy = lost.file.with_suffix(".copy")
    shutil.copy(lost.file, copy)
    ask(lost, 1_000)
    shutil.copy(copy, lost.file)
    lost.run("acknowledge", "--losses", "1", "--reason", "r", "--by", "ann", expected=3)
    lost.run("run", "--until-idle", expected=3)


def test_what_is_parked_is_decided_in_the_next_store(lost: Site, tmp_path: Path) -> None:
    """The number in it is recorded, once the inventory names its device."""
    table = tmp_path / "table.jsonl"
    lost.run("counters", "export", table)
    late = lost.fleet.members[LATE]
    slot = (str(late.gpf.device.eui), "NetworkOperator")
    assert entries(table.read_text())[slot]["recorded"] is None
    new = Site(tmp_path / "new", lost.fleet)
    new.publish(new.fleet.inventory())
    for _ in range(2):
        new.run("counters", "import", table, "--reason", "moved", "--by", "ann", "--by", "bob")
        new.decide()
    (was,) = (entry for there, entry in expected(lost).items() if there == slot)
    assert new.export()[slot]["recorded"] == was["recorded"] is not None


def expected(lost: Site) -> dict[Slot, Entry]:
    """Give what the lost store would hold, had the inventory come in time."""
    lost.publish(lost.fleet.inventory())
    lost.decide()
    return lost.export()
