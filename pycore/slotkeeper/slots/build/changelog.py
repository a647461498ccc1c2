"""The changelog of a partition: cells of its devices, and the audit record that goes with them."""

from typing import Any

from slotkeeper._core import CoreCellsTable
from slotkeeper.errors import TryLaterError
from slotkeeper.slots.tables import Tables
from slotkeeper.streams import Record, Streams
from slotkeeper.worker.positions import KEY, Positions

from .newest import Told
from .reading import Progress, read_on

STREAM = "originator-counters"

LOOKS = 20
"""For the positions of a partition. A store that drops what is replaced at once may drop them
between two batches of a reading, each time that its worker commits."""


class Changelog:
    """Reads one partition into the table ``told``.

    Attributes:
        told: Its rows.
    """

    def __init__(self, streams: Streams, made: Tables, partition: int) -> None:
        """Begin with nothing."""
        self._streams, self._made, self._partition = streams, made, partition
        self._decoder = CoreCellsTable(partition, streams.partitions)
        self._newest: tuple[int, Positions] | None = None
        self.told = Told(made, self._decoder, self._take)

    @property
    def faults(self) -> tuple[int, list[Any]]:
        """How many records could not be used, and the first of them."""
        return self._decoder.faults()

    async def read(self, since: int, progress: Progress) -> tuple[int, Positions] | None:
        """Read up to the newest positions; give them and where they stand, None if none came.

        What a commit writes stands before its positions. What comes after them is of a later one,
        of which the audit trail is not read: it is left to the next build.

        Raises:
            TryLaterError: There are records and no positions.
            StoppedForOperatorError: They cannot be understood.
        """
        for _ in range(LOOKS):
            end = await self._end()
            await read_on(self._streams, STREAM, {self._partition: since}, self.told.take, progress)
            if self._newest is not None:
                self.told.flush()
                self._made.run("DELETE FROM told WHERE place > $1", [self._newest[0]])
                return self._newest
            if not self.told.batches and await self._end() == end:
                return None
        raise TryLaterError(
            f"{STREAM} {self._partition} has no record of positions, or changes faster than it is "
            "read"
        )

    async def leave_out_changed(self, since: int, progress: Progress) -> None:
        """Take devices that have changed since out of the table ``compared``.

        A store that keeps but the newest record of a key may have dropped one before it was read.
        A newer one stands behind, and the next build compares it.
        """
        await read_on(self._streams, STREAM, {self._partition: since}, self.told.take, progress)
        self.told.flush()
        self._made.run("DELETE FROM compared WHERE device IN (SELECT device FROM told)")

    def _take(self, records: list[Record]) -> None:
        for record in self._decoder.take(records):
            if record.key == KEY:
                self._newest = record.offset, Positions.decode(record.value)

    async def _end(self) -> int:
        return (await self._streams.ends(STREAM))[self._partition]
