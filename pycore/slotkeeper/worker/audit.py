"""The few records that the worker writes by itself; all others are the engine's."""

import json
from datetime import UTC, datetime

from slotkeeper.streams import Output

from .engine import EngineInput
from .positions import Positions

AUDIT_TRAIL = "audit-trail"
DEAD_LETTERS = "dead-letters"

ENGINE_FAULT = "ENGINE_FAULT"
"""Reason of a DEAD_LETTER: the engine failed over the record. A defect, to be reported with it."""


def acknowledgement(
    positions: Positions,
    partition: int,
    *,
    reason: str,
    by: str,
    accepted: list[str],
    now_ms: int,
) -> Output:
    """Write down that an operator let a partition go on, and what stood against it."""
    content = {
        "kind": "acknowledgement",
        "partition": partition,
        "reason": reason,
        "by": by,
        "detail": accepted,
        "positions": dict(positions.inputs),
        "decided_at": rfc3339(now_ms),
    }
    return (AUDIT_TRAIL, partition, None, json.dumps(content).encode(), ())


def dead_letter(partition: int, record: EngineInput, detail: str) -> Output:
    """Keep the octets of a record over which the engine failed."""
    stream, offset, key, value = record
    headers = [
        ("stream", stream.encode()),
        ("partition", b"%d" % partition),
        ("offset", b"%d" % offset),
        ("fault", ENGINE_FAULT.encode()),
        ("detail", detail.encode()),
    ]
    return (DEAD_LETTERS, partition, key, value, headers)


def fault_decision(partition: int, record: EngineInput, detail: str, now_ms: int) -> Output:
    """Write the one decision that a record over which the engine failed gets as well."""
    stream, offset, key, _ = record
    content = {
        "kind": "decision",
        "stream": stream,
        "partition": partition,
        "offset": offset,
        "disposition": "DEAD_LETTER",
        "reason": ENGINE_FAULT,
        "detail": detail,
        "decided_at": rfc3339(now_ms),
    }
    return (AUDIT_TRAIL, partition, key, json.dumps(content).encode(), ())


def rfc3339(now_ms: int) -> str:
    """Give a time of day in the form of all records."""
    return datetime.fromtimestamp(now_ms / 1_000, UTC).isoformat().replace("+00:00", "Z")
