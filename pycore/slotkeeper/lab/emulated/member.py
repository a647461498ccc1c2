"""One device of the fleet: what it holds, and what has been told of it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from slotkeeper.lab.commands import CommandPayload
from slotkeeper.lab.gpf import Gpf, Pending
from slotkeeper.lab.terms import Cell, CellUsage, Eui64, KeyUsage, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from slotkeeper.lab.pki import Device

__all__ = ["NEVER", "Member"]

NEVER: Final = 1 << 40
"""The round of what does not happen any more."""


@dataclass(slots=True, kw_only=True)
class Member:
    """A device between two rounds.

    Attributes:
        number: its place in the PKI, from which keys and EUI-64 follow.
        cells: certificates by Trust Anchor Cell.
        wake: the round in which something happens to it next.
        next_act: the round in which a party does something with it.
        supplier: who serves the meter, 0 to 4.
        owner: the operator whose network the meter is in, 1 to 5.
        clock_error: seconds by which its clock is ahead; negative where it is behind.
        numbers: replay numbers by role.
        top_ups: specialist numbers by role.
        pending: future-dated commands.
        alerts: how many Alerts it has sent.
        told: the highest number towards the Network Operator slot that stands in a stream.
        untold: such numbers whose message arrives later, with the round of its arrival.
        left_by: the operator whose number it holds; 0 where it is nobody's.
        replaces: the device whose place it took.
        status: as the inventory has it.
        slot: ids of the certificates in the Network Operator cells, digital signature first, as
            the fleet's file had them.
        owned_by: the owner as the fleet's file had it; 0 for a new device.
    """

    number: int
    cells: dict[Cell, bytes]
    wake: int = NEVER
    next_act: int = NEVER
    supplier: int = 0
    owner: int = 1
    clock_error: int = 0
    numbers: dict[Role, int] = field(default_factory=dict)
    top_ups: dict[Role, int] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)
    alerts: int = 0
    told: int = 0
    untold: list[tuple[int, int]] = field(default_factory=list)
    left_by: int = 0
    replaces: int | None = None
    status: str = "Commissioned"
    slot: tuple[int, int] | None = None
    owned_by: int = 0

    @property
    def held(self) -> int:
        """The number that a command for the Network Operator slot must exceed."""
        return self.numbers.get(Role.NETWORK_OPERATOR, 0)

    def known(self, current: int) -> int:
        """Give the highest number that had been told by a round."""
        return max([self.told, *(number for due, number in self.untold if due <= current)])

    def tell(self, number: int, due: int, current: int) -> None:
        """Note that a message with a number arrives in a round, maybe a later one."""
        if due <= current:
            self.told = max(self.told, number)
        else:
            self.untold.append((due, number))

    def gpf(self, device: Device, moment: datetime) -> Gpf:
        """Make the emulated device, at a moment by the right time."""
        here = moment + timedelta(seconds=self.clock_error)
        gpf = Gpf(device, self.cells, clock=lambda: here)
        gpf.numbers, gpf.specialist_numbers = dict(self.numbers), dict(self.top_ups)
        gpf.pending, gpf.alert_counter = list(self.pending), self.alerts
        return gpf

    def keep(self, gpf: Gpf) -> None:
        """Take over what became of the emulated device."""
        self.cells = gpf.cells
        self.numbers, self.top_ups = gpf.numbers, gpf.specialist_numbers
        self.pending, self.alerts = gpf.pending, gpf.alert_counter

    def octets(self, certificate_id: Callable[[bytes], int]) -> bytes:
        """Write it; certificates stand elsewhere, once, under their ids."""
        return orjson.dumps(
            {
                "cells": [
                    [*_CELLS_BY_CELL[cell], certificate_id(certificate)]
                    for cell, certificate in self.cells.items()
                ],
                "next_act": self.next_act,
                "supplier": self.supplier,
                "owner": self.owner,
                "clock_error": self.clock_error,
                "numbers": {str(role.value): n for role, n in self.numbers.items()},
                "top_ups": {str(role.value): n for role, n in self.top_ups.items()},
                "pending": [
                    [str(one.originator), b64encode(one.command.encode()).decode()]
                    for one in self.pending
                ],
                "alerts": self.alerts,
                "told": self.told,
                "untold": self.untold,
                "left_by": self.left_by,
                "replaces": self.replaces,
                "status": self.status,
            }
        )

    @classmethod
    def of(cls, number: int, wake: int, octets: bytes, certificates: Mapping[int, bytes]) -> Member:
        """Read what :meth:`octets` wrote."""
        told: dict[str, Any] = orjson.loads(octets)
        return cls(
            number=number,
            wake=wake,
            cells={
                Cell(Role(role), _USAGES[usage], CellUsage(cell_usage)): certificates[certificate]
                for role, usage, cell_usage, certificate in told.pop("cells")
            },
            numbers={Role(int(role)): n for role, n in told.pop("numbers").items()},
            top_ups={Role(int(role)): n for role, n in told.pop("top_ups").items()},
            pending=[_pending(*one) for one in told.pop("pending")],
            untold=[(due, n) for due, n in told.pop("untold")],
            **told,
        )


_USAGES: Final = (
    KeyUsage.DIGITAL_SIGNATURE,
    KeyUsage.KEY_AGREEMENT,
    KeyUsage.KEY_CERT_SIGN,
    KeyUsage.CERTIFICATION_AUTHORITY,
)

_CELLS_BY_CELL: Final = {
    Cell(role, usage, cell_usage): (role.value, place, cell_usage.value)
    for role in Role
    for place, usage in enumerate(_USAGES)
    for cell_usage in CellUsage
}


def _pending(originator: str, payload: str) -> Pending:
    command = CommandPayload.decode(b64decode(payload))
    if command.execution is None:
        raise ValueError("a pending command without a time")
    return Pending(command.execution, Eui64.parse(originator), command)
