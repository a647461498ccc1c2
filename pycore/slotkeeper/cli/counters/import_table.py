"""``slotkeeper counters import``: an exported table into the adjustments."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from slotkeeper.cli.counters.adjustments import (
    adjustment_options,
    message_of,
    need_two_persons,
)
from slotkeeper.cli.counters.transfer import entries, verify
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note, progress
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, open_streams

_BATCH = 1000
"""Adjustments of some 300 octets each, written in one transaction."""


@click.command(
    "import",
    epilog="Example: slotkeeper counters import counters.jsonl --reason 'new operator of the DSP' "
    "--by ann --by bob",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@adjustment_options
@settings_options
def import_table(*, file: Path, reason: str, by: tuple[str, ...], settings: Settings) -> None:
    """Publish what `counters export` wrote to FILE as counter-adjustments.

    The checksum is verified before anything is published. The worker takes the larger of both
    numbers everywhere, so that an import may be repeated and lowers nothing.
    """
    checksum = verify(file)
    need_two_persons(settings, by, _highest(file))
    source = f"import of {file.name}, sha256 {checksum}"
    messages = (
        message_of(device_id, role, reason=reason, by=by, source=source, **numbers)
        for device_id, role, numbers in _adjustments(file)
    )
    published = asyncio.run(_publish(settings, messages))
    note(f"{published} adjustments published; a running worker applies them in order")


def _adjustments(file: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for entry in entries(file):
        device_id, role = entry["device_id"], entry["remote_party_role"]
        for kind in ("recorded", "seen"):
            if entry[kind] is not None:
                yield device_id, role, {"kind": kind, "at_least": entry[kind]}
        if entry["issued_numbers"] or entry["request_ids"]:
            yield (
                device_id,
                role,
                {
                    "kind": "issued",
                    "issued_numbers": entry["issued_numbers"],
                    "request_ids": entry["request_ids"],
                },
            )


def _highest(file: Path) -> int:
    return max(
        (
            int(number)
            for _, _, numbers in _adjustments(file)
            for number in (
                numbers.get("at_least", 0),
                *numbers.get("issued_numbers", ()),
                *numbers.get("request_ids", {}).values(),
            )
        ),
        default=0,
    )


async def _publish(settings: Settings, messages: Iterator[Message]) -> int:
    published = 0
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        with progress("publishing adjustments") as advance:
            while batch := list(islice(messages, _BATCH)):
                await streams.publish(batch)
                published += len(batch)
                advance.by(len(batch))
    return published
