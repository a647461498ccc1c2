"""What the registers say of a lab's parties and meters, as records of their streams.

Shapes: ``gas-network-parties`` and ``gas-registrations`` of the streams' contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slotkeeper.lab.pki import NOT_BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from slotkeeper.lab.terms import Eui64

__all__ = ["operator_id", "party", "registration", "supplier_id"]


def operator_id(number: int) -> str:
    """Name an operator as a party."""
    return f"GNO-{number}"


def supplier_id(number: int) -> str:
    """Name a supplier."""
    return f"SUP-{number}"


def party(number: int, eui: Eui64) -> dict[str, Any]:
    """Give the record of a network operator that has always been a DCC User."""
    return {
        "party_id": operator_id(number),
        "name": f"Test network operator {number}",
        "kind": "GNO",
        "eui64": [str(eui)],
        "dcc_user": [{"from": NOT_BEFORE.date().isoformat()}],
        "exits": [],
        "by": ["slotkeeper lab"],
    }


def registration(mprn: str, history: Iterable[tuple[datetime, int, int]]) -> dict[str, Any]:
    """Give the record of a meter point.

    Args:
        mprn: of the meter point.
        history: since when, operator, supplier; the last of a day counts.
    """
    days = {since.date().isoformat(): parties for since, *parties in history}
    return {
        "mprn": mprn,
        "history": [
            {
                "from": day,
                "gas_network_party": operator_id(operator),
                "gas_supplier": supplier_id(supplier),
            }
            for day, (operator, supplier) in sorted(days.items())
        ],
    }
