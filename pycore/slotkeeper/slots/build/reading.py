"""Reads streams while what was read before is taken, and tells how far it has come."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from slotkeeper.streams import Record, Streams

AHEAD = 4
"""Batches that wait while one is taken; each has a thousand records."""

PASSES = 5
"""Over a stream of which the newest record of a key counts. While it is read somebody may replace
a record that was not read yet; its successor stands behind the end, and is found by the next pass.
Passes shrink fast: the second reads what was written during the first."""


class Advance(Protocol):
    """Is told how far a build has come."""

    def __call__(self, stream: str, offsets: int, total: int) -> None:
        """So many offsets of a stream were passed, and all steps together have ``total``."""


@dataclass
class Progress:
    """What is read in all, and who is told.

    Attributes:
        advance: Is told.
        total: Offsets that are to be passed, in all streams.
    """

    advance: Advance
    total: int = field(default=0)

    def passed(self, stream: str, offsets: int) -> None:
        """Tell that so many offsets were passed."""
        self.advance(stream, offsets, self.total)


async def read_newest(
    streams: Streams,
    stream: str,
    since: Mapping[int, int],
    take: Callable[[list[Record]], None],
    progress: Progress,
) -> dict[int, int]:
    """Read the partitions from these offsets until nothing comes any more; give how far."""
    reached = dict(since)
    for _ in range(PASSES):
        ends = await streams.ends(stream)
        if all(reached[partition] >= ends[partition] for partition in reached):
            break
        await read_on(streams, stream, reached, take, progress)
        reached = {partition: max(at, ends[partition]) for partition, at in reached.items()}
    return reached


async def read_on(
    streams: Streams,
    stream: str,
    since: Mapping[int, int],
    take: Callable[[list[Record]], object],
    progress: Progress,
) -> None:
    """Read the partitions from these offsets to their ends, or until ``take`` gives True.

    ``take`` runs in a thread, while the next records are read.
    """
    waiting: asyncio.Queue[list[Record] | Exception | None] = asyncio.Queue(AHEAD)

    async def read() -> None:
        try:
            async for records in streams.read(stream, since=since):
                await waiting.put(records)
        except Exception as error:  # noqa: BLE001  # whoever waits raises it
            await waiting.put(error)
        else:
            await waiting.put(None)

    reading = asyncio.create_task(read())
    stands = dict(since)
    try:
        while records := await waiting.get():
            if isinstance(records, Exception):
                raise records
            enough = await asyncio.to_thread(take, records)
            last = records[-1]
            progress.passed(stream, last.offset + 1 - stands[last.partition])
            stands[last.partition] = last.offset + 1
            if enough is True:
                return
    finally:
        reading.cancel()
        await asyncio.wait([reading])
