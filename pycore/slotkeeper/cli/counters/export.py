"""``slotkeeper counters export``: the whole table, with a checksum."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

from slotkeeper.cli.counters.table import Table, described, whole_table
from slotkeeper.cli.counters.transfer import Exporter, written
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note
from slotkeeper.cli.store import looked_at
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings

_TOLD = 10
"""Devices that are named; the file has them all."""


@click.command(epilog="Example: slotkeeper counters export counters.jsonl")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@settings_options
def export(*, file: Path, settings: Settings) -> None:
    """Write every device's numbers, and what is parked, to FILE or standard output.

    One JSON line for each device and role, in the order of devices, then one for each parked record
    of the device, between a line that names the format and a last one with the count and the
    SHA-256 of all lines before it. Numbers whose requests are not remembered stand in blocks, so
    that a line of numbers has less than 5 kB. Two exports of the same table are the same file.
    `counters import` reads it.

    Exit status 1: FILE is whole, and the records of some devices are damaged. `counters import`
    refuses them: numbers that nobody knows are missing in it.
    """
    with written(file) as out:
        damaged = _export(settings, out)
    if damaged:
        more = f" and {len(damaged) - _TOLD} more" if len(damaged) > _TOLD else ""
        raise FaultFoundError(
            f"damaged are the records of {', '.join(damaged[:_TOLD])}{more}: `slotkeeper counters "
            "show DEVICE` says what to raise; then export again, `counters import` refuses this "
            "file"
        )


def _export(settings: Settings, out: BinaryIO) -> list[str]:
    """Write the table; gives the devices whose record is damaged."""
    table = asyncio.run(_table(settings))
    exporter = Exporter(out, losses=table.losses)
    damaged: list[str] = []
    parked = 0
    # A device's own key is the beginning of those of its parked records.
    for key in sorted(table.changes):
        change = described(key, table.changes[key])
        if change["kind"] == "parked":
            exporter.add(_parked(change))
            parked += 1
            continue
        if change["damaged_roles"]:
            damaged.append(change["device_id"])
        for entry in entries_of(change):
            exporter.add(entry)
    checksum = exporter.finish()
    note(f"{exporter.entries} entries, {parked} of them parked records, sha256 {checksum}")
    return damaged


async def _table(settings: Settings) -> Table:
    async with looked_at(settings) as streams:
        return await whole_table(streams)


def _parked(change: dict[str, Any]) -> dict[str, Any]:
    """Give the entry of a record that waits: it is published again as it came."""
    return {name: change[name] for name in ("device_id", "stream", "value")}


def entries_of(change: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give an entry for each role of a device's record."""
    device = change["device_id"]
    for role, marks in change["roles"].items():
        blocks = [
            [one["first"], one["last"]]
            for one in change["issued_blocks"]
            if one["remote_party_role"] == role
        ]
        request_ids: dict[str, str] = {}
        for one in change["requests"]:
            if one["remote_party_role"] != role:
                continue
            request_id = f"{one['originator_id']}:{device}:{one['request_counter']}"
            number = one["originator_counter"]
            if request_id in request_ids:
                # A repeat after it was forgotten: both numbers are used, the higher one is told.
                lower, number = sorted((request_ids[request_id], number), key=int)
                blocks.append([lower, lower])
            request_ids[request_id] = number
        yield {
            "device_id": device,
            "remote_party_role": role,
            **({"damaged": True} if role in change["damaged_roles"] else {}),
            "recorded": marks["recorded"],
            "seen": marks["seen"],
            "issued": marks["issued"],
            "issued_blocks": blocks,
            "request_ids": request_ids,
        }
