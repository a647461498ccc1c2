"""What a record says, read with the lab's codec, which shares nothing with the engine's."""

import base64
import binascii
import functools
import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson

from slotkeeper.lab import certificates
from slotkeeper.lab.commands import CANCELLATION, CommandPayload
from slotkeeper.lab.credentials import CredentialsResponse
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.outcomes import AlertPayload, CellOutcome, ExecutionOutcome, ResponsePayload
from slotkeeper.lab.partitions import partition_of
from slotkeeper.lab.terms import CellUsage, Cra, Eui64, KeyUsage, MessageCode, Role, Status

Json = dict[str, Any]

NETWORK_OPERATOR = "NetworkOperator"
SUPPLIER = "Supplier"
ROLES = {Role.NETWORK_OPERATOR: NETWORK_OPERATOR, Role.SUPPLIER: SUPPLIER}
MODES = {3: NETWORK_OPERATOR, 2: SUPPLIER}
"""Of each mode in which a slot's occupant acts for its own slot: whose."""

LAST = 2**63 - 1
"""The greatest SeqNumber of CS02b."""

_USAGES = {KeyUsage.DIGITAL_SIGNATURE: "ds", KeyUsage.KEY_AGREEMENT: "ka"}
_FUTURE_DATED_ALERT = 0x00CB
_CS02B = range(0x0100, 0x010A)
_READ_BACK = MessageCode.CS02A


class UnreadableError(Exception):
    """The record is a dead letter."""


def device_of(key: bytes | None) -> str | None:
    """Give the canonical EUI-64 of a key, or None if it is none."""
    try:
        return str(Eui64.parse((key or b"").decode("ascii")))
    except ValueError:
        return None


def partition(device: str, count: int) -> int:
    return partition_of(device.encode(), count)


def json_of(value: bytes | None) -> Json:
    try:
        read = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        raise UnreadableError from None
    if not isinstance(read, dict):
        raise UnreadableError
    return read


def payload_of(entry: Json) -> bytes | None:
    payload = entry.get("gbcs_payload")
    if payload is None:
        return None
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, TypeError):
        raise UnreadableError from None


@functools.lru_cache(maxsize=100_000)
def message_of(octets: bytes) -> Json:
    """Read a message; the result is shared, so nobody may change it."""
    try:
        envelope = Envelope.decode(octets)
        content = _content(envelope)
        if envelope.cra is not Cra.COMMAND and not envelope.signature and envelope.mac is None:
            raise UnreadableError
    except ValueError:
        raise UnreadableError from None
    return {
        "whole": hashlib.sha256(octets).hexdigest(),
        "signed": hashlib.sha256(envelope.signed_octets()).hexdigest(),
        "identity": (
            str(envelope.recipient),
            str(envelope.originator),
            envelope.counter,
            envelope.message_code,
            int(envelope.cra),
        ),
        "octets": octets,
        "kind": envelope.cra.name,
        "code": envelope.message_code,
        "header": envelope.counter,
        "originator": str(envelope.originator),
        "recipient": str(envelope.recipient),
        **content,
    }


def _content(envelope: Envelope) -> Json:
    code = envelope.message_code
    content: Json = {"mode": None, "number": None, "floors": (), "cells": (), "time": None}
    if envelope.cra is Cra.COMMAND and code in _CS02B:
        command = CommandPayload.decode(envelope.payload)
        own = ((MODES.get(command.mode, ""), command.floor),) if command.floor is not None else ()
        others = tuple((ROLES.get(c.role, ""), c.floor) for c in command.other_changes)
        return content | {
            "mode": int(command.mode),
            "number": command.seq_number,
            "floors": own + others,
            "command": True,
            "due": _due(command),
            "replacing": _replacing(command),
        }
    if envelope.cra is Cra.ALERT and code == _FUTURE_DATED_ALERT:
        alert = AlertPayload.decode(envelope.payload)
        outcome: ExecutionOutcome | None = alert.outcome
        moment: float | None = alert.executed.timestamp()
    elif envelope.cra is Cra.RESPONSE and code in _CS02B:
        response = ResponsePayload.decode(envelope.payload)
        outcome, moment = response.outcome, _dlms(envelope.date_time)
        if outcome is None:
            return content | {"mode": code - 0x0100, "accepted": True, "time": moment}
    elif envelope.cra is Cra.RESPONSE and code == _READ_BACK:
        return content | _held(envelope)
    else:
        return content | {"foreign": True}
    assert outcome is not None
    return content | {
        "mode": int(outcome.mode),
        "number": outcome.seq_number,
        "floors": tuple((ROLES.get(c.role, ""), c.floor) for c in outcome.changes),
        "cells": tuple(map(_cell, outcome.cells)),
        "time": moment,
    }


def _held(envelope: Envelope) -> Json:
    """Give what a device reports: the number that it holds for each role, and who is in its cells.

    A number counts as a floor does: for the role that it is reported for.
    """
    roles = [
        one
        for one in CredentialsResponse.decode(envelope.payload).roles
        if one.role in ROLES and one.status is Status.SUCCESS
    ]
    return {
        "read_back": True,
        "maced": not envelope.signature,
        "time": _dlms(envelope.date_time) if envelope.date_time else None,
        "floors": tuple(
            (ROLES[one.role], one.seq_number) for one in roles if one.seq_number is not None
        ),
        "held": tuple(
            (ROLES[one.role], _USAGES[cell.key_usage], (str(who.eui), who.key_identifier.hex()))
            for one in roles
            for cell, who in one.cells
            if cell.cell_usage is CellUsage.MANAGEMENT and cell.key_usage in _USAGES
        ),
    }


def _due(command: CommandPayload) -> str:
    if command.execution is None:
        return "at once"
    return "never" if command.execution == CANCELLATION else "later"


def _replacing(command: CommandPayload) -> dict[str, tuple[str, str]]:
    """Give the parties that are to come into the cells of the authorising role."""
    found = {}
    for replacement in command.replacements:
        target = replacement.target
        if target.role == command.mode.authorising_role and target.cell_usage == 0:
            details = certificates.read(replacement.certificate)
            party = (str(details.subject_unique_id), details.key_identifier.hex())
            found[_USAGES[target.key_usage]] = party
    return found


def _cell(cell: CellOutcome) -> Json:
    def who(one: Any) -> tuple[str, str]:  # noqa: ANN401 - an Occupant of the lab
        return (str(one.eui), one.key_identifier.hex())

    followed = cell.cell.cell_usage == 0 and cell.cell.key_usage in _USAGES
    return {
        "role": ROLES.get(cell.cell.role, "") if followed else "",
        "slot": cell.cell.role.name,
        "usage": _USAGES.get(cell.cell.key_usage, ""),
        "replaced": cell.status == 0,
        "existing": who(cell.existing),
        "replacing": who(cell.replacing),
    }


def _dlms(octets: bytes) -> float | None:
    """Give seconds since 1970 of a DLMS date-time; None where the clock was never set."""
    year, month, day = int.from_bytes(octets[:2], "big"), octets[2], octets[3]
    if year == 0xFFFF or month == 0xFF or day == 0xFF:
        return None
    hour, minute, second = octets[5:8]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
