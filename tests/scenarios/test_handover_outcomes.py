"""Outcomes of handovers besides the plain success (S12)."""

import pytest
from tests.scenarios.story import ACB, SUCCESSOR, Json, Story, request, told, verdict

from slotkeeper.lab import anchors, events, messages
from slotkeeper.lab.gpf import Gpf
from slotkeeper.lab.terms import KeyUsage, Status


async def handed_on(story: Story, *, counter: int = 1200) -> Gpf:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, counter)
    return gpf


async def confirm(story: Story, gpf: Gpf) -> Json:
    reply = await story.deliver(gpf)
    assert reply.response is not None
    return await story.tell(
        told(gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES)
    )


async def test_a_handover_that_failed_in_one_cell_changes_the_other(story: Story) -> None:
    gpf = await handed_on(story)
    gpf.faults.cells = {anchors.operator_cell(KeyUsage.KEY_AGREEMENT): Status.RESOURCES_BUSY}
    await story.ask(gpf)
    decision = await confirm(story, gpf)
    assert verdict(decision) == "HANDOVER_CONFIRMED PARTIAL_DS"
    assert decision["slot"]["state"] == "PARTIAL"
    assert decision["slot"]["key_agreement"]["subject_unique_id"] == str(ACB.eui)


async def test_a_handover_without_key_agreement_leaves_the_acbs_there(story: Story) -> None:
    gpf = await handed_on(story)
    assert verdict(await story.tell(request(gpf, key_agreement=False))) == "ISSUED NATURAL"
    decision = await confirm(story, gpf)
    assert verdict(decision) == "HANDOVER_CONFIRMED PARTIAL_DS"
    assert decision["slot"]["state"] == "PARTIAL"
    assert decision["slot"]["digital_signature"]["subject_unique_id"] == str(SUCCESSOR.eui)


async def test_an_acceptance_without_outcome(story: Story) -> None:
    gpf = await handed_on(story)
    asked = await story.ask(gpf)
    message = messages.response(gpf.device, ACB.eui, None, counter=int(asked["originator_counter"]))
    decision = await story.tell(told(gpf, message, stream=events.HANDOVER_RESPONSES))
    assert verdict(decision) == "HANDOVER_CONFIRMED ACCEPTED_FOR_LATER"
    assert decision["slot"]["state"] == "ACB"


async def test_an_outcome_of_a_command_that_is_not_known_here(story: Story) -> None:
    gpf = await handed_on(story)
    payload = messages.slot_payload(SUCCESSOR, counter=77_000)
    reply = gpf.receive(messages.command(payload, ACB, gpf.device, ACB))
    assert reply.response is not None
    decision = await story.tell(told(gpf, reply.response, stream=events.HANDOVER_RESPONSES))
    assert verdict(decision) == "HANDOVER_CONFIRMED UNSOLICITED"
    assert decision["seen_counter"] == "77000"
    assert decision["slot"]["state"] == "NETWORK_OPERATOR"


@pytest.mark.parametrize("code", ["E20", "E21", "E062101"])
async def test_an_error_without_payload_leaves_everything(story: Story, code: str) -> None:
    gpf = await handed_on(story)
    await story.ask(gpf)
    decision = await story.tell(
        events.outcome(events.HANDOVER_RESPONSES, gpf.device.eui, None, response_code=code)
    )
    assert verdict(decision) == "HANDOVER_FAILED ERROR_RESPONSE"
    asked = await story.ask(gpf, number=1002)
    assert verdict(asked) == "ISSUED ISSUED_EXCEEDED"
    assert asked["slot"]["state"] == "ACB"
