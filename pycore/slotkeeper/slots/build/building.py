"""Reads the streams into the files of a build."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from slotkeeper.slots import rule
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.registers.history_text import history_text
from slotkeeper.slots.registers.kinds import CERTIFICATES, PARTIES, REGISTRATIONS, Register
from slotkeeper.slots.registers.records import RefusedError, registration
from slotkeeper.slots.tables import Tables, tables
from slotkeeper.streams import Record, Streams

from . import attempts, history, inventory
from .folder import TABLES, new_build, write_manifest
from .policy import policy_json

AUDIT, INVENTORY = "audit-trail", "smart-metering-inventory"

_TABLES = f"""
CREATE TABLE seen ({history.COLUMNS});
CREATE TABLE tried ({attempts.COLUMNS});
CREATE TABLE told ({inventory.COLUMNS});
CREATE TABLE register (number BIGINT, name VARCHAR, key VARCHAR, record VARCHAR);
"""

_HISTORY = """
COPY (
    WITH changed AS (
        SELECT *, row_number() OVER of_device AS nth,
            lag((ds_eui, ds_key, ka_eui, ka_key, ds_doubtful, ka_doubtful)) OVER of_device
                IS NOT DISTINCT FROM (ds_eui, ds_key, ka_eui, ka_key, ds_doubtful, ka_doubtful)
                AS same
        FROM seen
        WINDOW of_device AS (
            PARTITION BY device, at_source = 'EXISTED' ORDER BY audit_partition, audit_offset)
    )
    SELECT * EXCLUDE (nth, same) FROM changed
    WHERE CASE WHEN at_source = 'EXISTED' THEN nth = 1 WHEN nth > 1 THEN NOT same
        ELSE coalesce(ds_eui, ds_key, ka_eui, ka_key) IS NOT NULL OR ds_doubtful OR ka_doubtful END
    ORDER BY device, audit_partition, audit_offset, "at"
) TO $1 (FORMAT parquet)
"""
"""A row for each change of a cell. What a device's first message names as existing stands before
them all; what later ones name, the rows before have told."""

_ATTEMPTS = """
COPY (SELECT * FROM tried ORDER BY device, audit_partition, audit_offset) TO $1 (FORMAT parquet)
"""

_DEVICES = """
COPY (
    SELECT told.* EXCLUDE (number) FROM told
    JOIN (SELECT device, max(number) AS number FROM told GROUP BY device) USING (device, number)
    WHERE device_type IS NOT NULL ORDER BY device
) TO $1 (FORMAT parquet)
"""

_REGISTER = """
COPY (
    SELECT key, record FROM (
        SELECT key, arg_max(record, number) AS record FROM register WHERE name = $2 GROUP BY key
    ) WHERE record <> '' ORDER BY key
) TO $1 (FORMAT parquet)
"""


async def build(
    streams: Streams,
    folder: Path,
    *,
    policy: Policy,
    now_ms: int,
    advance: Callable[[str, int], None],
) -> Mapping[str, int]:
    """Read all streams and write a build; gives how many records of each were read.

    The registers are read before the inventory and the audit trail last, so that no slot is judged
    by facts that are older than its own.

    Args:
        streams: To be read.
        folder: Of the builds.
        policy: Stands in the manifest, so that a report can be made again as it was.
        now_ms: The time of the build.
        advance: Is told which stream is read and how many records were.

    Raises:
        StoreUnavailableError: Streams cannot be read now, or the disk is full.
        WrongUseError: Streams do not exist yet.
    """
    made_at = datetime.fromtimestamp(now_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    positions: dict[str, dict[str, int]] = {}
    counts: dict[str, int] = {}
    with new_build(folder) as making, tables(making) as made:
        made.run(_TABLES)
        for register in (PARTIES, CERTIFICATES, REGISTRATIONS):
            await _read(streams, register.stream, _Register(made, register), positions, advance)
        await _read(streams, INVENTORY, _Inventory(made), positions, advance)
        await _read(streams, AUDIT, _Audit(made), positions, advance)
        counts = await asyncio.to_thread(_write, made, making)
        about = {
            "made_at": made_at,
            "rule_version": rule.VERSION,
            "policy": policy_json(policy),
            "positions": positions,
            "rows": counts,
        }
        await asyncio.to_thread(write_manifest, making, about)
    return counts


class _Register:
    def __init__(self, made: Tables, register: Register) -> None:
        self._made, self._register, self._number = made, register, 0

    def __call__(self, records: list[Record]) -> None:
        rows = []
        for record in records:
            self._number += 1
            key = (record.key or b"").decode(errors="replace")
            text = self._text(key, record.value)
            if text is not None:
                rows.append((self._number, self._register.name, key, text))
        self._made.add("register", "bigint, varchar, varchar, varchar", rows)

    def _text(self, key: str, value: bytes | None) -> str | None:
        """Give what is kept; empty for a record that is gone, None for one that is passed over."""
        if value is None:
            return ""
        if self._register is REGISTRATIONS:
            try:
                mprn, entries = registration(value)
            except RefusedError:
                return None
            return history_text(entries) if mprn == key else None
        return value.decode(errors="replace")


class _Inventory:
    def __init__(self, made: Tables) -> None:
        self._made, self._number = made, 0

    def __call__(self, records: list[Record]) -> None:
        rows = []
        for record in records:
            self._number += 1
            row = inventory.inventory_row(record.key, record.value, record.partition, self._number)
            if row is not None:
                rows.append(row)
        self._made.add("told", inventory.TYPES, rows)


class _Audit:
    def __init__(self, made: Tables) -> None:
        self._made = made

    def __call__(self, records: list[Record]) -> None:
        rows = [
            row
            for record in records
            if record.value is not None
            for row in history.seen(record.value, record.partition, record.offset)
        ]
        self._made.add("seen", history.TYPES, rows)
        tried = [
            row
            for record in records
            if record.value is not None
            for row in attempts.attempted(record.value, record.partition, record.offset)
        ]
        self._made.add("tried", attempts.TYPES, tried)


async def _read(
    streams: Streams,
    stream: str,
    take: Callable[[list[Record]], None],
    positions: dict[str, dict[str, int]],
    advance: Callable[[str, int], None],
) -> None:
    reached: dict[str, int] = {}
    async for records in streams.read(stream):
        await asyncio.to_thread(take, records)
        reached[str(records[-1].partition)] = records[-1].offset + 1
        advance(stream, len(records))
    positions[stream] = dict(sorted(reached.items()))


def _write(made: Tables, making: Path) -> dict[str, int]:
    made.run(_HISTORY, [str(making / "history.parquet")])
    made.run(_ATTEMPTS, [str(making / "attempts.parquet")])
    made.run(_DEVICES, [str(making / "devices.parquet")])
    for register in (PARTIES, CERTIFICATES, REGISTRATIONS):
        made.run(_REGISTER, [str(making / f"{register.name}.parquet"), register.name])
    return {
        name: made.one("SELECT count(*) FROM read_parquet($1)", [str(making / f"{name}.parquet")])
        for name in TABLES
    }
