"""What is kept: plain dictionaries, copied whole for a batch that may not be committed."""

from typing import Any

from .numbers import ROLE_NAMES, empty_role
from .reading import Json
from .slots import empty_slot

RETIRED = ("Decommissioned", "Withdrawn")


def empty_table() -> Json:
    return {
        "devices": {},
        "inventory": {},
        "parked": [],
        "register": {},
        "register_moved": False,
        "parties": {},
        "arrivals": 0,
        "burned": {},
        "allocated": {},
        "rollbacks": 0,
        "judge_again": False,
    }


def overlay(table: Json) -> Json:
    """Copy all that is changed in place; a message that was read is shared, since nobody does."""
    return {name: copied(kept) for name, kept in table.items() if name != "parked"} | {
        "parked": [dict(one) for one in table["parked"]]
    }


def copied(kept: Any) -> Any:  # noqa: ANN401 - whatever a table holds
    """Copy what is kept, in plain dictionaries and lists."""
    if isinstance(kept, dict):
        return {name: copied(one) for name, one in kept.items()}
    return [copied(one) for one in kept] if isinstance(kept, list) else kept


def row_of(table: Json, device: str) -> Json:
    """Give what is kept of a device, or what would be of one that nothing is known of."""
    found: Json | None = table["devices"].get(device)
    return _empty_row() if found is None else found


def device_row(table: Json, device: str) -> Json:
    """Give what is kept of a device, to be changed."""
    row: Json = table["devices"].setdefault(device, _empty_row())
    return row


def _empty_row() -> Json:
    return {
        "roles": {role: empty_role() for role in ROLE_NAMES},
        "slots": {role: empty_slot() for role in ROLE_NAMES},
        "messages": [],
        "had_certificate": False,
        "evicted": False,
        "dropped": False,
        "damaged": [],
    }


def known_as(table: Json, device: str) -> Json | None:
    """Give what the inventory says; of a GPF whose record is gone, that it was one."""
    known: Json | None = table["inventory"].get(device)
    if known is None and row_of(table, device)["dropped"]:
        return {
            "type": "GPF",
            "status": None,
            "smets": "SMETS2",
            "signing": None,
            "agreement": None,
            "acb_agreement": None,
            "gone": True,
        }
    return known


def is_retired(known: Json) -> bool:
    return known["gone"] or known["status"] in RETIRED
