"""What an inventory record says of a device, as far as reports need it."""

import re
from datetime import date
from typing import Any, NamedTuple

import orjson

from slotkeeper._core import canonical_key
from slotkeeper.slots.registers.records import RefusedError, party_id, plain_text

COLUMNS = (
    "number BIGINT, device VARCHAR, partition INTEGER, device_type VARCHAR, status VARCHAR, "
    "smets_version VARCHAR, commissioned_on DATE, mprn VARCHAR, gas_network_party VARCHAR, "
    "gpf VARCHAR, replaces VARCHAR"
)
TYPES = (
    "bigint, varchar, integer, varchar, varchar, varchar, date, varchar, varchar, varchar, varchar"
)

_MAX_MPRN = 10
"""Characters (DUIS 5.4, MPRN)."""

_WORD = re.compile(r"[A-Za-z0-9_ -]{1,40}")


class InventoryRow(NamedTuple):
    """A device, in the order of the columns; ``device_type`` is None where it is gone."""

    number: int
    device: str
    partition: int
    device_type: str | None = None
    status: str | None = None
    smets_version: str | None = None
    commissioned_on: date | None = None
    mprn: str | None = None
    gas_network_party: str | None = None
    gpf: str | None = None
    replaces: str | None = None


def inventory_row(
    key: bytes | None, octets: bytes | None, partition: int, number: int
) -> InventoryRow | None:
    """Read a record of the inventory; None for one that cannot be used.

    A member that cannot be believed is left out: the device is judged without it.
    """
    device = canonical_key(key or b"")
    if device is None:
        return None
    row = InventoryRow(number, device.decode(), partition)
    if octets is None:
        return row
    try:
        record = orjson.loads(octets)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict):
        return None
    return row._replace(
        device_type=_word(record.get("device_type")) or "",
        status=_word(record.get("status")) or "",
        smets_version=_word(record.get("smets_version")) or "SMETS2",
        commissioned_on=_day(record.get("commissioned_on") or record.get("commissioned_at")),
        mprn=_mprn(record.get("mprn")),
        gas_network_party=_party(record.get("gas_network_party")),
        gpf=_device(record.get("gpf")),
        replaces=_device(record.get("replaces")),
    )


def _word(value: Any) -> str | None:  # noqa: ANN401  # whatever stands in a record
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _day(value: Any) -> date | None:  # noqa: ANN401
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _mprn(value: Any) -> str | None:  # noqa: ANN401
    try:
        return plain_text(value, "mprn", at_most=_MAX_MPRN) or None
    except RefusedError:
        return None


def _party(value: Any) -> str | None:  # noqa: ANN401
    try:
        return party_id(value, "gas_network_party")
    except RefusedError:
        return None


def _device(value: Any) -> str | None:  # noqa: ANN401
    device = canonical_key(value.encode(errors="replace")) if isinstance(value, str) else None
    return device.decode() if device else None
