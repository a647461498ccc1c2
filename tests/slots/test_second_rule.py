"""Every device of random worlds, through a report: as a rule written a second time has it."""

from datetime import date
from pathlib import Path

import pytest
from tests.slots.desk import Desk
from tests.slots.drawn_world import NOW, RETIRED_DS, drawn, publish
from tests.slots.fleet import ACB, ACB_DS, ACB_KA, Fleet
from tests.slots.second_rule import FIELDS, Switches, judge

from slotkeeper.slots.facts import Policy

PLAIN = Switches(ACB, frozenset({ACB_DS, RETIRED_DS}), frozenset({ACB_KA}))


def switches(number: int) -> Switches:
    """Give policies of which each switch is on in some and off in others."""
    return Switches(
        PLAIN.acb,
        PLAIN.acb_ds,
        PLAIN.acb_ka,
        limit=(7, 0, 30)[number % 3],
        coverage=date(2025, 6, 1) if number % 2 else None,
        expired_signs=number % 5 == 1,
        not_in_use_signs=number % 5 == 2,
        place_exiting=number % 4 == 3,
        later_acts=number % 3 == 1,
        both_needed=number % 7 != 5,
    )


def policy(told: Switches) -> Policy:
    return Policy(
        acb_id=told.acb,
        acb_keys={"DS": told.acb_ds, "KA": told.acb_ka},
        limit_days=told.limit,
        coverage_from=told.coverage,
        expired_signs=told.expired_signs,
        not_in_use_signs=told.not_in_use_signs,
        exit_expectation="place" if told.place_exiting else "defer",
        later_user="action" if told.later_acts else "report",
        needs_key_agreement=told.both_needed,
    )


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_device_is_judged_otherwise_by_a_second_rule(tmp_path: Path, seed: int) -> None:
    world = drawn(seed, DEVICES)
    fleet = Fleet(Desk(tmp_path))
    await publish(fleet, world)
    folder = await fleet.build(NOW)
    different, judged, seen = [], 0, set()
    for number, as_of in enumerate(world.as_of):
        told = PLAIN if number < 2 else switches(number + 8 * seed)
        rows = {
            row["device_id"]: row for row in fleet.report(folder, as_of, policy=policy(told)).rows()
        }
        for gpf, meters in world.devices:
            found = judge(world.world, gpf, meters, told, as_of)
            row = rows.pop(gpf["device_id"], None)
            said = row and {name: row[name] for name in FIELDS}
            judged += 1
            if said != found:
                different.append((as_of, gpf["device_id"], said, found))
            elif found:
                seen.add((found["expected"], found["finding"], found["action"]))
        assert rows == {}
    assert different[:5] == []
    assert judged == DEVICES * len(world.as_of)
    # Rules that were never met would have been compared for nothing.
    assert len(seen) >= 36, sorted(seen)


DEVICES = 1_250
"""By two worlds and eight days: 20,000 combinations."""
