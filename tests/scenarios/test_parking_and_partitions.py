"""Messages that wait for knowledge, and records that stand where they should not."""

from dataclasses import replace
from itertools import pairwise

from tests.scenarios.story import (
    ACB,
    LEAVER,
    SUCCESSOR,
    Story,
    hand_back,
    request,
    update,
    verdicts,
)

from slotkeeper.lab import events
from slotkeeper.lab.partitions import partition_of


async def test_a_misplaced_record_goes_to_its_partition_and_counts_there(story: Story) -> None:
    gpf = await story.known_gpf()
    count = story.streams.partitions
    wrong = (partition_of(str(gpf.device.eui).encode(), count) + 1) % count
    event = replace(hand_back(gpf, 50_000), partition=wrong)
    decisions = await story.tell_all(event)
    rerouted, recorded = sorted(decisions, key=lambda one: one["disposition"] != "REROUTED")
    assert verdicts([rerouted, recorded]) == ["REROUTED WRONG_PARTITION", "RECORDED ACB_IN_SLOT"]
    assert rerouted["partition"] == wrong != recorded["partition"]
    assert (await story.ask(gpf))["originator_counter"] == "50001"


async def test_a_misplaced_request_is_answered_once(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    count = story.streams.partitions
    wrong = (partition_of(str(gpf.device.eui).encode(), count) + 1) % count
    decisions = await story.tell_all(replace(request(gpf), partition=wrong))
    assert sorted(verdicts(decisions)) == [
        "ISSUED WATERMARK_EXCEEDED",
        "REROUTED WRONG_PARTITION",
    ]
    assert len(await story.commands()) == 1


async def test_a_device_parks_eight_messages_and_loses_no_number(story: Story) -> None:
    gpf = story.gpf()
    holders = [LEAVER, *[SUCCESSOR, ACB] * 5]
    told = [
        update(gpf, 1_000 + turn, operator=operator, holder=holder)
        for turn, (operator, holder) in enumerate(pairwise(holders))
    ]
    decisions = await story.tell_all(*told)
    parked = [one for one in verdicts(decisions) if one == "PARKED UNKNOWN_DEVICE"]
    full = [one for one in decisions if one["reason"] == "PARKING_FULL"]
    assert len(parked) == 10
    assert [one["kind"] for one in full] == ["redecision"] * 2
    again = await story.tell_all(events.inventory(gpf.device))
    assert len(again) == 8
    assert again[-1]["seen_counter"] == "1009"
