"""The history of a meter point as one text: equal histories are equal texts."""

from collections.abc import Sequence
from datetime import date

import orjson

from slotkeeper.slots.facts import Registered


def history_text(history: Sequence[Registered]) -> str:
    """Write a history, sorted by day, down."""
    return orjson.dumps(
        [[entry.first, entry.gas_network_party, entry.gas_supplier] for entry in history]
    ).decode()


def history_of(text: str | None) -> tuple[Registered, ...]:
    """Read it back; nothing is an empty history."""
    return tuple(
        Registered(first=date.fromisoformat(day), gas_network_party=party, gas_supplier=supplier)
        for day, party, supplier in orjson.loads(text or "[]")
    )
