"""One batch: stage, seal, commit, and then fold, discard or declare it in doubt."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from slotkeeper._core import EngineFaultError, SignerUnavailableError, quarantine
from slotkeeper.engine.port import AuditHead, Engine, EngineInput, Sealed, Staged, Step
from slotkeeper.streams import CommitAbortedError, Layout, Output, OutputBatch, OwnedPartition

from .audit import linked, repeats
from .checkpoints import CheckpointWriter
from .engine_thread import EngineThread
from .intake import Batch, PlacedAside
from .positions import KEY, Checkpoint, Positions
from .quarantine import Kept, of_set_aside
from .registers import Registers, decided_after


@dataclass(frozen=True, slots=True)
class CommittedBatch:
    """What a batch leaves behind.

    Attributes:
        positions: To go on from.
        reasons: Counts of its decisions by disposition and reason.
        dead_letters: Counts of those written, by fault; those of the inventory have no decision.
            The empty fault: kept for a person.
    """

    positions: Positions
    reasons: Mapping[str, int]
    dead_letters: Mapping[str, int]


REGISTER_RECORDS = 4_096
"""Handed over at once: the event loop waits 2 ms meanwhile. It was 14 for a hundred thousand."""


class FoldFaultError(EngineFaultError):
    """The engine failed over a batch that is committed: none of its records is decided again."""


class BatchRunner:
    """Takes batches of one partition through the engine and into the streams.

    Attributes:
        checkpoint: Up to where the engine knows what is committed; None before the first commit
            of a new partition.
        unjudged: How many parked records may still have to be judged again; each batch judges a
            portion of them.
    """

    def __init__(
        self,
        layout: Layout,
        partition: OwnedPartition,
        engine: Engine,
        engine_thread: EngineThread,
        *,
        clock: Callable[[], int],
        checkpoint: Checkpoint | None,
        news: Sequence[Output] = (),
        behind: bool = False,
        signing: CheckpointWriter | None = None,
        registers: Registers | None = None,
    ) -> None:
        """Work for an owned partition whose engine is restored and open.

        ``news`` is written with the first commit. ``behind`` says that the offsets kept for lag
        tools are: then the first batch is committed whatever it holds. ``signing`` signs the audit
        trail now and then; None where nobody does. ``registers`` are what requests are advised by.
        """
        self.checkpoint = checkpoint
        self.unjudged = 0
        self._layout = layout
        self._partition = partition
        self._engine = engine
        self._engine_thread = engine_thread
        self._clock = clock
        self._news = news
        self._behind = behind
        self._signing = signing
        self._registers = registers
        self._known = 0

    async def run(self, batch: Batch, positions: Positions) -> CommittedBatch:
        """Decide and commit a batch; it is folded on return.

        Raises:
            CommitAbortedError: Discarded; the same batch may be run again.
            SignerUnavailableError: Discarded; likewise.
            CommitInDoubtError: The engine is closed until it is restored.
            FoldFaultError: It is committed, and the engine is of no use any more.
        """
        call = self._engine_thread.run
        records, repeated = _apart(batch.records, positions.again)
        news, after = self._register_news(), decided_after(batch.decided_after, self._registers)
        staged, sealed = await self._engine_thread(
            lambda: self._decide(records, after, positions.audit, news)
        )
        if not (sealed.outputs or batch.positions or self._behind):
            held = await call(Step.FOLD, staged.fold)
            self.unjudged = held["parked_unjudged"]
            return CommittedBatch(positions, sealed.reasons, sealed.faults)
        advanced = replace(
            positions.advanced(batch.positions, sealed.stored), audit=sealed.audit_head
        )
        at_ms = self._clock()
        passed = self._passed(batch.set_aside)
        void = [*sealed.void, *passed.void]
        try:
            outputs = [*passed.outputs, *await self._answers(repeated, at_ms)]
            end, advanced = await self._commit(
                outputs, advanced, finished=sealed.outputs, void=void
            )
        except CommitAbortedError:
            await call(Step.DISCARD, staged.discard)
            raise
        except BaseException:
            # A caller that was cancelled while committing does not know either, and cannot wait.
            self._engine_thread.step(Step.IN_DOUBT, staged.in_doubt)
            raise
        try:
            held = await call(Step.FOLD, staged.fold, records=len(batch.records))
        except EngineFaultError as error:
            raise FoldFaultError(f"the batch is committed: {error}") from error
        self.unjudged = held["parked_unjudged"]
        self.checkpoint = Checkpoint(positions=advanced, changelog=end, at_ms=at_ms)
        reasons = passed.reasons + Counter(sealed.reasons)
        if repeated:
            reasons["DUPLICATE SAME_REQUEST"] += len(repeated)
        return CommittedBatch(advanced, reasons, passed.dead_letters + Counter(sealed.faults))

    @property
    def has_register_news(self) -> bool:
        """Whether registers say something that the engine has not been told."""
        return self._registers is not None and self._registers.version != self._known

    def _register_news(self) -> Sequence[EngineInput]:
        if self._registers is None:
            return ()
        news, self._known = self._registers.since(self._known), self._registers.version
        return news

    async def _answers(self, repeated: Sequence[EngineInput], now_ms: int) -> Sequence[Output]:
        if not repeated:
            return ()
        number, device = self._partition.number, self._engine.device
        return await self._engine_thread(
            lambda: repeats(repeated, number, device=device, now_ms=now_ms)
        )

    async def sign(self, positions: Positions, *, ends: bool) -> Positions:
        """Commit a checkpoint of the audit trail if one is due; gives what to go on from.

        ``ends``: nothing more is going to be committed, so anything new is signed.

        Raises:
            CommitAbortedError: Not written.
            CommitInDoubtError: The engine is to be restored.
        """
        at_ms = self._clock()
        if self._signing is None or not self._signing.is_due(positions.audit, at_ms, ends=ends):
            return positions
        end, advanced = await self._commit((), positions.advanced({}), ends=ends)
        self.checkpoint = Checkpoint(positions=advanced, changelog=end, at_ms=at_ms)
        return advanced

    async def quarantine(self, kept: Kept, reason: str, positions: Positions) -> CommittedBatch:
        """Commit what is written of a record that the engine does not decide."""
        stream, offset, _, _ = kept.record
        passed = _Passed()
        self._pass(passed, kept, reason)
        advanced = positions.advanced({stream: offset + 1})
        _, advanced = await self._commit(passed.outputs, advanced, void=passed.void)
        return CommittedBatch(advanced, passed.reasons, passed.dead_letters)

    def _passed(self, set_aside: Sequence[PlacedAside]) -> "_Passed":
        passed = _Passed()
        for _, stream, aside in set_aside:
            self._pass(passed, of_set_aside(stream, aside), aside.reason)
        return passed

    def _pass(self, passed: "_Passed", kept: Kept, reason: str) -> None:
        more = sum(len(name) + len(value) for name, value in kept.headers)
        (place, number, key, value, headers), *decision = quarantine(
            kept.record,
            partition=self._partition.number,
            now_ms=self._clock(),
            detail=kept.detail,
            reason=reason,
            dead_letter_bytes=max(0, self._engine.dead_letter_bytes - more),
        )
        letter = (place, number, key, value, [*headers, *kept.headers])
        passed.outputs += [letter, *decision]
        stream, offset, _, _ = kept.record
        passed.dead_letters[reason] += 1
        if stream == self._layout.table:
            passed.void.append(offset)
        else:
            passed.reasons[f"DEAD_LETTER {reason}"] += 1

    async def _commit(
        self,
        outputs: Sequence[Output],
        advanced: Positions,
        *,
        finished: OutputBatch | None = None,
        void: Sequence[int] = (),
        ends: bool = False,
    ) -> tuple[int, Positions]:
        """Commit with the positions; gives the changelog's end, and them with the audit's head.

        ``advanced`` has the head after ``finished``, which stands before all others.
        """
        written, head = linked([*self._news, *outputs], advanced.audit)
        now_ms = self._clock()
        checkpoint = None
        if self._signing is not None and self._signing.is_due(head, now_ms, ends=ends):
            checkpoint, head = linked(self._signing.made(head, now_ms), head)
            written += checkpoint
        advanced = replace(advanced, audit=head)
        truth = (self._layout.changelog, self._partition.number, KEY, advanced.encode(), ())
        end = await self._partition.commit(
            [*written, truth], advanced.inputs, finished=finished, void=void, head=head
        )
        self._news, self._behind = (), False
        if self._signing is not None and checkpoint:
            self._signing.committed(head, now_ms)
        return end, advanced

    def _decide(
        self,
        inputs: Sequence[EngineInput],
        decided_after: Mapping[str, int] | None,
        audit_head: AuditHead | None,
        news: Sequence[EngineInput],
    ) -> tuple[Staged, Sealed]:
        step, now_ms = self._engine_thread.step, self._clock()
        for first in range(0, len(news), REGISTER_RECORDS):
            told = news[first : first + REGISTER_RECORDS]
            follow = partial(self._engine.follow_registers, told)
            step(Step.FOLLOW_REGISTERS, follow, records=len(told))
        staged = step(
            Step.STAGE,
            lambda: self._engine.stage(
                inputs, now_ms=now_ms, decided_after=decided_after, audit_head=audit_head
            ),
            records=len(inputs),
        )
        try:
            return staged, step(Step.SEAL, staged.seal)
        except SignerUnavailableError:
            step(Step.DISCARD, staged.discard)
            raise


def _apart(
    records: Sequence[EngineInput], again: Mapping[str, int]
) -> tuple[Sequence[EngineInput], Sequence[EngineInput]]:
    """Take requests that were read before from those that are to be decided."""
    if not again:
        return records, ()
    read = [record for record in records if record[1] < again.get(record[0], 0)]
    return [record for record in records if record[1] >= again.get(record[0], 0)], read


@dataclass(slots=True)
class _Passed:
    """What is written of records that the engine does not decide.

    Attributes:
        outputs: Dead letters and audit records.
        void: Offsets of those that were of the table.
        reasons: Counts of their decisions by disposition and reason.
        dead_letters: Counts by fault; each has one.
    """

    outputs: list[Output] = field(default_factory=list)
    void: list[int] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
