"""``slotkeeper counters export``: the whole table, with a checksum."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

from slotkeeper.cli.counters.table import described, newest_changes
from slotkeeper.cli.counters.transfer import Exporter, written
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note
from slotkeeper.cli.store import looked_at
from slotkeeper.settings import Settings


@click.command(epilog="Example: slotkeeper counters export counters.jsonl")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@settings_options
def export(*, file: Path, settings: Settings) -> None:
    """Write every device's numbers to FILE or standard output.

    One JSON line for each device and role, in the order of devices, between a line that names the
    format and a last one with the count and the SHA-256 of all lines before it. Numbers whose
    requests are not remembered stand in blocks, so that a line has less than 5 kB. Two exports of
    the same table are the same file. `counters import` reads it.
    """
    with written(file) as out:
        _export(settings, out)


def _export(settings: Settings, out: BinaryIO) -> None:
    changes = asyncio.run(_changes(settings))
    exporter = Exporter(out)
    for key in sorted(changes):
        for entry in entries_of(described(key, changes[key])):
            exporter.add(entry)
    checksum = exporter.finish()
    note(f"{exporter.entries} entries, sha256 {checksum}")


async def _changes(settings: Settings) -> dict[bytes, bytes]:
    async with looked_at(settings) as streams:
        return await newest_changes(streams)


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
            "recorded": marks["recorded"],
            "seen": marks["seen"],
            "issued": marks["issued"],
            "issued_blocks": blocks,
            "request_ids": request_ids,
        }
