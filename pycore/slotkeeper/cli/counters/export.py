"""``slotkeeper counters export``: the whole table, with a checksum."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

from slotkeeper.cli.counters.table import described, newest_changes
from slotkeeper.cli.counters.transfer import Exporter
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams


@click.command(epilog="Example: slotkeeper counters export counters.jsonl")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@settings_options
def export(*, file: Path, settings: Settings) -> None:
    """Write every device's numbers to FILE or standard output.

    One JSON line for each device and role, in the order of devices, between a line that names the
    format and a last one with the count and the SHA-256 of all lines before it. Two exports of the
    same table are the same file. `counters import` reads it.
    """
    if str(file) == "-":
        _export(settings, sys.stdout.buffer)
        return
    with file.open("wb") as out:
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
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        return await newest_changes(streams)


def entries_of(change: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give an entry for each role of a device's record."""
    older = change["older_issued"]
    for role, marks in change["roles"].items():
        issued = [one["originator_counter"] for one in older if one["remote_party_role"] == role]
        if marks["issued"] is not None:
            issued.append(marks["issued"])
        yield {
            "device_id": change["device_id"],
            "remote_party_role": role,
            "recorded": marks["recorded"],
            "seen": marks["seen"],
            "issued_numbers": sorted(issued, key=int),
            # A number is issued once to a device, so it tells the role of its request.
            "request_ids": {
                f"{one['originator_id']}:{change['device_id']}:{one['request_counter']}": one[
                    "originator_counter"
                ]
                for one in change["requests"]
                if one["originator_counter"] in issued
            },
        }
