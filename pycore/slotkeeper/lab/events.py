"""Records of the input streams, in the JSON shapes that the streams' contract gives."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from slotkeeper.lab import anchors
from slotkeeper.lab.terms import Eui64, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slotkeeper.lab.pki import Device, Organisation

__all__ = [
    "ADJUSTMENTS",
    "ALERTS",
    "BASELINES",
    "HANDOVER_REQUESTS",
    "HANDOVER_RESPONSES",
    "INVENTORY",
    "PRE_COMMANDS",
    "READ_BACKS",
    "UPDATE_RESPONSES",
    "Event",
    "adjustment",
    "baseline",
    "handover_request",
    "inventory",
    "meter",
    "outcome",
    "quarantined",
    "request_id",
]

UPDATE_RESPONSES: Final = "srv-6.15.1-responses"
PRE_COMMANDS: Final = "srv-6.15.1-requests"
HANDOVER_RESPONSES: Final = "srv-6.21-responses"
HANDOVER_REQUESTS: Final = "srv-6.21-requests"
ADJUSTMENTS: Final = "counter-adjustments"
INVENTORY: Final = "smart-metering-inventory"
READ_BACKS: Final = "srv-6.24.1-responses"
ALERTS: Final = "dcc-alerts"
BASELINES: Final = "slot-baselines"

_ROLE_NAMES = {Role.NETWORK_OPERATOR: "NetworkOperator", Role.SUPPLIER: "Supplier"}


@dataclass(frozen=True, slots=True)
class Event:
    """One record to be published.

    Attributes:
        stream: the input stream.
        key: the device, or whatever a careless producer writes there.
        value: a JSON object, a text such as DUIS XML, octets, or None for a tombstone.
        partition: None lets the key decide.
    """

    stream: str
    key: str | bytes
    value: Mapping[str, Any] | str | bytes | None
    partition: int | None = None

    @property
    def octets(self) -> bytes | None:
        """The value as it stands in the stream."""
        if self.value is None or isinstance(self.value, bytes):
            return self.value
        if isinstance(self.value, str):
            return self.value.encode()
        return orjson.dumps(self.value)

    def line(self) -> bytes:
        """Write the record as ``slotkeeper publish`` reads it, with the end of line."""
        entry: dict[str, Any] = {}
        if isinstance(self.key, bytes):
            entry["key_base64"] = b64encode(self.key).decode()
        else:
            entry["key"] = self.key
        if isinstance(self.value, bytes):
            entry["value_base64"] = b64encode(self.value).decode()
        else:
            entry["value"] = self.value
        if self.partition is not None:
            entry["partition"] = self.partition
        return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)


def request_id(originator: Eui64, target: Eui64, counter: int) -> str:
    """Write a DUIS RequestID; the counter runs from 0 to 2**64 - 1."""
    return f"{originator}:{target}:{counter}"


def outcome(
    stream: str,
    device_id: Eui64,
    message: bytes | None,
    *,
    request: str | None = None,
    response_code: str = "I0",
    received_at: datetime | None = None,
) -> Event:
    """Tell of an outcome, or of a signed pre-command; ``message`` None is an error without one."""
    value: dict[str, Any] = {"response_code": response_code}
    if request is not None:
        value["request_id"] = request
    if received_at is not None:
        value["received_at"] = _moment(received_at)
    if message is not None:
        value["gbcs_payload"] = _base64(message)
    return Event(stream, str(device_id), value)


def handover_request(
    supplier: Organisation,
    device_id: Eui64,
    holder: Organisation,
    *,
    number: int,
    role: Role = Role.NETWORK_OPERATOR,
    floor: int | None = None,
    key_agreement: bool = True,
    hint: int | None = None,
    execution: datetime | None = None,
    apply_time_checks: bool = True,
) -> Event:
    """Ask for the handover of a DCC controlled slot (SRV 6.21).

    Args:
        supplier: who asks.
        device_id: the GPF.
        holder: whose certificates go in.
        number: the counter of the RequestID, which has nothing to do with the command's.
        role: whose slot.
        floor: remote_party_floor_seq_number.
        key_agreement: whether a key agreement certificate comes along.
        hint: the caller's own idea of the Originator Counter.
        execution: execution_date_time.
        apply_time_checks: apply_time_based_cpv_checks.
    """
    agreement = _base64(holder.key_agreement.certificate) if key_agreement else None
    top_up = _base64(holder.top_up.certificate) if holder.top_up and key_agreement else None
    return Event(
        HANDOVER_REQUESTS,
        str(device_id),
        {
            "request_id": request_id(supplier.eui, device_id, number),
            "remote_party_role": _ROLE_NAMES[role],
            "remote_party_floor_seq_number": None if floor is None else str(floor),
            "replacement_certificates": {
                "digital_signing": _base64(holder.digital_signature.certificate),
                "key_agreement": agreement,
                "key_agreement_top_up": top_up,
            },
            "certification_path_certificates": [_base64(one) for one in holder.path],
            "apply_time_based_cpv_checks": apply_time_checks,
            "execution_date_time": None if execution is None else _moment(execution),
            "originator_counter": None if hint is None else str(hint),
        },
    )


def inventory(
    device: Device,
    *,
    device_type: str = "GPF",
    status: str = "Commissioned",
    smets_version: str = "SMETS2",
    **more: str,
) -> Event:
    """Tell what the Smart Metering Inventory says of a device; ``more`` are further members."""
    return Event(
        INVENTORY,
        str(device.eui),
        {
            "device_id": str(device.eui),
            "device_type": device_type,
            "status": status,
            "smets_version": smets_version,
            "key_agreement_certificate": _base64(device.key_agreement.certificate),
            "digital_signing_certificate": _base64(device.digital_signature.certificate),
            **more,
        },
    )


def meter(
    device_id: Eui64, gpf: Eui64, mprn: str, *, status: str = "Commissioned", **more: str
) -> Event:
    """Tell what the inventory says of a gas meter (GSME): its meter point and its GPF."""
    return Event(
        INVENTORY,
        str(device_id),
        {
            "device_id": str(device_id),
            "device_type": "GSME",
            "status": status,
            "smets_version": "SMETS2",
            "mprn": mprn,
            "gpf": str(gpf),
            **more,
        },
    )


def adjustment(
    device_id: Eui64,
    at_least: int,
    *,
    by: tuple[str, ...],
    kind: str = "recorded",
    role: Role = Role.NETWORK_OPERATOR,
    reason: str = "back-fill",
) -> Event:
    """Raise a device's number by hand, or fill in what happened before tracking began."""
    return Event(
        ADJUSTMENTS,
        str(device_id),
        {
            "device_id": str(device_id),
            "remote_party_role": _ROLE_NAMES[role],
            "at_least": str(at_least),
            "kind": kind,
            "reason": reason,
            "by": list(by),
            "source": "lab",
        },
    )


def quarantined(device_id: Eui64, request: str, at: datetime) -> Event:
    """Tell that anomaly detection holds a request (DUIS 5.4, QuarantinedRequest)."""
    told = {"kind": "QuarantinedRequest", "device_id": str(device_id), "request_id": request}
    return Event(ALERTS, str(device_id), {**told, "at": _moment(at)})


def baseline(device_id: Eui64, holder: Organisation, at: datetime) -> Event:
    """Tell who stood in a device's Network Operator slot when the fleet was taken over."""
    cells = {
        name: {
            "subject_unique_id": str(holder.eui),
            "subject_key_identifier": anchors.occupant(one.certificate).key_identifier.hex(),
        }
        for name, one in (
            ("digital_signature", holder.digital_signature),
            ("key_agreement", holder.key_agreement),
        )
    }
    told = {"device_id": str(device_id), "as_of": _moment(at), "source": "lab", "by": ["lab"]}
    return Event(BASELINES, str(device_id), told | cells)


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
