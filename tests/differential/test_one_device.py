"""Where nothing was lost, nobody is wrong about who stands in a cell of a device.

``python -m tests.differential.one_device`` plays more histories than these.
"""

from collections import Counter
from collections.abc import Iterable

import pytest
from tests.differential.one_device import CLOCKS, Base, Clock, play

HISTORIES = 150
FOUND = (32, 39, 82, 86, 216, 347, 348)
"""Under wrong clocks the occupant was another one, or a valid handover was refused."""


def played(
    seeds: Iterable[int],
    base: Base | None = None,
    clock: Clock | None = None,
    readings: float = 0,
) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        found += play(seed, lost=0, base=base, clock=clock, readings=readings)
    return found


def is_never_wrong(found: Counter[str]) -> bool:
    refused = "valid handover refused, all told" in found
    return not refused and not [what for what in found if "WRONG" in what]


@pytest.mark.timeout(1_800)
def test_without_a_base_and_nothing_lost_nobody_is_wrong() -> None:
    found = played(range(HISTORIES))
    assert is_never_wrong(found), found


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("clock", CLOCKS)
def test_with_a_base_and_nothing_lost_the_occupant_is_right(clock: Clock) -> None:
    base: Base = "undated" if clock == "wrong" else "dated"
    found = played(range(HISTORIES), base, clock)
    names = ("nothing lost: ds right", "nothing lost: ka right")
    assert [found[name] for name in names] == [HISTORIES, HISTORIES], found
    assert is_never_wrong(found), found


@pytest.mark.timeout(1_800)
def test_n04_a_reading_under_a_wrong_clock_makes_nobody_wrong() -> None:
    found = played((*FOUND, *range(1_000, 1_000 + HISTORIES)), "dated", "wrong")
    assert is_never_wrong(found), found
    assert found["nothing lost: ds right"] > HISTORIES / 2, found


@pytest.mark.timeout(1_800)
def test_n04_readings_in_between_make_nobody_wrong_under_a_good_clock() -> None:
    found = played(range(HISTORIES), "dated", "good", readings=0.15)
    assert is_never_wrong(found), found
    assert found["nothing lost: ds right"] > HISTORIES * 9 / 10, found
