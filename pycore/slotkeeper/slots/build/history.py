"""What a decision of the audit trail says of a Network Operator slot."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

COLUMNS = (
    'device VARCHAR, "at" TIMESTAMP, at_source VARCHAR, ds_eui VARCHAR, ds_key VARCHAR, '
    "ka_eui VARCHAR, ka_key VARCHAR, ds_verified BOOLEAN, ka_verified BOOLEAN, source VARCHAR, "
    "ds_doubtful BOOLEAN, ka_doubtful BOOLEAN, audit_partition INTEGER, audit_offset BIGINT, "
    "digest VARCHAR"
)
TYPES = (
    "varchar, timestamp, varchar, varchar, varchar, varchar, varchar, boolean, boolean, varchar, "
    "boolean, boolean, integer, bigint, varchar"
)

EXISTED = "EXISTED"
"""Source of a time: the device's first message names it as existing, since when is not known."""

BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001  # naive, as the tables have all times, in UTC
_SLACK = timedelta(days=1)
"""A device's clock is believed unless it is more than a day ahead of who received the message."""

_SOURCES = {
    "READ_BACK": "READ_BACK",
    "IMPORTED": "IMPORT",
    "CREDENTIALS_UPDATED": "ALERT",
    "RECOVERED": "ALERT",
}
"""Evidence by the reason of a decision; the others are outcomes."""


class Seen(NamedTuple):
    """The slot of a device after a decision, in the order of the columns."""

    device: str
    at: datetime
    at_source: str
    ds_eui: str | None
    ds_key: str | None
    ka_eui: str | None
    ka_key: str | None
    ds_verified: bool
    ka_verified: bool
    source: str
    ds_doubtful: bool
    ka_doubtful: bool
    audit_partition: int
    audit_offset: int
    digest: str | None


def seen(octets: bytes, partition: int, offset: int) -> list[Seen]:
    """Read a record of the audit trail: what the message found, if it says so, and what it left.

    Empty for records that are not about a Network Operator slot of a device, and for those that
    cannot be read: what is not known is UNKNOWN, never guessed.
    """
    try:
        record = orjson.loads(octets)
        if record.get("remote_party_role") != "NetworkOperator" or not record.get("slot"):
            return []
        return _seen(record, partition, offset)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return []


def _seen(record: dict[str, Any], partition: int, offset: int) -> list[Seen]:
    message = record.get("message") or {}
    slot = record["slot"]
    ds, ka = slot.get("digital_signature") or {}, slot.get("key_agreement") or {}
    # What was told of a cell last is what the message told, where it changed the cell.
    told = [cell["time"] for cell in (ds, ka) if cell.get("time")]
    at, at_source = when(record, message.get("device_time") or max(told, default=None))
    doubtful = slot.get("state") == "DOUBTFUL"
    source = _SOURCES.get(record.get("reason") or "", "OUTCOME")
    verified = message.get("signature") == "valid"
    after = Seen(
        device=record["device_id"],
        at=at,
        at_source=at_source,
        ds_eui=ds.get("subject_unique_id"),
        ds_key=ds.get("subject_key_identifier"),
        ka_eui=ka.get("subject_unique_id"),
        ka_key=ka.get("subject_key_identifier"),
        ds_verified=ds.get("verified", verified),
        ka_verified=ka.get("verified", verified),
        source=source if verified or source != "OUTCOME" else "OUTCOME_UNVERIFIED",
        ds_doubtful=doubtful,
        ka_doubtful=doubtful,
        audit_partition=partition,
        audit_offset=offset,
        digest=message.get("digest"),
    )
    before = {
        f"{short}_{part}": cell.get(f"existing_subject_{member}")
        for cell in record.get("cells") or ()
        for usage, short in (("digitalSignature", "ds"), ("keyAgreement", "ka"))
        if cell.get("key_usage") == usage
        for part, member in (("eui", "unique_id"), ("key", "key_identifier"))
    }
    if not any(before.values()):
        return [after]
    existed = after._replace(
        at=BEGINNING,
        at_source=EXISTED,
        ds_eui=before.get("ds_eui"),
        ds_key=before.get("ds_key"),
        ka_eui=before.get("ka_eui"),
        ka_key=before.get("ka_key"),
        ds_doubtful=False,
        ka_doubtful=False,
    )
    return [existed, after]


def when(record: dict[str, Any], device: str | None) -> tuple[datetime, str]:
    """Give the time of a decision, and whose clock told it; ``device``: its own time."""
    decided = _time(record["decided_at"])
    received = _time(record["received_at"]) if record.get("received_at") else None
    if device:
        told = _time(device)
        if told <= (received or decided) + _SLACK:
            return told, "DEVICE"
    return (received, "RECEIVED") if received else (decided, "DECISION")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
