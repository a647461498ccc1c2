"""N11 and N26: which devices count, and how their name is spelt."""

from dataclasses import replace

import pytest
from tests.scenarios.story import SUCCESSOR, Story, hand_back, update, verdict, verdicts

from slotkeeper.lab import events


@pytest.mark.parametrize("device_type", ["ESME", "GSME", "CHF", "PPMID"])
async def test_n11_a_device_that_is_no_gpf(story: Story, device_type: str) -> None:
    gpf = story.gpf()
    await story.publish(events.inventory(gpf.device, device_type=device_type))
    decision = await story.hand_back(gpf, 1200)
    assert verdict(decision) == "NOT_RECORDED NOT_GPF"
    assert decision["recorded_counter"] is None
    assert verdict(await story.ask(gpf)) == "REFUSED NOT_GPF"


async def test_n11_a_smets1_device(story: Story) -> None:
    gpf = story.gpf()
    await story.publish(events.inventory(gpf.device, smets_version="SMETS1"))
    assert verdict(await story.hand_back(gpf, 1200)) == "NOT_RECORDED SMETS1"
    assert verdict(await story.ask(gpf)) == "REFUSED SMETS1"


async def test_n11_an_unknown_device_is_judged_again_when_the_inventory_has_it(
    story: Story,
) -> None:
    gpf = story.gpf()
    decision = await story.hand_back(gpf, 1200)
    assert verdict(decision) == "PARKED UNKNOWN_DEVICE"
    assert decision["recorded_counter"] is None
    (again,) = await story.tell_all(events.inventory(gpf.device))
    assert again["kind"] == "redecision"
    assert verdict(again) == "RECORDED ACB_IN_SLOT"
    assert again["recorded_counter"] == "1200"
    assert again["cause_stream"] == events.INVENTORY
    assert (again["stream"], again["offset"]) == (decision["stream"], decision["offset"])


async def test_n11_a_request_for_an_unknown_device_may_come_again(story: Story) -> None:
    gpf = story.gpf()
    assert verdict(await story.ask(gpf)) == "REFUSED UNKNOWN_DEVICE"
    (refusal,) = await story.learnt("handover-refusals")
    assert (refusal["reason"], refusal["retryable"]) == ("UNKNOWN_DEVICE", True)
    await story.publish(events.inventory(gpf.device))
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"


async def test_n11_outcomes_of_a_retired_device_still_count(story: Story) -> None:
    gpf = story.gpf()
    await story.publish(events.inventory(gpf.device, status="Decommissioned"))
    assert verdict(await story.hand_back(gpf, 1200)) == "RECORDED ACB_IN_SLOT"
    assert verdict(await story.ask(gpf)) == "REFUSED DEVICE_RETIRED"


async def test_n11_a_device_deleted_from_the_inventory_keeps_its_record(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    await story.publish(events.Event(events.INVENTORY, str(gpf.device.eui), None))
    refused = await story.ask(gpf)
    assert verdict(refused) == "REFUSED DEVICE_RETIRED"
    assert refused["recorded_counter"] == "1200"


@pytest.mark.parametrize(
    "spelling", [str.lower, str.upper, lambda key: key.replace("-", ""), lambda key: key.lower()]
)
async def test_n26_one_device_however_it_is_spelt(story: Story, spelling: object) -> None:
    assert callable(spelling)
    gpf = await story.known_gpf()
    event = hand_back(gpf, 1200)
    spelt = replace(event, key=spelling(str(gpf.device.eui)))
    assert verdicts(await story.tell_all(spelt, event)) == [
        "RECORDED ACB_IN_SLOT",
        "DUPLICATE SAME_MESSAGE",
    ]
    decision = await story.tell(update(gpf, 1300, operator=story.acb[0], holder=SUCCESSOR))
    assert decision["device_id"] == str(gpf.device.eui)
    assert decision["recorded_counter"] == "1200"
