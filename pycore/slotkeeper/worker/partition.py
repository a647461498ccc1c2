"""One partition, from taking it over to letting it go."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from slotkeeper._core import EngineFaultError, SignerUnavailableError
from slotkeeper.engine.port import Engine, Hook
from slotkeeper.streams import (
    CommitAbortedError,
    CommitInDoubtError,
    FencedError,
    Layout,
    OutputTooLargeError,
    OwnedPartition,
    Ownership,
    StoppedForOperatorError,
    StreamsError,
    TryLaterError,
    WrongUseError,
)

from .backoff import Backoff
from .checkpoints import Checkpoints, CheckpointWriter
from .commit import BatchRunner, FoldFaultError
from .engine_thread import EngineThread
from .intake import Batch
from .quarantine import LEAST_OCTETS, LETTERS, Quarantine, Reason, offsets_of
from .recovery import NOTHING, Restored, Restorer
from .registers import Registers
from .session import PartitionSession
from .snapshot import Snapshots, SnapshotTaker
from .summary import Summary

_log = logging.getLogger(__name__)

T = TypeVar("T")

CHEAP_OCTETS = 64 << 20
"""A worker that ends takes a last snapshot if it has no more: a fraction of a second."""


class Phase(StrEnum):
    """How far an owner has come; the words stand in ``/readyz``."""

    WAITING = "waits to be taken over"
    FENCING = "fences earlier owners"
    RESTORING = "restores"
    OPEN = "is open"


class PartitionWorker:
    """Serves one partition until it is stopped.

    Attributes:
        number: The partition.
        phase: How far it has come.
    """

    def __init__(
        self,
        number: int,
        *,
        layout: Layout,
        partitions: int,
        engine: Callable[[], Engine],
        clock: Callable[[], int],
        summary: Summary,
        committed: Callable[[], None],
        snapshots: Snapshots | None = None,
        checkpoints: Checkpoints | None = None,
        hook: Hook | None = None,
        registers: Registers | None = None,
    ) -> None:
        """Prepare; ``start`` begins.

        Args:
            number: The partition.
            layout: The streams.
            partitions: How many there are.
            engine: Makes the partition's engine: at first, and after one has failed.
            clock: Milliseconds since 1970 UTC.
            summary: Counts what is done.
            committed: Called after each commit.
            snapshots: None if there are none.
            checkpoints: How the audit trail is signed; None where it is not.
            hook: Looks on while the engine works.
            registers: What requests are advised by; None where nobody reads them.
        """
        self.number = number
        self.phase = Phase.WAITING
        self._layout = layout
        self._partitions = partitions
        self._make_engine = engine
        self._engine = engine()
        # One for all its stays, so that a call left behind by a stop is not overtaken.
        self._engine_thread = EngineThread(number, hook)
        self._clock = clock
        self._summary = summary
        self._committed = committed
        self._session: PartitionSession | None = None
        self._backoff = Backoff()
        self._one_by_one = False
        self._quarantine: Quarantine | None = None
        self._stop = asyncio.Event()
        self._ends = False
        self._restorer = Restorer(
            number,
            layout=layout,
            partitions=partitions,
            clock=clock,
            summary=summary,
            snapshots=snapshots,
        )
        self._snapshots = snapshots
        self._checkpoints = checkpoints
        self._registers = registers
        self._taker: SnapshotTaker | None = None
        # Held by a batch, from its judgement to its fold, and by each slice of a snapshot.
        self._between = asyncio.Lock()

    @property
    def restore_remaining(self) -> int:
        """How many offsets of changelog and table a running restore has still to read at most."""
        return self._restorer.remaining.records

    @property
    def snapshot(self) -> SnapshotTaker | None:
        """Takes the partition's snapshots; None before it was first served, or without them."""
        return self._taker

    @property
    def serving(self) -> bool:
        """Whether the partition is fenced, restored and open."""
        return self._session is not None

    @property
    def idle(self) -> bool:
        """Whether the last fetch found nothing and nothing is held."""
        return self._session is not None and self._session.idle

    @property
    def requests_held(self) -> int:
        """How many requests wait for outcomes below their barrier."""
        return 0 if self._session is None else self._session.intake.requests_held

    @property
    def held_since(self) -> float | None:
        """When the requests that wait were fetched, by the event loop's clock."""
        return None if self._session is None else self._session.held_since

    async def lag(self) -> dict[str, int] | None:
        """Say how many offsets of each input are undecided; None while nothing is served."""
        return None if self._session is None else await self._session.lag()

    def start(self, ownership: Ownership) -> Coroutine[None, None, None]:
        """Give what serves the partition until ``stop``; after it, it may be started again."""
        self._stop = asyncio.Event()
        return self._serve(ownership)

    def stop(self, *, ends: bool = False) -> None:
        """Let the partition go after the batch in hand; for good if the worker ``ends``."""
        self._ends = ends
        self._stop.set()

    async def _serve(self, ownership: Ownership) -> None:
        while not self._stop.is_set():
            try:
                await self._own(ownership)
            except CommitInDoubtError as error:
                # The partition is taken over again as by a stranger. After it was fenced, that is
                # not before this worker is entitled to it again.
                self._summary.in_doubt += 1
                self._summary.fenced += isinstance(error, FencedError)
                self._warn("partition is restored anew", error)
                await self._backoff.pause_or(lasting(error))
            except CommitAbortedError as error:
                # Of the dead letter of one record; any other batch is tried again where it is.
                self._summary.aborted += 1
                self._warn("partition is restored anew", error)
                if not isinstance(error, OutputTooLargeError):
                    await self._backoff.pause_or(lasting(error))
            except EngineFaultError as error:
                _log.exception("engine failed, a new one begins", extra=self._about)
                await self._backoff.pause_or(error)
                self._engine = self._make_engine()
                self._restorer.known = None
            except StoppedForOperatorError:
                self._summary.regressions += 1
                raise

    async def _own(self, ownership: Ownership) -> None:
        self.phase = Phase.FENCING
        partition = await self._unless_stopped(ownership.open(self.number))
        if partition is None:
            return
        try:
            self.phase = Phase.RESTORING
            restored = await self._unless_stopped(
                self._restorer.restore(partition, self._engine, self._engine_thread)
            )
            if restored is None:
                return
            await self._serve_restored(partition, restored)
        finally:
            self._session = None
            self.phase = Phase.WAITING
            await partition.close()

    async def _serve_restored(self, partition: OwnedPartition, restored: Restored) -> None:
        how, since = self._checkpoints, restored.positions.audit
        runner = BatchRunner(
            self._layout,
            partition,
            self._engine,
            self._engine_thread,
            clock=self._clock,
            checkpoint=self._restorer.known,
            news=restored.news,
            behind=restored.behind,
            signing=None
            if how is None
            else CheckpointWriter(how, self.number, partition.incarnation, since),
            registers=self._registers,
        )
        self._session = session = PartitionSession(
            self._layout, partition, runner, restored.positions
        )
        self.phase = Phase.OPEN
        about = {**self._about, "restored": restored.replayed, "added_to": restored.source}
        _log.info("partition is open", extra=about)
        taker = self._snapshot_taker(partition, runner)
        taking = None
        try:
            await self._judge_parked(session, runner)
            if taker is not None:
                at_once = restored.source == NOTHING
                taking = asyncio.create_task(taker.run(self._between, at_once=at_once))
            while not self._stop.is_set():
                batch = await self._unless_stopped(session.next())
                if batch is None:
                    break
                if batch.ranks:
                    await self._decide(session, batch)
                elif runner.unjudged or runner.has_register_news:
                    await self._judge_parked(session, runner)
                else:
                    await self._sign(session, ends=False)
            await self._sign(session, ends=True)
        finally:
            # What others commit from here on, a return reads.
            self._restorer.known = runner.checkpoint
            await session.close()
            if taking is not None:
                # The disk may be slow; the next snapshot removes a partial file.
                taking.cancel()
        if self._ends and taker is not None:
            await taker.take(self._between, share=1.0, most=CHEAP_OCTETS)

    async def _judge_parked(self, session: PartitionSession, runner: BatchRunner) -> None:
        """Judge what is parked against what is known now, a portion with each commit.

        All of it can be more than a transaction takes until its time-out. News of a register come
        first: they begin it again.
        """
        while True:
            await self._decide_together(session, Batch())
            if not runner.unjudged or runner.has_register_news or self._stop.is_set():
                return

    async def _sign(self, session: PartitionSession, *, ends: bool) -> None:
        """Sign the audit trail if that is due; what is not signed now is at a later commit."""
        try:
            async with self._between:
                await session.sign(ends=ends)
        except CommitAbortedError as error:
            self._summary.aborted += 1
            self._warn("audit trail is not signed", error)

    def _snapshot_taker(
        self, partition: OwnedPartition, runner: BatchRunner
    ) -> SnapshotTaker | None:
        if self._snapshots is None:
            return None
        self._taker = SnapshotTaker(
            self._snapshots,
            partition,
            self._engine,
            self._engine_thread,
            partitions=self._partitions,
            checkpoint=lambda: runner.checkpoint,
        )
        return self._taker

    async def _unless_stopped(self, reading: Coroutine[None, None, T]) -> T | None:
        """Give what the fence, restore or fetch gives; None as soon as a stop is asked for."""
        read = asyncio.ensure_future(reading)
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([read, stop], return_when=asyncio.FIRST_COMPLETED)
            return read.result() if read.done() else None
        finally:
            # Neither reading nor fencing leaves anything half done, so they may end anywhere.
            for task in (read, stop):
                task.cancel()
            await asyncio.gather(read, stop, return_exceptions=True)

    @property
    def _about(self) -> dict[str, int]:
        return {"partition": self.number}

    def _warn(self, event: str, error: Exception) -> None:
        _log.warning(event, extra={**self._about, "error": str(error)})

    async def _decide(self, session: PartitionSession, batch: Batch) -> None:
        for part in batch.parts(one_by_one=self._one_by_one):
            if self._quarantine is not None and part.places == [self._quarantine.place]:
                await self._pass_by(session, part, self._quarantine)
            else:
                await self._decide_together(session, part)
        self._one_by_one = False

    async def _decide_together(self, session: PartitionSession, batch: Batch) -> None:
        while True:
            try:
                async with self._between:
                    committed = await session.decide(batch)
            except OutputTooLargeError as error:
                self._one_by_one = True
                self._quarantine = quarantine_of(batch, error)
                raise
            except (CommitAbortedError, SignerUnavailableError) as error:
                self._summary.aborted += 1
                self._warn("batch is tried again", error)
                await self._backoff.pause_or(lasting(error))
            except FoldFaultError:
                raise
            except EngineFaultError as error:
                # Batches that come after are tried record by record until one of them went well:
                # the one record over which the engine fails must not keep back all others.
                self._one_by_one = True
                if len(batch.records) == 1:
                    found = Quarantine(batch.places[0], Reason.ENGINE_FAULT, str(error))
                    # Where not even the dead letter fits, less is written after the fault. One that
                    # was aborted is written then.
                    with contextlib.suppress(CommitAbortedError):
                        await self._pass_by(session, batch, found)
                raise
            else:
                break
        if batch.positions:
            self._backoff.reset()
        if committed.reasons or batch.positions:
            self._summary.committed(
                len(batch.records) + len(batch.set_aside), committed.reasons, committed.dead_letters
            )
            self._committed()

    async def _pass_by(
        self, session: PartitionSession, batch: Batch, quarantine: Quarantine
    ) -> None:
        """Write the dead letter of a batch's only record."""
        (record,) = batch.inputs()
        try:
            committed = await session.quarantine(quarantine.of(record), quarantine.reason)
        except OutputTooLargeError as error:
            if quarantine.without_octets:
                raise WrongUseError(f"no dead letter can be written: {error}") from error
            self._quarantine = replace(quarantine, without_octets=True)
            raise
        self._quarantine = None
        self._summary.quarantined += quarantine.reason is Reason.ENGINE_FAULT
        self._summary.committed(1, committed.reasons, committed.dead_letters)
        self._backoff.reset()
        self._committed()


def quarantine_of(batch: Batch, error: OutputTooLargeError) -> Quarantine | None:
    """Say which record it is whose outputs do not fit; None if records are to be tried alone.

    The streams take nothing more from this owner, so that its dead letter is written after the
    partition was opened again.

    Raises:
        WrongUseError: It is no record at all, or the fault is not the record's.
    """
    if error.octets <= LEAST_OCTETS and error.stream != LETTERS:
        raise WrongUseError(
            f"{error}: {error.stream} has to take records of {LEAST_OCTETS} octets, or what honest "
            "messages tell is lost. Nothing of it was decided; raise max.message.bytes of its "
            "topic, and start again"
        ) from error
    if not batch.places:
        raise WrongUseError(f"what is parked cannot be decided anew: {error}") from error
    if len(batch.places) > 1:
        return None
    (place,) = batch.places
    for _, _, aside in batch.set_aside:
        return Quarantine(
            place,
            Reason(aside.reason),
            aside.detail,
            without_octets=True,
            set_aside=offsets_of(aside),
        )
    return Quarantine(place, Reason.TOO_LARGE, str(error))


def lasting(error: Exception) -> Exception:
    """Raise at once what another attempt a moment later would not mend; else give it back."""
    lasts = TryLaterError | WrongUseError
    if isinstance(error, StreamsError) and isinstance(error.__cause__, lasts):
        raise error.__cause__
    return error
