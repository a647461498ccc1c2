"""``slotkeeper counters export``: the whole table, with a checksum."""

import asyncio
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

import click

from slotkeeper.cli.counters.entry import ROLES
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
            f"damaged are the records of {', '.join(damaged[:_TOLD])}{more}, and `counters import` "
            "refuses this file: let a worker run, mend them as `slotkeeper counters show DEVICE` "
            "says, and export again; where no worker can run, `slotkeeper counters rebuild`"
        )


def _export(settings: Settings, out: BinaryIO) -> list[str]:
    """Write the table; gives the devices of which a record is damaged."""
    table = asyncio.run(_table(settings))
    for partition, objection in sorted(table.objections.items()):
        note(f"partition {partition}, counted as a loss of commits: {objection}")
    exporter = Exporter(out, losses=table.losses)
    damaged: list[str] = []
    parked = 0
    # A device's own key is the beginning of those of its parked records.
    for device, keys in groupby(sorted(table.changes), lambda key: key.partition(b"/")[0]):
        records = [described(key, table.changes[key], damaged=True) for key in keys]
        waiting = [one for one in records if one["kind"] == "parked"]
        of_device = [one for one in records if one["kind"] == "device"]
        [own] = of_device or [_nothing(device.decode())]
        if any(one["kind"] == "damaged" for one in records):
            own["damaged_roles"] = list(ROLES)
        if own["damaged_roles"]:
            damaged.append(own["device_id"])
        for entry in entries_of(own):
            exporter.add(entry)
        for one in sorted(waiting, key=lambda one: one["arrival"]):
            exporter.add({name: one[name] for name in ("device_id", "stream", "value")})
        parked += len(waiting)
    checksum = exporter.finish()
    note(f"{exporter.entries} entries, {parked} of them parked records, sha256 {checksum}")
    return damaged


async def _table(settings: Settings) -> Table:
    async with looked_at(settings) as streams:
        return await whole_table(streams)


def _nothing(device: str) -> dict[str, Any]:
    """Give the record of a device of which none can be read."""
    return {
        "device_id": device,
        "damaged_roles": [],
        "roles": {},
        "issued_blocks": [],
        "requests": [],
    }


def entries_of(change: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give an entry for each role of a device's record."""
    device = change["device_id"]
    for role in ROLES:
        marks = change["roles"].get(role)
        is_damaged = role in change["damaged_roles"]
        if marks is None and not is_damaged:
            continue
        marks = marks or {}
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
            **({"damaged": True} if is_damaged else {}),
            **{name: marks.get(name) for name in ("recorded", "seen", "issued")},
            "issued_blocks": blocks,
            "request_ids": request_ids,
        }
