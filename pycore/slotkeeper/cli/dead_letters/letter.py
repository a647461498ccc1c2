"""A dead letter: where it stands, where its record stood, and whether it is whole."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import click

from slotkeeper.cli.store import chosen
from slotkeeper.errors import FaultFoundError
from slotkeeper.streams import Message, Record, Streams

STREAM = "dead-letters"
RETRIED_FROM = "retried-from"
"""Header of a record that was sent again: which dead letter it was."""

_PLACE = re.compile(r"(\d{1,6}):(\d{1,18})")


class Place(click.ParamType[tuple[int, int]]):
    """Partition and offset of a dead letter, as ``list`` prints them."""

    name = "place"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int]:
        """Read ``3:17``."""
        found = _PLACE.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no PARTITION:OFFSET, such as 3:17", param, ctx)
        return int(found[1]), int(found[2])


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter."""

    record: Record

    @property
    def headers(self) -> dict[str, str]:
        """Where the record stood, and what was wrong."""
        return {name: value.decode(errors="replace") for name, value in self.record.headers}

    @property
    def place(self) -> str:
        """Partition and offset."""
        return f"{self.record.partition}:{self.record.offset}"

    @property
    def is_cut(self) -> bool:
        """Whether octets of the record, or of its key, are missing."""
        return bool(self.headers.keys() & {"octets", "key-octets", "set-aside"})

    def told(self) -> dict[str, Any]:
        """Give what ``list`` prints."""
        headers = self.headers
        key = self.record.key
        return {
            "at": self.place,
            "stream": headers.get("stream"),
            "partition": headers.get("partition"),
            "offset": headers.get("offset"),
            "key": None if key is None else key.decode(errors="replace"),
            "fault": headers.get("fault"),
            "detail": headers.get("detail"),
            "cut": self.is_cut,
        }

    def again(self, streams: Streams) -> Message:
        """Give the record to be sent again.

        Raises:
            FaultFoundError: It is cut, or stood in no input.
        """
        stream = self.headers.get("stream", "")
        if self.is_cut:
            raise FaultFoundError(f"dead letter {self.place} is cut: its writer has to send it")
        if stream not in streams.layout.inputs:
            raise FaultFoundError(f"dead letter {self.place} stood in no input")
        was = [(RETRIED_FROM, f"{STREAM} {self.place}".encode())]
        return Message(stream, self.record.key, self.record.value, was)


async def letters(streams: Streams) -> AsyncIterator[Letter]:
    """Give all of them, oldest first within a partition."""
    async for records in streams.read(STREAM):
        for record in records:
            yield Letter(record)


async def letter_at(streams: Streams, place: tuple[int, int]) -> Letter:
    """Give one.

    Raises:
        FaultFoundError: There is none.
        WrongUseError: There is no such partition.
    """
    partition, offset = place
    chosen(partition, streams.partitions)
    async for records in streams.read(STREAM, since={partition: offset}):
        if records and records[0].offset == offset:
            return Letter(records[0])
        break
    raise FaultFoundError(f"there is no dead letter {partition}:{offset}")
