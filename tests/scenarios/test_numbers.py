"""N22 to N25: the range of numbers, and which of several counts."""

from dataclasses import replace

import pytest
from tests.scenarios.story import ACB, LEAVER, SUCCESSOR, Story, hand_back, told, verdict

from slotkeeper.lab import anchors, events, messages
from slotkeeper.lab.commands import SeqNumberChange
from slotkeeper.lab.gpf import FloorPolicy, Gpf, Policy
from slotkeeper.lab.outcomes import CellOutcome, ExecutionOutcome
from slotkeeper.lab.terms import Mode, Role, Status

CEILING = 2**62


def handed_back(gpf: Gpf, number: int, *, header: int | None = None, floor: int = -1) -> bytes:
    """Give a Response that a device could write, with numbers of its own choice."""
    before = anchors.cells_of(Role.NETWORK_OPERATOR, LEAVER)
    after = anchors.cells_of(Role.NETWORK_OPERATOR, ACB)
    changes = (SeqNumberChange(role=Role.NETWORK_OPERATOR, floor=floor),) if floor >= 0 else ()
    outcome = ExecutionOutcome(
        seq_number=number,
        mode=Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR,
        changes=changes,
        cells=tuple(
            CellOutcome(
                cell, Status.SUCCESS, anchors.occupant(before[cell]), anchors.occupant(after[cell])
            )
            for cell in before
        ),
    )
    counter = number if header is None else header
    return messages.response(gpf.device, LEAVER.eui, outcome, counter=counter)


@pytest.mark.parametrize(
    "number", [0, 1, 2**53 + 1, CEILING, CEILING + 1, 2**63 - 2], ids=lambda number: f"{number:x}"
)
async def test_n22_numbers_are_kept_exactly_and_exceeded_by_one(story: Story, number: int) -> None:
    gpf = await story.known_gpf()
    decision = await story.tell(told(gpf, handed_back(gpf, number)))
    assert verdict(decision) == "RECORDED ACB_IN_SLOT"
    assert decision["recorded_counter"] == str(number)
    assert "EXHAUSTED" not in decision["flags"]
    asked = await story.ask(gpf, hint=0)
    assert asked["originator_counter"] == str(number + 1)
    (command,) = await story.commands()
    assert command["recorded_counter"] == str(number)


async def test_n22_the_last_number_is_kept_and_marked(story: Story) -> None:
    gpf = await story.known_gpf()
    decision = await story.tell(told(gpf, handed_back(gpf, 2**63 - 1)))
    assert verdict(decision) == "RECORDED ACB_IN_SLOT"
    assert decision["recorded_counter"] == str(2**63 - 1)
    assert "EXHAUSTED" in decision["flags"]
    assert verdict(await story.ask(gpf)) == "REFUSED COUNTER_EXHAUSTED"
    (refusal,) = await story.learnt("handover-refusals")
    assert refusal["retryable"] is False


@pytest.mark.parametrize("header", [2**63, 2**64 - 1], ids=["2^63", "2^64-1"])
async def test_n22_a_header_beyond_the_range_is_never_taken(story: Story, header: int) -> None:
    gpf = await story.known_gpf()
    decision = await story.tell(told(gpf, handed_back(gpf, 1200, header=header)))
    assert verdict(decision) == "RECORDED ACB_IN_SLOT"
    assert (decision["recorded_counter"], decision["seen_counter"]) == ("1200", "1200")
    assert decision["message"]["header_counter"] == str(header)
    assert "COUNTERS_DIFFER" in decision["flags"]
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"


async def test_n22_an_unproven_huge_number_is_not_believed(story: Story) -> None:
    gpf = story.gpf()
    known = events.inventory(gpf.device)
    assert isinstance(known.value, dict)
    unproven = {**known.value, "digital_signing_certificate": None}
    await story.publish(replace(known, value=unproven))
    decision = await story.tell(told(gpf, handed_back(gpf, CEILING + 1)))
    assert verdict(decision) == "PARKED UNVERIFIED"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, None)
    (again,) = await story.tell_all(known)
    assert verdict(again) == "RECORDED ACB_IN_SLOT"
    assert again["recorded_counter"] == str(CEILING + 1)


async def test_n22_an_unproven_plausible_number_is_believed_and_flagged(story: Story) -> None:
    gpf = story.gpf()
    known = events.inventory(gpf.device)
    assert isinstance(known.value, dict)
    await story.publish(replace(known, value={**known.value, "digital_signing_certificate": None}))
    decision = await story.tell(told(gpf, handed_back(gpf, CEILING)))
    assert verdict(decision) == "RECORDED ACB_IN_SLOT"
    assert "UNVERIFIED" in decision["flags"]
    assert decision["message"]["signature"] == "unchecked"


@pytest.mark.parametrize("floor", FloorPolicy)
async def test_n23_back_on_and_back_again_with_smaller_numbers(
    story: Story, floor: FloorPolicy
) -> None:
    gpf = await story.known_gpf(policy=Policy(floor=floor))
    await story.hand_back(gpf, 1_700_000_000_000_000)
    asked = await story.ask(gpf)
    assert asked["originator_counter"] == "1700000000000001"
    assert "ABSENT_FLOOR_ZEROED" in asked["flags"]
    reply = await story.deliver(gpf)
    assert reply.response is not None
    await story.tell(told(gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES))
    # A device that keeps its own number would not take the successor's small one.
    if floor is FloorPolicy.REPLACE:
        event = hand_back(gpf, 300, operator=SUCCESSOR)
    else:
        event = hand_back(gpf, 1_700_000_000_000_300, operator=SUCCESSOR)
    decision = await story.tell(event)
    # A number below the record is LATE by name; what it says of the slot counts all the same.
    assert verdict(decision) == (
        "RECORDED LATE" if floor is FloorPolicy.REPLACE else "RECORDED ACB_IN_SLOT"
    )
    assert decision["slot"]["state"] == "ACB"
    assert int(decision["recorded_counter"]) >= 1_700_000_000_000_000
    await story.ask(gpf, number=1002)
    assert (await story.deliver(gpf)).refusal is None


async def test_n24_header_and_payload_differ(story: Story) -> None:
    gpf = await story.known_gpf()
    decision = await story.tell(told(gpf, handed_back(gpf, 1200, header=1300)))
    assert decision["recorded_counter"] == "1300"
    assert "COUNTERS_DIFFER" in decision["flags"]
    other = await story.known_gpf()
    decision = await story.tell(told(other, handed_back(other, 1300, header=1200)))
    assert decision["recorded_counter"] == "1300"
    assert "COUNTERS_DIFFER" in decision["flags"]


@pytest.mark.parametrize("policy", FloorPolicy)
async def test_n25_a_floor_above_the_counter(story: Story, policy: FloorPolicy) -> None:
    gpf = await story.known_gpf(policy=Policy(floor=policy))
    decision = await story.hand_back(gpf, 1200, floor=50_000)
    assert verdict(decision) == "RECORDED ACB_IN_SLOT"
    assert decision["seen_counter"] == "50000"
    assert decision["message"]["floor_seq_number"] == "50000"
    asked = await story.ask(gpf)
    assert asked["originator_counter"] == "50001"
    assert (await story.deliver(gpf)).refusal is None


async def test_n25_a_floor_below_the_counter_lowers_nothing(story: Story) -> None:
    gpf = await story.known_gpf()
    decision = await story.hand_back(gpf, 1200, floor=0)
    assert (decision["recorded_counter"], decision["seen_counter"]) == ("1200", "1200")
    asked = await story.ask(gpf, hint=5)
    assert asked["originator_counter"] == "1201"
