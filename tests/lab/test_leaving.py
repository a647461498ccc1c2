"""A fleet whose operator leaves: who is asked when, and what goes otherwise."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.lab.test_emulated import live

from slotkeeper.lab import events
from slotkeeper.lab.emulated import EmulatedFleet, FaultRates, Leaving, Plan
from slotkeeper.lab.emulated.export import devices, results
from slotkeeper.lab.emulated.leaving import WAVES, steps
from slotkeeper.lab.registers import operator_id

PLAN = Plan(
    devices=60,
    seed="leaving",
    days=98,
    rounds=14,
    rates=FaultRates.none(),
    leaving=Leaving(
        silent=0.1, partial=0.1, quarantined=0.1, dated=0.1, exchanged=3, placed_again=2, late=1
    ),
)


def test_every_slot_is_the_acbs_in_the_end_but_the_stranger_s(tmp_path: Path) -> None:
    with EmulatedFleet(tmp_path / "fleet", PLAN) as fleet:
        told = list(live(fleet))
        acb = str(fleet.parties.acb.eui)
        held = Counter(
            (one["ds_subject"] == acb, one["ka_subject"] == acb, one["status"])
            for one in devices(fleet)
        )
        # Three exchanged hubs went with what they held; the stranger was nobody's task.
        assert held == {
            (True, True, "Commissioned"): 60,
            (False, False, "Decommissioned"): 3,
            (False, False, "Commissioned"): 1,
        }
        assert {one["result"] for one in results(fleet)} <= {"ACCEPTED", "PARTIAL", "FOR_LATER"}
    streams = Counter(one.stream for one in told)
    assert streams[events.BASELINES] == 60
    assert streams[events.ALERTS] == 6
    # All but the plain ones, those with a busy cell twice, and the stranger.
    assert streams[events.READ_BACKS] == 4 * 6 + 3 + 2 + 6 + 1
    assert streams[events.HANDOVER_REQUESTS] == 2


def test_who_is_silent_is_asked_twice_and_a_quarantined_request_is_told_once(
    tmp_path: Path,
) -> None:
    with EmulatedFleet(tmp_path / "fleet", PLAN) as fleet:
        told = list(live(fleet))
    asked = Counter(one.key for one in told if one.stream == events.PRE_COMMANDS)
    held = {one.key for one in told if one.stream == events.ALERTS}
    assert all(asked[device] == 1 for device in held)
    twice = [device for device, count in asked.items() if count == 2]
    # Six silent ones, those of the partial ones that the operator could finish, two placed again.
    assert 8 <= len(twice) <= 14


def test_an_early_end_leaves_the_rest_as_it_is(tmp_path: Path) -> None:
    assert PLAN.leaving is not None
    early = replace(PLAN, leaving=replace(PLAN.leaving, until=3))
    assert not any(at > 3 for number in range(60) for at, _ in steps(early, number))
    with EmulatedFleet(tmp_path / "fleet", early) as fleet:
        list(live(fleet))
        acb = str(fleet.parties.acb.eui)
        left = [one for one in devices(fleet) if one["ds_subject"] != acb]
    assert len(left) > 20


def test_each_device_has_one_story() -> None:
    stories = [steps(PLAN, number) for number in range(60)]
    assert stories == [steps(replace(PLAN), number) for number in range(60)]
    asked = [next(at for at, step in story if step != "wake") for story in stories]
    assert set(asked) <= set(WAVES)
    assert steps(PLAN, 120) == ((13, "wake"),)
    assert operator_id(1) == "GNO-1"


@pytest.mark.parametrize("wrong", [{"silent": 1.1}, {"silent": 0.6, "partial": 0.6}, {"late": -1}])
def test_what_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Leaving(**wrong)  # type: ignore[arg-type]


def test_a_plan_of_before_is_recognised() -> None:
    assert "leaving" not in Plan(devices=1).record()
