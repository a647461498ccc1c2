"""What the worker itself writes to the audit trail, beside the engine's decisions."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from slotkeeper.streams import Output

from .positions import Positions

AUDIT_TRAIL = "audit-trail"


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
        "reason": reason,
        "by": by,
        "detail": accepted,
        "positions": dict(positions.inputs),
    }
    return _entry("acknowledgement", partition, content, now_ms)


def pinning(
    truth: Positions | None, positions: Positions, partition: int, *, now_ms: int
) -> Sequence[Output]:
    """Write down what becomes known of a store that has a history; nothing if nothing does."""
    if truth is None:
        return ()
    news = {
        "logs": {stream: told for stream, told in positions.ids.items() if stream not in truth.ids}
    }
    return [_entry("pinning", partition, news, now_ms)] if any(news.values()) else ()


def _entry(kind: str, partition: int, content: Mapping[str, object], now_ms: int) -> Output:
    at = datetime.fromtimestamp(now_ms / 1_000, UTC).isoformat().replace("+00:00", "Z")
    entry = {"kind": kind, "partition": partition, **content, "decided_at": at}
    return (AUDIT_TRAIL, partition, None, json.dumps(entry).encode(), ())
