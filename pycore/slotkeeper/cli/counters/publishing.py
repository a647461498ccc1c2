"""Publishing an exported table into a store that counts the losses of the one it comes from."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from slotkeeper.acts import PersonKey
from slotkeeper.cli.counters.signing import Signing, prepare
from slotkeeper.cli.output import progress
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Streams, open_streams
from slotkeeper.worker import losses

_MESSAGES = 1_000
_OCTETS = 4 << 20
"""Of one transaction: a thousand adjustments have some 300 kB, and one record that waits 64."""


class Publishing:
    """Opens the streams for each thing that is published, and looks at the losses first."""

    def __init__(self, settings: Settings, lost: Sequence[int] | None) -> None:
        """Publish nothing yet.

        Args:
            settings: Of the store.
            lost: How often commits were lost, by partition of the store that was exported; None
                where that is not known.
        """
        self._settings = settings
        self._lost = lost or ()

    async def all(self, messages: Iterator[Message], key: PersonKey | None) -> int:
        """Publish, signed where there is a key; how many.

        Raises:
            FaultFoundError: The store counts fewer losses. Nothing was published.
        """
        published = 0
        async with self._opened() as streams:
            if key is not None:
                messages = map((await Signing.of(streams, key)).signed, messages)
            with progress("publishing") as advance:
                for batch in _batches(messages):
                    await streams.publish(batch)
                    published += len(batch)
                    advance.by(len(batch))
        return published

    async def prepare(self, out: Path, messages: Iterator[Message], key: PersonKey | None) -> None:
        """Write a file for the next person.

        Raises:
            FaultFoundError: The store counts fewer losses. No file was written.
        """
        async with self._opened() as streams:
            if key is not None:
                messages = map((await Signing.of(streams, key)).signed, messages)
            prepare(out, messages)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Streams]:
        settings = self._settings
        async with open_streams(settings.streams, settings.streams_settings()) as streams:
            if any(self._lost):
                await self._require_losses(streams)
            yield streams

    async def _require_losses(self, streams: Streams) -> None:
        """Refuse a store that would give lost numbers out again.

        A device stands in the partition of the same number where there are as many; else it may
        come from any of them.
        """
        count = streams.partitions
        lost = self._lost if len(self._lost) == count else [max(self._lost)] * count
        counted = await losses(streams)
        fewer = {one: lost[one] for one in range(count) if counted[one] < lost[one]}
        if fewer:
            raise FaultFoundError(
                "the store that was exported lost commits, and this one does not count that in "
                f"{len(fewer)} of {count} partitions: numbers of the lost commits would come "
                "again. Nothing was published. Before any worker starts: "
                + "; ".join(_commands(fewer, count))
            )


def _commands(fewer: dict[int, int], count: int) -> Iterable[str]:
    times = set(fewer.values())
    if len(fewer) == count and len(times) == 1:
        return [f"`slotkeeper acknowledge --losses {times.pop()} --reason '...'`"]
    return [
        f"`slotkeeper acknowledge --partition {partition} --losses {lost} --reason '...'`"
        for partition, lost in fewer.items()
    ]


def _batches(messages: Iterator[Message]) -> Iterator[list[Message]]:
    batch: list[Message] = []
    octets = 0
    for message in messages:
        octets += len(message.value or b"")
        batch.append(message)
        if len(batch) == _MESSAGES or octets >= _OCTETS:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch
