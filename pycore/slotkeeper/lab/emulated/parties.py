"""Who takes part: operators that count differently, suppliers, the ACB, and how they are named."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from slotkeeper.lab import anchors
from slotkeeper.lab.fleet import GROUPS
from slotkeeper.lab.pki import Organisation, Pki
from slotkeeper.lab.terms import KeyUsage, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from slotkeeper.lab.fleet import Group
    from slotkeeper.lab.pki import Device
    from slotkeeper.lab.terms import Cell

__all__ = ["ACB", "DS", "KA", "SUPPLIERS", "Holder", "Parties", "milliseconds"]

DS: Final = anchors.operator_cell(KeyUsage.DIGITAL_SIGNATURE)
"""The Network Operator's digital-signature cell."""

KA: Final = anchors.operator_cell(KeyUsage.KEY_AGREEMENT)
"""The Network Operator's key-agreement cell."""

SUPPLIERS: Final = 5
"""How many there are."""

_GENERATIONS: Final = 12
"""An operator renews a device's certificates so often, then the first ones come again."""

# As many key pairs as differ from device to device, and few enough to be made in a moment.
_KEY_PAIRS: Final = 1_024


class Holder(NamedTuple):
    """Who stands in a cell: one party, with certificates of one generation."""

    role: Role
    number: int
    generation: int


ACB: Final = Holder(Role.ACCESS_CONTROL_BROKER, 1, 0)
"""The Access Control Broker in a slot."""


class Parties:
    """Everyone, from one seed.

    Attributes:
        pki: keys and certificates.
        acb: the Access Control Broker.
        recovery: who may recover slots.
        operators: how many network operators there are, one for each way of counting.
    """

    def __init__(self, seed: str) -> None:
        """Make the parties that are always needed; the others are made on demand."""
        self.pki = Pki(seed)
        self.acb = self.pki.acb
        self.recovery = self.pki.organisation(Role.RECOVERY)
        self.operators = len(GROUPS)
        self._holders: dict[bytes, Holder] = {}
        self.organisation = functools.lru_cache(maxsize=None)(self._organisation)
        self.device = functools.lru_cache(maxsize=1 << 17)(self._device)
        self._factory_cells = functools.lru_cache(maxsize=None)(self._make_cells)
        self.organisation(ACB)

    def holder(self, cells: Mapping[Cell, bytes], cell: Cell = DS) -> Holder:
        """Tell who stands in a cell.

        Raises:
            KeyError: nobody of these parties.
        """
        certificate = cells[cell]
        if certificate not in self._holders:
            # A fleet that was read from its file has not met all of them yet.
            for _ in self.operator_certificates():
                pass
        return self._holders[certificate]

    def renewed(self, holder: Holder) -> Holder:
        """Name the same party's next certificates; after the last come the first again."""
        return holder._replace(generation=(holder.generation + 1) % _GENERATIONS)

    def group(self, operator: int) -> Group:
        """Tell how an operator counts; the ACB's own commands are no operator's."""
        return GROUPS[(operator - 1) % len(GROUPS)]

    def supplier(self, number: int) -> Organisation:
        """Give a supplier, 0 to ``SUPPLIERS - 1``."""
        return self.organisation(Holder(Role.SUPPLIER, number + 1, 0))

    def factory_cells(self, operator: Holder, supplier: int) -> dict[Cell, bytes]:
        """Give the cells of a new device whose Network Operator cells hold ``operator``."""
        return dict(self._factory_cells(operator, supplier))

    def operator_certificates(self) -> Iterator[tuple[Organisation, Holder]]:
        """Give every generation of every operator, and the ACB."""
        yield self.acb, ACB
        for number in range(1, self.operators + 1):
            for generation in range(_GENERATIONS):
                holder = Holder(Role.NETWORK_OPERATOR, number, generation)
                yield self.organisation(holder), holder

    def _make_cells(self, operator: Holder, supplier: int) -> dict[Cell, bytes]:
        return anchors.factory_anchors(
            self.pki,
            operator=self.organisation(operator),
            supplier=self.supplier(supplier),
            acb=self.acb,
        )

    def _organisation(self, holder: Holder) -> Organisation:
        made = self.pki.organisation(holder.role, holder.number, generation=holder.generation)
        if holder.role is Role.ACCESS_CONTROL_BROKER:
            made = self.acb
        self._holders[made.digital_signature.certificate] = holder
        self._holders[made.key_agreement.certificate] = holder
        return made

    def _device(self, number: int) -> Device:
        return self.pki.device(number, shared_keys=_KEY_PAIRS)


def milliseconds(moment: datetime) -> int:
    """Give milliseconds since 1970 UTC."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
