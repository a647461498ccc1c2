"""Writes `slot-evidence` from the other streams, as their contract has it."""

import base64
import hashlib
from collections.abc import Iterable

import orjson

from slotkeeper.lab.events import Event
from slotkeeper.slots.evidence.staging import P256_INFO
from slotkeeper.streams import Message, Record, Streams


async def publish(streams: Streams, events: Iterable[Event]) -> None:
    await streams.publish(
        [Message(each.stream, str(each.key).encode(), each.octets) for each in events]
    )


async def record_evidence(streams: Streams) -> None:
    """Write the evidence of every decision that handed a slot back."""
    inputs = {
        (record.stream, record.partition, record.offset): record
        for stream in ("srv-6.15.1-responses", "srv-6.21-responses")
        for record in await everything(streams, stream)
    }
    keys = {}
    for record in await everything(streams, "smart-metering-inventory"):
        told = orjson.loads(record.value or b"")
        der = base64.b64decode(told["digital_signing_certificate"])
        at = der.index(P256_INFO)
        keys[told["device_id"]] = der[at : at + len(P256_INFO) + 65]
    messages = []
    for record in await everything(streams, "audit-trail"):
        entry = orjson.loads(record.value or b"")
        place = (entry.get("stream"), entry["partition"], entry.get("offset"))
        if entry.get("disposition") not in {"RECORDED", "HANDOVER_CONFIRMED"}:
            continue
        payload = orjson.loads(inputs[place].value or b"")["gbcs_payload"]
        evidence = {
            "device_id": entry["device_id"],
            "source": {"stream": place[0], "partition": place[1], "offset": place[2]},
            "cause": None,
            "audit_sha256": hashlib.sha256(record.value or b"").hexdigest(),
            "kind": "RESPONSE",
            "message": payload,
            "public_key": base64.b64encode(keys[entry["device_id"]]).decode(),
            "verified": True,
        }
        key = entry["device_id"].encode()
        messages.append(Message("slot-evidence", key, orjson.dumps(evidence)))
    await streams.publish(messages)


async def everything(streams: Streams, stream: str) -> list[Record]:
    return [record async for records in streams.read(stream) for record in records]
