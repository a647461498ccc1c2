"""The worker's side of streams in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence

from slotkeeper.streams.errors import CommitAbortedError, CommitInDoubtError, FencedError
from slotkeeper.streams.interface import Accepted, Fetched, Logs, Output, OutputBatch, Record
from slotkeeper.streams.witness import Head

from .faults import Fault, SimulatedCrashError
from .log import Log
from .store import Place, Store

BATCH_RECORDS = 250
"""As from SQLite."""

RESTORE_BATCH = 2_000
"""Records a batch, as from the durable kinds."""


class MemoryOwnership:
    """All partitions, in the hands of one worker."""

    def __init__(self, store: Store, next_fault: Callable[[int], Fault]) -> None:
        """Own this store."""
        self._store = store
        self._next_fault = next_fault
        self._told = False

    async def assignment(self) -> frozenset[int]:
        """Give all partitions; nothing ever changes that."""
        if self._told:
            await asyncio.Event().wait()
        self._told = True
        return frozenset(range(self._store.partitions))

    async def open(self, partition: int) -> "MemoryPartition":
        """Raise the partition's epoch."""
        self._store.epochs[partition] += 1
        return MemoryPartition(self._store, partition, self._next_fault)

    async def undecided(self) -> int:
        """Count from the positions of the last commits."""
        store = self._store
        left = 0
        for stream in store.layout.inputs:
            for number in range(store.partitions):
                log = store.log(stream, number)
                left += max(0, log.end - store.offsets.get(Place(stream, number), log.start))
        return left

    async def acknowledge(self, partition: int) -> Accepted:
        """Begin a new incarnation; no witness ever objects to a store in memory."""
        self._store.epochs[partition] += 1
        self._store.ended[partition] += (self._store.incarnations[partition],)
        self._store.incarnations[partition] = self._store.draw()
        return Accepted("", None)


class MemoryPartition:
    """One partition of every stream; see the interface for what each call promises.

    Attributes:
        losses: What the owner says; there is no witness.
    """

    def __init__(self, store: Store, number: int, next_fault: Callable[[int], Fault]) -> None:
        """Stand on an epoch that was just raised."""
        self._store = store
        self._number = number
        self._next_fault = next_fault
        self._epoch = store.epochs[number]
        self._incarnation = store.incarnations[number]
        self.losses = 0
        self._ended = store.ended[number]

    @property
    def number(self) -> int:
        """The partition, from 0."""
        return self._number

    @property
    def incarnation(self) -> str:
        """Drawn with the streams, and again by each acknowledgement."""
        return self._incarnation

    @property
    def ended(self) -> Sequence[str]:
        """As many as there were."""
        return self._ended

    @property
    def application(self) -> str | None:
        """One process is all there is."""
        return None

    @property
    def witnessed(self) -> Head | None:
        """There is no witness."""
        return None

    async def changelog(self, since: int = 0) -> AsyncIterator[list[Record]]:
        """Give the committed changelog in order, from an offset to its end."""
        log = self._log(self._store.layout.changelog)
        async for records in _scan(log, since, log.end):
            yield records

    async def table(self, below: int, since: int = 0) -> AsyncIterator[list[Record]]:
        """Give the table's records from one offset to another, in order."""
        async for records in _scan(self._log(self._store.layout.table), since, below):
            yield records

    async def changelog_end(self) -> int:
        """Give the offset of the changelog's next record."""
        return self._log(self._store.layout.changelog).end

    async def tombstones_ms(self) -> int | None:
        """Nothing is ever removed but what a later record of its key replaces."""
        return None

    @property
    def batch_records(self) -> int:
        """As many as pay."""
        return BATCH_RECORDS

    async def logs(self, *, now: bool = False) -> Logs:  # noqa: ARG002  # nothing can change
        """All are one store, known by its incarnation."""
        return Logs()

    async def starts(self) -> dict[str, int]:
        """Give the first offset of each input that is still kept."""
        starts = {stream: self._log(stream).start for stream in self._store.layout.events}
        # The table is compacted behind the position; its first offset says nothing about loss.
        return {**starts, self._store.layout.table: 0}

    async def ends(self) -> dict[str, int]:
        """Give the end of each input."""
        return {stream: self._log(stream).end for stream in self._store.layout.inputs}

    async def written(self) -> list[str]:
        """Give the outputs in which records stand."""
        outputs = self._store.layout.outputs
        return [stream for stream in outputs if self._log(stream).start < self._log(stream).end]

    async def begun_by(self) -> str | None:
        """Give None: a store in memory has one worker."""
        return None

    async def last(self, output: str) -> Record | None:
        """Give the newest record of an output."""
        log = self._log(output)
        kept = log.fetch(log.start, limit=log.end).records
        return kept[-1] if kept else None

    async def offsets(self) -> dict[str, int]:
        """Give the positions of the last commit."""
        return {
            stream: self._store.offsets[place]
            for stream in self._store.layout.inputs
            if (place := Place(stream, self._number)) in self._store.offsets
        }

    async def fetch(
        self, wanted: Mapping[str, int], *, limit: int, wait_s: float = 0.0
    ) -> dict[str, Fetched[Record]]:
        """Read on in the wanted streams."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            changed = self._store.changed
            found = {}
            for stream, position in wanted.items():
                fetched = self._log(stream).fetch(position, limit=limit)
                if fetched.position != position:
                    found[stream] = fetched
            if found or loop.time() >= until:
                return found
            try:
                async with asyncio.timeout_at(until):
                    await changed.wait()
            except TimeoutError:
                return {}

    async def commit(
        self,
        outputs: Sequence[Output],
        positions: Mapping[str, int],
        *,
        finished: OutputBatch | None = None,
        void: Collection[int] = (),
        head: Head | None = None,  # noqa: ARG002  # there is no witness
    ) -> int:
        """Write one batch, or fail in the way that was asked for."""
        if self._epoch != self._store.epochs[self._number]:
            raise FencedError(f"partition {self._number} has a later owner")
        fault = self._next_fault(self._number)
        match fault:
            case Fault.ABORT:
                raise CommitAbortedError("aborted on demand")
            case Fault.DOUBT_LOST:
                raise CommitInDoubtError("lost on demand")
            case Fault.CRASH_BEFORE:
                raise SimulatedCrashError
        before = () if finished is None else finished.records()
        self._write([*before, *outputs], positions, void)
        match fault:
            case Fault.DOUBT_WRITTEN:
                raise CommitInDoubtError("written, and denied on demand")
            case Fault.CRASH_AFTER:
                raise SimulatedCrashError
        return self._log(self._store.layout.changelog).end

    async def close(self) -> None:
        """Nothing can be unfinished."""

    def _write(
        self, outputs: Sequence[Output], positions: Mapping[str, int], void: Collection[int]
    ) -> None:
        layout = self._store.layout
        self._store.append(outputs)
        for stream, position in positions.items():
            self._store.offsets[Place(stream, self._number)] = position
        changelog = self._log(layout.changelog)
        changelog.compact(changelog.end)
        table = self._log(layout.table)
        for offset in void:
            table.drop(offset)
        table.compact(positions.get(layout.table, 0))

    def _log(self, stream: str) -> Log:
        return self._store.log(stream, self._number)


async def _scan(log: Log, position: int, end: int) -> AsyncIterator[list[Record]]:
    while position < end:
        fetched = log.fetch(position, limit=RESTORE_BATCH, below=end)
        position = fetched.position
        if fetched.records:
            yield list(fetched.records)
