"""Read-backs of devices, and the evidence of each change, on every kind of streams."""

import base64
import hashlib
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from tests.scenarios.story import (
    ACB,
    LEAVER,
    SUCCESSOR,
    SUPPLIER,
    Json,
    Story,
    hand_back,
    told,
    update,
    verdict,
)

from slotkeeper._core import describe_change
from slotkeeper.lab import events, messages, sealing
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import Gpf
from slotkeeper.lab.pki import Organisation


def read_back(gpf: Gpf, counter: int, *, by: Organisation = SUPPLIER) -> Event:
    """Ask the device what it holds; give the record of its answer."""
    asked = messages.credentials_command(by, gpf.device, counter=counter)
    reply = gpf.receive(asked)
    assert reply.response is not None, reply.refusal
    return told(gpf, reply.response, operator=by, counter=counter, stream=events.READ_BACKS)


async def test_n16_a_read_back_makes_up_for_a_lost_response(story: Story) -> None:
    gpf = await story.known_gpf()
    hand_back(gpf, 5_000)
    decision = await story.tell(read_back(gpf, 70))
    assert verdict(decision) == "SEEN READ_BACK"
    assert (decision["seen_counter"], decision["recorded_counter"]) == ("5000", None)
    assert decision["slot"]["state"] == "ACB"
    assert decision["slot"]["digital_signature"]["source"] == "READ_BACK"
    issued = await story.ask(gpf, hint=9)
    assert (issued["disposition"], issued["originator_counter"]) == ("ISSUED", "5001")
    assert (await story.deliver(gpf)).refusal is None


async def test_n16_the_acb_reads_under_its_mac(story: Story) -> None:
    gpf = await story.known_gpf()
    hand_back(gpf, 5_000)
    decision = await story.tell(read_back(gpf, 6_000, by=ACB))
    assert verdict(decision) == "SEEN READ_BACK"
    assert decision["message"]["signature"] == "valid"
    assert decision["slot"]["state"] == "ACB"
    # The number of the reading is one of the ACB's and comes never again.
    issued = await story.ask(gpf, hint=6_000)
    assert issued["originator_counter"] == "6001"


async def test_s7_a_reading_is_no_command_that_waits_for_an_answer(story: Story) -> None:
    gpf = await story.known_gpf()
    hand_back(gpf, 5_000)
    await story.tell(read_back(gpf, 6_000, by=ACB))
    assert not (await network_operator(story, gpf))["pending"]
    await story.ask(gpf, hint=6_000)
    marks = await network_operator(story, gpf)
    assert (marks["pending"], marks["last_command"]) == (True, "6001")


async def network_operator(story: Story, gpf: Gpf) -> Json:
    """Give what the newest changelog record of a device says of the role."""
    records = await story.records("originator-counters")
    changes = [orjson.loads(describe_change(one.key or b"", one.value or b"")) for one in records]
    of_device = [one for one in changes if one.get("device_id") == str(gpf.device.eui)]
    marks: Json = of_device[-1]["roles"]["NetworkOperator"]
    return marks


async def test_s11_a_slot_that_was_read_as_anothers_is_not_handed_on(story: Story) -> None:
    gpf = await story.known_gpf(operator=LEAVER)
    assert (await story.tell(read_back(gpf, 70)))["slot"]["state"] == "NETWORK_OPERATOR"
    assert verdict(await story.ask(gpf)) == "REFUSED NOT_DCC_CONTROLLED"
    await story.tell(hand_back(gpf, 5_000))
    assert (await story.ask(gpf, number=1002))["disposition"] == "ISSUED"


async def test_a_read_back_of_before_leaves_doubt_until_the_next(story: Story) -> None:
    gpf = await story.known_gpf()
    late = read_back(gpf, 70)
    await story.tell(hand_back(gpf, 5_000))
    decision = await story.tell(late)
    # The device gave it no time: it may be the later one, so nobody is named until it is read anew.
    assert (verdict(decision), decision["slot"]["state"]) == ("SEEN READ_BACK", "DOUBTFUL")
    assert decision["recorded_counter"] == "5000"
    decision = await story.tell(read_back(gpf, 71))
    assert decision["slot"]["state"] == "ACB"


async def test_a_reading_counts_once_the_inventory_has_the_device(story: Story) -> None:
    gpf = story.gpf(operator=SUCCESSOR)
    parked = await story.tell(read_back(gpf, 70))
    assert verdict(parked) == "PARKED UNKNOWN_DEVICE"
    (again,) = await story.tell_all(events.inventory(gpf.device))
    assert (again["kind"], verdict(again)) == ("redecision", "SEEN READ_BACK")
    (proof,) = await story.learnt("slot-evidence")
    assert proof["cause"]["stream"] == "smart-metering-inventory"


async def test_evidence_is_enough_for_somebody_without_slotkeeper(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.publish(update(gpf, 1_100, holder=LEAVER), hand_back(gpf, 1_200))
    await story.publish(read_back(gpf, 70))
    await story.work()
    trail = {hashlib.sha256(one).hexdigest(): orjson.loads(one) for one in await values(story)}
    proofs = await story.learnt("slot-evidence")
    assert len(proofs) == 2
    for proof in proofs:
        decision = trail[proof["audit_sha256"]]
        place = {name: decision[name] for name in ("stream", "partition", "offset")}
        assert proof["source"] == place
        message = base64.b64decode(proof["message"])
        assert hashlib.sha256(message).hexdigest() == decision["message"]["digest"]
        assert proof["verified"] is True
        assert is_signed(message, proof)
    assert [trail[proof["audit_sha256"]]["reason"] for proof in proofs] == [
        "GNO_REPLACED_BY_GNO",
        "ACB_IN_SLOT",
    ]


async def test_the_trail_has_the_times_that_histories_need(story: Story) -> None:
    gpf = await story.known_gpf()
    record = hand_back(gpf, 1_200)
    value: Any = record.value
    value["received_at"] = "2026-06-02T08:00:00+01:00"
    decision = await story.tell(record)
    assert decision["received_at"] == "2026-06-02T07:00:00.000Z"
    assert decision["message"]["device_time"] == decision["slot"]["digital_signature"]["time"]
    assert decision["message"]["device_time"].startswith("2026-06-01T12:00:")


async def values(story: Story) -> list[bytes]:
    return [
        record.value or b"" async for batch in story.streams.read("audit-trail") for record in batch
    ]


def is_signed(message: bytes, proof: Json) -> bool:
    key = load_der_public_key(base64.b64decode(proof["public_key"]))
    assert isinstance(key, EllipticCurvePublicKey)
    return sealing.signature_is_true(Envelope.decode(message), key)
