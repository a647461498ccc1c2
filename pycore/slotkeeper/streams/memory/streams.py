"""The tools' side of streams in memory."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from slotkeeper.streams.errors import LockedError, WrongUseError
from slotkeeper.streams.interface import Message, Ownership, Record, StreamsSettings
from slotkeeper.streams.layout import Layout
from slotkeeper.streams.partitioning import placed
from slotkeeper.streams.witness import Sighting

from .faults import Fault, no_faults
from .log import Log
from .ownership import MemoryOwnership
from .store import Store

READ_BATCH = 1_000
"""Records a batch, as from the durable kinds, so that readers meet several batches here too."""


class MemoryStreams:
    """Streams that live as long as this object.

    Attributes:
        faults: Asked before each commit for what shall happen to it, by partition and number.
    """

    def __init__(
        self,
        settings: StreamsSettings | None = None,
        *,
        faults: Callable[[int, int], Fault] = no_faults,
    ) -> None:
        """Make empty streams."""
        self.faults = faults
        self._store = Store(settings or StreamsSettings())
        self._commits = [0] * self._store.partitions

    @property
    def layout(self) -> Layout:
        """Which streams there are."""
        return self._store.layout

    @property
    def partitions(self) -> int:
        """How many partitions each stream has."""
        return self._store.partitions

    def log(self, stream: str, partition: int) -> Log:
        """Give one partition of one stream, for a simulation to look at and to damage."""
        return self._store.log(stream, partition)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Append the messages: all or none."""
        records = [
            placed(message, self.layout, self.layout.partitions_of(message.stream, self.partitions))
            for message in messages
        ]
        if records:
            self._store.append(records)

    async def witnessed(self) -> Mapping[int, Sighting]:
        """There is no witness."""
        return {}

    async def objections(self) -> Mapping[int, str]:
        """There is no witness."""
        return {}

    async def incarnation(self, partition: int) -> str | None:
        """Drawn with the streams."""
        return self._store.incarnations[partition]

    async def ended(self, partition: int) -> Sequence[str]:
        """Kept beside the one that lives."""
        return self._store.ended[partition]

    async def begin_witness(self) -> list[int]:
        """Nothing outlives the process, so there is nothing to witness."""
        raise WrongUseError("streams in memory have no witness")

    async def read(
        self,
        stream: str,
        *,
        from_start: bool = True,
        follow: bool = False,
        since: Mapping[int, int] | None = None,
        settled: bool = False,  # noqa: ARG002  # no transaction is seen while it is open
    ) -> AsyncIterator[list[Record]]:
        """Give committed records; see the interface."""
        ends = await self.ends(stream)
        positions = dict.fromkeys(ends, 0) if from_start else dict(ends)
        if since is not None:
            positions = dict(since)
        while True:
            for partition in positions:
                end = ends.get(partition, 0)
                while positions[partition] < end:
                    log = self.log(stream, partition)
                    fetched = log.fetch(positions[partition], limit=READ_BATCH, below=end)
                    positions[partition] = fetched.position
                    if fetched.records:
                        yield list(fetched.records)
            if not follow:
                return
            changed = self._store.changed
            ends = await self.ends(stream)
            if all(positions[partition] >= ends.get(partition, 0) for partition in positions):
                await changed.wait()

    async def ends(self, stream: str) -> Mapping[int, int]:
        """Look at the logs; see the interface."""
        self.layout.require(stream)
        count = self.layout.partitions_of(stream, self.partitions)
        return {partition: self.log(stream, partition).end for partition in range(count)}

    @asynccontextmanager
    async def own(self) -> AsyncIterator[Ownership]:
        """Become the only worker."""
        if self._store.owned:
            raise LockedError("these streams are served by another worker", holder="this process")
        self._store.owned = True
        try:
            yield MemoryOwnership(self._store, self._next_fault)
        finally:
            self._store.owned = False

    def _next_fault(self, partition: int) -> Fault:
        number = self._commits[partition]
        self._commits[partition] += 1
        return self.faults(partition, number)
