"""What a device answers to a CS02b command: Response and Alert payloads (GBCS 13.3.3.1).

"Success" is per Trust Anchor Cell: every outcome names the certificate that was in the cell and
the one that is in it now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slotkeeper.lab import der
from slotkeeper.lab.commands import (
    SeqNumberChange,
    decode_cell,
    decode_moment,
    encode_cell,
    encode_moment,
)
from slotkeeper.lab.terms import AlertCode, Cell, Eui64, Mode, Status

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Self

__all__ = ["AlertPayload", "CellOutcome", "ExecutionOutcome", "Occupant", "ResponsePayload"]


@dataclass(frozen=True, slots=True)
class Occupant:
    """Who holds a cell: the certificate's Subject Unique ID and Subject Key Identifier."""

    eui: Eui64
    key_identifier: bytes


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """ReplacementOutcome: a failed cell reports ``replacing`` equal to ``existing``."""

    cell: Cell
    status: Status
    existing: Occupant
    replacing: Occupant

    @classmethod
    def decode(cls, reader: der.Reader) -> Self:
        """Take one."""
        body = reader.enter()
        cell, status = decode_cell(body), Status(body.integer(der.ENUMERATED))
        existing, replacing = _decode_occupant(body), _decode_occupant(body)
        body.finish()
        return cls(cell, status, existing, replacing)

    def encode(self, lengths: der.Lengths) -> bytes:
        """Write it."""
        return der.sequence(
            encode_cell(self.cell),
            der.enumerated(self.status),
            *(
                der.octet_string(field)
                for who in (self.existing, self.replacing)
                for field in (who.eui, who.key_identifier)
            ),
            lengths=lengths,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionOutcome:
    """What came of an executed command.

    Attributes:
        seq_number: the command's authorisingRemotePartySeqNumber.
        mode: the command's mode.
        changes: numbers that were set; often empty.
        cells: one outcome for each replacement, in the command's order.
    """

    seq_number: int
    mode: Mode
    cells: tuple[CellOutcome, ...]
    changes: tuple[SeqNumberChange, ...] = ()

    @classmethod
    def decode(cls, reader: der.Reader) -> Self:
        """Take one."""
        body = reader.enter()
        number, mode = body.integer(), Mode(body.integer())
        listed, changes = body.enter(), []
        while listed.more():
            changes.append(SeqNumberChange.decode(listed))
        listed, cells = body.enter(), []
        while listed.more():
            cells.append(CellOutcome.decode(listed))
        body.finish()
        return cls(seq_number=number, mode=mode, changes=tuple(changes), cells=tuple(cells))

    def encode(self, lengths: der.Lengths) -> bytes:
        """Write it."""
        return der.sequence(
            der.integer(self.seq_number),
            der.integer(self.mode),
            der.sequence(*(one.encode(lengths) for one in self.changes), lengths=lengths),
            der.sequence(*(one.encode(lengths) for one in self.cells), lengths=lengths),
            lengths=lengths,
        )


@dataclass(frozen=True, slots=True)
class ResponsePayload:
    """A Response: without an outcome it only says that a future-dated command was accepted."""

    outcome: ExecutionOutcome | None

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read a payload.

        Raises:
            ValueError: not the structure, an unknown enumerated value, or trailing octets.
        """
        outer = der.Reader(octets)
        body = outer.enter()
        outer.finish()
        if body.take(der.NULL):
            raise der.DerError("commandAccepted has content")
        outcome = ExecutionOutcome.decode(body) if body.more() else None
        body.finish()
        return cls(outcome)

    def encode(self, lengths: der.Lengths = der.Lengths.DEVICE) -> bytes:
        """Write it as a device does, or with minimal lengths."""
        outcome = () if self.outcome is None else (self.outcome.encode(lengths),)
        return der.sequence(der.null(), *outcome, lengths=lengths)


@dataclass(frozen=True, slots=True)
class AlertPayload:
    """The Alert that reports a future-dated command's execution."""

    code: AlertCode
    executed: datetime
    outcome: ExecutionOutcome

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read a payload.

        Raises:
            ValueError: not the structure, an unknown enumerated value, or trailing octets.
        """
        outer = der.Reader(octets)
        body = outer.enter()
        outer.finish()
        code = AlertCode(body.integer())
        executed = decode_moment(body.take(der.GENERALIZED_TIME))
        outcome = ExecutionOutcome.decode(body)
        body.finish()
        return cls(code, executed, outcome)

    def encode(self, lengths: der.Lengths = der.Lengths.DEVICE) -> bytes:
        """Write it as a device does, or with minimal lengths."""
        return der.sequence(
            der.integer(self.code),
            encode_moment(self.executed),
            self.outcome.encode(lengths),
            lengths=lengths,
        )


def _decode_occupant(body: der.Reader) -> Occupant:
    eui, identifier = Eui64(body.take(der.OCTET_STRING)), body.take(der.OCTET_STRING)
    if len(identifier) != 8:  # noqa: PLR2004 - the profile's key identifiers
        raise der.DerError(f"a key identifier of {len(identifier)} octets")
    return Occupant(eui, identifier)
