"""Hostile records have an account of their own, and it sees what became of each."""

import itertools
from collections.abc import Callable

import pytest
from tests.kafka.chaos.hostile import Attack, HostileProducer
from tests.kafka.chaos.hostilities import Hostilities
from tests.laws import Place

from slotkeeper.lab.events import INVENTORY
from slotkeeper.lab.pki import Pki

KINDS = 14
PARTITIONS = 4


def attacks(seed: int) -> list[Attack]:
    """Give each kind twice."""
    hostile = HostileProducer(Pki("hostile"), seed, PARTITIONS)
    return list(itertools.islice(hostile.attacks(), 2 * KINDS))


@pytest.fixture(scope="module")
def account() -> Hostilities:
    found = Hostilities()
    for number, attack in enumerate(attacks(7)):
        found.acknowledged(attack, 100 * number)
    return found


def sound(account: Hostilities) -> tuple[dict[Place, str], set[Place]]:
    decisions = {place: f"{wanted} and so on" for place, wanted in account.decisions.items()}
    return decisions, set(account.dead_tables)


def test_a_seed_gives_its_attacks_again() -> None:
    assert attacks(7) == attacks(7) != attacks(8)


def test_what_must_become_of_each_is_accepted(account: Hostilities) -> None:
    assert account.differences(*sound(account)) == []
    assert account.expected.keys() == {
        *("DEAD_LETTER", "HANDOVER_FAILED", "NOT_RECORDED", "REFUSED", "REJECTED"),
        *("REROUTED", "SEEN"),
    }
    # What is written again is decided twice, and counted once more.
    rerouted = account.expected["REROUTED"]
    assert account.expected.total() == len(account.decisions) + rerouted
    assert account.written.total() == len(account.decisions) + account.written[INVENTORY]


def is_missing(decisions: dict[Place, str], _tables: set[Place]) -> None:
    decisions.popitem()


def is_another(decisions: dict[Place, str], _tables: set[Place]) -> None:
    decisions[next(iter(decisions))] = "RECORDED ACB_IN_SLOT"


def has_no_dead_letter(_decisions: dict[Place, str], tables: set[Place]) -> None:
    tables.pop()


@pytest.mark.parametrize("forge", [is_missing, is_another, has_no_dead_letter])
def test_another_fate_is_seen(
    account: Hostilities, forge: Callable[[dict[Place, str], set[Place]], None]
) -> None:
    decisions, tables = sound(account)
    forge(decisions, tables)
    assert len(account.differences(decisions, tables)) == 1
