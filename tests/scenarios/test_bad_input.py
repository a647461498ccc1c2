"""N20 and N21: what is false, and what is no message at all."""

import base64
import hashlib
import random
from dataclasses import replace
from typing import Any

import orjson
import pytest
from tests.scenarios.story import Story, hand_back, told, verdict

from slotkeeper.lab import events, malformed
from slotkeeper.lab.certificates import public_key
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import Gpf
from slotkeeper.lab.partitions import partition_of
from slotkeeper.lab.pki import Pki
from slotkeeper.lab.sealing import signature_is_true


def tampered(event: Event, gpf: Gpf) -> Event:
    """Change one octet of the signature, which then is false."""
    assert isinstance(event.value, dict)
    message = bytearray(base64.b64decode(event.value["gbcs_payload"]))
    message[-1] ^= 1
    key = public_key(gpf.device.digital_signature.details.point)
    assert not signature_is_true(Envelope.decode(bytes(message)), key)
    return told(gpf, bytes(message))


async def test_n20_a_false_signature(story: Story) -> None:
    gpf = await story.known_gpf()
    sound = hand_back(gpf, 1200)
    decision = await story.tell(tampered(sound, gpf))
    assert verdict(decision) == "REJECTED BAD_SIGNATURE"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, None)
    assert decision["slot"]["state"] == "UNKNOWN"
    assert decision["message"]["signature"] == "invalid"
    assert verdict(await story.tell(sound)) == "RECORDED ACB_IN_SLOT"


async def test_n20_judged_again_when_the_inventory_brings_the_right_certificate(
    story: Story,
) -> None:
    gpf = story.gpf()
    number = int.from_bytes(gpf.device.eui[4:], "big")
    others = Pki("the same device with other keys")
    story.authorities = (*story.authorities, others.device_issuing)
    earlier = others.device(number)
    assert earlier.eui == gpf.device.eui
    await story.publish(events.inventory(earlier))
    decision = await story.hand_back(gpf, 1200)
    assert verdict(decision) == "REJECTED BAD_SIGNATURE"
    assert decision["recorded_counter"] is None
    (again,) = await story.tell_all(events.inventory(gpf.device))
    assert again["kind"] == "redecision"
    assert verdict(again) == "RECORDED ACB_IN_SLOT"


async def test_n20_a_message_under_another_devices_key(story: Story) -> None:
    gpf, other = await story.known_gpf(), await story.known_gpf()
    event = replace(hand_back(gpf, 1200), key=str(other.device.eui))
    decision = await story.tell(event)
    assert verdict(decision) == "REJECTED WRONG_DEVICE"
    assert verdict(await story.ask(other)) == "ISSUED NATURAL"
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"


@pytest.mark.parametrize("kind", malformed.KINDS)
async def test_n21_what_cannot_be_read_is_kept_and_costs_nobody(
    story: Story, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes go to the dead letters unchanged; a sound record behind them is decided."""
    gpf = await story.known_gpf()
    sound = hand_back(gpf, 1200)
    partition = partition_of(str(gpf.device.eui).encode(), story.streams.partitions)
    monkeypatch.setattr(malformed, "KINDS", {kind: malformed.KINDS[kind]})
    spoilt = [
        replace(malformed.spoil(sound, random.Random(seed), 1)[0], partition=partition)  # noqa: S311
        for seed in range(5)
    ]
    await story.records("dead-letters")
    await story.publish(*spoilt, sound)
    await story.work()
    everything = [
        decision
        for record in [one async for batch in story.streams.read("audit-trail") for one in batch]
        if record.partition == partition
        for decision in [orjson.loads(record.value or b"")]
    ]
    reason = {"bad key": "BAD_KEY", "oversized": "TOO_LARGE"}.get(kind, "MALFORMED")
    assert [verdict(one) for one in everything[-6:]] == [
        *[f"DEAD_LETTER {reason}"] * 5,
        "RECORDED ACB_IN_SLOT",
    ]
    letters = await story.records("dead-letters")
    assert sorted(letter.value or b"" for letter in letters) == sorted(
        event.octets or b"" for event in spoilt
    )
    for letter in letters:
        headers: dict[str, Any] = dict(letter.headers)
        assert headers["stream"] == events.UPDATE_RESPONSES.encode()
        assert {"partition", "offset"} <= headers.keys()


async def test_n21_a_huge_record_costs_nobody_and_its_dead_letter_fits_the_topic(
    story: Story,
) -> None:
    """Wherever it stands and under whatever key: it is cut, and its length and digest are told."""
    limit = 40_960
    story.more = f"[limits]\nmessage_bytes = 8192\ndead_letter_bytes = {limit}\n"
    gpf = await story.known_gpf()
    sound = hand_back(gpf, 1200)
    right = partition_of(str(gpf.device.eui).encode(), story.streams.partitions)
    wrong = (right + 1) % story.streams.partitions
    value, key = bytes(60_000), b"0" * 50_000
    huge = [
        Event(stream, name, value, partition)
        for stream in (events.UPDATE_RESPONSES, events.HANDOVER_REQUESTS, events.INVENTORY)
        for name, partition in ((str(gpf.device.eui), wrong), (b"?", right), (key, right))
    ]
    await story.records("dead-letters")
    await story.publish(*huge)
    verdicts = [verdict(one) for one in await story.tell_all(sound)]
    assert verdicts.count("RECORDED ACB_IN_SLOT") == 1
    assert set(verdicts) == {"RECORDED ACB_IN_SLOT", "DEAD_LETTER TOO_LARGE"}
    letters = await story.records("dead-letters")
    assert len(letters) == len(huge)
    for letter in letters:
        headers = dict(letter.headers)
        assert headers["fault"] == b"TOO_LARGE"
        assert headers["octets"] == b"60000"
        assert headers["sha256"] == hashlib.sha256(value).hexdigest().encode()
        assert ("key-octets" in headers) == (letter.key == key[:1024])
        told_in_headers = sum(len(name) + len(text) for name, text in letter.headers)
        assert len(letter.key or b"") + len(letter.value or b"") + told_in_headers == limit


async def test_n21_a_malformed_inventory_record_leaves_the_last_good_one(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.publish(Event(events.INVENTORY, str(gpf.device.eui), '{"device_id": '))
    assert verdict(await story.hand_back(gpf, 1200)) == "RECORDED ACB_IN_SLOT"
    letters = await story.records("dead-letters")
    assert b'{"device_id": ' in {letter.value for letter in letters}
