"""``slotkeeper slots import``: what stood in the slots when a fleet was taken over."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click

from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, progress, write_json_line
from slotkeeper.cli.registers.shown import printable
from slotkeeper.errors import FaultFoundError, WrongUseError
from slotkeeper.settings import Settings
from slotkeeper.slots.baselines import STREAM, Baseline, baselines
from slotkeeper.slots.registers.records import RefusedError
from slotkeeper.streams import Message, open_streams

_AT_ONCE = 1_000
"""Records in one call of the streams: a few hundred kilobytes."""

_MOST_NAMED = 200
"""Refused rows that are named one by one."""


@click.command(name="import", epilog="Example: slotkeeper slots import baseline.csv")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@settings_options
@json_option
def import_(*, file: Path, settings: Settings, as_json: bool) -> None:
    """Publish who stood in Network Operator slots on a day (CSV or JSON lines).

    A baseline begins what is known of a slot of which no message has told; where messages tell more
    it changes nothing. A row that cannot be right is refused with its reason and the others are
    taken; the exit status is 1 then.
    """
    reading = _Reading(file, as_json=as_json)
    try:
        asyncio.run(_publish(reading, settings))
    except (RefusedError, OSError) as wrong:
        raise WrongUseError(f"{printable(file.name)}: {printable(str(wrong))}") from None
    if as_json:
        write_json_line({"published": reading.published, "refused": reading.refused})
    else:
        note(f"{reading.published} baselines published, {reading.refused} refused")
    if reading.refused:
        raise FaultFoundError(f"{reading.refused} rows were refused")


async def _publish(reading: "_Reading", settings: Settings) -> None:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        with progress("publishing baselines (octets)", reading.octets) as bar:
            rows = reading.rows()
            while batch := list(islice(rows, _AT_ONCE)):
                messages = [Message(STREAM, one.device_id.encode(), one.value) for one in batch]
                await streams.publish(messages)
                reading.published += len(messages)
                bar.to(reading.read)


class _Reading:
    """A file's good rows; the others are told as they are met."""

    def __init__(self, file: Path, *, as_json: bool) -> None:
        self.octets = file.stat().st_size
        self.read = self.published = self.refused = 0
        self._file = file
        self._as_json = as_json

    def rows(self) -> Iterator[Baseline]:
        name = printable(self._file.name)
        for number, row in baselines(self._file, name.lstrip("=+-@ ") or "file", self._advance):
            if isinstance(row, Baseline):
                yield row
                continue
            self.refused += 1
            if self._as_json:
                write_json_line({"refused": {"row": number, "reason": str(row)}})
            elif self.refused <= _MOST_NAMED:
                note(f"{name}: row {number}: refused: {printable(str(row))}")

    def _advance(self, octets: int) -> None:
        self.read += octets
