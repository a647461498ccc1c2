"""The CS02b command payload: Update Security Credentials (GBCS 13.3.3.2).

The same shape serves SRV 6.15.1, 6.21, 6.23 and 8.5, recovery and contingency; the mode tells
them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slotkeeper.lab import der
from slotkeeper.lab.terms import Cell, CellUsage, KeyUsage, Mode, Role

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "CANCELLATION",
    "CommandPayload",
    "Replacement",
    "SeqNumberChange",
    "decode_cell",
    "decode_moment",
    "encode_cell",
    "encode_moment",
]

CANCELLATION = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The executionDateTime that takes a future-dated command back."""

_APPLY_TIME_CHECKS = 0x81
_SYMMETRIC_KEY = 0x80
_AUTHORISING_CELL = 0xA2
_AUTHORISING_NUMBER = 0x83
_FLOOR = 0x84
_SPECIALIST_FLOORS = 0xA5
_OTHER_CHANGES = 0xA6
_DISAPPLY = 1
_TOP_UP = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeqNumberChange:
    """A number that a role is set to: a floor of the command, or what a response reports.

    Attributes:
        role: whose number.
        floor: 0 to 2**63 - 1.
        top_up: the specialist number for prepayment top-ups, where there is one.
    """

    role: Role
    floor: int
    top_up: int | None = None

    @classmethod
    def decode(cls, reader: der.Reader) -> Self:
        """Take one RemotePartySeqNumberChange."""
        body = reader.enter()
        role, floor = Role(body.integer()), body.integer()
        top_up = _decode_specialist(body.enter()) if body.more() else None
        body.finish()
        return cls(role=role, floor=floor, top_up=top_up)

    def encode(self, lengths: der.Lengths = der.Lengths.MINIMAL) -> bytes:
        """Write it."""
        parts = [der.integer(self.role), der.integer(self.floor)]
        if self.top_up is not None:
            parts.append(der.sequence(_encode_specialist(self.top_up)))
        return der.sequence(*parts, lengths=lengths)


@dataclass(frozen=True, slots=True)
class Replacement:
    """A certificate and the cell that it is meant for."""

    certificate: bytes
    target: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPayload:
    """What a CS02b command asks of a device.

    Attributes:
        mode: credentialsReplacementMode.
        seq_number: authorisingRemotePartySeqNumber, equal to the header's Originator Counter.
        authorising_cell: always present for a device of a Communications Hub.
        floor: newRemotePartyFloorSeqNumber, which sets the authorising role's number.
        top_up_floor: the specialist number that goes with a new supplier.
        other_changes: numbers of other roles, in order.
        symmetric_key: plaintextSymmetricKey, mode 9 only.
        apply_time_checks: whether certificate times count.
        replacements: at least one, in order.
        path: certificates of the certification path.
        execution: None for at once; :data:`CANCELLATION` takes a pending command back.
    """

    mode: Mode
    seq_number: int
    replacements: tuple[Replacement, ...]
    path: tuple[bytes, ...]
    authorising_cell: Cell | None = None
    floor: int | None = None
    top_up_floor: int | None = None
    other_changes: tuple[SeqNumberChange, ...] = ()
    symmetric_key: bytes | None = None
    apply_time_checks: bool = True
    execution: datetime | None = None

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read a payload.

        Raises:
            ValueError: not the structure, an unknown enumerated value, or trailing octets.
        """
        outer = der.Reader(octets)
        body = outer.enter()
        outer.finish()
        control = body.enter()
        mode = Mode(control.integer())
        key = control.take(_SYMMETRIC_KEY) if control.peek() == _SYMMETRIC_KEY else None
        disapply = control.peek() == _APPLY_TIME_CHECKS
        if disapply and control.integer(_APPLY_TIME_CHECKS) != _DISAPPLY:
            raise der.DerError("applyTimeBasedCPVChecks is encoded although it has its default")
        cell = None
        if control.peek() == _AUTHORISING_CELL:
            cell = _decode_cell_content(control.enter(_AUTHORISING_CELL))
        number = control.integer(_AUTHORISING_NUMBER)
        floor = control.integer(_FLOOR) if control.peek() == _FLOOR else None
        top_up = None
        if control.peek() == _SPECIALIST_FLOORS:
            top_up = _decode_specialist(control.enter(_SPECIALIST_FLOORS))
        changes = []
        if control.peek() == _OTHER_CHANGES:
            listed = control.enter(_OTHER_CHANGES)
            while listed.more():
                changes.append(SeqNumberChange.decode(listed))
        control.finish()
        replacements, path = _decode_replacements(body.enter()), _decode_path(body.enter())
        execution = None
        if body.more():
            execution = decode_moment(body.take(der.GENERALIZED_TIME))
        body.finish()
        return cls(
            mode=mode,
            seq_number=number,
            replacements=replacements,
            path=path,
            authorising_cell=cell,
            floor=floor,
            top_up_floor=top_up,
            other_changes=tuple(changes),
            symmetric_key=key,
            apply_time_checks=not disapply,
            execution=execution,
        )

    def encode(self) -> bytes:
        """Write the payload with minimal lengths."""
        replacements = der.sequence(
            *(der.sequence(one.certificate, encode_cell(one.target)) for one in self.replacements)
        )
        parts = [self._encode_control(), replacements, der.sequence(*self.path)]
        if self.execution is not None:
            parts.append(encode_moment(self.execution))
        return der.sequence(*parts)

    def _encode_control(self) -> bytes:
        parts = [der.integer(self.mode)]
        if self.symmetric_key is not None:
            parts.append(der.encode(_SYMMETRIC_KEY, self.symmetric_key))
        if not self.apply_time_checks:
            parts.append(der.integer(_DISAPPLY, _APPLY_TIME_CHECKS))
        if self.authorising_cell is not None:
            parts.append(encode_cell(self.authorising_cell, _AUTHORISING_CELL))
        parts.append(der.integer(self.seq_number, _AUTHORISING_NUMBER))
        if self.floor is not None:
            parts.append(der.integer(self.floor, _FLOOR))
        if self.top_up_floor is not None:
            parts.append(
                der.sequence(_encode_specialist(self.top_up_floor), tag=_SPECIALIST_FLOORS)
            )
        if self.other_changes:
            parts.append(
                der.sequence(*(one.encode() for one in self.other_changes), tag=_OTHER_CHANGES)
            )
        return der.sequence(*parts)


def encode_cell(cell: Cell, tag: int = der.SEQUENCE) -> bytes:
    """Write a TrustAnchorCellIdentifier; the default cellUsage is left out."""
    parts = [der.integer(cell.role), der.bit_string(cell.key_usage.value)]
    if cell.cell_usage is not CellUsage.MANAGEMENT:
        parts.append(der.integer(cell.cell_usage))
    return der.sequence(*parts, tag=tag)


def decode_cell(reader: der.Reader) -> Cell:
    """Take a TrustAnchorCellIdentifier."""
    return _decode_cell_content(reader.enter())


def encode_moment(moment: datetime) -> bytes:
    """Write a GeneralizedTime of 15 octets."""
    text = moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")
    return der.encode(der.GENERALIZED_TIME, text.encode("ascii"))


def decode_moment(content: bytes) -> datetime:
    """Read the content of a GeneralizedTime.

    Raises:
        ValueError: not ``YYYYMMDDhhmmssZ``.
    """
    return datetime.strptime(content.decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _decode_cell_content(body: der.Reader) -> Cell:
    role, usage = Role(body.integer()), KeyUsage(body.take(der.BIT_STRING))
    cell_usage = CellUsage(body.integer()) if body.more() else CellUsage.MANAGEMENT
    body.finish()
    return Cell(role, usage, cell_usage)


def _encode_specialist(number: int) -> bytes:
    return der.sequence(der.integer(_TOP_UP), der.integer(number))


def _decode_specialist(listed: der.Reader) -> int:
    one = listed.enter()
    if one.integer() != _TOP_UP:
        raise der.DerError("a specialist number that is not for top-ups")
    number = one.integer()
    one.finish()
    listed.finish()
    return number


def _decode_replacements(listed: der.Reader) -> tuple[Replacement, ...]:
    found = []
    while listed.more():
        one = listed.enter()
        found.append(Replacement(one.whole(der.SEQUENCE), decode_cell(one)))
        one.finish()
    return tuple(found)


def _decode_path(listed: der.Reader) -> tuple[bytes, ...]:
    found = []
    while listed.more():
        found.append(listed.whole(der.SEQUENCE))
    return tuple(found)
