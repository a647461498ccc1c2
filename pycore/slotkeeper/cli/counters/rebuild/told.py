"""What one record of the outputs tells about numbers, and what is wrong with one.

Whoever may write to a topic may have written these records: each member is checked before it is
used, and what is wrong is told by a `RecordFault`, never by another exception.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from slotkeeper._core import canonical_key, inspect_message
from slotkeeper.cli.counters.entry import ROLES
from slotkeeper.cli.counters.transfer import MOST_LOSSES
from slotkeeper.settings import MAX_COUNTER
from slotkeeper.streams import Record

AUDIT = "audit-trail"
COMMANDS = "cs02b-commands"
OUTPUTS = (AUDIT, COMMANDS)
"""Those that tell numbers."""

PAYLOAD_OCTETS = 65_536
"""Of a message: the default of ``limits.message_bytes``. A command has 1.5 kB."""

_MAX_REQUEST_COUNTER = (1 << 64) - 1
_MAX_OFFSET = (1 << 63) - 1
_MAX_DIGITS = 20
"""Of 2^64 - 1: more are not even read."""

_MAX_BLOCKS = 16
"""Of a decision: what an adjustment named is written as two groups of at most 8."""

_NAME = re.compile("[A-Z_]{1,40}")
"""Of a reason."""

_ROLE_OF_CELL = {"networkOperator": "NetworkOperator", "supplier": "Supplier"}

_ANSWERS = ("HANDOVER_CONFIRMED", "HANDOVER_FAILED")
"""Dispositions of a device's answers to commands of the ACB."""

_READ_BACK = "READ_BACK"
"""The reason of a decision about a reading of the slots, by whichever party."""

_NO_DECISIONS = ("checkpoint", "pinning")
"""Kinds of audit records that tell of no number."""

_ACKNOWLEDGEMENT = "acknowledgement"


@dataclass(frozen=True, slots=True)
class RecordFault:
    """Something in a record that cannot be right; what else the record tells is taken all the same.

    Attributes:
        kind: One of `FAULTS`.
        detail: Which member, without its content, since that may be anything.
    """

    kind: str
    detail: str


FAULTS = {
    "MALFORMED": "no JSON object, or a member of the wrong type",
    "COUNTER_OUT_OF_RANGE": "a counter beyond 2^63-1, which no command can have; not taken",
    "BAD_DEVICE": "no EUI-64",
    "UNKNOWN_ROLE": "a role that has no record",
    "BAD_REQUEST_ID": "no RequestID of the record's device; the number is taken without it",
    "UNREADABLE_MESSAGE": "no GBCS command; the number beside it is taken",
    "MESSAGE_DIFFERS": "not what the JSON beside it says; the message counts",
}
"""Each kind of fault, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a record tells.

    Attributes:
        device: Canonical EUI-64; None where it is about none.
        role: DUIS name; None where it is about none.
        recorded: The state's number.
        seen: The state's number.
        used: Numbers that a command of the ACB had.
        blocks: First and last of runs of numbers that an adjustment named: a command may have had
            each of them.
        floor: The highest number from which a command let a new party start.
        request: Originator and counter of the RequestID that was answered with ``used``' first
            number, ``<EUI-64>:<counter>``.
        event: Stream and offset of the event that was decided; None for commands.
        parked: Why the event was parked; None where it was not.
        unverified: The numbers rest on no signature.
        untold: An adjustment changed something, and no member says which numbers it named.
        acknowledged: It tells of no number: an operator let the partition go on.
        losses: How often commits were lost by then; None where an acknowledgement of an earlier
            release does not say.
    """

    device: str | None = None
    role: str | None = None
    recorded: int | None = None
    seen: int | None = None
    used: tuple[int, ...] = ()
    blocks: tuple[tuple[int, int], ...] = ()
    floor: int | None = None
    request: str | None = None
    event: tuple[str, int] | None = None
    parked: str | None = None
    unverified: bool = False
    untold: bool = False
    acknowledged: bool = False
    losses: int | None = None


def told_by(record: Record, faults: list[RecordFault]) -> Told | None:
    """Read one record; faults are added to ``faults``. None: it tells nothing of numbers."""
    fields = _object(record.value)
    if fields is None:
        faults.append(RecordFault("MALFORMED", "no JSON object"))
        return None
    members = _Members(fields, faults)
    return _command(members) if record.stream == COMMANDS else _decision(members)


def _decision(members: "_Members") -> Told | None:
    kind = members.text("kind")
    if kind in _NO_DECISIONS:
        return None
    if kind == _ACKNOWLEDGEMENT:
        return Told(acknowledged=True, losses=_losses(members))
    stream, offset = members.text("stream"), members.offset("offset")
    if kind not in ("decision", "redecision") or stream is None or offset is None:
        members.fault("MALFORMED", "kind, stream or offset")
        return None
    disposition, reason = members.text("disposition"), members.text("reason")
    parked = None
    if disposition == "PARKED":
        parked = reason if reason is not None and _NAME.fullmatch(reason) else "OTHER"
    event = (stream, offset)
    device = members.device("device_id") if members.has("device_id") else None
    role = members.role("remote_party_role") if members.has("remote_party_role") else None
    answered = _answered(members)
    if role is None and answered:
        # A number that belongs to neither slot counts for that which the other steers clear of.
        role = ROLES[0]
    if device is None or role is None:
        return Told(device=device, event=event, parked=parked)
    recorded, seen = members.counter("recorded_counter"), members.counter("seen_counter")
    blocks: tuple[tuple[int, int], ...] = ()
    if disposition not in _ANSWERS:
        # What a party's own command had is recorded or seen. Of a reading neither rises.
        known = -1 if reason == _READ_BACK else max(recorded or 0, seen or 0)
        blocks = tuple((one, one) for one in answered if one > known)
        answered = ()
    number = members.counter("originator_counter")
    # Elsewhere the RequestID is only what a record of somebody else says.
    answers = disposition == "ISSUED" or reason == "SAME_REQUEST"
    flags = members.get("flags")
    adjusted = _adjusted(members) if members.has("adjusted") else _Adjusted()
    return Told(
        device=device,
        role=role,
        recorded=recorded,
        seen=seen,
        used=tuple(used for used in (number, *answered, adjusted.used) if used is not None),
        blocks=adjusted.blocks + blocks,
        floor=adjusted.floor,
        request=members.request("request_id", device) if number is not None and answers else None,
        event=event,
        parked=parked,
        unverified=isinstance(flags, list) and "UNVERIFIED" in flags,
        untold=reason == "ADJUSTED" and not adjusted.is_whole,
    )


def _losses(members: "_Members") -> int | None:
    told = members.get("losses")
    if told is None or (type(told) is int and 0 <= told <= MOST_LOSSES):
        return told
    members.fault("MALFORMED", "losses")
    return None


def _answered(members: "_Members") -> tuple[int, ...]:
    """Give the numbers of a device's signed answer, which a command had.

    Whose command that was is not told.
    """
    if not isinstance(members.get("message"), dict):
        return ()
    message = members.inside("message")
    kind = message.text("kind")
    if message.text("signature") != "valid" or kind not in ("RESPONSE", "ALERT"):
        return ()
    # The header of an alert has the device's own number.
    header = message.counter("header_counter") if kind == "RESPONSE" else None
    found = (header, message.counter("authorising_seq_number"))
    return tuple(dict.fromkeys(one for one in found if one is not None))


@dataclass(frozen=True, slots=True)
class _Adjusted:
    """What an adjustment said of issued numbers; earlier releases wrote ``at_least`` alone."""

    used: int | None = None
    blocks: tuple[tuple[int, int], ...] = ()
    floor: int | None = None
    is_whole: bool = False


def _adjusted(members: "_Members") -> _Adjusted:
    if not isinstance(members.get("adjusted"), dict):
        return _Adjusted()
    adjusted = members.inside("adjusted")
    raises = adjusted.text("kind") == "issued"
    used = adjusted.counter("at_least") if raises else None
    floor, blocks = adjusted.counter("issued_floor"), adjusted.blocks("issued_blocks")
    if blocks is None:
        return _Adjusted(used, (), floor)
    named = (used, floor) != (None, None) or bool(blocks)
    return _Adjusted(used, blocks, floor, is_whole=named or not raises)


def _command(members: "_Members") -> Told | None:
    """The message is what a device gets, so it decides; the JSON beside it only fills gaps."""
    message = _message(members)
    device, role, number = (
        members.device("device_id"),
        members.role("remote_party_role"),
        members.counter("originator_counter"),
    )
    used: tuple[int | None, ...] = (number,)
    floor = None
    if message is not None:
        cell = message.get("authorising_cell")
        name = cell.get("role") if isinstance(cell, dict) else None
        in_message = message.device("recipient_id"), _ROLE_OF_CELL.get(str(name), role)
        used = message.counter("originator_counter"), message.counter("authorising_seq_number")
        floor = message.counter("floor_seq_number")
        if (*in_message, used[0]) != (device, role, number):
            members.fault("MESSAGE_DIFFERS", "device, role or counter")
        device, role = in_message
    if device is None or role is None:
        return None
    return Told(
        device=device,
        role=role,
        used=tuple(dict.fromkeys(one for one in used if one is not None)),
        floor=floor,
        request=None if used[0] is None else members.request("request_id", device),
    )


def _message(members: "_Members") -> "_Members | None":
    payload = members.text("gbcs_payload")
    try:
        octets = base64.b64decode(payload or "", validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if 0 < len(octets) <= PAYLOAD_OCTETS:
        message = orjson.loads(inspect_message(octets))
        if message["error"] is None and message["kind"] == "COMMAND":
            return _Members(message, members.faults)
    members.fault("UNREADABLE_MESSAGE", "gbcs_payload")
    return None


def _object(value: bytes | None) -> Mapping[str, Any] | None:
    try:
        fields = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None


class _Members:
    """The members of an object from outside, each checked as it is taken."""

    def __init__(self, fields: Mapping[str, Any], faults: list[RecordFault]) -> None:
        self._fields = fields
        self.faults = faults

    def fault(self, kind: str, detail: str) -> None:
        self.faults.append(RecordFault(kind, detail))

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def get(self, name: str) -> object:
        return self._fields.get(name)

    def inside(self, name: str) -> "_Members":
        found = self._fields[name]
        return _Members(found, self.faults)

    def text(self, name: str) -> str | None:
        value = self._fields.get(name)
        if value is None or isinstance(value, str):
            return value
        self.fault("MALFORMED", name)
        return None

    def offset(self, name: str) -> int | None:
        value = self._fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_OFFSET:
            return value
        return None

    def device(self, name: str) -> str | None:
        text = self.text(name)
        canonical = None if text is None else canonical_key(text.encode())
        if canonical is None:
            self.fault("BAD_DEVICE", name)
            return None
        return canonical.decode()

    def role(self, name: str) -> str | None:
        text = self.text(name)
        if text in ROLES:
            return text
        self.fault("UNKNOWN_ROLE", name)
        return None

    def counter(self, name: str) -> int | None:
        """Give a decimal string from 0 to 2^63-1."""
        text = self.text(name)
        if text is None:
            return None
        number = _decimal(text)
        if number is None:
            self.fault("MALFORMED", name)
        elif number > MAX_COUNTER:
            self.fault("COUNTER_OUT_OF_RANGE", name)
            number = None
        return number

    def blocks(self, name: str) -> tuple[tuple[int, int], ...] | None:
        """Give first and last of each run of such numbers; None if one of them cannot be."""
        found = self._fields.get(name)
        found = [] if found is None else found
        if not isinstance(found, list) or len(found) > _MAX_BLOCKS:
            self.fault("MALFORMED", name)
            return None
        runs = []
        for one in found:
            run = _Members(one if isinstance(one, dict) else {}, self.faults)
            first, last = run.counter("first"), run.counter("last")
            if first is None or last is None or first > last:
                self.fault("MALFORMED", name)
                return None
            runs.append((first, last))
        return tuple(runs)

    def request(self, name: str, device: str) -> str | None:
        """Give originator and counter of a RequestID whose target is the device."""
        text = self.text(name)
        if text is None:
            return None
        parts = text.split(":", 3)
        if len(parts) == 3:  # noqa: PLR2004 - originator, target, counter
            originator, target = (canonical_key(part.encode()) for part in parts[:2])
            counter = _decimal(parts[2])
            if (
                originator is not None
                and target == device.encode()
                and counter is not None
                and counter <= _MAX_REQUEST_COUNTER
            ):
                return f"{originator.decode()}:{counter}"
        self.fault("BAD_REQUEST_ID", name)
        return None


def _decimal(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return int(text)
    return None
