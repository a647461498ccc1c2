"""The same scenarios told by DUIS documents: they mean what the JSON records mean."""

from datetime import timedelta

from tests.scenarios.story import (
    ACB,
    LEAVER,
    Story,
    hand_back,
    request,
    told,
    verdict,
    verdicts,
)

from slotkeeper.lab import duis, events, messages
from slotkeeper.lab.terms import Role


async def test_a_hand_back_as_a_response_document(story: Story) -> None:
    gpf = await story.known_gpf()
    event = hand_back(gpf, 1200)
    decision = await story.tell(duis.response_document(event))
    assert verdict(decision) == "RECORDED ACB_IN_SLOT"
    assert decision["recorded_counter"] == "1200"
    assert decision["request_id"] == f"{LEAVER.eui}:{gpf.device.eui}:1200"
    assert verdict(await story.tell(event)) == "DUPLICATE SAME_MESSAGE"


async def test_n13_an_alert_document(story: Story) -> None:
    gpf = await story.known_gpf()
    due = story.clock.now + timedelta(days=30)
    payload = messages.slot_payload(ACB, counter=1004, execution=due)
    gpf.receive(messages.command(payload, LEAVER, gpf.device, ACB))
    story.clock.now = due
    (alert,) = gpf.execute_due()
    event = duis.response_document(told(gpf, alert, counter=1004))
    assert b"FutureDatedDeviceAlertMessage" in (event.octets or b"")
    decision = await story.tell(event)
    assert verdict(decision) == "RECORDED ACB_IN_SLOT"
    assert decision["recorded_counter"] == "1004"


async def test_n06_an_acknowledgement_without_payload(story: Story) -> None:
    gpf = await story.known_gpf()
    event = events.outcome(
        events.UPDATE_RESPONSES,
        gpf.device.eui,
        None,
        request=events.request_id(LEAVER.eui, gpf.device.eui, 1200),
        response_code="E21",
    )
    assert verdict(await story.tell(duis.response_document(event))) == (
        "NOT_RECORDED ERROR_RESPONSE"
    )


async def test_n16_a_signed_pre_command_document(story: Story) -> None:
    gpf = await story.known_gpf()
    payload = messages.slot_payload(ACB, counter=50_000)
    on_its_way = messages.pre_command(payload, LEAVER, gpf.device.eui, signed=True)
    event = told(gpf, on_its_way, counter=50_000, stream=events.PRE_COMMANDS)
    decision = await story.tell(duis.signed_pre_command_document(event))
    assert verdict(decision) == "SEEN PRE_COMMAND"
    assert decision["seen_counter"] == "50000"


async def test_s01_a_request_document(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 2**61)
    decision = await story.tell(duis.request_document(request(gpf, floor=0)))
    assert verdict(decision) == "ISSUED WATERMARK_EXCEEDED"
    assert (await story.deliver(gpf)).refusal is None
    assert gpf.numbers[Role.NETWORK_OPERATOR] == 0


async def test_s06_one_request_in_two_forms_is_one(story: Story) -> None:
    gpf = await story.known_gpf()
    event = request(gpf)
    assert verdicts(await story.tell_all(event, duis.request_document(event))) == [
        "ISSUED NATURAL",
        "DUPLICATE SAME_REQUEST",
    ]
