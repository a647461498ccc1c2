"""Where nothing was lost, nobody is wrong about who stands in a cell of a device.

``python -m tests.differential.one_device`` plays more histories than these.
"""

from collections import Counter

import pytest
from tests.differential.one_device import play

HISTORIES = 150


@pytest.mark.timeout(300)
def test_without_a_base_and_nothing_lost_nobody_is_wrong() -> None:
    found: Counter[str] = Counter()
    for seed in range(HISTORIES):
        found += play(seed, lost=0)
    assert not [what for what in found if "WRONG" in what], found
    assert "valid handover refused, all told" not in found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("clock", ["good", "none"])
def test_with_a_base_and_nothing_lost_the_occupant_is_right(clock: str) -> None:
    found: Counter[str] = Counter()
    for seed in range(HISTORIES):
        found += play(seed, lost=0, base=True, clock=clock)
    names = ("nothing lost: ds right", "nothing lost: ka right")
    assert [found[name] for name in names] == [HISTORIES, HISTORIES], found
    assert "valid handover refused, all told" not in found
