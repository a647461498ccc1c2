"""N1 to N5: a slot handed back, told once, often, and late."""

import base64

import orjson
from tests.scenarios.story import (
    ACB,
    LEAVER,
    SUCCESSOR,
    Json,
    Story,
    hand_back,
    told,
    verdict,
    verdicts,
)

from slotkeeper.lab import anchors, events, messages
from slotkeeper.lab.commands import SeqNumberChange
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.gpf import Gpf
from slotkeeper.lab.outcomes import ExecutionOutcome, Occupant, ResponsePayload
from slotkeeper.lab.terms import KeyUsage, Mode, Role


def occupant(cell: Json) -> tuple[str, str]:
    return cell["subject_unique_id"], cell["subject_key_identifier"]


def written(occupant: Occupant) -> tuple[str, str]:
    return str(occupant.eui), occupant.key_identifier.hex()


async def test_n01_clean_hand_back(story: Story) -> None:
    gpf = await story.known_gpf()
    decision = await story.hand_back(gpf, 1200)
    assert verdict(decision) == "RECORDED ACB_IN_SLOT"
    assert decision["device_id"] == str(gpf.device.eui)
    assert decision["remote_party_role"] == "NetworkOperator"
    assert (decision["recorded_counter"], decision["seen_counter"]) == ("1200", "1200")
    assert decision["slot"]["state"] == "ACB"
    assert occupant(decision["slot"]["digital_signature"]) == written(
        ACB.digital_signature.occupant
    )
    assert occupant(decision["slot"]["key_agreement"]) == written(ACB.key_agreement.occupant)
    message = decision["message"]
    assert message["kind"] == "RESPONSE"
    assert (message["message_code"], message["signature"]) == ("0103", "valid")
    assert (message["header_counter"], message["authorising_seq_number"]) == ("1200", "1200")
    first = decision["cells"][0]
    assert first["existing_subject_unique_id"] == str(LEAVER.eui)
    assert first["replacing_subject_unique_id"] == str(ACB.eui)
    assert decision["flags"] == []


async def test_n01_the_slot_goes_on_and_the_device_accepts(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1_700_000_000_000_000_000)
    decision = await story.ask(gpf)
    assert verdict(decision) == "ISSUED WATERMARK_EXCEEDED"
    reply = await story.deliver(gpf)
    assert reply.refusal is None
    cell = anchors.operator_cell(KeyUsage.DIGITAL_SIGNATURE)
    assert anchors.occupant(gpf.cells[cell]) == SUCCESSOR.digital_signature.occupant


async def test_n02_the_same_response_again_and_again(story: Story) -> None:
    gpf = await story.known_gpf()
    event = hand_back(gpf, 1200)
    assert verdicts(await story.tell_all(event, event)) == [
        "RECORDED ACB_IN_SLOT",
        "DUPLICATE SAME_MESSAGE",
    ]
    repeats = await story.tell_all(*[event] * 50)
    assert set(verdicts(repeats)) == {"DUPLICATE SAME_MESSAGE"}
    assert len(repeats) == 50
    assert {one["recorded_counter"] for one in repeats} == {"1200"}


async def test_n03_same_identity_other_content(story: Story) -> None:
    gpf = await story.known_gpf()
    event = hand_back(gpf, 1200)
    await story.tell(event)
    other = with_floor(gpf, event.octets or b"", 5000)
    decision = await story.tell(told(gpf, other))
    assert verdict(decision) == "DUPLICATE CONFLICTING_CONTENT"
    assert decision["recorded_counter"] == "1200"
    assert decision["seen_counter"] == "5000"
    assert decision["slot"]["state"] == "DOUBTFUL"


async def test_n04_out_of_order(story: Story) -> None:
    """The device was handed back at 1200, went on to the successor, and came back at 1300."""
    gpf = await story.known_gpf()
    early = hand_back(gpf, 1200)
    payload = messages.slot_payload(SUCCESSOR, counter=1201)
    handover = gpf.receive(messages.command(payload, ACB, gpf.device, ACB))
    assert handover.response is not None
    late = hand_back(gpf, 1300, operator=SUCCESSOR)
    assert verdict(await story.tell(late)) == "RECORDED ACB_IN_SLOT"
    decision = await story.tell(early)
    assert verdict(decision) == "RECORDED LATE"
    assert decision["recorded_counter"] == "1300"
    # Two came to the ACB, and that one of them came to the slot is not told yet.
    assert decision["slot"]["state"] == "DOUBTFUL"
    decision = await story.tell(
        told(gpf, handover.response, operator=ACB, stream=events.HANDOVER_RESPONSES)
    )
    assert decision["slot"]["state"] == "ACB"


async def test_n05_a_late_duplicate_after_the_slot_went_on(story: Story) -> None:
    gpf = await story.known_gpf()
    event = hand_back(gpf, 1200)
    await story.tell(event)
    await story.ask(gpf)
    reply = await story.deliver(gpf)
    assert reply.response is not None
    confirmed = await story.tell(
        told(gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES)
    )
    assert verdict(confirmed) == "HANDOVER_CONFIRMED SLOT_CHANGED"
    decision = await story.tell(event)
    assert verdict(decision) == "DUPLICATE SAME_MESSAGE"
    assert decision["recorded_counter"] == "1200"
    assert decision["slot"]["state"] == "NETWORK_OPERATOR"
    assert occupant(decision["slot"]["digital_signature"]) == written(
        SUCCESSOR.digital_signature.occupant
    )


async def test_n05_a_repeat_after_many_messages(story: Story) -> None:
    """What told of a cell is remembered longer than other messages."""
    gpf = await story.known_gpf()
    event = hand_back(gpf, 1200)
    payload = messages.slot_payload(SUCCESSOR, counter=1201)
    reply = gpf.receive(messages.command(payload, ACB, gpf.device, ACB))
    assert reply.response is not None
    between = [told(gpf, reply.response, operator=ACB, counter=1201)]
    for counter in range(1210, 1220):
        operator, holder = (SUCCESSOR, ACB) if counter % 2 == 0 else (ACB, SUCCESSOR)
        payload = messages.slot_payload(holder, counter=counter)
        reply = gpf.receive(messages.command(payload, operator, gpf.device, ACB))
        assert reply.response is not None
        between.append(told(gpf, reply.response, operator=operator, counter=counter))
    *_, last = await story.tell_all(event, *between)
    assert last["slot"]["state"] == "NETWORK_OPERATOR"
    again = await story.tell(event)
    assert verdict(again) == "DUPLICATE SAME_MESSAGE"
    assert again["recorded_counter"] == last["recorded_counter"] == "1218"
    assert again["slot"] == last["slot"]


def with_floor(gpf: Gpf, value: bytes, floor: int) -> bytes:
    """Let the device answer the same command once more, with a floor that the first had not."""
    envelope = Envelope.decode(base64.b64decode(orjson.loads(value)["gbcs_payload"]))
    outcome = ResponsePayload.decode(envelope.payload).outcome
    assert outcome is not None
    change = SeqNumberChange(role=Role.NETWORK_OPERATOR, floor=floor)
    changed = ExecutionOutcome(
        seq_number=outcome.seq_number,
        mode=Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR,
        cells=outcome.cells,
        changes=(change,),
    )
    return messages.response(gpf.device, LEAVER.eui, changed, counter=envelope.counter)
