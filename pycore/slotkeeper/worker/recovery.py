"""From committed logs to an engine that may decide, and to the positions to read on from.

What the engine knows already, or a snapshot does, only shortens the reading: the evidence is
gathered, and compared, as if everything had been read.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from slotkeeper._core import RestoreError
from slotkeeper.engine.port import Engine, Step, Stored
from slotkeeper.streams import Entry, Layout, Output, OwnedPartition, StoppedForOperatorError

from .audit import pinning
from .engine_thread import EngineThread
from .positions import (
    KEY,
    Checkpoint,
    Evidence,
    Positions,
    beginning,
    lost_records,
    objections,
)
from .snapshot import RefusedSnapshotError, Snapshots, load
from .summary import Summary

RESERVED = b"@"
"""Begins the changelog's keys that are the worker's own and no device's."""

NOTHING = "nothing"
WARM = "memory"
SNAPSHOT = "snapshot"
"""What a replay can be added to; the log has the words."""

SET_ASIDE = ("ahead", "damaged", "foreign")
"""Reasons for which a snapshot will never be of use. The others may only be this worker's."""

AHEAD = 3
"""Batches that the engine may be behind the reading: it waits for the interpreter's lock before and
after each, while the reading needs it most of the time."""

TELL_S = 5.0
"""Between two lines of the log. A restore that takes less is told of when it is over."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Restored:
    """An engine that is open.

    Attributes:
        positions: To read on from.
        replayed: How many changelog records were read.
        source: What they were added to: nothing, a snapshot, or what was in memory.
        news: For the audit trail, with the first commit: what was not known of the store.
        behind: Whether the offsets kept for lag tools are behind the positions, or gone, as the
            group's are after a week without a worker. Others count by them what is undecided.
    """

    positions: Positions
    replayed: int
    source: str
    news: Sequence[Output]
    behind: bool


class Restorer:
    """Restores one partition's engine, each time that the partition is taken over.

    Attributes:
        known: Up to where the engine knows what is committed, and keeps it while the partition is
            served by others; None where it has to be filled from the beginning.
        remaining: How much is left of a restore that runs.
    """

    def __init__(
        self,
        number: int,
        *,
        layout: Layout,
        partitions: int,
        clock: Callable[[], int],
        summary: Summary,
        snapshots: Snapshots | None = None,
    ) -> None:
        """Begin with an engine that knows nothing.

        Args:
            number: The partition.
            layout: The streams.
            partitions: How many there are.
            clock: Milliseconds since 1970 UTC.
            summary: Counts what is done.
            snapshots: None if there are none.
        """
        self.known: Checkpoint | None = None
        self.remaining = Remaining(number)
        self._number = number
        self._layout = layout
        self._partitions = partitions
        self._clock = clock
        self._summary = summary
        self._snapshots = snapshots

    async def restore(
        self, partition: OwnedPartition, engine: Engine, engine_thread: EngineThread
    ) -> Restored:
        """Replay changelog and table into the engine and open it.

        Raises:
            StoppedForOperatorError: The store contradicts its own changelog, or what this process
                knows of it.
        """
        now_ms = self._clock()
        await engine_thread.run(Step.CLOSE, engine.close)
        with self.remaining:
            end = await partition.changelog_end()
            base = await self._warm(partition, end, now_ms)
            if base is None:
                base = await self._filled(partition, engine, engine_thread, now_ms)
            read = await self._read(partition, engine, engine_thread, end, base)
        try:
            await self._open(partition, engine, engine_thread, read)
        except RestoreError as error:
            if read.base is None:
                raise self._contradiction(lost_records(str(error))) from error
            # The log alone decides: what it was added to may be what does not fit.
            base, why = read.base, str(error)
            await self._empty(engine, engine_thread)
            with self.remaining:
                read = await self._read(partition, engine, engine_thread, end, None)
            try:
                await self._open(partition, engine, engine_thread, read)
            except RestoreError as again:
                raise self._contradiction(lost_records(str(again))) from again
            self._drop(base, why)
        if read.truth is not None:
            self.known = Checkpoint(positions=read.truth, changelog=end, at_ms=now_ms)
        self._summary.restored += read.replayed
        source = NOTHING if read.base is None else read.base.source
        positions = read.positions.taken_over(now_ms)
        news = pinning(read.truth, positions, self._number, now_ms=now_ms)
        return Restored(positions, read.replayed, source, news, read.behind)

    async def _read(
        self,
        partition: OwnedPartition,
        engine: Engine,
        engine_thread: EngineThread,
        end: int,
        base: "_Base | None",
    ) -> "_Read":
        """Replay what was committed since ``base``, or all where it is of another history."""
        replay = partial(self._changelog, partition, engine, engine_thread, end)
        truth, replayed = await replay(base)
        if base is not None and not self._goes_on(base, truth or base.checkpoint.positions):
            await self._empty(engine, engine_thread)
            base = None
            truth, replayed = await replay(None)
        if truth is None and base is not None:
            truth = base.checkpoint.positions
        evidence = await gather_evidence(
            partition, truth, partitions=self._partitions, changelog_records=replayed
        )
        against = objections(truth, evidence)
        if against:
            raise self._contradiction("; ".join(against))
        positions = beginning(truth, evidence)
        partition.losses = positions.rollbacks
        await self._table(partition, engine, engine_thread, base, positions)
        behind = any(
            at > evidence.offsets.get(stream, evidence.starts.get(stream, 0))
            for stream, at in positions.inputs.items()
        )
        return _Read(base, truth, positions, replayed, behind)

    async def _open(
        self,
        partition: OwnedPartition,
        engine: Engine,
        engine_thread: EngineThread,
        read: "_Read",
    ) -> None:
        """Open the engine.

        Raises:
            RestoreError: It does not hold what was committed.
        """
        open_engine = partial(
            engine.open,
            stored=None if read.truth is None else read.truth.stored,
            rollbacks=read.positions.rollbacks,
            incarnations=(partition.incarnation, *partition.ended),
        )
        await engine_thread.run(Step.OPEN, open_engine)

    async def _warm(self, partition: OwnedPartition, end: int, now_ms: int) -> "_Base | None":
        """Give what the engine knows, if that is not too old to be added to."""
        known = self.known
        if known is None:
            return None
        if end < known.changelog:
            raise self._contradiction(
                f"the changelog ends at {end}, and this worker knows it up to {known.changelog}: "
                "an older copy was restored, or its newest records are lost"
            )
        if partition.incarnation != known.positions.incarnation:
            raise self._contradiction(
                f"this is incarnation {partition.incarnation} of the store, and this worker knows "
                f"{known.positions.incarnation}"
            )
        if known.too_old(now_ms, await partition.tombstones_ms()):
            return None
        return _Base(known, known.positions, WARM)

    async def _filled(
        self, partition: OwnedPartition, engine: Engine, engine_thread: EngineThread, now_ms: int
    ) -> "_Base | None":
        """Empty the engine, and fill it from the snapshot if there is one that can be used."""
        await self._empty(engine, engine_thread)
        if self._snapshots is None:
            return None
        try:
            loaded = await load(
                self._snapshots,
                partition,
                engine,
                engine_thread,
                partitions=self._partitions,
                now_ms=now_ms,
            )
        except (OSError, RefusedSnapshotError) as error:
            self._set_aside(error)
            await self._empty(engine, engine_thread)
            return None
        if loaded is None:
            return None
        return _Base(loaded.checkpoint, loaded.reaches, SNAPSHOT)

    def _goes_on(self, base: "_Base", truth: Positions) -> bool:
        """Say whether the changelog is one history with what it is added to."""
        goes_on = truth.goes_on_from(base.reaches)
        if goes_on is False and base.source == WARM:
            raise self._contradiction(
                f"the changelog does not go on from what this worker knows of it, commit "
                f"{base.reaches.sequence}: an older copy was restored and served since"
            )
        if not goes_on and base.source == SNAPSHOT:
            detail = "the changelog does not tell of the commits that it holds"
            self._set_aside(RefusedSnapshotError("foreign", detail))
        return bool(goes_on)

    async def _changelog(
        self,
        partition: OwnedPartition,
        engine: Engine,
        engine_thread: EngineThread,
        end: int,
        base: "_Base | None",
    ) -> tuple[Positions | None, int]:
        """Replay the changelog; gives the newest positions met, and how many records."""
        since = 0 if base is None else base.checkpoint.changelog
        truth: Positions | None = None
        replayed = 0
        self.remaining.set(self._layout.changelog, end - since)
        ends = await partition.ends()
        self.remaining.set(self._layout.table, ends[self._layout.table] - self._since(base))
        batches = partition.changelog(since)
        restore = partial(engine.restore, in_order=True)
        take = partial(_taken, engine_thread, Step.RESTORE, restore)
        async for records, others in fed(batches, take):
            truth = newest(truth, others)
            replayed += len(records) - len(others)
            self.remaining.set(self._layout.changelog, end - records[-1].offset - 1)
        self.remaining.set(self._layout.changelog, 0)
        return truth, replayed

    async def _table(
        self,
        partition: OwnedPartition,
        engine: Engine,
        engine_thread: EngineThread,
        base: "_Base | None",
        positions: Positions,
    ) -> None:
        table, below = self._layout.table, positions.inputs[self._layout.table]
        self.remaining.set(table, below - self._since(base))
        batches = partition.table(below, self._since(base))
        take = partial(_taken, engine_thread, Step.LOAD_INVENTORY, engine.load_inventory)
        async for records, _ in fed(batches, take):
            self.remaining.set(table, below - records[-1].offset - 1)

    def _since(self, base: "_Base | None") -> int:
        """Give the table's offset up to which it was read."""
        return 0 if base is None else base.checkpoint.positions.inputs.get(self._layout.table, 0)

    async def _empty(self, engine: Engine, engine_thread: EngineThread) -> None:
        self.known = None
        await engine_thread.run(Step.CLEAR, engine.clear)

    def _drop(self, base: "_Base", why: str) -> None:
        """Say that what the log was added to is not used; a snapshot is set aside."""
        if base.source == SNAPSHOT:
            self._set_aside(RefusedSnapshotError("damaged", f"with it, {why}"))
        else:
            about = {"partition": self._number, "error": why}
            _log.warning("what is in memory is not used", extra=about)

    def _set_aside(self, error: OSError | RefusedSnapshotError) -> None:
        """Log why a snapshot is not used, and keep the file under another name."""
        reason = error.reason if isinstance(error, RefusedSnapshotError) else "unreadable"
        self._summary.snapshots_refused[reason] += 1
        about = {"partition": self._number, "reason": reason, "error": str(error)}
        _log.warning("snapshot is refused", extra=about)
        if self._snapshots is not None and reason in SET_ASIDE:
            file = self._snapshots.file(self._number)
            with contextlib.suppress(OSError):
                file.replace(file.with_name(f"{file.name}.refused"))

    def _contradiction(self, what: str) -> StoppedForOperatorError:
        return StoppedForOperatorError(
            f"partition {self._number} stopped: {what}. Put the newest store back, or acknowledge "
            "with a reason",
            partition=self._number,
        )


class Remaining:
    """Counts down while a restore runs; entered when it begins.

    Attributes:
        records: Offsets that are still to be read, of changelog and table together: at least as
            many as there are records. 0 while nothing is restored.
    """

    def __init__(self, partition: int) -> None:
        """Begin with nothing to restore."""
        self.records = 0
        self._partition = partition
        self._left: dict[str, int] = {}
        self._told_at = 0.0

    def set(self, stream: str, left: int) -> None:
        """Say how much of a stream is left."""
        self._left[stream] = max(left, 0)
        self.records = sum(self._left.values())
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= TELL_S:
            self._told_at = now
            about = {"partition": self._partition, "remaining": self.records}
            _log.info("partition is being restored", extra=about)

    def __enter__(self) -> None:
        """Begin."""
        self._told_at = asyncio.get_running_loop().time()

    def __exit__(self, *_: object) -> None:
        """Nothing is left, or nothing goes on."""
        self._left.clear()
        self.records = 0


async def fed(
    batches: AsyncIterator[Sequence[Entry]],
    take: Callable[[Sequence[Entry]], Awaitable[T]],
) -> AsyncIterator[tuple[Sequence[Entry], T]]:
    """Let the engine take batches while the next ones are fetched; gives what it said to each."""
    given: deque[tuple[Sequence[Entry], asyncio.Future[T]]] = deque()
    try:
        async for records in batches:
            given.append((records, asyncio.ensure_future(take(records))))
            if len(given) > AHEAD:
                taken, taking = given.popleft()
                yield taken, await taking
        while given:
            taken, taking = given.popleft()
            yield taken, await taking
    finally:
        # A call that runs goes on; whatever is asked of the engine next comes after it.
        for _, taking in given:
            taking.cancel()


async def _taken(
    engine_thread: EngineThread,
    step: Step,
    take: Callable[[Sequence[Entry]], T],
    records: Sequence[Entry],
) -> T:
    return await engine_thread.run(step, partial(take, records), records=len(records))


def newest(truth: Positions | None, records: Iterable[Stored]) -> Positions | None:
    """Give the positions with the highest sequence; a log's order is not relied upon."""
    for record in records:
        if record.key == KEY:
            found = Positions.decode(record.value)
            if truth is None or found.sequence > truth.sequence:
                truth = found
    return truth


async def gather_evidence(
    partition: OwnedPartition, truth: Positions | None, *, partitions: int, changelog_records: int
) -> Evidence:
    """Ask the store for everything that can contradict the changelog."""
    return Evidence(
        partitions=partitions,
        incarnation=partition.incarnation,
        changelog_records=changelog_records,
        offsets=await partition.offsets(),
        starts=await partition.starts(),
        ends=await partition.ends(),
        logs=await partition.logs(now=True),
        written=await partition.written() if truth is None else (),
        application=partition.application,
        losses=partition.losses,
        begun_by=await partition.begun_by() if truth is None or truth.application is None else None,
        witnessed=partition.witnessed,
    )


@dataclass(frozen=True, slots=True)
class _Base:
    """What a replay is added to: where from, the last positions that it may hold, and its name."""

    checkpoint: Checkpoint
    reaches: Positions
    source: str


@dataclass(frozen=True, slots=True)
class _Read:
    """What the logs told: onto what, the last positions in them, those to read on from."""

    base: _Base | None
    truth: Positions | None
    positions: Positions
    replayed: int
    behind: bool
