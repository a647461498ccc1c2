"""What the worker itself writes to the audit trail, beside the engine's decisions."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import orjson

from slotkeeper._core import canonical_key, link_audit
from slotkeeper.engine.port import AuditHead, EngineInput
from slotkeeper.streams import Entry, Output

from .moves import Move
from .positions import Positions, written_head

AUDIT_TRAIL = "audit-trail"

LAST_NUMBER = 2**64 - 1
"""Of an audit record in its chain."""

_LONGEST_REQUEST = 65_536
"""Octets of a request that is looked into: the default of ``limits.message_bytes``."""

_LONGEST_ID = 80
"""Of a RequestID: two EUI-64s of 23 characters and a counter of at most 20."""


def linked(
    outputs: Iterable[Output], head: AuditHead | None
) -> tuple[list[Output], AuditHead | None]:
    """Give the audit records among outputs their places in the chain, and the head after them."""
    written: list[Output] = []
    for stream, partition, key, value, headers in outputs:
        if stream == AUDIT_TRAIL and value is not None:
            value, head = link_audit(value, head)  # noqa: PLW2901
        written.append((stream, partition, key, value, headers))
    return written, head


def head_of(record: Entry | None) -> AuditHead | None:
    """Give the head of a chain that ends with this record; None if it is of no chain."""
    value = b"" if record is None else record.value or b""
    try:
        number = orjson.loads(value)["number"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return None
    if type(number) is not int or not 0 < number < LAST_NUMBER:
        return None
    return number, sha256(value).digest()


def acknowledgement(
    positions: Positions,
    partition: int,
    *,
    reason: str,
    by: str,
    accepted: Sequence[str],
    moved: Mapping[str, Move],
    heads: Mapping[str, AuditHead | None],
    now_ms: int,
) -> Output:
    """Write down that an operator let a partition go on, what stood against it, what is skipped.

    ``heads`` are those of the chain of audit records, by who names them.
    """
    content = {
        "reason": reason,
        "by": by,
        "detail": list(accepted),
        "positions": dict(positions.inputs),
        "moved": {
            stream: {"from": move.was, "to": move.now, "skipped": move.skipped}
            for stream, move in moved.items()
        },
        "answered_as_repeats_below": dict(positions.again),
        "application": positions.application,
        "losses": positions.rollbacks,
        "heads": {who: written_head(head) for who, head in heads.items()},
    }
    return output(entry("acknowledgement", partition, content, now_ms), partition)


def repeats(
    requests: Sequence[EngineInput],
    partition: int,
    *,
    device: Callable[[str], bytes | None],
    now_ms: int,
) -> list[Output]:
    """Write down requests that an operator had read again, and that are answered as repeats.

    Args:
        requests: As they were read.
        partition: Theirs.
        device: Gives what an engine keeps of a device, for the first command's number.
        now_ms: Milliseconds since 1970 UTC.
    """
    return [_repeat(request, partition, device, now_ms) for request in requests]


def _repeat(
    request: EngineInput, partition: int, device: Callable[[str], bytes | None], now_ms: int
) -> Output:
    stream, offset, key, value = request
    canonical = canonical_key(key or b"")
    device_id = None if canonical is None else canonical.decode()
    request_id = None if device_id is None else _request_id(value, device_id)
    first = None
    if device_id is not None and request_id is not None:
        first = _first_number(device(device_id), request_id)
    content = {
        "stream": stream,
        "offset": offset,
        "device_id": device_id,
        "request_id": request_id,
        "disposition": "DUPLICATE",
        "reason": "SAME_REQUEST",
        "detail": "read again after an acknowledgement, without --reissue",
        "originator_counter": first,
    }
    return output(entry("decision", partition, content, now_ms), partition, canonical)


def _request_id(value: bytes | None, device_id: str) -> str | None:
    """Give the RequestID of a request in JSON that is one of this device."""
    if value is None or len(value) > _LONGEST_REQUEST:
        return None
    try:
        found = orjson.loads(value)["request_id"]
        originator, target, counter = found.split(":")
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError, AttributeError):
        return None
    sound = canonical_key(target.encode()) == device_id.encode() and counter.isdecimal()
    return str(found) if sound and len(found) <= _LONGEST_ID and originator.isascii() else None


def _first_number(kept: bytes | None, request_id: str) -> str | None:
    """Give the number of the command that answered a request, if that is remembered."""
    originator, _, counter = request_id.split(":")
    canonical = canonical_key(originator.encode())
    if kept is None or canonical is None:
        return None
    for one in orjson.loads(kept)["requests"]:
        if one["originator_id"] == canonical.decode() and int(one["request_counter"]) == int(
            counter
        ):
            return str(one["originator_counter"])
    return None


def pinning(
    truth: Positions | None, positions: Positions, partition: int, *, now_ms: int
) -> Sequence[Output]:
    """Write down what becomes known of a store that has a history; nothing if nothing does."""
    if truth is None:
        return ()
    news = {
        "application": positions.application if truth.application is None else None,
        "logs": {stream: told for stream, told in positions.ids.items() if stream not in truth.ids},
    }
    if not any(news.values()):
        return ()
    return [output(entry("pinning", partition, news, now_ms), partition)]


def entry(
    kind: str, partition: int, content: Mapping[str, object], now_ms: int
) -> dict[str, object]:
    """Give what an audit record of the worker says."""
    at = datetime.fromtimestamp(now_ms / 1_000, UTC).isoformat().replace("+00:00", "Z")
    return {"kind": kind, "partition": partition, **content, "decided_at": at}


def output(told: Mapping[str, object], partition: int, key: bytes | None = None) -> Output:
    """Give an audit record, which has still to get its place in the chain."""
    return (AUDIT_TRAIL, partition, key, json.dumps(told).encode(), ())
