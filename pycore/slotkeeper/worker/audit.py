"""What the worker itself writes to the audit trail, beside the engine's decisions."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from slotkeeper.engine.port import EngineInput
from slotkeeper.streams import Output

from .moves import Move
from .positions import Positions

AUDIT_TRAIL = "audit-trail"


def acknowledgement(
    positions: Positions,
    partition: int,
    *,
    reason: str,
    by: str,
    accepted: Sequence[str],
    moved: Mapping[str, Move],
    now_ms: int,
) -> Output:
    """Write down that an operator let a partition go on, what stood against it, what is skipped."""
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
    }
    return _entry("acknowledgement", partition, content, now_ms)


def repeats(requests: Sequence[EngineInput], partition: int, *, now_ms: int) -> list[Output]:
    """Write down requests that an operator had read again, and that are answered as repeats."""
    return [
        _entry(
            "decision",
            partition,
            {
                "stream": stream,
                "offset": offset,
                "disposition": "DUPLICATE",
                "reason": "SAME_REQUEST",
                "detail": "read again after an acknowledgement, without --reissue",
            },
            now_ms,
        )
        for stream, offset, _, _ in requests
    ]


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
    return [_entry("pinning", partition, news, now_ms)] if any(news.values()) else ()


def _entry(kind: str, partition: int, content: Mapping[str, object], now_ms: int) -> Output:
    at = datetime.fromtimestamp(now_ms / 1_000, UTC).isoformat().replace("+00:00", "Z")
    entry = {"kind": kind, "partition": partition, **content, "decided_at": at}
    return (AUDIT_TRAIL, partition, None, json.dumps(entry).encode(), ())
