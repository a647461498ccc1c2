"""What the Python peers do with a request: a number, an unsealed command, an audit record."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

REQUESTS = "srv-6.21-requests"
COMMANDS = "cs02b-commands"
AUDIT = "audit-trail"

_OTHER_OCTETS = 184
"""Of a command besides its certificates: headers, control fields, signature, MAC."""

_ACB = "90-B3-D5-1F-30-00-00-02"


class Decision(NamedTuple):
    """What a request becomes.

    Attributes:
        counter: The device's number from now on.
        command: The record's octets.
        audit: The record's octets.
    """

    counter: int
    command: bytes
    audit: bytes


def decide(
    value: bytes, device: str, *, partition: int, offset: int, stored: int, now_ms: int
) -> Decision:
    """Decide a request.

    Args:
        value: The request's octets.
        device: Its key.
        partition: Where the request stands.
        offset: Where the request stands.
        stored: The device's last number, 0 if it has none.
        now_ms: The hint where the request carries none.
    """
    request = orjson.loads(value)
    hint = request.get("originator_counter")
    counter = max(stored + 1, now_ms if hint is None else int(hint))
    now = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    shared = {
        "request_id": request["request_id"],
        "device_id": device,
        "remote_party_role": request["remote_party_role"],
        "originator_counter": str(counter),
        "recorded_counter": str(stored) if stored else None,
        "reason": "ISSUED_EXCEEDED" if counter == stored + 1 else "NATURAL",
    }
    source = {"stream": REQUESTS, "partition": partition, "offset": offset}
    command = {
        **shared,
        "originator_id": _ACB,
        "message_code": "0104",
        "signing_key_identifier": "0000000000000000",
        "gbcs_payload": b64encode(_payload(request, counter)).decode(),
        "source": source,
        "issued_at": now,
    }
    audit = {"kind": "decision", **shared, **source, "disposition": "ISSUED", "decided_at": now}
    return Decision(counter, orjson.dumps(command), orjson.dumps(audit))


def _payload(request: dict[str, Any], counter: int) -> bytes:
    """Give the number, the certificates of the request, and zeros in place of all else."""
    certificates = (
        *filter(None, request["replacement_certificates"].values()),
        *request["certification_path_certificates"],
    )
    head = counter.to_bytes(8, "big") + bytes(_OTHER_OCTETS - 8)
    return b"".join((head, *map(b64decode, certificates)))
