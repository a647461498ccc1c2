"""What was tried on a Network Operator slot, whether or not a cell changed."""

from datetime import datetime
from typing import Any, NamedTuple

import orjson

from .history import when

COLUMNS = (
    'device VARCHAR, "at" TIMESTAMP, at_source VARCHAR, what VARCHAR, disposition VARCHAR, '
    "reason VARCHAR, stream VARCHAR, stream_offset BIGINT, request_id VARCHAR, "
    "originator VARCHAR, existing_ds_eui VARCHAR, existing_ds_key VARCHAR, "
    "existing_ka_eui VARCHAR, existing_ka_key VARCHAR, replacing_ds_eui VARCHAR, "
    "replacing_ds_key VARCHAR, replacing_ka_eui VARCHAR, replacing_ka_key VARCHAR, "
    "audit_partition INTEGER, audit_offset BIGINT, digest VARCHAR"
)
TYPES = ", ".join(column.rsplit(" ", 1)[1].lower() for column in COLUMNS.split(", "))

_WORDS = {
    ("SEEN", "PRE_COMMAND"): "REQUESTED",
    ("SEEN", "QUARANTINED"): "QUARANTINED",
    ("NOT_RECORDED", "NO_OUTCOME"): "SCHEDULED",
    ("HANDOVER_CONFIRMED", "ACCEPTED_FOR_LATER"): "SCHEDULED",
    ("NOT_RECORDED", "ALL_CELLS_FAILED"): "FAILED",
    ("NOT_RECORDED", "ERROR_RESPONSE"): "FAILED",
    ("HANDOVER_FAILED", "ALL_CELLS_FAILED"): "FAILED",
    ("HANDOVER_FAILED", "ERROR_RESPONSE"): "FAILED",
    ("RECORDED", "PARTIAL_DS"): "PARTIAL",
    ("RECORDED", "PARTIAL_KA"): "PARTIAL",
    ("HANDOVER_CONFIRMED", "PARTIAL_DS"): "PARTIAL",
    ("HANDOVER_CONFIRMED", "PARTIAL_KA"): "PARTIAL",
    ("RECORDED", "ACB_IN_SLOT"): "DONE",
    ("RECORDED", "LATE"): "DONE",
    ("SEEN", "GNO_REPLACED_BY_GNO"): "DONE",
    ("HANDOVER_CONFIRMED", "SLOT_CHANGED"): "DONE",
    ("HANDOVER_CONFIRMED", "UNSOLICITED"): "DONE",
}
_BY_DISPOSITION = {"PARKED": "PARKED", "REJECTED": "REJECTED"}
_EUI_CHARACTERS = 23


class Attempt(NamedTuple):
    """A row, in the order of the columns."""

    device: str
    at: datetime
    at_source: str
    what: str
    disposition: str
    reason: str
    stream: str
    stream_offset: int
    request_id: str | None
    originator: str | None
    existing_ds_eui: str | None
    existing_ds_key: str | None
    existing_ka_eui: str | None
    existing_ka_key: str | None
    replacing_ds_eui: str | None
    replacing_ds_key: str | None
    replacing_ka_eui: str | None
    replacing_ka_key: str | None
    audit_partition: int
    audit_offset: int
    digest: str | None


def attempted(octets: bytes, partition: int, offset: int) -> list[Attempt]:
    """Read a record of the audit trail; empty for those that are no attempt on such a slot."""
    try:
        record = orjson.loads(octets)
        disposition, reason = record.get("disposition"), record.get("reason")
        what = _WORDS.get((disposition, reason)) or _BY_DISPOSITION.get(disposition)
        role = record.get("remote_party_role")
        if what is None or role not in {"NetworkOperator", None} or not record.get("device_id"):
            return []
        return [_attempt(record, what, partition, offset)]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return []


def _attempt(record: dict[str, Any], what: str, partition: int, offset: int) -> Attempt:
    message = record.get("message") or {}
    device = record["device_id"]
    at, at_source = when(record, message.get("device_time"))
    request_id = record.get("request_id")
    originator = message.get("originator_id")
    if originator in {None, device}:
        # An answer is the device's; the request that it names begins with who asked.
        originator = request_id[:_EUI_CHARACTERS].upper() if request_id else None
    cells = {cell.get("key_usage"): cell for cell in record.get("cells") or ()}
    told = [
        cells.get(usage, {}).get(f"{which}_subject_{member}")
        for which in ("existing", "replacing")
        for usage in ("digitalSignature", "keyAgreement")
        for member in ("unique_id", "key_identifier")
    ]
    row = (device, at, at_source, what, record["disposition"], record["reason"])
    origin = (record["stream"], record["offset"], request_id, originator)
    return Attempt._make((*row, *origin, *told, partition, offset, message.get("digest")))
