"""One batch: stage, seal, commit, and then fold, discard or declare it in doubt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slotkeeper._core import SignerUnavailableError
from slotkeeper.streams import (
    CommitAbortedError,
    Finished,
    Layout,
    Output,
    OwnedPartition,
)

from .audit import ENGINE_FAULT, dead_letter, fault_decision
from .engine import Engine, EngineInput, Staged
from .intake import Batch
from .off_loop import OffLoop
from .positions import KEY, Positions
from .standing import Standing


@dataclass(frozen=True, slots=True)
class Outcome:
    """A committed batch.

    Attributes:
        positions: To go on from.
        reasons: Counts of its decisions by disposition and reason.
    """

    positions: Positions
    reasons: Mapping[str, int]


class BatchRunner:
    """Takes batches of one partition through the engine and into the streams.

    Attributes:
        standing: Up to where the engine knows what is committed; None before the first commit
            of a new partition.
    """

    def __init__(
        self,
        layout: Layout,
        partition: OwnedPartition,
        engine: Engine,
        off_loop: OffLoop,
        *,
        clock: Callable[[], int],
        standing: Standing | None,
    ) -> None:
        """Work for an owned partition whose engine is restored and open."""
        self.standing = standing
        self._layout = layout
        self._partition = partition
        self._engine = engine
        self._off_loop = off_loop
        self._clock = clock

    async def run(self, batch: Batch, positions: Positions) -> Outcome:
        """Decide and commit a batch; it is folded on return.

        Raises:
            CommitAbortedError: Discarded; the same batch may be run again.
            SignerUnavailableError: Discarded; likewise.
            CommitInDoubtError: The engine is closed until it is restored.
        """
        prepared = await self._off_loop(lambda: self._prepare(batch.records, batch.decided_after))
        staged = prepared.staged
        if not prepared.finished and not batch.positions:
            await self._off_loop(staged.fold)
            return Outcome(positions, prepared.reasons)
        advanced = positions.advanced(batch.positions)
        at_ms = self._clock()
        try:
            end = await self._commit([], advanced, finished=prepared.finished, void=prepared.void)
        except CommitAbortedError:
            await self._off_loop(staged.discard)
            raise
        except BaseException:
            # Whoever was cancelled while committing does not know either.
            staged.in_doubt()
            raise
        await self._off_loop(staged.fold)
        self.standing = Standing(positions=advanced, changelog=end, at_ms=at_ms)
        return Outcome(advanced, prepared.reasons)

    async def quarantine(self, record: EngineInput, fault: str, positions: Positions) -> Outcome:
        """Commit a record without the engine, which failed over it: a dead letter."""
        stream, offset, _, _ = record
        number = self._partition.number
        outputs = [dead_letter(number, record, fault)]
        advanced = positions.advanced({stream: offset + 1})
        if stream == self._layout.table:
            await self._commit(outputs, advanced, void=[offset])
            return Outcome(advanced, {})
        outputs.append(fault_decision(number, record, fault, self._clock()))
        await self._commit(outputs, advanced)
        return Outcome(advanced, {f"DEAD_LETTER {ENGINE_FAULT}": 1})

    async def _commit(
        self,
        outputs: Sequence[Output],
        advanced: Positions,
        *,
        finished: Finished | None = None,
        void: Sequence[int] = (),
    ) -> int:
        truth = (self._layout.changelog, self._partition.number, KEY, advanced.encode(), ())
        return await self._partition.commit(
            [*outputs, truth], advanced.inputs, finished=finished, void=void
        )

    def _prepare(
        self, inputs: Sequence[EngineInput], decided_after: Mapping[str, int] | None
    ) -> "_Prepared":
        staged = self._engine.stage(inputs, now_ms=self._clock(), decided_after=decided_after)
        try:
            staged.seal()
        except SignerUnavailableError:
            staged.discard()
            raise
        return _Prepared(staged, staged.finished(), staged.void(), staged.summary())


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A sealed batch, and what was asked of it off the event loop."""

    staged: Staged
    finished: Finished
    void: Sequence[int]
    reasons: Mapping[str, int]
