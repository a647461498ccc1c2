"""The registers that decisions look at, read beside the partitions that a worker serves.

They belong to no partition: no group assigns them, no fence guards them, and no request waits for
them. What was read of them when a request was decided stands in its ``decided_after``.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from itertools import chain

from slotkeeper.engine.port import EngineInput
from slotkeeper.streams import Record, Streams, StreamsError, WrongUseError

_log = logging.getLogger(__name__)

FOLLOWED = ("gas-network-parties", "smki-organisation-certificates")
"""Parties before certificates, which name them."""

AGAIN_S = 5.0
"""Before a register that could not be read is tried once more: what it says is advice."""


class Registers:
    """The newest record of each key, numbered in the order in which this process read them.

    Attributes:
        version: Of the last record; rises with each.
    """

    def __init__(self, streams: Streams) -> None:
        """Begin with nothing read."""
        self.version = 0
        self._streams = streams
        self._newest: dict[tuple[str, bytes], tuple[int, EngineInput]] = {}
        self._positions: dict[str, int] = {}
        self._absent: set[str] = set()

    @property
    def positions(self) -> Mapping[str, int]:
        """How far each register was read; nothing of one that holds nothing."""
        return dict(self._positions)

    def since(self, version: int) -> Sequence[EngineInput]:
        """Give what was read after that version, in its order."""
        if version == self.version:
            return ()
        later = (entry for entry in self._newest.values() if entry[0] > version)
        return [record for _, record in sorted(later, key=lambda entry: entry[0])]

    async def read(self) -> None:
        """Read both registers as they are now.

        A cluster that has none is served without; of one that cannot be read it is said once.

        Raises:
            TryLaterError: The streams cannot be read now.
        """
        for stream in FOLLOWED:
            try:
                async for records in self._streams.read(stream):
                    self._take(records)
            except WrongUseError as error:
                self._absent.add(stream)
                _log.warning("register is not followed", extra={"error": str(error)})

    async def follow(self) -> None:
        """Read on for ever."""
        async with asyncio.TaskGroup() as tasks:
            for stream in FOLLOWED:
                if stream not in self._absent:
                    tasks.create_task(self._follow(stream))

    async def _follow(self, stream: str) -> None:
        while True:
            try:
                async for records in self._streams.read(stream, follow=True):
                    self._take(records)
            except StreamsError as error:
                _log.warning("register is read again", extra={"error": str(error)})
            await asyncio.sleep(AGAIN_S)

    def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            known = self._positions.get(record.stream, 0)
            if record.offset < known or record.key is None:
                continue
            self._positions[record.stream] = record.offset + 1
            self.version += 1
            entry = (record.stream, record.offset, record.key, record.value)
            self._newest[record.stream, record.key] = (self.version, entry)


def decided_after(
    barrier: Mapping[str, int] | None, registers: Registers | None
) -> Mapping[str, int] | None:
    """Say how far everything had been read that a request was decided by."""
    if barrier is None or registers is None or not registers.version:
        return barrier
    return dict(chain(barrier.items(), registers.positions.items()))
