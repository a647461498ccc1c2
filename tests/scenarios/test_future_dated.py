"""N13, N15 and N16: outcomes that come later, differently, or never."""

from datetime import timedelta

from tests.scenarios.story import (
    ACB,
    LEAVER,
    SUCCESSOR,
    Story,
    hand_back,
    told,
    update,
    verdict,
)

from slotkeeper.lab import events, messages
from slotkeeper.lab.commands import CANCELLATION


async def test_n13_the_alert_weeks_later_carries_the_number_in_its_payload(story: Story) -> None:
    gpf = await story.known_gpf()
    gpf.alert_counter = 2001
    decision = await story.alert_of(gpf, 1004)
    assert verdict(decision) == "RECORDED ACB_IN_SLOT"
    assert decision["message"]["header_counter"] == "2002"
    assert decision["message"]["authorising_seq_number"] == "1004"
    assert (decision["recorded_counter"], decision["seen_counter"]) == ("1004", "1004")


async def test_n13_a_devices_own_huge_counter_is_nobodys_number(story: Story) -> None:
    gpf = await story.known_gpf()
    gpf.alert_counter = 2**63
    decision = await story.alert_of(gpf, 1004)
    assert (decision["recorded_counter"], decision["seen_counter"]) == ("1004", "1004")
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"


async def test_n13_the_acceptance_alone_records_nothing(story: Story) -> None:
    gpf = await story.known_gpf()
    later = story.clock.now + timedelta(days=30)
    decision = await story.tell(update(gpf, 1004, holder=ACB, execution=later))
    assert verdict(decision) == "NOT_RECORDED NO_OUTCOME"
    assert decision["recorded_counter"] is None
    assert decision["seen_counter"] == "1004"


async def test_n15_a_cancellation(story: Story) -> None:
    gpf = await story.known_gpf()
    later = story.clock.now + timedelta(days=30)
    await story.tell(update(gpf, 1004, holder=ACB, execution=later))
    decision = await story.tell(update(gpf, 1005, holder=ACB, execution=CANCELLATION))
    assert verdict(decision) == "NOT_RECORDED NO_OUTCOME"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, "1005")
    story.clock.now = later
    assert gpf.execute_due() == []


async def test_n16_a_response_that_never_arrives_costs_nothing(story: Story) -> None:
    gpf = await story.known_gpf()
    payload = messages.slot_payload(ACB, counter=50_000)
    on_its_way = messages.pre_command(payload, LEAVER, gpf.device.eui, signed=True)
    decision = await story.tell(told(gpf, on_its_way, stream=events.PRE_COMMANDS))
    assert verdict(decision) == "SEEN PRE_COMMAND"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, "50000")
    assert decision["slot"]["state"] == "UNKNOWN"
    hand_back(gpf, 50_000)
    assert verdict(await story.ask(gpf)) == "ISSUED WATERMARK_EXCEEDED"
    assert (await story.deliver(gpf)).refusal is None


async def test_n16_a_lost_response_of_an_operator_with_smaller_numbers(story: Story) -> None:
    """As in N23 the successor counts from small numbers; nothing but its pre-command is seen."""
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    await story.ask(gpf)
    reply = await story.deliver(gpf)
    assert reply.response is not None
    await story.tell(told(gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES))
    payload = messages.slot_payload(ACB, counter=300)
    on_its_way = messages.pre_command(payload, SUCCESSOR, gpf.device.eui, signed=True)
    decision = await story.tell(told(gpf, on_its_way, stream=events.PRE_COMMANDS))
    hand_back(gpf, 300, operator=SUCCESSOR)
    # It may have left by now.
    assert decision["slot"]["state"] == "NETWORK_OPERATOR"
    assert verdict(await story.ask(gpf, number=1002)) == "ISSUED WATERMARK_EXCEEDED"
    assert (await story.deliver(gpf)).refusal is None


async def test_n16_a_pre_command_above_the_ceiling_is_not_believed(story: Story) -> None:
    gpf = await story.known_gpf()
    payload = messages.slot_payload(ACB, counter=2**63 - 1)
    on_its_way = messages.pre_command(payload, LEAVER, gpf.device.eui, signed=True)
    decision = await story.tell(told(gpf, on_its_way, stream=events.PRE_COMMANDS))
    assert verdict(decision) == "SEEN PRE_COMMAND"
    assert decision["seen_counter"] is None
    assert "ABOVE_CEILING" in decision["flags"]
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"


async def test_n16_a_whole_command_on_an_outcome_stream_is_no_outcome(story: Story) -> None:
    gpf = await story.known_gpf()
    payload = messages.slot_payload(ACB, counter=1200)
    command = messages.command(payload, LEAVER, gpf.device, ACB)
    decision = await story.tell(told(gpf, command))
    assert verdict(decision) == "NOT_RECORDED NOT_AN_OUTCOME"
