"""CS02a, Provide Security Credential Details (SRV 6.24.1): which certificate is in which cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slotkeeper.lab import der
from slotkeeper.lab.commands import decode_cell, encode_cell
from slotkeeper.lab.outcomes import Occupant
from slotkeeper.lab.terms import Cell, CellUsage, Eui64, KeyUsage, Role, Status

if TYPE_CHECKING:
    from typing import Self

__all__ = ["CredentialsCommand", "CredentialsResponse", "RoleCredentials"]


@dataclass(frozen=True, slots=True)
class CredentialsCommand:
    """Asks for the cells of some roles."""

    authorising_cell: Cell
    roles: tuple[Role, ...]

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read a payload.

        Raises:
            ValueError: not the structure.
        """
        outer = der.Reader(octets)
        body = outer.enter()
        outer.finish()
        cell, listed, roles = decode_cell(body), body.enter(), []
        while listed.more():
            roles.append(Role(listed.integer()))
        body.finish()
        return cls(cell, tuple(roles))

    def encode(self) -> bytes:
        """Write the payload."""
        return der.sequence(
            encode_cell(self.authorising_cell),
            der.sequence(*(der.integer(role) for role in self.roles)),
        )


@dataclass(frozen=True, slots=True)
class RoleCredentials:
    """One role's number and cells; an absent role has status trustAnchorNotFound and no cells."""

    role: Role
    status: Status
    seq_number: int | None
    cells: tuple[tuple[Cell, Occupant], ...]

    @classmethod
    def decode(cls, reader: der.Reader) -> Self:
        """Take one RemotePartyDetails."""
        body = reader.enter()
        role, status = Role(body.integer()), Status(body.integer(der.ENUMERATED))
        number = body.integer() if body.peek() == der.INTEGER else None
        cells = []
        if body.more():
            listed = body.enter()
            while listed.more():
                cells.append(_decode_contents(role, listed.enter()))
        body.finish()
        return cls(role, status, number, tuple(cells))

    def encode(self, lengths: der.Lengths) -> bytes:
        """Write it."""
        parts = [der.integer(self.role), der.enumerated(self.status)]
        if self.seq_number is not None:
            parts.append(der.integer(self.seq_number))
        if self.cells:
            parts.append(
                der.sequence(*(_encode_contents(*one) for one in self.cells), lengths=lengths)
            )
        return der.sequence(*parts, lengths=lengths)


@dataclass(frozen=True, slots=True)
class CredentialsResponse:
    """The device's answer, role by role."""

    roles: tuple[RoleCredentials, ...]

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read a payload.

        Raises:
            ValueError: not the structure.
        """
        outer = der.Reader(octets)
        listed, roles = outer.enter(), []
        outer.finish()
        while listed.more():
            roles.append(RoleCredentials.decode(listed))
        return cls(tuple(roles))

    def encode(self, lengths: der.Lengths = der.Lengths.DEVICE) -> bytes:
        """Write it as a device does, or with minimal lengths."""
        return der.sequence(*(one.encode(lengths) for one in self.roles), lengths=lengths)


def _encode_contents(cell: Cell, occupant: Occupant) -> bytes:
    parts = [der.bit_string(cell.key_usage.value)]
    if cell.cell_usage is not CellUsage.MANAGEMENT:
        parts.append(der.integer(cell.cell_usage))
    parts += [der.octet_string(occupant.eui), der.octet_string(occupant.key_identifier)]
    return der.sequence(*parts)


def _decode_contents(role: Role, body: der.Reader) -> tuple[Cell, Occupant]:
    key_usage = KeyUsage(body.take(der.BIT_STRING))
    usage = CellUsage(body.integer()) if body.peek() == der.INTEGER else CellUsage.MANAGEMENT
    occupant = Occupant(Eui64(body.take(der.OCTET_STRING)), body.take(der.OCTET_STRING))
    body.finish()
    return Cell(role, key_usage, usage), occupant
